package fsm

import (
	"testing"

	"domicile/directory"
	"domicile/fsm/command"
)

// Whatever takes away a user's right to be signed in ends the sessions in the same entry.
func TestSessions_endWithTheirReason(t *testing.T) {
	for name, end := range map[string]command.Payload{
		"deactivated":         &command.ReplaceUser{ID: userID(0), UserFields: fields(0, false)},
		"deleted":             &command.DeleteUser{ID: userID(0)},
		"connection deleted":  &command.DeleteConnection{ID: "connection"},
		"organization closed": &command.DeleteOrganization{},
		"signed out":          &command.CloseSession{Hash: number(0)},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLedger(t).acme(1)
			open, closing := l.command("acme", l.signIn(0, 0)), l.command("acme", end)
			if results := l.send(open, closing); results[0].Error != nil || results[1].Error != nil {
				t.Fatalf("results %+v", results)
			}
			if _, ok := l.fsm.View().Session(number(0)); ok || l.fsm.View().Sessions() != 0 {
				t.Error("the session is still there")
			}
			if err := l.fsm.View().Check(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSessions_othersStay(t *testing.T) {
	l := newLedger(t).acme(2)
	l.do("acme", l.signIn(0, 0))
	l.do("acme", l.signIn(1, 1))
	l.do("acme", &command.ReplaceUser{ID: userID(0), UserFields: fields(0, false)})
	if _, ok := l.fsm.View().Session(number(1)); !ok {
		t.Error("deactivating one user ended another's session")
	}
	l.refuse("acme", l.signIn(0, 2), directory.KindForbidden)
	l.do("other", &command.CreateOrganization{OrganizationFields: command.OrganizationFields{Slug: "other"}})
	if r := l.do("other", &command.CloseSession{Hash: number(1)}); r.Changed {
		t.Error("one organization closed another's session")
	}
}

func TestSessions_bounded(t *testing.T) {
	l := newLedger(t).acme(2)
	l.do("acme", l.signIn(1, 1000))
	for n := range directory.MaxSessionsPerUser + 3 {
		l.now++
		l.do("acme", l.signIn(0, n))
	}
	view := l.fsm.View()
	if got := view.Sessions(); got != directory.MaxSessionsPerUser+1 {
		t.Errorf("%d sessions, want the most that one user may have and one of another", got)
	}
	for n := range 3 {
		if _, ok := view.Session(number(n)); ok {
			t.Errorf("session %d is older than the bound and still there", n)
		}
	}
}

// A session is gone from the ledger after its end, a bounded number of them per entry.
func TestSessions_sweep(t *testing.T) {
	l := newLedger(t).acme(10)
	for n := range 400 {
		l.do("acme", l.signIn(n%10, n))
	}
	l.now += 3600_000_000
	l.do("acme", &command.CloseSession{})
	if got := l.fsm.View().Sessions(); got != 400-256 {
		t.Errorf("%d sessions after one entry, want %d", got, 400-256)
	}
	l.do("acme", &command.CloseSession{})
	if got := l.fsm.View().Sessions(); got != 0 {
		t.Errorf("%d sessions after two entries", got)
	}
	if l.fsm.View().TransactionUsed(number(0)) {
		t.Error("a transaction is remembered after its end")
	}
	if err := l.fsm.View().Check(); err != nil {
		t.Error(err)
	}
}

func TestOpenSession_refuses(t *testing.T) {
	l := newLedger(t).acme(2)
	l.do("acme", &command.CreateUser{ID: "root", Source: directory.SourceRoot, UserFields: fields(9, true)})
	l.do("acme", l.signIn(0, 0))
	for name, c := range map[string]struct {
		change func(*command.OpenSession)
		want   directory.Kind
	}{
		"used transaction":        {func(p *command.OpenSession) { p.Transaction = number(0) }, directory.KindReplayed},
		"late transaction":        {func(p *command.OpenSession) { p.TransactionExpiry = l.now - 1 }, directory.KindUnauthenticated},
		"session hash of another": {func(p *command.OpenSession) { p.Hash = number(0) }, directory.KindConflict},
		"other connection":        {func(p *command.OpenSession) { p.Connection = "elsewhere" }, directory.KindForbidden},
		"changed connection":      {func(p *command.OpenSession) { p.ConnectionVersion-- }, directory.KindForbidden},
		"unknown user":            {func(p *command.OpenSession) { p.User = "nobody" }, directory.KindForbidden},
		"root user":               {func(p *command.OpenSession) { p.User = "root" }, directory.KindForbidden},
		"identity of another":     {func(p *command.OpenSession) { p.Subject = string(userID(0)) }, directory.KindConflict},
	} {
		t.Run(name, func(t *testing.T) {
			p := l.signIn(1, 1)
			c.change(p)
			l.refuse("acme", p, c.want)
		})
	}
	l.do("acme", l.signIn(1, 1))
}

// What was refused did not use up the transaction, so the person may try again.
func TestOpenSession_refusalConsumesNothing(t *testing.T) {
	l := newLedger(t).acme(1)
	p := l.signIn(0, 0)
	p.User = "nobody"
	l.refuse("acme", p, directory.KindForbidden)
	l.do("acme", l.signIn(0, 0))
	p = l.signIn(0, 1)
	p.Transaction = number(0)
	l.refuse("acme", p, directory.KindReplayed)
}

func TestPutConnection_rules(t *testing.T) {
	l := newLedger(t).acme(0)
	l.do("other", &command.CreateOrganization{OrganizationFields: command.OrganizationFields{Slug: "other"}})
	first := command.PutConnection{ID: "new", Issuer: "https://a.example", ClientID: "client", Enabled: true}
	expecting := first
	expecting.ExpectVersion = 1
	l.refuse("acme", &expecting, directory.KindNotFound)
	version := l.do("acme", &first).Version
	l.refuse("other", &first, directory.KindConflict)
	expecting.ExpectVersion = version + 1
	l.refuse("acme", &expecting, directory.KindStale)
	second := command.PutConnection{ID: "second", Issuer: "https://a.example", ClientID: "client"}
	l.refuse("other", &second, directory.KindConflict)
	expecting.ExpectVersion, expecting.ClientID = version, "renamed"
	l.do("acme", &expecting)
	l.do("other", &second)
	if holder, _ := l.fsm.View().ConnectionByClient("https://a.example", "client"); holder.ID != "second" {
		t.Errorf("the freed client id belongs to %s", holder.ID)
	}
}

func TestUsers_rules(t *testing.T) {
	l := newLedger(t).acme(2)
	l.do("acme", &command.CreateGroup{ID: "group", Source: directory.SourceSCIM, GroupFields: command.GroupFields{DisplayNameKey: "group"}})
	d := l.directory("acme")
	user, _ := d.User(userID(0))

	same := l.do("acme", &command.ReplaceUser{ID: userID(0), UserFields: fields(0, true)})
	if same.Changed || same.Version != user.Version || same.Modified != user.Modified || same.Seq == user.Version {
		t.Errorf("a replace that changes nothing answers %+v for version %d", same, user.Version)
	}
	l.refuse("acme", createUserCommand(0), directory.KindConflict)
	l.refuse("acme", &command.CreateUser{ID: "group", Source: directory.SourceSCIM, UserFields: fields(7, true)}, directory.KindConflict)
	l.refuse("acme", &command.CreateUser{ID: "new", Source: directory.SourceSCIM, UserFields: fields(1, true)}, directory.KindConflict)
	l.refuse("acme", &command.ReplaceUser{ID: userID(0), UserFields: fields(1, true)}, directory.KindConflict)
	l.refuse("acme", &command.ReplaceUser{ID: userID(0), ExpectVersion: 1, UserFields: fields(0, true)}, directory.KindStale)
	l.refuse("acme", &command.ReplaceUser{ID: "nobody", UserFields: fields(8, true)}, directory.KindNotFound)
	l.refuse("acme", &command.DeleteUser{ID: userID(0), ExpectVersion: 1}, directory.KindStale)
	l.refuse("acme", &command.DeleteUser{ID: "group"}, directory.KindNotFound)
	l.refuse("nowhere", createUserCommand(5), directory.KindNotFound)

	twice := fields(0, true)
	twice.Emails = []string{"shared@acme.example", "shared@acme.example"}
	l.do("acme", &command.ReplaceUser{ID: userID(0), UserFields: twice})
	twice.Emails = twice.Emails[:1]
	l.do("acme", &command.ReplaceUser{ID: userID(0), UserFields: twice})
	other := fields(1, true)
	other.Emails = append(other.Emails, "shared@acme.example")
	l.do("acme", &command.ReplaceUser{ID: userID(1), UserFields: other})
	var found []directory.ResourceID
	for u := range l.directory("acme").UsersByEmail("shared@acme.example") {
		found = append(found, u.ID)
	}
	if len(found) != 2 || found[0] != userID(0) || found[1] != userID(1) {
		t.Errorf("the shared address finds %v", found)
	}
}

func TestGroups_rules(t *testing.T) {
	l := newLedger(t).acme(3)
	group := func(id directory.ResourceID, members ...directory.ResourceID) *command.CreateGroup {
		return &command.CreateGroup{
			Source: directory.SourceSCIM,
			ID:     id, GroupFields: command.GroupFields{DisplayName: string(id), DisplayNameKey: string(id)}, Members: members,
		}
	}
	l.refuse("acme", group("a", "nobody"), directory.KindInvalid)
	l.refuse("acme", group("a", "a"), directory.KindInvalid)
	l.refuse("acme", group(userID(0)), directory.KindConflict)
	inner := l.do("acme", group("inner", userID(0), userID(1), userID(0)))
	outer := l.do("acme", group("outer", "inner", userID(2)))

	delta := func(add, remove []directory.ResourceID) *command.UpdateGroup {
		return &command.UpdateGroup{ID: "inner", Mode: command.MembersDelta, Add: add, Remove: remove}
	}
	ids := func(ids ...directory.ResourceID) []directory.ResourceID { return ids }
	for name, p := range map[string]*command.UpdateGroup{
		"present member":    delta(ids(userID(0)), nil),
		"absent member":     delta(nil, ids(userID(2))),
		"unknown member":    delta(nil, ids("nobody")),
		"removed and added": delta(ids(userID(0)), ids(userID(0))),
		"same set":          {ID: "inner", Mode: command.MembersReplace, Add: ids(userID(1), userID(0), userID(1))},
		"same fields":       {ID: "inner", Fields: &command.GroupFields{DisplayName: "inner", DisplayNameKey: "inner"}},
		"kept members":      {ID: "inner", Mode: command.MembersKeep, Remove: ids(userID(0))},
	} {
		if r := l.do("acme", p); r.Changed || r.Version != inner.Version {
			t.Errorf("%s: %+v, want a no-op at version %d", name, r, inner.Version)
		}
	}
	l.refuse("acme", delta(ids("inner"), nil), directory.KindInvalid)
	l.refuse("acme", delta(ids("nobody"), nil), directory.KindInvalid)
	l.refuse("acme", &command.UpdateGroup{ID: "inner", Mode: 9}, directory.KindInvalid)
	l.refuse("acme", &command.UpdateGroup{ID: "inner", ExpectVersion: 1}, directory.KindStale)
	l.refuse("acme", &command.UpdateGroup{ID: "inner", Fields: &command.GroupFields{DisplayNameKey: "outer"}}, directory.KindConflict)
	l.do("acme", delta(ids("outer"), nil)) // a cycle is the customer's affair

	deleted := l.do("acme", &command.DeleteGroup{ID: "inner"})
	d := l.directory("acme")
	after, _ := d.Group("outer")
	if after.Version != deleted.Seq || after.Version == outer.Version || after.DisplayName != "outer" {
		t.Errorf("the group that lost a member is at version %d, want %d", after.Version, deleted.Seq)
	}
	if d.MembersUpTo(after.Number, 10) != 1 || d.MembersUpTo(after.Number, 0) != 0 {
		t.Errorf("outer has %d members, want 1", d.MembersUpTo(after.Number, 10))
	}
	gone := l.do("acme", &command.DeleteUser{ID: userID(2)})
	if after, _ := l.directory("acme").Group("outer"); after.Version != gone.Seq {
		t.Errorf("the group that lost a user is at version %d, want %d", after.Version, gone.Seq)
	}
	if err := l.fsm.View().Check(); err != nil {
		t.Error(err)
	}
}

func TestOrganizations_rules(t *testing.T) {
	l := newLedger(t).acme(1)
	fields := func(slug string, domains ...string) command.OrganizationFields {
		return command.OrganizationFields{Slug: slug, Name: "Name", Domains: domains, Profile: directory.ProfileInterop}
	}
	l.refuse("acme", &command.CreateOrganization{OrganizationFields: fields("new")}, directory.KindConflict)
	l.refuse("new", &command.CreateOrganization{OrganizationFields: fields("acme")}, directory.KindConflict)
	l.refuse("new", &command.CreateOrganization{OrganizationFields: fields("new", "acme.example")}, directory.KindConflict)
	l.refuse("new", &command.UpdateOrganization{OrganizationFields: fields("new")}, directory.KindNotFound)
	l.refuse("acme", &command.UpdateOrganization{ExpectVersion: 99, OrganizationFields: fields("acme")}, directory.KindStale)
	l.do("acme", &command.UpdateOrganization{OrganizationFields: fields("renamed", "renamed.example")})
	if r := l.do("acme", &command.UpdateOrganization{OrganizationFields: fields("renamed", "renamed.example")}); r.Changed {
		t.Error("an update that changes nothing changed something")
	}
	l.do("new", &command.CreateOrganization{OrganizationFields: fields("acme", "acme.example")})
	view := l.fsm.View()
	if d, ok := view.DirectoryBySlug("renamed"); !ok || d.Organization().ID != "acme" || d.UserCount(directory.SourceSCIM) != 1 {
		t.Error("the renamed organization lost something")
	}
	if d, ok := view.DirectoryByDomain("acme.example"); !ok || d.Organization().ID != "new" {
		t.Error("the freed domain does not lead to its new organization")
	}
	l.do("acme", bearer("token", 1))
	l.do("acme", &command.DeleteOrganization{})
	if _, ok := l.fsm.View().TokenByHash(number(1)); ok {
		t.Error("a token survived its organization")
	}
	if _, ok := l.fsm.View().ConnectionByClient("https://idp.example", "client"); ok {
		t.Error("a client id survived its organization")
	}
	l.refuse("acme", &command.DeleteOrganization{}, directory.KindNotFound)
}
