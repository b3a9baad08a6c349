package fsm

import (
	"slices"
	"strings"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
)

func createGroup(tx *transaction, p *command.CreateGroup) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	if !p.Source.Valid() {
		return command.Result{}, directory.Errorf(directory.KindInvalid, "source", "there is no source %d", p.Source)
	}
	if _, taken := d.Number(p.ID); taken {
		return command.Result{}, directory.Errorf(directory.KindConflict, "id", "id %s is taken", p.ID)
	}
	if refusal := displayNameFree(d, &p.GroupFields, p.ID); refusal != nil {
		return command.Result{}, refusal
	}
	members, refusal := memberNumbers(d, p.Members)
	if refusal != nil {
		return command.Result{}, refusal
	}
	group := groupRecord(tx, p.ID, &p.GroupFields)
	group.Source, group.Number, group.Created = p.Source, d.NextNumber(), tx.now
	d.PutGroup(nil, group)
	for _, member := range members {
		d.AddMember(group.Number, member)
	}
	return tx.changed(tx.now), nil
}

func updateGroup(tx *transaction, p *command.UpdateGroup) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	if p.Mode > command.MembersReplace {
		return command.Result{}, directory.Errorf(directory.KindInvalid, "members", "members mode %d is unknown", p.Mode)
	}
	old, ok := d.Group(p.ID)
	if !ok {
		return command.Result{}, noGroup(p.ID)
	}
	if refusal := stale(p.ExpectVersion, old.Version); refusal != nil {
		return command.Result{}, refusal
	}
	next := *old
	if p.Fields != nil {
		if refusal := displayNameFree(d, p.Fields, p.ID); refusal != nil {
			return command.Result{}, refusal
		}
		next = *groupRecord(tx, p.ID, p.Fields)
		next.Source, next.Number, next.Created = old.Source, old.Number, old.Created
	}
	add, refusal := memberNumbers(d, p.Add)
	if refusal != nil {
		return command.Result{}, refusal
	}
	if _, itself := slices.BinarySearch(add, old.Number); itself {
		return command.Result{}, directory.Errorf(directory.KindInvalid, "members", "a group cannot be its own member")
	}
	changed := changeMembers(d, old.Number, p, add)
	if !changed && sameGroup(old, &next) {
		return command.Result{Version: old.Version, Created: old.Created, Modified: old.Modified}, nil
	}
	next.Modified, next.Version = tx.now, tx.seq
	d.PutGroup(old, &next)
	return tx.changed(old.Created), nil
}

// changeMembers applies the membership part of an update and tells whether anything came of it; add is in order. A member
// that is both removed and added stays as it was.
func changeMembers(d *state.Directory, group directory.Number, p *command.UpdateGroup, add []directory.Number) bool {
	var remove []directory.Number
	switch p.Mode {
	case command.MembersDelta:
		for _, id := range p.Remove {
			if number, ok := d.Number(id); ok {
				remove = append(remove, number)
			}
		}
	case command.MembersReplace:
		remove = slices.Collect(d.MembersOf(group))
	default:
		return false
	}
	changed := false
	for _, member := range remove {
		if _, stays := slices.BinarySearch(add, member); !stays {
			changed = d.RemoveMember(group, member) || changed
		}
	}
	for _, member := range add {
		changed = d.AddMember(group, member) || changed
	}
	return changed
}

func deleteGroup(tx *transaction, p *command.DeleteGroup) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	group, ok := d.Group(p.ID)
	if !ok {
		return command.Result{}, noGroup(p.ID)
	}
	if refusal := stale(p.ExpectVersion, group.Version); refusal != nil {
		return command.Result{}, refusal
	}
	touchGroupsOf(tx, d, group.Number)
	if current, ok := d.Group(p.ID); ok {
		d.DeleteGroup(current)
	}
	return tx.changed(group.Created), nil
}

// touchGroup gives a group a new version without changing its fields.
func touchGroup(tx *transaction, d *state.Directory, group *directory.Group) {
	next := *group
	next.Modified, next.Version = tx.now, tx.seq
	d.PutGroup(group, &next)
}

// memberNumbers finds the numbers of members by id, each once and in order; an unknown id is a refusal that names it.
func memberNumbers(d *state.Directory, ids []directory.ResourceID) ([]directory.Number, *directory.Error) {
	numbers := make([]directory.Number, 0, len(ids))
	for _, id := range ids {
		number, ok := d.Number(id)
		if !ok {
			return nil, directory.Errorf(directory.KindInvalid, "members", "there is no user or group %q in this organization", id)
		}
		numbers = append(numbers, number)
	}
	slices.Sort(numbers)
	return slices.Compact(numbers), nil
}

func displayNameFree(d *state.Directory, f *command.GroupFields, id directory.ResourceID) *directory.Error {
	if holder, taken := d.GroupByName(f.DisplayNameKey); taken && holder.ID != id {
		return directory.Errorf(directory.KindConflict, "displayName", "displayName %q is taken by group %s", f.DisplayName, holder.ID)
	}
	return nil
}

// groupRecord copies the texts, because those of the command share memory with its list of members, which may be long.
func groupRecord(tx *transaction, id directory.ResourceID, f *command.GroupFields) *directory.Group {
	return &directory.Group{
		ID:          directory.ResourceID(strings.Clone(string(id))),
		DisplayName: strings.Clone(f.DisplayName), DisplayNameKey: strings.Clone(f.DisplayNameKey),
		ExternalID: strings.Clone(f.ExternalID), Attributes: strings.Clone(f.Attributes),
		Modified: tx.now, Version: tx.seq,
	}
}

func sameGroup(a, b *directory.Group) bool {
	return a.DisplayName == b.DisplayName && a.DisplayNameKey == b.DisplayNameKey && a.ExternalID == b.ExternalID &&
		a.Attributes == b.Attributes
}

func noGroup(id directory.ResourceID) *directory.Error {
	return directory.Errorf(directory.KindNotFound, "", "there is no group %q", id)
}
