package oidc

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/oidc/oidctest"
	"domicile/seal"
)

// flow is a region with one organization whose provider is on loopback, and a browser. Its hallway keeps callbacks instead
// of answering them.
type flow struct {
	*ledger
	t        *testing.T
	ring     *seal.Keyring
	logs     *bytes.Buffer
	metrics  *Metrics
	registry *prometheus.Registry
	hall     *httptest.Server
	provider *oidctest.Provider
	service  *Service
	settings directory.ConnectionSettings // of the connection
	came     chan Callback
}

const (
	flowSecret   = "the client's secret"
	flowPassword = "correct horse"
	flowAgent    = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
)

func newFlow(t *testing.T, level uint64) *flow {
	t.Helper()
	f := &flow{ledger: newLedger(t), t: t, ring: seal.GenerateKeyring(), logs: new(bytes.Buffer), came: make(chan Callback, 1)}
	f.settings.AuthMethod = directory.AuthBasic
	if level > 1 {
		f.must(&command.RaiseLevel{Level: level})
	}
	f.hall = httptest.NewServer(http.HandlerFunc(f.receive))
	t.Cleanup(f.hall.Close)
	f.serve()
	var err error
	f.provider, err = oidctest.New(oidctest.Config{
		Now: f.Now, Clients: []oidctest.Client{{ID: "client", Secret: flowSecret}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.provider.Close)
	f.connect(flowSecret, "")
	return f
}

// serve starts the node anew: it remembers nothing.
func (f *flow) serve() {
	f.registry = prometheus.NewRegistry()
	f.metrics = NewMetrics(f.registry)
	f.service = New(Deps{
		Proposer: f.ledger, Viewer: f.ledger, Keyring: f.ring, Identity: testIdentity(), HTTP: f.hall.Client(), Now: f.Now,
		Region: directory.Region{ID: "eu", LoginURL: f.hall.URL + "/login"}, Dev: true, Metrics: f.metrics,
		Logger: slog.New(slog.NewJSONHandler(f.logs, nil)),
	})
}

func (f *flow) receive(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/keys" {
		keys, err := f.service.ClientKeys(r.Context())
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write(keys)
		return
	}
	_ = r.ParseForm()
	id := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/signin-oidc"), "/")
	select {
	case f.came <- Callback{Connection: directory.ConnectionID(id), Values: r.Form, UserAgent: flowAgent, Address: "192.0.2.7"}:
	default:
		f.t.Error("a browser came back twice")
	}
}

// connect writes the connection anew, with a secret and the one before it.
func (f *flow) connect(secret, previous string) {
	f.t.Helper()
	put := &command.PutConnection{
		ID: connection, Issuer: f.provider.Issuer(), ClientID: "client", Enabled: true, ConnectionSettings: f.settings,
		ClientSecret: f.seal(secret),
	}
	if previous != "" {
		put.PreviousSecret = f.seal(previous)
	}
	f.must(put)
}

func (f *flow) seal(secret string) seal.Sealed {
	f.t.Helper()
	sealed, err := f.ring.Seal(SecretPlace(testIdentity(), acme, connection), seal.NewSecret(secret))
	if err != nil {
		f.t.Fatal(err)
	}
	return sealed
}

// person is somebody at the provider.
func (f *flow) person(subject, email string, claims map[string]any) {
	f.provider.AddUser(oidctest.User{
		Subject: subject, Email: email, EmailVerified: true, Name: "Name of " + subject, Password: flowPassword, Claims: claims,
	})
}

// alice is on both sides.
func (f *flow) alice(claims map[string]any) {
	f.t.Helper()
	f.person("sub-alice", "alice@acme.example", claims)
	if _, there := f.directory().User("alice@acme.example"); !there {
		f.user(directory.SourceSCIM, "alice@acme.example", "", true, "alice@acme.example")
	}
}

// walk begins a sign-in, authenticates at the provider and gives the callback.
func (f *flow) walk(request StartRequest, email string) (Redirect, Callback) {
	f.t.Helper()
	redirect, err := f.service.Start(f.t.Context(), request)
	if err != nil {
		f.t.Fatal(err)
	}
	if _, _, err := oidctest.NewBrowser(nil).SignIn(f.t.Context(), redirect.URL, email, flowPassword); err != nil {
		f.t.Fatal(err)
	}
	select {
	case callback := <-f.came:
		callback.Cookies = []*http.Cookie{{Name: redirect.CookieName, Value: redirect.CookieValue}}
		return redirect, callback
	default:
		f.t.Fatalf("the provider did not send %s back", email)
		return redirect, Callback{}
	}
}

// signIn walks all the way.
func (f *flow) signIn(email string) (SignedIn, error) {
	f.t.Helper()
	_, callback := f.walk(StartRequest{Connection: connection}, email)
	return f.service.Finish(f.t.Context(), callback)
}

// succeeds signs in and gives the session.
func (f *flow) succeeds(email string) *directory.Session {
	f.t.Helper()
	done, err := f.signIn(email)
	if err != nil {
		f.t.Fatal(err)
	}
	session, ok := f.FSM.View().Session(seal.HashToken(done.SessionToken.Reveal()))
	if !ok {
		f.t.Fatal("there is no session")
	}
	return session
}

// fails signs in and wants a reason.
func (f *flow) fails(email string, want Reason) {
	f.t.Helper()
	_, err := f.signIn(email)
	f.refused(err, want)
}

func (f *flow) refused(err error, want Reason) {
	f.t.Helper()
	refusal, ok := err.(*Refusal)
	if !ok || refusal.Reason != want {
		f.t.Errorf("got %v, want %s", err, want)
	}
}

// settle writes what waits to be kept.
func (f *flow) settle() {
	for {
		select {
		case put := <-f.service.shelf.queue:
			f.service.shelf.write(context.Background(), put)
		default:
			return
		}
	}
}

func (f *flow) directory() *state.Directory {
	d, ok := f.FSM.View().Directory(acme)
	if !ok {
		f.t.Fatal("the organization is gone")
	}
	return d
}

// counted gives the sum of a counter's series.
func (f *flow) counted(name string) (sum float64) {
	f.t.Helper()
	families, err := f.registry.Gather()
	if err != nil {
		f.t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == name {
			for _, metric := range family.GetMetric() {
				sum += metric.GetCounter().GetValue()
			}
		}
	}
	return sum
}

func queryOf(t *testing.T, address string) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

// TestFlow_choices: what the connection chooses is asked for, and what came back is held to it.
func TestFlow_choices(t *testing.T) {
	f := newFlow(t, command.SecondLevel)
	f.settings = directory.ConnectionSettings{
		AuthMethod: directory.AuthPost, ResponseMode: directory.ResponseFormPost, Prompt: "login", MaxAge: 300,
		ACRValues: []string{"phr", "phrh"}, Scopes: []string{"groups", "email"},
	}
	f.connect(flowSecret, "")
	f.alice(map[string]any{"acr": "phrh"})
	redirect, callback := f.walk(StartRequest{Connection: connection, Email: "alice@acme.example"}, "alice@acme.example")
	query := queryOf(t, redirect.URL)
	for name, want := range map[string]string{
		"response_type": "code", "response_mode": "form_post", "prompt": "login", "max_age": "300", "acr_values": "phr phrh",
		"scope": "openid profile email groups", "login_hint": "alice@acme.example", "code_challenge_method": "S256",
	} {
		if got := query.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if !redirect.CrossSite {
		t.Error("the cookie would not come with a form of another site")
	}
	done, err := f.service.Finish(t.Context(), callback)
	if err != nil {
		t.Fatal(err)
	}
	session, _ := f.FSM.View().Session(seal.HashToken(done.SessionToken.Reveal()))
	if session.ProviderSID == "" || session.Context != "phrh" || strings.Join(session.Methods, " ") != "pwd" ||
		session.Authed == 0 || session.Subject != "sub-alice" || session.Agent != "Firefox on Linux" || session.Address != "192.0.2.7" {
		t.Errorf("the session keeps %+v", session)
	}

	for _, fault := range []oidctest.Fault{oidctest.AuthTimeMissing, oidctest.AuthTimeOld} {
		f.provider.Script(oidctest.Faults{Lasting: []oidctest.Fault{fault}})
		f.fails("alice@acme.example", ReasonTokenAuthTime)
	}
	f.provider.Script(oidctest.Faults{})
	for _, acr := range []any{"phr2", "", nil, []string{"phr"}, 2} {
		f.alice(map[string]any{"acr": acr})
		f.fails("alice@acme.example", ReasonTokenContext)
	}
	f.alice(nil)
	f.fails("alice@acme.example", ReasonTokenContext)
}

func TestFlow_choicesByDefault(t *testing.T) {
	f := newFlow(t, command.SecondLevel)
	f.alice(map[string]any{"auth_time": f.Now().Add(-1000 * 3600e9).Unix()})
	redirect, _ := f.walk(StartRequest{Connection: connection}, "alice@acme.example")
	query := queryOf(t, redirect.URL)
	for _, name := range []string{"response_mode", "prompt", "max_age", "acr_values", "login_hint"} {
		if query.Has(name) {
			t.Errorf("%s=%q is sent", name, query.Get(name))
		}
	}
	if redirect.CrossSite {
		t.Error("the cookie is for other sites too")
	}
	f.succeeds("alice@acme.example")
}

func TestLoginHint(t *testing.T) {
	plain, selecting := new(directory.Connection), new(directory.Connection)
	selecting.Prompt = "select_account"
	for _, test := range []struct {
		connection *directory.Connection
		request    StartRequest
		want       string
	}{
		{plain, StartRequest{Email: " alice@acme.example "}, "alice@acme.example"},
		{plain, StartRequest{Email: "alice"}, ""},
		{plain, StartRequest{Email: "alice@acme.example", LoginHint: "00u1"}, "00u1"},
		{plain, StartRequest{LoginHint: "a\r\nb"}, ""},
		{plain, StartRequest{LoginHint: "\xff"}, ""},
		{plain, StartRequest{LoginHint: strings.Repeat("a", maxHint+1)}, ""},
		{selecting, StartRequest{Email: "alice@acme.example"}, ""},
	} {
		if got := loginHint(test.connection, test.request); got != test.want {
			t.Errorf("%+v: %q, want %q", test.request, got, test.want)
		}
	}
}

// TestFlow_oldLedger: while a region is being upgraded people sign in, and nothing is written that an older node could not
// apply.
func TestFlow_oldLedger(t *testing.T) {
	f := newFlow(t, 1)
	f.Before(func(c command.Command) error {
		if _, level := c.EncodeWithLevel(); level > 1 {
			t.Errorf("a command of level %d was proposed", level)
		}
		return nil
	})
	f.alice(nil)
	_, callback := f.walk(StartRequest{Connection: connection}, "alice@acme.example")
	if _, err := f.service.Finish(t.Context(), callback); err != nil {
		t.Fatal(err)
	}
	f.Advance(2 * 60e9)
	f.succeeds("alice@acme.example")
	f.service.writeTouches(t.Context())
	f.settle()
}

// TestFlow_initiated: a provider may begin a sign-in; which one is told by the connection, or by an issuer of one only.
func TestFlow_initiated(t *testing.T) {
	f := newFlow(t, command.SecondLevel)
	f.alice(nil)
	redirect, callback := f.walk(StartRequest{
		Issuer: f.provider.Issuer(), LoginHint: "00u1", ReturnTo: "/target", Email: "x@elsewhere.example",
	}, "alice@acme.example")
	if got := queryOf(t, redirect.URL).Get("login_hint"); got != "00u1" {
		t.Errorf("login_hint %q", got)
	}
	done, err := f.service.Finish(t.Context(), callback)
	if err != nil || done.ReturnTo != "/target" {
		t.Errorf("%q, %v", done.ReturnTo, err)
	}
	for _, issuer := range []string{f.provider.Issuer() + "/", "https://foreign.example", strings.ToUpper(f.provider.Issuer()), "x"} {
		_, err := f.service.Start(t.Context(), StartRequest{Issuer: issuer, Email: "alice@acme.example"})
		f.refused(err, ReasonNoConnection)
	}
	f.must(&command.PutConnection{
		ID: "second", Issuer: f.provider.Issuer(), ClientID: "another client", ClientSecret: f.seal("x"), Enabled: true,
		ConnectionSettings: f.settings,
	})
	_, err = f.service.Start(t.Context(), StartRequest{Issuer: f.provider.Issuer()})
	f.refused(err, ReasonNoConnection)
	if _, err := f.service.Start(t.Context(), StartRequest{Connection: connection, Issuer: f.provider.Issuer()}); err != nil {
		t.Errorf("by the connection: %v", err)
	}
	// What nobody began here is refused before the provider is asked.
	before := f.provider.Count(oidctest.EndpointToken)
	_, err = f.service.Finish(t.Context(), Callback{
		Connection: connection, Values: url.Values{"code": {"code"}, "state": {"state"}, "iss": {f.provider.Issuer()}},
	})
	f.refused(err, ReasonTransactionMissing)
	if f.provider.Count(oidctest.EndpointToken) != before {
		t.Error("an unsolicited code was sent to the provider")
	}
}

// TestFlow_sharedRedirect: connections with the shared address come back there and nowhere else, and the others never do.
func TestFlow_sharedRedirect(t *testing.T) {
	f := newFlow(t, command.SecondLevel)
	f.alice(nil)
	_, own := f.walk(StartRequest{Connection: connection}, "alice@acme.example")
	own.Connection = ""
	_, err := f.service.Finish(t.Context(), own)
	f.refused(err, ReasonOtherConnection)

	f.settings.SharedRedirect = true
	f.connect(flowSecret, "")
	redirect, shared := f.walk(StartRequest{Connection: connection}, "alice@acme.example")
	if got := queryOf(t, redirect.URL).Get("redirect_uri"); got != f.hall.URL+"/signin-oidc" || shared.Connection != "" {
		t.Errorf("redirect URI %q, came back to %q", got, shared.Connection)
	}
	elsewhere := shared
	elsewhere.Connection = connection
	_, err = f.service.Finish(t.Context(), elsewhere)
	f.refused(err, ReasonOtherConnection)
	if _, err := f.service.Finish(t.Context(), shared); err != nil {
		t.Error(err)
	}
	for fault, want := range map[oidctest.Fault]Reason{
		oidctest.ResponseIssMissing: ReasonResponseIssuer, oidctest.ResponseIssWrong: ReasonResponseIssuer,
	} {
		f.provider.Script(oidctest.Faults{Lasting: []oidctest.Fault{fault}})
		f.fails("alice@acme.example", want)
	}
	// The connection's choice changed while somebody was at the provider.
	f.provider.Script(oidctest.Faults{})
	_, late := f.walk(StartRequest{Connection: connection}, "alice@acme.example")
	f.settings.SharedRedirect = false
	f.connect(flowSecret, "")
	_, err = f.service.Finish(t.Context(), late)
	f.refused(err, ReasonConnectionChanged)
	if refusal := err.(*Refusal); refusal.Connection != connection {
		t.Errorf("another try would be through %q", refusal.Connection)
	}
}
