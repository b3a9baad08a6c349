package cluster

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

// leader is who leads, as far as this node knows. changed is closed when that is no longer so.
type leader struct {
	address address
	self    bool
	changed chan struct{}
}

func (l *leader) known() bool { return l.address.id != "" }

// Between two tries with the same leader: its connection broke, or it is trying to hand over.
const (
	minRetryPause = 5 * time.Millisecond
	maxRetryPause = 200 * time.Millisecond
)

// settle waits for another leader or, while there is one, for a pause that grows with each try. The error says that ctx
// ended or the node stopped.
func (l *leader) settle(ctx context.Context, stopped <-chan struct{}, pause *time.Duration) error {
	var again <-chan time.Time
	if l.known() {
		timer := time.NewTimer(*pause)
		defer timer.Stop()
		again = timer.C
		*pause = min(*pause*2, maxRetryPause)
	}
	select {
	case <-l.changed:
		*pause = minRetryPause
		return nil
	case <-again:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-stopped:
		return errStopped
	}
}

var errStopped = errors.New("this node has stopped")

// leadership follows who leads, and does what a new leader owes before it may answer for reads.
type leadership struct {
	raft    *raft.Raft
	self    address
	logger  *slog.Logger
	metrics *metrics

	// established is the term in which this node leads and has committed and applied an entry of its own; 0 when it does
	// not. It may be cleared late: term compares it with raft's own term. Written under mu.
	established atomic.Uint64
	// settled is an index that was applied when this node was last established.
	settled atomic.Uint64
	current atomic.Pointer[leader]

	mu      sync.Mutex
	changes chan struct{} // closed and replaced when established changes; guarded by mu
}

func newLeadership(self address, logger *slog.Logger, metrics *metrics) *leadership {
	l := &leadership{self: self, logger: logger, metrics: metrics, changes: make(chan struct{})}
	l.current.Store(&leader{changed: make(chan struct{})})
	return l
}

// run follows raft until ctx ends. It is the one reader of notify, on which raft's main loop blocks: so it never waits for
// anything itself.
func (l *leadership) run(ctx context.Context, notify <-chan bool) {
	observations := make(chan raft.Observation, 64)
	observer := raft.NewObserver(observations, false, func(o *raft.Observation) bool {
		_, ok := o.Data.(raft.LeaderObservation)
		return ok
	})
	l.raft.RegisterObserver(observer)
	defer l.raft.DeregisterObserver(observer)
	l.refresh()

	var work sync.WaitGroup
	defer work.Wait()
	endTerm := func() {}
	defer func() { endTerm() }()
	for {
		select {
		case <-ctx.Done():
			return
		case <-observations:
			l.refresh()
		case leads := <-notify:
			endTerm()
			l.refresh()
			l.setEstablished(ctx, 0)
			if !leads {
				l.logger.Info("leadership lost")
				continue
			}
			l.logger.Info("leadership won", "term", l.raft.CurrentTerm())
			term, cancel := context.WithCancel(ctx)
			endTerm = cancel
			work.Go(func() {
				defer cancel()
				l.establish(term)
			})
		}
	}
}

// refresh takes over who raft says is the leader.
func (l *leadership) refresh() {
	server, id := l.raft.LeaderWithID()
	next := &leader{self: id == l.self.id, changed: make(chan struct{})}
	if server != "" {
		next.address = parseAddress(server)
	}
	old := l.current.Load()
	if old.address == next.address {
		return
	}
	if next.known() {
		l.metrics.leaderChanges.Inc()
	}
	l.current.Store(next)
	close(old.changed)
}

// establish commits a barrier in the new leader's term. Until it is applied, entries of earlier terms that were
// acknowledged may be missing from the state, so no read is answered before.
func (l *leadership) establish(ctx context.Context) {
	for ctx.Err() == nil {
		term, last := l.raft.CurrentTerm(), l.raft.LastIndex()
		err := await(ctx, l.raft.Barrier(0))
		if err == nil && l.raft.State() == raft.Leader && l.raft.CurrentTerm() == term {
			l.settled.Store(last)
			l.setEstablished(ctx, term)
			return
		}
		if l.raft.State() != raft.Leader {
			return
		}
		// A transfer that is being tried, most likely. It ends within an election timeout.
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// setEstablished does nothing once ctx has ended, so that a term that is over cannot overwrite its successor.
func (l *leadership) setEstablished(ctx context.Context, term uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ctx.Err() != nil || l.established.Swap(term) == term {
		return
	}
	close(l.changes)
	l.changes = make(chan struct{})
}

// term gives the term in which this node may answer for reads now, or 0 and a channel that closes when to ask again.
func (l *leadership) term() (uint64, <-chan struct{}) {
	l.mu.Lock()
	again := l.changes
	l.mu.Unlock()
	term := l.established.Load()
	if term == 0 || l.raft.State() != raft.Leader || l.raft.CurrentTerm() != term {
		return 0, again
	}
	return term, nil
}

// await gives the future's error, or ctx's if that ends first. raft leaves futures unanswered when it shuts down, so
// nobody may wait for one alone.
func await(ctx context.Context, future raft.Future) error {
	done := make(chan error, 1)
	go func() { done <- future.Error() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
