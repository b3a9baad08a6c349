package state

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"domicile/directory"
)

// row is a sign-in at a seq, or a refusal.
func row(seq uint64, user directory.ResourceID, reason string) *directory.SignIn {
	return &directory.SignIn{Seq: seq, At: directory.Time(seq), Way: directory.WayProvider, Reason: reason, User: user}
}

func seqs(rows []*directory.SignIn) (list []uint64) {
	for _, row := range rows {
		list = append(list, row.Seq)
	}
	return list
}

// logs gives the seqs of the sign-ins, of the refusals and of both, newest first.
func logs(d *Directory) string {
	return fmt.Sprint(seqs(slices.Collect(d.SignIns())), seqs(slices.Collect(d.Refusals())), seqs(slices.Collect(d.SignInsAndRefusals())))
}

func TestSignIns_queries(t *testing.T) {
	s, d := small(t)
	s.at, s.seq = 1000, 9
	for i, reason := range []string{"", "a", "b", "", "c", ""} {
		d.AppendSignIn(row(uint64(i+1), "user-1", reason), 1000)
	}
	if got, want := logs(d), "[6 4 1] [5 3 2] [6 5 4 3 2 1]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for first := range d.SignInsAndRefusals() {
		if first.Seq != 6 {
			t.Errorf("the newest is %d", first.Seq)
		}
		break
	}
	if made, refused := d.SignInCounts(); made != 3 || refused != 3 {
		t.Errorf("%d and %d rows", made, refused)
	}
	if err := s.Publish().Check(); err != nil {
		t.Fatal(err)
	}
	view := s.Publish()
	d, _ = s.Write("acme")
	d.ForgetSignIns("user-1")
	d.ForgetSignIns("nobody")
	if got, want := logs(d), "[] [] []"; got != want {
		t.Errorf("after the erasure %s", got)
	}
	if err := s.Publish().Check(); err != nil {
		t.Fatal(err)
	}
	if before, _ := view.Directory("acme"); logs(before) != "[6 4 1] [5 3 2] [6 5 4 3 2 1]" {
		t.Error("a view that was published changed")
	}
}

// Whoever is refused pushes nobody out who signed in, and the other way round; what is old goes from both.
func TestSignIns_bounded(t *testing.T) {
	s, d := small(t)
	s.at, s.seq = 1000, 100_000
	const many = directory.MaxSignIns + 7
	for i := range many {
		d.AppendSignIn(row(uint64(2*i+1), "", "reason"), 1000)
	}
	for i := range many {
		d.AppendSignIn(row(uint64(2*i+2), "user-1", ""), 1000)
	}
	made, refused := d.SignInCounts()
	oldest, _ := d.signIns.made.Min()
	first, _ := d.signIns.refused.Min()
	if made != directory.MaxSignIns || oldest.Seq != 2*(many-directory.MaxSignIns)+2 {
		t.Errorf("%d sign-ins from %d on", made, oldest.Seq)
	}
	if refused != directory.MaxRefusals || first.Seq != 2*(many-directory.MaxRefusals)+1 || d.signIns.user.Len() != made {
		t.Errorf("%d refusals from %d on, %d of users", refused, first.Seq, d.signIns.user.Len())
	}
	if err := s.Publish().Check(); err != nil {
		t.Error(err)
	}
	d, _ = s.Write("acme")
	d.AppendSignIn(row(90_000, "user-1", ""), directory.SignInLife+90_000-1)
	if got, want := logs(d), "[90000] [] [90000]"; got != want {
		t.Errorf("after a year %s, want %s", got, want)
	}
}

// A user who cannot come back any more takes the rows along, however that comes.
func TestSignIns_goWithTheUser(t *testing.T) {
	s, d := small(t)
	user, _ := d.User("user-1")
	deleted := &directory.DeletedUser{Organization: "acme", User: user, Seq: s.NextSeq(), Expires: 2000}
	d.AppendSignIn(row(1, "user-1", ""), 1000)
	s.DeleteUser(d, user)
	s.PutDeleted(d, deleted)
	if err := s.Publish().Check(); err != nil || logs(d) != "[1] [] [1]" {
		t.Errorf("%s while the user may be restored: %v", logs(d), err)
	}
	s.Begin(2000)
	d, _ = s.Directory("acme")
	if err := s.Publish().Check(); err != nil || logs(d) != "[] [] []" {
		t.Errorf("%s when the user is gone: %v", logs(d), err)
	}
}

func TestRestore_signIns(t *testing.T) {
	s, d := small(t)
	s.seq = 9
	full := &directory.SignIn{
		Seq: 2, Ordinal: 300, At: 900, Way: directory.WayBreakGlass, Reason: "code_wrong", Reference: "4F2A9C01", More: 300,
		Connection: "connection", User: "user-1", Session: "session", Email: "glass@acme.example", Linked: true, Agent: "Firefox", Address: "192.0.2.7",
	}
	for _, row := range []*directory.SignIn{row(1, "user-1", ""), full, row(3, "", "reason")} {
		d.AppendSignIn(row, 1000)
	}
	restored, err := Restore(bytes.NewReader(snapshotOf(t, s)), home, 1)
	if err != nil {
		t.Fatal(err)
	}
	back, _ := restored.Directory("acme")
	var got, want []directory.SignIn
	for row := range back.SignInsAndRefusals() {
		got = append(got, *row)
	}
	for row := range d.SignInsAndRefusals() {
		want = append(want, *row)
	}
	if !slices.Equal(got, want) || got[1] != *full || restored.Publish().Digest() != s.Publish().Digest() {
		t.Errorf("restored %+v, want %+v", got, want)
	}
	if err := restored.Publish().Check(); err != nil {
		t.Error(err)
	}
}

func TestCheck_findsSignInFaults(t *testing.T) {
	for name, sabotage := range map[string]func(*Directory){
		"of the future":    func(d *Directory) { d.AppendSignIn(row(9, "", ""), 1000) },
		"by no door":       func(d *Directory) { d.AppendSignIn(&directory.SignIn{Seq: 1}, 1000) },
		"of nobody":        func(d *Directory) { d.AppendSignIn(row(1, "gone", ""), 1000) },
		"by user":          func(d *Directory) { d.AppendSignIn(row(1, "user-1", ""), 1000); d.signIns.user.Clear() },
		"of another user":  func(d *Directory) { d.signIns.user.Set(row(1, "user-1", "")) },
		"too many refused": func(d *Directory) { many(d.signIns.refused, directory.MaxRefusals+1, "reason") },
		"too many":         func(d *Directory) { many(d.signIns.made, directory.MaxSignIns+1, "") },
	} {
		s, d := small(t)
		if err := s.Publish().Check(); err != nil {
			t.Fatal(err)
		}
		d, _ = s.Write(d.org.ID)
		sabotage(d)
		if s.Publish().Check() == nil {
			t.Errorf("%s: not found", name)
		}
	}
}

func many(log tree[*directory.SignIn], n int, reason string) {
	for i := range n {
		log.Set(&directory.SignIn{Seq: 1, Ordinal: uint32(i), Way: directory.WayProvider, Reason: reason})
	}
}
