package httpapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// The sign-in begins at the host of the sign-in page, whichever name of ours somebody came by, with what the address said.
func TestSignIn_byAnotherName(t *testing.T) {
	p := newParlour(t)
	for path, want := range map[string]string{
		"/login":                           "/login",
		"/login?return_to=%2Fx":            "/login?return_to=%2Fx",
		"/login?return_to=%2F%2Fevil":      "/login",
		"/login?iss=https%3A%2F%2Fidp&z=1": "/login?iss=https%3A%2F%2Fidp&z=1",
		"/login/acme?login_hint=ada":       "/login/acme?login_hint=ada",
		"/login/%2F%2Fevil.example":        "/login/%2F%2Fevil.example",
		"/login/initiate/nowhere?iss=x":    "/login/initiate/nowhere?iss=x",
		"/login/local?organization=acme":   "/login/local?organization=acme",
		"/login/emergency":                 "/login/emergency",
	} {
		b := p.browser()
		a := p.get(b, p.server.URL+path)
		if a.status != http.StatusSeeOther || a.header.Get("Location") != p.origin()+want {
			t.Errorf("%s: %d to %q", path, a.status, a.header.Get("Location"))
		}
		if a := p.get(b, p.origin()+want); a.status == http.StatusSeeOther {
			t.Errorf("%s: %d to %q", want, a.status, a.header.Get("Location"))
		}
	}
	// Behind a proxy that puts a name of its own into Host, the browser comes back at once, and is served.
	b := p.browser()
	headers := map[string]string{"Host": "backend.internal:8443"}
	first := p.forge(b, http.MethodGet, "/login", nil, headers)
	if first.status != http.StatusSeeOther || first.header.Get("Location") != p.origin()+"/login" {
		t.Errorf("%d to %q", first.status, first.header.Get("Location"))
	}
	p.says(p.forge(b, http.MethodGet, "/login", nil, headers), http.StatusOK, "Work e-mail")
}

// Where a form is posted to, whoever asks for the address alone is led to the page that has the form.
func TestSignIn_postedPagesAgain(t *testing.T) {
	p := newParlour(t)
	for path, want := range map[string]string{
		"/login/start?return_to=%2Fx":                       "/login?return_to=%2Fx",
		"/login/local/mail":                                 "/login/local",
		"/login/local/mail?organization=acme&return_to=%2F": "/login/local?organization=acme",
		"/login/local/passkey?return_to=https%3A%2F%2Fevil": "/login/local",
		"/login/emergency/recovery":                         "/login/emergency",
		"/login/emergency/passkey":                          "/login/emergency",
		"/login/setup/token/passkey":                        "/login/setup/token",
		"/login/setup/%2F%2Fevil/codes":                     "/login/setup/%2F%2Fevil",
		"/account/keys/passkey":                             "/account/keys",
		"/account/keys/remove":                              "/account/keys",
		"/account/keys/codes":                               "/account/keys",
	} {
		p.leads(p.open(p.browser(), path), want)
	}
}

// Whoever signs in at an identity provider with an account that has no access yet can try another one, and the application's
// request still waits.
func TestApps_notProvisioned(t *testing.T) {
	s := newShop(t, false)
	s.tenant.person("eve", "eve@acme.example", nil)
	b := s.browser()
	way := s.waits(b)
	at, _ := s.start(b, url.Values{"email": {"eve@acme.example"}, "return_to": {way}})
	page := s.get(b, s.authorize(b, at, "eve@acme.example"))
	again := "/login?return_to=" + url.QueryEscape(way)
	if page.status != http.StatusForbidden || !strings.Contains(page.body, `href="`+again+`"`) ||
		!strings.Contains(page.body, "Back to the application") {
		t.Fatalf("%d\n%s", page.status, page.body)
	}
	if form := s.get(b, again); !strings.Contains(form.body, `name="return_to" value="`+way+`"`) {
		t.Errorf("%d\n%s", form.status, form.body)
	}
	s.sends(b, way)
}

// Who signed in without an identity provider hears of none when signing out.
func TestLogout_withoutProvider(t *testing.T) {
	p := newParlour(t)
	b := p.browser()
	key := p.key()
	p.enrol(rootAddress, key)
	p.leads(p.show(b, "/login/local", key), "/")
	bye := p.post(b, "/logout", nil)
	p.leads(bye, "/logout?alone")
	page := p.open(b, "/logout?alone")
	p.says(page, http.StatusOK, "Your session has ended here.")
	if strings.Contains(page.body, "identity provider") {
		t.Errorf("%s", page.body)
	}
	p.says(p.open(p.browser(), "/logout"), http.StatusOK, "identity provider")
}

// The names of parameters stay as they are written.
func TestPages_parameterNames(t *testing.T) {
	s := newShop(t, false)
	a := s.get(s.browser(), s.asking("redirect_uri", "https://evil.example/"))
	if !strings.Contains(a.body, "redirect_uri is not one of") {
		t.Errorf("%d\n%s", a.status, a.body)
	}
}
