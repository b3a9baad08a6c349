package cluster_test

import (
	"context"
	"testing"
	"time"

	"domicile/cluster"
	"domicile/cluster/clustertest"
	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
)

// propose writes through a node and fails the test when the write fails.
func propose(t *testing.T, node *cluster.Node, c command.Command) command.Result {
	t.Helper()
	result, err := node.Propose(t.Context(), c)
	if err != nil {
		t.Fatalf("propose: %v", err)
	}
	return result
}

// view gives a confirmed view.
func view(t *testing.T, node *cluster.Node) *state.View {
	t.Helper()
	view, err := node.View(t.Context(), state.Confirmed())
	if err != nil {
		t.Fatalf("view: %v", err)
	}
	return view
}

// has tells whether a confirmed view of a node holds the organization.
func has(t *testing.T, node *cluster.Node, number int) bool {
	t.Helper()
	_, ok := view(t, node).Directory(clustertest.CreateOrganization(number).Organization)
	return ok
}

func TestCluster_writesThroughEveryNodeAreReadOnEveryNode(t *testing.T) {
	c := clustertest.New(t, 3, clustertest.Options{})
	c.WaitReady()
	for writer := range 3 {
		propose(t, c.Node(writer), clustertest.CreateOrganization(writer))
		for reader := range 3 {
			if !has(t, c.Node(reader), writer) {
				t.Errorf("node %d does not see what node %d wrote", reader, writer)
			}
		}
	}
	_, err := c.Node(1).Propose(t.Context(), clustertest.CreateOrganization(0))
	if directory.KindOf(err) != directory.KindConflict {
		t.Errorf("a second organization of the same name: %v, want a conflict", err)
	}
	c.SameDigests()
}

func TestCluster_singleNode(t *testing.T) {
	c := clustertest.New(t, 1, clustertest.Options{})
	c.WaitReady()
	propose(t, c.Node(0), clustertest.CreateOrganization(1))
	if !has(t, c.Node(0), 1) {
		t.Error("the only node does not see its own write")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := c.Node(0).View(ctx, state.Local()); err != nil {
		t.Errorf("local view: %v", err)
	}
}
