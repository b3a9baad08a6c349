package httpapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"domicile/oidc"
	"domicile/oidc/oidctest"
)

// share moves a tenant to the shared redirect URI.
func (x *tenant) share(namesIssuer bool) {
	x.world.t.Helper()
	x.settings.SharedRedirect, x.settings.NamesIssuer = true, namesIssuer
	x.connect(true)
	x.provider.SetClient(oidctest.Client{
		ID: "client-" + x.slug, Secret: "client secret of " + x.slug, RedirectURIs: []string{x.world.server.URL + "/signin-oidc"},
	})
}

// asked is how often a provider was asked with a code or for what a code buys.
func (x *tenant) asked() int {
	return x.provider.Count(oidctest.EndpointToken) + x.provider.Count(oidctest.EndpointUserinfo)
}

// TestAttack15_mixUpAtSharedAddress: acme and evil share the redirect URI. Evil's authorization endpoint sends a victim on to
// acme's provider, with acme's client id; that one gives a code, and says in its answer who it is. The code belongs to a sign-in
// with evil, and is sent neither there nor anywhere else.
func TestAttack15_mixUpAtSharedAddress(t *testing.T) {
	for name, test := range map[string]struct {
		named  bool // evil had to name itself when it was connected
		faults []oidctest.Fault
	}{
		"evil announces to name itself": {true, nil},
		"evil falls silent":             {true, []oidctest.Fault{oidctest.IssNotSupported}},
		"evil never named itself":       {false, []oidctest.Fault{oidctest.IssNotSupported}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, false)
			acme, evil := w.tenant("acme", "acme.example"), w.tenant("evil", "evil.example")
			acme.both("sub-alice", "alice@acme.example")
			acme.share(true)
			evil.share(test.named)
			evil.provider.Script(oidctest.Faults{Lasting: append(test.faults, oidctest.DiscoveryForeign), Foreign: acme.provider.Issuer()})
			victim := w.browser()
			sent, _ := w.lure(victim, "evil")
			if !strings.HasPrefix(sent.String(), acme.provider.Issuer()+"/") || sent.Query().Get("redirect_uri") != w.server.URL+"/signin-oidc" {
				t.Fatalf("the victim was sent to %s", sent)
			}
			callback := w.authorize(victim, rewritten(sent, "client_id", "client-acme"), "alice@acme.example")
			answer := mustURL(t, callback).Query()
			if answer.Get("code") == "" || answer.Get("iss") != acme.provider.Issuer() || answer.Get("state") != sent.Query().Get("state") {
				t.Fatalf("the honest provider answers %s", callback)
			}
			w.refused(victim, w.get(victim, callback), oidc.ReasonResponseIssuer)
			if acme.asked() != 0 || evil.asked() != 0 {
				t.Errorf("acme's provider was asked %d times, evil's %d", acme.asked(), evil.asked())
			}
			// That was the only thing wrong: acme's people sign in at the same address.
			if done := w.signIn(victim, "alice@acme.example"); done.status != http.StatusSeeOther {
				t.Errorf("acme's own sign-in: %d %v", done.status, w.logs.last("sign-in refused"))
			}
		})
	}
}

// TestAttack19_parameterTwice: each parameter that decides something, twice, the second one being the same, another or empty,
// and once in the query and once in a form.
func TestAttack19_parameterTwice(t *testing.T) {
	w := newWorld(t, false)
	acme := w.tenant("acme", "acme.example")
	acme.both("sub-alice", "alice@acme.example")
	refused := func(t *testing.T, b *oidctest.Browser, a visit) {
		t.Helper()
		w.refused(b, a, oidc.ReasonRequest)
		if a.status != http.StatusBadRequest || acme.asked() != 0 {
			t.Errorf("status %d, the provider was asked %d times", a.status, acme.asked())
		}
	}
	for _, name := range []string{"code", "state", "iss", "error"} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			acme.script("")
			if name == "error" {
				acme.script("", oidctest.ResponseError)
			}
			for how, second := range map[string]func(string) string{
				"the same": func(first string) string { return first },
				"another":  func(string) string { return "another" },
				"empty":    func(string) string { return "" },
			} {
				b := w.browser()
				callback := mustURL(t, w.callback(b, "alice@acme.example", "/"))
				first := callback.Query().Get(name)
				if first == "" {
					t.Fatalf("there is no %s in %s", name, callback)
				}
				value := url.QueryEscape(second(first))
				for _, query := range []string{callback.RawQuery + "&" + name + "=" + value, name + "=" + value + "&" + callback.RawQuery} {
					twice := *callback
					twice.RawQuery = query
					twin := w.copyOf(b)
					refused(t, twin, w.get(twin, twice.String()))
				}
				beside, twin := *callback, w.copyOf(b)
				beside.RawQuery = name + "=" + value
				refused(t, twin, w.do(twin, http.MethodPost, beside.String(), callback.Query()))
				if t.Failed() {
					t.Fatalf("the second %s is %s", name, how)
				}
			}
		})
	}
	w.t = t
	acme.script("")
	if done := w.signIn(w.browser(), "alice@acme.example"); done.status != http.StatusSeeOther {
		t.Errorf("each once: %d", done.status)
	}
}

// copyOf is another browser with the cookies of one, which a refusal makes it drop.
func (w *world) copyOf(b *oidctest.Browser) *oidctest.Browser {
	twin := w.browser()
	twin.SetCookies(w.appURL(), w.cookies(b, ""))
	return twin
}

// plant gives a browser a cookie as a sibling host, or somebody at its keyboard, would.
func (w *world) plant(b *oidctest.Browser, name, value string) {
	b.SetCookies(w.appURL(), []*http.Cookie{{Name: name, Value: value, Path: "/", Secure: true}})
}

// TestAttack46_plantedTransaction: the attacker began a sign-in and holds its cookie, the address to call and a code. Whatever
// of that comes into the victim's browser, the victim's sign-in ends as the victim, or not at all.
func TestAttack46_plantedTransaction(t *testing.T) {
	w := newWorld(t, false)
	acme := w.tenant("acme", "acme.example")
	acme.both("sub-alice", "alice@acme.example")
	acme.both("sub-mallory", "mallory@acme.example")
	for _, test := range []struct {
		name string
		// plant prepares the victim's browser, whose own sign-in waits at an address, and gives the address that it is led to.
		plant func(victim *oidctest.Browser, own *url.URL, planted *http.Cookie, theirs *url.URL) string
		want  oidc.Reason
	}{
		{"under the name that a sibling host can set", func(victim *oidctest.Browser, _ *url.URL, planted *http.Cookie, theirs *url.URL) string {
			w.plant(victim, strings.TrimPrefix(planted.Name, "__Host-"), planted.Value)
			return theirs.String()
		}, oidc.ReasonTransactionMissing},
		{"in place of the victim's", func(victim *oidctest.Browser, own *url.URL, planted *http.Cookie, _ *url.URL) string {
			w.plant(victim, w.cookies(victim, "domicile_tx_")[0].Name, planted.Value)
			return own.String()
		}, oidc.ReasonTransactionInvalid},
		{"in place of the victim's, at the attacker's address", func(victim *oidctest.Browser, _ *url.URL, planted *http.Cookie, theirs *url.URL) string {
			w.plant(victim, w.cookies(victim, "domicile_tx_")[0].Name, planted.Value)
			return theirs.String()
		}, oidc.ReasonTransactionMissing},
		{"the attacker's state, the victim's code", func(victim *oidctest.Browser, own *url.URL, planted *http.Cookie, theirs *url.URL) string {
			w.plant(victim, planted.Name, planted.Value)
			return rewritten(own, "state", theirs.Query().Get("state"))
		}, oidc.ReasonExchange},
		{"the victim's state, the attacker's code", func(victim *oidctest.Browser, own *url.URL, planted *http.Cookie, theirs *url.URL) string {
			w.plant(victim, planted.Name, planted.Value)
			return rewritten(own, "code", theirs.Query().Get("code"))
		}, oidc.ReasonExchange},
	} {
		t.Run(test.name, func(t *testing.T) {
			w.t = t
			mallory, victim := w.browser(), w.browser()
			theirs := mustURL(t, w.callback(mallory, "mallory@acme.example", "/"))
			own := mustURL(t, w.callback(victim, "alice@acme.example", "/"))
			target := test.plant(victim, own, w.cookies(mallory, "domicile_tx_")[0], theirs)
			w.refused(victim, w.get(victim, target), test.want)
		})
	}
	t.Run("beside the victim's", func(t *testing.T) {
		w.t = t
		mallory, victim := w.browser(), w.browser()
		w.callback(mallory, "mallory@acme.example", "/")
		planted := w.cookies(mallory, "domicile_tx_")[0]
		w.plant(victim, planted.Name, planted.Value)
		if done := w.signIn(victim, "alice@acme.example"); done.status != http.StatusSeeOther {
			t.Fatalf("the victim's own sign-in: %d %v", done.status, w.logs.last("sign-in refused"))
		}
		_, who := w.session(victim)
		if user, _ := who["user"].(map[string]any); user["email"] != "alice@acme.example" {
			t.Errorf("the victim is signed in as %v", who)
		}
	})
}
