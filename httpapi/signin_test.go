package httpapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/oidc"
	"domicile/oidc/oidctest"
)

func TestSignIn(t *testing.T) {
	for name, dev := range map[string]bool{"https": false, "dev": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, dev)
			acme := w.tenant("acme", "acme.example")
			id := acme.both("sub-alice", "alice@acme.example")
			b := w.browser()
			done := w.get(b, w.callback(b, "alice@acme.example", "/projects?tab=1"))
			if done.status != http.StatusSeeOther || done.header.Get("Location") != "/projects?tab=1" {
				t.Fatalf("callback: %d to %q\n%s", done.status, done.header.Get("Location"), done.body)
			}
			status, session := w.session(b)
			user, _ := session["user"].(map[string]any)
			organization, _ := session["organization"].(map[string]any)
			if status != http.StatusOK || user["id"] != string(id) || user["userName"] != "alice@acme.example" ||
				user["email"] != "alice@acme.example" || organization["slug"] != "acme" || session["region"] != testRegion {
				t.Errorf("session: %d %v", status, session)
			}
			expires, err := time.Parse(time.RFC3339, session["expires_at"].(string))
			if err != nil || expires.Sub(w.ledger.Now()) > 12*time.Hour || expires.Sub(w.ledger.Now()) < 12*time.Hour-time.Minute {
				t.Errorf("expires_at %v: %v", session["expires_at"], err)
			}
			if home := w.get(b, "/"); home.status != http.StatusOK || !strings.Contains(home.body, "Person &lt;alice@acme.example&gt;") {
				t.Errorf("home: %d\n%s", home.status, home.body)
			}
			if tx := w.cookies(b, "domicile_tx_"); len(tx) != 0 {
				t.Errorf("transaction cookies are left: %v", tx)
			}
		})
	}
}

func TestSignIn_startAndFinishOnDifferentNodes(t *testing.T) {
	w := newWorld(t, false)
	w.tenant("acme", "acme.example").both("sub-alice", "alice@acme.example")
	b := w.browser()
	callback := w.callback(b, "alice@acme.example", "/")
	w.turn.Store(1)
	if done := w.get(b, callback); done.status != http.StatusSeeOther {
		t.Fatalf("callback on the other node: %d\n%s", done.status, done.body)
	}
	w.turn.Store(0)
	if status, _ := w.session(b); status != http.StatusOK {
		t.Errorf("session on the first node: %d", status)
	}
}

func TestSignIn_cookies(t *testing.T) {
	w := newWorld(t, false)
	w.tenant("acme", "acme.example").both("sub-alice", "alice@acme.example")
	b := w.browser()
	at, page := w.start(b, url.Values{"email": {"alice@acme.example"}})
	done := w.get(b, w.authorize(b, at, "alice@acme.example"))
	seen, ages := 0, make(map[string][]int)
	for _, header := range append(page.header.Values("Set-Cookie"), done.header.Values("Set-Cookie")...) {
		c, err := http.ParseSetCookie(header)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
			t.Errorf("cookie %s", header)
		}
		seen++
		ages[c.Name] = append(ages[c.Name], c.MaxAge)
	}
	for name, age := range ages { // a browser drops a cookie that comes under the same name, path and prefix with Max-Age=0
		if dropped := len(age) == 2 && age[0] > 0 && age[1] < 0; dropped != strings.Contains(name, "domicile_tx_") {
			t.Errorf("%s is set with Max-Age %v", name, age)
		}
	}
	if seen != 5 { // transaction, region, its deletion, session, logout hint
		t.Errorf("%d cookies set", seen)
	}
	for _, a := range []visit{page, done} {
		h := a.header
		if h.Get("Cache-Control") != "no-store" || h.Get("Referrer-Policy") != "no-referrer" || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("headers %v", h)
		}
	}
	policy := page.header.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "script") {
		t.Errorf("policy %q", policy)
	}
	if strings.Contains(page.body, "<script") || strings.Contains(page.body, "style=") {
		t.Errorf("inline script or style:\n%s", page.body)
	}
	remembered := w.cookies(b, "domicile_region")
	if len(remembered) != 1 || remembered[0].Value != testRegion {
		t.Errorf("region cookie %v", remembered)
	}
}

// TestSignIn_again: a callback that comes a second time opens no session and closes none, and says so kindly: to go on where
// somebody is signed in, and to start again where nobody is, because the first answer was lost.
func TestSignIn_again(t *testing.T) {
	for name, dev := range map[string]bool{"https": false, "dev": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, dev)
			acme := w.tenant("acme", "acme.example")
			acme.both("sub-alice", "alice@acme.example")
			b, late := w.browser(), w.browser()
			callback := w.callback(b, "alice@acme.example", "/")
			late.SetCookies(w.appURL(), w.cookies(b, "domicile_tx_")) // reloads before the answer has come
			if done := w.get(b, callback); done.status != http.StatusSeeOther {
				t.Fatalf("callback: %d", done.status)
			}
			session := w.cookies(b, "domicile_session")[0].Value
			w.turn.Store(1)
			for _, test := range []struct {
				browser         *oidctest.Browser
				heading, action string
			}{
				{b, "This sign-in was finished already", `href="/">Continue`},
				{late, "This sign-in has expired", `name="connection" value="` + string(acme.connection) + `"`},
			} {
				page := w.get(test.browser, callback)
				if page.status != http.StatusBadRequest || !strings.Contains(page.body, test.heading) ||
					!strings.Contains(page.body, test.action) || strings.Contains(page.body, "<form") != (test.browser == late) {
					t.Errorf("%s: %d\n%s", test.heading, page.status, page.body)
				}
				if left := w.cookies(test.browser, "domicile_tx_"); len(left) != 0 {
					t.Errorf("%s: the browser keeps %v", test.heading, left)
				}
			}
			if status, _ := w.session(b); status != http.StatusOK || w.cookies(b, "domicile_session")[0].Value != session {
				t.Errorf("the session that was there answers %d, or is another one", status)
			}
			if status, _ := w.session(late); status != http.StatusUnauthorized {
				t.Errorf("the second one has a session: %d", status)
			}
			if n := acme.provider.Count(oidctest.EndpointToken); n != 1 {
				t.Errorf("%d codes were sent to the provider", n)
			}
			if page := w.get(w.browser(), callback); !strings.Contains(page.body, "This sign-in has expired") {
				t.Errorf("another browser is told\n%s", page.body)
			}
		})
	}
}

func TestSignIn_parallelTabs(t *testing.T) {
	w := newWorld(t, false)
	w.tenant("acme", "acme.example").both("sub-alice", "alice@acme.example")
	b := w.browser()
	first := w.callback(b, "alice@acme.example", "/first")
	second := w.callback(b, "alice@acme.example", "/second")
	for target, callback := range map[string]string{"/first": first, "/second": second} {
		if done := w.get(b, callback); done.header.Get("Location") != target {
			t.Errorf("%d to %q, want %q", done.status, done.header.Get("Location"), target)
		}
	}
	for range 9 {
		w.start(b, url.Values{"email": {"alice@acme.example"}})
		w.ledger.Advance(time.Second)
	}
	if n := len(w.cookies(b, "domicile_tx_")); n != 5 {
		t.Errorf("%d transactions are kept", n)
	}
}

func TestSignIn_organizationLink(t *testing.T) {
	w := newWorld(t, false)
	acme := w.tenant("acme", "acme.example")
	acme.both("sub-alice", "alice@acme.example")
	b := w.browser()
	page := w.get(b, "/login/acme")
	if page.status != http.StatusOK || !strings.Contains(page.body, "Org acme") ||
		!strings.Contains(page.body, `href="https://us.example/login/acme"`) {
		t.Errorf("%d\n%s", page.status, page.body)
	}
	at, _ := w.start(b, url.Values{"organization": {"Acme"}})
	if at == "" {
		t.Fatal("the organization's link does not start a sign-in")
	}
	if done := w.get(b, w.authorize(b, at, "alice@acme.example")); done.status != http.StatusSeeOther {
		t.Errorf("callback: %d", done.status)
	}
	if page := w.get(b, "/login/nobody"); page.status != http.StatusNotFound || strings.Contains(page.body, "nobody") {
		t.Errorf("unknown organization: %d\n%s", page.status, page.body)
	}
	acme.connect(false)
	if page := w.get(b, "/login/acme"); page.status != http.StatusNotFound {
		t.Errorf("organization without a connection: %d", page.status)
	}
}

// TestSignIn_plan: an organization whose plan lacks sign-in starts none, and finishes none that was under way.
func TestSignIn_plan(t *testing.T) {
	w := newWorld(t, false)
	w.tenant("acme", "acme.example").both("sub-alice", "alice@acme.example")
	b := w.browser()
	callback := w.callback(b, "alice@acme.example", "/")
	plans := command.SettingsFields{Plans: []directory.Plan{{Name: "free"}}, DefaultPlan: "free"}
	w.ledger.Must("", &command.PutSettings{SettingsFields: plans})
	w.refused(b, w.get(b, callback), oidc.ReasonPlan)
	if at, page := w.start(w.browser(), url.Values{"email": {"alice@acme.example"}}); at != "" ||
		page.status != http.StatusForbidden || !strings.Contains(page.body, "plan") {
		t.Errorf("start: %d %q\n%s", page.status, at, page.body)
	}
	if page := w.get(w.browser(), "/login/acme"); page.status != http.StatusNotFound {
		t.Errorf("the organization's link: %d", page.status)
	}
}

// TestSignIn_regions: other regions are plain links that carry nothing that was typed or asked for here.
func TestSignIn_regions(t *testing.T) {
	w := newWorld(t, false)
	page := w.get(w.browser(), "/login?return_to=/secret&email=alice@acme.example")
	if !strings.Contains(page.body, `href="https://us.example/login"`) || strings.Contains(page.body, "alice") {
		t.Errorf("page:\n%s", page.body)
	}
	if !strings.Contains(page.body, `name="return_to" value="/secret"`) {
		t.Errorf("return_to is lost:\n%s", page.body)
	}
}

// TestSignIn_knownAndUnknownPeople: home realm discovery must not tell who exists.
func TestSignIn_knownAndUnknownPeople(t *testing.T) {
	w := newWorld(t, false)
	w.tenant("acme", "acme.example").both("sub-alice", "alice@acme.example")
	known, first := w.start(w.browser(), url.Values{"email": {"alice@acme.example"}})
	unknown, second := w.start(w.browser(), url.Values{"email": {"nobody@acme.example"}})
	if known == "" || unknown == "" || first.status != second.status {
		t.Errorf("%d %q and %d %q", first.status, known, second.status, unknown)
	}
	if hint, err := url.Parse(known); err != nil || hint.Query().Get("login_hint") != "alice@acme.example" {
		t.Errorf("no login_hint in %q", known)
	}
	if at, page := w.start(w.browser(), url.Values{"email": {"alice@elsewhere.example"}}); at != "" || page.status != http.StatusNotFound ||
		strings.Contains(page.body, "alice") {
		t.Errorf("unknown domain: %d %q\n%s", page.status, at, page.body)
	}
}

func TestSignIn_tokenFromUserinfo(t *testing.T) {
	w := newWorld(t, false)
	acme := w.tenant("acme", "acme.example")
	acme.both("sub-alice", "alice@acme.example")
	acme.script("", oidctest.ThinToken)
	if done := w.signIn(w.browser(), "alice@acme.example"); done.status != http.StatusSeeOther {
		t.Fatalf("callback: %d\n%s", done.status, done.body)
	}
	if acme.provider.Count(oidctest.EndpointUserinfo) != 1 {
		t.Error("userinfo was not asked")
	}
}

func TestDeactivation_endsSessionsAtOnce(t *testing.T) {
	w := newWorld(t, false)
	acme := w.tenant("acme", "acme.example")
	id := acme.both("sub-alice", "alice@acme.example")
	b := w.browser()
	w.signIn(b, "alice@acme.example")
	acme.propose(&command.ReplaceUser{ID: id, UserFields: fields("alice@acme.example", false, "alice@acme.example")})
	for node := range w.nodes {
		w.turn.Store(int64(node))
		if status, _ := w.session(b); status != http.StatusUnauthorized {
			t.Errorf("node %d answers %d", node, status)
		}
	}
	if home := w.get(b, "/"); home.status != http.StatusSeeOther || home.header.Get("Location") != "/login" {
		t.Errorf("home: %d", home.status)
	}
}

func TestSession_expires(t *testing.T) {
	w := newWorld(t, false)
	w.tenant("acme", "acme.example").both("sub-alice", "alice@acme.example")
	b := w.browser()
	w.signIn(b, "alice@acme.example")
	w.ledger.Advance(12*time.Hour + time.Second)
	if status, _ := w.session(b); status != http.StatusUnauthorized {
		t.Errorf("after 12 hours: %d", status)
	}
}

// TestSession_cutOff: a node that cannot know answers 503, never 401, and keeps the cookie.
func TestSession_cutOff(t *testing.T) {
	w := newWorld(t, false)
	w.tenant("acme", "acme.example").both("sub-alice", "alice@acme.example")
	b := w.browser()
	w.signIn(b, "alice@acme.example")
	late := w.callback(b, "alice@acme.example", "/")
	w.ledger.Cut(true)
	api := w.get(b, "/api/v1/session")
	if api.status != http.StatusServiceUnavailable || api.header.Get("Retry-After") == "" ||
		api.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("session: %d %v", api.status, api.header)
	}
	if home := w.get(b, "/"); home.status != http.StatusServiceUnavailable || home.header.Get("Refresh") == "" {
		t.Errorf("home: %d %v", home.status, home.header)
	}
	for _, a := range []visit{
		w.get(b, late),
		w.do(b, http.MethodPost, "/logout", nil),
		w.do(b, http.MethodPost, "/login/start", url.Values{"email": {"alice@acme.example"}}),
	} {
		if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
			t.Errorf("%d %v", a.status, a.header)
		}
	}
	w.ledger.Cut(false)
	if status, _ := w.session(b); status != http.StatusOK {
		t.Errorf("after the cut: %d", status)
	}
	if done := w.get(b, late); done.status != http.StatusSeeOther {
		t.Errorf("the callback once more: %d", done.status)
	}
}

func TestLogout(t *testing.T) {
	w := newWorld(t, false)
	w.tenant("acme", "acme.example").both("sub-alice", "alice@acme.example")
	b := w.browser()
	w.signIn(b, "alice@acme.example")
	stolen := w.browser()
	stolen.SetCookies(w.appURL(), w.cookies(b, "domicile_session"))
	if page := w.get(b, "/logout"); page.status != http.StatusOK || !strings.Contains(page.body, `action="/logout"`) {
		t.Errorf("question: %d\n%s", page.status, page.body)
	}
	if status, _ := w.session(b); status != http.StatusOK {
		t.Fatal("a GET signed out")
	}
	if a := w.do(b, http.MethodPost, "/logout", nil); a.status != http.StatusSeeOther {
		t.Fatalf("logout: %d", a.status)
	}
	if page := w.get(b, "/logout"); !strings.Contains(page.body, "You are signed out") {
		t.Errorf("afterwards:\n%s", page.body)
	}
	if len(w.cookies(b, "domicile_session")) != 0 {
		t.Error("the session cookie is left")
	}
	if status, _ := w.session(stolen); status != http.StatusUnauthorized {
		t.Errorf("a copy of the cookie still answers %d", status)
	}
}

func TestForms_crossSite(t *testing.T) {
	w := newWorld(t, false)
	w.tenant("acme", "acme.example").both("sub-alice", "alice@acme.example")
	b := w.browser()
	w.signIn(b, "alice@acme.example")
	for _, path := range []string{"/logout", "/login/start"} {
		for _, header := range [][]string{
			{"Sec-Fetch-Site", "cross-site"},
			{"Sec-Fetch-Site", "same-site"},
			{"Sec-Fetch-Site", "", "Origin", "https://evil.example"},
			{"Sec-Fetch-Site", "", "Origin", "null"},
		} {
			a := w.do(b, http.MethodPost, path, url.Values{"email": {"alice@acme.example"}}, header...)
			if a.status != http.StatusForbidden || len(a.header.Values("Set-Cookie")) != 0 {
				t.Errorf("%s with %q: %d", path, header, a.status)
			}
		}
	}
	if status, _ := w.session(b); status != http.StatusOK {
		t.Error("a form of another site signed out")
	}
}

func TestSignIn_logsNameNobody(t *testing.T) {
	w := newWorld(t, false)
	acme := w.tenant("acme", "acme.example")
	acme.both("sub-alice", "alice@acme.example")
	acme.person("sub-mallory", "mallory@acme.example", nil)
	b := w.browser()
	callback := w.callback(b, "alice@acme.example", "/")
	w.get(b, callback)
	w.get(b, callback)
	w.signIn(w.browser(), "mallory@acme.example")
	acme.script("", oidctest.TokenError)
	w.signIn(w.browser(), "alice@acme.example")
	u, err := url.Parse(callback)
	if err != nil {
		t.Fatal(err)
	}
	logs := w.logs.String()
	for _, secret := range []string{
		"alice", "mallory", "acme.example", "client secret", u.Query().Get("code"), u.Query().Get("state"), "dom_eu_", "call +1",
	} {
		if strings.Contains(logs, secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
	if !strings.Contains(logs, "signed in") || !strings.Contains(logs, "not_provisioned") {
		t.Errorf("the log lacks its lines:\n%s", logs)
	}
}

// TestSignIn_latecomer: a person who signs in the moment after being provisioned.
func TestSignIn_latecomer(t *testing.T) {
	w := newWorld(t, false)
	acme := w.tenant("acme", "acme.example")
	acme.person("sub-bob", "bob@acme.example", nil)
	b := w.browser()
	callback := w.callback(b, "bob@acme.example", "/")
	acme.user(directory.SourceSCIM, "bob@acme.example", "bob@acme.example")
	if done := w.get(b, callback); done.status != http.StatusSeeOther {
		t.Errorf("callback: %d", done.status)
	}
}

func TestSignIn_manyAtOnce(t *testing.T) {
	w := newWorld(t, false)
	w.tenant("acme", "acme.example").both("sub-alice", "alice@acme.example")
	var group sync.WaitGroup
	for range 8 {
		b := w.browser()
		callback := w.callback(b, "alice@acme.example", "/")
		group.Go(func() {
			if done := w.get(b, callback); done.status != http.StatusSeeOther {
				t.Errorf("callback: %d", done.status)
			}
		})
	}
	group.Wait()
}

// An application may say who it expects; only what is an address is shown, and it decides nothing.
func TestLogin_hint(t *testing.T) {
	w := newWorld(t, false)
	for hint, want := range map[string]bool{"ada@acme.example": true, "<b>ada</b>": false, "ada": false} {
		page := w.get(w.browser(), w.server.URL+"/login?login_hint="+url.QueryEscape(hint))
		if got := strings.Contains(page.body, `value="ada@acme.example"`); got != want || strings.Contains(page.body, "<b>") {
			t.Errorf("hint %q: shown %t, want %t", hint, got, want)
		}
	}
}
