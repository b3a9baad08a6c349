package httpapi_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"domicile/oidc/oidctest"
)

// TestAttacks_discovery: documents that a hostile or broken provider serves. Nothing of it is remembered.
func TestAttacks_discovery(t *testing.T) {
	w := newWorld(t, false)
	for i, test := range []struct {
		name  string
		fault oidctest.Fault
	}{
		{"04 another issuer", oidctest.DiscoveryWrongIssuer},
		{"04 issuer with a slash", oidctest.DiscoverySlash},
		{"39 redirect", oidctest.DiscoveryRedirect},
		{"41 no document", oidctest.DiscoveryFails},
		{"41 endless", oidctest.DiscoveryHuge},
		{"41 a page", oidctest.DiscoveryHTML},
		{"41 nested", oidctest.DiscoveryNested},
	} {
		slug := "tenant" + string(rune('a'+i))
		w.t = t // providers stay to the end: another one at the same port would be the same issuer
		x := w.tenant(slug, slug+".example")
		t.Run(test.name, func(t *testing.T) {
			w.t = t
			x.both("sub-alice", "alice@"+slug+".example")
			x.script("", test.fault)
			at, page := w.start(w.browser(), url.Values{"email": {"alice@" + slug + ".example"}})
			if at != "" || page.status != http.StatusServiceUnavailable {
				t.Errorf("it started: %d %q", page.status, at)
			}
			x.script("")
			w.ledger.Advance(5 * time.Second) // for which a failure is remembered
			if done := w.signIn(w.browser(), "alice@"+slug+".example"); done.status != http.StatusSeeOther {
				t.Errorf("after it was mended: %d", done.status)
			}
		})
	}
}

// TestAttack42: tokens that name unknown keys do not make us fetch keys.
func TestAttack42_unknownKeys(t *testing.T) {
	w := newWorld(t, false)
	acme := w.tenant("acme", "acme.example")
	acme.both("sub-alice", "alice@acme.example")
	w.signIn(w.browser(), "alice@acme.example")
	acme.provider.ResetRequests()
	acme.script("", oidctest.KidUnknown)
	for range 10 {
		if done := w.signIn(w.browser(), "alice@acme.example"); done.status == http.StatusSeeOther {
			t.Fatal("an unknown key signed somebody in")
		}
	}
	if n := acme.provider.Count(oidctest.EndpointKeys); n != 1 {
		t.Errorf("keys were fetched %d times", n)
	}
}

// TestAttack43: keys change or cannot be fetched.
func TestAttack43_keysChangeOrFail(t *testing.T) {
	w := newWorld(t, false)
	acme := w.tenant("acme", "acme.example")
	acme.both("sub-alice", "alice@acme.example")
	signsIn := func(when string) {
		t.Helper()
		if done := w.signIn(w.browser(), "alice@acme.example"); done.status != http.StatusSeeOther {
			t.Errorf("%s: %d %v", when, done.status, w.logs.last("sign-in refused"))
		}
	}
	signsIn("at first")
	if err := acme.provider.Rotate(); err != nil {
		t.Fatal(err)
	}
	signsIn("right after a rotation")
	acme.script("", oidctest.KeysFail, oidctest.DiscoveryFails)
	w.ledger.Advance(25 * time.Hour)
	signsIn("while nothing can be fetched")
	w.ledger.Advance(73 * time.Hour)
	if done := w.signIn(w.browser(), "alice@acme.example"); done.status != http.StatusServiceUnavailable {
		t.Errorf("with keys of four days ago: %d", done.status)
	}
	acme.script("")
	w.ledger.Advance(5 * time.Second) // for which a failure is remembered
	signsIn("when it is back")
	acme.provider.ResetRequests()
	signsIn("again")
	if acme.provider.Count(oidctest.EndpointKeys)+acme.provider.Count(oidctest.EndpointDiscovery) != 0 {
		t.Error("documents are fetched for each sign-in")
	}
}
