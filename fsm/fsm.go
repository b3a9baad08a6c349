package fsm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/raft"

	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/fsm/wire"
)

// FSM is the replicated memory of one node. raft's FSM goroutine is its one writer; View, Index and Wait are safe for all.
type FSM struct {
	identity state.Identity
	halt     func(error)

	// The writer's only.
	state  *state.State
	halted error // why nothing more is applied

	view    atomic.Pointer[state.View]
	index   atomic.Uint64 // raft index applied and published
	restore atomic.Uint64 // how many snapshots were restored

	mu      sync.Mutex
	applied chan struct{} // closed and replaced at each publication
}

// New makes an empty memory. halt is called, once at least, when the node must stop: an entry of another region or
// cluster, of an unknown kind or a newer level, or a fault while applying. Nothing is applied after it.
func New(identity state.Identity, halt func(error)) *FSM {
	f := &FSM{identity: identity, halt: halt, state: state.New(identity), applied: make(chan struct{})}
	f.view.Store(f.state.Publish())
	return f
}

// View gives what this node has applied.
func (f *FSM) View() *state.View { return f.view.Load() }

// Index gives the raft index of the newest entry applied since start, for cluster's own use and for metrics. Readers wait
// for a seq instead: raft's own entries (no-ops, barriers) have an index but never come here.
func (f *FSM) Index() uint64 { return f.index.Load() }

// Restores counts the snapshots restored since start.
func (f *FSM) Restores() uint64 { return f.restore.Load() }

// WaitSeq returns once the command with this seq is applied and published, or when ctx ends.
func (f *FSM) WaitSeq(ctx context.Context, seq uint64) error {
	for f.View().Seq() < seq {
		f.mu.Lock()
		applied := f.applied
		f.mu.Unlock()
		if f.View().Seq() >= seq {
			return nil
		}
		select {
		case <-applied:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (f *FSM) publish(index uint64) {
	f.view.Store(f.state.Publish())
	f.index.Store(index)
	f.mu.Lock()
	close(f.applied)
	f.applied = make(chan struct{})
	f.mu.Unlock()
}

// Applied is what ApplyBatch answers for one entry: a result per command, in order, or why the node stops.
type Applied struct {
	Results []command.Result
	Err     error
}

// Apply implements raft.FSM; it returns an Applied.
func (f *FSM) Apply(log *raft.Log) any { return f.ApplyBatch([]*raft.Log{log})[0] }

// ApplyBatch implements raft.BatchingFSM: it applies the entries in order and publishes one view for all of them. The
// answer to each entry is an Applied.
func (f *FSM) ApplyBatch(logs []*raft.Log) []any {
	answers := make([]any, len(logs))
	for i, log := range logs {
		if f.halted != nil {
			answers[i] = Applied{Err: f.halted}
			continue
		}
		if log.Type != raft.LogCommand {
			continue
		}
		results, err := f.applyEntry(log.Data)
		if err != nil {
			f.halted = fmt.Errorf("apply entry %d: %w", log.Index, err)
			f.halt(f.halted)
		}
		answers[i] = Applied{Results: results, Err: f.halted}
	}
	// What was applied before a halt is not published: the node is going down.
	if len(logs) > 0 && f.halted == nil {
		f.publish(logs[len(logs)-1].Index)
	}
	return answers
}

// ErrForeign is an entry of another region or cluster.
var ErrForeign = errors.New("entry belongs to another region or cluster")

func (f *FSM) applyEntry(data []byte) (results []command.Result, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("fault while applying: %v", fault)
		}
	}()
	entry, err := command.DecodeEntry(data)
	if err != nil {
		return nil, err
	}
	if got := (state.Identity{Region: entry.Region, Cluster: entry.Cluster}); got != f.identity {
		return nil, fmt.Errorf("%w: it is of region %q cluster %s, this node of region %q cluster %s",
			ErrForeign, got.Region, got.Cluster, f.identity.Region, f.identity.Cluster)
	}
	f.state.Begin(entry.At)
	results = make([]command.Result, len(entry.Commands))
	for i := range entry.Commands {
		if results[i], err = f.applyCommand(&entry.Commands[i]); err != nil {
			return nil, err
		}
	}
	return results, nil
}

// snapshot is one frozen view on its way to disk.
type snapshot struct{ view *state.View }

// Snapshot implements raft.FSM: it is a pointer copy, the streaming happens in Persist on another goroutine. A halted
// memory gives none: raft would file it under an index that was never applied, and the next start would skip entries.
func (f *FSM) Snapshot() (raft.FSMSnapshot, error) {
	if f.halted != nil {
		return nil, f.halted
	}
	return snapshot{f.View()}, nil
}

// Persist implements raft.FSMSnapshot.
func (s snapshot) Persist(sink raft.SnapshotSink) error {
	if err := s.view.Snapshot(sink); err != nil {
		return errors.Join(err, sink.Cancel())
	}
	return sink.Close()
}

// Release implements raft.FSMSnapshot.
func (snapshot) Release() {}

// Restore implements raft.FSM: it reads a snapshot of this region and cluster and replaces everything.
func (f *FSM) Restore(in io.ReadCloser) error {
	if f.halted != nil {
		return errors.Join(f.halted, in.Close())
	}
	restored, err := state.Restore(in, f.identity, command.MaxLevel)
	if err != nil {
		return errors.Join(err, in.Close())
	}
	f.state = restored
	f.restore.Add(1)
	f.publish(f.index.Load())
	return in.Close()
}

// Verify reads a snapshot into a memory of its own and checks that its records agree with each other: for checking a
// backup.
func Verify(in io.Reader, identity state.Identity) (*state.View, error) {
	restored, err := state.Restore(in, identity, command.MaxLevel)
	if err != nil {
		return nil, err
	}
	view := restored.Publish()
	if err := view.Check(); err != nil {
		return nil, err
	}
	return view, nil
}

func encodeResult(r *command.Result) string {
	var w wire.Writer
	r.Encode(&w)
	return string(w.Bytes())
}
