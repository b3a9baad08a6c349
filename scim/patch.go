package scim

import (
	"context"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/scim/filter"
	"domicile/scim/patch"
	"domicile/scim/schema"
)

// Patch answers PATCH on one resource (RFC 7644 §3.5.2). The document is checked before the resource is looked up.
func (e *Engine) Patch(ctx context.Context, a Actor, kind Kind, id string, body []byte, q Query, c Conditions) (r Response, err error) {
	defer e.Metrics.done(kind.String(), opPatch, &r, &err)
	doc, err := patch.ParseDocument(e.types[kind], body, e.dialect(a))
	if err != nil {
		return Response{}, err
	}
	return e.patch(ctx, a, kind, id, doc, e.wanted(&q, c), c)
}

// wanted is what the answer to a PATCH should be.
type wanted struct {
	shown
	minimal bool // nothing: 204
	always  bool // the resource, however large
}

func (e *Engine) wanted(q *Query, c Conditions) wanted {
	return wanted{
		shown:   e.shows(q),
		minimal: c.prefers("return=minimal") && !q.projected(),
		always:  c.prefers("return=representation") || q.projected(),
	}
}

func (e *Engine) patch(ctx context.Context, a Actor, kind Kind, id string, doc *patch.Document, w wanted, c Conditions) (Response, error) {
	apply := e.patchUser
	if kind == Groups {
		apply = e.patchGroup
	}
	var courtesies []schema.Courtesy
	response, err := e.rewrite(ctx, a, kind, id, c, func(v *view, current record) (Response, error) {
		o, err := schema.Decode(e.types[kind], []byte(current.attributes))
		if err != nil {
			return Response{}, err
		}
		change, err := doc.Apply(o)
		if err != nil {
			return Response{}, err
		}
		courtesies = change.Courtesies
		return apply(ctx, a, v, current, change, w, c)
	})
	response.Courtesies = courtesies
	return response, err
}

func (e *Engine) patchUser(ctx context.Context, a Actor, v *view, current record, change *patch.Change, w wanted, _ Conditions) (Response, error) {
	if _, said := schema.Active(change.Attributes); !said {
		change.Attributes["active"] = current.user.Active // a status has no "absent"
	}
	response, err := e.putUser(ctx, a, v, current, change.Attributes, w.shown)
	if err == nil && w.minimal {
		response.Release()
		response.Status = statusNoContent
	}
	return response, err
}

// patchGroup turns a change into one update. A change of nothing but members by id means the same whatever the members
// are, so it expects no version and many clients can change one group at once (DESIGN.md, law 5).
func (e *Engine) patchGroup(ctx context.Context, a Actor, v *view, current record, change *patch.Change, w wanted, c Conditions) (Response, error) {
	update := command.UpdateGroup{ID: current.id}
	if c.IfMatch != "" {
		update.ExpectVersion = current.version
	}
	if change.AttributesChanged {
		fields, err := e.groupFields(change.Attributes)
		if err != nil {
			return Response{}, err
		}
		update.Fields, update.ExpectVersion = &fields, current.version
	}
	if err := e.patchMembers(v, current, change.Members, &update); err != nil {
		return Response{}, err
	}
	result, changed, err := e.updateGroup(ctx, a, v, current, update)
	if err != nil {
		return Response{}, err
	}
	if changed {
		attributes := current.attributes
		if update.Fields != nil {
			attributes = update.Fields.Attributes
		}
		current = current.written(attributes, result)
	}
	response, err := e.showPatched(ctx, a, v, current, len(update.Remove), result.Seq, w)
	response.NoOp = !changed
	return response, err
}

// patchMembers adds the change of members to an update; it adds nothing if the group has the members already.
func (e *Engine) patchMembers(v *view, current record, m patch.MembersChange, update *command.UpdateGroup) error {
	if m.Mode == patch.None {
		return nil
	}
	members, err := findMembers(v.Directory, m.Add)
	if err != nil {
		return err
	}
	if m.Mode == patch.Replace {
		update.ExpectVersion = current.version
		e.replaceMembers(v, current, members, update)
		return nil
	}
	real := false
	for _, r := range members {
		real = real || !v.IsMember(current.number, r.number)
	}
	remove := make([]directory.ResourceID, 0, len(m.Remove))
	for _, id := range m.Remove {
		if r, ok := findAny(v.Directory, directory.ResourceID(id)); ok {
			real = real || v.IsMember(current.number, r.number)
			remove = append(remove, r.id)
		}
	}
	if m.RemoveMatching != nil {
		update.ExpectVersion = current.version
		for _, r := range e.matching(v, current, m.RemoveMatching, members) {
			real, remove = true, append(remove, r.id)
		}
	}
	if real {
		update.Add, update.Remove = idsOf(members), remove
	}
	return nil
}

// matching are the members that satisfy a filter, but for those that the same change adds.
func (e *Engine) matching(v *view, current record, n filter.Node, add []record) []record {
	added := make(map[directory.Number]bool, len(add))
	for _, r := range add {
		added[r.number] = true
	}
	var found []record
	for r := range v.members(&current) {
		if !added[r.number] && filter.MatchElement(n, v.link(&r, "")) {
			found = append(found, r)
		}
	}
	return found
}

// showPatched answers a PATCH of a group: with the group while it is small, otherwise without a body. A large group is
// known to be large from the view before the write; only a small one waits for a view after it.
func (e *Engine) showPatched(ctx context.Context, a Actor, v *view, r record, removed int, seq uint64, w wanted) (Response, error) {
	large := v.MembersUpTo(r.number, maxShown+removed+1) > maxShown+removed
	switch {
	case w.minimal || large && !w.always:
		return e.acknowledge(v, &r), nil
	case w.hidesMembers():
		return e.show(v, &r, w.shown, statusOK)
	}
	d, err := e.directory(ctx, a, state.AtLeast(seq))
	if err != nil {
		return Response{}, err
	}
	now, ok := find(d, Groups, string(r.id))
	after := &view{v.base, d}
	if !ok || !w.always && after.MembersUpTo(now.number, maxShown+1) > maxShown {
		return e.acknowledge(v, &r), nil
	}
	return e.show(after, &now, w.shown, statusOK)
}

// hidesMembers tells that a group's members are not part of the answer.
func (s *shown) hidesMembers() bool {
	if s.spliced {
		return !s.members
	}
	return !s.projection[Groups].Wants("members")
}
