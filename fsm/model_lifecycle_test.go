package fsm

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
)

// modelLife is the model's large changes, sync log and deleted users of an organization.
type modelLife struct {
	staged  map[directory.ChangeID]directory.StagedChange // all parts in one
	deleted map[directory.ResourceID]modelDeleted
	sync    []directory.SyncRow // oldest first
	counts  directory.SyncCounts
}

type modelDeleted struct {
	directory.DeletedUser
	user directory.User
}

func newModelLife() modelLife {
	return modelLife{
		staged: make(map[directory.ChangeID]directory.StagedChange), deleted: make(map[directory.ResourceID]modelDeleted),
	}
}

func (l *modelLife) sweep(now directory.Time) {
	maps.DeleteFunc(l.staged, func(_ directory.ChangeID, c directory.StagedChange) bool { return c.Expires <= now })
	maps.DeleteFunc(l.deleted, func(_ directory.ResourceID, d modelDeleted) bool { return d.Expires != 0 && d.Expires <= now })
}

// noted applies a command and writes its note.
func (m *model) noted(c command.Command) command.Result {
	before := m.about(c)
	result := m.dispatch(c.Organization, c.Payload)
	o := m.orgs[c.Organization]
	if appended, ok := c.Payload.(*command.AppendSyncLog); ok {
		m.append(o, c.Actor, appended.Rows)
	}
	switch payload := c.Payload.(type) {
	case *command.DeleteUser:
		if kept, ok := o.deleted[payload.ID]; ok {
			kept.Actor = c.Actor
			o.deleted[payload.ID] = kept
		}
	case *command.RestoreUser, *command.CreateUser, *command.ReplaceUser, *command.CreateGroup, *command.UpdateGroup, *command.ConvertUsers:
		before = m.about(c)
	}
	if c.Note == nil || o == nil {
		return result
	}
	row := before
	row.Seq, row.At, row.Actor, row.Changed, row.SyncNote = m.seq, m.at, c.Actor, result.Changed, *c.Note
	if appended, ok := c.Payload.(*command.AppendSyncLog); ok {
		row.Ordinal = uint32(len(appended.Rows))
	}
	o.sync = append(o.sync, row)
	return result
}

// about gives what a row of the sync log says about the resource of a command, as it is now.
func (m *model) about(c command.Command) (row directory.SyncRow) {
	o := m.orgs[c.Organization]
	if o == nil {
		return row
	}
	user := func(u directory.User, document string) directory.SyncRow {
		return directory.SyncRow{Resource: "User", ID: u.ID, Name: u.UserName, Document: document}
	}
	group := func(g directory.Group, document string) directory.SyncRow {
		return directory.SyncRow{Resource: "Group", ID: g.ID, Name: g.DisplayName, Document: document}
	}
	switch p := c.Payload.(type) {
	case *command.CreateUser:
		return user(o.users[p.ID], o.users[p.ID].Attributes)
	case *command.ReplaceUser:
		return user(o.users[p.ID], o.users[p.ID].Attributes)
	case *command.RestoreUser:
		return user(o.users[p.ID], o.users[p.ID].Attributes)
	case *command.DeleteUser:
		return user(o.users[p.ID], "")
	case *command.EraseUser:
		return user(o.deleted[p.ID].user, "")
	case *command.ConvertUsers:
		if len(p.IDs) == 1 {
			return user(o.users[p.IDs[0]], "")
		}
		return directory.SyncRow{Resource: "User"}
	case *command.RenameUsers:
		return directory.SyncRow{Resource: "User"}
	case *command.CreateGroup:
		return group(o.groups[p.ID], o.groups[p.ID].Attributes)
	case *command.UpdateGroup:
		document := ""
		if p.Fields != nil {
			document = o.groups[p.ID].Attributes
		}
		return group(o.groups[p.ID], document)
	case *command.DeleteGroup:
		return group(o.groups[p.ID], "")
	}
	return row
}

func (m *model) append(o *modelOrg, actor string, rows []directory.SyncRow) {
	for i, row := range rows {
		row.Seq, row.Ordinal, row.At = m.seq, uint32(i), min(row.At, m.at)
		if row.Actor == "" {
			row.Actor = actor
		}
		if row.Status >= 400 {
			o.counts.Failures++
			o.counts.LastFailure = max(o.counts.LastFailure, row.At)
		}
		o.sync = append(o.sync, row)
	}
}

func (m *model) lifecycle(o *modelOrg, payload command.Payload) command.Result {
	switch p := payload.(type) {
	case *command.StageMembers:
		return m.stage(o, p)
	case *command.AppendSyncLog:
		if len(p.Rows) == 0 {
			return command.Result{}
		}
		return m.done(m.at)
	case *command.MarkNotified:
		deny(p.Failures > o.counts.Failures, directory.KindInvalid)
		if p.Failures <= o.counts.Notified {
			return command.Result{}
		}
		o.counts.Notified, o.counts.NotifiedAt = p.Failures, m.at
		return m.done(m.at)
	case *command.RestoreUser:
		return m.restore(o, p.ID)
	case *command.EraseUser:
		deleted, ok := o.deleted[p.ID]
		deny(!ok, directory.KindNotFound)
		delete(o.deleted, p.ID)
		return m.done(deleted.user.Created)
	case *command.ConvertUsers:
		return m.convert(o, p)
	}
	return m.rename(o)
}

func (m *model) stage(o *modelOrg, p *command.StageMembers) command.Result {
	deny(p.Change == directory.ChangeID{}, directory.KindInvalid)
	change := o.staged[p.Change]
	part := directory.StagedPart{}
	if len(change.Parts) > 0 {
		part = change.Parts[0]
	}
	for _, id := range p.Add {
		deny(!o.has(id), directory.KindInvalid)
		part.Add = append(part.Add, o.number(id))
	}
	for _, id := range p.Remove {
		if o.has(id) {
			part.Remove = append(part.Remove, o.number(id))
		}
	}
	change.Parts, change.Expires = []directory.StagedPart{part}, m.at+120_000_000
	o.staged[p.Change] = change
	return m.done(m.at)
}

func (o *modelOrg) number(id directory.ResourceID) directory.Number {
	if u, ok := o.users[id]; ok {
		return u.Number
	}
	return o.groups[id].Number
}

// stagedIDs gives the ids of a staged change that are still there; it denies an unknown change.
func (o *modelOrg) stagedIDs(change directory.ChangeID) (add, remove []directory.ResourceID) {
	if change == (directory.ChangeID{}) {
		return nil, nil
	}
	staged, ok := o.staged[change]
	deny(!ok, directory.KindStale)
	return o.ids(staged.Parts[0].Add), o.ids(staged.Parts[0].Remove)
}

func (o *modelOrg) ids(numbers []directory.Number) (ids []directory.ResourceID) {
	for id, u := range o.users {
		if slices.Contains(numbers, u.Number) {
			ids = append(ids, id)
		}
	}
	for id, g := range o.groups {
		if slices.Contains(numbers, g.Number) {
			ids = append(ids, id)
		}
	}
	return ids
}

func (o *modelOrg) taken(id directory.ResourceID) bool {
	_, deleted := o.deleted[id]
	return deleted || o.has(id)
}

// keep keeps a user that is about to be deleted.
func (m *model) keep(o *modelOrg, u directory.User) {
	kept := modelDeleted{user: u}
	kept.Organization, kept.Seq, kept.Deleted = o.record.ID, m.seq, m.at
	if o.record.DeletePolicy == directory.PolicyDelete {
		kept.Expires = m.at + 30*24*3600*1_000_000
	}
	for pair := range o.members {
		if pair.member == u.ID {
			kept.Groups = append(kept.Groups, o.groups[pair.group].Number)
		}
	}
	slices.Sort(kept.Groups)
	o.deleted[u.ID] = kept
}

func (m *model) restore(o *modelOrg, id directory.ResourceID) command.Result {
	deleted, ok := o.deleted[id]
	deny(!ok, directory.KindNotFound)
	u := deleted.user
	for _, other := range o.users {
		deny(other.UserNameKey == u.UserNameKey, directory.KindConflict)
	}
	delete(o.deleted, id)
	u.Modified, u.Version = m.at, m.seq
	o.users[id] = u
	for _, group := range o.ids(deleted.Groups) {
		g := o.groups[group]
		g.Modified, g.Version = m.at, m.seq
		o.groups[group] = g
		o.members[modelMember{group, id}] = true
	}
	return m.done(u.Created)
}

func (m *model) convert(o *modelOrg, p *command.ConvertUsers) command.Result {
	deny(p.To != directory.SourceSCIM && p.To != directory.SourceInvited, directory.KindInvalid)
	for _, id := range p.IDs {
		u, ok := o.users[id]
		deny(!ok || u.Source == directory.SourceRoot, directory.KindInvalid)
	}
	changed := false
	for _, id := range p.IDs {
		if u := o.users[id]; u.Source != p.To {
			u.Source, u.Modified, u.Version = p.To, m.at, m.seq
			o.users[id] = u
			m.touchGroupsOf(o, id)
			changed = true
		}
	}
	if !changed {
		return command.Result{}
	}
	return m.done(m.at)
}

func (m *model) touchGroupsOf(o *modelOrg, member directory.ResourceID) {
	for pair := range o.members {
		if pair.member == member {
			g := o.groups[pair.group]
			g.Modified, g.Version = m.at, m.seq
			o.groups[pair.group] = g
		}
	}
}

func (m *model) rename(o *modelOrg) command.Result {
	next, names := maps.Clone(o.users), make(map[string]int)
	for id, u := range next {
		if u.Source != directory.SourceRoot && len(u.Emails) > 0 && u.Emails[0] != u.UserNameKey {
			u.UserName, u.UserNameKey, u.Modified, u.Version = u.Emails[0], u.Emails[0], m.at, m.seq
			next[id] = u
		}
		names[u.UserNameKey]++
	}
	for _, n := range names {
		deny(n > 1, directory.KindConflict)
	}
	if maps.EqualFunc(next, o.users, func(a, b directory.User) bool { return a.Version == b.Version }) {
		return command.Result{}
	}
	o.users = next
	return m.done(m.at)
}

func (o *modelOrg) compareLife(d *state.Directory) error {
	changes, numbers := d.StagedCounts()
	if changes != len(o.staged) {
		return fmt.Errorf("%d staged changes, the model has %d", changes, len(o.staged))
	}
	for id, want := range o.staged {
		got, ok := d.Staged(id)
		if !ok || got.Expires != want.Expires {
			return fmt.Errorf("staged change %x is %+v, the model's %+v", id, got, want)
		}
		numbers -= got.Numbers()
	}
	if numbers != 0 {
		return fmt.Errorf("%d staged numbers too many", numbers)
	}
	deleted := make(map[directory.ResourceID]modelDeleted)
	for found := range d.DeletedUsers() {
		kept := modelDeleted{DeletedUser: *found, user: *found.User}
		kept.User = nil
		deleted[found.User.ID] = kept
	}
	var rows []directory.SyncRow
	for row := range d.SyncLog() {
		rows = append(rows, *row)
	}
	slices.Reverse(rows)
	counts := o.counts
	counts.Rows = len(o.sync)
	for _, pair := range []struct{ got, want any }{{deleted, o.deleted}, {rows, o.sync}, {d.SyncCounts(), counts}} {
		if !reflect.DeepEqual(pair.got, pair.want) {
			return fmt.Errorf("%+v, the model's %+v", pair.got, pair.want)
		}
	}
	return nil
}
