package cluster

import (
	"context"
	"sync"

	"domicile/cluster/storage"
	"domicile/fsm"
	"domicile/fsm/state"
)

// HangingDisk is a disk whose writes to the log hang while it is told so.
type HangingDisk struct {
	mu   sync.Mutex
	hang chan struct{} // open while hanging
}

// Hang makes every later write hang until the returned function is called.
func (d *HangingDisk) Hang() (release func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	hang := make(chan struct{})
	d.hang = hang
	return sync.OnceFunc(func() { close(hang) })
}

// Before implements storage.Faults.
func (d *HangingDisk) Before(op string) error {
	if op != storage.OpStoreLogs {
		return nil
	}
	d.mu.Lock()
	hang := d.hang
	d.mu.Unlock()
	if hang != nil {
		<-hang
	}
	return nil
}

// StartOn is Start on a disk that can hang.
func StartOn(ctx context.Context, config Config, disk *HangingDisk) (*Node, error) {
	settings := storage.DefaultSettings()
	settings.Faults = disk
	return start(ctx, config, settings)
}

// LeadBehind asks this node, as the leader, for a read index over a state that has applied nothing of what is committed,
// while commands are under way for as long as underWay says. It gives up with ctx.
func (n *Node) LeadBehind(ctx context.Context, underWay func() bool) error {
	behind := &reads{
		raft: n.raft, fsm: fsm.New(state.Identity{}, func(error) {}), self: n.self, leadership: n.leadership,
		underWay: underWay, ledgerTime: n.ledgerTime, stopped: n.stopped,
	}
	_, err := behind.lead(ctx)
	return err
}

// Supported is supported.
func (n *Node) Supported(ctx context.Context) (level uint64, laggard string) { return n.supported(ctx) }

// AwaitLevel is awaitLevel.
func (n *Node) AwaitLevel(ctx context.Context, level uint64) error { return n.awaitLevel(ctx, level) }
