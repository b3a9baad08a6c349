package e2e

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"domicile/test/region"
)

// A whole run leaves no name, address, token, password or secret in any file that a node writes, nor in its metrics.
func TestSecrecy_nothingPersonalIsWritten(t *testing.T) {
	r := startRegion(t, nil)
	zelda, unknown := person("zelda-canary", "Zelda Canary-Name"), person("intruder-canary", "Intruder Canary-Name")
	w := newWorld(t, r, zelda, unknown)
	id := w.provision(t, r.Nodes[1], zelda)
	browser, resp := w.signIn(t, r.Nodes[0], r.Nodes[2], zelda)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("the sign-in ended with status %d", resp.StatusCode)
	}
	w.signIn(t, r.Nodes[1], r.Nodes[0], unknown)
	provoke(t, w, id)

	canaries := []string{
		"zelda-canary", "Zelda Canary-Name", "intruder-canary", "Canary-Filter", "canary-garbage", "canary-query",
		w.org.Token, clientSecret, password, "Bearer canary", r.Operator,
	}
	origin, err := url.Parse(r.Nodes[0].URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, cookie := range browser.Cookies(origin) {
		if len(cookie.Value) > 8 {
			canaries = append(canaries, cookie.Value)
		}
	}
	for _, node := range r.Nodes {
		metrics := fetch(t.Context(), t, r, node.Ops+"/metrics")
		status := fetch(t.Context(), t, r, node.Ops+"/status")
		if err := node.Stop(); err != nil { // flushes logs and traces
			t.Error(err)
		}
		for _, canary := range canaries {
			if strings.Contains(metrics, canary) {
				t.Errorf("the metrics of %s hold %q", node.Name, canary)
			}
			if strings.Contains(status, canary) {
				t.Errorf("the status of %s holds %q", node.Name, canary)
			}
			for _, path := range grep(t, node.Dir(), canary) {
				t.Errorf("%s holds %q", path, canary)
			}
		}
		if len(grep(t, node.Dir(), "request")) == 0 {
			t.Errorf("%s logged no request at all: the search above proves nothing", node.Name)
		}
	}
}

// provoke sends requests that fail, with things in them that must not be logged.
func provoke(t *testing.T, w *world, id string) {
	t.Helper()
	for _, node := range w.Nodes {
		for _, request := range []struct {
			method, url, token string
			body               any
		}{
			{http.MethodGet, w.org.SCIM(node) + "/Users?filter=" + url.QueryEscape(`displayName eq "Canary-Filter"`), w.org.Token, nil},
			{http.MethodGet, w.org.SCIM(node) + "/Users?filter=" + url.QueryEscape(`nonsense "Canary-Filter`), w.org.Token, nil},
			{http.MethodPost, w.org.SCIM(node) + "/Users", w.org.Token, map[string]any{"userName": "zelda-canary@acme.example", "active": "canary-garbage"}},
			{http.MethodPost, w.org.SCIM(node) + "/Users", w.org.Token, map[string]any{"userName": "ZELDA-canary@acme.example"}},
			{http.MethodPatch, w.org.SCIM(node) + "/Users/" + id, w.org.Token, "canary-garbage"},
			{http.MethodGet, w.org.SCIM(node) + "/Users", "canary", nil},
			{http.MethodPost, node.URL + "/api/v1/organizations", w.Operator, map[string]any{"slug": "canary-garbage!"}},
			{http.MethodGet, node.URL + "/signin-oidc/nowhere?code=canary-query&state=canary-query", "", nil},
			{http.MethodGet, node.URL + "/login?return_to=canary-query", "", nil},
		} {
			if _, _, err := region.Call(t.Context(), w.Client, request.method, request.url, request.token, "application/json", request.body); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func fetch(ctx context.Context, t *testing.T, r *region.Region, url string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := r.Client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
