package fsmtest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"domicile/directory"
	"domicile/fsm"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/seal"
)

const (
	// RetryAfter is what a ledger that cannot answer asks of its callers.
	RetryAfter = 3 * time.Second
	// lifetime is from a command's stamp to its deadline.
	lifetime = 10 * time.Second
)

// Causes of KindUnavailable; no door shows them.
var (
	errCut   = errors.New("the test cut the ledger off")
	errLevel = errors.New("the test wrote what the ledger's level does not know")
)

// Ledger is a region of one node without a log. It is a command.Proposer and a state.Viewer for any number of goroutines;
// hooks may propose in their turn.
type Ledger struct {
	// Clock is the leader's; doors share it by its Now.
	Clock
	// FSM is the memory itself: what is applied, whether or not the ledger is cut off.
	FSM *fsm.FSM

	t    testing.TB
	home state.Identity

	mu     sync.Mutex
	index  uint64 // guarded by mu
	faults faults // guarded by mu
}

// faults are what a test does to a ledger's callers.
type faults struct {
	cut           bool
	before, after func(command.Command) error
}

// New makes an empty ledger of a level; the test fails if it halts.
func New(t testing.TB, home state.Identity, level uint64) *Ledger {
	t.Helper()
	l := &Ledger{t: t, home: home, FSM: fsm.New(home, func(err error) { t.Errorf("the ledger halted: %v", err) })}
	l.Stop(time.Unix(0, 0)) // the ledger's time never goes back, and the test may set any
	l.Must("", &command.RaiseLevel{Level: level})
	l.Stop(time.Time{})
	return l
}

// Cut has every view and proposal fail with KindUnavailable, as on a node without a leader in reach, or ends that.
func (l *Ledger) Cut(off bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults.cut = off
}

// Before has f asked before each proposal; its error is given instead of applying. nil ends it.
func (l *Ledger) Before(f func(command.Command) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults.before = f
}

// After has f asked after each proposal was applied, refused or not; its error is given instead of the result, which is lost.
// nil ends it.
func (l *Ledger) After(f func(command.Command) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults.after = f
}

// Propose implements command.Proposer. It stamps the deadline, and the request id where it is zero, and applies the bytes that
// a log would hold.
func (l *Ledger) Propose(_ context.Context, c command.Command) (command.Result, error) {
	l.mu.Lock()
	faults := l.faults
	l.mu.Unlock()
	if faults.cut {
		return command.Result{}, unavailable(errCut)
	}
	if faults.before != nil {
		if err := faults.before(c); err != nil {
			return command.Result{}, err
		}
	}
	result, err := l.apply(c)
	if faults.after != nil {
		if lost := faults.after(c); lost != nil {
			return command.Result{}, lost
		}
	}
	return result, err
}

// Must writes as the operator, behind everybody's back: it meets neither a cut nor hooks. A refusal ends the test.
func (l *Ledger) Must(org directory.OrganizationID, p command.Payload) command.Result {
	l.t.Helper()
	result, err := l.apply(command.Command{Organization: org, Actor: "operator", Payload: p})
	if err != nil {
		l.t.Fatalf("%s: %v", p.Kind(), err)
	}
	return result
}

func (l *Ledger) apply(c command.Command) (command.Result, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.Now()
	c.Deadline = directory.Time(now.Add(lifetime).UnixMicro())
	if c.RequestID == (command.RequestID{}) {
		c.RequestID = seal.NewRequestID()
	}
	encoded, level := c.EncodeWithLevel()
	if level > l.FSM.View().Level() {
		return command.Result{}, unavailable(errLevel)
	}
	entry := command.Entry{
		Region: l.home.Region, Cluster: l.home.Cluster, At: directory.Time(now.UnixMicro()), Commands: [][]byte{encoded},
	}
	l.index++
	applied := l.FSM.Apply(&raft.Log{Index: l.index, Type: raft.LogCommand, Data: entry.Encode()}).(fsm.Applied)
	if applied.Err != nil {
		return command.Result{}, applied.Err
	}
	return applied.Results[0], applied.Results[0].Err()
}

// View implements state.Viewer. All that was applied is confirmed; a seq that was not yet is waited for.
func (l *Ledger) View(ctx context.Context, f state.Freshness) (*state.View, error) {
	l.mu.Lock()
	cut := l.faults.cut
	l.mu.Unlock()
	if cut {
		return nil, unavailable(errCut)
	}
	if err := l.FSM.WaitSeq(ctx, f.Seq()); err != nil {
		return nil, unavailable(err)
	}
	return l.FSM.View(), nil
}

func unavailable(cause error) error {
	return directory.Unavailable(RetryAfter, cause, "the ledger is out of reach")
}
