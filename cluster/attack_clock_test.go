package cluster_test

import (
	"bytes"
	"log/slog"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"domicile/cluster"
	"domicile/cluster/clustertest"
	"domicile/directory"
)

const wrong = 90 * time.Second

// watches is a cluster of three whose clocks can be put wrong.
type watches struct {
	*clustertest.Cluster
	skew [3]atomic.Int64 // that a node's clock is ahead, nanoseconds
	logs [3]safeBuffer
}

// newWatches starts all three with clocks that are wrong by as much, which none of them can notice.
func newWatches(t *testing.T, skew time.Duration) *watches {
	w := new(watches)
	for i := range w.skew {
		w.skew[i].Store(int64(skew))
	}
	w.Cluster = clustertest.New(t, 3, clustertest.Options{Configure: func(i int, config *cluster.Config) {
		config.Now = func() time.Time { return time.Now().Add(time.Duration(w.skew[i].Load())) }
		config.Logger = slog.New(slog.NewTextHandler(&w.logs[i], nil))
	}})
	w.WaitReady()
	return w
}

// others are the nodes besides one.
func others(node int) []int { return []int{(node + 1) % 3, (node + 2) % 3} }

// shows waits until a node's metric and its status say how far the ledger's time is ahead of its clock.
func (w *watches) shows(t *testing.T, node int, want time.Duration) {
	t.Helper()
	clustertest.Eventually(t, "the offset of "+w.Name(node)+" is "+want.String(), func() bool {
		off := counter(t, w.Node(node), "domicile_cluster_clock_offset_seconds")
		return math.Abs(off-want.Seconds()) < 10 && (w.Node(node).Status().ClockOffset-want).Abs() < 10*time.Second
	}, func() any { return counter(t, w.Node(node), "domicile_cluster_clock_offset_seconds") })
}

// warns waits until a node's log says it.
func (w *watches) warns(t *testing.T, node int) {
	t.Helper()
	clustertest.Eventually(t, "the log of "+w.Name(node)+" says so", w.warned(node), nil)
}

func (w *watches) warned(node int) func() bool {
	return func() bool {
		return strings.Contains(w.logs[node].String(), "clocks of this node and of the leader differ")
	}
}

// works shows that the region goes on as ever on all nodes, for which clock is wrong they cannot know, and gives the ledger's time.
func (w *watches) works(t *testing.T, number int) (at directory.Time) {
	t.Helper()
	for node := range w.skew {
		if err := w.Node(node).Ready(); err != nil {
			t.Errorf("%s is not ready: %v", w.Name(node), err)
		}
		at = propose(t, w.Node(node), clustertest.CreateOrganization(number+node)).Created
	}
	return at
}

// A follower whose clock is 90 seconds off says so, and it alone.
func TestAttack60_follower(t *testing.T) {
	for name, skew := range map[string]time.Duration{"behind": -wrong, "ahead": wrong} {
		t.Run(name, func(t *testing.T) {
			w := newWatches(t, 0)
			leader := w.Leader()
			node, right := others(leader)[0], others(leader)[1]
			w.skew[node].Store(int64(skew))
			w.shows(t, node, -skew)
			w.warns(t, node)
			w.works(t, 60)
			for _, good := range []int{leader, right} {
				w.shows(t, good, 0)
				if w.warned(good)() {
					t.Errorf("%s, whose clock is right, says:\n%s", w.Name(good), w.logs[good].String())
				}
			}
			w.skew[node].Store(0)
			w.shows(t, node, 0)
		})
	}
}

// The ledger's time is the leader's. Where that is 90 seconds off, both others say so, and the region goes on. Another leader puts
// it right, but for what has passed in the ledger already: its time never goes back.
func TestAttack60_leader(t *testing.T) {
	t.Run("behind", func(t *testing.T) {
		w := newWatches(t, -wrong)
		leader := w.Leader()
		for _, node := range others(leader) {
			w.skew[node].Store(0)
		}
		for _, node := range others(leader) {
			w.shows(t, node, -wrong)
			w.warns(t, node)
		}
		w.works(t, 60)
		w.succeed(t, leader)
		w.shows(t, leader, wrong)
		for _, node := range others(leader) {
			w.shows(t, node, 0)
		}
		w.works(t, 70)
	})
	t.Run("ahead", func(t *testing.T) {
		w := newWatches(t, 0)
		leader := w.Leader()
		w.skew[leader].Store(int64(wrong))
		for _, node := range others(leader) {
			w.shows(t, node, wrong)
			w.warns(t, node)
		}
		before := w.works(t, 60)
		w.succeed(t, leader)
		if after := w.works(t, 70); after <= before {
			t.Errorf("the ledger's time goes back from %d to %d", before, after)
		}
	})
}

// succeed puts another node in the leader's place.
func (w *watches) succeed(t *testing.T, leader int) {
	t.Helper()
	if w.Leader() != leader {
		t.Fatal("another node leads already")
	}
	if err := w.Node(leader).TransferLeadership(t.Context()); err != nil {
		t.Fatal(err)
	}
	clustertest.Eventually(t, "another node leads", func() bool { return w.Leader() != leader }, nil)
	w.WaitReady()
}

// safeBuffer is a buffer that several goroutines write to.
type safeBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
