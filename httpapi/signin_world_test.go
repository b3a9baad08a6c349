package httpapi_test

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-jose/go-jose/v4"
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
	"domicile/oidc/oidctest"
	"domicile/scim"
	"domicile/seal"
	"domicile/telemetry"
)

const testRegion, testCluster = "eu", "cluster-1"

// newLedger makes an empty ledger at the newest level.
func newLedger(t testing.TB) *fsmtest.Ledger {
	t.Helper()
	return fsmtest.New(t, state.Identity{Region: testRegion, Cluster: testCluster}, command.MaxLevel)
}

// world is a region of two nodes behind one address, with identity providers beside it. Everything is https, as in
// production, unless dev is set.
type world struct {
	t      *testing.T
	ledger *fsmtest.Ledger
	ring   *seal.Keyring
	client *egress.Client
	server *httptest.Server
	roots  *x509.CertPool
	logs   *logBuffer
	dev    bool
	tls    *tls.Config
	login  string // the sign-in page; empty: the server's address and /login
	// outbound is how the nodes ask providers; nil: by client.
	outbound *http.Client
	proxies  []netip.Prefix // that the nodes trust
	letterbox

	nodes []http.Handler
	turn  atomic.Int64 // which node answers
}

func newWorld(t *testing.T, dev bool) *world {
	t.Helper()
	w := &world{t: t, ledger: newLedger(t), ring: seal.GenerateKeyring(), logs: &logBuffer{}, dev: dev, roots: x509.NewCertPool()}
	handler := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		turn := w.turn.Load() // before the nodes are looked at: they were set before it was
		w.nodes[turn].ServeHTTP(rw, r)
	})
	w.server = httptest.NewUnstartedServer(handler)
	if dev {
		w.server.Start()
	} else {
		w.server.StartTLS()
		w.roots.AddCert(w.server.Certificate())
		w.tls = &tls.Config{Certificates: w.server.TLS.Certificates}
	}
	t.Cleanup(w.server.Close)
	w.client = egress.New(egress.Config{AllowLoopback: true, AllowHTTP: dev, RootCAs: w.roots})
	w.nodes = []http.Handler{w.node(), w.node()}
	w.turn.Store(0)
	return w
}

// node makes one node: its own services over the shared ledger.
func (w *world) node() http.Handler {
	w.t.Helper()
	region := directory.Region{
		ID: testRegion, Name: "European Union", URL: w.server.URL, LoginURL: cmp.Or(w.login, w.server.URL+"/login"),
	}
	other := directory.Region{ID: "us", Name: "United States", URL: "https://us.example", LoginURL: "https://us.example/login"}
	logger := slog.New(slog.NewJSONHandler(w.logs, nil))
	registry := prometheus.NewRegistry()
	admin, err := console.New(console.Deps{
		Proposer: w.ledger, Viewer: w.ledger, Operator: consoletest.NewCrew("node-1"), Keyring: w.ring,
		Identity: seal.Identity{Region: testRegion, Cluster: testCluster},
		Region:   region, Egress: w.client, NewID: seal.NewID, Now: w.ledger.Now,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	tracing, err := telemetry.NewTracing(w.t.Context(), telemetry.TraceConfig{})
	if err != nil {
		w.t.Fatal(err)
	}
	handler, err := httpapi.New(httpapi.Deps{
		SCIM: scim.New(scim.Deps{
			Proposer: w.ledger, Viewer: w.ledger, Region: region, Cursors: w.ring.Box("cursor"), NewID: seal.NewID, Now: w.ledger.Now,
		}),
		Console: admin, SignIn: w.service(testRegion, logger, registry), OAuth: w.authorizationServer(),
		Local:  w.withoutProvider(region, logger, registry),
		Apps:   w.applications(region, registry),
		Region: region, Regions: []directory.Region{region, other}, Dev: w.dev, TrustedProxies: w.proxies,
		Logger: logger, Metrics: telemetry.NewHTTPMetrics(registry), Tracing: tracing, Now: w.ledger.Now,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return handler
}

func (w *world) service(region string, logger *slog.Logger, registry *prometheus.Registry) *oidc.Service {
	return oidc.New(oidc.Deps{
		Proposer: w.ledger, Viewer: w.ledger, Keyring: w.ring,
		Identity: state.Identity{Region: region, Cluster: testCluster},
		Region:   directory.Region{ID: region, URL: w.server.URL, LoginURL: w.server.URL + "/login"},
		HTTP:     cmp.Or(w.outbound, w.client.HTTP()), Now: w.ledger.Now, Logger: logger, Metrics: oidc.NewMetrics(registry), Dev: w.dev,
	})
}

// tenant is an organization with its identity provider.
type tenant struct {
	world      *world
	id         directory.OrganizationID
	slug       string
	connection directory.ConnectionID
	provider   *oidctest.Provider
	settings   directory.ConnectionSettings
}

const password = "correct horse"

func (w *world) tenant(slug string, domains ...string) *tenant {
	w.t.Helper()
	x := &tenant{world: w, id: directory.OrganizationID(seal.NewID()), slug: slug, connection: directory.ConnectionID(seal.NewID())}
	x.settings.AuthMethod = directory.AuthBasic
	var err error
	x.provider, err = oidctest.New(oidctest.Config{
		TLS: w.tls, Now: w.ledger.Now, Outbound: w.client.HTTP(),
		Clients: []oidctest.Client{{
			ID: "client-" + slug, Secret: "client secret of " + slug,
			RedirectURIs: []string{w.server.URL + "/signin-oidc/" + string(x.connection)},
		}},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(x.provider.Close)
	x.propose(&command.CreateOrganization{OrganizationFields: command.OrganizationFields{
		Slug: slug, Name: "Org " + slug, Domains: domains, RootEmail: "root@" + domains[0], Profile: directory.ProfileInterop,
	}})
	x.connect(true)
	return x
}

func (x *tenant) propose(p command.Payload) {
	x.world.t.Helper()
	x.world.ledger.Must(x.id, p)
}

// connect writes the connection anew, which gives it a new version.
func (x *tenant) connect(enabled bool) {
	x.world.t.Helper()
	identity := state.Identity{Region: testRegion, Cluster: testCluster}
	secret, err := x.world.ring.Seal(oidc.SecretPlace(identity, x.id, x.connection), seal.NewSecret("client secret of "+x.slug))
	if err != nil {
		x.world.t.Fatal(err)
	}
	x.propose(&command.PutConnection{
		ID: x.connection, Issuer: x.provider.Issuer(), ClientID: "client-" + x.slug, ClientSecret: secret, Enabled: enabled,
		ConnectionSettings: x.settings,
	})
}

// user is somebody in the ledger.
func (x *tenant) user(source directory.Source, name string, emails ...string) directory.ResourceID {
	x.world.t.Helper()
	id := directory.ResourceID(seal.NewID())
	x.propose(&command.CreateUser{ID: id, Source: source, UserFields: fields(name, true, emails...)})
	return id
}

func fields(name string, active bool, emails ...string) command.UserFields {
	return command.UserFields{
		Active: active, UserName: name, UserNameKey: directory.Fold(name), DisplayName: "Person <" + name + ">",
		Emails: emails, Attributes: "{}",
	}
}

// person is somebody at the provider.
func (x *tenant) person(subject, email string, claims map[string]any) {
	x.provider.AddUser(oidctest.User{
		Subject: subject, Email: email, EmailVerified: true, Name: "Name of " + subject, Password: password, Claims: claims,
	})
}

// both is somebody on both sides, under the same address.
func (x *tenant) both(subject, email string) directory.ResourceID {
	x.world.t.Helper()
	x.person(subject, email, nil)
	return x.user(directory.SourceSCIM, email, email)
}

func (w *world) browser() *oidctest.Browser {
	return oidctest.NewBrowser(&http.Transport{TLSClientConfig: w.trusting(), DisableKeepAlives: true})
}

func (w *world) trusting() *tls.Config { return &tls.Config{RootCAs: w.roots} }

// visit is one answer, read.
type visit struct {
	status int
	header http.Header
	body   string
}

func (w *world) do(b *oidctest.Browser, method, target string, form url.Values, header ...string) visit {
	w.t.Helper()
	if strings.HasPrefix(target, "/") {
		target = w.server.URL + target
	}
	req, err := http.NewRequestWithContext(w.t.Context(), method, target, strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := b.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return visit{resp.StatusCode, resp.Header, string(body)}
}

func (w *world) get(b *oidctest.Browser, target string) visit {
	w.t.Helper()
	return w.do(b, http.MethodGet, target, nil)
}

// start posts the sign-in form and gives the address at the provider, empty if there is none.
func (w *world) start(b *oidctest.Browser, form url.Values) (string, visit) {
	w.t.Helper()
	page := w.do(b, http.MethodPost, "/login/start", form)
	return page.header.Get("Location"), page
}

// callback signs in at the provider and gives the address that it sends the browser back to, not yet visited.
func (w *world) callback(b *oidctest.Browser, email, returnTo string) string {
	w.t.Helper()
	at, page := w.start(b, url.Values{"email": {email}, "return_to": {returnTo}})
	if at == "" {
		w.t.Fatalf("sign-in of %s did not start: %d\n%s", email, page.status, page.body)
	}
	return w.authorize(b, at, email)
}

func (w *world) authorize(b *oidctest.Browser, at, email string) string {
	w.t.Helper()
	b.StopAt = func(u *url.URL) bool { return strings.HasPrefix(u.Path, "/signin-oidc") }
	defer func() { b.StopAt = nil }()
	resp, _, err := b.SignIn(w.t.Context(), at, email, password)
	if err != nil {
		w.t.Fatal(err)
	}
	location := resp.Header.Get("Location")
	if location == "" {
		body, _ := io.ReadAll(resp.Body)
		w.t.Fatalf("the provider did not send the browser back: %d\n%s", resp.StatusCode, body)
	}
	return location
}

// signIn walks all the way and gives the answer to the callback.
func (w *world) signIn(b *oidctest.Browser, email string) visit {
	w.t.Helper()
	return w.get(b, w.callback(b, email, "/"))
}

// session is GET /api/v1/session.
func (w *world) session(b *oidctest.Browser) (int, map[string]any) {
	w.t.Helper()
	a := w.get(b, "/api/v1/session")
	var doc map[string]any
	if err := json.Unmarshal([]byte(a.body), &doc); err != nil {
		w.t.Fatalf("%v in %q", err, a.body)
	}
	return a.status, doc
}

// refused checks that a callback was refused for this reason, that the page shows the reference of the log line and no
// session, and gives the page.
func (w *world) refused(b *oidctest.Browser, a visit, want oidc.Reason) {
	w.t.Helper()
	line := w.logs.last("sign-in refused")
	if got, _ := line["reason"].(string); got != string(want) {
		w.t.Errorf("reason %q, want %q (status %d)", got, want, a.status)
	}
	if reference, _ := line["reference"].(string); reference == "" || !strings.Contains(a.body, reference) {
		w.t.Errorf("the page does not show reference %q:\n%s", reference, a.body)
	}
	if a.status < 400 {
		w.t.Errorf("status %d", a.status)
	}
	if status, _ := w.session(b); status != http.StatusUnauthorized {
		w.t.Errorf("after the refusal the session answers %d", status)
	}
}

func (w *world) appURL() *url.URL {
	u, err := url.Parse(w.server.URL)
	if err != nil {
		w.t.Fatal(err)
	}
	return u
}

// cookies gives the browser's cookies whose name contains part.
func (w *world) cookies(b *oidctest.Browser, part string) []*http.Cookie {
	return slices.DeleteFunc(b.Cookies(w.appURL()), func(c *http.Cookie) bool { return !strings.Contains(c.Name, part) })
}

func (x *tenant) script(algorithm jose.SignatureAlgorithm, faults ...oidctest.Fault) {
	x.world.t.Helper()
	if algorithm == "" {
		algorithm = jose.ES256
	}
	if err := x.provider.SetAlgorithm(algorithm); err != nil {
		x.world.t.Fatal(err)
	}
	x.provider.Script(oidctest.Faults{Lasting: faults})
}

// logBuffer keeps log lines.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// last gives the newest line with this message.
func (l *logBuffer) last(message string) map[string]any {
	lines := strings.Split(strings.TrimSpace(l.String()), "\n")
	for _, line := range slices.Backward(lines) {
		var doc map[string]any
		if json.Unmarshal([]byte(line), &doc) == nil && doc["msg"] == message {
			return doc
		}
	}
	return nil
}
