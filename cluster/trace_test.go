package cluster_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
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
	if got, want := traceOf(t, path(leader), "cluster.commit"), traceOf(t, path(follower), "cluster.propose"); got != want {
		t.Errorf("the leader's span is of trace %s, the receiving node's of %s", got, want)
	}
}

// traceOf gives the trace of the first span of a name.
func traceOf(t *testing.T, path, name string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("read spans: %v", err)
	}
	for line := range bytes.Lines(content) {
		var span struct {
			Name  string `json:"name"`
			Trace string `json:"trace_id"`
		}
		if err := json.Unmarshal(line, &span); err != nil {
			t.Fatalf("span: %v", err)
		}
		if span.Name == name {
			return span.Trace
		}
	}
	t.Fatalf("%s holds no span %s: %s", path, name, content)
	return ""
}
