package state

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"testing"

	"domicile/directory"
	"domicile/fsm/wire"
)

var home = Identity{Region: "eu", Cluster: "cluster-1"}

// small makes a state with one row at least in each tree.
func small(t testing.TB) (*State, *Directory) {
	t.Helper()
	s := New(home)
	s.Begin(1000)
	s.NextSeq()
	s.PutOrganization(&directory.Organization{ID: "acme", Slug: "acme", Domains: []string{"acme.example"}, BreakGlass: []string{"glass@acme.example"}, Version: 1})
	d, ok := s.Write("acme")
	if !ok {
		t.Fatal("no organization")
	}
	for i := range 5 {
		name := fmt.Sprintf("user-%d", i)
		d.PutUser(nil, &directory.User{
			Source: directory.SourceSCIM,
			ID:     directory.ResourceID(name), Number: d.NextNumber(), Active: true, UserNameKey: name, ExternalID: "shared",
			Emails: []string{name + "@acme.example", "all@acme.example"},
		})
	}
	for i := range 3 {
		name := fmt.Sprintf("group-%d", i)
		d.PutGroup(nil, &directory.Group{
			Source: directory.SourceSCIM,
			ID:     directory.ResourceID(name), Number: d.NextNumber(), DisplayNameKey: name, ExternalID: "shared",
		})
	}
	d.AddMember(6, 1)
	d.AddMember(6, 7)
	d.AddMember(7, 2)
	provision(s, d)
	live(s, d)
	s.PutConnection(d, &directory.Connection{ID: "connection", Organization: "acme", Issuer: "https://idp", ClientID: "client"})
	connect(s, d)
	s.PutLink(d, &directory.Link{Connection: "connection", Issuer: "https://idp", Subject: "s", User: "user-0"})
	s.PutSession(d, &directory.Session{
		ID: "session", Hash: directory.Hash{2}, Organization: "acme", User: "user-0", UserNumber: 1, Connection: "connection", Expires: 9999,
	})
	signed(s, d)
	s.UseTransaction(directory.Hash{3}, 5000)
	s.Remember(Remembered{ID: [16]byte{4}, Deadline: 6000, Result: "result"})
	return s, d
}

func ids[T any](seq iter.Seq[T], id func(T) directory.ResourceID) string {
	var list []string
	for item := range seq {
		list = append(list, string(id(item)))
	}
	return strings.Join(list, " ")
}

func userID(u *directory.User) directory.ResourceID   { return u.ID }
func groupID(g *directory.Group) directory.ResourceID { return g.ID }

func TestDirectory_queries(t *testing.T) {
	_, d := small(t)
	for name, c := range map[string]struct{ got, want string }{
		"users":                 {ids(d.Users(directory.SourceSCIM, 0), userID), "user-0 user-1 user-2 user-3 user-4"},
		"users from the third":  {ids(d.Users(directory.SourceSCIM, 2), userID), "user-2 user-3 user-4"},
		"users past the end":    {ids(d.Users(directory.SourceSCIM, 5), userID), ""},
		"users before all":      {ids(d.Users(directory.SourceSCIM, -1), userID), ""},
		"users after number 3":  {ids(d.UsersAfter(directory.SourceSCIM, 3), userID), "user-3 user-4"},
		"users after number 0":  {ids(d.UsersAfter(directory.SourceSCIM, 0), userID), "user-0 user-1 user-2 user-3 user-4"},
		"users after the last":  {ids(d.UsersAfter(directory.SourceSCIM, math.MaxUint32), userID), ""},
		"users by prefix":       {ids(d.UsersByNamePrefix("user-"), userID), "user-0 user-1 user-2 user-3 user-4"},
		"users by whole name":   {ids(d.UsersByNamePrefix("user-3"), userID), "user-3"},
		"users by no prefix":    {ids(d.UsersByNamePrefix("v"), userID), ""},
		"users by external id":  {ids(d.UsersByExternalID("shared"), userID), "user-0 user-1 user-2 user-3 user-4"},
		"users without one":     {ids(d.UsersByExternalID(""), userID), ""},
		"users by one's e-mail": {ids(d.UsersByEmail("user-4@acme.example"), userID), "user-4"},
		"users by all's e-mail": {ids(d.UsersByEmail("all@acme.example"), userID), "user-0 user-1 user-2 user-3 user-4"},
		"users by part of one":  {ids(d.UsersByEmail("all"), userID), ""},
		"groups":                {ids(d.Groups(directory.SourceSCIM, 1), groupID), "group-1 group-2"},
		"groups after":          {ids(d.GroupsAfter(directory.SourceSCIM, 7), groupID), "group-2"},
		"groups after the last": {ids(d.GroupsAfter(directory.SourceSCIM, math.MaxUint32), groupID), ""},
		"groups by prefix":      {ids(d.GroupsByNamePrefix("group-"), groupID), "group-0 group-1 group-2"},
		"groups by external id": {ids(d.GroupsByExternalID("shared"), groupID), "group-0 group-1 group-2"},
		"members":               {fmt.Sprint(slices.Collect(d.MembersOf(6))), "[1 7]"},
		"containers":            {fmt.Sprint(slices.Collect(d.GroupsOf(7))), "[6]"},
		"nobody's members":      {fmt.Sprint(slices.Collect(d.MembersOf(math.MaxUint32))), "[]"},
		"member":                {fmt.Sprint(d.IsMember(6, 1), d.IsMember(6, 2)), "true false"},
		"counts":                {fmt.Sprint(d.UserCount(directory.SourceSCIM), d.GroupCount(directory.SourceSCIM), d.MembersUpTo(6, 1), d.MembersUpTo(6, 9)), "5 3 1 2"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", name, c.got, c.want)
		}
	}
	for range d.Users(directory.SourceSCIM, 0) {
		break // an iterator may be left early
	}
}

// Check finds each kind of disagreement: every sabotage breaks one index behind the methods' back.
func TestCheck_findsFaults(t *testing.T) {
	user := func(d *Directory) *directory.User { u, _ := d.User("user-0"); return u }
	for name, sabotage := range map[string]func(*State, *Directory){
		"user by name": func(_ *State, d *Directory) { d.usersName.Delete(user(d)) },
		"user by id": func(_ *State, d *Directory) {
			u := *user(d)
			d.users.ids.Set(idRow[directory.User]{hashOf(u.ID), &u})
		},
		"stale name":           func(_ *State, d *Directory) { d.usersName.Set(&directory.User{UserNameKey: "old"}) },
		"stale external id":    func(_ *State, d *Directory) { d.usersExt.Set(&directory.User{ExternalID: "old"}) },
		"stale e-mail":         func(_ *State, d *Directory) { d.usersEmail.Set(emailRow{"old", user(d)}) },
		"missing e-mail":       func(_ *State, d *Directory) { d.usersEmail.Delete(emailRow{"all@acme.example", user(d)}) },
		"stale group name":     func(_ *State, d *Directory) { d.groupsName.Set(&directory.Group{DisplayNameKey: "old"}) },
		"stale group external": func(_ *State, d *Directory) { d.groupsExt.Set(&directory.Group{ExternalID: "old"}) },
		"number not given":     func(_ *State, d *Directory) { d.next = 3 },
		"one-way membership":   func(_ *State, d *Directory) { d.containers.Delete(pair{1, 6}) },
		"stale container":      func(_ *State, d *Directory) { d.containers.Set(pair{3, 6}) },
		"member is nobody":     func(_ *State, d *Directory) { d.AddMember(6, 99) },
		"own member":           func(_ *State, d *Directory) { d.AddMember(6, 6) },
		"stale token": func(s *State, _ *Directory) {
			s.tokens.Set(hashRow[directory.Token]{record: &directory.Token{Hash: directory.Hash{9}}})
		},
		"stale registration":    func(s *State, _ *Directory) { s.clients.Set(&directory.Connection{ClientID: "old"}) },
		"stale connection":      func(s *State, _ *Directory) { s.connections.Set(&directory.Connection{ID: "old"}) },
		"link of nobody":        func(s *State, d *Directory) { s.PutLink(d, &directory.Link{Connection: "connection", User: "old"}) },
		"link by user":          func(_ *State, d *Directory) { d.linksUser.Clear() },
		"session by hash":       func(s *State, _ *Directory) { s.sessions.Clear() },
		"session by end":        func(s *State, _ *Directory) { s.sessionsEnd.Clear() },
		"session by user":       func(_ *State, d *Directory) { d.sessionsUser.Clear() },
		"transaction by end":    func(s *State, _ *Directory) { s.transEnd.Clear() },
		"stale transaction end": func(s *State, _ *Directory) { s.transEnd.Set(transactionRow{expires: 1}) },
		"slug":                  func(s *State, _ *Directory) { s.slugs.Clear() },
		"stale domain":          func(s *State, _ *Directory) { s.domains.Set(domainRow{"old.example", "acme"}) },
		"domain":                func(s *State, _ *Directory) { s.domains.Set(domainRow{"acme.example", "other"}) },
		"session of the inactive": func(_ *State, d *Directory) {
			u := *user(d)
			u.Active = false
			d.PutUser(user(d), &u)
		},
	} {
		s, d := small(t)
		if err := s.Publish().Check(); err != nil {
			t.Fatal(err)
		}
		d, _ = s.Write("acme")
		sabotage(s, d)
		if s.Publish().Check() == nil {
			t.Errorf("%s: not found", name)
		}
	}
}

func TestPublish_viewsStay(t *testing.T) {
	s, _ := small(t)
	view := s.Publish()
	digest := view.Digest()
	d, _ := s.Write("acme")
	u, _ := d.User("user-0")
	s.DeleteUser(d, u)
	d.NextNumber()
	s.PutOrganization(&directory.Organization{ID: "acme", Slug: "renamed", BreakGlass: []string{"glass@acme.example"}})
	s.Begin(20_000)
	s.SetLevel(9)
	if err := view.Check(); err != nil || view.Digest() != digest {
		t.Errorf("a published view changed (%v)", err)
	}
	if _, ok := view.Session(directory.Hash{2}); !ok || view.Level() != 1 || !view.TransactionUsed(directory.Hash{3}) {
		t.Error("a published view lost something")
	}
	s.DeleteOrganization(d)
	if view.Digest() != digest || s.Publish().Organizations() != 0 {
		t.Error("deleting an organization changed a published view, or nothing")
	}
}

func TestRequestLog(t *testing.T) {
	s := New(home)
	id := func(i int) [16]byte { return [16]byte{byte(i), byte(i >> 8)} }
	for i := range 40_000 {
		s.Remember(Remembered{ID: id(i), Deadline: directory.Time(i), Result: fmt.Sprint(i)})
	}
	view := s.Publish()
	s.Begin(300)
	for i := range 40_000 {
		row, ok := s.Remembered(id(i))
		if ok != (i >= 300) || ok && row.Result != fmt.Sprint(i) {
			t.Fatalf("after the stamp 300, request %d is remembered: %v as %q", i, ok, row.Result)
		}
	}
	s.Begin(50_000) // bounded: 32,768 rows at a time
	if _, ok := s.Remembered(id(33_067)); ok {
		t.Error("request 33067 is still remembered")
	}
	if _, ok := s.Remembered(id(33_068)); !ok {
		t.Error("more was forgotten at once than the bound allows")
	}
	var b bytes.Buffer
	if err := s.Publish().Snapshot(&b); err != nil {
		t.Fatal(err)
	}
	restored, err := Restore(&b, home, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*State{s, restored} {
		s.Remember(Remembered{ID: id(50_000), Deadline: 90_000, Result: "late"})
		s.Begin(60_000)
		if row, ok := s.Remembered(id(50_000)); !ok || row.Result != "late" || len(s.requests.rows) != 1 || len(s.requests.index) != 1 {
			t.Errorf("the late request: %v %q, %d rows, %d in the index", ok, row.Result, len(s.requests.rows), len(s.requests.index))
		}
	}
	if len(view.requests.rows) != 40_000 || view.requests.rows[0].Result != "0" {
		t.Error("a published view's requests changed")
	}
}

func snapshotOf(t testing.TB, s *State) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := s.Publish().Snapshot(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestRestore_equals(t *testing.T) {
	s, _ := small(t)
	data := snapshotOf(t, s)
	restored, err := Restore(bytes.NewReader(data), home, 1)
	if err != nil {
		t.Fatal(err)
	}
	view := restored.Publish()
	if err := view.Check(); err != nil {
		t.Error(err)
	}
	if !bytes.Equal(snapshotOf(t, restored), data) {
		t.Error("the snapshot of the restored state differs")
	}
	if view.Seq() != 1 || view.At() != 1000 || view.Level() != 1 || view.Identity() != home {
		t.Errorf("header: seq %d at %d level %d of %v", view.Seq(), view.At(), view.Level(), view.Identity())
	}
	if row, ok := restored.Remembered([16]byte{4}); !ok || row.Result != "result" {
		t.Error("a remembered result is lost")
	}
	d, _ := restored.Write("acme")
	if n := d.NextNumber(); n != 12 {
		t.Errorf("the next number is %d, want 12", n)
	}
}

func TestRestore_refuses(t *testing.T) {
	s, _ := small(t)
	data := snapshotOf(t, s)
	for _, identity := range []Identity{{"us", home.Cluster}, {home.Region, "cluster-2"}} {
		_, err := Restore(bytes.NewReader(data), identity, 1)
		if got, ok := errors.AsType[ErrForeign](err); !ok || got.Got != home || got.Have != identity {
			t.Errorf("into %v: %v", identity, err)
		}
	}
	s.SetLevel(3)
	_, err := Restore(bytes.NewReader(snapshotOf(t, s)), home, 2)
	if got, ok := errors.AsType[ErrLevel](err); !ok || got.Got != 3 || got.Have != 2 {
		t.Errorf("level 3 into a binary of level 2: %v", err)
	}
	header := data[:2+int(data[1])]
	for name, damaged := range map[string][]byte{
		"other format":      append([]byte{frameHeader, 1}, 9),
		"no header":         data[len(header):],
		"unknown frame":     append(slices.Clone(header), 99, 0),
		"user of nobody":    append(slices.Clone(header), frameUser, 0),
		"session of nobody": append(slices.Clone(header), frameSession, 0),
		"huge frame":        append(slices.Clone(header), frameUser, 0xff, 0xff, 0xff, 0xff, 0x7f),
		"wrong count":       append(slices.Clone(header), frameEnd, 1, 7),
		"left over":         append(slices.Clone(header), frameEnd, 2, 1, 0),
	} {
		if _, err := Restore(bytes.NewReader(damaged), home, 1); !errors.Is(err, wire.ErrMalformed) {
			t.Errorf("%s: error is %v, want ErrMalformed", name, err)
		}
	}
}

// FuzzRestore: hostile snapshots never panic, and what restores has a snapshot that restores to the same.
func FuzzRestore(f *testing.F) {
	s, _ := small(f)
	data := snapshotOf(f, s)
	f.Add(data)
	f.Add(snapshotOf(f, New(home)))
	f.Add(data[:len(data)/2])
	f.Fuzz(func(t *testing.T, data []byte) {
		restored, err := Restore(bytes.NewReader(data), home, 1)
		if err != nil {
			return
		}
		view := restored.Publish()
		_ = view.Check() // it may find faults, but must come back
		restored.Begin(math.MaxInt64)
		for d := range view.Directories() {
			if touched, ok := restored.Write(d.Organization().ID); ok {
				restored.DeleteOrganization(touched)
			}
		}
		first := view.Digest()
		again, err := Restore(bytes.NewReader(snapshotOf(t, &State{tables: view.tables})), home, 1)
		if err == nil && view.Check() == nil && again.Publish().Digest() != first {
			t.Error("a restored snapshot's snapshot differs")
		}
	})
}
