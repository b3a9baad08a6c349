package httpapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"domicile/apps"
	"domicile/oidc"
	"domicile/oidc/oidctest"
)

// leaving is a shop whose provider takes people back, a browser in it, and its ID token.
func leaving(t *testing.T) (s *shop, b *oidctest.Browser, hint string) {
	t.Helper()
	s = newShop(t, false)
	s.tellsOfLogouts()
	b = s.enter(buyer)
	_, hint = s.buy(s.code(b))
	return s, b, hint
}

// farewell is the path of a logout request with a place to go to, but for the pairs.
func farewell(hint string, pairs ...string) string {
	return apps.PathLogout + "?" + altered(url.Values{
		"id_token_hint": {hint}, "post_logout_redirect_uri": {shopBye}, "state": {"a&b"},
	}, pairs...).Encode()
}

// departs checks that an answer leads to the provider's logout, with the session over here on both nodes.
func (s *shop) departs(b *oidctest.Browser, a visit) *url.URL {
	s.world.t.Helper()
	at := mustURL(s.world.t, a.header.Get("Location"))
	query := at.Query()
	if a.status != http.StatusSeeOther || !strings.HasPrefix(at.String(), s.provider.Issuer()+"/logout?") ||
		query.Get("post_logout_redirect_uri") != s.server.URL+oidc.PathSignedOut || query.Get("client_id") != "client-acme" ||
		strings.Count(query.Get("id_token_hint"), ".") != 2 || len(query.Get("state")) < 43 {
		s.world.t.Fatalf("%d to %s\n%s", a.status, at, a.body)
	}
	s.holds(b, false)
	return at
}

// backFrom walks the provider's logout, and gives what the browser is answered when it is back.
func (s *shop) backFrom(b *oidctest.Browser, at *url.URL) visit {
	s.world.t.Helper()
	b.StopAt = func(u *url.URL) bool { return u.Path == oidc.PathSignedOut }
	resp, _, err := b.SignIn(s.world.t.Context(), at.String(), "", "")
	b.StopAt = nil
	if err != nil {
		s.world.t.Fatal(err)
	}
	s.turn.Store(1)
	defer s.turn.Store(0)
	return s.get(b, resp.Header.Get("Location"))
}

// TestApps_logoutAtProvider: a logout that an application begins goes on to the provider, and comes back, at any node, to the
// application with its state.
func TestApps_logoutAtProvider(t *testing.T) {
	s, b, hint := leaving(t)
	a := s.backFrom(b, s.departs(b, s.get(b, farewell(hint))))
	if a.status != http.StatusSeeOther || a.header.Get("Location") != shopBye+"&state=a%26b" {
		t.Errorf("back: %d to %q", a.status, a.header.Get("Location"))
	}
	for _, name := range []string{"domicile_goodbye", "domicile_logout", "domicile_hint", "domicile_session"} {
		if left := s.cookies(b, name); len(left) != 0 {
			t.Errorf("cookies are left: %v", left)
		}
	}
	// The provider's own session is over: it asks for the password.
	at, _ := s.start(b, url.Values{"email": {buyer}})
	if page, _, err := b.SignIn(t.Context(), at, buyer, "wrong"); err != nil || page.StatusCode != http.StatusUnauthorized {
		t.Errorf("the provider answers %v, %v", page, err)
	}
}

// TestApps_logoutConfirmed: so does one that the person confirms; and without an address of the application it ends here.
func TestApps_logoutConfirmed(t *testing.T) {
	s, b, _ := leaving(t)
	answer := url.Values{"confirm": {"yes"}, "client_id": {"shop"}, "post_logout_redirect_uri": {shopBye}}
	a := s.backFrom(b, s.departs(b, s.do(b, http.MethodPost, apps.PathLogout, answer)))
	if a.status != http.StatusSeeOther || a.header.Get("Location") != shopBye {
		t.Errorf("back: %d to %q", a.status, a.header.Get("Location"))
	}
	s, b, hint := leaving(t)
	a = s.backFrom(b, s.departs(b, s.get(b, farewell(hint, "post_logout_redirect_uri", ""))))
	if a.status != http.StatusOK || !strings.Contains(a.body, "You are signed out") {
		t.Errorf("back: %d to %q\n%s", a.status, a.header.Get("Location"), a.body)
	}
}

// TestApps_logoutReturns: a provider that leaves our state out is no obstacle; the state of another logout, a cookie that is not
// ours, and one that is left from before lead nowhere.
func TestApps_logoutReturns(t *testing.T) {
	t.Run("no state", func(t *testing.T) {
		s, b, hint := leaving(t)
		s.departs(b, s.get(b, farewell(hint)))
		if a := s.get(b, oidc.PathSignedOut); a.header.Get("Location") != shopBye+"&state=a%26b" {
			t.Errorf("%d to %q", a.status, a.header.Get("Location"))
		}
		if a := s.get(b, oidc.PathSignedOut); a.status != http.StatusOK || a.header.Get("Location") != "" {
			t.Errorf("again: %d to %q", a.status, a.header.Get("Location"))
		}
	})
	t.Run("other state", func(t *testing.T) {
		s, b, hint := leaving(t)
		s.departs(b, s.get(b, farewell(hint)))
		if a := s.get(b, oidc.PathSignedOut+"?state=other"); a.status != http.StatusOK || a.header.Get("Location") != "" {
			t.Errorf("%d to %q", a.status, a.header.Get("Location"))
		}
	})
	t.Run("planted", func(t *testing.T) {
		s, b, _ := leaving(t)
		b.SetCookies(s.appURL(), []*http.Cookie{{Name: "__Host-domicile_goodbye", Value: shopBye, Path: "/", Secure: true}})
		if a := s.get(b, oidc.PathSignedOut); a.status != http.StatusOK || a.header.Get("Location") != "" {
			t.Errorf("%d to %q", a.status, a.header.Get("Location"))
		}
	})
	t.Run("left from before", func(t *testing.T) {
		s, b, hint := leaving(t)
		s.departs(b, s.get(b, farewell(hint))) // and never comes back
		at, _ := s.start(b, url.Values{"email": {buyer}})
		if a := s.get(b, s.authorize(b, at, buyer)); a.status != http.StatusSeeOther {
			t.Fatalf("the next sign-in: %d", a.status)
		}
		a := s.backFrom(b, s.departs(b, s.do(b, http.MethodPost, "/logout", nil)))
		if a.status != http.StatusOK || a.header.Get("Location") != "" {
			t.Errorf("the person's own logout: %d to %q", a.status, a.header.Get("Location"))
		}
	})
}

// TestApps_logoutWithoutProvider: where the provider has no logout, or cannot be asked, the browser goes to the application at
// once; so does one whose way there fits no cookie.
func TestApps_logoutWithoutProvider(t *testing.T) {
	straight := func(s *shop, b *oidctest.Browser, hint string) {
		t.Helper()
		a := s.get(b, farewell(hint))
		if a.status != http.StatusSeeOther || a.header.Get("Location") != shopBye+"&state=a%26b" {
			t.Errorf("%d to %q", a.status, a.header.Get("Location"))
		}
		s.holds(b, false)
	}
	s := newShop(t, false)
	s.script("", oidctest.EndSessionNotAnnounced)
	b := s.enter(buyer)
	_, hint := s.buy(s.code(b))
	straight(s, b, hint)

	s, b, hint = leaving(t)
	s.provider.Close()
	s.nodes[0] = s.node() // it has no document yet
	straight(s, b, hint)

	s, b, hint = leaving(t)
	far := "https://shop.example/" + strings.Repeat("p", 1900)
	s.register("shop", shopSecret, "", far)
	a := s.get(b, farewell(hint, "post_logout_redirect_uri", far, "state", strings.Repeat("s", 2000)))
	if !strings.HasPrefix(a.header.Get("Location"), far+"?state=sss") {
		t.Errorf("%d to %q\n%s", a.status, a.header.Get("Location"), a.body)
	}
	s.holds(b, false)
}
