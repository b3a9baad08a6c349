package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"domicile/cmd/domicile/config"
	"domicile/test/region"
)

// What was written through any node is read on every node at once, and outlives the leader and a restart of all nodes.
func TestWrites_surviveTheLeaderAndARestart(t *testing.T) {
	r := startRegion(t, nil)
	w := newWorld(t, r)
	var ids []string
	write := func(node *region.Node) {
		ids = append(ids, w.provision(t, node, person(fmt.Sprintf("p%d", len(ids)), "P")))
		for _, reader := range r.Nodes {
			if reader.PID() == 0 {
				continue
			}
			if status, _ := w.scim(t, reader, http.MethodGet, "/Users/"+ids[len(ids)-1], nil); status != http.StatusOK {
				t.Errorf("%s answers %d to what %s acknowledged", reader.Name, status, node.Name)
			}
		}
	}
	for i := range 30 {
		write(r.Nodes[i%3])
	}
	leader, err := r.Leader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := leader.Kill(); err != nil {
		t.Fatal(err)
	}
	for _, node := range r.Nodes {
		if node != leader {
			write(node) // waits out the election inside the node
		}
	}
	if err := leader.Start(); err != nil {
		t.Fatal(err)
	}
	if err := r.AwaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	write(leader)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	for _, node := range r.Nodes {
		if err := node.Start(); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.AwaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		for _, node := range r.Nodes {
			if status, _ := w.scim(t, node, http.MethodGet, "/Users/"+id, nil); status != http.StatusOK {
				t.Errorf("%s answers %d about %s after the restart", node.Name, status, id)
			}
		}
	}
}

// A rolling restart by SIGTERM fails no request of clients that follow readiness.
func TestSIGTERM_failsNoRequest(t *testing.T) {
	r := startRegion(t, nil)
	w := newWorld(t, r)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var clients sync.WaitGroup
	for i := range 6 {
		clients.Go(func() { steadyClient(ctx, t, w, i) })
	}
	for _, node := range r.Nodes {
		if err := node.Stop(); err != nil {
			t.Errorf("%s did not stop in order: %v", node.Name, err)
		}
		if err := node.Start(); err != nil {
			t.Fatal(err)
		}
		if err := r.AwaitReady(ctx); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	clients.Wait()
}

// steadyClient creates and reads users one after the other at whichever node is ready, like a balancer would.
func steadyClient(ctx context.Context, t *testing.T, w *world, i int) {
	client := region.NewClient()
	for n := 0; ctx.Err() == nil; n++ {
		node := w.Nodes[(i+n)%len(w.Nodes)]
		if !node.Ready(ctx) {
			continue
		}
		body := map[string]any{
			"schemas":  []string{"urn:ietf:params:scim:schemas:core:2.0:User"},
			"userName": fmt.Sprintf("steady-%d-%d@acme.example", i, n),
		}
		status, raw, err := region.Call(context.WithoutCancel(ctx), client, http.MethodPost, w.org.SCIM(node)+"/Users", w.org.Token, "application/scim+json", body)
		if err != nil || status != http.StatusCreated {
			t.Errorf("create at %s: status %d, error %v, answer %.200s", node.Name, status, err, raw)
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// Nodes that do not belong say so and stop: another region's certificate, another region's data directory.
func TestForeignNodes_areRefused(t *testing.T) {
	us := startRegion(t, nil)
	eu := startRegion(t, func(o *region.Options) { o.ID = "eu" })
	w := newWorld(t, us, person("ada", "Ada"))
	w.provision(t, us.Nodes[0], w.idpUsers[0])

	t.Run("data directory", func(t *testing.T) {
		stray, err := region.Prepare(t.Context(), region.Options{Binary: binary, Dir: t.TempDir(), ID: "eu", Size: 1,
			Configure: func(_ int, c *config.Config) { c.DataDir = us.Nodes[0].Data() }})
		if err != nil {
			t.Fatal(err)
		}
		if err := us.Nodes[0].Kill(); err != nil {
			t.Fatal(err)
		}
		expectRefusal(t, stray.Nodes[0], "region")
		if err := us.Nodes[0].Start(); err != nil {
			t.Fatal(err)
		}
		if err := us.AwaitReady(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("certificate", func(t *testing.T) {
		stray, err := region.Prepare(t.Context(), region.Options{Binary: binary, Dir: t.TempDir(), ID: "us", Size: 1,
			Configure: func(_ int, c *config.Config) {
				c.Peer.BootstrapExpect = 0
				c.Peer.Seeds = []string{eu.Nodes[0].Peer, us.Nodes[0].Peer} // another cluster of the same region, and another region
			}})
		if err != nil {
			t.Fatal(err)
		}
		node := stray.Nodes[0]
		if err := node.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = stray.Close() })
		eventually(t, "the log names the other cluster", func() bool {
			raw, err := os.ReadFile(node.Log())
			return err == nil && strings.Contains(string(raw), "cluster")
		})
		if node.Ready(t.Context()) {
			t.Error("a node of another cluster became ready")
		}
		if found := grep(t, node.Dir(), "acme"); len(found) > 0 {
			t.Errorf("a byte of the region's data reached a stranger: %v", found)
		}
	})
}

func expectRefusal(t *testing.T, node *region.Node, words string) {
	t.Helper()
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	if exit, err := node.Wait(20 * time.Second); err != nil || exit == nil {
		t.Fatalf("the node ended with %v, %v; want a refusal", exit, err)
	}
	raw, err := os.ReadFile(node.Log())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(raw), words) {
		t.Errorf("the refusal does not name %q: %s", words, raw)
	}
}

// grep lists the files below dir that contain a text.
func grep(t *testing.T, dir, text string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		raw, err := os.ReadFile(path)
		if strings.Contains(string(raw), text) {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
