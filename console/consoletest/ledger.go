package consoletest

import (
	"context"
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

// Identity is whose ledger it is.
var Identity = seal.Identity{Region: "us", Cluster: "cluster-1", Node: "us-1"}

// Ledger is a region of one node without a log: commands are applied as they come. It is a command.Proposer and a
// state.Viewer.
type Ledger struct {
	Now func() time.Time // the leader's clock; set it before use

	fsm *fsm.FSM

	mu    sync.Mutex
	index uint64                      // guarded by mu
	fault func(command.Command) error // guarded by mu
}

// NewLedger makes an empty ledger at the newest level; the test fails if it halts.
func NewLedger(t testing.TB) *Ledger {
	t.Helper()
	halt := func(err error) { t.Errorf("the ledger halted: %v", err) }
	l := &Ledger{Now: time.Now, fsm: fsm.New(state.Identity{Region: Identity.Region, Cluster: Identity.Cluster}, halt)}
	if _, err := l.Propose(t.Context(), command.Command{Actor: "test", Payload: &command.RaiseLevel{Level: command.MaxLevel}}); err != nil {
		t.Fatal(err)
	}
	return l
}

// Before has f asked before each command; its error is given instead of applying. nil ends it.
func (l *Ledger) Before(f func(command.Command) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fault = f
}

// Propose implements command.Proposer. It applies the bytes that a log would hold.
func (l *Ledger) Propose(_ context.Context, c command.Command) (command.Result, error) {
	l.mu.Lock()
	fault := l.fault
	l.mu.Unlock()
	if fault != nil {
		if err := fault(c); err != nil {
			return command.Result{}, err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := directory.Time(l.Now().UnixMicro())
	c.RequestID, c.Deadline = seal.NewRequestID(), now+directory.Time(30*time.Second/time.Microsecond)
	entry := command.Entry{Region: Identity.Region, Cluster: Identity.Cluster, At: now, Commands: [][]byte{c.Encode()}}
	l.index++
	applied := l.fsm.Apply(&raft.Log{Index: l.index, Type: raft.LogCommand, Data: entry.Encode()}).(fsm.Applied)
	if applied.Err != nil {
		return command.Result{}, applied.Err
	}
	return applied.Results[0], applied.Results[0].Err()
}

// View implements state.Viewer.
func (l *Ledger) View(context.Context, state.Freshness) (*state.View, error) {
	return l.fsm.View(), nil
}
