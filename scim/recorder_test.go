package scim

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/fsmtest"
	"domicile/fsm/state"
	"domicile/seal"
)

// archive is a ledger that remembers what was proposed to it.
type archive struct {
	*fsmtest.Ledger
	t testing.TB

	mu    sync.Mutex
	asked []command.Command
}

func newArchive(t testing.TB, organizations ...directory.OrganizationID) *archive {
	a := &archive{t: t, Ledger: fsmtest.New(t, state.Identity{Region: "us", Cluster: "test"}, command.MaxLevel)}
	a.Before(func(c command.Command) error {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.asked = append(a.asked, c)
		return nil
	})
	for _, org := range organizations {
		a.Must(org, &command.CreateOrganization{OrganizationFields: command.OrganizationFields{
			Slug: string(org), Name: string(org), Profile: directory.ProfileInterop, RootEmail: "root@" + string(org) + ".example",
		}})
	}
	return a
}

// took gives the commands since it was last asked.
func (a *archive) took() []command.Command {
	a.mu.Lock()
	defer a.mu.Unlock()
	asked := a.asked
	a.asked = nil
	return asked
}

func (a *archive) rows(org directory.OrganizationID) []*directory.SyncRow {
	d, _ := a.FSM.View().Directory(org)
	var rows []*directory.SyncRow
	for row := range d.SyncLog() {
		rows = append(rows, row)
	}
	return rows // newest first
}

// stopped is a recorder whose clock stands still until it is moved, and that flushes only when it is told.
type stopped struct {
	*Recorder
	*archive
}

func newStopped(t testing.TB, organizations ...directory.OrganizationID) *stopped {
	s := &stopped{archive: newArchive(t, organizations...)}
	s.Stop(time.Now())
	s.Recorder = NewRecorder(s.archive, s.Now, nil)
	return s
}

// tick flushes as Run does every second.
func (s *stopped) tick() { s.flush(s.t.Context(), false); s.Advance(time.Second) }

func failure(n int) directory.SyncRow {
	return directory.SyncRow{Status: 400, Detail: fmt.Sprintf("failure %d", n), SyncNote: directory.SyncNote{Method: directory.SyncPost}}
}

func TestRecorderFailures(t *testing.T) {
	s := newStopped(t, "acme", "globex")
	s.Fail("acme", failure(1))
	s.Fail("globex", failure(2))
	s.Fail("acme", failure(3))
	s.Fail("gone", failure(4))
	if asked := s.took(); len(asked) != 0 {
		t.Errorf("%d commands before a flush", len(asked))
	}
	s.tick()
	if asked := s.took(); len(asked) != 3 {
		t.Errorf("%d commands, want one for each organization", len(asked))
	}
	rows := s.rows("acme")
	if len(rows) != 2 || rows[1].Detail != "failure 1" || rows[0].Detail != "failure 3" || rows[0].At == 0 || !rows[0].Failed() {
		t.Errorf("acme has %v", rows)
	}
	if len(s.rows("globex")) != 1 {
		t.Error("globex lacks its row")
	}
	s.tick()
	if asked := s.took(); len(asked) != 0 || s.waiting != 0 || len(s.failures) != 0 {
		t.Errorf("afterwards %d commands, %d rows, %d organizations", len(asked), s.waiting, len(s.failures))
	}
}

// TestRecorderFlood: an organization gets so many rows a second, and a count of the rest; its neighbour is not touched.
func TestRecorderFlood(t *testing.T) {
	s := newStopped(t, "acme", "globex")
	for i := range 100 {
		s.Fail("acme", failure(i))
	}
	s.Fail("globex", failure(1))
	s.tick()
	rows := s.rows("acme")
	if len(rows) != failuresPerSecond || rows[0].Detail != "failure 19 (and 80 more like it)" || rows[1].Detail != "failure 18" {
		t.Fatalf("%d rows, the last is %q", len(rows), rows[0].Detail)
	}
	if len(s.rows("globex")) != 1 {
		t.Error("globex lacks its row")
	}
	// The next second begins anew. Those that come when the second's rows are gone are told of in the second after.
	for i := range failuresPerSecond {
		s.Fail("acme", failure(i))
	}
	s.flush(t.Context(), false)
	s.Fail("acme", failure(98))
	s.Fail("acme", failure(99))
	s.flush(t.Context(), false)
	if rows := s.rows("acme"); len(rows) != 2*failuresPerSecond {
		t.Errorf("%d rows after a second", len(rows))
	}
	s.Advance(time.Second)
	s.tick()
	if rows := s.rows("acme"); len(rows) != 2*failuresPerSecond+1 || rows[0].Detail != "failure 99 (and 1 more like it)" {
		t.Errorf("%d rows, the last is %q", len(rows), rows[0].Detail)
	}
	if long := withMore(strings.Repeat("ü", 300), 7); len(long) > maxDetail || !strings.HasSuffix(long, "ü (and 7 more like it)") {
		t.Errorf("%d bytes: %s", len(long), long)
	}
}

// TestRecorderBounds: what waits is bounded, and so is each command.
func TestRecorderBounds(t *testing.T) {
	s := newStopped(t)
	s.Cut(true)
	row := failure(1)
	row.Document = strings.Repeat("x", directory.MaxSyncDocument)
	for org := range 200 {
		for range failuresPerSecond {
			s.Fail(directory.OrganizationID(fmt.Sprintf("org-%d", org)), row)
		}
	}
	s.tick()
	s.Fail("late", row)
	if s.waiting != maxFailures {
		t.Errorf("%d rows wait", s.waiting)
	}
	s.Cut(false)
	s.took()
	s.tick()
	rows := 0
	for _, c := range s.took() {
		rows += len(c.Payload.(*command.AppendSyncLog).Rows)
		if size := len(c.Encode()); size > command.MaxEntryBytes {
			t.Errorf("a command of %d bytes", size)
		}
	}
	if rows != maxFailures || s.waiting != 0 {
		t.Errorf("%d rows were sent, %d wait", rows, s.waiting)
	}
}

// TestRecorderRetries: what the ledger could not take is kept, and what it took without saying so is not written twice.
func TestRecorderRetries(t *testing.T) {
	s := newStopped(t, "acme")
	s.Cut(true)
	s.Fail("acme", failure(1))
	s.tick()
	s.Fail("acme", failure(2))
	s.tick()
	s.Cut(false)
	s.After(func(command.Command) error { return directory.Unavailable(time.Second, nil, "the answer was lost") })
	s.tick()
	s.After(nil)
	s.tick()
	rows := s.rows("acme")
	if len(rows) != 2 || rows[1].Detail != "failure 1" || rows[0].Detail != "failure 2" {
		t.Errorf("%d rows", len(rows))
	}
}

func token(a *archive, org directory.OrganizationID, id string) {
	a.Must(org, &command.CreateToken{Tokens: []command.NewToken{{
		ID: directory.TokenID(id), Hash: seal.HashToken(id), Name: id,
	}}})
}

// uses counts the uses in commands.
func uses(t *testing.T, commands []command.Command) int {
	t.Helper()
	n := 0
	for _, c := range commands {
		p, ok := c.Payload.(*command.TouchTokens)
		if !ok || len(p.Uses) > command.MaxTokenUses || c.Organization != "" {
			t.Errorf("command %v", c)
			continue
		}
		n += len(p.Uses)
	}
	return n
}

func TestRecorderUses(t *testing.T) {
	s := newStopped(t, "acme", "globex")
	token(s.archive, "acme", "one")
	token(s.archive, "globex", "two")
	s.took()
	at := directory.Time(s.Now().UnixMicro())
	for i := range 1000 {
		s.Used("acme", "one", at+directory.Time(i), fmt.Sprintf("192.0.2.%d", i%250))
	}
	s.Used("globex", "two", at+5, "2001:db8::1")
	s.Used("globex", "two", at, "192.0.2.1") // older
	s.tick()
	if asked := s.took(); len(asked) != 0 {
		t.Errorf("%d commands before the minute is over", len(asked))
	}
	s.flush(t.Context(), true)
	if asked := s.took(); len(asked) != 1 || uses(t, asked) != 2 {
		t.Errorf("commands %v", asked)
	}
	one, _ := s.FSM.View().TokenByHash(seal.HashToken("one"))
	two, _ := s.FSM.View().TokenByHash(seal.HashToken("two"))
	if one.LastUsed != at+999 || one.LastIP != "192.0.2.249" || two.LastUsed != at+5 || two.LastIP != "2001:db8::1" {
		t.Errorf("tokens %+v, %+v", one, two)
	}
	s.flush(t.Context(), true)
	if asked := s.took(); len(asked) != 0 || len(s.uses) != 0 {
		t.Errorf("idle tokens cost %d commands and %d entries", len(asked), len(s.uses))
	}
}

// TestRecorderManyUses: where many tokens are used they are reported early, and then not again before a minute is over.
func TestRecorderManyUses(t *testing.T) {
	s := newStopped(t)
	use := func(n int, at directory.Time) {
		for i := range n {
			s.Used("acme", directory.TokenID(fmt.Sprint(i)), at, "")
		}
	}
	use(command.MaxTokenUses-1, 1)
	s.tick()
	if asked := s.took(); len(asked) != 0 {
		t.Error("too early")
	}
	use(command.MaxTokenUses+1, 2)
	select {
	case <-s.hurry:
	default:
		t.Error("nobody was woken")
	}
	s.tick()
	if asked := s.took(); len(asked) != 2 || uses(t, asked) != command.MaxTokenUses+1 {
		t.Errorf("%d commands", len(asked))
	}
	use(command.MaxTokenUses+1, 3)
	s.tick()
	s.flush(t.Context(), true) // the minute in which they were reported already
	if asked := s.took(); len(asked) != 0 {
		t.Errorf("reported again: %d", uses(t, asked))
	}
	use(10, 4)
	s.flush(t.Context(), true)
	if asked := s.took(); uses(t, asked) != command.MaxTokenUses+1 {
		t.Errorf("the minute after: %d", uses(t, asked))
	}
	for i := range maxUsedTokens + 10 {
		s.Used("acme", directory.TokenID(fmt.Sprint("x", i)), 5, "")
	}
	if len(s.uses) != maxUsedTokens {
		t.Errorf("%d tokens are remembered", len(s.uses))
	}
}

// TestRecorderRun: flushes come by themselves, and the last one takes what is left.
func TestRecorderRun(t *testing.T) {
	a := newArchive(t, "acme")
	token(a, "acme", "one")
	r := NewRecorder(a, time.Now, nil)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { r.Run(ctx) })
	var writing sync.WaitGroup
	for range 4 {
		writing.Go(func() {
			for i := range 50 {
				r.Fail("acme", failure(i))
				r.Used("acme", "one", directory.Time(time.Now().Add(-time.Second).UnixMicro()), "192.0.2.1")
			}
		})
	}
	writing.Wait()
	for deadline := time.Now().Add(10 * time.Second); len(a.rows("acme")) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing was flushed")
		}
	}
	stop()
	running.Wait()
	if one, _ := a.FSM.View().TokenByHash(seal.HashToken("one")); one.LastUsed == 0 {
		t.Error("the last flush left a use out")
	}
}

func TestRecorderNil(t *testing.T) {
	var r *Recorder
	r.Fail("acme", failure(1))
	r.Used("acme", "one", 1, "")
	r.Flush(t.Context())
}

func BenchmarkRecorderUsed(b *testing.B) {
	r := NewRecorder(newArchive(b), time.Now, nil)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		at := directory.Time(1)
		for pb.Next() {
			at++
			r.Used("acme", "one", at, "192.0.2.1")
		}
	})
}
