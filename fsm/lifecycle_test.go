package fsm

import (
	"fmt"
	"strings"
	"testing"

	"domicile/directory"
	"domicile/fsm/command"
)

func TestRestoreUser(t *testing.T) {
	l := newLedger(t).acme(2)
	group := func(id directory.ResourceID) *command.CreateGroup {
		return &command.CreateGroup{
			ID: id, Source: directory.SourceSCIM, Members: userIDs(0, 2),
			GroupFields: command.GroupFields{DisplayName: string(id), DisplayNameKey: string(id)},
		}
	}
	l.do("acme", group("stays"))
	l.do("acme", group("goes"))
	l.do("acme", l.signIn(0, 0))
	before, _ := l.directory("acme").User(userID(0))
	l.now++
	deleted := l.do("acme", &command.DeleteUser{ID: userID(0)})
	kept, ok := l.directory("acme").DeletedUser(userID(0))
	if !ok || kept.Deleted != l.now || kept.Expires != l.now+directory.DeletedLife || kept.Seq != deleted.Seq || kept.Actor != "operator" {
		t.Fatalf("deleted user %+v", kept)
	}
	if _, found := l.directory("acme").UserByName(before.UserNameKey); found || l.fsm.View().Sessions() != 0 {
		t.Error("the deleted user can still be found, or is signed in")
	}
	l.do("acme", &command.DeleteGroup{ID: "goes"})
	l.fsm = reborn(t, l.fsm)

	taken := createUserCommand(0)
	l.refuse("acme", taken, directory.KindConflict) // the id stays taken
	taken.ID = "other"
	l.do("acme", taken)
	l.refuse("acme", &command.RestoreUser{ID: userID(0)}, directory.KindConflict) // the name is taken meanwhile
	l.do("acme", &command.DeleteUser{ID: "other", Erase: true})
	if _, kept := l.directory("acme").DeletedUser("other"); kept {
		t.Error("an erased user was kept")
	}
	l.now++
	restored := l.do("acme", &command.RestoreUser{ID: userID(0)})
	after, ok := l.directory("acme").User(userID(0))
	if !ok {
		t.Fatal("the user is not back")
	}
	want := *before
	want.Version, want.Modified = restored.Seq, l.now
	if fmt.Sprint(*after) != fmt.Sprint(want) || restored.Created != before.Created {
		t.Errorf("the user is back as %+v, want %+v", *after, want)
	}
	l.wantMembers("stays", userID(0), userID(1))
	if g, _ := l.directory("acme").Group("stays"); g.Version != restored.Seq {
		t.Errorf("the group is at version %d, want %d", g.Version, restored.Seq)
	}
	l.refuse("acme", &command.RestoreUser{ID: userID(0)}, directory.KindNotFound)
	l.do("acme", l.signIn(0, 1)) // the identity is not tied any more: it is tied again
}

func TestEraseUser(t *testing.T) {
	l := newLedger(t).acme(1)
	l.refuse("acme", &command.EraseUser{ID: userID(0)}, directory.KindNotFound)
	l.do("acme", &command.DeleteUser{ID: userID(0)})
	l.do("acme", &command.EraseUser{ID: userID(0)})
	l.refuse("acme", &command.RestoreUser{ID: userID(0)}, directory.KindNotFound)
	l.do("acme", createUserCommand(0))
}

// Deleted users go after their time, unless the organization's policy is to keep them.
func TestDeletedUsers_expire(t *testing.T) {
	for policy, want := range map[directory.DeletePolicy]int{directory.PolicyDelete: 0, directory.PolicyDeactivate: 1} {
		l := newLedger(t).acme(1)
		l.do("acme", &command.UpdateOrganization{OrganizationFields: command.OrganizationFields{Slug: "acme", DeletePolicy: policy}})
		l.do("acme", &command.DeleteUser{ID: userID(0)})
		l.now += directory.DeletedLife - 1
		l.do("acme", &command.CloseSession{})
		if got := l.directory("acme").DeletedUserCount(); got != 1 {
			t.Errorf("policy %s: %d deleted users before the time, want 1", policy, got)
		}
		l.now++
		l.do("acme", &command.CloseSession{})
		if got := l.directory("acme").DeletedUserCount(); got != want {
			t.Errorf("policy %s: %d deleted users after the time, want %d", policy, got, want)
		}
	}
}

func TestConvertUsers_rules(t *testing.T) {
	l := newLedger(t).acme(1)
	l.do("acme", &command.CreateUser{ID: "invited", Source: directory.SourceInvited, UserFields: fields(8, true)})
	l.do("acme", &command.CreateUser{ID: "root", Source: directory.SourceRoot, UserFields: fields(9, true)})
	to := func(source directory.Source, ids ...directory.ResourceID) *command.ConvertUsers {
		return &command.ConvertUsers{IDs: ids, To: source}
	}
	l.refuse("nowhere", to(directory.SourceSCIM), directory.KindNotFound)
	l.refuse("acme", to(directory.SourceRoot, "invited"), directory.KindInvalid)
	l.refuse("acme", to(0, "invited"), directory.KindInvalid)
	l.refuse("acme", to(directory.SourceSCIM, "invited", "root"), directory.KindInvalid)
	l.refuse("acme", to(directory.SourceSCIM, "invited", "nobody"), directory.KindInvalid)
	l.refuse("acme", to(directory.SourceSCIM, make([]directory.ResourceID, directory.MaxConvert+1)...), directory.KindTooLarge)
	if n := l.directory("acme").UserCount(directory.SourceInvited); n != 1 {
		t.Errorf("%d invited users after refusals, want 1", n)
	}
	scim, _ := l.directory("acme").User(userID(0))
	result := l.do("acme", to(directory.SourceSCIM, "invited", userID(0), "invited"))
	d := l.directory("acme")
	converted, _ := d.User("invited")
	untouched, _ := d.User(userID(0))
	if converted.Source != directory.SourceSCIM || converted.Version != result.Seq || untouched.Version != scim.Version {
		t.Errorf("users are %+v and %+v", converted, untouched)
	}
	if r := l.do("acme", to(directory.SourceSCIM, "invited")); r.Changed {
		t.Error("a conversion of the converted changed something")
	}
	l.do("acme", to(directory.SourceInvited, "invited"))
	if err := l.fsm.View().Check(); err != nil || d.UserCount(directory.SourceSCIM) != 2 {
		t.Errorf("%d users of SCIM (%v)", d.UserCount(directory.SourceSCIM), err)
	}
}

// named makes a user whose document says its name.
func named(id directory.ResourceID, name string, emails ...string) *command.CreateUser {
	return &command.CreateUser{ID: id, Source: directory.SourceSCIM, UserFields: command.UserFields{
		Active: true, UserName: name, UserNameKey: strings.ToLower(name), ExternalID: "ext", DisplayName: "Name", Emails: emails,
		Attributes: fmt.Sprintf(`{"externalId":"ext","userName":%q,"displayName":"Name"}`, name),
	}}
}

func TestRenameUsers(t *testing.T) {
	l := newLedger(t).acme(0)
	l.do("acme", named("a", "Bob@acme.example", "ann@acme.example", "shared@acme.example"))
	l.do("acme", named("b", "Ann@acme.example", "bob@acme.example", "shared@acme.example"))
	kept := l.do("acme", named("c", "cleo@acme.example", "cleo@acme.example"))
	l.do("acme", l.command("acme", &command.CreateGroup{
		ID: "group", Source: directory.SourceSCIM, Members: []directory.ResourceID{"a", "b", "c"},
	}).Payload)
	result := l.do("acme", &command.RenameUsers{})
	l.fsm = reborn(t, l.fsm)
	d := l.directory("acme")
	for id, want := range map[directory.ResourceID]string{"a": "ann@acme.example", "b": "bob@acme.example", "c": "cleo@acme.example"} {
		u, _ := d.User(id)
		holder, _ := d.UserByName(want)
		document := fmt.Sprintf(`{"externalId":"ext","userName":%q,"displayName":"Name"}`, want)
		if u.UserName != want || holder != u || u.Attributes != document || u.ExternalID != "ext" {
			t.Errorf("user %s is %+v", id, u)
		}
		if version := u.Version; version != result.Seq && (id != "c" || version != kept.Version) {
			t.Errorf("user %s is at version %d", id, version)
		}
	}
	l.wantMembers("group", "a", "b", "c")
	if r := l.do("acme", &command.RenameUsers{}); r.Changed {
		t.Error("renaming again changed something")
	}
	l.refuse("nowhere", &command.RenameUsers{}, directory.KindNotFound)
}

func TestRenameUsers_collisions(t *testing.T) {
	l := newLedger(t).acme(0)
	l.do("acme", named("keeper", "keeper@acme.example"))
	for i := range 7 {
		l.do("acme", named(userID(i), fmt.Sprint("name-", i), "keeper@acme.example"))
	}
	digest := l.directory("acme").UsersByNamePrefix("name-")
	r := l.send(l.command("acme", &command.RenameUsers{}))[0]
	if r.Error == nil || r.Error.Kind != directory.KindConflict || strings.Count(r.Error.Detail, "keeper@") != 5 ||
		!strings.Contains(r.Error.Detail, "7 names collide") || !strings.Contains(r.Error.Detail, "and 2 more") {
		t.Errorf("result %+v", r)
	}
	n := 0
	for range digest {
		n++
	}
	if n != 7 {
		t.Errorf("%d users kept their names, want 7", n)
	}
}

// BenchmarkRenameUsers renames 100,000 users in one command.
func BenchmarkRenameUsers(b *testing.B) {
	const size = 100_000
	l := newBench(b, size)
	document := `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"x","title":"` + strings.Repeat("x", 800) + `"}`
	for n := 0; b.Loop(); n++ {
		b.StopTimer()
		l.feed(l.benchEntries(size, 64, func(i int) command.Payload {
			u := bigUser(i)
			u.Emails = []string{fmt.Sprintf("renamed-%d-%d@customer.example", n, i)}
			u.Attributes = document
			return &command.ReplaceUser{ID: u.ID, UserFields: u.UserFields}
		}))
		b.StartTimer()
		l.feed(l.benchEntries(1, 1, func(int) command.Payload { return &command.RenameUsers{} }))
	}
	b.StopTimer()
	d, _ := l.fsm.View().Directory("organization-00000000-0000-0000-0000")
	for range d.UsersByNamePrefix("firstname") {
		b.Fatal("a user kept its name")
	}
}
