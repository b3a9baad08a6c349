package fsm

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/raft"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
)

func TestTable_hasEveryKind(t *testing.T) {
	for _, kind := range command.Kinds() {
		if table[kind] == nil {
			t.Errorf("kind %s has no apply function", kind)
		}
	}
	if len(table) != len(command.Kinds()) {
		t.Errorf("%d apply functions for %d kinds", len(table), len(command.Kinds()))
	}
}

// A request that comes twice is applied once and answered the same, on the node that applied it and on one restored since.
func TestRetry(t *testing.T) {
	l := newLedger(t).acme(1)
	first := l.command("acme", createUserCommand(1))
	refused := l.command("acme", createUserCommand(0))
	want := l.send(first, refused)
	seq := l.fsm.View().Seq()
	check := func(when string) {
		t.Helper()
		if got := l.send(first, refused); !sameResults(got, want) {
			t.Errorf("%s: results %+v, want %+v", when, got, want)
		}
		if l.fsm.View().Seq() != seq {
			t.Errorf("%s: a retry took a seq", when)
		}
	}
	check("at once")
	l.fsm = reborn(t, l.fsm)
	check("after a restore")
	l.now = first.Deadline
	check("at the deadline")
	l.now++
	for i, r := range l.send(first, refused) {
		if r.Error == nil || r.Error.Kind != directory.KindExpired {
			t.Errorf("after the deadline: result %d is %+v, want expired", i, r)
		}
	}
	if d := l.directory("acme"); d.UserCount(directory.SourceSCIM) != 2 {
		t.Errorf("%d users, want 2", d.UserCount(directory.SourceSCIM))
	}
}

// Twice in one entry is the case of a leader that batches a retry with its first try.
func TestRetry_inOneEntry(t *testing.T) {
	l := newLedger(t).acme(0)
	c := l.command("acme", createUserCommand(0))
	results := l.send(c, c)
	if results[0].Error != nil || !sameResults(results[:1], results[1:]) {
		t.Errorf("results %+v", results)
	}
}

func TestDeadline(t *testing.T) {
	l := newLedger(t).acme(0)
	for name, deadline := range map[string]directory.Time{"past": l.now - 1, "too far": l.now + maxDeadline + 1} {
		c := l.command("acme", createUserCommand(0))
		c.Deadline = deadline
		r := l.send(c)[0]
		if r.Error == nil || r.Error.Kind != directory.KindExpired {
			t.Errorf("%s: result %+v, want expired", name, r)
		}
		if _, remembered := l.fsm.state.Remembered(c.RequestID); remembered {
			t.Errorf("%s: the refusal is remembered", name)
		}
		c.Deadline = l.now
		if name == "past" {
			continue
		}
		if r := l.send(c)[0]; r.Error != nil {
			t.Errorf("%s: the same request with a good deadline: %v", name, r.Error)
		}
	}
}

// The stamp never goes back, whatever a new leader's clock says.
func TestStamp_isMonotonic(t *testing.T) {
	l := newLedger(t).acme(0)
	l.now -= 5_000_000
	r := l.do("acme", createUserCommand(0))
	if r.Created != dawn || l.fsm.View().At() != dawn {
		t.Errorf("created at %d by a view of %d, want %d", r.Created, l.fsm.View().At(), dawn)
	}
}

func TestHalt(t *testing.T) {
	l := newLedger(t).acme(0)
	good := l.command("acme", createUserCommand(0))
	foreign := func(region, cluster string) []byte {
		e := command.Entry{Region: region, Cluster: cluster, At: l.now, Commands: [][]byte{good.Encode()}}
		return e.Encode()
	}
	unknown := good.Encode()
	unknown[0] = 99
	level := l.command("", &command.RaiseLevel{Level: command.MaxLevel + 1})
	entry := command.Entry{Region: home.Region, Cluster: home.Cluster, At: l.now, Commands: [][]byte{unknown}}
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"other region":  {foreign("us", home.Cluster), "another region"},
		"other cluster": {foreign(home.Region, "cluster-2"), "another region or cluster"},
		"unknown kind":  {entry.Encode(), "kind 99 is unknown"},
		"newer level":   {l.encode(level), "run a newer release"},
		"no entry":      {[]byte("\x07"), "malformed"},
		"empty":         {nil, "malformed"},
	} {
		t.Run(name, func(t *testing.T) { haltsAt(t, reborn(t, l.fsm), l.encode(good), c.data, c.want) })
	}
}

// haltsAt feeds a batch of good, bad, good and wants the memory to stop at bad, for good.
func haltsAt(t *testing.T, f *FSM, good, bad []byte, want string) {
	var halts []error
	f.halt = func(err error) { halts = append(halts, err) }
	before := f.View()
	digest := before.Digest()
	answers := f.ApplyBatch(logs(7, good, bad, good))
	if applied := answers[0].(Applied); applied.Err != nil {
		t.Errorf("the entry before it: %v", applied.Err)
	}
	for i, answer := range append(answers[1:], f.Apply(logs(10, good)[0])) {
		if err := answer.(Applied).Err; err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "entry 8") {
			t.Errorf("entry %d is answered %v, want %q", i+1, err, want)
		}
	}
	if len(halts) != 1 {
		t.Errorf("halted %d times: %v", len(halts), halts)
	}
	if f.View() != before || f.View().Digest() != digest || f.Index() != 0 {
		t.Error("a halted memory published something")
	}
	if _, err := f.Snapshot(); err == nil {
		t.Error("a halted memory gives a snapshot: raft would file it under an index that was not applied")
	}
	if err := f.Restore(io.NopCloser(bytes.NewReader(nil))); err == nil {
		t.Error("a halted memory takes a snapshot")
	}
}

// Entries with flipped bits or a missing end never panic and never half-apply: they apply as a whole, or they halt.
func TestApply_damagedEntries(t *testing.T) {
	h := record(t, 42, 30)
	r := rand.New(rand.NewPCG(3, 4))
	for i := range 1500 {
		halted := false
		f := New(home, func(error) { halted = true })
		n := r.IntN(len(h.entries))
		data := bytes.Clone(h.entries[n])
		if i%3 == 0 {
			data = data[:r.IntN(len(data))]
		} else {
			data[r.IntN(len(data))] ^= 1 << r.IntN(8)
		}
		f.ApplyBatch(logs(1, h.entries[:min(n, 5)]...))
		before := f.View()
		f.ApplyBatch(logs(2, data))
		if halted && f.View() != before {
			t.Fatalf("entry %x halts and is published", data)
		}
		if err := f.View().Check(); err != nil {
			t.Fatalf("entry %x: %v", data, err)
		}
	}
}

func TestApplyBatch_otherLogs(t *testing.T) {
	l := newLedger(t).acme(0)
	c := l.command("acme", createUserCommand(0))
	list := logs(20, l.encode(c), nil)
	list[1].Type = raft.LogConfiguration
	answers := l.fsm.ApplyBatch(list)
	if len(answers) != 2 || answers[0].(Applied).Err != nil || answers[1] != nil {
		t.Errorf("answers %+v", answers)
	}
	if l.fsm.Index() != 21 {
		t.Errorf("index is %d, want 21", l.fsm.Index())
	}
	if got := l.fsm.ApplyBatch(nil); len(got) != 0 || l.fsm.Index() != 21 {
		t.Error("an empty batch did something")
	}
}

func TestRestore_refuses(t *testing.T) {
	l := newLedger(t).acme(3)
	data := snapshotOf(t, l.fsm)
	elsewhere := New(state.Identity{Region: "us", Cluster: home.Cluster}, func(error) {})
	err := elsewhere.Restore(io.NopCloser(bytes.NewReader(data)))
	if _, ok := errors.AsType[state.ErrForeign](err); !ok {
		t.Errorf("a snapshot of another region: %v", err)
	}
	f := newFSM(t)
	digest := f.View().Digest()
	for n := range len(data) {
		if err := f.Restore(io.NopCloser(bytes.NewReader(data[:n]))); err == nil {
			t.Fatalf("a snapshot cut to %d of %d bytes is restored", n, len(data))
		}
	}
	if f.View().Digest() != digest || f.Restores() != 0 {
		t.Error("a refused snapshot left something behind")
	}
	got, err := Verify(bytes.NewReader(data), home)
	if err != nil || got.Digest() != l.fsm.View().Digest() {
		t.Errorf("verify: %v", err)
	}
	if _, err := Verify(bytes.NewReader(data[:len(data)-1]), home); err == nil {
		t.Error("verify takes half a backup")
	}
}

func TestPersist_failingSink(t *testing.T) {
	l := newLedger(t).acme(1)
	snapshot, err := l.fsm.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	full := errors.New("disk full")
	s := &brokenSink{err: full}
	if err := snapshot.Persist(s); !errors.Is(err, full) || !s.cancelled || s.closed {
		t.Errorf("error %v, cancelled %v, closed %v", err, s.cancelled, s.closed)
	}
}

type brokenSink struct {
	sink
	err error
}

func (s *brokenSink) Write([]byte) (int, error) { return 0, s.err }

func TestWaitSeq(t *testing.T) {
	l := newLedger(t)
	const last = 12 // two commands of acme and ten users
	ctx, cancel := context.WithCancel(t.Context())
	var reached, beyond sync.WaitGroup
	for seq := range uint64(20) {
		if seq <= last {
			reached.Go(func() {
				if err := l.fsm.WaitSeq(ctx, seq); err != nil || l.fsm.View().Seq() < seq {
					t.Errorf("waiting for seq %d: %v", seq, err)
				}
			})
			continue
		}
		beyond.Go(func() {
			if err := l.fsm.WaitSeq(ctx, seq); !errors.Is(err, context.Canceled) {
				t.Errorf("waiting for seq %d of %d: %v", seq, last, err)
			}
		})
	}
	l.acme(last - 2)
	reached.Wait()
	cancel()
	beyond.Wait()
}
