package cluster_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"domicile/cluster"
	"domicile/cluster/clustertest"
	"domicile/telemetry"
)

// One write is one trace, from the node that received it to the leader's log.
func TestTrace_crossesTheLink(t *testing.T) {
	dir := t.TempDir()
	tracings := map[int]*telemetry.Tracing{}
	path := func(node int) string { return filepath.Join(dir, fmt.Sprint(node)) }
	c := clustertest.New(t, 3, clustertest.Options{Configure: func(node int, config *cluster.Config) {
		tracing, err := telemetry.NewTracing(context.Background(), telemetry.TraceConfig{Sample: 1, File: path(node)})
		if err != nil {
			t.Fatalf("tracing: %v", err)
		}
		tracings[node] = tracing
		config.Tracer = tracing.Tracer("cluster")
	}})
	c.WaitReady()
	leader, follower := c.Leader(), c.Followers()[0]
	propose(t, c.Node(follower), clustertest.CreateOrganization(1))
	for node, tracing := range tracings {
		if err := tracing.Shutdown(context.Background()); err != nil {
			t.Fatalf("flush node %d: %v", node, err)
		}
	}
	received := traces(t, path(follower), "cluster.propose")
	if len(received) != 1 {
		t.Fatalf("the receiving node has %d traces", len(received))
	}
	if kept := traces(t, path(leader), "cluster.commit"); !slices.Contains(kept, received[0]) { // the leader writes for itself too
		t.Errorf("the leader's spans are of traces %v, the receiving node's of %s", kept, received[0])
	}
}

// traces gives the traces of the spans of a name.
func traces(t *testing.T, path, name string) []string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("read spans: %v", err)
	}
	var found []string
	for line := range bytes.Lines(content) {
		var span struct {
			Name  string `json:"name"`
			Trace string `json:"trace_id"`
		}
		if err := json.Unmarshal(line, &span); err != nil {
			t.Fatalf("span: %v", err)
		}
		if span.Name == name {
			found = append(found, span.Trace)
		}
	}
	return found
}
