package httpapi_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/oidc"
	"domicile/oidc/oidctest"
)

// TestSignIn_formPost: the answer comes as a form of the provider's page, and the cookie with it; other cookies stay as they
// are.
func TestSignIn_formPost(t *testing.T) {
	for name, dev := range map[string]bool{"https": false, "dev": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, dev)
			acme := w.tenant("acme", "acme.example")
			acme.settings.ResponseMode = directory.ResponseFormPost
			acme.connect(true)
			acme.both("sub-alice", "alice@acme.example")
			b := w.browser()
			at, page := w.start(b, url.Values{"email": {"alice@acme.example"}})
			for _, header := range page.header.Values("Set-Cookie") {
				transaction := strings.Contains(header, "domicile_tx_")
				if none := strings.Contains(header, "SameSite=None"); none != (transaction && !dev) {
					t.Errorf("cookie %s", header)
				}
			}
			resp, trail, err := b.SignIn(t.Context(), at, "alice@acme.example", password)
			if err != nil || resp.StatusCode != http.StatusOK {
				t.Fatalf("%v after %v", err, trail)
			}
			if status, _ := w.session(b); status != http.StatusOK {
				t.Errorf("session: %d", status)
			}
			acme.script("", oidctest.ResponseError)
			at, _ = w.start(b, url.Values{"email": {"alice@acme.example"}})
			if resp, _, err := b.SignIn(t.Context(), at, "alice@acme.example", password); err != nil || resp.StatusCode != http.StatusForbidden {
				t.Errorf("a refusal by form: %v, %v", resp.StatusCode, err)
			}
		})
	}
}

// TestSignIn_initiated: the provider's tile begins a sign-in, at each address that it may have been given.
func TestSignIn_initiated(t *testing.T) {
	w := newWorld(t, false)
	acme := w.tenant("acme", "acme.example")
	acme.both("sub-alice", "alice@acme.example")
	issuer := acme.provider.Issuer()
	own := "/login/initiate/" + string(acme.connection)
	for _, test := range []struct {
		name, method, target string
		form                 url.Values
		returns              string
	}{
		{"by connection", http.MethodGet, own, nil, "/"},
		{"by connection and issuer", http.MethodGet, own, url.Values{"iss": {issuer}, "target_link_uri": {"/deep?x=1"}}, "/deep?x=1"},
		{"posted", http.MethodPost, own, url.Values{"iss": {issuer}, "target_link_uri": {w.server.URL + "/deep"}}, "/deep"},
		{"by issuer", http.MethodGet, "/login", url.Values{"iss": {issuer}}, "/"},
		{"by issuer, posted", http.MethodPost, "/login", url.Values{"iss": {issuer}, "login_hint": {"00u1"}}, "/"},
		{"another's address", http.MethodGet, own, url.Values{"target_link_uri": {"https://evil.example/"}}, "/"},
		{"an address that begins as ours", http.MethodGet, own, url.Values{"target_link_uri": {w.server.URL + ".evil.example/"}}, "/"},
		{"user info", http.MethodGet, own, url.Values{"target_link_uri": {w.server.URL + "@evil.example/"}}, "/"},
		{"two slashes", http.MethodGet, own, url.Values{"target_link_uri": {w.server.URL + "//evil.example/"}}, "/"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w.t = t
			b := w.browser()
			page := w.initiate(b, test.method, test.target, test.form)
			at := page.header.Get("Location")
			if page.status != http.StatusSeeOther || !strings.HasPrefix(at, issuer) {
				t.Fatalf("%d to %q", page.status, at)
			}
			if u, _ := url.Parse(at); u.Query().Get("login_hint") != test.form.Get("login_hint") {
				t.Errorf("login_hint in %q", at)
			}
			done := w.get(b, w.authorize(b, at, "alice@acme.example"))
			if done.status != http.StatusSeeOther || done.header.Get("Location") != test.returns {
				t.Errorf("%d to %q", done.status, done.header.Get("Location"))
			}
		})
	}
}

// initiate asks as a browser does that another site has sent.
func (w *world) initiate(b *oidctest.Browser, method, target string, form url.Values) visit {
	w.t.Helper()
	if method == http.MethodGet && len(form) > 0 {
		target += "?" + form.Encode()
		form = nil
	}
	return w.do(b, method, target, form, "Sec-Fetch-Site", "cross-site", "Origin", "https://idp.example")
}

// TestAttack53_initiated: foreign issuers, connections that are not there, and issuers of several lead to the generic page.
func TestAttack53_initiated(t *testing.T) {
	w := newWorld(t, false)
	acme, other := w.tenant("acme", "acme.example"), w.tenant("other", "other.example")
	own := "/login/initiate/" + string(acme.connection)
	for name, test := range map[string]struct {
		target string
		form   url.Values
	}{
		"foreign issuer":                 {"/login", url.Values{"iss": {"https://evil.example"}}},
		"empty issuer":                   {"/login", url.Values{"iss": {""}}},
		"issuer with a slash":            {"/login", url.Values{"iss": {acme.provider.Issuer() + "/"}}},
		"connection of another issuer":   {own, url.Values{"iss": {other.provider.Issuer()}}},
		"connection that is not there":   {"/login/initiate/nobody", nil},
		"markup instead of a connection": {"/login/initiate/%3Cscript%3E", url.Values{"login_hint": {"<script>"}}},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			page := w.initiate(w.browser(), method, test.target, test.form)
			if page.header.Get("Location") != "" || page.status != http.StatusNotFound && page.status != http.StatusOK ||
				!strings.Contains(page.body, `action="/login/start"`) || strings.Contains(page.body, "evil") || strings.Contains(page.body, "<script") {
				t.Errorf("%s by %s: %d\n%s", name, method, page.status, page.body)
			}
			if len(page.header.Values("Set-Cookie")) != 0 {
				t.Errorf("%s by %s leaves cookies", name, method)
			}
		}
	}
	acme.propose(&command.PutConnection{
		ID: "second", Issuer: acme.provider.Issuer(), ClientID: "another", Enabled: true, ClientSecret: []byte("sealed"),
		ConnectionSettings: acme.settings,
	})
	if page := w.initiate(w.browser(), http.MethodGet, "/login", url.Values{"iss": {acme.provider.Issuer()}}); page.status != http.StatusNotFound {
		t.Errorf("an issuer of two connections: %d", page.status)
	}
}

// TestSignIn_sharedRedirect: where a connection has chosen it, the provider answers at the address without an id.
func TestSignIn_sharedRedirect(t *testing.T) {
	w := newWorld(t, false)
	acme := w.tenant("acme", "acme.example")
	acme.settings.SharedRedirect = true
	acme.connect(true)
	acme.provider.SetClient(oidctest.Client{
		ID: "client-acme", Secret: "client secret of acme", RedirectURIs: []string{w.server.URL + "/signin-oidc"},
	})
	acme.both("sub-alice", "alice@acme.example")
	b := w.browser()
	callback := w.callback(b, "alice@acme.example", "/")
	moved := strings.Replace(callback, "/signin-oidc?", "/signin-oidc/"+string(acme.connection)+"?", 1)
	if moved == callback {
		t.Fatalf("the callback is %q", callback)
	}
	if done := w.get(b, callback); done.status != http.StatusSeeOther {
		t.Errorf("callback: %d\n%s", done.status, done.body)
	}
	b = w.browser()
	callback = w.callback(b, "alice@acme.example", "/")
	w.refused(b, w.get(b, strings.Replace(callback, "/signin-oidc?", "/signin-oidc/"+string(acme.connection)+"?", 1)), oidc.ReasonOtherConnection)
	// The way back to another try is known although the address does not tell.
	acme.script("", oidctest.TokenError)
	page := w.get(b, w.callback(b, "alice@acme.example", "/"))
	if !strings.Contains(page.body, `name="connection" value="`+string(acme.connection)+`"`) {
		t.Errorf("no other try:\n%s", page.body)
	}
}

// TestSignIn_privateKey: a provider fetches our public keys and lets us in without a secret.
func TestSignIn_privateKey(t *testing.T) {
	w := newWorld(t, false)
	acme := w.tenant("acme", "acme.example")
	acme.settings.AuthMethod = directory.AuthPrivateKey
	acme.connect(true)
	acme.provider.SetClient(oidctest.Client{ID: "client-acme", KeysURL: w.server.URL + "/.well-known/client-keys.json"})
	acme.both("sub-alice", "alice@acme.example")
	b := w.browser()
	if page := w.signIn(b, "alice@acme.example"); page.status != http.StatusServiceUnavailable {
		t.Errorf("without a key: %d", page.status)
	}
	key, err := oidc.NewSigningKey(w.ring, state.Identity{Region: testRegion, Cluster: testCluster}, time.Now(), directory.KeyClientAssertion, "")
	if err != nil {
		t.Fatal(err)
	}
	w.ledger.Must("", &key)
	if page := w.signIn(b, "alice@acme.example"); page.status != http.StatusSeeOther {
		t.Errorf("with a key: %d\n%s", page.status, page.body)
	}
	keys := w.get(w.browser(), "/.well-known/client-keys.json")
	if keys.status != http.StatusOK || !strings.HasPrefix(keys.header.Get("Cache-Control"), "public, max-age=") ||
		keys.header.Get("Content-Type") != "application/jwk-set+json" || strings.Contains(keys.body, `"d"`) || !strings.Contains(keys.body, key.ID) {
		t.Errorf("%d %v\n%s", keys.status, keys.header, keys.body)
	}
}

// TestSessions_own: a person sees where they are signed in, and ends it; another site cannot.
func TestSessions_own(t *testing.T) {
	w := newWorld(t, false)
	acme := w.tenant("acme", "acme.example")
	acme.both("sub-alice", "alice@acme.example")
	acme.both("sub-bob", "bob@acme.example")
	b, second, third, bob := w.browser(), w.browser(), w.browser(), w.browser()
	for browser, email := range map[*oidctest.Browser]string{
		b: "alice@acme.example", second: "alice@acme.example", third: "alice@acme.example", bob: "bob@acme.example",
	} {
		w.signIn(browser, email)
	}
	const path = "/api/v1/session/sessions"
	list := func(browser *oidctest.Browser) (current string, others []string) {
		t.Helper()
		a := w.get(browser, path)
		var doc struct {
			Sessions []struct {
				ID, Kind, Address string
				Current           bool
			}
		}
		if a.status != http.StatusOK || json.Unmarshal([]byte(a.body), &doc) != nil {
			t.Fatalf("%d %s", a.status, a.body)
		}
		for _, session := range doc.Sessions {
			if session.Kind != "sso" || session.Address != "127.0.0.1" {
				t.Errorf("%+v", session)
			}
			if session.Current {
				current = session.ID
			} else {
				others = append(others, session.ID)
			}
		}
		return current, others
	}
	current, others := list(b)
	if current == "" || len(others) != 2 {
		t.Fatalf("%q %q", current, others)
	}
	bobs, _ := list(bob)
	for target, want := range map[string]int{
		path + "/" + bobs: http.StatusNotFound, path + "/nothing": http.StatusNotFound, path + "/%00": http.StatusNotFound,
	} {
		if a := w.do(b, http.MethodDelete, target, nil, "Sec-Fetch-Site", "same-origin"); a.status != want {
			t.Errorf("%s: %d", target, a.status)
		}
	}
	for _, target := range []string{path, path + "/" + current, path + "/" + others[0]} {
		for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}} {
			if a := w.do(b, http.MethodDelete, target, nil, header...); a.status != http.StatusForbidden {
				t.Errorf("%s from %q: %d", target, header, a.status)
			}
		}
		if a := w.do(w.browser(), http.MethodDelete, target, nil); a.status != http.StatusUnauthorized {
			t.Errorf("%s by nobody: %d", target, a.status)
		}
	}
	if a := w.do(b, http.MethodDelete, path+"/"+others[0], nil); a.status != http.StatusNoContent {
		t.Errorf("one: %d %s", a.status, a.body)
	}
	if a := w.do(b, http.MethodDelete, path, nil); a.status != http.StatusOK || a.body != `{"ended":1}` {
		t.Errorf("the others: %d %s", a.status, a.body)
	}
	for browser, want := range map[*oidctest.Browser]int{
		b: http.StatusOK, second: http.StatusUnauthorized, third: http.StatusUnauthorized, bob: http.StatusOK,
	} {
		if status, _ := w.session(browser); status != want {
			t.Errorf("%d, want %d", status, want)
		}
	}
	if _, doc := w.session(b); doc["kind"] != "sso" {
		t.Errorf("%v", doc)
	}
	if a := w.do(b, http.MethodDelete, path+"/"+current, nil); a.status != http.StatusNoContent || len(w.cookies(b, "domicile_session")) != 0 {
		t.Errorf("the present one: %d", a.status)
	}
}

// TestSignIn_providerCodes: what a provider says in a code of its own is told in a sentence of ours.
func TestSignIn_secretExpired(t *testing.T) {
	w := newWorld(t, false)
	acme := w.tenant("acme", "acme.example")
	acme.both("sub-alice", "alice@acme.example")
	acme.script("", oidctest.TokenClient)
	b := w.browser()
	page := w.signIn(b, "alice@acme.example")
	w.refused(b, page, oidc.ReasonClientSecret)
	if !strings.Contains(page.body, "needs its administrator") {
		t.Errorf("%s", page.body)
	}
}
