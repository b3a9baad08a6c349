package fsm

import (
	"bytes"
	"sync"
	"testing"

	"domicile/fsm/state"
)

// Readers walk published views while the writer writes: run with -race. A view's snapshot, taken while the writer is far
// ahead, is the one taken at once.
func TestView_immutable(t *testing.T) {
	type moment struct {
		view   *state.View
		digest [32]byte
	}
	moments := make(chan moment, 64)
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for m := range moments {
				walk(m.view)
				if err := m.view.Check(); err != nil || m.view.Digest() != m.digest {
					t.Errorf("a view changed after it was published (%v)", err)
				}
			}
		})
	}
	f, w := newFSM(t), newWorld(7)
	var kept []moment
	for i := range 400 {
		data, _ := w.entry(f.View())
		apply(t, f, uint64(i+1), data)
		m := moment{f.View(), f.View().Digest()}
		moments <- m
		if i%40 == 0 {
			kept = append(kept, m)
		}
	}
	close(moments)
	readers.Wait()
	for _, m := range kept {
		if err := m.view.Check(); err != nil || m.view.Digest() != m.digest {
			t.Errorf("the view of seq %d changed (%v)", m.view.Seq(), err)
		}
	}
}

// walk reads everything that a view offers and gives how much it saw.
func walk(v *state.View) int {
	seen := 0
	for d := range v.Directories() {
		for u := range d.AllUsers() {
			for range d.GroupsOf(u.Number) {
				seen++
			}
			for s := range d.SessionsOf(u.Number) {
				if _, ok := v.Session(s.Hash); ok {
					seen++
				}
			}
			for range d.UsersByEmail(u.Email()) {
				seen++
			}
		}
		for range d.GroupsByNamePrefix("group") {
			seen++
		}
	}
	return seen
}

// A snapshot that raft persists later is of the moment when it was asked for.
func TestSnapshot_isOfItsMoment(t *testing.T) {
	l := newLedger(t).acme(5)
	want := snapshotOf(t, l.fsm)
	snapshot, err := l.fsm.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		l.do("acme", createUserCommand(100+i))
		l.do("acme", l.signIn(0, i))
	}
	var s sink
	if err := snapshot.Persist(&s); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(s.Bytes(), want) {
		t.Error("the snapshot holds what was written after it was taken")
	}
}
