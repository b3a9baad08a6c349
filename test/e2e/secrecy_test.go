package e2e

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"domicile/cmd/domicile/config"
	"domicile/test/region"
)

// A whole run leaves no name, address, code, token, password, key or secret in any file that a node writes, nor in its
// metrics, its status or a backup.
func TestAttack57_nothingPersonalIsWritten(t *testing.T) {
	letters := newMailbox(t)
	r := startRegion(t, func(o *region.Options) {
		o.Configure = func(_ int, c *config.Config) {
			all := 1.0
			c.Traces.Sample = &all
			c.Mail = config.Mail{SMTP: letters.address, TLS: "none", From: "Region <no-reply@region.example>", Operators: []string{"operator-canary@region.example"}}
			c.Regions[0].LoginURL = strings.Replace(c.Regions[0].LoginURL, "127.0.0.1", "localhost", 1) // a domain, as passkeys want one
		}
	})
	zelda, unknown := person("zelda-canary", "Zelda Canary-Name"), person("intruder-canary", "Intruder Canary-Name")
	w := newWorld(t, r, zelda, unknown)
	g := &gatherer{world: w, letters: letters, canaries: map[string]string{}}
	for what, canary := range map[string]string{
		"login name": "zelda-canary", "name": "Zelda Canary-Name", "stranger": "intruder-canary", "filter": "Canary-Filter", "garbage": "canary-garbage",
		"query": "canary-query", "SCIM token": w.org.Token, "client secret": clientSecret, "password": password, "bad token": "Bearer canary",
		"operator's token": r.Operator, "operator's address": "operator-canary", "root address": "root-canary", "break-glass address": "glass-canary",
		"a private key": "PRIVATE KEY", "a private JWK": `"d":"`,
	} {
		g.canaries[what] = canary
	}
	id := w.provision(t, r.Nodes[1], zelda)
	g.signsIn(t, zelda, r.Nodes[2], http.StatusOK)
	g.rotatesClientSecret(t)
	browser := g.signsIn(t, zelda, r.Nodes[1], http.StatusOK)
	g.signsIn(t, unknown, r.Nodes[0], http.StatusForbidden)
	g.usesApplication(t, browser)
	g.signsOut(t, browser)
	g.setsUp(t)
	g.readsKeys(t)
	provoke(t, w, id)
	g.seesNothing(t)
}

// seesNothing looks for the canaries in all that the nodes wrote and say.
func (g *gatherer) seesNothing(t *testing.T) {
	t.Helper()
	backup := filepath.Join(t.TempDir(), "us.backup")
	if err := operate(t, g.Region, g.Nodes[1], "backup", "create", "--out", backup, "--keyring", g.PKI("keyring.json")); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(backup)
	if err != nil || len(raw) < 1000 {
		t.Fatalf("a backup of %d bytes, %v", len(raw), err)
	}
	places := map[string]string{"the backup": string(raw)}
	for _, node := range g.Nodes {
		for _, page := range []string{"/metrics", "/status"} {
			places[page+" of "+node.Name] = fetch(t.Context(), t, g.Region, node.Ops+page)
		}
	}
	for _, node := range g.Nodes {
		if err := node.Stop(); err != nil { // flushes logs and traces
			t.Error(err)
		}
	}
	first := g.Nodes[0]
	g.addFiles(t, places, first.Dir())
	// A region that starts from the backup has a snapshot on its disk.
	if err := os.RemoveAll(first.Data()); err != nil {
		t.Fatal(err)
	}
	if err := region.Run(t.Context(), binary, "restore", "--config", filepath.Join(first.Dir(), "domicile.yaml"), "--backup", backup); err != nil {
		t.Fatal(err)
	}
	for _, node := range g.Nodes {
		g.addFiles(t, places, node.Dir())
	}
	logged := false
	for place, text := range places {
		logged = logged || strings.Contains(text, `"msg":"request"`)
		for what, canary := range g.canaries {
			if at := strings.Index(text, canary); at >= 0 {
				line := text[strings.LastIndexByte(text[:at], '\n')+1:]
				t.Errorf("%s holds the %s: %.400q", place, what, line)
			}
		}
	}
	if !logged {
		t.Error("no request was logged at all: the search above proves nothing")
	}
	t.Logf("%d canaries, %d places", len(g.canaries), len(places))
}

// addFiles reads every file below a directory.
func (g *gatherer) addFiles(t *testing.T, places map[string]string, dir string) {
	t.Helper()
	for _, path := range grep(t, dir, "") {
		if filepath.Base(path) == "domicile.yaml" {
			continue // what the operator wrote, not the node
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		places[path] += string(raw)
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
			{http.MethodGet, node.URL + "/login/initiate/nowhere?iss=canary-query&login_hint=canary-query", "", nil},
			{http.MethodGet, node.URL + "/login/setup/canary-query", "", nil},
			{http.MethodGet, node.URL + "/oidc/authorize?client_id=canary-query&login_hint=canary-query", "", nil},
			{http.MethodPost, node.URL + "/backchannel-logout/nowhere?logout_token=canary-query", "", nil},
			{http.MethodPost, node.URL + "/revoke/nowhere", "canary-query", map[string]any{"sub_id": map[string]any{"email": "zelda-canary@acme.example"}}},
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

// readsKeys takes the keys that the nodes were given as files.
func (g *gatherer) readsKeys(t *testing.T) {
	t.Helper()
	raw, err := os.ReadFile(g.PKI("keyring.json"))
	if err != nil {
		t.Fatal(err)
	}
	var ring struct {
		Keys map[string]string `json:"keys"`
	}
	if err := json.Unmarshal(raw, &ring); err != nil || len(ring.Keys) == 0 {
		t.Fatalf("the key ring: %v", err)
	}
	for id, key := range ring.Keys {
		g.note("key ring's key "+id, strings.TrimRight(key, "="))
	}
	for _, file := range []string{"ca.key", g.Nodes[0].Name + ".key"} {
		raw, err := os.ReadFile(g.PKI(file))
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(raw), "\n")
		g.note(file, lines[1])
	}
}
