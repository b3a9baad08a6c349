package fsm

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"domicile/directory"
	"domicile/fsm/command"
)

// noted applies a command with a note.
func (l *ledger) noted(p command.Payload, note directory.SyncNote) command.Result {
	c := l.command("acme", p)
	c.Actor, c.Note = "token:1", &note
	return l.send(c)[0]
}

func (l *ledger) syncLog() []*directory.SyncRow { return slices.Collect(l.directory("acme").SyncLog()) }

func TestNote_rows(t *testing.T) {
	l := newLedger(t).acme(2)
	l.do("acme", &command.CreateUser{ID: "deleted", Source: directory.SourceSCIM, UserFields: fields(7, true)})
	l.do("acme", &command.DeleteUser{ID: "deleted"})
	l.do("acme", &command.CreateUser{ID: "erased", Source: directory.SourceSCIM, UserFields: fields(8, true)})
	l.do("acme", &command.DeleteUser{ID: "erased"})
	group := command.GroupFields{DisplayName: "Group", DisplayNameKey: "group", Attributes: `{"displayName":"Group"}`}
	note := directory.SyncNote{
		Method: directory.SyncPatch, Request: "request", Client: "Okta", Operations: "replace active", Changes: []string{"active"},
		Courtesies: []string{"boolean-text"},
	}
	name := func(i int) string { return fields(i, true).UserName }
	user := func(id directory.ResourceID, i int, document string) directory.SyncRow {
		return directory.SyncRow{Resource: "User", ID: id, Name: name(i), Changed: true, Document: document}
	}
	unchanged := func(row directory.SyncRow) directory.SyncRow { row.Changed = false; return row }
	aboutGroup := directory.SyncRow{Resource: "Group", ID: "group", Name: "Group", Changed: true}
	wholeGroup := aboutGroup
	wholeGroup.Document = group.Attributes
	several := directory.SyncRow{Resource: "User", Changed: true}
	for _, c := range []struct {
		payload command.Payload
		want    directory.SyncRow
	}{
		{&command.CreateUser{ID: "new", Source: directory.SourceSCIM, UserFields: fields(5, true)}, user("new", 5, "{}")},
		{&command.ReplaceUser{ID: userID(0), UserFields: fields(0, false)}, user(userID(0), 0, "{}")},
		{&command.ReplaceUser{ID: userID(1), UserFields: fields(1, true)}, unchanged(user(userID(1), 1, "{}"))},
		{&command.CreateGroup{ID: "group", Source: directory.SourceSCIM, GroupFields: group}, wholeGroup},
		{&command.UpdateGroup{ID: "group", Mode: command.MembersDelta, Add: userIDs(0, 1)}, aboutGroup},
		{&command.UpdateGroup{ID: "group", Fields: &group}, unchanged(wholeGroup)},
		{&command.DeleteGroup{ID: "group"}, aboutGroup},
		{&command.DeleteUser{ID: userID(0)}, user(userID(0), 0, "")},
		{&command.DeleteUser{ID: "new", Erase: true}, user("new", 5, "")},
		{&command.RestoreUser{ID: "deleted"}, user("deleted", 7, "{}")},
		{&command.EraseUser{ID: "erased"}, user("erased", 8, "")},
		{&command.ConvertUsers{IDs: userIDs(1, 2), To: directory.SourceInvited}, user(userID(1), 1, "")},
		{&command.ConvertUsers{IDs: []directory.ResourceID{userID(1), "deleted"}, To: directory.SourceSCIM}, several},
		{&command.RenameUsers{}, unchanged(several)},
		{&command.StageMembers{Change: change(1)}, directory.SyncRow{Changed: true}},
	} {
		l.now++
		result := l.noted(c.payload, note)
		got := l.syncLog()[0]
		c.want.Seq, c.want.At, c.want.Actor, c.want.SyncNote = result.Seq, l.now, "token:1", note
		if result.Error != nil || !reflect.DeepEqual(*got, c.want) {
			t.Errorf("%s (%v): row %+v, want %+v", c.payload.Kind(), result.Error, *got, c.want)
		}
	}
	if counts := l.directory("acme").SyncCounts(); counts.Rows != 15 || counts.Failures != 0 {
		t.Errorf("counts %+v", counts)
	}
	if err := l.fsm.View().Check(); err != nil {
		t.Error(err)
	}
}

func TestAppendSyncLog_rules(t *testing.T) {
	l := newLedger(t).acme(0)
	l.refuse("nowhere", &command.AppendSyncLog{}, directory.KindNotFound)
	l.refuse("acme", &command.AppendSyncLog{Rows: make([]directory.SyncRow, directory.MaxSyncBatch+1)}, directory.KindTooLarge)
	if r := l.do("acme", &command.AppendSyncLog{}); r.Changed {
		t.Error("no rows changed something")
	}
	seq := l.do("acme", &command.AppendSyncLog{Rows: []directory.SyncRow{
		{At: l.now - 5, Status: 409, Actor: "token:2", Document: strings.Repeat("x", directory.MaxSyncDocument+1)},
		{At: l.now + 5, Status: 200, Seq: 99, Ordinal: 99, Detail: strings.Repeat("x", 600)},
		{Status: 500, Document: `{"a":1}`},
	}}).Seq
	rows := l.syncLog()
	if len(rows) != 3 {
		t.Fatalf("%d rows", len(rows))
	}
	slices.Reverse(rows)
	for i, want := range []directory.SyncRow{
		{Status: 409, At: l.now - 5, Actor: "token:2"}, {Status: 200, At: l.now, Actor: "operator"},
		{Status: 500, At: l.now, Actor: "operator", Document: `{"a":1}`},
	} {
		got := rows[i]
		if got.Seq != seq || got.Ordinal != uint32(i) || got.Status != want.Status || got.At != want.At || got.Actor != want.Actor || got.Document != want.Document {
			t.Errorf("row %d is %+v, want %+v", i, got, want)
		}
	}
	if len(rows[1].Detail) > 500 {
		t.Errorf("a detail of %d bytes", len(rows[1].Detail))
	}
	want := directory.SyncCounts{Rows: 3, Failures: 2, LastFailure: l.now}
	if got := l.directory("acme").SyncCounts(); got != want {
		t.Errorf("counts %+v, want %+v", got, want)
	}
}

func TestMarkNotified_rules(t *testing.T) {
	l := newLedger(t).acme(0)
	l.do("acme", &command.AppendSyncLog{Rows: []directory.SyncRow{{Status: 400}, {Status: 404}}})
	l.refuse("nowhere", &command.MarkNotified{}, directory.KindNotFound)
	l.refuse("acme", &command.MarkNotified{Failures: 3}, directory.KindInvalid)
	l.now++
	l.do("acme", &command.MarkNotified{Failures: 2})
	l.now++
	if r := l.do("acme", &command.MarkNotified{Failures: 1}); r.Changed {
		t.Error("an older notice changed something")
	}
	if got := l.directory("acme").SyncCounts(); got.Notified != 2 || got.NotifiedAt != l.now-1 {
		t.Errorf("counts %+v", got)
	}
}

// A retry writes no second row, and a refusal none at all.
func TestNote_once(t *testing.T) {
	l := newLedger(t).acme(1)
	c := l.command("acme", createUserCommand(1))
	c.Note = &directory.SyncNote{Method: directory.SyncPost}
	l.send(c, c)
	l.send(c)
	refused := l.command("acme", createUserCommand(1))
	refused.Note = c.Note
	late := l.command("acme", createUserCommand(2))
	late.Note, late.Deadline = c.Note, l.now-1
	gone := l.command("nowhere", createUserCommand(2))
	gone.Note = c.Note
	l.send(refused, late, gone)
	if rows := l.syncLog(); len(rows) != 1 {
		t.Errorf("%d rows, want 1", len(rows))
	}
	last := l.command("acme", &command.DeleteOrganization{})
	last.Note = c.Note
	if r := l.send(last)[0]; r.Error != nil {
		t.Errorf("deleting the organization with a note: %v", r.Error)
	}
}
