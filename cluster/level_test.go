package cluster_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"domicile/cluster"
	"domicile/cluster/clustertest"
	"domicile/directory"
	"domicile/fsm/command"
)

// The level rises once every member says that it supports it: a member that is down may come back with an old release.
func TestLevel_waitsForEveryMember(t *testing.T) {
	c := clustertest.New(t, 3, clustertest.Options{})
	c.WaitReady()
	risen := func() bool {
		for _, n := range c.Running() {
			if c.Node(n).Status().Level != command.MaxLevel {
				return false
			}
		}
		return true
	}
	clustertest.Eventually(t, "the level rises", risen, nil)

	// A later release would find this ledger: one node away, it must not raise anything. The same rule is asked directly,
	// because this binary knows no higher level.
	leader, away := c.Leader(), c.Followers()[0]
	c.Kill(away)
	if level, laggard := c.Node(leader).Supported(t.Context()); level >= command.MaxLevel || laggard != c.Name(away) {
		t.Errorf("with %s down level %d is supported, held up by %q", c.Name(away), level, laggard)
	}
	c.Start(away)
	clustertest.Eventually(t, "it is back", func() bool {
		level, _ := c.Node(c.Leader()).Supported(t.Context())
		return level == command.MaxLevel
	}, nil)
}

// What needs a level that is not in force waits, and is refused in time.
func TestLevel_holdsCommandsBack(t *testing.T) {
	c := clustertest.New(t, 1, clustertest.Options{})
	c.WaitReady()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := c.Node(0).AwaitLevel(ctx, command.MaxLevel+1); directory.KindOf(err) != directory.KindUnavailable {
		t.Errorf("a command of a level to come: %v", err)
	}
	// In force a moment after a cluster is founded; until then the write waits.
	if _, err := c.Node(0).Propose(t.Context(), command.Command{Payload: &command.FinishErrands{}}); err != nil {
		t.Errorf("a command of the newest level: %v", err)
	}
}

// A node whose clock is 90 seconds off says so, in its status and in its log, and goes on.
func TestAttack60_skewedClock(t *testing.T) {
	var logs safeBuffer
	c := clustertest.New(t, 3, clustertest.Options{Configure: func(node int, config *cluster.Config) {
		if node == 2 {
			config.Now = func() time.Time { return time.Now().Add(-90 * time.Second) }
			config.Logger = slog.New(slog.NewTextHandler(&logs, nil))
		}
	}})
	c.WaitReady()
	if c.Leader() == 2 {
		if err := c.Node(2).TransferLeadership(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.WaitReady()
	}
	clustertest.Eventually(t, "the node knows of its clock", func() bool {
		offset := c.Node(2).Status().ClockOffset
		return offset > 80*time.Second && offset < 100*time.Second
	}, nil)
	clustertest.Eventually(t, "the log says so", func() bool { return strings.Contains(logs.String(), "clocks of this node") }, nil)
	if err := c.Node(2).Ready(); err != nil {
		t.Errorf("the node is not ready: %v", err)
	}
	propose(t, c.Node(2), clustertest.CreateOrganization(60))
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
