package cluster

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

const (
	guardPause = time.Second // between two looks
	// livelockRestores is how many snapshots in a row, without an entry applied between them, mean that a follower is
	// caught installing the same one for ever (raft issue 697). The repair is made by storage.Open at the next start.
	livelockRestores = 3
)

// guard watches for the faults of the raft library that nothing in it notices, and takes snapshots by size and age.
type guard struct {
	node *Node

	answered atomic.Int64 // Unix nanoseconds when raft's main loop last answered
}

func newGuard(n *Node) *guard {
	g := &guard{node: n}
	g.answered.Store(time.Now().UnixNano())
	return g
}

func (g *guard) run(ctx context.Context, work *sync.WaitGroup) {
	work.Go(func() { g.knock(ctx) })
	work.Go(func() { g.yield(ctx) })
	work.Go(func() { g.watchRestores(ctx) })
	work.Go(func() { g.snapshot(ctx) })
}

// silence is for how long raft's main loop has not answered.
func (g *guard) silence() time.Duration {
	return time.Since(time.Unix(0, g.answered.Load()))
}

// knockOn asks raft's main loop for a sign of life. To bootstrap with nobody is refused in every state and changes nothing,
// but only the main loop can refuse it.
func knockOn(r *raft.Raft) raft.Future { return r.BootstrapCluster(raft.Configuration{}) }

// knock notes when raft's main loop answers.
func (g *guard) knock(ctx context.Context) {
	for ctx.Err() == nil {
		done := make(chan struct{})
		go func() {
			_ = knockOn(g.node.raft).Error()
			close(done)
		}()
		select {
		case <-done:
			g.answered.Store(time.Now().UnixNano())
		case <-ctx.Done():
			return
		}
		pause(ctx, guardPause)
	}
}

// yieldPause is how long a node that handed over because of its disk keeps the leadership when it comes back: where no
// node has room, a leader that refuses writes is better than one that changes all the time.
const yieldPause = time.Minute

// yield hands leadership over when this node's disk can take no writes: the others may have room.
func (g *guard) yield(ctx context.Context) {
	var last time.Time
	for pause(ctx, guardPause/4) {
		if g.node.raft.State() != raft.Leader || g.node.storage.Healthy() == nil || time.Since(last) < yieldPause {
			continue
		}
		last = time.Now()
		if err := await(ctx, g.node.raft.LeadershipTransfer()); err != nil {
			g.node.logger.Warn("hand over because of the disk", "error", err)
		}
	}
}

// watchRestores notices a follower that installs one snapshot after the other and never applies an entry.
func (g *guard) watchRestores(ctx context.Context) {
	loop := restoreLoop{restores: g.node.fsm.Restores(), index: g.node.fsm.Index()}
	for ctx.Err() == nil {
		if loop.caught(g.node.fsm.Restores(), g.node.fsm.Index()) && g.node.raft.State() == raft.Follower {
			g.node.fail(ExitStalled, "the same snapshot is installed over and over; the next start repairs the log")
			return
		}
		pause(ctx, guardPause/4)
	}
}

// restoreLoop counts restores since an entry was last applied.
type restoreLoop struct{ restores, index uint64 }

func (l *restoreLoop) caught(restores, index uint64) bool {
	if index != l.index {
		l.restores, l.index = restores, index
		return false
	}
	return restores >= l.restores+livelockRestores
}

// snapshot takes one when the log has grown by SnapshotBytes, or after SnapshotMaxAge if anything was written. raft itself
// only counts entries, which says little when an entry holds one command or 256.
func (g *guard) snapshot(ctx context.Context) {
	taken, seq := time.Now(), g.node.fsm.View().Seq()
	for pause(ctx, g.node.config.SnapshotInterval) {
		due := g.node.storage.LogBytes() > g.node.config.SnapshotBytes
		if time.Since(taken) > g.node.config.SnapshotMaxAge && g.node.fsm.View().Seq() > seq {
			due = true
		}
		if !due {
			continue
		}
		seen := g.node.fsm.View().Seq()
		if err := await(ctx, g.node.raft.Snapshot()); err != nil {
			g.node.logger.Warn("take a snapshot", "error", err)
			continue
		}
		taken, seq = time.Now(), seen
	}
}

// pause waits; false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
