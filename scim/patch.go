package scim

import (
	"context"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/scim/filter"
	"domicile/scim/patch"
)

// Patch answers PATCH on one resource (RFC 7644 §3.5.2). The document is checked before the resource is looked up.
func (e *Engine) Patch(ctx context.Context, a Actor, kind Kind, id string, body []byte, q Query, c Conditions) (answer Response, err error) {
	r := e.begin(a, directory.SyncPatch, opPatch, kind)
	defer r.end(&answer, &err)
	r.body.raw = body
	return r.patch(ctx, id, &q, c)
}

// wanted is what the answer to a PATCH should be.
type wanted struct {
	shown
	minimal bool // nothing: 204
	always  bool // the resource, however large
}

func (t *types) wanted(q *Query, c Conditions) wanted {
	return wanted{
		shown:   t.shows(q),
		minimal: c.prefers("return=minimal") && !q.projected(),
		always:  c.prefers("return=representation") || q.projected(),
	}
}

func (r *request) patch(ctx context.Context, id string, q *Query, c Conditions) (Response, error) {
	var doc *patch.Document
	return r.rewrite(ctx, id, c, rewriting{
		read: func(t *types) (err error) {
			if doc, err = r.body.document(t.of[r.kind], r.dialect); err == nil {
				r.courtesies = doc.Courtesies()
				r.note.Operations = doc.Text()
			}
			return err
		},
		try: func(v *view, current record) (Response, error) {
			before, err := current.document(v.types.of[r.kind])
			if err != nil {
				return Response{}, err
			}
			current.decoded = before
			change, err := doc.Apply(before)
			if err != nil {
				return Response{}, err
			}
			r.courtesies = change.Courtesies
			if r.kind == Groups {
				return r.patchGroup(ctx, v, current, change, v.types.wanted(q, c), c)
			}
			return r.patchUser(ctx, v, current, change, v.types.wanted(q, c))
		},
	})
}

func (r *request) patchUser(ctx context.Context, v *view, current record, change *patch.Change, w wanted) (Response, error) {
	response, err := r.putUser(ctx, v, current, change.Attributes, w.shown)
	if err == nil && w.minimal {
		response.Release()
		response.Status = statusNoContent
	}
	return response, err
}

// patchGroup turns a change into one update. A change of nothing but members by id means the same whatever the members
// are, so it expects no version and many clients can change one group at once (DESIGN.md, law 5).
func (r *request) patchGroup(ctx context.Context, v *view, current record, change *patch.Change, w wanted, c Conditions) (Response, error) {
	update := command.UpdateGroup{ID: current.id}
	if c.IfMatch != "" {
		update.ExpectVersion = current.version
	}
	r.note.Changes = nil
	if change.AttributesChanged {
		fields, err := v.types.groupFields(change.Attributes)
		if err != nil {
			return Response{}, err
		}
		update.Fields, update.ExpectVersion = &fields, current.version
		if r.note.Changes, err = changes(v.types.of[Groups], current, change.Attributes); err != nil {
			return Response{}, err
		}
	}
	if err := v.patchMembers(current, change.Members, &update); err != nil {
		return Response{}, err
	}
	result, changed, err := r.updateGroup(ctx, v, update)
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
	response, err := r.showPatched(ctx, v, current, len(update.Remove), result.Seq, w)
	response.NoOp = !changed
	return response, err
}

// patchMembers adds the change of members to an update; it adds nothing if the group has the members already.
func (v *view) patchMembers(current record, m patch.MembersChange, update *command.UpdateGroup) error {
	if m.Mode == patch.None {
		return nil
	}
	members, err := findMembers(v.Directory, m.Add)
	if err != nil {
		return err
	}
	if m.Mode == patch.Replace {
		update.ExpectVersion = current.version
		v.replaceMembers(current, members, update)
		return nil
	}
	real := false
	for _, member := range members {
		real = real || !v.IsMember(current.number, member.number)
	}
	remove := make([]directory.ResourceID, 0, len(m.Remove))
	for _, id := range m.Remove {
		if member, ok := findAny(v.Directory, directory.ResourceID(id)); ok {
			real = real || v.IsMember(current.number, member.number)
			remove = append(remove, member.id)
		}
	}
	if m.RemoveMatching != nil {
		update.ExpectVersion = current.version
		for _, member := range v.matching(current, m.RemoveMatching, members) {
			real, remove = true, append(remove, member.id)
		}
	}
	if real {
		update.Add, update.Remove = idsOf(members), remove
	}
	return nil
}

// matching are the members that satisfy a filter, but for those that the same change adds.
func (v *view) matching(current record, n filter.Node, add []record) []record {
	added := make(map[directory.Number]bool, len(add))
	for _, member := range add {
		added[member.number] = true
	}
	var found []record
	for member := range v.members(&current) {
		if !added[member.number] && filter.MatchElement(n, v.link(&member, "")) {
			found = append(found, member)
		}
	}
	return found
}

// showPatched answers a PATCH of a group: with the group while it is small, otherwise without a body. A large group is
// known to be large from the view before the write; only a small one waits for a view after it.
func (r *request) showPatched(ctx context.Context, v *view, group record, removed int, seq uint64, w wanted) (Response, error) {
	large := v.MembersUpTo(group.number, maxShown+removed+1) > maxShown+removed
	switch {
	case w.minimal || large && !w.always:
		return acknowledge(v, &group), nil
	case w.hidesMembers():
		return r.show(v, &group, w.shown, statusOK)
	}
	after, err := r.look(ctx, state.AtLeast(seq))
	if err != nil {
		return Response{}, err
	}
	now, ok := find(after.Directory, Groups, string(group.id))
	if !ok || !w.always && after.MembersUpTo(now.number, maxShown+1) > maxShown {
		return acknowledge(v, &group), nil
	}
	return r.show(&after, &now, w.shown, statusOK)
}

// hidesMembers tells that a group's members are not part of the answer.
func (s *shown) hidesMembers() bool {
	if s.spliced {
		return !s.members
	}
	return !s.projection[Groups].Wants("members")
}
