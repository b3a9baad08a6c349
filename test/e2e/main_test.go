package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"domicile/fsm/command"
	"domicile/oidc/oidctest"
	"domicile/test/region"
)

// binary is built once for all tests.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "domicile-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if binary, err = region.Build(context.Background(), dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// startRegion runs a region for one test.
func startRegion(t *testing.T, change func(*region.Options)) *region.Region {
	t.Helper()
	o := region.Options{Binary: binary, Dir: t.TempDir()}
	if change != nil {
		change(&o)
	}
	r, err := region.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	if err := r.AwaitLevel(t.Context(), command.MaxLevel); err != nil {
		t.Fatal(err)
	}
	return r
}

// world is an organization with a SCIM connection and an identity provider.
type world struct {
	*region.Region
	org      region.Organization
	idp      *oidctest.Provider
	idpUsers []oidctest.User
}

const (
	password     = "correct horse"
	clientSecret = "canary-client-secret-6b1f0c"
)

// person makes somebody at the provider; they are provisioned by provision.
func person(login, name string) oidctest.User {
	return oidctest.User{
		Subject: "sub-" + login, Email: login + "@acme.example", EmailVerified: true, Name: name, Password: password,
	}
}

func newWorld(t *testing.T, r *region.Region, people ...oidctest.User) *world {
	t.Helper()
	idp, err := oidctest.New(oidctest.Config{Users: people, Clients: []oidctest.Client{{ID: "acme", Secret: clientSecret}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(idp.Close)
	w := &world{Region: r, idp: idp, idpUsers: people}
	if w.org, err = r.NewOrganization(t.Context(), r.Nodes[0], "acme", "", "acme.example"); err != nil {
		t.Fatal(err)
	}
	body := map[string]any{"issuer": idp.Issuer(), "client_id": "acme", "client_secret": clientSecret, "auth_method": "client_secret_basic"}
	if err := r.Admin(t.Context(), r.Nodes[0], http.MethodPost, "/organizations/"+w.org.ID+"/connections", body, nil); err != nil {
		t.Fatal(err)
	}
	return w
}

// scim sends a SCIM request to a node and gives status and decoded body.
func (w *world) scim(t *testing.T, node *region.Node, method, path string, body any) (int, map[string]any) {
	t.Helper()
	status, raw, err := region.Call(t.Context(), w.Client, method, w.org.SCIM(node)+path, w.org.Token, "application/scim+json", body)
	if err != nil {
		t.Fatalf("%s %s at %s: %v", method, path, node.Name, err)
	}
	answer := map[string]any{}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &answer); err != nil {
			t.Fatalf("%s %s at %s: %v in %.200s", method, path, node.Name, err, raw)
		}
	}
	return status, answer
}

// provision creates the user of a person at a node and gives its id.
func (w *world) provision(t *testing.T, node *region.Node, p oidctest.User) string {
	t.Helper()
	status, answer := w.scim(t, node, http.MethodPost, "/Users", map[string]any{
		"schemas":  []string{"urn:ietf:params:scim:schemas:core:2.0:User"},
		"userName": p.Email, "displayName": p.Name, "externalId": "ext-" + p.Subject, "active": true,
		"emails": []map[string]any{{"value": p.Email, "type": "work", "primary": true}},
	})
	if status != http.StatusCreated {
		t.Fatalf("create %s at %s: status %d: %v", p.Email, node.Name, status, answer)
	}
	return answer["id"].(string)
}

func (w *world) setActive(t *testing.T, node *region.Node, id string, active bool) {
	t.Helper()
	status, answer := w.scim(t, node, http.MethodPatch, "/Users/"+id, map[string]any{
		"schemas":    []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"},
		"Operations": []map[string]any{{"op": "replace", "value": map[string]any{"active": active}}},
	})
	if status != http.StatusOK {
		t.Fatalf("set active %t: status %d: %v", active, status, answer)
	}
}

// signIn signs a person in, beginning at one node; the callback goes to another. It gives the browser, whose cookies are
// good for every node: they all are 127.0.0.1.
func (w *world) signIn(t *testing.T, start, finish *region.Node, p oidctest.User) (*oidctest.Browser, *http.Response) {
	t.Helper()
	browser := oidctest.NewBrowser(rewrite{from: hostOf(w.Nodes[0]), to: hostOf(finish), only: "/signin-oidc/"})
	resp, trail, err := browser.SignIn(t.Context(), start.URL+"/login", p.Email, p.Password)
	if err != nil {
		t.Fatalf("sign in %s: %v; went %s", p.Email, err, strings.Join(trail, " → "))
	}
	if last := trail[len(trail)-1]; !strings.Contains(last, "/signin-oidc/") && !strings.HasSuffix(last, "/") {
		body, _ := io.ReadAll(resp.Body)
		t.Fatalf("the sign-in of %s is stuck; went %s\n%s", p.Email, strings.Join(trail, " → "), body)
	}
	return browser, resp
}

// session asks a node who is signed in.
func (w *world) session(t *testing.T, browser *oidctest.Browser, node *region.Node) (int, map[string]any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, node.URL+"/api/v1/session", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := browser.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer := map[string]any{}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, answer
}

func hostOf(node *region.Node) string { return strings.TrimPrefix(node.URL, "http://") }

// rewrite stands for the balancer: requests below a path go to another node than the one that the URL names.
type rewrite struct{ from, to, only string }

func (r rewrite) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Host == r.from && strings.HasPrefix(request.URL.Path, r.only) {
		request = request.Clone(request.Context())
		request.URL = &url.URL{Scheme: "http", Host: r.to, Path: request.URL.Path, RawQuery: request.URL.RawQuery}
	}
	return http.DefaultTransport.RoundTrip(request)
}

// eventually polls until ok, or fails the test.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not in 20 s: %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
