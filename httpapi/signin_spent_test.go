package httpapi_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/oidc"
	"domicile/oidc/oidctest"
)

// come brings a callback as the provider's redirect does, or as the form of its page.
func (w *world) come(b *oidctest.Browser, callback, method string) visit {
	w.t.Helper()
	if method == http.MethodGet {
		return w.get(b, callback)
	}
	u, err := url.Parse(callback)
	if err != nil {
		w.t.Fatal(err)
	}
	values := u.Query()
	u.RawQuery = ""
	return w.do(b, method, u.String(), values, "Sec-Fetch-Site", "cross-site", "Origin", "https://idp.example")
}

// drops tells whether an answer deletes a cookie.
func (v visit) drops(name string) bool {
	for _, header := range v.header.Values("Set-Cookie") {
		cookie, err := http.ParseSetCookie(header)
		if err == nil && cookie.Name == name && cookie.MaxAge < 0 && cookie.Value == "" && cookie.Path == "/" && cookie.Secure && cookie.HttpOnly {
			return true
		}
	}
	return false
}

// TestSignIn_spent: a callback that failed has used the sign-in up, and nobody without its cookie can do that.
func TestSignIn_spent(t *testing.T) {
	for name, test := range map[string]struct {
		method string
		shared bool
	}{
		"query": {http.MethodGet, false}, "form": {http.MethodPost, false},
		"query, shared address": {http.MethodGet, true}, "form, shared address": {http.MethodPost, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, false)
			acme := w.tenant("acme", "acme.example")
			acme.settings.SharedRedirect = test.shared
			acme.connect(true)
			acme.provider.SetClient(oidctest.Client{
				ID: "client-acme", Secret: "client secret of acme",
				RedirectURIs: []string{w.server.URL + "/signin-oidc", w.server.URL + "/signin-oidc/" + string(acme.connection)},
			})
			acme.both("sub-alice", "alice@acme.example")
			acme.script("", oidctest.CodeReusable, oidctest.NonceOther)
			b, stranger := w.browser(), w.browser()
			callback := w.callback(b, "alice@acme.example", "/")
			cookie := w.cookies(b, "domicile_tx_")[0]

			if page := w.come(stranger, callback, test.method); len(page.header.Values("Set-Cookie")) != 0 {
				t.Errorf("a stranger is told to delete %q", page.header.Values("Set-Cookie"))
			}
			w.refused(stranger, visit{400, nil, w.come(stranger, callback, test.method).body}, oidc.ReasonTransactionMissing)

			page := w.come(b, callback, test.method)
			w.refused(b, page, oidc.ReasonTokenNonce)
			if !page.drops(cookie.Name) || len(w.cookies(b, "domicile_tx_")) != 0 {
				t.Errorf("the cookie stays: %q", page.header.Values("Set-Cookie"))
			}
			// A browser that keeps it, though the provider would now say what it should.
			acme.script("", oidctest.CodeReusable)
			acme.provider.ResetRequests()
			b.SetCookies(w.appURL(), []*http.Cookie{{Name: cookie.Name, Value: cookie.Value, Path: "/", Secure: true}})
			page = w.come(b, callback, test.method)
			w.refused(b, page, oidc.ReasonReplayed)
			if !strings.Contains(page.body, "has expired") || !strings.Contains(page.body, `name="connection" value="`+string(acme.connection)+`"`) {
				t.Errorf("nobody is signed in, and the page does not lead to a sign-in:\n%s", page.body)
			}
			if n := acme.provider.Count(oidctest.EndpointToken); n != 0 || !page.drops(cookie.Name) {
				t.Errorf("%d requests to the token endpoint, %q", n, page.header.Values("Set-Cookie"))
			}
			if done := w.signIn(b, "alice@acme.example"); done.status != http.StatusSeeOther {
				t.Errorf("the next sign-in: %d", done.status)
			}
		})
	}
}

// TestSignIn_spentElsewhere: a node does not know what another has sent to the provider. There it is the provider that takes a
// code once.
func TestSignIn_spentElsewhere(t *testing.T) {
	w := newWorld(t, false)
	acme := w.tenant("acme", "acme.example")
	acme.both("sub-alice", "alice@acme.example")
	acme.script("", oidctest.NonceOther)
	b := w.browser()
	callback := w.callback(b, "alice@acme.example", "/")
	cookie := w.cookies(b, "domicile_tx_")[0]
	w.refused(b, w.get(b, callback), oidc.ReasonTokenNonce)
	acme.script("")
	w.turn.Store(1)
	b.SetCookies(w.appURL(), []*http.Cookie{{Name: cookie.Name, Value: cookie.Value, Path: "/", Secure: true}})
	w.refused(b, w.get(b, callback), oidc.ReasonExchange)
}

// TestSignIn_spentOrNot: where we could not go on, the same callback may come again only if the code is still unused.
func TestSignIn_spentOrNot(t *testing.T) {
	w := newWorld(t, false)
	acme := w.tenant("acme", "acme.example")
	acme.both("sub-alice", "alice@acme.example")
	b := w.browser()
	callback := w.callback(b, "alice@acme.example", "/")
	cookie := w.cookies(b, "domicile_tx_")[0].Name
	w.ledger.Cut(true)
	if page := w.get(b, callback); page.status != http.StatusServiceUnavailable || page.drops(cookie) {
		t.Errorf("cut off: %d %q", page.status, page.header.Values("Set-Cookie"))
	}
	w.ledger.Cut(false)
	w.ledger.Before(func(c command.Command) error {
		if _, opens := c.Payload.(*command.OpenSession); opens {
			return directory.Unavailable(time.Second, errors.New("an election"), "no leader")
		}
		return nil
	})
	if page := w.get(b, callback); page.status != http.StatusServiceUnavailable || !page.drops(cookie) {
		t.Errorf("without a session: %d %q", page.status, page.header.Values("Set-Cookie"))
	}
	w.ledger.Before(nil)
	if done := w.signIn(b, "alice@acme.example"); done.status != http.StatusSeeOther {
		t.Errorf("the next sign-in: %d", done.status)
	}
}
