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

// maxCommandIDs is how many member ids go into one command, which has at most command.MaxCommandBytes. Larger changes
// become several commands, each of them safe to repeat.
const maxCommandIDs = 24_000

// maxUnknown is how many unknown members a refusal names.
const maxUnknown = 10

func (e *Engine) groupFields(o schema.Object) (command.GroupFields, error) {
	document, err := e.encode(Groups, o)
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
	var unknown []string
	for _, m := range members {
		if r, ok := findAny(d, directory.ResourceID(m.ID)); ok {
			found = append(found, r)
		} else {
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

func (e *Engine) createGroup(ctx context.Context, a Actor, id directory.ResourceID, o schema.Object, s shown) (Response, error) {
	d, err := e.directory(ctx, a, state.Confirmed())
	if err != nil {
		return Response{}, err
	}
	members, err := findMembers(d, schema.Members(o))
	if err != nil {
		return Response{}, err
	}
	fields, err := e.groupFields(o)
	if err != nil {
		return Response{}, err
	}
	first := members[:min(len(members), maxCommandIDs)]
	result, err := e.propose(ctx, a, &command.CreateGroup{
		ID: id, Source: directory.SourceSCIM, GroupFields: fields, Members: idsOf(first),
	})
	if err != nil {
		return Response{}, lostMember(taken(d, Groups, "displayName", fields.DisplayName, err))
	}
	if len(first) < len(members) {
		if result, err = e.addInParts(ctx, a, id, members[len(first):]); err != nil {
			return Response{}, err
		}
	}
	made := record{kind: Groups, source: directory.SourceSCIM, id: id, links: members}.written(fields.Attributes, result)
	return e.show(&view{e.Base(a.Organization), d}, &made, s, statusCreated)
}

// addInParts adds to a new group what did not fit into the command that made it. When a part fails the group goes again,
// so that the client's next try does not find half a group in its way.
func (e *Engine) addInParts(ctx context.Context, a Actor, id directory.ResourceID, members []record) (command.Result, error) {
	var result command.Result
	for part := range slices.Chunk(idsOf(members), maxCommandIDs) {
		var err error
		result, err = e.propose(ctx, a, &command.UpdateGroup{ID: id, Mode: command.MembersDelta, Add: part})
		if err != nil {
			_, undo := e.propose(context.WithoutCancel(ctx), a, &command.DeleteGroup{ID: id})
			return result, errors.Join(lostMember(err), undo)
		}
	}
	return result, nil
}

// replaceGroup is PUT: fields and members become what the body says. Members that this door may not see stay.
func (e *Engine) replaceGroup(ctx context.Context, a Actor, v *view, current record, o schema.Object, s shown) (Response, error) {
	members, err := findMembers(v.Directory, schema.Members(o))
	if err != nil {
		return Response{}, err
	}
	e.keepExternalID(a, o, current.group.ExternalID)
	fields, err := e.groupFields(o)
	if err != nil {
		return Response{}, err
	}
	update := command.UpdateGroup{ID: current.id, ExpectVersion: current.version}
	if fields.Attributes != current.attributes {
		update.Fields = &fields
	}
	e.replaceMembers(v, current, members, &update)
	result, changed, err := e.updateGroup(ctx, a, v, current, update)
	if err != nil {
		return Response{}, err
	}
	current.links = members
	if changed {
		current = current.written(fields.Attributes, result)
	}
	response, err := e.show(v, &current, s, statusOK)
	response.NoOp = !changed
	return response, err
}

// replaceMembers turns "these are the members" into what to add and what to remove. It depends on the view, so the update
// must expect the view's version.
func (e *Engine) replaceMembers(v *view, current record, members []record, update *command.UpdateGroup) {
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

// updateGroup proposes a change of fields and members, in as many commands as it needs; each is safe to repeat. Nothing is
// proposed when nothing would change. An update whose members were read from the view must expect the view's version.
func (e *Engine) updateGroup(ctx context.Context, a Actor, v *view, current record, u command.UpdateGroup) (result command.Result, changed bool, err error) {
	if u.Fields == nil && len(u.Add) == 0 && len(u.Remove) == 0 {
		return command.Result{}, false, nil
	}
	add, remove := u.Add, u.Remove
	for first := true; first || len(add)+len(remove) > 0; first = false {
		u.Add, add = cut(add, maxCommandIDs)
		u.Remove, remove = cut(remove, maxCommandIDs-len(u.Add))
		if len(u.Add)+len(u.Remove) > 0 {
			u.Mode = command.MembersDelta
		}
		part := u
		if result, err = e.propose(ctx, a, &part); err != nil {
			name := ""
			if u.Fields != nil {
				name = u.Fields.DisplayName
			}
			return result, false, lostMember(taken(v.Directory, Groups, "displayName", name, err))
		}
		u.Fields, u.ExpectVersion = nil, 0
	}
	return result, true, nil
}

// cut splits a list after at most n items.
func cut[T any](list []T, n int) (head, tail []T) {
	n = min(n, len(list))
	return list[:n], list[n:]
}
