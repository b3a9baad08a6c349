package httpapi_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"domicile/apps"
	"domicile/directory"
	"domicile/fsm/command"
	"domicile/oidc/oidctest"
	"domicile/seal"
)

// methods that a proxy may ask with.
var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
}

// checkIdentity checks that an answer has every identity header once, and these values.
func (s *shop) checkIdentity(a visit, user, role string) {
	s.world.t.Helper()
	for _, name := range apps.Headers() {
		if values, ok := a.header[name]; !ok || len(values) != 1 || (values[0] != "") != (user != "" && name != apps.HeaderTeams) {
			s.world.t.Errorf("%s is %q", name, values)
		}
	}
	if a.header.Get(apps.HeaderUser) != user || a.header.Get(apps.HeaderRole) != role || a.header.Get("Cache-Control") != "no-store" {
		s.world.t.Errorf("headers %v", a.header)
	}
}

// TestForwardAuth: a proxy learns who it is, whatever the method; 503 when the node cannot know.
func TestForwardAuth(t *testing.T) {
	s := newShop(t, false)
	b := s.enter(buyer)
	for _, method := range methods {
		a := s.do(b, method, apps.PathVerify, nil)
		if a.status != http.StatusOK || a.body != "" || a.header.Get(apps.HeaderStart) != "" {
			t.Errorf("%s: %d %q", method, a.status, a.body)
		}
		s.checkIdentity(a, string(s.person), "member")
		if email, err := url.PathUnescape(a.header.Get(apps.HeaderEmail)); email != buyer || err != nil {
			t.Errorf("e-mail %q, %v", email, err)
		}
		nobody := s.do(s.browser(), method, apps.PathVerify, nil)
		if nobody.status != http.StatusUnauthorized || nobody.header.Get(apps.HeaderStart) != s.server.URL+apps.PathStart {
			t.Errorf("%s: %d, start at %q", method, nobody.status, nobody.header.Get(apps.HeaderStart))
		}
		s.checkIdentity(nobody, "", "")
		if method != http.MethodHead && !strings.Contains(nobody.body, s.server.URL+apps.PathStart) {
			t.Errorf("%s: the page leads nowhere: %s", method, nobody.body)
		}
	}
	s.ledger.Cut(true)
	a := s.get(b, apps.PathVerify)
	if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
		t.Errorf("cut off: %d", a.status)
	}
	s.checkIdentity(a, "", "")
	s.ledger.Cut(false)
	s.deactivate()
	if a := s.get(b, apps.PathVerify); a.status != http.StatusUnauthorized {
		t.Errorf("deactivated: %d", a.status)
	}
}

// TestForwardAuth_breakGlass: an emergency session opens no application, whichever way it asks.
func TestForwardAuth_breakGlass(t *testing.T) {
	s := newShop(t, false)
	d, _ := s.ledger.FSM.View().Directory(s.tenant.id)
	org := d.Organization()
	s.propose(&command.UpdateOrganization{ExpectVersion: org.Version, OrganizationFields: command.OrganizationFields{
		Slug: org.Slug, Name: org.Name, Domains: org.Domains, RootEmail: org.RootEmail, Profile: org.Profile,
		BreakGlass: []string{"fire@acme.example"},
	}})
	token := seal.NewID()
	s.propose(&command.OpenLocalSession{
		ID: directory.SessionID(seal.NewID()), Hash: seal.HashToken(token), Email: "fire@acme.example", User: "root",
		Challenge: seal.HashToken(seal.NewID()), ChallengeExpiry: directory.Time(s.ledger.Now().Add(3600e9).UnixMicro()), Lifetime: 3600e6,
	})
	b := s.browser()
	b.SetCookies(s.appURL(), []*http.Cookie{{Name: "__Host-domicile_session", Value: token, Path: "/", Secure: true}})
	a := s.get(b, apps.PathVerify)
	if a.status != http.StatusForbidden {
		t.Errorf("verify: %d", a.status)
	}
	s.checkIdentity(a, "", "")
	if told := s.told(s.get(b, s.asking())); told.Get("error") != string(apps.CodeAccessDenied) || told.Has("code") {
		t.Errorf("the application is told %v", told)
	}
}

// TestAttack50_forwardAuth: nothing that a client sends besides the session cookie makes a difference: no header that a proxy or a
// probe might send, no path, no query. The answer replaces every identity header, so a proxy that copies it hands on none of a
// client's.
func TestAttack50_forwardAuth(t *testing.T) {
	s := newShop(t, false)
	spoofs := map[string][]string{
		"X-Forwarded-Uri":          {"X-Forwarded-Uri", "/static/style.css"},
		"X-Forwarded-Uri fragment": {"X-Forwarded-Uri", "/admin#/static/"},
		"X-Forwarded-Uri %23":      {"X-Forwarded-Uri", "/admin%23/static/"},
		"X-Forwarded-Uri query":    {"X-Forwarded-Uri", "/admin?/static/style.css"},
		"X-Original-Url":           {"X-Original-Url", "/login"},
		"X-Rewrite-Url":            {"X-Rewrite-Url", "/login"},
		"X-Forwarded-Method":       {"X-Forwarded-Method", "OPTIONS"},
		"X-Http-Method-Override":   {"X-Http-Method-Override", "OPTIONS"},
		"X-Forwarded-Host":         {"X-Forwarded-Host", "evil.example"},
		"X-Forwarded-For":          {"X-Forwarded-For", "127.0.0.1"},
		"X-Real-Ip":                {"X-Real-Ip", "127.0.0.1"},
		"Forwarded":                {"Forwarded", "for=127.0.0.1;host=evil.example"},
		"kube-probe":               {"User-Agent", "kube-probe/1.31"},
		"GoogleHC":                 {"User-Agent", "GoogleHC/1.0"},
		"ELB":                      {"User-Agent", "ELB-HealthChecker/2.0"},
		"X-Forwarded-User":         {"X-Forwarded-User", "root", "X-Forwarded-Email", "root@acme.example"},
		"X_Forwarded_User":         {"X_Forwarded_User", "root"},
		"identity":                 {"X-Auth-User", "root", "X-Auth-Organization-Role", "owner", "X-Auth-Teams", "admins"},
		"identity, underscores":    {"X_Auth_User", "root", "X_Auth_Organization_Role", "owner"},
		"preflight":                {"Origin", "https://evil.example", "Access-Control-Request-Method", "GET"},
		"basic":                    {"Authorization", "Basic cm9vdDpyb290"},
		"operator":                 {"Authorization", "Bearer " + operatorToken},
	}
	paths := []string{
		apps.PathVerify, apps.PathVerify + "/", apps.PathVerify + "/static/style.css", apps.PathVerify + "/healthz?x=/login",
		apps.PathVerify + "/%23/login", apps.PathVerify + "?rd=/static/&allow=1", apps.PathVerify + "/..%2flogin", apps.PathVerify + "/a//b",
	}
	for name, header := range spoofs {
		t.Run(name, func(t *testing.T) {
			s.world.t = t
			for _, method := range methods {
				a := s.do(s.browser(), method, paths[0], nil, header...)
				if a.status != http.StatusUnauthorized || a.header.Get(apps.HeaderStart) != s.server.URL+apps.PathStart {
					t.Errorf("%s: %d, start at %s", method, a.status, a.header.Get(apps.HeaderStart))
				}
				s.checkIdentity(a, "", "")
			}
			b := s.enter(buyer)
			s.checkIdentity(s.do(b, http.MethodGet, paths[0], nil, header...), string(s.person), "member")
		})
	}
	s.world.t = t
	for _, path := range paths {
		for _, method := range methods {
			a := s.do(s.browser(), method, path, nil)
			if a.status != http.StatusUnauthorized {
				t.Errorf("%s %s: %d", method, path, a.status)
			}
			s.checkIdentity(a, "", "")
		}
	}
	s.spoofedCookies()
	s.behindProxy()
}

// spoofedCookies: of the cookies only that with the session's full name counts.
func (s *shop) spoofedCookies() {
	s.world.t.Helper()
	b := s.enter(buyer)
	session := s.cookies(b, "domicile_session")[0]
	for _, name := range []string{"domicile_session", "__Host-Domicile_session", "__host-domicile_session", "__Secure-domicile_session"} {
		a := s.do(s.browser(), http.MethodGet, apps.PathVerify, nil, "Cookie", name+"="+session.Value)
		if a.status != http.StatusUnauthorized {
			s.world.t.Errorf("cookie %s: %d", name, a.status)
		}
	}
	for _, header := range []string{"Authorization", "X-Auth-Session", "X-Session"} {
		a := s.do(s.browser(), http.MethodGet, apps.PathVerify, nil, header, "Bearer "+session.Value)
		if a.status != http.StatusUnauthorized {
			s.world.t.Errorf("the session's token in %s: %d", header, a.status)
		}
	}
}

// behindProxy: what reaches an application behind a proxy that copies our headers, as those of deploy/examples do.
func (s *shop) behindProxy() {
	s.world.t.Helper()
	var reached http.Header
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		question, _ := http.NewRequestWithContext(r.Context(), http.MethodGet, s.server.URL+apps.PathVerify, nil)
		question.Header = r.Header.Clone()
		answer, err := s.server.Client().Do(question)
		if err != nil {
			s.world.t.Error(err)
			return
		}
		answer.Body.Close()
		for _, name := range apps.Headers() {
			r.Header[name] = answer.Header[name]
		}
		reached = r.Header
		w.WriteHeader(answer.StatusCode)
	}))
	defer proxy.Close()
	session := s.cookies(s.enter(buyer), "domicile_session")[0]
	request, err := http.NewRequestWithContext(s.world.t.Context(), http.MethodGet, proxy.URL+"/app/", nil)
	if err != nil {
		s.world.t.Fatal(err)
	}
	request.AddCookie(session)
	for _, name := range apps.Headers() {
		request.Header.Set(name, "spoofed")
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		s.world.t.Fatal(err)
	}
	answer.Body.Close()
	for _, values := range maps.All(reached) {
		if slices.Contains(values, "spoofed") {
			s.world.t.Errorf("a client's header passed: %v", reached)
		}
	}
	if reached.Get(apps.HeaderUser) != string(s.person) {
		s.world.t.Errorf("the application hears of %q", reached.Get(apps.HeaderUser))
	}
}

// TestForwardAuth_start: signing in ends where the person wanted to go, if that is ours or an application's, and else at home.
func TestForwardAuth_start(t *testing.T) {
	s := newShop(t, false)
	signedIn := s.enter(buyer)
	long := "https://shop.example/" + strings.Repeat("x", 600)
	for rd, want := range map[string]string{
		"rd=/app/x":                                   "/app/x",
		"rd=/app/x?a=1&b=2":                           "/app/x?a=1&b=2", // as nginx has it
		"rd=%2Fapp%2Fx%3Fa%3D1%26b%3D2":               "/app/x?a=1&b=2",
		"rd=https://shop.example/y?a=1&b":             "https://shop.example/y?a=1&b",
		"rd=" + url.QueryEscape(long):                 long,
		"rd=" + url.QueryEscape(s.server.URL+"/app/"): s.server.URL + "/app/",
		"":                                         "/",
		"rd=":                                      "/",
		"rd=//evil.example":                        "/",
		"rd=https://evil.example/":                 "/",
		"rd=http://shop.example/":                  "/",
		"rd=https://shop.example:8443/":            "/",
		"rd=https://shop.example@evil.example":     "/",
		"rd=https://shop.example%2eevil.example":   "/",
		"rd=javascript:alert(1)":                   "/",
		"rd=" + url.QueryEscape("/\\evil.example"): "/",
		"rd=" + url.QueryEscape("https://evil.example\r\nX: y"): "/",
		"to=" + "aHR0cHM6Ly9ldmlsLmV4YW1wbGUv":                  "/", // https://evil.example/
		"rd=https://shop.example/" + strings.Repeat("x", 700):   "/",
		"x=1;rd=https://shop.example/":                          "/",
	} {
		a := s.get(signedIn, apps.PathStart+"?"+rd)
		if a.status != http.StatusSeeOther || a.header.Get("Location") != want {
			t.Errorf("%s: signed in, %d to %q, want %q", rd, a.status, a.header.Get("Location"), want)
		}
		b := s.browser()
		a = s.get(b, apps.PathStart+"?"+rd)
		at, err := url.Parse(a.header.Get("Location"))
		if err != nil || a.status != http.StatusSeeOther || at.Path != "/login" {
			t.Fatalf("%s: %d to %q", rd, a.status, at)
		}
		if got := s.walk(b, s.callback(b, buyer, at.Query().Get("return_to"))); got != want {
			t.Errorf("%s: after the sign-in to %q, want %q", rd, got, want)
		}
	}
	a := s.get(s.browser(), apps.PathVerify+"/app/x?a=1&b=2")
	if start := a.header.Get(apps.HeaderStart); start != s.server.URL+apps.PathStart+"?rd="+url.QueryEscape("/app/x?a=1&b=2") {
		t.Errorf("a proxy that puts its path behind ours is sent to %q", start)
	}
	s.ledger.Cut(true)
	if a := s.get(signedIn, apps.PathStart+"?rd=/app/"); a.status != http.StatusServiceUnavailable {
		t.Errorf("cut off: %d", a.status)
	}
}

// walk follows redirects among our own pages, and gives the last address.
func (s *shop) walk(b *oidctest.Browser, address string) string {
	s.world.t.Helper()
	for range 5 {
		location := s.get(b, address).header.Get("Location")
		if !strings.HasPrefix(location, apps.PathStart) {
			return location
		}
		address = location
	}
	return "in circles"
}
