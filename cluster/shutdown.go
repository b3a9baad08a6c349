package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	transferTries = 3
	// stopPatience bounds the wait for raft to stop: a hung disk must not keep the process.
	stopPatience = 5 * time.Second
)

// Drain makes Ready fail, so that load balancers stop sending requests here; the node goes on working. The order at the
// end of a process is Drain, a few seconds for the balancers, the end of the HTTP server, Shutdown.
func (n *Node) Drain() { n.draining.Store(true) }

// Shutdown ends the node in order: no forwarded writes any more, leadership handed over, writes under way finished, peers
// told, raft stopped, disk closed. The node stays a member. Whatever ctx leaves no time for is skipped: with a ctx that has
// ended, the node drops every connection at once, as if its process had been killed, and only closes its files.
func (n *Node) Shutdown(ctx context.Context) error {
	n.Drain()
	n.leaving.Store(true)
	empty := n.proposals.close()
	if ctx.Err() == nil {
		if err := n.TransferLeadership(ctx); err != nil {
			n.logger.Warn("nobody took over leadership", "error", err)
		}
		drain, cancel := context.WithTimeout(ctx, n.config.Timing.Drain)
		select {
		case <-empty:
		case <-drain.Done():
		}
		n.finishQueue(drain)
		cancel()
		n.watch.goodbye()
	}
	return n.close()
}

// finishQueue waits until the leader's queue, with commands of others, is answered.
func (n *Node) finishQueue(ctx context.Context) {
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for n.batcher.open.Load() > 0 {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// close stops everything that start has started so far.
func (n *Node) close() error {
	var failed error
	n.stopOnce.Do(func() {
		close(n.stopped)
		if n.link != nil {
			n.link.Fence()
		}
		if n.cancel != nil {
			n.cancel()
		}
		if n.raft != nil {
			ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
			defer cancel()
			err := await(ctx, n.raft.Shutdown())
			select {
			case <-n.transport.heartbeats.close():
			case <-ctx.Done():
				err = ctx.Err()
			}
			if err != nil {
				failed = fmt.Errorf("stop raft: %w", err)
				return // raft still uses the disk: leave it open for the process's end
			}
		}
		if n.transport != nil {
			_ = n.transport.Close()
		}
		n.work.Wait()
		if n.reads != nil {
			n.reads.work.Wait()
		}
		if n.callers != nil {
			n.callers.wait()
		}
		if n.link != nil {
			n.link.wait()
		}
		if n.storage != nil {
			failed = errors.Join(failed, n.storage.Close())
		}
	})
	return failed
}
