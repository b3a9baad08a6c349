package httpapi_test

import (
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"domicile/oidc/oidctest"
)

// forgeries of where a request was sent to and where it came from. evil.example and 198.51.100.66 are nobody's.
var forgeries = map[string]map[string]string{
	"Host":             {"Host": "evil.example"},
	"Host with a port": {"Host": "evil.example:443"},
	"X-Forwarded-Host": {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http", "X-Forwarded-Port": "8443", "X-Forwarded-Prefix": "/evil.example"},
	"Forwarded":        {"Forwarded": "for=198.51.100.66;host=evil.example;proto=http"},
	"X-Forwarded-For":  {"X-Forwarded-For": "198.51.100.66", "X-Real-Ip": "198.51.100.66", "True-Client-Ip": "198.51.100.66", "Cf-Connecting-Ip": "198.51.100.66"},
	"other names":      {"X-Host": "evil.example", "X-Original-Host": "evil.example", "X-Original-Url": "//evil.example/", "X-Rewrite-Url": "//evil.example/"},
	"everything at once": {
		"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Forwarded": "for=198.51.100.66;host=evil.example", "X-Forwarded-For": "198.51.100.66",
	},
}

// forge sends a request with a browser's cookies and these headers; the browser itself would go by a forged Host.
func (w *world) forge(b *oidctest.Browser, method, target string, form url.Values, headers map[string]string) visit {
	w.t.Helper()
	if strings.HasPrefix(target, "/") {
		target = w.server.URL + target
	}
	request, err := http.NewRequestWithContext(w.t.Context(), method, target, strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	if method == http.MethodPost {
		request.Header.Set("Content-Type", formType)
		request.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for _, cookie := range w.cookies(b, "") {
		request.AddCookie(cookie)
	}
	for name, value := range headers {
		if name == "Host" {
			request.Host = value
			continue
		}
		request.Header.Set(name, value)
	}
	way := http.Transport{TLSClientConfig: w.trusting(), DisableKeepAlives: true}
	answer, err := way.RoundTrip(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer answer.Body.Close()
	b.SetCookies(w.appURL(), answer.Cookies())
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return visit{answer.StatusCode, answer.Header, string(body)}
}

// plainly checks that an answer has nothing of what was forged.
func (w *world) plainly(a visit, what string) {
	w.t.Helper()
	for name, values := range a.header {
		if strings.Contains(strings.Join(values, " "), "evil.example") {
			w.t.Errorf("%s: %s: %s", what, name, values)
		}
	}
	if strings.Contains(a.body, "evil.example") {
		w.t.Errorf("%s:\n%s", what, a.body)
	}
}

// TestAttack49_forgedHeaders: where things lead comes from configuration, and where a person was comes from the connection, or
// from the last of the addresses that a trusted proxy hands on: what a client says of either is not believed.
func TestAttack49_forgedHeaders(t *testing.T) {
	for place, proxies := range map[string][]netip.Prefix{
		"directly":               nil,
		"behind a trusted proxy": {netip.MustParsePrefix("127.0.0.0/8")},
	} {
		s := newShop(t, false)
		s.world.proxies = proxies
		s.doors, s.nodes = nil, nil
		s.nodes = []http.Handler{s.node()}
		s.turn.Store(0)
		for name, headers := range forgeries {
			t.Run(place+"/"+name, func(t *testing.T) {
				s.world.t = t
				from := "127.0.0.1"
				if proxies != nil { // it adds to what it got
					behind := map[string]string{}
					for header, value := range headers {
						behind[header] = value
					}
					from = "203.0.113.7"
					behind["X-Forwarded-For"] = strings.TrimPrefix(headers["X-Forwarded-For"]+", "+from, ", ")
					headers = behind
				}
				s.forged(headers, from)
			})
		}
	}
}

// forged walks through a sign-in and out of it, and looks at documents, with these headers on each request.
func (s *shop) forged(headers map[string]string, from string) {
	w := s.world
	w.t.Helper()
	b := w.browser()
	begun := w.forge(b, http.MethodPost, "/login/start", url.Values{"email": {buyer}}, headers)
	w.plainly(begun, "start")
	at := begun.header.Get("Location")
	if want := w.server.URL + "/signin-oidc/" + string(s.connection); mustURL(w.t, at).Query().Get("redirect_uri") != want {
		w.t.Fatalf("the sign-in leads to %q: %d", at, begun.status)
	}
	callback := w.authorize(b, at, buyer)
	done := w.forge(b, http.MethodGet, callback, nil, headers)
	w.plainly(done, "callback")
	if done.status != http.StatusSeeOther || done.header.Get("Location") != "/" {
		w.t.Fatalf("callback: %d to %q\n%s", done.status, done.header.Get("Location"), done.body)
	}
	for _, header := range done.header.Values("Set-Cookie") {
		if c, err := http.ParseSetCookie(header); err != nil || c.Domain != "" || !c.Secure || !strings.HasPrefix(c.Name, "__Host-") {
			w.t.Errorf("cookie %s: %v", header, err)
		}
	}
	session, _ := w.ledger.FSM.View().Session(hashOf(w.cookies(b, "domicile_session")[0].Value))
	if session == nil || session.Address != from {
		w.t.Errorf("the session was opened from %+v, want %s", session, from)
	}
	stranger := w.browser()
	for _, path := range []string{"/", "/login", "/login/acme", "/logout", "/nowhere", "/login?return_to=https://evil.example", "/oidc/authorize?client_id=x"} {
		w.plainly(w.forge(stranger, http.MethodGet, path, nil, headers), path)
	}
	for _, path := range []string{"/", "/oidc/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/api/v1/openapi.json"} {
		plain, forged := w.get(b, path), w.forge(b, http.MethodGet, path, nil, headers)
		w.plainly(forged, path)
		if forged.status != plain.status || forged.body != plain.body {
			w.t.Errorf("%s differs: %d and %d\n%s", path, plain.status, forged.status, forged.body)
		}
	}
	bye := w.forge(b, http.MethodPost, "/logout", nil, headers)
	w.plainly(bye, "sign-out")
	if to := mustURL(w.t, bye.header.Get("Location")); !strings.HasPrefix(to.Query().Get("post_logout_redirect_uri"), w.server.URL+"/") {
		w.t.Errorf("the sign-out leads to %d %s", bye.status, to)
	}
}

// TestAttack49_forgedHeadersInMail: no mail has an address that a client named.
func TestAttack49_forgedHeadersInMail(t *testing.T) {
	p := newParlour(t)
	for name, headers := range forgeries {
		form := url.Values{"email": {guestAddress}, "organization": {"acme"}}
		sent := p.forge(p.browser(), http.MethodPost, p.server.URL+"/login/local/mail", form, headers)
		p.plainly(sent, name)
		letters := p.take(t)
		if len(letters) != 1 {
			t.Fatalf("%s: %d, letters %v", name, sent.status, letters)
		}
		if text := letters[0].Subject + letters[0].Text; letters[0].To != guestAddress || strings.Contains(text, "evil.example") || strings.Contains(text, "198.51.100.66") {
			t.Errorf("%s: a letter to %s\n%s", name, letters[0].To, text)
		}
		p.ledger.Advance(16 * time.Minute) // or there are too many
	}
}
