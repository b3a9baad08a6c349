package httpapi_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"domicile/console"
	"domicile/console/consoletest"
	"domicile/directory"
	"domicile/egress"
	"domicile/egress/dnstest"
	"domicile/fsm"
	"domicile/fsm/fsmtest"
	"domicile/fsm/state"
	"domicile/httpapi"
	"domicile/oidc"
	"domicile/scim"
	"domicile/scim/oauth"
	"domicile/seal"
	"domicile/telemetry"
)

const operatorToken = "dom_us_operator"

// office is a region as its operator sees it: a real ledger, all doors, a real listener.
type office struct {
	t        testing.TB
	ledger   *fsmtest.Ledger
	crew     *consoletest.Crew
	dns      *dnstest.Server
	logs     *logBuffer
	registry *prometheus.Registry
	unready  atomic.Bool
	handler  http.Handler
	server   *httptest.Server
}

func newOffice(t testing.TB) *office {
	t.Helper()
	o := &office{
		t: t, ledger: consoletest.NewLedger(t), crew: consoletest.NewCrew("us-1", "us-2", "us-3"), logs: &logBuffer{},
		registry: prometheus.NewRegistry(), dns: dnstest.New(t),
	}
	handler, err := httpapi.New(o.deps())
	if err != nil {
		t.Fatal(err)
	}
	o.handler = handler
	o.server = httptest.NewServer(handler)
	t.Cleanup(o.server.Close)
	return o
}

func (o *office) deps() httpapi.Deps {
	o.t.Helper()
	region := directory.Region{ID: "us", Name: "United States", URL: "https://us.example.com", LoginURL: "https://us.example.com/login"}
	keyring := seal.GenerateKeyring()
	client := egress.New(egress.Config{AllowLoopback: true, AllowHTTP: true})
	resolver, err := egress.NewResolver(egress.DNSConfig{Servers: []string{o.dns.Address}})
	if err != nil {
		o.t.Fatal(err)
	}
	desk, err := console.New(console.Deps{
		Proposer: o.ledger, Viewer: o.ledger, Operator: o.crew, Keyring: keyring, Identity: consoletest.Identity, Region: region,
		Egress: client, DNS: resolver, NewID: seal.NewID, Now: time.Now,
	})
	if err != nil {
		o.t.Fatal(err)
	}
	logger := slog.New(slog.NewJSONHandler(o.logs, nil))
	return httpapi.Deps{
		SCIM: scim.New(scim.Deps{
			Proposer: o.ledger, Viewer: o.ledger, Rehearse: fsm.Rehearse, Region: region, Regions: []directory.Region{region},
			Cursors: keyring.Box("scim cursor", "us"), NewID: seal.NewID, Now: time.Now,
		}),
		SignIn: oidc.New(oidc.Deps{
			Proposer: o.ledger, Viewer: o.ledger, Keyring: keyring, Region: region, HTTP: client.HTTP(), Logger: logger,
			Identity: state.Identity{Region: "us", Cluster: consoletest.Identity.Cluster},
		}),
		OAuth: oauth.New(oauth.Deps{
			Proposer: o.ledger, Viewer: o.ledger, Keyring: keyring, Region: region, NewID: seal.NewID, Now: time.Now,
			Identity: state.Identity{Region: "us", Cluster: consoletest.Identity.Cluster},
		}),
		Console: desk, Region: region, Regions: []directory.Region{region},
		OperatorTokenHash: seal.HashToken(operatorToken),
		Ready: func() error {
			if o.unready.Load() {
				return errors.New("draining")
			}
			return nil
		},
		Logger: logger, Metrics: telemetry.NewHTTPMetrics(o.registry), Tracing: new(telemetry.Tracing), Now: time.Now,
	}
}

// ask is one request to the office; zero values are an operator's JSON request.
type ask struct {
	method, path, body string
	contentType        string // "" is application/json where there is a body
	token              string // "" is the operator's, "-" is none
	session            string // a session's token, in place of the operator's
	site               string // Sec-Fetch-Site; "" is not sent
	origin             string // Origin; "" is not sent
	host               string // Host; "" is the server's address
}

// reply is what came back.
type reply struct {
	status int
	header http.Header
	body   string
}

func (o *office) do(a ask) reply {
	o.t.Helper()
	req, err := http.NewRequestWithContext(o.t.Context(), a.method, o.server.URL+a.path, strings.NewReader(a.body))
	if err != nil {
		o.t.Fatal(err)
	}
	req.Host = a.host
	if a.contentType == "" && a.body != "" {
		a.contentType = "application/json"
	}
	if a.contentType != "" {
		req.Header.Set("Content-Type", a.contentType)
	}
	switch {
	case a.token == "" && a.session == "":
		req.Header.Set("Authorization", "Bearer "+operatorToken)
	case a.token != "" && a.token != "-":
		req.Header.Set("Authorization", a.token)
	}
	for name, value := range map[string]string{"Sec-Fetch-Site": a.site, "Origin": a.origin} {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	if a.session != "" {
		req.AddCookie(&http.Cookie{Name: "__Host-domicile_session", Value: a.session})
	}
	resp, err := o.server.Client().Do(req)
	if err != nil {
		o.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		o.t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header, string(body)}
}

// must asks for something that succeeds and gives the answer's members.
func (o *office) must(status int, a ask) map[string]any {
	o.t.Helper()
	got := o.do(a)
	if got.status != status {
		o.t.Fatalf("%s %s: %d, want %d\n%s", a.method, a.path, got.status, status, got.body)
	}
	members := make(map[string]any)
	if got.body != "" {
		if err := json.Unmarshal([]byte(got.body), &members); err != nil {
			o.t.Fatalf("%s %s: %v\n%s", a.method, a.path, err, got.body)
		}
	}
	return members
}

// refused checks that an answer is a problem of this status about this field.
func (o *office) refused(a ask, status int, field string) map[string]any {
	o.t.Helper()
	got := o.do(a)
	var problem map[string]any
	if err := json.Unmarshal([]byte(got.body), &problem); err != nil {
		o.t.Fatalf("%s %s: %d is no problem: %v\n%s", a.method, a.path, got.status, err, got.body)
	}
	if got.status != status || problem["status"] != float64(status) || got.header.Get("Content-Type") != "application/problem+json" {
		o.t.Fatalf("%s %s: %d, want %d\n%s", a.method, a.path, got.status, status, got.body)
	}
	if f, _ := problem["field"].(string); f != field {
		o.t.Fatalf("%s %s: about field %q, want %q\n%s", a.method, a.path, f, field, got.body)
	}
	if problem["type"] == "" || problem["title"] == "" || problem["request_id"] != got.header.Get("X-Request-Id") {
		o.t.Fatalf("half a problem: %s", got.body)
	}
	return problem
}

// organization makes one with SCIM and gives its path.
func (o *office) organization(slug string) string {
	o.t.Helper()
	made := o.must(http.StatusCreated, ask{method: "POST", path: organizationsPath, body: `{"slug":"` + slug + `","name":"Acme","scim":"active"}`})
	return organizationsPath + "/" + made["id"].(string)
}

const organizationsPath = "/api/v1/organizations"

// sameJSON tells whether two values are the same JSON.
func sameJSON(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}
