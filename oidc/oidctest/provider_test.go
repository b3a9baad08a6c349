package oidctest_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"

	"domicile/oidc/oidctest"
)

var ada = oidctest.User{
	Subject: "sub-ada", Email: "ada@acme.example", EmailVerified: true, Name: "Ada",
	Password: "correct horse", Claims: map[string]any{"department": "analysis"},
}

// party is a relying party on loopback built from go-oidc.
type party struct {
	t        *testing.T
	idp      *oidctest.Provider
	server   *httptest.Server
	config   oauth2.Config
	provider *oidc.Provider
	nonce    string
	verifier string

	extra []oauth2.AuthCodeOption // further authorization parameters
	raw   string                  // last raw ID token
	token *oauth2.Token
	form  url.Values // last callback
}

func start(t *testing.T, cfg oidctest.Config) *oidctest.Provider {
	t.Helper()
	p, err := oidctest.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// newParty starts a provider with ada and a client, and a party that uses it.
func newParty(t *testing.T, cfg oidctest.Config) *party {
	t.Helper()
	cfg.Users = append(cfg.Users, ada)
	cfg.Clients = append(cfg.Clients, oidctest.Client{ID: "app", Secret: "s3cret +/%"})
	rp := &party{t: t, idp: start(t, cfg), nonce: "n-1", verifier: oauth2.GenerateVerifier()}
	mux := http.NewServeMux()
	mux.HandleFunc("/start", rp.start)
	mux.HandleFunc("/callback", rp.callback)
	mux.HandleFunc("/bye", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "bye") })
	rp.server = httptest.NewServer(mux)
	t.Cleanup(rp.server.Close)
	provider, err := oidc.NewProvider(t.Context(), rp.idp.Issuer())
	if err != nil {
		t.Fatal(err)
	}
	rp.provider = provider
	rp.config = oauth2.Config{
		ClientID: "app", ClientSecret: "s3cret +/%", Endpoint: provider.Endpoint(),
		RedirectURL: rp.server.URL + "/callback", Scopes: []string{"openid", "email", "profile"},
	}
	rp.config.Endpoint.AuthStyle = oauth2.AuthStyleInHeader
	return rp
}

func (rp *party) start(w http.ResponseWriter, r *http.Request) {
	opts := append([]oauth2.AuthCodeOption{oidc.Nonce(rp.nonce), oauth2.S256ChallengeOption(rp.verifier)}, rp.extra...)
	http.Redirect(w, r, rp.config.AuthCodeURL("state-1", opts...), http.StatusSeeOther)
}

func (rp *party) callback(w http.ResponseWriter, r *http.Request) {
	r.ParseForm()
	rp.form = r.Form
	if code := r.Form.Get("error"); code != "" {
		http.Error(w, code, http.StatusForbidden)
		return
	}
	token, err := rp.config.Exchange(r.Context(), r.Form.Get("code"), oauth2.VerifierOption(rp.verifier))
	if err != nil {
		http.Error(w, "exchange: "+err.Error(), http.StatusBadGateway)
		return
	}
	rp.token = token
	rp.raw, _ = token.Extra("id_token").(string)
	id, err := rp.provider.Verifier(&oidc.Config{ClientID: "app"}).Verify(r.Context(), rp.raw)
	if err != nil {
		http.Error(w, "verify: "+err.Error(), http.StatusBadGateway)
		return
	}
	if id.Nonce != rp.nonce {
		http.Error(w, "nonce", http.StatusBadGateway)
		return
	}
	if err := id.VerifyAccessToken(token.AccessToken); err != nil {
		http.Error(w, "at_hash: "+err.Error(), http.StatusBadGateway)
		return
	}
	io.WriteString(w, "hello "+id.Subject)
}

// signIn walks a fresh browser through and returns status and body.
func (rp *party) signIn() (int, string) {
	rp.t.Helper()
	return rp.walk(oidctest.NewBrowser(nil), ada.Password)
}

func (rp *party) walk(b *oidctest.Browser, password string) (int, string) {
	rp.t.Helper()
	resp, trail, err := b.SignIn(rp.t.Context(), rp.server.URL+"/start", ada.Email, password)
	if err != nil {
		rp.t.Fatalf("sign in: %v (trail %q)", err, trail)
	}
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body)
}

func TestSignIn(t *testing.T) {
	tests := []struct {
		name string
		cfg  oidctest.Config
		mode string
	}{
		{"ES256", oidctest.Config{}, ""},
		{"RS256", oidctest.Config{Algorithm: jose.RS256}, ""},
		{"PS256", oidctest.Config{Algorithm: jose.PS256}, ""},
		{"EdDSA", oidctest.Config{Algorithm: jose.EdDSA}, ""},
		{"form_post", oidctest.Config{}, "form_post"},
		{"slash issuer", oidctest.Config{IssuerPath: "/"}, ""},
		{"path issuer", oidctest.Config{IssuerPath: "/realms/acme"}, ""},
		{"demo", oidctest.Config{Demo: true}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rp := newParty(t, tt.cfg)
			if tt.mode != "" {
				rp.extra = append(rp.extra, oauth2.SetAuthURLParam("response_mode", tt.mode))
			}
			if status, body := rp.signIn(); status != 200 || body != "hello sub-ada" {
				t.Fatalf("answer %d %q", status, body)
			}
			if got := rp.form.Get("iss"); got != rp.idp.Issuer() {
				t.Errorf("iss parameter %q", got)
			}
			info, err := rp.provider.UserInfo(t.Context(), oauth2.StaticTokenSource(rp.token))
			if err != nil {
				t.Fatal(err)
			}
			var c struct{ Department, Name string }
			if err := info.Claims(&c); err != nil || info.Email != ada.Email || !info.EmailVerified || c.Department != "analysis" || c.Name != "Ada" {
				t.Errorf("userinfo %+v %+v %v", info, c, err)
			}
			if n := rp.idp.Count(oidctest.EndpointToken); n != 1 {
				t.Errorf("%d token requests", n)
			}
		})
	}
}

func TestSignIn_wrongPassword(t *testing.T) {
	rp := newParty(t, oidctest.Config{})
	status, body := rp.walk(oidctest.NewBrowser(nil), "wrong")
	if status != http.StatusUnauthorized || !strings.Contains(body, "is wrong") || !strings.Contains(body, `value="ada@acme.example"`) {
		t.Errorf("answer %d %s", status, body)
	}
	if n := rp.idp.Count(oidctest.EndpointToken); n != 0 {
		t.Errorf("%d token requests", n)
	}
}

func TestSession(t *testing.T) {
	rp := newParty(t, oidctest.Config{})
	b := oidctest.NewBrowser(nil)

	rp.extra = []oauth2.AuthCodeOption{oauth2.SetAuthURLParam("prompt", "none")}
	if status, body := rp.walk(b, ""); status != 403 || !strings.Contains(body, "login_required") {
		t.Errorf("no session, prompt none: %d %s", status, body)
	}
	rp.extra = nil
	if status, _ := rp.walk(b, ada.Password); status != 200 {
		t.Fatalf("sign-in: %d", status)
	}
	if status, _ := rp.walk(b, ""); status != 200 {
		t.Errorf("session is not used: %d", status)
	}
	rp.extra = []oauth2.AuthCodeOption{oauth2.SetAuthURLParam("prompt", "none")}
	if status, _ := rp.walk(b, ""); status != 200 {
		t.Errorf("session, prompt none: %d", status)
	}
	rp.extra = []oauth2.AuthCodeOption{oauth2.SetAuthURLParam("prompt", "login")}
	if status, _ := rp.walk(b, "wrong"); status != 401 {
		t.Errorf("prompt login does not ask: %d", status)
	}
	rp.idp.RemoveUser(ada.Subject)
	rp.extra = nil
	if status, _ := rp.walk(b, ada.Password); status != 401 {
		t.Errorf("removed user: %d", status)
	}
}

func TestMaxAge(t *testing.T) {
	now := time.Now()
	rp := newParty(t, oidctest.Config{Now: func() time.Time { return now }})
	b := oidctest.NewBrowser(nil)
	if status, body := rp.walk(b, ada.Password); status != 200 {
		t.Fatalf("sign-in: %d %s", status, body)
	}
	now = now.Add(61 * time.Second)
	rp.extra = []oauth2.AuthCodeOption{oauth2.SetAuthURLParam("max_age", "60")}
	if status, _ := rp.walk(b, "wrong"); status != 401 {
		t.Errorf("old session passes max_age: %d", status)
	}
}

func TestDemoPage(t *testing.T) {
	rp := newParty(t, oidctest.Config{Demo: true, Users: []oidctest.User{{Subject: "sub-eve", Email: "eve@acme.example", Name: "<b>Eve</b>"}}})
	q := url.Values{
		"client_id": {"app"}, "redirect_uri": {rp.server.URL + "/callback"}, "response_type": {"code"},
		"scope": {"openid"}, "state": {"s"}, "login_hint": {`x"@acme.example`},
	}
	resp, err := http.Get(rp.config.Endpoint.AuthURL + "?" + q.Encode())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	page, _ := io.ReadAll(resp.Body)
	for _, want := range []string{`name="as" value="sub-eve"`, "&lt;b&gt;Eve", "x&#34;@acme.example"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("page lacks %s", want)
		}
	}
	login := strings.Replace(rp.config.Endpoint.AuthURL, "/authorize", "/login", 1) + "?" + q.Encode()
	req, _ := http.NewRequestWithContext(t.Context(), "POST", login, strings.NewReader("as=sub-eve"))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := oidctest.NewBrowser(nil).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != 303 || !strings.Contains(answer.Header.Get("Location"), "code=") {
		t.Errorf("one click: %d %s", answer.StatusCode, answer.Header.Get("Location"))
	}
}

func TestAuthorize_refusals(t *testing.T) {
	p := start(t, oidctest.Config{Clients: []oidctest.Client{
		{ID: "any"}, {ID: "exact", RedirectURIs: []string{"https://app.example/cb"}},
	}})
	good := url.Values{"client_id": {"any"}, "redirect_uri": {"http://localhost:1/cb"}, "response_type": {"code"}, "scope": {"openid"}}
	tests := []struct {
		name  string
		set   map[string]string
		shown int    // page status, when nothing is sent back
		code  string // error sent back
	}{
		{"unknown client", map[string]string{"client_id": "other"}, 400, ""},
		{"foreign redirect", map[string]string{"redirect_uri": "https://evil.example/cb"}, 400, ""},
		{"script redirect", map[string]string{"redirect_uri": "javascript://localhost/"}, 400, ""},
		{"not exact", map[string]string{"client_id": "exact", "redirect_uri": "https://app.example/cb/"}, 400, ""},
		{"exact", map[string]string{"client_id": "exact", "redirect_uri": "https://app.example/cb"}, 200, ""},
		{"implicit", map[string]string{"response_type": "id_token"}, 0, "unsupported_response_type"},
		{"no openid", map[string]string{"scope": "email"}, 0, "invalid_scope"},
		{"plain challenge", map[string]string{"code_challenge": "x", "code_challenge_method": "plain"}, 0, "invalid_request"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := url.Values{}
			for k, v := range good {
				q[k] = v
			}
			for k, v := range tt.set {
				q.Set(k, v)
			}
			req, _ := http.NewRequestWithContext(t.Context(), "GET", p.Issuer()+"/authorize?"+q.Encode(), nil)
			resp, err := oidctest.NewBrowser(nil).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			location, _ := url.Parse(resp.Header.Get("Location"))
			if tt.shown != 0 && resp.StatusCode != tt.shown {
				t.Errorf("status %d, want %d", resp.StatusCode, tt.shown)
			}
			if got := location.Query().Get("error"); got != tt.code {
				t.Errorf("error %q, want %q", got, tt.code)
			}
		})
	}
}

func TestToken_refusals(t *testing.T) {
	rp := newParty(t, oidctest.Config{})
	tests := []struct {
		name   string
		change func(form url.Values, req *http.Request)
		status int
	}{
		{"correct", func(url.Values, *http.Request) {}, 200},
		{"secret in body", func(f url.Values, r *http.Request) {
			r.Header.Del("Authorization")
			f.Set("client_id", "app")
			f.Set("client_secret", "s3cret +/%")
		}, 200},
		{"two methods", func(f url.Values, r *http.Request) { f.Set("client_secret", "s3cret +/%") }, 401},
		{"no secret", func(f url.Values, r *http.Request) { r.Header.Del("Authorization"); f.Set("client_id", "app") }, 401},
		{"wrong secret", func(_ url.Values, r *http.Request) { r.SetBasicAuth("app", "wrong") }, 401},
		{"other redirect", func(f url.Values, _ *http.Request) { f.Set("redirect_uri", "http://localhost/") }, 400},
		{"other verifier", func(f url.Values, _ *http.Request) { f.Set("code_verifier", strings.Repeat("v", 43)) }, 400},
		{"no verifier", func(f url.Values, _ *http.Request) { f.Del("code_verifier") }, 400},
		{"other grant", func(f url.Values, _ *http.Request) { f.Set("grant_type", "password") }, 400},
		{"unknown code", func(f url.Values, _ *http.Request) { f.Set("code", "x") }, 400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			form := url.Values{
				"grant_type": {"authorization_code"}, "code": {rp.code(t)},
				"redirect_uri": {rp.config.RedirectURL}, "code_verifier": {rp.verifier},
			}
			req, _ := http.NewRequestWithContext(t.Context(), "POST", rp.config.Endpoint.TokenURL, nil)
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.SetBasicAuth(url.QueryEscape("app"), url.QueryEscape("s3cret +/%"))
			tt.change(form, req)
			if got := post(t, req, form); got != tt.status {
				t.Errorf("status %d, want %d", got, tt.status)
			}
		})
	}
	t.Run("replay", func(t *testing.T) {
		code := rp.code(t)
		if _, err := rp.config.Exchange(t.Context(), code, oauth2.VerifierOption(rp.verifier)); err != nil {
			t.Fatal(err)
		}
		var refused *oauth2.RetrieveError
		_, err := rp.config.Exchange(t.Context(), code, oauth2.VerifierOption(rp.verifier))
		if !errors.As(err, &refused) || refused.ErrorCode != "invalid_grant" {
			t.Errorf("replayed code: %v", err)
		}
	})
}

func TestCodeExpires(t *testing.T) {
	now := time.Now()
	rp := newParty(t, oidctest.Config{Now: func() time.Time { return now }})
	code := rp.code(t)
	now = now.Add(61 * time.Second)
	if _, err := rp.config.Exchange(t.Context(), code, oauth2.VerifierOption(rp.verifier)); err == nil {
		t.Error("code accepted after 61 s")
	}
}

// code signs in and stops before the callback.
func (rp *party) code(t *testing.T) string {
	t.Helper()
	var code string
	b := oidctest.NewBrowser(nil)
	b.StopAt = func(u *url.URL) bool {
		code = u.Query().Get("code")
		return u.Path == "/callback"
	}
	if _, _, err := b.SignIn(t.Context(), rp.server.URL+"/start", ada.Email, ada.Password); err != nil || code == "" {
		t.Fatalf("no code: %v", err)
	}
	return code
}

func post(t *testing.T, req *http.Request, form url.Values) int {
	t.Helper()
	body := form.Encode()
	req.Body = io.NopCloser(strings.NewReader(body))
	req.ContentLength = int64(len(body))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func TestRotate(t *testing.T) {
	rp := newParty(t, oidctest.Config{})
	if status, body := rp.signIn(); status != 200 {
		t.Fatalf("before: %d %s", status, body)
	}
	old := rp.raw
	if err := rp.idp.Rotate(); err != nil {
		t.Fatal(err)
	}
	if status, body := rp.signIn(); status != 200 {
		t.Fatalf("after: %d %s", status, body)
	}
	fresh := oidc.NewVerifier(rp.idp.Issuer(), oidc.NewRemoteKeySet(t.Context(), rp.idp.Issuer()+"/keys"), &oidc.Config{ClientID: "app"})
	if _, err := fresh.Verify(t.Context(), old); err == nil {
		t.Error("withdrawn key is still published")
	}
}

func TestPrivateKeyJWT(t *testing.T) {
	rp := newParty(t, oidctest.Config{})
	key := newECKey(t)
	public := &jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k1", Algorithm: "ES256", Use: "sig"}}}
	keysURL := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { json.NewEncoder(w).Encode(public) }))
	t.Cleanup(keysURL.Close)
	rp.config.Endpoint.AuthStyle = oauth2.AuthStyleInParams
	rp.config.ClientSecret = ""

	clients := map[string]oidctest.Client{
		"inline": {ID: "app", Keys: public},
		"url":    {ID: "app", KeysURL: keysURL.URL},
	}
	for name, client := range clients {
		t.Run(name, func(t *testing.T) {
			rp.idp.SetClient(client)
			tests := []struct {
				name  string
				claim string
				value any
				ok    bool
			}{
				{"issuer", "aud", rp.idp.Issuer(), true},
				{"token endpoint", "aud", []string{rp.config.Endpoint.TokenURL}, true},
				{"other audience", "aud", "https://other.example", false},
				{"two audiences", "aud", []string{rp.idp.Issuer(), "https://other.example"}, false},
				{"expired", "exp", time.Now().Add(-time.Minute).Unix(), false},
				{"other subject", "sub", "other", false},
				{"no jti", "jti", "", false},
				{"first use", "jti", "same-" + name, true},
				{"second use", "jti", "same-" + name, false},
			}
			for _, tt := range tests {
				c := map[string]any{
					"iss": "app", "sub": "app", "aud": rp.idp.Issuer(), "jti": oauth2.GenerateVerifier(),
					"exp": time.Now().Add(time.Minute).Unix(),
				}
				c[tt.claim] = tt.value
				_, err := rp.config.Exchange(t.Context(), rp.code(t), oauth2.VerifierOption(rp.verifier),
					oauth2.SetAuthURLParam("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
					oauth2.SetAuthURLParam("client_assertion", signES256(t, key, c)))
				if (err == nil) != tt.ok {
					t.Errorf("%s: %v", tt.name, err)
				}
			}
		})
	}
}

func TestNew_loopbackOnly(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "192.0.2.1:0", "example.com:0", "[::]:0", "nonsense"} {
		if _, err := oidctest.New(oidctest.Config{Addr: addr}); !errors.Is(err, oidctest.ErrNotLoopback) {
			t.Errorf("New(%q) = %v", addr, err)
		}
	}
}

func TestRequests(t *testing.T) {
	rp := newParty(t, oidctest.Config{})
	rp.signIn()
	for _, r := range rp.idp.Requests() {
		if strings.Contains(r.Path, "?") {
			t.Errorf("query in log: %s", r.Path)
		}
	}
	rp.idp.ResetRequests()
	if n := len(rp.idp.Requests()); n != 0 {
		t.Errorf("%d requests after reset", n)
	}
}

func TestCloseReleasesHangingAnswers(t *testing.T) {
	p, err := oidctest.New(oidctest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	p.Script(oidctest.Faults{Once: []oidctest.Fault{oidctest.DiscoveryHang}})
	done := make(chan error, 1)
	go func() {
		_, err := oidc.NewProvider(context.Background(), p.Issuer())
		done <- err
	}()
	deadline := time.After(5 * time.Second)
	for p.Count(oidctest.EndpointDiscovery) == 0 {
		select {
		case <-deadline:
			t.Fatal("no request")
		case <-time.After(time.Millisecond):
		}
	}
	p.Close()
	p.Close()
	if err := <-done; err == nil {
		t.Error("hanging discovery succeeded")
	}
}
