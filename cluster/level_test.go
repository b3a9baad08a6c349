package cluster_test

import (
	"context"
	"testing"
	"time"

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
