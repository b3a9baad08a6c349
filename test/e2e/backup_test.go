package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"domicile/directory"
	"domicile/test/region"
)

// operate runs a client command against a node.
func operate(t *testing.T, r *region.Region, node *region.Node, args ...string) error {
	t.Helper()
	return region.Run(t.Context(), binary, append(args, "--url", node.URL, "--token-file", r.PKI("operator-token"))...)
}

// digest gives the seq and digest on which all nodes agree.
func digest(t *testing.T, r *region.Region) (seq uint64, digest string) {
	t.Helper()
	var answers []string
	var answer struct {
		Seq    uint64 `json:"seq"`
		Digest string `json:"digest"`
	}
	eventually(t, "all nodes have one digest", func() bool {
		answers = nil
		for _, node := range r.Nodes {
			answers = append(answers, fetch(t.Context(), t, r, node.Ops+"/digest"))
		}
		return answers[0] == answers[1] && answers[1] == answers[2]
	})
	if err := json.Unmarshal([]byte(answers[0]), &answer); err != nil {
		t.Fatal(err)
	}
	return answer.Seq, answer.Digest
}

// settled is digest once the region has written nothing of its own accord for two seconds: signing keys, what the provider
// says of itself, uses of sessions.
func settled(t *testing.T, r *region.Region) (seq uint64, text string) {
	t.Helper()
	since := time.Now()
	eventually(t, "the region is at rest", func() bool {
		now, changed := digest(t, r)
		if now != seq || changed != text {
			seq, text, since = now, changed, time.Now()
		}
		return time.Since(since) > 2*time.Second
	})
	return seq, text
}

func members(t *testing.T, r *region.Region, node *region.Node) []directory.Member {
	t.Helper()
	var answer struct {
		Members []directory.Member `json:"members"`
	}
	if err := r.Admin(t.Context(), node, http.MethodGet, "/members", nil, &answer); err != nil {
		t.Fatal(err)
	}
	return answer.Members
}

func voters(t *testing.T, r *region.Region, node *region.Node) int {
	t.Helper()
	n := 0
	for _, member := range members(t, r, node) {
		if member.Voter {
			n++
		}
	}
	return n
}

// All machines of a region are lost. One node is restored from a backup, the others join it with empty directories, and
// everything is as it was: people, tokens, sessions.
func TestBackup_refoundsALostRegion(t *testing.T) {
	r := startRegion(t, nil)
	ada := person("ada-canary", "Ada Canary-Name")
	w := newWorld(t, r, ada)
	var ids []string
	for i := range 30 {
		ids = append(ids, w.provision(t, r.Nodes[i%3], person(fmt.Sprintf("p%d", i), "P")))
	}
	ids = append(ids, w.provision(t, r.Nodes[0], ada))
	browser, resp := w.signIn(t, r.Nodes[0], r.Nodes[1], ada)
	_ = resp.Body.Close()

	seq, before := settled(t, r)
	file := filepath.Join(t.TempDir(), "us.backup")
	if err := operate(t, r, r.Nodes[2], "backup", "create", "--out", file, "--keyring", r.PKI("keyring.json")); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, canary := range []string{"canary", "Canary", "acme", w.org.Token, clientSecret} {
		if strings.Contains(string(raw), canary) {
			t.Errorf("the backup holds %q", canary)
		}
	}

	restore := []string{"restore", "--config", filepath.Join(r.Nodes[0].Dir(), "domicile.yaml"), "--backup", file}
	refused := func(words string) {
		t.Helper()
		if err := region.Run(t.Context(), binary, restore...); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("restore answered %v, want %q", err, words)
		}
	}
	refused("is not empty")
	lose := func(node *region.Node) {
		t.Helper()
		if err := node.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(node.Data()); err != nil {
			t.Fatal(err)
		}
	}
	lose(r.Nodes[0])
	refused("runs and holds data of this region")
	lose(r.Nodes[1])
	lose(r.Nodes[2])
	// The other two start first, empty, and wait, although each expects to found a region of three.
	for _, node := range r.Nodes[1:] {
		if err := node.Start(); err != nil {
			t.Fatal(err)
		}
	}
	if err := region.Run(t.Context(), binary, restore...); err != nil {
		t.Fatal(err)
	}
	refused("is not empty")
	if err := r.Nodes[0].Start(); err != nil {
		t.Fatal(err)
	}
	if err := r.AwaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all have a vote again", func() bool { return voters(t, r, r.Nodes[0]) == 3 })

	if gotSeq, after := digest(t, r); after != before || gotSeq != seq {
		t.Errorf("digest %s at seq %d after the restore, want %s at %d", after, gotSeq, before, seq)
	}
	for _, node := range r.Nodes {
		for _, id := range ids {
			if status, _ := w.scim(t, node, http.MethodGet, "/Users/"+id, nil); status != http.StatusOK {
				t.Errorf("%s answers %d about %s", node.Name, status, id)
			}
		}
		if status, _ := w.session(t, browser, node); status != http.StatusOK {
			t.Errorf("%s answers %d to a session from before", node.Name, status)
		}
	}
	// It goes on as a region of three does: without the node that was restored.
	if err := r.Nodes[0].Kill(); err != nil {
		t.Fatal(err)
	}
	w.provision(t, r.Nodes[1], person("after", "After"))
	w.setActive(t, r.Nodes[2], ids[len(ids)-1], false)
	if status, _ := w.session(t, browser, r.Nodes[1]); status != http.StatusUnauthorized {
		t.Errorf("a deactivated person's session answers %d", status)
	}
}

// An operator watches, moves the leadership, removes a node, and lets it come back with an empty directory, through any node.
func TestMembers_operate(t *testing.T) {
	r := startRegion(t, nil)
	w := newWorld(t, r)
	for _, node := range r.Nodes {
		before, err := r.Leader(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := operate(t, r, node, "member", "transfer"); err != nil {
			t.Fatal(err)
		}
		eventually(t, "another node leads", func() bool {
			leader, err := r.Leader(t.Context())
			return err == nil && leader != before
		})
		w.provision(t, node, person("while-"+node.Name, "W"))
	}
	gone := r.Nodes[0]
	if err := operate(t, r, r.Nodes[2], "member", "remove", gone.Name); err != nil {
		t.Fatal(err)
	}
	if n := len(members(t, r, r.Nodes[1])); n != 2 {
		t.Errorf("%d members are left", n)
	}
	eventually(t, "the removed node says that it is not ready", func() bool { return !gone.Ready(t.Context()) })
	if err := r.Nodes[1].Kill(); err != nil {
		t.Fatal(err)
	}
	if err := operate(t, r, r.Nodes[2], "member", "remove", r.Nodes[2].Name); err == nil {
		t.Error("the last healthy voter of two was removed")
	}
	if err := r.Nodes[1].Start(); err != nil {
		t.Fatal(err)
	}
	if err := gone.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(gone.Data()); err != nil {
		t.Fatal(err)
	}
	if err := gone.Start(); err != nil {
		t.Fatal(err)
	}
	if err := r.AwaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it has a vote again", func() bool { return voters(t, r, r.Nodes[1]) == 3 })
	if status, _ := w.scim(t, gone, http.MethodGet, "/Users", nil); status != http.StatusOK {
		t.Errorf("%s answers %d", gone.Name, status)
	}
}

// The API streams a backup whose name says what it is; a command reads it without the region.
func TestBackup_verifiesOffline(t *testing.T) {
	r := startRegion(t, nil)
	newWorld(t, r)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.Nodes[1].URL+"/api/v1/backup", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+r.Operator)
	resp, err := r.Client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Disposition"), `attachment; filename="us-`) {
		t.Fatalf("status %d, error %v, headers %v", resp.StatusCode, err, resp.Header)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "us.backup")
	verify := func(content []byte) error {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return region.Run(t.Context(), binary, "backup", "verify", file, "--keyring", r.PKI("keyring.json"))
	}
	if err := verify(raw); err != nil {
		t.Error(err)
	}
	if err := verify(raw[:len(raw)-10]); err == nil {
		t.Error("half a backup verifies")
	}
}
