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
	if !p.Source.Valid() || p.Source == directory.SourceJIT {
		return command.Result{}, directory.Errorf(directory.KindInvalid, "source", "there is no source %d", p.Source)
	}
	if d.Taken(p.ID) {
		return command.Result{}, directory.Errorf(directory.KindConflict, "id", "id %s is taken", p.ID)
	}
	if refusal := displayNameFree(d, &p.GroupFields, p.ID); refusal != nil {
		return command.Result{}, refusal
	}
	change, refusal := findMembers(d, p.Members, nil, p.Staged)
	if refusal != nil {
		return command.Result{}, refusal
	}
	group := groupRecord(tx, p.ID, &p.GroupFields)
	group.Source, group.Number, group.Created = p.Source, d.NextNumber(), tx.now
	d.PutGroup(nil, group)
	for _, member := range change.add {
		d.AddMember(group.Number, member)
	}
	tx.use(d, change.staged)
	tx.subject = groupSubject(group)
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
	change, refusal := findMembers(d, p.Add, p.Remove, p.Staged)
	if refusal != nil {
		return command.Result{}, refusal
	}
	if _, itself := slices.BinarySearch(change.add, old.Number); itself {
		return command.Result{}, directory.Errorf(directory.KindInvalid, "members", "a group cannot be its own member")
	}
	changed := changeMembers(d, old.Number, p.Mode, change)
	tx.use(d, change.staged)
	tx.subject = groupSubject(&next)
	if p.Fields == nil {
		tx.subject = tx.subject.bare()
	}
	if !changed && sameGroup(old, &next) {
		return command.Result{Version: old.Version, Created: old.Created, Modified: old.Modified}, nil
	}
	next.Modified, next.Version = tx.now, tx.seq
	d.PutGroup(old, &next)
	return tx.changed(old.Created), nil
}

// changeMembers applies the membership part of an update and tells whether anything came of it. A member that is both
// removed and added stays as it was.
func changeMembers(d *state.Directory, group directory.Number, mode command.MembersMode, change memberChange) bool {
	remove := change.remove
	switch mode {
	case command.MembersDelta:
	case command.MembersReplace:
		remove = slices.Collect(d.MembersOf(group))
	default:
		return false
	}
	changed := false
	for _, member := range remove {
		if _, stays := slices.BinarySearch(change.add, member); !stays {
			changed = d.RemoveMember(group, member) || changed
		}
	}
	for _, member := range change.add {
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
	tx.subject = groupSubject(group).bare()
	return tx.changed(group.Created), nil
}

// touchGroup gives a group a new version without changing its fields.
func touchGroup(tx *transaction, d *state.Directory, group *directory.Group) {
	next := *group
	next.Modified, next.Version = tx.now, tx.seq
	d.PutGroup(group, &next)
}

// memberChange is what a command does to the members of a group: add holds each number once and in order.
type memberChange struct {
	add, remove []directory.Number
	staged      *directory.StagedChange // used up by it; may be nil
}

// findMembers finds the numbers that a command names itself and in its staged change. An unknown id to add is a refusal that
// names it; what was staged and is gone since is left out.
func findMembers(d *state.Directory, add, remove []directory.ResourceID, staged directory.ChangeID) (memberChange, *directory.Error) {
	numbers, refusal := memberNumbers(d, add)
	if refusal != nil {
		return memberChange{}, refusal
	}
	change := memberChange{add: numbers, remove: knownNumbers(d, remove)}
	if staged == (directory.ChangeID{}) {
		return change, nil
	}
	var ok bool
	if change.staged, ok = d.Staged(staged); !ok {
		return memberChange{}, directory.Errorf(directory.KindStale, "members", "the change was not sent, or is too old; send it again")
	}
	for _, part := range change.staged.Parts {
		change.remove = append(change.remove, part.Remove...)
		for _, number := range part.Add {
			if d.Has(number) {
				change.add = append(change.add, number)
			}
		}
	}
	slices.Sort(change.add)
	change.add = slices.Compact(change.add)
	return change, nil
}

// knownNumbers finds the numbers of those ids that there are.
func knownNumbers(d *state.Directory, ids []directory.ResourceID) []directory.Number {
	var numbers []directory.Number
	for _, id := range ids {
		if number, ok := d.Number(id); ok {
			numbers = append(numbers, number)
		}
	}
	return numbers
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
