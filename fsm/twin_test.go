package fsm

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"testing"

	"domicile/fsm/command"
)

// history is what one FSM made of a random log, entry by entry.
type history struct {
	entries [][]byte
	digests [][32]byte
	results [][]command.Result
}

func record(t *testing.T, seed uint64, length int) history {
	t.Helper()
	var h history
	f, w := newFSM(t), newWorld(seed)
	for i := range length {
		data, _ := w.entry(f.View())
		h.entries = append(h.entries, data)
		h.results = append(h.results, apply(t, f, uint64(i+1), data))
		h.digests = append(h.digests, f.View().Digest())
		if err := f.View().Check(); err != nil {
			t.Fatalf("seed %d entry %d: %v", seed, i, err)
		}
	}
	return h
}

// The same log gives the same results and digests, one entry at a time or in batches of any size, with or without
// snapshots and restores in between.
func TestTwins(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			h := record(t, seed, 250)
			t.Run("one by one", func(t *testing.T) { h.follow(t, 1, 0, seed) })
			t.Run("batches", func(t *testing.T) { h.follow(t, 20, 0, seed) })
			t.Run("restores", func(t *testing.T) { h.follow(t, 4, 5, seed) })
		})
	}
}

// follow applies the history to a new FSM in batches of up to batch entries and restores about every restores-th batch into
// yet another FSM.
func (h history) follow(t *testing.T, batch, restores int, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 2))
	f := newFSM(t)
	for done := 0; done < len(h.entries); {
		n := min(1+r.IntN(batch), len(h.entries)-done)
		for i, answer := range f.ApplyBatch(logs(uint64(done+1), h.entries[done:done+n]...)) {
			applied := answer.(Applied)
			if applied.Err != nil || !sameResults(applied.Results, h.results[done+i]) {
				t.Fatalf("entry %d: results %+v %v, its twin's %+v", done+i, applied.Results, applied.Err, h.results[done+i])
			}
		}
		done += n
		if restores > 0 && r.IntN(restores) == 0 {
			f = reborn(t, f)
		}
		if f.View().Digest() != h.digests[done-1] {
			t.Fatalf("digest differs after entry %d", done-1)
		}
	}
	if err := f.View().Check(); err != nil {
		t.Error(err)
	}
}

func sameResults(a, b []command.Result) bool { return reflect.DeepEqual(a, b) }

// reborn takes a snapshot of f and restores it into a new FSM.
func reborn(t testing.TB, f *FSM) *FSM {
	t.Helper()
	next := newFSM(t)
	if err := next.Restore(io.NopCloser(bytes.NewReader(snapshotOf(t, f)))); err != nil {
		t.Fatal(err)
	}
	if err := next.View().Check(); err != nil {
		t.Fatal(err)
	}
	return next
}

// sink is a snapshot sink in memory.
type sink struct {
	bytes.Buffer
	closed, cancelled bool
}

func (s *sink) ID() string    { return "snapshot" }
func (s *sink) Close() error  { s.closed = true; return nil }
func (s *sink) Cancel() error { s.cancelled = true; return nil }

func snapshotOf(t testing.TB, f *FSM) []byte {
	t.Helper()
	snapshot, err := f.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Release()
	var s sink
	if err := snapshot.Persist(&s); err != nil || !s.closed || s.cancelled {
		t.Fatalf("persist: %v, closed %v, cancelled %v", err, s.closed, s.cancelled)
	}
	return s.Bytes()
}
