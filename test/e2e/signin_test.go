package e2e

import (
	"net/http"
	"testing"
)

// A sign-in that starts on one node and finishes on another, a session that every node knows, and its end on every node at
// the moment of deactivation.
func TestSignIn_acrossNodes(t *testing.T) {
	r := startRegion(t, nil)
	ada, mallory := person("ada", "Ada Byron"), person("mallory", "Mallory")
	w := newWorld(t, r, ada, mallory)
	id := w.provision(t, r.Nodes[1], ada)

	browser, resp := w.signIn(t, r.Nodes[0], r.Nodes[2], ada)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("the sign-in ended with status %d", resp.StatusCode)
	}
	for _, node := range r.Nodes {
		eventually(t, "session is known at "+node.Name, func() bool {
			status, _ := w.session(t, browser, node)
			return status == http.StatusOK
		})
		_, who := w.session(t, browser, node)
		if org, _ := who["organization"].(map[string]any); org["slug"] != "acme" {
			t.Errorf("%s says %v", node.Name, who)
		}
	}

	w.setActive(t, r.Nodes[2], id, false)
	for _, node := range r.Nodes {
		eventually(t, "session is refused at "+node.Name, func() bool {
			status, _ := w.session(t, browser, node)
			return status == http.StatusUnauthorized
		})
	}
	if _, resp := w.signIn(t, r.Nodes[0], r.Nodes[1], ada); resp.StatusCode == http.StatusOK {
		t.Error("a deactivated person signed in")
	}
	w.setActive(t, r.Nodes[0], id, true)
	if status, _ := w.session(t, browser, r.Nodes[0]); status != http.StatusUnauthorized {
		t.Errorf("reactivation brought an ended session back: status %d", status)
	}
	if _, resp := w.signIn(t, r.Nodes[1], r.Nodes[0], ada); resp.StatusCode != http.StatusOK {
		t.Errorf("a reactivated person is turned away with status %d", resp.StatusCode)
	}
	if _, resp := w.signIn(t, r.Nodes[0], r.Nodes[1], mallory); resp.StatusCode != http.StatusForbidden {
		t.Errorf("a person who was never provisioned got status %d", resp.StatusCode)
	}
}

func TestSignIn_deletionEndsSessions(t *testing.T) {
	r := startRegion(t, nil)
	grace := person("grace", "Grace")
	w := newWorld(t, r, grace)
	id := w.provision(t, r.Nodes[0], grace)
	browser, resp := w.signIn(t, r.Nodes[0], r.Nodes[1], grace)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("the sign-in ended with status %d", resp.StatusCode)
	}
	if status, answer := w.scim(t, r.Nodes[2], http.MethodDelete, "/Users/"+id, nil); status != http.StatusNoContent {
		t.Fatalf("delete: status %d: %v", status, answer)
	}
	for _, node := range r.Nodes {
		eventually(t, "session is refused at "+node.Name, func() bool {
			status, _ := w.session(t, browser, node)
			return status == http.StatusUnauthorized
		})
	}
}
