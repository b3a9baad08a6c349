package httpapi_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"domicile/apps"
	"domicile/oidc/oidctest"
)

// stock gives the stock libraries of an application, as they come.
func (s *shop) stock(style oauth2.AuthStyle) (context.Context, *oidc.Provider, *oauth2.Config) {
	s.world.t.Helper()
	ctx := oidc.ClientContext(s.world.t.Context(), s.server.Client())
	provider, err := oidc.NewProvider(ctx, s.server.URL+"/oidc")
	if err != nil {
		s.world.t.Fatal(err)
	}
	endpoint := provider.Endpoint()
	endpoint.AuthStyle = style
	return ctx, provider, &oauth2.Config{
		ClientID: string(s.app), ClientSecret: shopSecret, RedirectURL: shopCallback, Endpoint: endpoint,
		Scopes: []string{oidc.ScopeOpenID, "profile", "email"},
	}
}

// TestApps_stockClient: the stock libraries sign somebody in, who first has to sign in to the region, on two nodes in turn; they
// check the ID token with the published keys, and ask userinfo.
func TestApps_stockClient(t *testing.T) {
	for name, style := range map[string]oauth2.AuthStyle{"basic": oauth2.AuthStyleInHeader, "post": oauth2.AuthStyleInParams} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t, false)
			ctx, provider, config := s.stock(style)
			b, verifier := s.browser(), oauth2.GenerateVerifier()
			page := s.get(b, config.AuthCodeURL("the state", oauth2.S256ChallengeOption(verifier), oidc.Nonce("the nonce")))
			at, err := url.Parse(page.header.Get("Location"))
			if err != nil || page.status != http.StatusSeeOther || at.Path != "/login" {
				t.Fatalf("%d to %v", page.status, at)
			}
			s.turn.Store(1)
			back := s.get(b, s.callback(b, buyer, at.Query().Get("return_to")))
			if location := back.header.Get("Location"); location != at.Query().Get("return_to") {
				t.Fatalf("after the sign-in to %q", location)
			}
			s.turn.Store(0)
			told := s.told(s.get(b, back.header.Get("Location")))
			if left := s.cookies(b, "domicile_request_"); len(left) != 0 {
				t.Errorf("cookies are left: %v", left)
			}
			s.turn.Store(1)
			token, err := config.Exchange(ctx, told.Get("code"), oauth2.VerifierOption(verifier))
			if err != nil {
				t.Fatal(err)
			}
			if left := time.Until(token.Expiry); left > 2*time.Minute || left < 100*time.Second || token.RefreshToken != "" {
				t.Errorf("a token for %s, refresh token %q", left, token.RefreshToken)
			}
			raw, _ := token.Extra("id_token").(string)
			id, err := provider.Verifier(&oidc.Config{ClientID: string(s.app)}).Verify(ctx, raw)
			if err != nil || id.Nonce != "the nonce" || id.Subject != string(s.person) {
				t.Fatalf("%+v, %v", id, err)
			}
			if err := id.VerifyAccessToken(token.AccessToken); err != nil {
				t.Error(err)
			}
			info, err := provider.UserInfo(ctx, config.TokenSource(ctx, token))
			if err != nil || info.Subject != id.Subject || info.Email != buyer || !info.EmailVerified {
				t.Errorf("%+v, %v", info, err)
			}
			if _, err := config.Exchange(ctx, told.Get("code"), oauth2.VerifierOption(verifier)); err == nil {
				t.Error("the code buys twice")
			}
		})
	}
}

// TestApps_metadata: what is announced is there, and scripts of other sites may read it.
func TestApps_metadata(t *testing.T) {
	s := newShop(t, false)
	a := s.backend(http.MethodGet, apps.PathMetadata, nil)
	var doc map[string]any
	if err := json.Unmarshal([]byte(a.body), &doc); err != nil || a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if doc["issuer"] != s.server.URL+"/oidc" || a.header.Get("Access-Control-Allow-Origin") != "*" ||
		!strings.HasPrefix(a.header.Get("Cache-Control"), "public") {
		t.Errorf("%v %v", doc["issuer"], a.header)
	}
	for _, member := range []string{"authorization_endpoint", "token_endpoint", "userinfo_endpoint", "end_session_endpoint", "jwks_uri"} {
		address, _ := doc[member].(string)
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			if a := s.backend(method, address, url.Values{}); a.status == http.StatusNotFound || a.status >= 500 {
				t.Errorf("%s %s: %d", method, address, a.status)
			}
		}
	}
	for _, path := range []string{apps.PathToken, apps.PathUserinfo} {
		a := s.backend(http.MethodOptions, path, nil, "Origin", "https://spa.example", "Access-Control-Request-Method", "POST")
		if a.status != http.StatusNoContent || a.header.Get("Access-Control-Allow-Headers") == "" || a.header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %d %v", path, a.status, a.header)
		}
	}
	// The authorization server for identity providers is another issuer.
	if other := s.backend(http.MethodGet, "/.well-known/oauth-authorization-server", nil); strings.Contains(other.body, "/oidc") {
		t.Errorf("the issuers meet: %s", other.body)
	}
}

// TestApps_codeOnTwoNodesAtOnce: a code buys once in the region.
func TestApps_codeOnTwoNodesAtOnce(t *testing.T) {
	s := newShop(t, false)
	code := s.code(s.enter(buyer))
	statuses := make([]int, 20)
	var work sync.WaitGroup
	for i := range statuses {
		work.Go(func() {
			request, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, s.server.URL+apps.PathToken, strings.NewReader(buying(code).Encode()))
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			answer := httptest.NewRecorder()
			s.nodes[i%2].ServeHTTP(answer, request)
			statuses[i] = answer.Code
		})
	}
	work.Wait()
	slices.Sort(statuses)
	if statuses[0] != http.StatusOK || statuses[1] != http.StatusBadRequest || statuses[19] != http.StatusBadRequest {
		t.Errorf("statuses %v", statuses)
	}
}

// TestApps_token: errors are those of RFC 6749 §5.2, in JSON, and kept by nobody.
func TestApps_token(t *testing.T) {
	s := newShop(t, false)
	b := s.enter(buyer)
	s.register("other", shopSecret, "", shopCallback)
	for name, test := range map[string]struct {
		form   url.Values
		status int
		code   apps.Code
	}{
		"replay":          {buying(s.used(b)), http.StatusBadRequest, apps.CodeInvalidGrant},
		"no verifier":     {buying(s.code(b), "code_verifier", ""), http.StatusBadRequest, apps.CodeInvalidGrant},
		"wrong verifier":  {buying(s.code(b), "code_verifier", shopChallenge), http.StatusBadRequest, apps.CodeInvalidGrant},
		"other client":    {buying(s.code(b), "client_id", "other"), http.StatusBadRequest, apps.CodeInvalidGrant},
		"other redirect":  {buying(s.code(b), "redirect_uri", "https://evil.example/"), http.StatusBadRequest, apps.CodeInvalidGrant},
		"wrong secret":    {buying(s.code(b), "client_secret", "x"), http.StatusUnauthorized, apps.CodeInvalidClient},
		"unknown client":  {buying(s.code(b), "client_id", "x"), http.StatusUnauthorized, apps.CodeInvalidClient},
		"unknown grant":   {buying(s.code(b), "grant_type", "password"), http.StatusBadRequest, apps.CodeUnsupportedGrant},
		"empty form":      {url.Values{}, http.StatusUnauthorized, apps.CodeInvalidClient},
		"huge":            {buying(strings.Repeat("x", 70_000)), http.StatusRequestEntityTooLarge, apps.CodeInvalidRequest},
		"a long time ago": {buying("x"), http.StatusBadRequest, apps.CodeInvalidGrant},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.backend(http.MethodPost, apps.PathToken, test.form)
			var fault struct{ Error, ErrorDescription string }
			if err := json.Unmarshal([]byte(a.body), &fault); err != nil || a.status != test.status || fault.Error != string(test.code) {
				t.Errorf("%d %s, want %d %s", a.status, a.body, test.status, test.code)
			}
			if a.header.Get("Cache-Control") != "no-store" || a.header.Get("Content-Type") != "application/json" {
				t.Errorf("headers %v", a.header)
			}
			if challenge := a.header.Get("WWW-Authenticate"); (challenge != "") != (test.status == http.StatusUnauthorized) {
				t.Errorf("challenge %q", challenge)
			}
		})
	}
	if a := s.backend(http.MethodPost, apps.PathToken, buying("x"), "Content-Type", "application/json"); a.status != http.StatusBadRequest {
		t.Errorf("JSON: %d", a.status)
	}
	if a := s.backend(http.MethodGet, apps.PathToken+"?"+buying(s.code(b)).Encode(), nil); a.status != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", a.status)
	}
	s.ledger.Cut(true)
	if a := s.backend(http.MethodPost, apps.PathToken, buying("x")); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
		t.Errorf("cut off: %d %v", a.status, a.header)
	}
}

// used gives a code that was used.
func (s *shop) used(b *oidctest.Browser) string {
	code := s.code(b)
	s.buy(code)
	return code
}

// buy gives the access token and the ID token for a code.
func (s *shop) buy(code string) (access, id string) {
	s.world.t.Helper()
	a := s.backend(http.MethodPost, apps.PathToken, buying(code))
	var answer struct {
		Access string `json:"access_token"`
		ID     string `json:"id_token"`
	}
	if err := json.Unmarshal([]byte(a.body), &answer); err != nil || a.status != http.StatusOK {
		s.world.t.Fatalf("%d %s", a.status, a.body)
	}
	return answer.Access, answer.ID
}

// TestApps_accessTokenAfterDeactivation: a leaver's access token ends with the command that deactivates; a node that cannot know
// answers 503 and never 401.
func TestApps_accessTokenAfterDeactivation(t *testing.T) {
	s := newShop(t, false)
	access, _ := s.buy(s.code(s.enter(buyer)))
	ask := func(header ...string) visit { return s.backend(http.MethodGet, apps.PathUserinfo, nil, header...) }
	bearer := []string{"Authorization", "Bearer " + access}
	if a := ask(bearer...); a.status != http.StatusOK || !strings.Contains(a.body, `"sub":"`+string(s.person)+`"`) {
		t.Errorf("%d %s", a.status, a.body)
	}
	s.ledger.Cut(true)
	if a := ask(bearer...); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
		t.Errorf("cut off: %d", a.status)
	}
	s.ledger.Cut(false)
	s.deactivate()
	for s.turn.Store(0); s.turn.Load() < 2; s.turn.Add(1) {
		if a := ask(bearer...); a.status != http.StatusUnauthorized || !strings.Contains(a.header.Get("WWW-Authenticate"), `error="invalid_token"`) {
			t.Errorf("node %d: %d %v", s.turn.Load(), a.status, a.header)
		}
	}
	s.turn.Store(0)
	if a := ask(); a.status != http.StatusUnauthorized || a.header.Get("WWW-Authenticate") != `Bearer realm="domicile"` {
		t.Errorf("without a token: %d %v", a.status, a.header)
	}
}

// TestApps_pages: what is wrong before application and address are certain is for the person, in fixed words.
func TestApps_pages(t *testing.T) {
	s := newShop(t, false)
	b := s.enter(buyer)
	for name, path := range map[string]string{
		"no application":    s.asking("client_id", "nobody"),
		"no redirect":       s.asking("redirect_uri", ""),
		"foreign redirect":  s.asking("redirect_uri", "https://evil.example/<script>"),
		"given twice":       s.asking() + "&state=2",
		"not readable":      s.asking() + "&%zz=1",
		"waits for nothing": apps.PathAuthorize + "?resume=abcdefghijkl",
		"odd resume":        apps.PathAuthorize + "?resume=" + url.QueryEscape(`"; Path=/ <script>`),
	} {
		t.Run(name, func(t *testing.T) {
			a := s.get(b, path)
			if a.status != http.StatusBadRequest || a.header.Get("Location") != "" || !strings.Contains(a.body, "cannot be answered") {
				t.Errorf("%d to %q\n%s", a.status, a.header.Get("Location"), a.body)
			}
			if strings.Contains(a.body, "evil") || strings.Contains(a.body, "<script") || a.header.Get("X-Frame-Options") != "DENY" {
				t.Errorf("page %s", a.body)
			}
		})
	}
	if told := s.told(s.get(b, s.asking("code_challenge", ""))); told.Get("error") != "invalid_request" || told.Get("code") != "" {
		t.Errorf("without PKCE: %v", told)
	}
	if told := s.told(s.get(s.browser(), s.asking("prompt", "none"))); told.Get("error") != "login_required" {
		t.Errorf("prompt=none without a session: %v", told)
	}
	s.ledger.Cut(true)
	if a := s.get(b, s.asking()); a.status != http.StatusServiceUnavailable || a.header.Get("Refresh") == "" {
		t.Errorf("cut off: %d", a.status)
	}
}

// TestApps_authorizeByPost: a form of another site comes without the session cookie, so it is asked again with GET.
func TestApps_authorizeByPost(t *testing.T) {
	s := newShop(t, false)
	_, query, _ := strings.Cut(s.asking(), "?")
	form, _ := url.ParseQuery(query)
	a := s.do(s.browser(), http.MethodPost, apps.PathAuthorize, form, "Sec-Fetch-Site", "cross-site", "Origin", "https://shop.example")
	if a.status != http.StatusSeeOther || a.header.Get("Location") != s.asking() {
		t.Fatalf("%d to %s", a.status, a.header.Get("Location"))
	}
	if s.code(s.enter(buyer)) == "" {
		t.Error("no code")
	}
	form.Set("state", strings.Repeat("s", 20_000))
	if a := s.do(s.browser(), http.MethodPost, apps.PathAuthorize, form); a.status != http.StatusBadRequest {
		t.Errorf("too large: %d", a.status)
	}
}

// TestApps_manyRequestsWait: a browser keeps a bounded number of requests, and drops the oldest.
func TestApps_manyRequestsWait(t *testing.T) {
	s := newShop(t, false)
	b := s.browser()
	var last string
	for range 8 {
		last = s.get(b, s.asking("state", strings.Repeat("s", 2000))).header.Get("Location")
	}
	if waiting := s.cookies(b, "domicile_request_"); len(waiting) != 3 {
		t.Errorf("%d wait", len(waiting))
	}
	at, _ := url.Parse(last)
	back := s.get(b, s.callback(b, buyer, at.Query().Get("return_to")))
	if a := s.get(b, back.header.Get("Location")); !strings.HasPrefix(a.header.Get("Location"), shopCallback) {
		t.Errorf("the newest is answered with %d to %s", a.status, a.header.Get("Location"))
	}
	for _, cookie := range s.cookies(b, "domicile_request_") {
		if !strings.HasPrefix(cookie.Name, "__Host-") {
			t.Errorf("cookie %s", cookie.Name)
		}
	}
}

// TestApps_logout: with an ID token of the session the person is signed out and sent on; without one they are asked, and only our
// own page may answer.
func TestApps_logout(t *testing.T) {
	s := newShop(t, false)
	leave := func(pairs ...string) string {
		return apps.PathLogout + "?" + altered(url.Values{"post_logout_redirect_uri": {shopBye}, "state": {"a&b"}}, pairs...).Encode()
	}
	open := func(b *oidctest.Browser) bool { status, _ := s.session(b); return status == http.StatusOK }

	b := s.enter(buyer)
	_, hint := s.buy(s.code(b))
	s.departs(b, s.get(b, leave("id_token_hint", hint)))

	b = s.enter(buyer)
	for _, values := range [][]string{{"client_id", "shop"}, {"id_token_hint", hint}} {
		a := s.get(b, leave(values...))
		if a.status != http.StatusOK || !strings.Contains(a.body, "Sign out?") || !strings.Contains(a.body, "The &lt;shop&gt;") || !open(b) {
			t.Errorf("%v: %d\n%s", values, a.status, a.body)
		}
	}
	answer := url.Values{"confirm": {"yes"}, "client_id": {"shop"}, "post_logout_redirect_uri": {shopBye}}
	a := s.do(b, http.MethodPost, apps.PathLogout, answer, "Sec-Fetch-Site", "cross-site")
	if a.status != http.StatusForbidden || !open(b) {
		t.Errorf("another site confirms: %d", a.status)
	}
	a = s.do(b, http.MethodPost, apps.PathLogout, url.Values{"client_id": {"shop"}}, "Sec-Fetch-Site", "cross-site")
	if a.status != http.StatusSeeOther || !strings.HasPrefix(a.header.Get("Location"), apps.PathLogout+"?") || !open(b) {
		t.Errorf("a form of the application: %d to %s", a.status, a.header.Get("Location"))
	}
	answer.Set("post_logout_redirect_uri", "https://evil.example/")
	if a = s.do(b, http.MethodPost, apps.PathLogout, answer); a.status != http.StatusBadRequest || !open(b) {
		t.Errorf("to another site: %d", a.status)
	}
	answer.Set("post_logout_redirect_uri", shopBye)
	s.departs(b, s.do(b, http.MethodPost, apps.PathLogout, answer))
	if a = s.get(b, apps.PathLogout); a.status != http.StatusSeeOther || a.header.Get("Location") != "/logout" {
		t.Errorf("nobody is signed in: %d to %s", a.status, a.header.Get("Location"))
	}
}

// TestApps_keyRotation: an application that keeps the key set for as long as it may never meets a signature that it cannot check.
func TestApps_keyRotation(t *testing.T) {
	s := newShop(t, false)
	ctx, provider, _ := s.stock(oauth2.AuthStyleInParams)
	check := func(verifier *oidc.IDTokenVerifier) string {
		t.Helper()
		_, raw := s.buy(s.code(s.enter(buyer)))
		if _, err := verifier.Verify(ctx, raw); err != nil {
			t.Error(err)
		}
		header, _, _ := strings.Cut(raw, ".")
		return header
	}
	config := &oidc.Config{ClientID: string(s.app), Now: s.ledger.Now}
	old := check(provider.Verifier(config))
	s.ledger.Advance(30 * 24 * time.Hour)
	s.signingKey()
	if check(provider.Verifier(config)) != old {
		t.Error("the new key signs at once")
	}
	fetched := provider.Verifier(config) // its key set holds both
	s.ledger.Advance(time.Hour + time.Minute)
	if check(fetched) == old {
		t.Error("the old key signs still")
	}
}

// TestAttack57_applications: no code, token, secret or address of a person is in our logs.
func TestAttack57_applications(t *testing.T) {
	s := newShop(t, false)
	b := s.enter(buyer)
	code := s.code(b, "login_hint", "canary@acme.example")
	access, id := s.buy(code)
	s.backend(http.MethodPost, apps.PathToken, buying(code))
	s.backend(http.MethodGet, apps.PathUserinfo, nil, "Authorization", "Bearer "+access)
	s.get(b, apps.PathLogout+"?id_token_hint="+id)
	s.get(b, apps.PathVerify)
	for name, canary := range map[string]string{
		"code": code, "access token": access, "ID token": id, "secret": shopSecret, "address": buyer, "hint": "canary@acme.example",
		"verifier": shopVerifier, "name": "Person <",
	} {
		if strings.Contains(s.logs.String(), canary) {
			t.Errorf("the %s is in the logs", name)
		}
	}
}
