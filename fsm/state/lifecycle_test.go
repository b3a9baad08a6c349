package state

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"domicile/directory"
)

// live adds what happens to an organization: a staged change, two rows of the sync log, two deleted users.
func live(s *State, d *Directory) {
	s.PutStaged(d, &directory.StagedChange{ID: directory.ChangeID{1}, Organization: "acme", Expires: 7000, Parts: []directory.StagedPart{
		{Add: []directory.Number{1, 2}, Remove: []directory.Number{3}}, {Remove: []directory.Number{4}},
	}})
	d.AppendSync(&directory.SyncRow{
		Seq: 1, At: 800, Actor: "token:1", Resource: "User", ID: "user-1", Name: "user-1", Changed: true, Document: "{}",
		SyncNote: directory.SyncNote{
			Method: directory.SyncPatch, Request: "request", Client: "Okta", Operations: "add", Changes: []string{"active"}, Courtesies: []string{"case"},
		},
	}, 1000)
	d.AppendSync(&directory.SyncRow{Seq: 1, Ordinal: 1, At: 900, Status: 409, Detail: "taken", ScimType: "uniqueness"}, 1000)
	d.NoteNotified(1, 950)
	for i, expires := range []directory.Time{8000, 0} {
		id := directory.ResourceID(fmt.Sprintf("gone-%d", i))
		s.PutDeleted(d, &directory.DeletedUser{
			Organization: "acme", User: &directory.User{ID: id, Number: d.NextNumber(), Source: directory.SourceSCIM},
			Groups: []directory.Number{6, 7}, Seq: uint64(i), Deleted: 800, Expires: expires, Actor: "token:1",
		})
	}
}

func TestLifecycle_queries(t *testing.T) {
	_, d := small(t)
	var deleted []directory.ResourceID
	for found := range d.DeletedUsers() {
		deleted = append(deleted, found.User.ID)
	}
	var rows []uint32
	for row := range d.SyncLog() {
		rows = append(rows, row.Ordinal)
	}
	row, _ := d.SyncRow(1, 0)
	_, missing := d.SyncRow(2, 0)
	gone, _ := d.DeletedUser("gone-0")
	changes, numbers := d.StagedCounts()
	for name, c := range map[string]struct{ got, want string }{
		"deleted users":  {fmt.Sprint(deleted, d.DeletedUserCount(), gone.Expires), "[gone-1 gone-0] 2 8000"},
		"taken ids":      {fmt.Sprint(d.Taken("gone-0"), d.Taken("user-0"), d.Taken("group-0"), d.Taken("new")), "true true true false"},
		"numbers":        {fmt.Sprint(d.Has(1), d.Has(6), d.Has(9)), "true true false"},
		"sync log":       {fmt.Sprint(rows, row.Request, missing), "[1 0]requestfalse"},
		"sync counts":    {fmt.Sprint(d.SyncCounts()), fmt.Sprint(directory.SyncCounts{Rows: 2, Failures: 1, LastFailure: 900, Notified: 1, NotifiedAt: 950})},
		"staged changes": {fmt.Sprint(changes, numbers), "1 4"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", name, c.got, c.want)
		}
	}
}

func TestCheck_findsLifecycleFaults(t *testing.T) {
	gone := func(d *Directory) *directory.DeletedUser { found, _ := d.DeletedUser("gone-0"); return found }
	for name, sabotage := range map[string]func(*State, *Directory){
		"staged change by end":  func(s *State, _ *Directory) { s.stagedEnd.Clear() },
		"staged change of past": func(s *State, _ *Directory) { s.stagedEnd.Set(&directory.StagedChange{Organization: "old"}) },
		"staged numbers":        func(_ *State, d *Directory) { d.staging.numbers++ },
		"staged elsewhere": func(s *State, d *Directory) {
			s.PutStaged(d, &directory.StagedChange{ID: directory.ChangeID{1}, Organization: "other"})
		},
		"staged out of order": func(s *State, d *Directory) {
			change := &directory.StagedChange{Organization: "acme"}
			d.staging.changes = append(d.staging.changes, change)
			s.stagedEnd.Set(change)
		},
		"too many staged changes": func(s *State, d *Directory) {
			for n := range directory.MaxStagedChanges {
				s.PutStaged(d, &directory.StagedChange{ID: directory.ChangeID{9, byte(n)}, Organization: "acme"})
			}
		},
		"text of the sync log": func(_ *State, d *Directory) { d.sync.text++ },
		"row of the future":    func(_ *State, d *Directory) { d.AppendSync(&directory.SyncRow{Seq: 2}, 1000) },
		"row with old text":    func(_ *State, d *Directory) { d.sync.bare = directory.SyncRow{Seq: 1, Ordinal: 1} },
		"too much text": func(_ *State, d *Directory) {
			d.sync.put(&directory.SyncRow{Seq: 1, Ordinal: 2, Document: string(make([]byte, directory.MaxSyncText))})
		},
		"uncounted failures":    func(_ *State, d *Directory) { d.sync.counts.Failures = 0 },
		"deleted user by id":    func(_ *State, d *Directory) { d.deleted.ids.Clear() },
		"deleted user by seq":   func(_ *State, d *Directory) { d.deleted.order.Clear() },
		"deleted user by end":   func(s *State, _ *Directory) { s.deletedEnd.Clear() },
		"endless deleted user":  func(s *State, d *Directory) { found, _ := d.DeletedUser("gone-1"); s.deletedEnd.Set(found) },
		"deleted user is there": func(_ *State, d *Directory) { d.PutUser(nil, gone(d).User) },
		"number taken": func(_ *State, d *Directory) {
			d.PutUser(nil, &directory.User{ID: "new", Number: gone(d).User.Number, Source: directory.SourceSCIM})
		},
		"deleted in the future": func(s *State, d *Directory) {
			s.PutDeleted(d, &directory.DeletedUser{Organization: "acme", User: &directory.User{ID: "x", Number: d.NextNumber()}, Seq: 9})
		},
		"deleted elsewhere": func(s *State, d *Directory) {
			s.PutDeleted(d, &directory.DeletedUser{Organization: "other", User: &directory.User{ID: "x", Number: d.NextNumber()}, Seq: 1})
		},
	} {
		s, _ := small(t)
		if err := s.Publish().Check(); err != nil {
			t.Fatal(err)
		}
		d, _ := s.Write("acme")
		sabotage(s, d)
		if s.Publish().Check() == nil {
			t.Errorf("%s: not found", name)
		}
	}
}

// Whatever is over leaves at its time, and what is not stays.
func TestBegin_sweepsLifecycle(t *testing.T) {
	s, _ := small(t)
	for _, c := range []struct {
		at                 directory.Time
		staged, deletedAll int
	}{{6999, 1, 2}, {7000, 0, 2}, {7999, 0, 2}, {8000, 0, 1}, {1 << 60, 0, 1}} {
		s.Begin(c.at)
		view := s.Publish()
		d, _ := view.Directory("acme")
		if staged, _ := d.StagedCounts(); staged != c.staged || d.DeletedUserCount() != c.deletedAll {
			t.Errorf("at %d: %d staged changes and %d deleted users, want %d and %d", c.at, staged, d.DeletedUserCount(), c.staged, c.deletedAll)
		}
		if err := view.Check(); err != nil {
			t.Error(err)
		}
	}
}

// The sync log stays within its bounds whatever comes, is the same when it was restored in between, and forgets the oldest
// first.
func TestSyncLog_bounded(t *testing.T) {
	s := New(home)
	s.PutOrganization(&directory.Organization{ID: "acme"})
	for i := range 3 * directory.MaxSyncRows {
		d, _ := s.Write("acme")
		row := &directory.SyncRow{Seq: s.NextSeq(), At: directory.Time(i), Name: "name", Document: string(make([]byte, i*37%2000))}
		if i == 1500 {
			row.Document = string(make([]byte, directory.MaxSyncText+1))
		}
		if row.Operations = "add"; i%3 == 0 {
			row.Operations, row.Document = "", ""
		}
		d.AppendSync(row, row.At)
		if i%100 > 0 {
			continue
		}
		view := s.Publish()
		if err := view.Check(); err != nil {
			t.Fatal(err)
		}
		restored, err := Restore(bytes.NewReader(snapshotOf(t, s)), home, 1)
		if err != nil || restored.Publish().Digest() != view.Digest() {
			t.Fatalf("row %d: the restored log differs (%v)", i, err)
		}
		if i%200 == 0 {
			s = restored
		}
	}
	d, _ := s.Publish().Directory("acme")
	rows, kept, text := slices.Collect(d.SyncLog()), true, 0
	for i, row := range rows {
		if i > 0 && row.Seq != rows[i-1].Seq-1 {
			t.Fatalf("row %d follows row %d", row.Seq, rows[i-1].Seq)
		}
		if bare := row.Operations == "" && row.Document == ""; bare && row.Seq%3 != 1 {
			kept = false
		} else if !bare && !kept {
			t.Fatalf("row %d has a text and a newer one has not", row.Seq)
		}
		text += row.Text()
		if row.Name != "name" {
			t.Errorf("row %d lost its name", row.Seq)
		}
	}
	if len(rows) != directory.MaxSyncRows || kept || text < directory.MaxSyncText-3000 || text > directory.MaxSyncText {
		t.Errorf("%d rows with %d bytes of text", len(rows), text)
	}
	d, _ = s.Write("acme")
	d.AppendSync(&directory.SyncRow{Seq: s.NextSeq(), At: 2900 + directory.SyncLogLife}, 2900+directory.SyncLogLife)
	if got := d.SyncCounts().Rows; got != 100 {
		t.Errorf("%d rows are younger than the bound, want 100", got)
	}
}

func TestPutDeleted_bounded(t *testing.T) {
	s, d := small(t)
	for i := range directory.MaxDeletedUsers {
		id := directory.ResourceID(fmt.Sprint(i))
		s.PutDeleted(d, &directory.DeletedUser{
			Organization: "acme", User: &directory.User{ID: id, Number: d.NextNumber()}, Seq: s.NextSeq(), Expires: 9000,
		})
	}
	for _, id := range []directory.ResourceID{"gone-0", "gone-1"} {
		if _, ok := d.DeletedUser(id); ok {
			t.Errorf("%s is still there", id)
		}
	}
	if err := s.Publish().Check(); err != nil || d.DeletedUserCount() != directory.MaxDeletedUsers {
		t.Errorf("%d deleted users (%v)", d.DeletedUserCount(), err)
	}
}

// people makes an organization of users that are given as name and primary address.
func people(list ...[2]string) *Directory {
	d := newDirectory(&directory.Organization{ID: "acme"})
	for i, p := range list {
		u := &directory.User{
			ID: directory.ResourceID(fmt.Sprint(i)), Number: d.NextNumber(), Source: directory.SourceSCIM, UserNameKey: p[0],
		}
		if p[1] != "" {
			u.Emails = []string{p[1]}
		}
		if p[0] == "root" {
			u.Source = directory.SourceRoot
		}
		d.PutUser(nil, u)
	}
	return d
}

func TestRenamePlan(t *testing.T) {
	for name, c := range map[string]struct {
		people              []([2]string)
		renames, collisions string
	}{
		"nobody":              {nil, "", ""},
		"named so already":    {[][2]string{{"a@x", "a@x"}}, "", ""},
		"without address":     {[][2]string{{"a", ""}}, "", ""},
		"root stays":          {[][2]string{{"root", "a@x"}}, "", ""},
		"one":                 {[][2]string{{"a", "a@x"}, {"b", ""}}, "0:a@x ", ""},
		"two with one":        {[][2]string{{"a", "a@x"}, {"b", "a@x"}}, "0:a@x ", "1:a@x:0 "},
		"kept by its owner":   {[][2]string{{"a", "b@x"}, {"b@x", "b@x"}}, "", "0:b@x:1 "},
		"kept without one":    {[][2]string{{"a", "b@x"}, {"b@x", ""}}, "", "0:b@x:1 "},
		"two trade names":     {[][2]string{{"a@x", "b@x"}, {"b@x", "a@x"}}, "0:b@x 1:a@x ", ""},
		"chain":               {[][2]string{{"a", "b@x"}, {"b@x", "c@x"}, {"c@x", "d@x"}}, "0:b@x 1:c@x 2:d@x ", ""},
		"chain that is stuck": {[][2]string{{"a", "b@x"}, {"b@x", "c@x"}, {"c@x", ""}}, "0:b@x ", "1:c@x:2 "},
	} {
		t.Run(name, func(t *testing.T) {
			renames, collisions := people(c.people...).RenamePlan()
			var got, stuck string
			for _, r := range renames {
				got += fmt.Sprintf("%s:%s ", r.User.ID, r.To)
			}
			for _, c := range collisions {
				stuck += fmt.Sprintf("%s:%s:%s ", c.User.ID, c.Address, c.With.ID)
			}
			if got != c.renames || stuck != c.collisions {
				t.Errorf("renames %q, collisions %q; want %q and %q", got, stuck, c.renames, c.collisions)
			}
		})
	}
}
