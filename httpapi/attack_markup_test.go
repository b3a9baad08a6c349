package httpapi_test

import (
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"domicile/oidc"
	"domicile/oidc/oidctest"
)

// strict checks that a page lets nothing run that it did not bring from us, whatever is on it, and can be framed by nobody.
func (w *world) strict(a visit, what string, scripted bool) {
	w.t.Helper()
	policy := map[string]string{}
	for directive := range strings.SplitSeq(a.header.Get("Content-Security-Policy"), ";") {
		name, sources, _ := strings.Cut(strings.TrimSpace(directive), " ")
		if _, twice := policy[name]; twice {
			w.t.Errorf("%s: %s twice", what, name)
		}
		policy[name] = sources
	}
	want := map[string]string{
		"default-src": "'none'", "style-src": "'self'", "img-src": "'self'", "form-action": "'self' https:", "frame-ancestors": "'none'", "base-uri": "'none'",
	}
	if w.dev {
		want["form-action"] += " http:"
	}
	if scripted {
		want["script-src"] = "'self'"
	}
	for name, sources := range want {
		if policy[name] != sources {
			w.t.Errorf("%s: %s is %q, want %q", what, name, policy[name], sources)
		}
	}
	if len(policy) != len(want) {
		w.t.Errorf("%s: policy %v", what, policy)
	}
	if a.header.Get("X-Content-Type-Options") != "nosniff" || a.header.Get("X-Frame-Options") != "DENY" ||
		!strings.HasPrefix(a.header.Get("Content-Type"), "text/html; charset=utf-8") {
		w.t.Errorf("%s: headers %v", what, a.header)
	}
}

// TestAttack48_claimsOnPages: a provider's newcomer is called what their claim says, markup and all: the page shows it as text. It
// would not run if it did not.
func TestAttack48_claimsOnPages(t *testing.T) {
	w := newWorld(t, false)
	acme := w.tenant("acme", "acme.example")
	acme.settings.JustInTime = true
	acme.connect(true)
	for i, name := range []string{
		`<img src=x onerror=alert(1)>`, `</h1><script>alert(1)</script>`, `"><svg/onload=alert(1)>`, `{{.Frame}}`, `<!--`, `&lt;b&gt;`,
		"<b>\u202e bidi</b>",
	} {
		subject := "sub-" + string(rune('a'+i))
		email := subject + "@acme.example"
		acme.person(subject, email, map[string]any{"name": name})
		b := w.browser()
		if done := w.signIn(b, email); done.status != http.StatusSeeOther {
			t.Fatalf("%q: %d %v", name, done.status, w.logs.last("sign-in refused"))
		}
		home := w.get(b, "/")
		shown := strings.ReplaceAll(name, "\u202e", "") // what turns text around is not taken on
		if home.status != http.StatusOK || !strings.Contains(home.body, "<h1>"+html.EscapeString(shown)+"</h1>") {
			t.Errorf("%q is not shown as it is: %d\n%s", name, home.status, home.body)
		}
		w.strict(home, "home", false)
		if a := w.get(b, "/api/v1/session"); !strings.HasPrefix(a.header.Get("Content-Type"), "application/json") ||
			a.header.Get("X-Content-Type-Options") != "nosniff" || strings.ContainsAny(a.body, "<>") {
			t.Errorf("session: %v\n%s", a.header, a.body)
		}
	}
	markup := url.QueryEscape(`"><script>alert(1)</script>`)
	stranger := w.browser()
	for _, path := range []string{
		"/login", "/login/acme", "/login/" + markup, "/login?return_to=" + markup, "/login?error=" + markup, "/logout", "/" + markup,
		"/signin-oidc/" + markup + "?state=" + markup + "&error=" + markup, "/signin-oidc?error_description=" + markup,
	} {
		page := w.get(stranger, path)
		w.strict(page, path, false)
		if strings.Contains(page.body, "<script") {
			t.Errorf("%s:\n%s", path, page.body)
		}
	}
	acme.script("", oidctest.ResponseError)
	b := w.browser()
	callback := w.callback(b, "sub-a@acme.example", "/")
	page := w.get(b, callback)
	w.refused(b, page, oidc.ReasonProviderRefused)
	w.strict(page, "the provider's error", false)
	if told := mustURL(t, callback).Query().Get("error_description"); !strings.Contains(told, "<script>") ||
		slices.ContainsFunc(strings.FieldsFunc(told, func(r rune) bool { return strings.ContainsRune("<>/", r) }), func(part string) bool {
			return len(part) > 6 && strings.Contains(page.body, part)
		}) {
		t.Errorf("the provider said %q:\n%s", told, page.body)
	}
}
