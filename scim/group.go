package scim

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/scim/schema"
)

// maxShown is how many members a group may have for a PATCH to be answered with the whole group (RFC 7644 §3.5.2 allows
// both): clients time out on large ones, and know what they sent.
const maxShown = 200

// maxUnknown is how many unknown members a refusal names.
const maxUnknown = 10

func (t *types) groupFields(o schema.Object) (command.GroupFields, error) {
	document, err := t.encode(Groups, o)
	if err != nil {
		return command.GroupFields{}, err
	}
	name := schema.String(o, "displayName")
	return command.GroupFields{
		DisplayName:    name,
		DisplayNameKey: directory.Fold(name),
		ExternalID:     schema.String(o, "externalId"),
		Attributes:     document,
	}, nil
}

// findMembers finds the members that a client names, in creation order; all must be users or groups that it may know of.
func findMembers(d *state.Directory, members []schema.Member) ([]record, error) {
	found := make([]record, 0, len(members))
	var unknown []string // a few more than a refusal names
	for _, m := range members {
		if r, ok := findAny(d, directory.ResourceID(m.ID)); ok {
			found = append(found, r)
		} else if len(unknown) <= maxUnknown {
			unknown = append(unknown, schema.Quote(m.ID))
		}
	}
	if len(unknown) > 0 {
		return nil, unknownMembers(unknown)
	}
	slices.SortFunc(found, func(a, b record) int { return cmp.Compare(a.number, b.number) })
	return found, nil
}

func idsOf(members []record) []directory.ResourceID {
	ids := make([]directory.ResourceID, len(members))
	for i := range members {
		ids[i] = members[i].id
	}
	return ids
}

func unknownMembers(quoted []string) error {
	more := ""
	if len(quoted) > maxUnknown {
		quoted, more = quoted[:maxUnknown], ", …"
	}
	return schema.Fail(schema.InvalidValue, "members", "members: there is no user or group with the id %s%s",
		strings.Join(quoted, ", "), more)
}

// lostMember words the ledger's refusal of a member that went away after the view.
func lostMember(err error) error {
	refusal, ok := errors.AsType[*directory.Error](err)
	if ok && refusal.Kind == directory.KindInvalid && refusal.Field == "members" {
		return schema.Fail(schema.InvalidValue, "members", "members: %s", refusal.Detail)
	}
	return err
}

func (r *request) createGroup(ctx context.Context, id directory.ResourceID, q *Query) (Response, error) {
	v, err := r.look(ctx, state.Confirmed())
	if err != nil {
		return Response{}, err
	}
	o, courtesies, err := r.body.resource(v.types.of[Groups], r.dialect)
	r.courtesies = courtesies
	if err != nil {
		return Response{}, err
	}
	fields, err := v.types.groupFields(o)
	if err != nil {
		return Response{}, err
	}
	r.name = fields.DisplayName
	members, err := findMembers(v.Directory, schema.Members(o))
	if err != nil {
		return Response{}, err
	}
	var result command.Result
	if err = v.nameFree(&fields, "", len(members)); err == nil {
		result, err = r.withMembers(ctx, idsOf(members), nil, func(add, _ []directory.ResourceID, staged directory.ChangeID) (command.Result, error) {
			return r.propose(ctx, &command.CreateGroup{
				ID: id, Source: directory.SourceSCIM, GroupFields: fields, Members: add, Staged: staged,
			})
		})
	}
	if err != nil {
		return Response{}, lostMember(taken(v.Directory, Groups, "displayName", fields.DisplayName, err))
	}
	made := record{kind: Groups, source: directory.SourceSCIM, id: id, links: members}.written(fields.Attributes, result)
	return r.show(&v, &made, v.types.shows(q), statusCreated)
}

// nameFree refuses a taken name before members are staged for nothing; the ledger decides.
func (v *view) nameFree(fields *command.GroupFields, id directory.ResourceID, members int) error {
	if !isLarge(members) {
		return nil
	}
	if holder, ok := v.GroupByName(fields.DisplayNameKey); ok && holder.ID != id {
		return directory.Errorf(directory.KindConflict, "displayName", "displayName is taken")
	}
	return nil
}

// replaceGroup is PUT: fields and members become what the body says. Members that this door may not see stay.
func (r *request) replaceGroup(ctx context.Context, v *view, current record, o schema.Object, s shown) (Response, error) {
	members, err := findMembers(v.Directory, schema.Members(o))
	if err != nil {
		return Response{}, err
	}
	fields, err := v.types.groupFields(o)
	if err != nil {
		return Response{}, err
	}
	update := command.UpdateGroup{ID: current.id, ExpectVersion: current.version}
	r.note.Changes = nil
	if fields.Attributes != current.attributes {
		update.Fields = &fields
		if r.note.Changes, err = changes(v.types.of[Groups], current, o); err != nil {
			return Response{}, err
		}
	}
	v.replaceMembers(current, members, &update)
	result, changed, err := r.updateGroup(ctx, v, update)
	if err != nil {
		return Response{}, err
	}
	current.links = members
	if changed {
		current = current.written(fields.Attributes, result)
	}
	response, err := r.show(v, &current, s, statusOK)
	response.NoOp = !changed
	return response, err
}

// replaceMembers turns "these are the members" into what to add and what to remove. It depends on the view, so the update
// must expect the view's version.
func (v *view) replaceMembers(current record, members []record, update *command.UpdateGroup) {
	want := make(map[directory.Number]bool, len(members))
	for _, m := range members {
		want[m.number] = true
		if !v.IsMember(current.number, m.number) {
			update.Add = append(update.Add, m.id)
		}
	}
	for m := range v.members(&current) {
		if !want[m.number] {
			update.Remove = append(update.Remove, m.id)
		}
	}
}

// updateGroup proposes a change of fields and members in one step. Nothing is proposed when nothing would change. An update
// whose members were read from the view must expect the view's version.
func (r *request) updateGroup(ctx context.Context, v *view, u command.UpdateGroup) (result command.Result, changed bool, err error) {
	n := len(u.Add) + len(u.Remove)
	if u.Fields == nil && n == 0 {
		return command.Result{}, false, nil
	}
	name := ""
	if u.Fields != nil {
		name = u.Fields.DisplayName
		err = v.nameFree(u.Fields, u.ID, n)
	}
	if n > 0 {
		u.Mode = command.MembersDelta
		r.note.Changes = append(r.note.Changes, "members")
	}
	if err == nil {
		result, err = r.withMembers(ctx, u.Add, u.Remove, func(add, remove []directory.ResourceID, staged directory.ChangeID) (command.Result, error) {
			update := u
			update.Add, update.Remove, update.Staged = add, remove, staged
			return r.propose(ctx, &update)
		})
	}
	if err != nil {
		return result, false, lostMember(taken(v.Directory, Groups, "displayName", name, err))
	}
	return result, true, nil
}
