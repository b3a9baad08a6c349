package httpapi_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"domicile/oidc"
	"domicile/oidc/oidctest"
)

// logoutWorld is a region with acme and Alice, whose provider tells us of logouts.
func logoutWorld(t *testing.T) (*world, *tenant) {
	t.Helper()
	w := newWorld(t, false)
	acme := w.tenant("acme", "acme.example")
	acme.both("sub-alice", "alice@acme.example")
	acme.tellsOfLogouts()
	return w, acme
}

// tellsOfLogouts registers our back-channel address at the provider.
func (x *tenant) tellsOfLogouts() {
	x.provider.SetClient(oidctest.Client{
		ID: "client-" + x.slug, Secret: "client secret of " + x.slug,
		RedirectURIs:           []string{x.world.server.URL + "/signin-oidc/" + string(x.connection)},
		PostLogoutRedirectURIs: []string{x.world.server.URL + oidc.PathSignedOut},
		BackchannelLogoutURI:   x.at("/backchannel-logout/"),
	})
}

// at is an address of the connection's own.
func (x *tenant) at(path string) string { return x.world.server.URL + path + string(x.connection) }

// enter signs somebody in with a new browser.
func (x *tenant) enter(email string) *oidctest.Browser {
	x.world.t.Helper()
	b := x.world.browser()
	if done := x.world.signIn(b, email); done.status != http.StatusSeeOther {
		x.world.t.Fatalf("sign-in of %s: %d\n%s", email, done.status, done.body)
	}
	x.world.holds(b, true)
	return b
}

// holds checks whether the browser's session is there, on both nodes.
func (w *world) holds(b *oidctest.Browser, want bool) {
	w.t.Helper()
	for node := range w.nodes {
		w.turn.Store(int64(node))
		status, _ := w.session(b)
		if (status == http.StatusOK) != want || !want && status != http.StatusUnauthorized {
			w.t.Errorf("the session answers %d on node %d, want it there: %v", status, node, want)
		}
	}
	w.turn.Store(0)
}

// sids gives the provider's names of the sessions that came through the connection.
func (x *tenant) sids() []string {
	d, _ := x.world.ledger.FSM.View().Directory(x.id)
	var list []string
	for session := range d.Sessions() {
		if session.Connection == x.connection {
			list = append(list, session.ProviderSID)
		}
	}
	return list
}

// send is a request of a machine, to the node that has its turn.
func (w *world) send(method, target, contentType, body string, header ...string) visit {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := w.server.Client().Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return visit{resp.StatusCode, resp.Header, string(text)}
}

const formType = "application/x-www-form-urlencoded"

// tell posts a logout token to the connection's back channel.
func (x *tenant) tell(token string) visit {
	x.world.t.Helper()
	return x.world.send(http.MethodPost, x.at("/backchannel-logout/"), formType, url.Values{"logout_token": {token}}.Encode())
}

// logoutToken is signed by the tenant's provider, for its own client.
func (x *tenant) logoutToken(sub, sid string, faults ...oidctest.Fault) string {
	x.world.t.Helper()
	x.provider.Script(oidctest.Faults{Lasting: faults})
	defer x.provider.Script(oidctest.Faults{})
	token, err := x.provider.LogoutToken("client-"+x.slug, sub, sid)
	if err != nil {
		x.world.t.Fatal(err)
	}
	return token
}

// machineError checks that an answer is an error for machines with these two.
func machineError(t *testing.T, a visit, status int, code string) {
	t.Helper()
	var fault struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if err := json.Unmarshal([]byte(a.body), &fault); err != nil || a.status != status || fault.Error != code || fault.Description == "" {
		t.Errorf("answered %d %s, want %d %s (%v)", a.status, a.body, status, code, err)
	}
	if a.header.Get("Content-Type") != "application/json" || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", a.header)
	}
	if again := a.header.Get("Retry-After"); (again != "") != (status == http.StatusServiceUnavailable) {
		t.Errorf("Retry-After %q with status %d", again, status)
	}
}

// TestLogout_nobody: a browser without a session has nothing to end, so the region is not asked.
func TestLogout_nobody(t *testing.T) {
	w, acme := logoutWorld(t)
	b := acme.enter("alice@acme.example")
	w.ledger.Cut(true)
	if a := w.do(w.browser(), http.MethodPost, "/logout", nil); a.status != http.StatusSeeOther || a.header.Get("Location") != "/logout" {
		t.Errorf("%d to %q", a.status, a.header.Get("Location"))
	}
	if a := w.do(b, http.MethodPost, "/logout", nil); a.status != http.StatusServiceUnavailable {
		t.Errorf("with a session: %d", a.status)
	}
}

// TestOIDF_backchannelLogout has the modules of the OpenID Foundation's back-channel RP plan, by name.
func TestOIDF_backchannelLogout(t *testing.T) {
	w, acme := logoutWorld(t)
	t.Run("oidcc-client-test-rp-backchannel-rpinitlogout", func(t *testing.T) {
		w.t = t
		b := acme.enter("alice@acme.example")
		other := w.browser() // with another session here, through the same one of the provider's
		other.SetCookies(w.appURL(), w.cookies(b, "oidctest_"))
		if done := w.signIn(other, "alice@acme.example"); done.status != http.StatusSeeOther {
			t.Fatalf("second sign-in %d", done.status)
		}
		if sids := acme.sids(); len(sids) != 2 || sids[0] != sids[1] || sids[0] == "" {
			t.Fatalf("sessions of the provider %q", sids)
		}
		bye := w.do(b, http.MethodPost, "/logout", nil)
		w.holds(b, false)
		w.holds(other, true)
		resp, trail, err := b.SignIn(t.Context(), bye.header.Get("Location"), "", "")
		if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(trail[len(trail)-1], oidc.PathSignedOut) {
			t.Fatalf("after the provider's logout: %v at %q, %v", resp, trail, err)
		}
		w.holds(other, false)
	})
	for module, fault := range map[string]oidctest.Fault{
		"oidcc-client-test-rp-backchannel-rpinitlogout-alg-none":    oidctest.LogoutAlgNone,
		"oidcc-client-test-rp-backchannel-rpinitlogout-no-event":    oidctest.LogoutNoEvent,
		"oidcc-client-test-rp-backchannel-rpinitlogout-with-nonce":  oidctest.LogoutNonce,
		"oidcc-client-test-rp-backchannel-rpinitlogout-wrong-alg":   oidctest.LogoutWrongAlg,
		"oidcc-client-test-rp-backchannel-rpinitlogout-wrong-aud":   oidctest.LogoutWrongAud,
		"oidcc-client-test-rp-backchannel-rpinitlogout-wrong-event": oidctest.LogoutWrongEvent,
		"oidcc-client-test-rp-backchannel-rpinitlogout-wrong-iss":   oidctest.LogoutWrongIss,
	} {
		t.Run(module, func(t *testing.T) {
			w.t = t
			b := acme.enter("alice@acme.example")
			machineError(t, acme.tell(acme.logoutToken("sub-alice", acme.sids()[0], fault)), http.StatusBadRequest, "invalid_request")
			w.holds(b, true)
			w.do(b, http.MethodPost, "/logout", nil)
		})
	}
}

// TestOIDF_rpInitiatedLogout has the modules of the RP-initiated logout plan, and that of the front-channel plan.
func TestOIDF_rpInitiatedLogout(t *testing.T) {
	w, acme := logoutWorld(t)
	for module, change := range map[string]func(url.Values){
		"oidcc-client-test-rp-init-logout":             func(url.Values) {},
		"oidcc-client-test-rp-init-logout-other-state": func(q url.Values) { q.Set("state", "of-somebody-else") },
		"oidcc-client-test-rp-init-logout-no-state":    func(q url.Values) { q.Del("state") },
	} {
		t.Run(module, func(t *testing.T) {
			w.t = t
			b := acme.enter("alice@acme.example")
			bye := w.do(b, http.MethodPost, "/logout", nil)
			w.holds(b, false)
			at := mustURL(t, bye.header.Get("Location"))
			query := at.Query()
			if bye.status != http.StatusSeeOther || !strings.HasPrefix(at.String(), acme.provider.Issuer()+"/logout?") ||
				query.Get("client_id") != "client-acme" || query.Get("post_logout_redirect_uri") != w.server.URL+oidc.PathSignedOut ||
				len(query.Get("state")) < 43 || strings.Count(query.Get("id_token_hint"), ".") != 2 {
				t.Fatalf("%d to %s", bye.status, at)
			}
			if kept := w.cookies(b, "domicile_logout"); len(kept) != 1 || kept[0].Value != query.Get("state") {
				t.Errorf("the browser keeps %v", kept)
			}
			change(query)
			at.RawQuery = query.Encode()
			resp, trail, err := b.SignIn(t.Context(), at.String(), "", "")
			if err != nil || resp.StatusCode != http.StatusOK || len(trail) != 2 {
				t.Fatalf("back from the provider: %v at %q, %v", resp, trail, err)
			}
			body, _ := io.ReadAll(resp.Body)
			if !strings.Contains(string(body), "You are signed out") || len(w.cookies(b, "domicile_logout")) != 0 {
				t.Errorf("cookies %v\n%s", w.cookies(b, "domicile_logout"), body)
			}
			// The provider asks for the password again: its own session is over too.
			again, _ := w.start(b, url.Values{"email": {"alice@acme.example"}})
			if page, _, err := b.SignIn(t.Context(), again, "alice@acme.example", "wrong"); err != nil || page.StatusCode != http.StatusUnauthorized {
				t.Errorf("the provider answers %v, %v", page, err)
			}
		})
	}
	t.Run("oidcc-client-test-rp-frontchannel-rpinitlogout", func(t *testing.T) {
		w.t = t
		b := acme.enter("alice@acme.example")
		a := w.frame(acme, url.Values{"iss": {acme.provider.Issuer()}, "sid": {acme.sids()[0]}})
		if a.status != http.StatusOK || a.header.Get("Cache-Control") != "no-store" || a.header.Get("X-Frame-Options") != "" ||
			a.header.Get("Content-Security-Policy") != "default-src 'none'; frame-ancestors "+acme.provider.Issuer() {
			t.Errorf("%d %v", a.status, a.header)
		}
		w.holds(b, false)
	})
}

func mustURL(t *testing.T, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// frame is what the provider's page loads, without any cookie.
func (w *world) frame(x *tenant, query url.Values) visit {
	w.t.Helper()
	return w.send(http.MethodGet, x.at("/frontchannel-logout/")+"?"+query.Encode(), "", "")
}

// TestBackchannelLogout_scope: a token that names a session ends that one, one that names a subject all of theirs through
// the connection, and one that meets nobody is fine.
func TestBackchannelLogout_scope(t *testing.T) {
	w, acme := logoutWorld(t)
	acme.both("sub-bob", "bob@acme.example")
	first, second, bob := acme.enter("alice@acme.example"), acme.enter("alice@acme.example"), acme.enter("bob@acme.example")
	firstSID := ""
	for _, sid := range acme.sids() {
		if a := acme.tell(acme.logoutToken("sub-nobody", sid)); a.status != http.StatusOK {
			t.Errorf("session and subject that do not match: %d", a.status)
		}
		if firstSID == "" {
			firstSID = sid // sessions come by user and age
		}
	}
	w.holds(first, true)
	a := acme.tell(acme.logoutToken("", firstSID))
	if a.status != http.StatusOK || a.body != "" || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %q %v", a.status, a.body, a.header)
	}
	w.holds(first, false)
	w.holds(second, true)
	if a := acme.tell(acme.logoutToken("sub-alice", "")); a.status != http.StatusOK {
		t.Errorf("by subject: %d", a.status)
	}
	w.holds(second, false)
	w.holds(bob, true)
	if a := acme.tell(acme.logoutToken("sub-alice", "sid-of-nobody")); a.status != http.StatusOK {
		t.Errorf("nobody: %d", a.status)
	}
	if text := w.logs.String(); strings.Contains(text, "sub-alice") || strings.Contains(text, firstSID) {
		t.Error("the log names a subject or a session of the provider")
	}
}

// TestBackchannelLogout_once: a token works once in the region, whichever nodes get it and however often at once.
func TestBackchannelLogout_once(t *testing.T) {
	w, acme := logoutWorld(t)
	token := acme.logoutToken("sub-alice", "")
	if a := acme.tell(token); a.status != http.StatusOK {
		t.Fatalf("%d", a.status)
	}
	w.turn.Store(1)
	machineError(t, acme.tell(token), http.StatusBadRequest, "invalid_request")
	w.turn.Store(0)
	same := []string{acme.logoutToken("sub-alice", "", oidctest.LogoutSameJTI), acme.logoutToken("", "sid", oidctest.LogoutSameJTI)}
	statuses := make(chan int, 20)
	var group sync.WaitGroup
	for i := range cap(statuses) {
		group.Go(func() {
			w.turn.Store(int64(i % len(w.nodes)))
			statuses <- acme.tell(same[i%2]).status
		})
	}
	group.Wait()
	close(statuses)
	accepted := 0
	for status := range statuses {
		switch status {
		case http.StatusOK:
			accepted++
		case http.StatusBadRequest:
		default:
			t.Errorf("status %d", status)
		}
	}
	if accepted != 1 {
		t.Errorf("%d of two tokens with one jti were accepted", accepted)
	}
}

// TestBackchannelLogout_refusals are answers to what is no logout token at all, and to one at a bad time.
func TestBackchannelLogout_refusals(t *testing.T) {
	w, acme := logoutWorld(t)
	b := acme.enter("alice@acme.example")
	address := acme.at("/backchannel-logout/")
	if a := w.send(http.MethodGet, address+"?logout_token="+acme.logoutToken("sub-alice", ""), "", ""); a.status != http.StatusMethodNotAllowed ||
		a.header.Get("Allow") != http.MethodPost {
		t.Errorf("GET: %d, Allow %q", a.status, a.header.Get("Allow"))
	}
	good := acme.logoutToken("sub-alice", "")
	one := url.Values{"logout_token": {good}}.Encode()
	for name, body := range map[string]string{
		"nothing":        "",
		"two tokens":     one + "&" + one,
		"no token":       "logout_token=",
		"not a JWT":      "logout_token=a.b.c",
		"two parts":      "logout_token=a.b",
		"over 32 KiB":    "logout_token=" + strings.Repeat("a", 16<<10) + "." + strings.Repeat("b", 16<<10) + ".c",
		"malformed form": "logout_token=%zz",
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			machineError(t, w.send(http.MethodPost, address, formType, body), http.StatusBadRequest, "invalid_request")
		})
	}
	w.t = t
	machineError(t, w.send(http.MethodPost, address, "application/json", `{"logout_token":"`+good+`"}`), http.StatusBadRequest, "invalid_request")
	machineError(t, w.send(http.MethodPost, address+"?"+one, formType, ""), http.StatusBadRequest, "invalid_request")
	machineError(t, w.send(http.MethodPost, w.server.URL+"/backchannel-logout/unknown", formType, one), http.StatusBadRequest, "invalid_request")
	machineError(t, w.send(http.MethodPost, address, formType, "logout_token="+strings.Repeat("a", 65<<10)), http.StatusRequestEntityTooLarge, "invalid_request")

	w.ledger.Cut(true)
	machineError(t, acme.tell(good), http.StatusServiceUnavailable, "temporarily_unavailable")
	w.ledger.Cut(false)
	w.holds(b, true)
	if a := acme.tell(good); a.status != http.StatusOK {
		t.Errorf("the same token after the outage: %d", a.status)
	}
	w.holds(b, false)

	acme.connect(false)
	machineError(t, acme.tell(acme.logoutToken("sub-alice", "")), http.StatusBadRequest, "invalid_request")
}

// TestBackchannelLogout_providerDown: what cannot be verified now is asked for again, not refused for good.
func TestBackchannelLogout_providerDown(t *testing.T) {
	w, acme := logoutWorld(t)
	token := acme.logoutToken("sub-alice", "")
	acme.provider.Script(oidctest.Faults{Lasting: []oidctest.Fault{oidctest.KeysFail, oidctest.DiscoveryFails}})
	machineError(t, acme.tell(token), http.StatusServiceUnavailable, "temporarily_unavailable")
	acme.provider.Script(oidctest.Faults{})
	w.ledger.Advance(time.Minute)
	if a := acme.tell(token); a.status != http.StatusOK {
		t.Errorf("once the provider is back: %d %s", a.status, a.body)
	}
}

func TestRevocation(t *testing.T) {
	w, acme := logoutWorld(t)
	acme.both("sub-bob", "bob@acme.example")
	issuer, root := acme.provider.Issuer(), "root@acme.example"
	tests := []struct {
		name, subject string
		want          int
		ends          bool // Alice's sessions
	}{
		{"iss_sub", `{"format":"iss_sub","iss":"` + issuer + `","sub":"sub-alice"}`, http.StatusNoContent, true},
		{"email", `{"format":"email","email":"Alice@acme.example"}`, http.StatusNoContent, true},
		{"opaque", `{"format":"opaque","id":"sub-alice"}`, http.StatusNoContent, true},
		{"somebody else", `{"format":"email","email":"bob@acme.example"}`, http.StatusNoContent, false},
		{"nobody", `{"format":"email","email":"nobody@acme.example"}`, http.StatusNotFound, false},
		{"root user", `{"format":"email","email":"` + root + `"}`, http.StatusUnprocessableEntity, false},
		{"unknown format", `{"format":"did","url":"did:x:y"}`, http.StatusBadRequest, false},
		{"malformed", `{"format":`, http.StatusBadRequest, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w.t = t
			first, second := acme.enter("alice@acme.example"), acme.enter("alice@acme.example")
			status, err := acme.provider.Revoke(t.Context(), "client-acme", acme.at("/revoke/"), test.subject)
			if err != nil || status != test.want {
				t.Errorf("status %d, want %d, %v", status, test.want, err)
			}
			w.holds(first, !test.ends)
			w.holds(second, !test.ends)
			w.do(first, http.MethodPost, "/logout", nil)
			w.do(second, http.MethodPost, "/logout", nil)
		})
	}
	w.t = t
	if text := w.logs.String(); strings.Contains(text, "alice@") || strings.Contains(text, "sub-alice") || strings.Contains(text, root) {
		t.Error("the log names a person")
	}
}

func TestRevocation_refusals(t *testing.T) {
	w, acme := logoutWorld(t)
	b := acme.enter("alice@acme.example")
	address, body := acme.at("/revoke/"), `{"sub_id":{"format":"email","email":"alice@acme.example"}}`
	token, err := acme.provider.RevocationToken("client-acme", address)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(target, body string, header ...string) visit {
		return w.send(http.MethodPost, target, "application/json", body, header...)
	}
	bearer := []string{"Authorization", "Bearer " + token}
	if a := w.send(http.MethodGet, address, "", "", bearer...); a.status != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", a.status)
	}
	for name, a := range map[string]visit{
		"no token":           ask(address, body),
		"basic":              ask(address, body, "Authorization", "Basic YTpi"),
		"no JWT":             ask(address, body, "Authorization", "Bearer abc"),
		"unknown connection": ask(w.server.URL+"/revoke/unknown", body, bearer...),
	} {
		machineError(t, a, http.StatusUnauthorized, "invalid_token")
		if !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer ") {
			t.Errorf("%s: challenge %q", name, a.header.Get("WWW-Authenticate"))
		}
	}
	machineError(t, ask(address, strings.Repeat(" ", 65<<10), bearer...), http.StatusRequestEntityTooLarge, "invalid_request")
	w.ledger.Cut(true)
	machineError(t, ask(address, body, bearer...), http.StatusServiceUnavailable, "temporarily_unavailable")
	w.ledger.Cut(false)
	w.holds(b, true)
	if a := ask(address, body, bearer...); a.status != http.StatusNoContent || a.body != "" {
		t.Errorf("%d %s", a.status, a.body)
	}
	w.holds(b, false)
	b = acme.enter("alice@acme.example")
	w.turn.Store(1)
	machineError(t, ask(address, body, bearer...), http.StatusUnauthorized, "invalid_token") // the same token again
	w.holds(b, true)
}

// TestLogout_here: where the provider says nothing of logouts, cannot be asked or has no say, the person is signed out here.
func TestLogout_here(t *testing.T) {
	t.Run("not announced", func(t *testing.T) {
		w := newWorld(t, false)
		acme := w.tenant("acme", "acme.example")
		acme.both("sub-alice", "alice@acme.example")
		acme.script("", oidctest.EndSessionNotAnnounced)
		b := acme.enter("alice@acme.example")
		if hints := w.cookies(b, "domicile_hint"); len(hints) != 0 {
			t.Errorf("the browser keeps %v", hints)
		}
		if bye := w.do(b, http.MethodPost, "/logout", nil); bye.header.Get("Location") != "/logout" {
			t.Errorf("leads to %q", bye.header.Get("Location"))
		}
		w.holds(b, false)
	})
	t.Run("provider down", func(t *testing.T) {
		w, acme := logoutWorld(t)
		b := acme.enter("alice@acme.example")
		acme.provider.Close()
		w.nodes[0] = w.node() // which has not asked it for anything yet
		if bye := w.do(b, http.MethodPost, "/logout", nil); bye.status != http.StatusSeeOther {
			t.Errorf("status %d", bye.status)
		}
		w.holds(b, false)
	})
	t.Run("no session", func(t *testing.T) {
		w, _ := logoutWorld(t)
		if bye := w.do(w.browser(), http.MethodPost, "/logout", nil); bye.header.Get("Location") != "/logout" {
			t.Errorf("leads to %q", bye.header.Get("Location"))
		}
	})
	t.Run("cut off", func(t *testing.T) {
		w, acme := logoutWorld(t)
		b := acme.enter("alice@acme.example")
		w.ledger.Cut(true)
		if bye := w.do(b, http.MethodPost, "/logout", nil); bye.status != http.StatusServiceUnavailable || len(bye.header.Values("Set-Cookie")) != 0 {
			t.Errorf("%d, cookies %v", bye.status, bye.header.Values("Set-Cookie"))
		}
		w.ledger.Cut(false)
		w.holds(b, true)
	})
	t.Run("from another site", func(t *testing.T) {
		w, acme := logoutWorld(t)
		b := acme.enter("alice@acme.example")
		if bye := w.do(b, http.MethodPost, "/logout", nil, "Sec-Fetch-Site", "cross-site"); bye.status != http.StatusForbidden {
			t.Errorf("status %d", bye.status)
		}
		w.holds(b, true)
	})
}

// TestLogout_hint: the ID token stays with the browser, sealed, for the one session that it came with.
func TestLogout_hint(t *testing.T) {
	w, acme := logoutWorld(t)
	first, second := acme.enter("alice@acme.example"), acme.enter("alice@acme.example")
	hint := w.cookies(first, "domicile_hint")
	if len(hint) != 1 || len(hint[0].Value) > 3500 || strings.Contains(hint[0].Value, ".") {
		t.Fatalf("hint %v", hint)
	}
	// Somebody plants the hint of another session.
	second.SetCookies(w.appURL(), []*http.Cookie{{Name: hint[0].Name, Value: hint[0].Value, Path: "/", Secure: true}})
	bye := mustURL(t, w.do(second, http.MethodPost, "/logout", nil).header.Get("Location"))
	if bye.Query().Has("id_token_hint") || bye.Query().Get("client_id") != "client-acme" {
		t.Errorf("leads to %s", bye)
	}
	done := w.do(first, http.MethodPost, "/logout", nil)
	if !mustURL(t, done.header.Get("Location")).Query().Has("id_token_hint") {
		t.Errorf("leads to %s", done.header.Get("Location"))
	}
	if left := w.cookies(first, "domicile_"); slices.ContainsFunc(left, func(c *http.Cookie) bool {
		return strings.Contains(c.Name, "hint") || strings.Contains(c.Name, "session")
	}) {
		t.Errorf("cookies left %v", left)
	}
	for _, header := range done.header.Values("Set-Cookie") {
		if c, err := http.ParseSetCookie(header); err != nil || !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly {
			t.Errorf("cookie %s, %v", header, err)
		}
	}
}

// TestSignedOut_leadsNowhere: no parameter makes the page a redirect, or appears on it.
func TestSignedOut_leadsNowhere(t *testing.T) {
	w, _ := logoutWorld(t)
	query := url.Values{}
	for _, name := range []string{"post_logout_redirect_uri", "return_to", "redirect_uri", "target_link_uri", "state", "error"} {
		query.Set(name, "https://evil.example/<script>")
	}
	a := w.get(w.browser(), oidc.PathSignedOut+"?"+query.Encode())
	if a.status != http.StatusOK || a.header.Get("Location") != "" || a.header.Get("Refresh") != "" || strings.Contains(a.body, "evil.example") {
		t.Errorf("%d %v\n%s", a.status, a.header, a.body)
	}
}
