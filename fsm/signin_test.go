package fsm

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"domicile/directory"
	"domicile/fsm/command"
)

// signIns gives the log of sign-ins, newest first, as texts of what a test may care for.
func (l *ledger) signIns() (rows []string) {
	for row := range l.directory("acme").SignInsAndRefusals() {
		text := fmt.Sprint(row.Way, " ", row.User, " ", row.Reason, row.Session)
		for _, more := range []string{row.Email, row.Reference, row.Agent, row.Address} {
			if more != "" {
				text += " " + more
			}
		}
		if row.Linked {
			text += " linked"
		}
		rows = append(rows, text)
	}
	return rows
}

// Who signs in is written down with the session: the first time with the link that it made, and by which door.
func TestSignIns_oneForEachSession(t *testing.T) {
	l := second(t, 1)
	l.do("acme", l.detailed(0, 0))
	l.now++
	l.do("acme", l.detailed(0, 1))
	l.refuse("acme", l.signIn(0, 1), directory.KindReplayed)
	l.reorganize(func(f *command.OrganizationFields) { f.BreakGlass = []string{"glass@acme.example"} })
	l.do("acme", &command.ConvertUsers{IDs: []directory.ResourceID{userID(0)}, To: directory.SourceInvited})
	invited := l.local(2, "user.0@acme.example")
	invited.User = userID(0)
	for _, p := range []*command.OpenLocalSession{invited, l.local(3, "root@acme.example"), l.local(4, "glass@acme.example")} {
		l.do("acme", p)
	}
	want := []string{
		"break_glass root-1 session-4 glass@acme.example Safari", "local root-1 session-3 root@acme.example Safari",
		"local user-0 session-2 Safari", "provider user-0 session-1 Firefox 192.0.2.7",
		"provider user-0 session-0 Firefox 192.0.2.7 linked",
	}
	if got := l.signIns(); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for row := range l.directory("acme").SignIns() {
		if row.At == 0 || row.At > l.now || row.Way == directory.WayProvider && row.Connection != "connection" {
			t.Errorf("row %+v", row)
		}
	}
	l.sound()
}

// The ledger takes what doors tell of refusals, and nothing that it knows better.
func TestRecordRefusals(t *testing.T) {
	l := second(t, 3)
	l.do("acme", &command.DeleteUser{ID: userID(1)})
	l.do("acme", &command.DeleteUser{ID: userID(2), Erase: true})
	wide := strings.Repeat("x", 1000)
	rows := []directory.SignIn{
		{At: l.now - 5, Way: directory.WayProvider, Reason: "not_provisioned", Reference: "4F2A9C01", Connection: "connection", Agent: "Firefox", Address: "192.0.2.7"},
		{At: l.now + 5, Way: directory.WayProvider, Reason: "inactive", User: userID(0), More: 7, Linked: true, Session: "forged", Seq: 1, Ordinal: 99},
		{At: 0, Way: directory.WayProvider, Reason: "inactive", User: userID(1)},
		{Way: directory.WayProvider, Reason: "inactive", User: userID(2)},
		{Way: directory.WayLocal, Reason: "code_wrong", Email: "root@acme.example"},
		{Way: directory.WayBreakGlass, Reason: "code_wrong", Email: "somebody@acme.example"},
		{Way: directory.WayProvider, Reason: wide, Reference: wide, Agent: wide, Address: wide},
	}
	r := l.do("acme", &command.RecordRefusals{Rows: rows})
	got := slices.Collect(l.directory("acme").Refusals())
	slices.Reverse(got)
	if len(got) != 6 || !r.Changed {
		t.Fatalf("%d rows", len(got))
	}
	dayAgo := l.now - directory.MaxRefusalAge
	for i, want := range []directory.Time{l.now - 5, l.now, dayAgo, dayAgo, dayAgo, dayAgo} {
		if got[i].At != want || got[i].Seq != r.Seq {
			t.Errorf("row %d is of %d at %d, want %d", i, got[i].Seq, got[i].At, want)
		}
	}
	if told := got[1]; told.Linked || told.Session != "" || told.Ordinal != 1 || told.More != 7 {
		t.Errorf("row %+v", told)
	}
	if got[3].Email != "root@acme.example" || got[4].Email != "" {
		t.Errorf("addresses %q and %q", got[3].Email, got[4].Email)
	}
	if cut := got[5]; len(cut.Reason) > 255 || len(cut.Reference) > 255 || len(cut.Agent) > 255 || len(cut.Address) > 255 {
		t.Errorf("a wide row is kept: %+v", cut)
	}
	if l.do("acme", &command.RecordRefusals{}).Changed || l.do("acme", &command.RecordRefusals{Rows: rows[3:4]}).Changed {
		t.Error("nothing was written, and that changed something")
	}
	l.refuse("acme", &command.RecordRefusals{Rows: []directory.SignIn{{Way: directory.WayProvider}}}, directory.KindInvalid)
	l.refuse("acme", &command.RecordRefusals{Rows: []directory.SignIn{rows[0], {Way: 5, Reason: "x"}}}, directory.KindInvalid)
	l.refuse("acme", &command.RecordRefusals{Rows: make([]directory.SignIn, directory.MaxRefusalBatch+1)}, directory.KindTooLarge)
	l.refuse("nowhere", &command.RecordRefusals{Rows: rows}, directory.KindNotFound)
	if _, refused := l.directory("acme").SignInCounts(); refused != 6 {
		t.Errorf("%d rows after refusals", refused)
	}
	l.sound()
}

// Whoever is erased is in no log of sign-ins any more, by whichever way; somebody who may come back is.
func TestSignIns_erased(t *testing.T) {
	for name, erase := range map[string]func(l *ledger){
		"at once":      func(l *ledger) { l.do("acme", &command.DeleteUser{ID: userID(0), Erase: true}) },
		"later":        func(l *ledger) { l.do("acme", &command.EraseUser{ID: userID(0)}) },
		"by the clock": func(l *ledger) { l.now += directory.DeletedLife; l.do("acme", createUserCommand(9)) },
	} {
		t.Run(name, func(t *testing.T) {
			l := second(t, 2)
			for i := range 2 {
				l.do("acme", l.signIn(i, i))
				l.do("acme", &command.RecordRefusals{Rows: []directory.SignIn{{At: l.now, Way: directory.WayProvider, Reason: "inactive", User: userID(i)}}})
			}
			if name != "at once" {
				l.do("acme", &command.DeleteUser{ID: userID(0)})
				if got := len(l.signIns()); got != 4 {
					t.Errorf("%d rows while the user may be restored", got)
				}
			}
			erase(l)
			if got, want := l.signIns(), []string{"provider user-1 inactive", "provider user-1 session-1 linked"}; !slices.Equal(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
			l.sound()
		})
	}
}

// A ledger of level 1 has no log of sign-ins.
func TestSignIns_notInLevelOne(t *testing.T) {
	l := newLedger(t).acme(1)
	l.do("acme", l.signIn(0, 0))
	if got := l.signIns(); len(got) > 0 {
		t.Errorf("%q in a ledger of level 1", got)
	}
}

// A user who is made by signing in is in the audit log; one whom the identity provider brings is not.
func TestAudit_justInTime(t *testing.T) {
	l := newLedger(t).raised().acme(1)
	l.do("acme", &command.CreateUser{ID: "new", Source: directory.SourceJIT, UserFields: fields(5, true)})
	if got, want := l.audit()[0], "user.created new at the first sign-in"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := l.audit()[1]; !strings.HasPrefix(got, "connection.") {
		t.Errorf("%q", got)
	}
}
