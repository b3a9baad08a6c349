package httpapi_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"domicile/apps"
	"domicile/directory"
	"domicile/oidc/oidctest"
)

// waits asks for a sign-in that the browser's session does not do for, and gives the way back to the request.
func (s *shop) waits(b *oidctest.Browser, pairs ...string) string {
	s.world.t.Helper()
	a := s.get(b, s.asking(pairs...))
	return s.waiting(a)
}

// waiting checks that an answer leads to the sign-in page, and gives the way back to the request that waits.
func (s *shop) waiting(a visit) string {
	s.world.t.Helper()
	at := mustURL(s.world.t, a.header.Get("Location"))
	way := at.Query().Get("return_to")
	if a.status != http.StatusSeeOther || at.Path != "/login" || !strings.HasPrefix(way, apps.PathAuthorize+"?resume=") {
		s.world.t.Fatalf("%d to %s\n%s", a.status, at, a.body)
	}
	return way
}

// sends starts the sign-in that leads to way, and gives the request to the provider.
func (s *shop) sends(b *oidctest.Browser, way string) *url.URL {
	s.world.t.Helper()
	at, page := s.start(b, url.Values{"email": {buyer}, "return_to": {way}})
	if at == "" {
		s.world.t.Fatalf("%d\n%s", page.status, page.body)
	}
	return mustURL(s.world.t, at)
}

// comesBack walks through the provider, and then gives what the resumed request answers.
func (s *shop) comesBack(b *oidctest.Browser, at *url.URL, way string) visit {
	s.world.t.Helper()
	back := s.get(b, s.authorize(b, at.String(), buyer))
	if back.status != http.StatusSeeOther {
		s.world.t.Fatalf("the sign-in ended with %d\n%s", back.status, back.body)
	}
	return s.get(b, way)
}

// authTime buys a code, and gives when the person authenticated.
func (s *shop) authTime(code string) time.Time {
	s.world.t.Helper()
	_, token := s.buy(code)
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		s.world.t.Fatal(err)
	}
	var claims struct {
		AuthTime int64 `json:"auth_time"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		s.world.t.Fatal(err)
	}
	return time.Unix(claims.AuthTime, 0)
}

func (s *shop) isFresh(code string) {
	s.world.t.Helper()
	if age := s.ledger.Now().Sub(s.authTime(code)); age > 5*time.Second || age < -5*time.Second {
		s.world.t.Errorf("the ID token says that the person authenticated %s ago", age)
	}
}

// TestApps_demand: what an application demands of a sign-in reaches the provider, which asks for the password again although it
// knows the person, and the ID token has the new time. Request, sign-in and return are on different nodes.
func TestApps_demand(t *testing.T) {
	for name, test := range map[string]struct {
		own            directory.ConnectionSettings
		pairs          []string
		prompt, maxAge string
	}{
		"prompt=login":               {pairs: []string{"prompt", "login"}, prompt: "login"},
		"max_age":                    {pairs: []string{"max_age", "600"}, maxAge: "600"},
		"max_age=0":                  {pairs: []string{"max_age", "0"}, prompt: "login"},
		"both":                       {pairs: []string{"prompt", "login", "max_age", "600"}, prompt: "login", maxAge: "600"},
		"select_account":             {pairs: []string{"prompt", "select_account"}, prompt: "select_account"},
		"more than the connection":   {directory.ConnectionSettings{Prompt: "select_account", MaxAge: 1800}, []string{"prompt", "login", "max_age", "60"}, "login", "60"},
		"less than the connection":   {directory.ConnectionSettings{Prompt: "login", MaxAge: 30}, []string{"prompt", "select_account", "max_age", "600"}, "login", "30"},
		"nothing, to the connection": {directory.ConnectionSettings{Prompt: "login", MaxAge: 30}, []string{"id_token_hint", ""}, "login", "30"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t, false)
			test.own.AuthMethod = directory.AuthBasic
			s.settings = test.own
			s.connect(true)
			b := s.enter(buyer)
			s.ledger.Advance(time.Hour)
			if name == "nothing, to the connection" { // the application is served at once; somebody else's browser is not
				s.code(b, test.pairs...)
				b = s.browser()
			}
			way := s.waits(b, test.pairs...)
			s.turn.Store(1)
			at := s.sends(b, way)
			if q := at.Query(); q.Get("prompt") != test.prompt || q.Get("max_age") != test.maxAge {
				t.Errorf("the provider is asked with prompt %q, max_age %q", q.Get("prompt"), q.Get("max_age"))
			}
			if hint := at.Query().Get("login_hint"); (hint == "") != (strings.Contains(strings.Join(test.pairs, " "), "select_account")) {
				t.Errorf("login_hint %q", hint)
			}
			s.turn.Store(0)
			s.isFresh(s.told(s.comesBack(b, at, way)).Get("code"))
			if left := s.cookies(b, "domicile_request_"); len(left) != 0 {
				t.Errorf("cookies are left: %v", left)
			}
		})
	}
}

// TestApps_demandMet: a session that does is not ended, and nobody is asked.
func TestApps_demandMet(t *testing.T) {
	s := newShop(t, false)
	b := s.enter(buyer)
	s.ledger.Advance(time.Hour)
	s.code(b, "max_age", "3700")
	s.code(b, "max_age", "3700", "prompt", "none")
	for _, pairs := range [][]string{{"max_age", "3500", "prompt", "none"}, {"max_age", "0", "prompt", "none"}} {
		if told := s.told(s.get(b, s.asking(pairs...))); told.Get("error") != "login_required" {
			t.Errorf("%v: %v", pairs, told)
		}
	}
}

// TestApps_demandTakenAway: whoever takes the demand out of an address, a form or the provider's request gets a session, and the
// application no code for it.
func TestApps_demandTakenAway(t *testing.T) {
	for name, test := range map[string]struct {
		fault oidctest.Fault
		walk  func(s *shop, b *oidctest.Browser, way string) visit
	}{
		"form leads elsewhere": {"", func(s *shop, b *oidctest.Browser, way string) visit {
			return s.comesBack(b, s.sends(b, "/"), way)
		}},
		"form leads elsewhere, no time": {oidctest.AuthTimeMissing, func(s *shop, b *oidctest.Browser, way string) visit {
			return s.comesBack(b, s.sends(b, "/"), way)
		}},
		"form leads nearly there, no time": {oidctest.AuthTimeMissing, func(s *shop, b *oidctest.Browser, way string) visit {
			return s.comesBack(b, s.sends(b, way+"&x=1"), way)
		}},
		"request cookie hidden, no time": {oidctest.AuthTimeMissing, func(s *shop, b *oidctest.Browser, way string) visit {
			kept := s.cookies(b, "domicile_request_")
			b.SetCookies(s.appURL(), []*http.Cookie{{Name: kept[0].Name, Value: "x", Path: "/", Secure: true}})
			at := s.sends(b, way)
			b.SetCookies(s.appURL(), []*http.Cookie{{Name: kept[0].Name, Value: kept[0].Value, Path: "/", Secure: true}})
			return s.comesBack(b, at, way)
		}},
		"provider's request": {"", func(s *shop, b *oidctest.Browser, way string) visit {
			at := s.sends(b, way)
			q := at.Query()
			q.Del("prompt")
			at.RawQuery = q.Encode()
			return s.comesBack(b, at, way)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t, false)
			b := s.enter(buyer)
			s.ledger.Advance(time.Hour)
			way := s.waits(b, "prompt", "login")
			if test.fault != "" {
				s.script("", test.fault)
			}
			if told := s.told(test.walk(s, b, way)); told.Get("error") != "login_required" || told.Get("code") != "" {
				t.Errorf("the application is told %v", told)
			}
			if left := s.cookies(b, "domicile_request_"); len(left) != 0 {
				t.Errorf("cookies are left: %v", left)
			}
		})
	}
}

// TestApps_demandUntold: a provider that does not say when people authenticate is told to do it now; for max_age in a second
// round, and in no third one.
func TestApps_demandUntold(t *testing.T) {
	t.Run("prompt=login", func(t *testing.T) {
		s := newShop(t, false)
		s.script("", oidctest.AuthTimeMissing)
		b := s.enter(buyer)
		s.ledger.Advance(time.Hour)
		way := s.waits(b, "prompt", "login")
		s.isFresh(s.told(s.comesBack(b, s.sends(b, way), way)).Get("code"))
	})
	t.Run("max_age", func(t *testing.T) {
		s := newShop(t, false)
		s.script("", oidctest.AuthTimeMissing)
		b := s.browser()
		way := s.waits(b, "max_age", "600")
		again := s.waiting(s.comesBack(b, s.sends(b, way), way))
		at := s.sends(b, again)
		if at.Query().Get("prompt") != "login" || again != way {
			t.Fatalf("the provider is asked with %v", at.Query())
		}
		s.isFresh(s.told(s.comesBack(b, at, again)).Get("code"))
		s.code(b, "max_age", "600")
		// And a browser that leaves the second round out.
		b = s.browser()
		way = s.waits(b, "max_age", "600")
		s.waiting(s.comesBack(b, s.sends(b, way), way))
		if told := s.told(s.comesBack(b, s.sends(b, "/"), way)); told.Get("error") != "login_required" {
			t.Errorf("the application is told %v", told)
		}
	})
}

// TestApps_demandNotTaken: Google takes no prompt=login, and does not say when people authenticate. It is asked for the account
// instead, which is no new authentication: the application is told so, and nobody ends on a page of Google's.
func TestApps_demandNotTaken(t *testing.T) {
	for name, test := range map[string]struct {
		own     string // the connection's prompt
		pairs   []string
		prompts []string // that the provider is asked with, round by round
	}{
		"prompt=login":           {"", []string{"prompt", "login"}, []string{"select_account"}},
		"max_age":                {"", []string{"max_age", "600"}, []string{"", "select_account"}},
		"max_age=0":              {"consent", []string{"max_age", "0"}, []string{"select_account"}},
		"of the connection, too": {"login", []string{"max_age", "600"}, []string{"select_account", "select_account"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t, "https://accounts.google.com", "acme.example")
			c.settings.Prompt = test.own
			c.connect(true)
			c.provider.Script(oidctest.Faults{Lasting: []oidctest.Fault{oidctest.AuthTimeMissing, oidctest.IssNotSupported}})
			c.user(directory.SourceSCIM, buyer, buyer)
			c.person("sub", buyer, map[string]any{"hd": "acme.example"})
			s := &shop{world: c.world, tenant: c.tenant, app: "shop"}
			s.signingKey()
			s.register("shop", shopSecret, "", shopCallback)

			b := c.browser()
			way := s.waits(b, test.pairs...)
			var last visit
			for _, prompt := range test.prompts {
				at := s.sends(b, way)
				if got := at.Query().Get("prompt"); got != prompt {
					t.Errorf("the provider is asked with prompt %q, want %q", got, prompt)
				}
				last = s.comesBack(b, at, way)
			}
			if told := s.told(last); told.Get("error") != "login_required" || told.Get("code") != "" {
				t.Errorf("the application is told %v", told)
			}
			s.code(b) // the sign-in itself is good
		})
	}
}

// TestApps_demandRefused: a provider that refuses ends in a page with two ways: to try again, for the same application and with
// the same demand, and back to the application. The old session stays.
func TestApps_demandRefused(t *testing.T) {
	for _, mode := range []directory.ResponseMode{directory.ResponseQuery, directory.ResponseFormPost} {
		t.Run(string(mode), func(t *testing.T) {
			s := newShop(t, false)
			b := s.enter(buyer)
			s.settings.ResponseMode = mode
			s.connect(true)
			demandRefused(t, s, b)
		})
	}
}

func demandRefused(t *testing.T, s *shop, b *oidctest.Browser) {
	t.Helper()
	way := s.waits(b, "prompt", "login")
	s.provider.Script(oidctest.Faults{Once: []oidctest.Fault{oidctest.ResponseError}})
	resp, _, err := b.SignIn(t.Context(), s.sends(b, way).String(), buyer, password)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	page := visit{resp.StatusCode, resp.Header, string(body)}
	back := way + "&abandon=yes"
	if page.status != http.StatusForbidden || !strings.Contains(page.body, `name="return_to" value="`+way+`"`) ||
		!strings.Contains(page.body, strings.ReplaceAll(`<a href="`+back+`">`, "&", "&amp;")) {
		t.Fatalf("%d\n%s", page.status, page.body)
	}
	at, _ := s.start(b, url.Values{"connection": {string(s.connection)}, "return_to": {way}})
	if query := mustURL(t, at).Query(); query.Get("prompt") != "login" {
		t.Errorf("the second try asks with %v", query)
	}
	if told := s.told(s.get(b, back)); told.Get("error") != "access_denied" || told.Get("code") != "" {
		t.Errorf("the application is told %v", told)
	}
	if a := s.get(b, back); a.status != http.StatusBadRequest {
		t.Errorf("twice: %d to %s", a.status, a.header.Get("Location"))
	}
	s.code(b)
}

// TestApps_typingError: an address that leads nowhere does not lose the application's request.
func TestApps_typingError(t *testing.T) {
	s := newShop(t, false)
	b := s.browser()
	way := s.waits(b)
	_, page := s.start(b, url.Values{"email": {"rosa@acne.example"}, "return_to": {way}})
	if page.status != http.StatusNotFound || !strings.Contains(page.body, `name="return_to" value="`+way+`"`) {
		t.Errorf("%d\n%s", page.status, page.body)
	}
}
