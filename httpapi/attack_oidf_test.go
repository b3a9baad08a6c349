package httpapi_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"domicile/directory"
	"domicile/oidc"
	"domicile/oidc/oidctest"
)

// module is one of the relying-party test modules of the OpenID Foundation: what the provider does, and what comes of it.
type module struct {
	name      string
	algorithm jose.SignatureAlgorithm
	faults    []oidctest.Fault
	want      oidc.Reason // of the refusal; empty: the person is signed in
	check     func(*testing.T, *plan)
}

// plan is the world of one module: one organization, one person, and what the product asked of the provider.
type plan struct {
	*world
	*tenant

	mu    sync.Mutex
	asked []*http.Request // bodies can be had with GetBody
}

func newPlan(t *testing.T, mode directory.ResponseMode) *plan {
	t.Helper()
	p := &plan{world: newWorld(t, false)}
	p.through(&detour{seen: func(r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.asked = append(p.asked, r.Clone(r.Context()))
	}})
	p.tenant = p.world.tenant("acme", "acme.example")
	p.settings.ResponseMode = mode
	p.connect(true)
	p.both("sub-alice", "alice@acme.example")
	return p
}

// the gives the one request below a path.
func (p *plan) the(path string) *http.Request {
	p.world.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	var found []*http.Request
	for _, r := range p.asked {
		if r.URL.Path == path {
			found = append(found, r)
		}
	}
	if len(found) != 1 {
		p.world.t.Fatalf("the provider was asked %d times for %s", len(found), path)
	}
	return found[0]
}

// walk signs somebody in from the start to the page at the end, whatever way the answer takes.
func (p *plan) walk(b *oidctest.Browser, at, login string) visit {
	p.world.t.Helper()
	resp, _, err := b.SignIn(p.world.t.Context(), at, login, password)
	if err != nil {
		p.world.t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		p.world.t.Fatal(err)
	}
	return visit{resp.StatusCode, resp.Header, string(body)}
}

func (p *plan) begin(b *oidctest.Browser) string {
	p.world.t.Helper()
	at, page := p.start(b, url.Values{"organization": {p.slug}})
	if at == "" {
		p.world.t.Fatalf("the sign-in did not start: %d\n%s", page.status, page.body)
	}
	return at
}

func (m *module) run(t *testing.T, mode directory.ResponseMode) {
	p := newPlan(t, mode)
	p.script(m.algorithm)
	b := p.browser()
	at := p.begin(b)
	p.script(m.algorithm, m.faults...)
	page := p.walk(b, at, "alice@acme.example")
	if m.want != "" {
		p.refused(b, page, m.want)
		return
	}
	if status, who := p.session(b); page.status != http.StatusOK || status != http.StatusOK {
		t.Fatalf("the sign-in ended with %d, the session answers %d %v: %v", page.status, status, who, p.logs.last("sign-in refused"))
	}
	if m.check != nil {
		m.check(t, p)
	}
}

// basicModules are those of the Basic RP plan, which the form post plan has too.
func basicModules() []module {
	return []module{
		{name: "oidcc-client-test", faults: []oidctest.Fault{oidctest.ThinToken}, check: func(t *testing.T, p *plan) {
			if p.provider.Count(oidctest.EndpointToken) != 1 || p.provider.Count(oidctest.EndpointUserinfo) != 1 {
				t.Errorf("the provider was asked %v", p.provider.Requests())
			}
		}},
		{name: "oidcc-client-test-invalid-iss", faults: []oidctest.Fault{oidctest.IssWrong}, want: oidc.ReasonTokenIssuer},
		{name: "oidcc-client-test-missing-sub", faults: []oidctest.Fault{oidctest.SubMissing}, want: oidc.ReasonTokenSubject},
		{name: "oidcc-client-test-invalid-aud", faults: []oidctest.Fault{oidctest.AudOther}, want: oidc.ReasonTokenAudience},
		{name: "oidcc-client-test-missing-iat", faults: []oidctest.Fault{oidctest.IatMissing}, want: oidc.ReasonTokenTime},
		{name: "oidcc-client-test-kid-absent-single-jwks", faults: []oidctest.Fault{oidctest.KidMissing}},
		{name: "oidcc-client-test-kid-absent-multiple-jwks", faults: []oidctest.Fault{oidctest.KidMissing, oidctest.KeysDecoys}},
		{name: "oidcc-client-test-idtoken-sig-rs256", algorithm: jose.RS256},
		{name: "oidcc-client-test-idtoken-sig-none", faults: []oidctest.Fault{oidctest.AlgNone}, want: oidc.ReasonTokenAlgorithm},
		{name: "oidcc-client-test-invalid-sig-rs256", algorithm: jose.RS256, faults: []oidctest.Fault{oidctest.SigBad}, want: oidc.ReasonTokenSignature},
		{name: "oidcc-client-test-userinfo-invalid-sub", faults: []oidctest.Fault{oidctest.ThinToken, oidctest.UserinfoOtherSub}, want: oidc.ReasonUserinfoSubject},
		{name: "oidcc-client-test-nonce-invalid", faults: []oidctest.Fault{oidctest.NonceOther}, want: oidc.ReasonTokenNonce},
		{name: "oidcc-client-test-scope-userinfo-claims", faults: []oidctest.Fault{oidctest.ThinToken}, check: checkScopes},
		{name: "oidcc-client-test-client-secret-basic", check: checkBasic},
	}
}

// checkScopes: the scopes of what is needed are asked for, and userinfo alone told who it is.
func checkScopes(t *testing.T, p *plan) {
	query := mustURL(t, p.begin(p.browser())).Query()
	scopes := strings.Fields(query.Get("scope"))
	for _, scope := range []string{"openid", "profile", "email"} {
		if !slices.Contains(scopes, scope) {
			t.Errorf("scopes %q", scopes)
		}
	}
	d, _ := p.ledger.FSM.View().Directory(p.tenant.id)
	user, _ := d.UserByName("alice@acme.example")
	links := 0
	for link := range d.LinksOf(user.ID) {
		if link.Subject == "sub-alice" {
			links++
		}
	}
	if links != 1 {
		t.Errorf("%d links", links)
	}
}

// checkBasic: the secret is in the Authorization header, and nowhere else.
func checkBasic(t *testing.T, p *plan) {
	request := p.the("/token")
	body, err := request.GetBody()
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	form, err := url.ParseQuery(string(text))
	if id, secret, ok := request.BasicAuth(); err != nil || !ok || id != "client-acme" || secret != url.QueryEscape("client secret of acme") {
		t.Errorf("authenticated as %q: %v, %v", id, ok, err)
	}
	if form.Has("client_secret") || form.Has("client_assertion") || request.URL.RawQuery != "" {
		t.Errorf("the request has %v", form)
	}
}

func TestOIDF_basic(t *testing.T) {
	for _, m := range basicModules() {
		t.Run(m.name, func(t *testing.T) { m.run(t, directory.ResponseQuery) })
	}
	for _, m := range []module{ // not certified, but asked for
		{name: "oidcc-client-test-missing-aud", faults: []oidctest.Fault{oidctest.AudMissing}, want: oidc.ReasonTokenAudience},
		{name: "oidcc-client-test-invalid-sig-es256", algorithm: jose.ES256, faults: []oidctest.Fault{oidctest.SigBad}, want: oidc.ReasonTokenSignature},
		{name: "oidcc-client-test-invalid-sig-hs256", algorithm: jose.RS256, faults: []oidctest.Fault{oidctest.AlgHS256Public}, want: oidc.ReasonTokenAlgorithm},
		{name: "oidcc-client-test-invalid-athash", faults: []oidctest.Fault{oidctest.AtHashWrong}, want: oidc.ReasonTokenHash},
		{name: "oidcc-client-test-invalid-chash", faults: []oidctest.Fault{oidctest.CHashWrong}, want: oidc.ReasonTokenHash},
		{name: "oidcc-client-test-userinfo-bearer-header", faults: []oidctest.Fault{oidctest.ThinToken}, check: func(t *testing.T, p *plan) {
			request := p.the("/userinfo")
			if request.Method != http.MethodGet || request.URL.RawQuery != "" || !strings.HasPrefix(request.Header.Get("Authorization"), "Bearer ") {
				t.Errorf("%s %s", request.Method, request.URL)
			}
		}},
	} {
		t.Run(m.name, func(t *testing.T) { m.run(t, directory.ResponseQuery) })
	}
	t.Run("oidcc-client-test-aggregated-claims", func(t *testing.T) {
		p := newPlan(t, directory.ResponseQuery)
		vouched, err := p.provider.IDToken("client-acme", "sub-alice", "")
		if err != nil {
			t.Fatal(err)
		}
		p.sources(t, map[string]any{"JWT": vouched})
	})
	t.Run("oidcc-client-test-distributed-claims", func(t *testing.T) {
		p := newPlan(t, directory.ResponseQuery)
		var asked atomic.Int32
		source := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
		defer source.Close()
		p.sources(t, map[string]any{"endpoint": source.URL, "access_token": "token"})
		if asked.Load() != 0 {
			t.Error("an address in a token was asked")
		}
	})
}

// sources signs in somebody whose claims name another source for the address (Core §5.6.2): what that source says is no claim
// of the provider's, and the claims beside it are as good as ever.
func (p *plan) sources(t *testing.T, source map[string]any) {
	t.Helper()
	elsewhere := map[string]any{
		"_claim_names": map[string]string{"email": "other", "email_verified": "other", "preferred_username": "other"}, "_claim_sources": map[string]any{"other": source},
	}
	p.person("sub-alice", "alice@acme.example", elsewhere)
	b := p.browser()
	if page := p.walk(b, p.begin(b), "alice@acme.example"); page.status != http.StatusOK {
		t.Errorf("the sign-in ended with %d: %v", page.status, p.logs.last("sign-in refused"))
	}
	p.both("sub-bob", "bob@acme.example")
	elsewhere["email"], elsewhere["preferred_username"] = nil, nil
	p.person("sub-mallory", "mallory@acme.example", elsewhere)
	b = p.browser()
	p.refused(b, p.walk(b, p.begin(b), "mallory@acme.example"), oidc.ReasonNotProvisioned)
}

// TestOIDF_formPost is the same over the form post response mode, and an error that comes that way.
func TestOIDF_formPost(t *testing.T) {
	for _, m := range append(basicModules(), module{
		name: "oidcc-client-test-form-post-error", faults: []oidctest.Fault{oidctest.ResponseError}, want: oidc.ReasonProviderRefused,
	}) {
		t.Run(m.name, func(t *testing.T) { m.run(t, directory.ResponseFormPost) })
	}
}

// TestOIDF_config has the modules of the Config RP plan.
func TestOIDF_config(t *testing.T) {
	for _, m := range []module{
		{name: "oidcc-client-test-discovery-openid-config", check: func(t *testing.T, p *plan) {
			if r := p.the("/.well-known/openid-configuration"); r.Method != http.MethodGet {
				t.Errorf("%s %s", r.Method, r.URL)
			}
		}},
		{name: "oidcc-client-test-discovery-jwks-uri-keys", check: func(t *testing.T, p *plan) { p.the("/keys") }},
		{name: "oidcc-client-test-idtoken-sig-none", faults: []oidctest.Fault{oidctest.AlgNone}, want: oidc.ReasonTokenAlgorithm},
	} {
		t.Run(m.name, func(t *testing.T) { m.run(t, directory.ResponseQuery) })
	}
	t.Run("oidcc-client-test-discovery-issuer-mismatch", func(t *testing.T) {
		p := newPlan(t, directory.ResponseQuery)
		p.script("", oidctest.DiscoveryWrongIssuer)
		at, page := p.start(p.browser(), url.Values{"organization": {"acme"}})
		if at != "" || page.status != http.StatusServiceUnavailable || p.provider.Count(oidctest.EndpointAuthorize) != 0 {
			t.Errorf("it started: %d %q", page.status, at)
		}
	})
	signsIn := func(t *testing.T, p *plan, between func()) {
		t.Helper()
		b := p.browser()
		callback := p.callback(b, "alice@acme.example", "/")
		between()
		if done := p.get(b, callback); done.status != http.StatusSeeOther {
			t.Errorf("callback: %d %v", done.status, p.logs.last("sign-in refused"))
		}
	}
	rotate := func(t *testing.T, p *plan) {
		t.Helper()
		if err := p.provider.Rotate(); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("oidcc-client-test-signing-key-rotation-just-before-signing", func(t *testing.T) {
		p := newPlan(t, directory.ResponseQuery)
		signsIn(t, p, func() {})
		signsIn(t, p, func() { rotate(t, p) })
	})
	t.Run("oidcc-client-test-signing-key-rotation", func(t *testing.T) {
		p := newPlan(t, directory.ResponseQuery)
		signsIn(t, p, func() {})
		rotate(t, p)
		signsIn(t, p, func() {})
		signsIn(t, p, func() {})
	})
}

// TestOIDF_thirdPartyInitiated: the provider begins the sign-in, with a GET and with a POST.
func TestOIDF_thirdPartyInitiated(t *testing.T) {
	t.Run("oidcc-client-test-3rd-party-init-login", func(t *testing.T) {
		p := newPlan(t, directory.ResponseQuery)
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			for _, path := range []string{"/login/initiate/" + string(p.connection), "/login"} {
				b := p.browser()
				at := p.initiate(b, method, path, url.Values{
					"iss": {p.provider.Issuer()}, "login_hint": {"alice@acme.example"}, "target_link_uri": {p.server.URL + "/deep"},
				}).header.Get("Location")
				if hint := mustURL(t, at).Query().Get("login_hint"); hint != "alice@acme.example" {
					t.Errorf("%s %s: login_hint %q", method, path, hint)
				}
				done := p.get(b, p.authorize(b, at, "alice@acme.example"))
				if done.status != http.StatusSeeOther || done.header.Get("Location") != "/deep" {
					t.Errorf("%s %s: %d to %q", method, path, done.status, done.header.Get("Location"))
				}
			}
		}
	})
}
