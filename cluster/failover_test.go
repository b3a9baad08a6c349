package cluster_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"domicile/cluster"
	"domicile/cluster/clustertest"
	"domicile/directory"
	"domicile/fsm/state"
)

// load writes organizations through all running nodes until stopped, each exactly once, and remembers which were
// acknowledged and which failed.
type load struct {
	cluster *clustertest.Cluster
	next    atomic.Int64
	stop    chan struct{}
	done    sync.WaitGroup

	mu     sync.Mutex
	acked  []int
	failed map[int]error
	last   time.Time
	gap    time.Duration // longest between two acknowledgements
}

func startLoad(t *testing.T, c *clustertest.Cluster, writers int) *load {
	t.Helper()
	l := &load{cluster: c, stop: make(chan struct{}), failed: map[int]error{}, last: time.Now()}
	for writer := range writers {
		l.done.Go(func() { l.write(t.Context(), writer) })
	}
	return l
}

func (l *load) write(ctx context.Context, writer int) {
	for turn := writer; ; turn++ {
		select {
		case <-l.stop:
			return
		default:
		}
		running := l.cluster.Running()
		node := l.cluster.Node(running[turn%len(running)])
		if node == nil {
			continue
		}
		number := int(l.next.Add(1))
		_, err := node.Propose(ctx, clustertest.CreateOrganization(number))
		l.mu.Lock()
		if err != nil {
			l.failed[number] = err
		} else {
			l.acked = append(l.acked, number)
			l.gap = max(l.gap, time.Since(l.last))
			l.last = time.Now()
		}
		l.mu.Unlock()
	}
}

// finish stops the writers and checks on every node that each acknowledged write is there, exactly once, and that nothing
// was applied twice: a second application of the same command would have been refused as a conflict.
func (l *load) finish(t *testing.T, mayFail bool) {
	t.Helper()
	close(l.stop)
	l.done.Wait()
	for number, err := range l.failed {
		if !mayFail || directory.KindOf(err) != directory.KindUnavailable {
			t.Errorf("write %d: %v", number, err)
		}
	}
	if len(l.acked) == 0 {
		t.Fatal("nothing was written")
	}
	for _, i := range l.cluster.Running() {
		view, err := l.cluster.Node(i).View(t.Context(), state.Confirmed())
		if err != nil {
			t.Fatalf("node %d: %v", i, err)
		}
		for _, number := range l.acked {
			if _, ok := view.Directory(clustertest.CreateOrganization(number).Organization); !ok {
				t.Fatalf("node %d lost the acknowledged write %d", i, number)
			}
		}
		if n := view.Organizations(); n > len(l.acked)+len(l.failed) {
			t.Errorf("node %d holds %d organizations, of %d that were ever asked for", i, n, len(l.acked)+len(l.failed))
		}
	}
	t.Logf("%d writes acknowledged, %d failed, longest gap %s", len(l.acked), len(l.failed), l.gap)
	l.cluster.SameDigests()
}

// wait lets n more writes be acknowledged.
func (l *load) wait(t *testing.T, n int) {
	t.Helper()
	l.mu.Lock()
	want := len(l.acked) + n
	l.mu.Unlock()
	clustertest.Eventually(t, fmt.Sprintf("%d more writes", n), func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.acked) >= want
	}, nil)
}

func TestFailover_killedLeaderUnderLoad(t *testing.T) {
	c := clustertest.New(t, 3, clustertest.Options{})
	c.WaitReady()
	l := startLoad(t, c, 8)
	l.wait(t, 200)
	for range 2 {
		leader := c.Leader()
		c.Kill(leader)
		l.wait(t, 200)
		c.Start(leader)
		l.wait(t, 200)
	}
	c.WaitReady()
	// A write that was under way on the killed node itself is unknown to its caller.
	l.finish(t, true)
}

func TestFailover_crashWatchBeatsTheTimers(t *testing.T) {
	c := clustertest.New(t, 3, clustertest.Options{Configure: slowTimers})
	c.WaitReady()
	leader := c.Leader()
	survivor := c.Followers()[0]
	began := time.Now()
	c.Kill(leader)
	propose(t, c.Node(survivor), clustertest.CreateOrganization(1))
	took := time.Since(began)
	t.Logf("first write %s after the kill", took)
	if took > 1500*time.Millisecond {
		t.Errorf("the first write took %s; without the watch an election starts after 2 s", took)
	}
}

func slowTimers(_ int, config *cluster.Config) {
	config.Timing.Heartbeat = 2 * time.Second
	config.Timing.Election = 2 * time.Second
	config.Timing.Lease = time.Second
}

func TestFailover_gracefulHandoverFailsNoWrite(t *testing.T) {
	c := clustertest.New(t, 3, clustertest.Options{Configure: slowTimers})
	c.WaitReady()
	l := startLoad(t, c, 8)
	for range 3 {
		l.wait(t, 100)
		if err := c.Node(c.Leader()).TransferLeadership(t.Context()); err != nil {
			t.Errorf("transfer: %v", err)
		}
	}
	l.wait(t, 100)
	l.finish(t, false)
	for i := range 3 {
		if n := counter(t, c.Node(i), "domicile_cluster_crash_takeovers_total"); n != 0 {
			t.Errorf("node %d took an orderly handover for a crash %v times", i, n)
		}
	}
}

func TestFailover_rollingRestart(t *testing.T) {
	c := clustertest.New(t, 3, clustertest.Options{})
	c.WaitReady()
	propose(t, c.Node(0), clustertest.CreateOrganization(1))
	for i := range 3 {
		c.Stop(i)
		other := c.Running()[0]
		propose(t, c.Node(other), clustertest.CreateOrganization(10+i))
		c.Start(i)
		c.WaitReady()
	}
	for i := range 3 {
		if !has(t, c.Node(i), 1) || !has(t, c.Node(i), 12) {
			t.Errorf("node %d lost a write over the restarts", i)
		}
	}
	c.SameDigests()
}

func TestFailover_lostReplyIsAppliedOnce(t *testing.T) {
	c := clustertest.New(t, 3, clustertest.Options{})
	c.WaitReady()
	leader, follower := c.Leader(), c.Followers()[0]
	before := c.Node(leader).Status().Seq

	c.Network.Block(leader, follower) // the request gets through, the answer does not
	answered := make(chan error, 1)
	go func() {
		_, err := c.Node(follower).Propose(context.Background(), clustertest.CreateOrganization(1))
		answered <- err
	}()
	clustertest.Eventually(t, "the command is applied", func() bool { return c.Node(leader).Status().Seq > before }, nil)
	c.Network.Reset(leader, follower) // the answer is lost
	c.Network.Heal()
	if err := <-answered; err != nil {
		t.Errorf("the write was applied, but its caller was told %v", err)
	}
	if retries := counter(t, c.Node(follower), "domicile_cluster_retries_total"); retries == 0 {
		t.Error("nothing was tried again: the test lost no answer")
	}
	c.WaitReady()
	c.SameDigests()
}

func TestFailover_partitionHeals(t *testing.T) {
	c := clustertest.New(t, 3, clustertest.Options{})
	c.WaitReady()
	old := c.Leader()
	c.Network.Isolate(old)

	// The majority goes on.
	others := []int{(old + 1) % 3, (old + 2) % 3}
	propose(t, c.Node(others[0]), clustertest.CreateOrganization(1))
	if !has(t, c.Node(others[1]), 1) {
		t.Error("the majority does not see its own write")
	}
	// The minority takes nothing and confirms nothing.
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if _, err := c.Node(old).Propose(ctx, clustertest.CreateOrganization(2)); directory.KindOf(err) != directory.KindUnavailable {
		t.Errorf("write on the minority side: %v, want unavailable", err)
	}
	if _, err := c.Node(old).View(ctx, state.Confirmed()); directory.KindOf(err) != directory.KindUnavailable {
		t.Errorf("confirmed read on the minority side: %v, want unavailable", err)
	}

	c.Network.Heal()
	c.WaitReady()
	if !has(t, c.Node(old), 1) {
		t.Error("the former leader does not see what was written without it")
	}
	c.SameDigests()
}
