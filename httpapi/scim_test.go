package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"domicile/console"
	"domicile/console/consoletest"
	"domicile/directory"
	"domicile/egress"
	"domicile/fsm/command"
	"domicile/fsm/fsmtest"
	"domicile/fsm/state"
	"domicile/httpapi"
	"domicile/oidc"
	"domicile/scim"
	"domicile/scim/scimtest"
	"domicile/seal"
	"domicile/telemetry"
)

// scimWorld is one node on loopback, for an identity provider to talk to.
type scimWorld struct {
	server *httptest.Server
	ledger *fsmtest.Ledger
	org    directory.OrganizationID
	token  string

	recorder *scim.Recorder // flushed by hand
}

func newSCIMWorld(t *testing.T) *scimWorld {
	t.Helper()
	w := &scimWorld{ledger: newLedger(t)}
	w.server = httptest.NewUnstartedServer(nil)
	region := directory.Region{ID: testRegion, Name: "European Union", URL: "http://" + w.server.Listener.Addr().String()}
	region.LoginURL = region.URL + "/login"
	other := directory.Region{ID: "us", Name: "United States", URL: "https://us.example", LoginURL: "https://us.example/login"}
	ring, registry := seal.GenerateKeyring(), prometheus.NewRegistry()
	logger := slog.New(slog.DiscardHandler)
	client := egress.New(egress.Config{AllowLoopback: true, AllowHTTP: true})
	identity := seal.Identity{Region: testRegion, Cluster: testCluster}
	admin, err := console.New(console.Deps{
		Proposer: w.ledger, Viewer: w.ledger, Operator: consoletest.NewCrew("node-1"), Keyring: ring, Identity: identity,
		Region: region, Egress: client, NewID: seal.NewID, Now: w.ledger.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	tracing, err := telemetry.NewTracing(context.Background(), telemetry.TraceConfig{})
	if err != nil {
		t.Fatal(err)
	}
	w.recorder = scim.NewRecorder(w.ledger, w.ledger.Now, nil)
	handler, err := httpapi.New(httpapi.Deps{
		SCIM: scim.New(scim.Deps{
			Proposer: w.ledger, Viewer: w.ledger, Recorder: w.recorder, Region: region, Regions: []directory.Region{region, other},
			Cursors: ring.Box("scim cursor", testRegion, testCluster), NewID: seal.NewID, Now: w.ledger.Now,
			Metrics: scim.NewMetrics(registry),
		}),
		SignIn: oidc.New(oidc.Deps{
			Proposer: w.ledger, Viewer: w.ledger, Keyring: ring, Identity: state.Identity{Region: testRegion, Cluster: testCluster}, Region: region,
			HTTP: client.HTTP(), Now: w.ledger.Now, Logger: logger, Metrics: oidc.NewMetrics(registry), Dev: true,
		}),
		Console: admin, Region: region, Regions: []directory.Region{region, other}, Dev: true,
		Logger: logger, Metrics: telemetry.NewHTTPMetrics(registry), Tracing: tracing, Now: w.ledger.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.server.Config.Handler = handler
	w.server.Start()
	t.Cleanup(w.server.Close)
	w.org, w.token = w.organization(t, directory.ProfileInterop)
	return w
}

// organization makes an organization and a token of it.
func (w *scimWorld) organization(t *testing.T, profile directory.Profile) (directory.OrganizationID, string) {
	t.Helper()
	org := directory.OrganizationID(seal.NewID())
	secret, hash := seal.MintToken("dom_" + testRegion + "_")
	for _, p := range []command.Payload{
		&command.CreateOrganization{OrganizationFields: command.OrganizationFields{
			Slug: "o-" + string(org[:8]), Name: "Organization", Profile: profile, SCIM: directory.SCIMActive,
		}},
		&command.CreateToken{Tokens: []command.NewToken{{
			ID: directory.TokenID(seal.NewID()), Hash: directory.Hash(hash), Name: "test", Hint: "test",
		}}},
	} {
		w.ledger.Must(org, p)
	}
	return org, secret.Reveal()
}

func (w *scimWorld) base(org directory.OrganizationID) string {
	return w.server.URL + "/scim/v2/" + string(org)
}

// TestSCIMConversations replays what identity providers say, over real HTTP.
func TestSCIMConversations(t *testing.T) {
	w := newSCIMWorld(t)
	conversations, err := scimtest.Conversations()
	if err != nil {
		t.Fatal(err)
	}
	runner := scimtest.Runner{Tenant: func(_ context.Context, profile string) (scimtest.Tenant, error) {
		as := map[string]directory.Profile{"entra": directory.ProfileEntra, "strict": directory.ProfileStrict}[profile]
		if as == "" {
			as = directory.ProfileInterop
		}
		org, token := w.organization(t, as)
		return scimtest.Tenant{Base: w.base(org), Token: token}, nil
	}}
	report := runner.RunAll(t.Context(), conversations)
	for _, failure := range report.Failures() {
		t.Error(failure)
	}
	var table strings.Builder
	if err := report.Tally().Print(&table); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + table.String())
}

// TestSCIMConversations_strict replays them without courtesies: the RFC's own must hold there too.
func TestSCIMConversations_strict(t *testing.T) {
	w := newSCIMWorld(t)
	conversations, err := scimtest.Conversations()
	if err != nil {
		t.Fatal(err)
	}
	runner := scimtest.Runner{Tenant: func(context.Context, string) (scimtest.Tenant, error) {
		org, token := w.organization(t, directory.ProfileStrict)
		return scimtest.Tenant{Base: w.base(org), Token: token}, nil
	}}
	needsCourtesy := map[string]bool{"entra-02-create-default-mapping": true}
	for _, c := range conversations {
		if needsCourtesy[c.ID] || c.IdP == "interop" {
			continue
		}
		for _, failure := range runner.Run(t.Context(), c).Failures {
			t.Error(failure)
		}
	}
}

// TestSCIMHTTP is what HTTP itself decides at the identity provider's door.
func TestSCIMHTTP(t *testing.T) {
	w := newSCIMWorld(t)
	const user = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"%s"}`
	first := w.send(t, "POST", "/Users", fmt.Sprintf(user, "first"), nil)
	if first.StatusCode != http.StatusCreated {
		t.Fatal(first.Status)
	}
	location := first.Header.Get("Location")
	id := location[len(w.base(w.org)):]
	large := strings.Repeat(" ", 1<<20)
	for name, c := range map[string]struct {
		method, path, body string
		headers            map[string]string
		status             int
		want               map[string]string // response headers, in part
	}{
		"GET": {"GET", id, "", nil, 200, map[string]string{
			"Content-Location": location, "Etag": `W/"`, "X-Content-Type-Options": "nosniff", "Content-Type": "application/scim+json"}},
		"HEAD":                 {"HEAD", id, "", nil, 200, map[string]string{"Etag": `W/"`}},
		"lower case":           {"GET", strings.ToLower(id), "", nil, 200, nil},
		"upper case list":      {"GET", "/USERS?count=1", "", nil, 200, nil},
		"lower case HEAD":      {"HEAD", "/users", "", nil, 200, nil},
		"lower case create":    {"POST", "/users", fmt.Sprintf(user, "second"), nil, 201, nil},
		"lower case search":    {"POST", "/users/.SEARCH", `{}`, nil, 200, nil},
		"trailing slash":       {"GET", id + "/", "", nil, 200, nil},
		"trailing slash list":  {"GET", "/Users/?count=1", "", nil, 200, nil},
		"double slash":         {"GET", "/" + id, "", nil, 200, nil},
		"dangling ?":           {"GET", id + "?", "", nil, 200, nil},
		"dangling &":           {"GET", "/Users?count=1&", "", nil, 200, nil},
		"root":                 {"GET", "?count=1", "", nil, 200, nil},
		"root with slash":      {"GET", "/?count=1", "", nil, 200, nil},
		"unknown endpoint":     {"GET", "/Printers", "", nil, 404, nil},
		"unknown endpoint, id": {"DELETE", "/Printers/1", "", nil, 404, nil},
		"deeper":               {"GET", id + "/emails", "", nil, 404, nil},
		"wrong method":         {"PUT", "/Users", "{}", nil, 405, map[string]string{"Allow": "GET, POST, HEAD"}},
		"wrong method, search": {"GET", "/Bulk", "", nil, 405, map[string]string{"Allow": "POST"}},
		"options":              {"OPTIONS", "/Users", "", nil, 405, map[string]string{"Allow": "GET, POST, HEAD"}},
		"options, one":         {"OPTIONS", "/groups/x", "", nil, 405, map[string]string{"Allow": "GET, PUT, PATCH, DELETE, HEAD"}},
		"options, nothing":     {"OPTIONS", "/Things", "", nil, 404, map[string]string{"Allow": ""}},
		"discovery is fixed":   {"DELETE", "/Schemas/x", "", nil, 405, map[string]string{"Allow": "GET, HEAD"}},
		"discovery is public":  {"GET", "/serviceproviderconfig", "", map[string]string{"Authorization": ""}, 200, nil},
		"but not to liars":     {"GET", "/Schemas", "", map[string]string{"Authorization": "Bearer x"}, 401, map[string]string{"Www-Authenticate": "Bearer"}},
		"discovery filtered":   {"GET", "/Schemas?filter=id+pr", "", nil, 403, nil},
		"no token":             {"GET", id, "", map[string]string{"Authorization": ""}, 401, map[string]string{"Www-Authenticate": "Bearer"}},
		"xml":                  {"POST", "/Users", "<x/>", map[string]string{"Content-Type": "text/xml"}, 415, nil},
		"latin-1":              {"POST", "/Users", "{}", map[string]string{"Content-Type": "application/json; charset=latin1"}, 415, nil},
		"no media type":        {"POST", "/Users", fmt.Sprintf(user, "third"), map[string]string{"Content-Type": ""}, 201, nil},
		"JSON, shouted":        {"POST", "/Users", fmt.Sprintf(user, "fourth"), map[string]string{"Content-Type": "APPLICATION/JSON; Charset=UTF-8"}, 201, nil},
		"a type on GET":        {"GET", id, "", map[string]string{"Content-Type": "text/xml"}, 200, nil},
		"a body on DELETE":     {"DELETE", "/Users/nobody", "{}", nil, 404, nil},
		"JSON only":            {"GET", id, "", map[string]string{"Accept": "application/json"}, 200, map[string]string{"Content-Type": "application/json"}},
		"anything":             {"GET", id, "", map[string]string{"Accept": "application/json, text/plain, */*"}, 200, map[string]string{"Content-Type": "application/scim+json"}},
		"nothing we have":      {"GET", id, "", map[string]string{"Accept": "image/png"}, 200, map[string]string{"Content-Type": "application/scim+json"}},
		"large user":           {"POST", "/Users", fmt.Sprintf(user, "fifth") + large, nil, 413, nil},
		"large user, shouted":  {"POST", "/USERS", fmt.Sprintf(user, "fifth") + large, nil, 413, nil},
		"large group":          {"POST", "/Groups", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"g"}` + large, nil, 201, nil},
		"me":                   {"PATCH", "/me", "{}", nil, 501, nil},
		"no such version":      {"GET", id + "?count=x", "", nil, 400, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := w.send(t, c.method, c.path, c.body, c.headers)
			if r.StatusCode != c.status {
				t.Fatalf("%d, want %d", r.StatusCode, c.status)
			}
			for header, want := range c.want {
				if got := r.Header.Get(header); !strings.HasPrefix(got, want) {
					t.Errorf("%s is %q, want %q", header, got, want)
				}
			}
			if c.status < 400 {
				return
			}
			var fault struct {
				Schemas        []string
				Status, Detail string
			}
			if err := json.NewDecoder(r.Body).Decode(&fault); err != nil {
				t.Fatal(err)
			}
			if fault.Status != strconv.Itoa(c.status) || fault.Detail == "" || len(fault.Schemas) != 1 || fault.Schemas[0] != scim.ErrorURN {
				t.Errorf("the body is %+v", fault)
			}
			if got := r.Header.Get("Content-Type"); got != "application/scim+json" {
				t.Errorf("the error is %s", got)
			}
		})
	}
	w.ledger.Cut(true)
	after := strconv.Itoa(int(fsmtest.RetryAfter.Seconds()))
	if r := w.send(t, "GET", id, "", nil); r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") != after {
		t.Errorf("cut off: %d, Retry-After %q", r.StatusCode, r.Header.Get("Retry-After"))
	}
}

// The sync log knows a request by what HTTP knows of it, and tells what HTTP itself refused.
func TestSCIMHTTP_syncLog(t *testing.T) {
	w := newSCIMWorld(t)
	agent := map[string]string{"User-Agent": "Okta SCIM Client 1.0.0 (Linux)"}
	made := w.send(t, "POST", "/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"a"}`, agent)
	agent["Content-Type"] = "text/xml"
	xml := w.send(t, "PUT", "/Users/someone", "<x/>", agent)
	query := w.send(t, "GET", "/Groups?count=x", "", agent)
	large := w.send(t, "POST", "/Users", strings.Repeat(" ", 1<<20+1), nil)
	w.recorder.Flush(t.Context())
	d, _ := w.ledger.FSM.View().Directory(w.org)
	var got []string
	for row := range d.SyncLog() {
		got = append(got, fmt.Sprintf("%s %s %s %d %s %s", row.Method, row.Resource, row.ID, row.Status, row.Request, row.Client))
	}
	slices.Reverse(got)
	id := func(r *http.Response) string { return r.Header.Get("X-Request-Id") }
	location := made.Header.Get("Location")
	want := []string{
		"POST User " + location[len(location)-36:] + " 0 " + id(made) + " Okta SCIM Client 1.0.0",
		"PUT User someone 415 " + id(xml) + " Okta SCIM Client 1.0.0",
		"GET Group  400 " + id(query) + " Okta SCIM Client 1.0.0",
		"POST User  413 " + id(large) + " Go-http-client/1.1",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	for token := range d.Tokens() {
		if token.LastIP != "127.0.0.1" {
			t.Errorf("the token was used from %q", token.LastIP)
		}
	}
}

// send makes one request below the organization's base URL. An empty header is left out.
func (w *scimWorld) send(t *testing.T, method, path, body string, headers map[string]string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, w.base(w.org)+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.token)
	if body != "" {
		r.Header.Set("Content-Type", "application/scim+json")
	}
	for name, value := range headers {
		if value == "" {
			r.Header.Del(name)
		} else {
			r.Header.Set(name, value)
		}
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	return response
}
