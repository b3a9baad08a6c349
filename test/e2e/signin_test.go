package e2e

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"domicile/oidc/oidctest"
	"domicile/test/region"
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
	_, resp = w.signIn(t, r.Nodes[0], r.Nodes[1], mallory)
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("a person who was never provisioned got status %d", resp.StatusCode)
	}
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	shown := reference.FindSubmatch(page)
	if shown == nil {
		t.Fatalf("no reference on\n%s", page)
	}
	eventually(t, "the reference is in the log of sign-ins", func() bool {
		rows := w.signIns(t, r.Nodes[2], "reference="+string(shown[1]))
		return len(rows) == 1 && rows[0]["reason"] == "not_provisioned" && rows[0]["address"] != ""
	})
	if rows := w.signIns(t, r.Nodes[1], "outcome=signed_in&user="+id); len(rows) != 2 || rows[1]["linked"] != true {
		t.Errorf("sign-ins %v", rows)
	}
}

// reference is what a page shows of a refusal.
var reference = regexp.MustCompile(`Reference <code>([0-9A-Z]{8})</code>`)

// signIns asks a node for the log of sign-ins.
func (w *world) signIns(t *testing.T, node *region.Node, query string) []map[string]any {
	t.Helper()
	var answer struct {
		Rows []map[string]any `json:"sign_ins"`
	}
	if err := w.Admin(t.Context(), node, http.MethodGet, "/organizations/"+w.org.ID+"/sign-ins?"+query, nil, &answer); err != nil {
		t.Fatal(err)
	}
	return answer.Rows
}

// A wrong recovery code at the emergency page is in the log too, and says whose address was typed; a stranger's leaves nothing.
func TestSignIn_emergencyIsLogged(t *testing.T) {
	r := startRegion(t, nil)
	w := newWorld(t, r)
	change := map[string]any{"break_glass": []string{"glass@acme.example"}}
	if err := r.Admin(t.Context(), r.Nodes[0], http.MethodPatch, "/organizations/"+w.org.ID, change, nil); err != nil {
		t.Fatal(err)
	}
	for _, email := range []string{"stranger@acme.example", "glass@acme.example"} {
		form := url.Values{"email": {email}, "recovery": {strings.Repeat("A", 20)}}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.Nodes[1].URL+"/login/emergency/recovery", strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Sec-Fetch-Site", "same-origin")
		resp, err := oidctest.NewBrowser(nil).Do(request)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode >= http.StatusBadRequest {
			t.Fatalf("%s: status %d", email, resp.StatusCode)
		}
	}
	eventually(t, "the wrong code is in the log of sign-ins", func() bool {
		rows := w.signIns(t, r.Nodes[0], "")
		return len(rows) == 1 && rows[0]["way"] == "break_glass" && rows[0]["reason"] == "recovery_wrong" && rows[0]["email"] == "glass@acme.example"
	})
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
