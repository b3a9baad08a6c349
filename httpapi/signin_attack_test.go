package httpapi_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/prometheus/client_golang/prometheus"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/oidc"
	"domicile/oidc/oidctest"
)

// Each test of this file is an attack that worked somewhere. The numbers are stable names; gaps belong to other rooms.

// TestAttacks_answersOfTheProvider are attacks in what the provider, or who stands in its place, sends.
func TestAttacks_answersOfTheProvider(t *testing.T) {
	w := newWorld(t, false)
	acme := w.tenant("acme", "acme.example")
	acme.both("sub-alice", "alice@acme.example")
	rsa := jose.RS256
	tests := []struct {
		name      string
		algorithm jose.SignatureAlgorithm
		faults    []oidctest.Fault
		want      oidc.Reason
	}{
		{"01 alg none", "", []oidctest.Fault{oidctest.AlgNone}, oidc.ReasonTokenAlgorithm},
		{"01 alg nOnE", "", []oidctest.Fault{oidctest.AlgNoneMixed}, oidc.ReasonTokenAlgorithm},
		{"01 HMAC with the public key", rsa, []oidctest.Fault{oidctest.AlgHS256Public}, oidc.ReasonTokenAlgorithm},
		{"02 key of another provider, same kid", "", []oidctest.Fault{oidctest.SigOtherKey}, oidc.ReasonTokenSignature},
		{"02 unknown kid", "", []oidctest.Fault{oidctest.KidUnknown}, oidc.ReasonTokenSignature},
		{"02 broken signature", "", []oidctest.Fault{oidctest.SigBad}, oidc.ReasonTokenSignature},
		{"02 payload swapped", "", []oidctest.Fault{oidctest.PayloadSwapped}, oidc.ReasonTokenSignature},
		{"03 key for encryption", "", []oidctest.Fault{oidctest.KeyUseEnc}, oidc.ReasonTokenSignature},
		{"03 weak key", rsa, []oidctest.Fault{oidctest.KeyRSA1024}, oidc.ReasonTokenSignature},
		{"03 algorithm of another key", rsa, []oidctest.Fault{oidctest.KeyAlgMismatch}, oidc.ReasonTokenAlgorithm},
		{"04 other issuer", "", []oidctest.Fault{oidctest.IssWrong}, oidc.ReasonTokenIssuer},
		{"04 issuer with a slash", "", []oidctest.Fault{oidctest.IssSlash}, oidc.ReasonTokenIssuer},
		{"04 issuer in capitals", "", []oidctest.Fault{oidctest.IssCase}, oidc.ReasonTokenIssuer},
		{"05 other audience", "", []oidctest.Fault{oidctest.AudOther}, oidc.ReasonTokenAudience},
		{"05 no audience", "", []oidctest.Fault{oidctest.AudMissing}, oidc.ReasonTokenAudience},
		{"05 two audiences", "", []oidctest.Fault{oidctest.AudArray}, oidc.ReasonTokenAudience},
		{"05 foreign azp", "", []oidctest.Fault{oidctest.AzpForeign}, oidc.ReasonTokenAudience},
		{"06 no nonce", "", []oidctest.Fault{oidctest.NonceMissing}, oidc.ReasonTokenNonce},
		{"06 nonce of another browser", "", []oidctest.Fault{oidctest.NonceOther}, oidc.ReasonTokenNonce},
		{"07 no iat", "", []oidctest.Fault{oidctest.IatMissing}, oidc.ReasonTokenTime},
		{"07 iat ahead", "", []oidctest.Fault{oidctest.IatFuture}, oidc.ReasonTokenTime},
		{"07 iat two days old", "", []oidctest.Fault{oidctest.IatOld}, oidc.ReasonTokenTime},
		{"07 no exp", "", []oidctest.Fault{oidctest.ExpMissing}, oidc.ReasonTokenTime},
		{"07 exp past", "", []oidctest.Fault{oidctest.ExpPast}, oidc.ReasonTokenTime},
		{"07 nbf ahead", "", []oidctest.Fault{oidctest.NbfFuture}, oidc.ReasonTokenTime},
		{"08 no sub", "", []oidctest.Fault{oidctest.SubMissing}, oidc.ReasonTokenSubject},
		{"08 empty sub", "", []oidctest.Fault{oidctest.SubEmpty}, oidc.ReasonTokenSubject},
		{"08 long sub", "", []oidctest.Fault{oidctest.SubLong}, oidc.ReasonTokenSubject},
		{"08 sub is a number", "", []oidctest.Fault{oidctest.SubNumber}, oidc.ReasonTokenSubject},
		{"09 claim twice", "", []oidctest.Fault{oidctest.DuplicateClaims}, oidc.ReasonTokenClaims},
		{"09 claims in other letter case", "", []oidctest.Fault{oidctest.CaseFoldedClaims}, oidc.ReasonTokenClaims},
		{"10 wrong at_hash", "", []oidctest.Fault{oidctest.AtHashWrong}, oidc.ReasonTokenHash},
		{"10 wrong c_hash", "", []oidctest.Fault{oidctest.CHashWrong}, oidc.ReasonTokenHash},
		{"11 userinfo about somebody else", "", []oidctest.Fault{oidctest.ThinToken, oidctest.UserinfoOtherSub}, oidc.ReasonUserinfoSubject},
		{"11 userinfo about nobody", "", []oidctest.Fault{oidctest.ThinToken, oidctest.UserinfoNoSub}, oidc.ReasonUserinfoSubject},
		{"11 userinfo vouches for a denied address", "", []oidctest.Fault{oidctest.EmailVerifiedFalse, oidctest.UserinfoEmailVerified}, oidc.ReasonNotProvisioned},
		{"11 userinfo is endless", "", []oidctest.Fault{oidctest.ThinToken, oidctest.UserinfoHuge}, oidc.ReasonUserinfo},
		{"12 logout token", "", []oidctest.Fault{oidctest.EventsClaim}, oidc.ReasonTokenType},
		{"12 typ at+jwt", "", []oidctest.Fault{oidctest.TypAccessToken}, oidc.ReasonTokenType},
		{"12 unknown crit", "", []oidctest.Fault{oidctest.CritUnknown}, oidc.ReasonTokenForm},
		{"12 JSON serialization", "", []oidctest.Fault{oidctest.JSONSerialized}, oidc.ReasonTokenForm},
		{"12 token of 256 KiB", "", []oidctest.Fault{oidctest.BigToken}, oidc.ReasonProviderDown},
		{"12 no ID token", "", []oidctest.Fault{oidctest.TokenNoIDToken}, oidc.ReasonTokenForm},
		{"15 answer names another issuer", "", []oidctest.Fault{oidctest.ResponseIssWrong}, oidc.ReasonResponseIssuer},
		{"18 answer names no issuer though announced", "", []oidctest.Fault{oidctest.ResponseIssMissing}, oidc.ReasonResponseIssuer},
		{"19 parameters twice", "", []oidctest.Fault{oidctest.ResponseDuplicate}, oidc.ReasonRequest},
		{"29 address is not verified", "", []oidctest.Fault{oidctest.EmailVerifiedFalse}, oidc.ReasonNotProvisioned},
		{"39 token endpoint redirects", "", []oidctest.Fault{oidctest.TokenRedirect}, oidc.ReasonExchange},
		{"41 token endpoint is endless", "", []oidctest.Fault{oidctest.TokenHuge}, oidc.ReasonProviderDown},
		{"48 markup in an error", "", []oidctest.Fault{oidctest.ResponseError}, oidc.ReasonProviderRefused},
		{"48 markup in a token error", "", []oidctest.Fault{oidctest.TokenError}, oidc.ReasonExchange},
		{"   client secret refused", "", []oidctest.Fault{oidctest.TokenClient}, oidc.ReasonClientSecret},
		{"   token endpoint fails", "", []oidctest.Fault{oidctest.TokenFails}, oidc.ReasonProviderDown},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w.t = t
			// Each algorithm is new to a fresh copy of the metadata.
			w.ledger.Advance(25 * time.Hour)
			acme.script(test.algorithm)
			b := w.browser()
			at, _ := w.start(b, url.Values{"email": {"alice@acme.example"}})
			acme.script(test.algorithm, test.faults...)
			a := w.get(b, w.authorize(b, at, "alice@acme.example"))
			w.refused(b, a, test.want)
			if test.want == oidc.ReasonRequest && a.status != http.StatusBadRequest {
				t.Errorf("status %d", a.status)
			}
			if strings.Contains(a.body, "call +1") || strings.Contains(a.body, "<script") {
				t.Errorf("the provider's words are on the page:\n%s", a.body)
			}
		})
	}
	w.t = t
	acme.script("")
	w.ledger.Advance(25 * time.Hour)
	if done := w.signIn(w.browser(), "alice@acme.example"); done.status != http.StatusSeeOther {
		t.Errorf("afterwards a correct sign-in is refused: %d\n%s", done.status, done.body)
	}
}

// TestCourtesies are oddities of honest providers that must not lock people out.
func TestCourtesies(t *testing.T) {
	tests := []struct {
		name   string
		faults []oidctest.Fault
	}{
		{"token without kid", []oidctest.Fault{oidctest.KidMissing}},
		{"token without kid, several keys", []oidctest.Fault{oidctest.KidMissing, oidctest.KeysDecoys}},
		{"keys without kid", []oidctest.Fault{oidctest.KidMissing, oidctest.KeysNoKid}},
		{"unknown and malformed keys beside", []oidctest.Fault{oidctest.KeysUnknown}},
		{"email_verified is a text", []oidctest.Fault{oidctest.EmailVerifiedString}},
		{"no iss in the answer, none announced", []oidctest.Fault{oidctest.IssNotSupported}},
		{"no PKCE announced", []oidctest.Fault{oidctest.PKCENotAnnounced}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, false)
			acme := w.tenant("acme", "acme.example")
			acme.both("sub-alice", "alice@acme.example")
			acme.script("", test.faults...)
			if done := w.signIn(w.browser(), "alice@acme.example"); done.status != http.StatusSeeOther {
				t.Errorf("callback: %d %v", done.status, w.logs.last("sign-in refused"))
			}
		})
	}
	for _, algorithm := range []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256, jose.EdDSA} {
		t.Run(string(algorithm), func(t *testing.T) {
			w := newWorld(t, false)
			acme := w.tenant("acme", "acme.example")
			acme.both("sub-alice", "alice@acme.example")
			acme.script(algorithm)
			if done := w.signIn(w.browser(), "alice@acme.example"); done.status != http.StatusSeeOther {
				t.Errorf("callback: %d %v", done.status, w.logs.last("sign-in refused"))
			}
		})
	}
}

// TestAttack13: a callback that this browser did not begin. No code goes to the provider.
func TestAttack13_callbackOfAnotherBrowser(t *testing.T) {
	w := newWorld(t, false)
	acme := w.tenant("acme", "acme.example")
	acme.both("sub-alice", "alice@acme.example")
	callback := w.callback(w.browser(), "alice@acme.example", "/")
	u, err := url.Parse(callback)
	if err != nil {
		t.Fatal(err)
	}
	without := func(name string) string {
		query := u.Query()
		query.Del(name)
		return u.Scheme + "://" + u.Host + u.Path + "?" + query.Encode()
	}
	tests := []struct {
		name, target string
		want         oidc.Reason
	}{
		{"no cookie", callback, oidc.ReasonTransactionMissing},
		{"no state", without("state"), oidc.ReasonRequest},
		{"token in the query", callback + "&id_token=x.y.z", oidc.ReasonRequest},
		{"too much", callback + "&x=" + strings.Repeat("x", 9<<10), oidc.ReasonRequest},
		{"malformed query", callback + "&%zz", oidc.ReasonRequest},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w.t = t
			b := w.browser()
			w.start(b, url.Values{"email": {"alice@acme.example"}}) // a transaction of its own, of another state
			w.refused(b, w.get(b, test.target), test.want)
		})
	}
	if n := acme.provider.Count(oidctest.EndpointToken); n != 0 {
		t.Errorf("%d codes were sent to the provider", n)
	}
}

// TestAttack14: a transaction of one connection at the callback of another.
func TestAttack14_callbackOfAnotherConnection(t *testing.T) {
	w := newWorld(t, false)
	acme, evil := w.tenant("acme", "acme.example"), w.tenant("evil", "evil.example")
	acme.both("sub-alice", "alice@acme.example")
	b := w.browser()
	callback := w.callback(b, "alice@acme.example", "/")
	w.refused(b, w.get(b, strings.Replace(callback, string(acme.connection), string(evil.connection), 1)), oidc.ReasonOtherConnection)
	if acme.provider.Count(oidctest.EndpointToken)+evil.provider.Count(oidctest.EndpointToken) != 0 {
		t.Error("the code was sent to a provider")
	}
}

// TestAttack17: a provider whose document sends browsers to another provider. That one does not know our redirect URI, so
// it is enough that each connection has its own.
func TestAttack17_redirectPerConnection(t *testing.T) {
	w := newWorld(t, false)
	acme, evil := w.tenant("acme", "acme.example"), w.tenant("evil", "evil.example")
	acme.both("sub-alice", "alice@acme.example")
	evil.provider.Script(oidctest.Faults{Lasting: []oidctest.Fault{oidctest.DiscoveryForeign}, Foreign: acme.provider.Issuer()})
	b := w.browser()
	at, _ := w.start(b, url.Values{"email": {"x@evil.example"}})
	forged := strings.Replace(at, "client-evil", "client-acme", 1)
	if page := w.get(b, forged); page.status < 400 || page.header.Get("Location") != "" {
		t.Errorf("the honest provider took a foreign redirect URI: %d", page.status)
	}
}

func TestAttack20_replay(t *testing.T) {
	w := newWorld(t, false)
	acme := w.tenant("acme", "acme.example")
	acme.both("sub-alice", "alice@acme.example")
	acme.script("", oidctest.CodeReusable) // so that only the ledger stands in the way
	b := w.browser()
	callback := w.callback(b, "alice@acme.example", "/")
	thief := w.browser()
	thief.SetCookies(w.appURL(), w.cookies(b, "domicile_tx_"))
	if done := w.get(b, callback); done.status != http.StatusSeeOther {
		t.Fatalf("callback: %d", done.status)
	}
	w.refused(thief, w.get(thief, callback), oidc.ReasonReplayed)
	w.ledger.Advance(11 * time.Minute)
	late := w.browser()
	late.SetCookies(w.appURL(), w.cookies(thief, "domicile_tx_"))
	if done := w.get(late, callback); done.status < 400 {
		t.Errorf("the replay works later: %d", done.status)
	}
}

func TestAttack20_replayOnTwoNodesAtOnce(t *testing.T) {
	w := newWorld(t, false)
	acme := w.tenant("acme", "acme.example")
	acme.both("sub-alice", "alice@acme.example")
	acme.script("", oidctest.CodeReusable)
	b := w.browser()
	callback := w.callback(b, "alice@acme.example", "/")
	u, err := url.Parse(callback)
	if err != nil {
		t.Fatal(err)
	}
	cookies := w.cookies(b, "domicile_tx_")
	var group sync.WaitGroup
	statuses := make([]int, 8)
	for i := range statuses {
		group.Go(func() {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, u.RequestURI(), nil)
			if err != nil {
				t.Error(err)
				return
			}
			for _, c := range cookies {
				req.AddCookie(c)
			}
			recorder := httptest.NewRecorder()
			w.nodes[i%2].ServeHTTP(recorder, req)
			statuses[i] = recorder.Code
		})
	}
	group.Wait()
	won := 0
	for _, status := range statuses {
		if status == http.StatusSeeOther {
			won++
		}
	}
	if won != 1 {
		t.Errorf("%d of %v won", won, statuses)
	}
}

func TestAttack21_connectionChangedMeanwhile(t *testing.T) {
	changes := map[string]func(*tenant){
		"disabled": func(x *tenant) { x.connect(false) },
		"another client": func(x *tenant) {
			x.propose(&command.PutConnection{
				ID: x.connection, Issuer: x.provider.Issuer(), ClientID: "another", ClientSecret: []byte("sealed"), Enabled: true,
				ConnectionSettings: x.settings,
			})
		},
		"stricter": func(x *tenant) {
			x.settings.ACRValues = []string{"phr"}
			x.connect(true)
		},
		"deleted": func(x *tenant) { x.propose(&command.DeleteConnection{ID: x.connection}) },
		"made anew": func(x *tenant) {
			x.propose(&command.DeleteConnection{ID: x.connection})
			x.world.ledger.Advance(time.Second)
			x.connect(true)
		},
		"organization deleted": func(x *tenant) {
			x.propose(&command.DeleteOrganization{})
		},
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, false)
			acme := w.tenant("acme", "acme.example")
			acme.both("sub-alice", "alice@acme.example")
			b := w.browser()
			callback := w.callback(b, "alice@acme.example", "/")
			change(acme)
			w.refused(b, w.get(b, callback), oidc.ReasonConnectionChanged)
			if acme.provider.Count(oidctest.EndpointToken) != 0 {
				t.Error("the code was sent to the provider")
			}
		})
	}
}

func TestAttack22_transactionCookie(t *testing.T) {
	w := newWorld(t, false)
	acme := w.tenant("acme", "acme.example")
	acme.both("sub-alice", "alice@acme.example")
	tests := []struct {
		name   string
		tamper func(b *oidctest.Browser, c *http.Cookie)
		want   oidc.Reason
	}{
		{"tampered", func(_ *oidctest.Browser, c *http.Cookie) {
			c.Value = c.Value[:len(c.Value)/2] + flip(c.Value[len(c.Value)/2]) + c.Value[len(c.Value)/2+1:]
		}, oidc.ReasonTransactionInvalid},
		{"cut", func(_ *oidctest.Browser, c *http.Cookie) { c.Value = c.Value[:40] }, oidc.ReasonTransactionInvalid},
		{"empty", func(_ *oidctest.Browser, c *http.Cookie) { c.Value = "" }, oidc.ReasonTransactionInvalid},
		{"endless", func(_ *oidctest.Browser, c *http.Cookie) { c.Value = strings.Repeat("A", 5000) }, oidc.ReasonTransactionInvalid},
		{"of another sign-in", func(b *oidctest.Browser, c *http.Cookie) {
			old := c.Name
			w.start(b, url.Values{"email": {"alice@acme.example"}})
			for _, other := range w.cookies(b, "domicile_tx_") {
				if other.Name != old {
					c.Value = other.Value
				}
			}
		}, oidc.ReasonTransactionInvalid},
		{"of another region", func(_ *oidctest.Browser, c *http.Cookie) {
			c.Value = w.foreignTransaction(acme)
		}, oidc.ReasonTransactionInvalid},
		{"expired", func(*oidctest.Browser, *http.Cookie) { w.ledger.Advance(10*time.Minute + time.Second) }, oidc.ReasonTransactionExpired},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w.t = t
			b := w.browser()
			callback := w.callback(b, "alice@acme.example", "/")
			cookie := w.cookies(b, "domicile_tx_")[0]
			test.tamper(b, cookie)
			// The browser's jar would drop an expired cookie; an attacker's does not.
			fresh := w.browser()
			fresh.SetCookies(w.appURL(), []*http.Cookie{{Name: cookie.Name, Value: cookie.Value, Path: "/", Secure: true}})
			w.refused(fresh, w.get(fresh, callback), test.want)
		})
	}
}

// foreignTransaction is a cookie that another region's node with the same keys made.
func (w *world) foreignTransaction(x *tenant) string {
	w.t.Helper()
	service := w.service("us", slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	redirect, err := service.Start(w.t.Context(), oidc.StartRequest{Connection: x.connection})
	if err != nil {
		w.t.Fatal(err)
	}
	return redirect.CookieValue
}

func flip(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}

// TestAttack24: a tenant's provider speaks of another tenant's people.
func TestAttack24_addressOfAnotherTenant(t *testing.T) {
	w := newWorld(t, false)
	acme, evil := w.tenant("acme", "acme.example"), w.tenant("evil", "evil.example")
	acme.both("sub-alice", "alice@acme.example")
	evil.person("sub-alice", "alice@acme.example", nil)
	evil.user(directory.SourceSCIM, "alice@acme.example", "alice@acme.example")
	b := w.browser()
	at, _ := w.start(b, url.Values{"organization": {"evil"}})
	done := w.get(b, w.authorize(b, at, "alice@acme.example"))
	_, session := w.session(b)
	if organization, ok := session["organization"].(map[string]any); done.status == http.StatusSeeOther && (!ok || organization["slug"] != "evil") {
		t.Errorf("evil's provider signed in to %v", session)
	}
	// Without a namesake of its own, evil's identity is nobody.
	evil.person("sub-carol", "carol@acme.example", nil)
	acme.user(directory.SourceSCIM, "carol@acme.example", "carol@acme.example")
	b = w.browser()
	at, _ = w.start(b, url.Values{"organization": {"evil"}})
	w.refused(b, w.get(b, w.authorize(b, at, "carol@acme.example")), oidc.ReasonNotProvisioned)
}

// TestAttack28: the address of a person who has left, now with another subject.
func TestAttack28_addressOfAPredecessor(t *testing.T) {
	w := newWorld(t, false)
	acme := w.tenant("acme", "acme.example")
	acme.both("sub-alice", "alice@acme.example")
	w.signIn(w.browser(), "alice@acme.example")
	acme.provider.RemoveUser("sub-alice")
	acme.person("sub-alice-2", "alice@acme.example", nil)
	b := w.browser()
	w.refused(b, w.signIn(b, "alice@acme.example"), oidc.ReasonNotProvisioned)
}

func TestAttack31_addresses(t *testing.T) {
	w := newWorld(t, false)
	corp := w.tenant("corp", "corp.example")
	corp.user(directory.SourceSCIM, "ann", "b@corp.example")
	addresses := []string{
		"a@evil.example,b@corp.example", "x@evil.example@corp.example", "b＠corp.example", "b@corp.example.evil.example",
		"b@evilcorp.example", "\"b@corp.example\"@evil.example", "b@corp.example\x00", "b@ corp.example", "b@corp。example",
		"<b@corp.example>", "b@corp.example;x", "ｂ@corp.example", "@corp.example", "b@",
	}
	for _, address := range addresses {
		t.Run(address, func(t *testing.T) {
			w.t = t
			corp.person("sub-x", "login@x.example", map[string]any{
				"email": address, "email_verified": true, "preferred_username": "nobody",
			})
			b := w.browser()
			at, _ := w.start(b, url.Values{"organization": {"corp"}})
			w.refused(b, w.get(b, w.authorize(b, at, "login@x.example")), oidc.ReasonNotProvisioned)
			if address == "b@corp.example\x00" {
				return // a form may trim it
			}
			if at, page := w.start(w.browser(), url.Values{"email": {address}}); at != "" {
				t.Errorf("the address chose a provider: %d", page.status)
			}
		})
	}
}

// TestAttack32: names of power.
func TestAttack32_rootUser(t *testing.T) {
	w := newWorld(t, false)
	acme := w.tenant("acme", "acme.example")
	acme.user(directory.SourceRoot, "admin", "root@acme.example")
	for _, claims := range []map[string]any{
		{"preferred_username": "admin"},
		{"preferred_username": "root@acme.example"},
		{"preferred_username": "ROOT@acme.example", "upn": "Admin"},
		{"email": "root@acme.example", "email_verified": true, "preferred_username": "nobody"},
	} {
		acme.person("sub-x", "login@acme.example", claims)
		b := w.browser()
		at, _ := w.start(b, url.Values{"organization": {"acme"}})
		w.refused(b, w.get(b, w.authorize(b, at, "login@acme.example")), oidc.ReasonNotProvisioned)
	}
}

func TestAttack33_deactivated(t *testing.T) {
	w := newWorld(t, false)
	acme := w.tenant("acme", "acme.example")
	id := acme.both("sub-alice", "alice@acme.example")
	never := acme.both("sub-bob", "bob@acme.example")
	w.signIn(w.browser(), "alice@acme.example")
	acme.propose(&command.ReplaceUser{ID: id, UserFields: fields("alice@acme.example", false, "alice@acme.example")})
	acme.propose(&command.ReplaceUser{ID: never, UserFields: fields("bob@acme.example", false, "bob@acme.example")})
	for _, email := range []string{"alice@acme.example", "bob@acme.example"} {
		b := w.browser()
		w.refused(b, w.signIn(b, email), oidc.ReasonInactive)
	}
	acme.propose(&command.DeleteUser{ID: id})
	b := w.browser()
	w.refused(b, w.signIn(b, "alice@acme.example"), oidc.ReasonNotProvisioned)
	if d, _ := w.ledger.FSM.View().Directory(acme.id); d.UserCount(directory.SourceSCIM) != 1 {
		t.Errorf("%d users: somebody was created", d.UserCount(directory.SourceSCIM))
	}
}

// TestAttack45: where a sign-in may lead. The full list is tested in oidc.
func TestAttack45_returnTo(t *testing.T) {
	w := newWorld(t, false)
	w.tenant("acme", "acme.example").both("sub-alice", "alice@acme.example")
	for _, target := range []string{"//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "/a\r\nSet-Cookie: x=y", "/%2fevil.example"} {
		b := w.browser()
		done := w.get(b, w.callback(b, "alice@acme.example", target))
		if done.header.Get("Location") != "/" || len(done.header.Values("Set-Cookie")) > 3 {
			t.Errorf("%q leads to %q", target, done.header.Get("Location"))
		}
	}
}

// TestAttack46: a session planted before the sign-in does not become the victim's.
func TestAttack46_fixation(t *testing.T) {
	w := newWorld(t, false)
	acme := w.tenant("acme", "acme.example")
	acme.both("sub-alice", "alice@acme.example")
	acme.both("sub-mallory", "mallory@acme.example")
	mallory := w.browser()
	w.signIn(mallory, "mallory@acme.example")
	planted := w.cookies(mallory, "domicile_session")

	victim := w.browser()
	victim.SetCookies(w.appURL(), planted)
	w.signIn(victim, "alice@acme.example")
	if got := w.cookies(victim, "domicile_session"); len(got) != 1 || got[0].Value == planted[0].Value {
		t.Error("the planted session went on")
	}
	if status, _ := w.session(mallory); status != http.StatusUnauthorized {
		t.Errorf("the session that the sign-in replaced answers %d", status)
	}
}

// TestAttack48: what a provider or an owner wrote never becomes markup.
func TestAttack48_markup(t *testing.T) {
	w := newWorld(t, false)
	acme := w.tenant("acme", "acme.example")
	acme.person("sub-alice", "alice@acme.example", map[string]any{"name": "<img src=x onerror=alert(1)>"})
	id := acme.user(directory.SourceSCIM, "alice@acme.example", "alice@acme.example")
	evil := fields("alice@acme.example", true, "alice@acme.example")
	evil.DisplayName = `<img src=x onerror=alert(1)>`
	acme.propose(&command.ReplaceUser{ID: id, UserFields: evil})
	acme.propose(&command.UpdateOrganization{OrganizationFields: command.OrganizationFields{
		Slug: "acme", Name: `"><script>alert(1)</script>`, Domains: []string{"acme.example"}, Profile: directory.ProfileInterop,
	}})
	b := w.browser()
	w.signIn(b, "alice@acme.example")
	for _, path := range []string{"/", "/login/acme", "/logout", "/login?return_to=%22%3E%3Cscript%3E", "/signin-oidc/%3Cscript%3E?state=%3Cscript%3E&error=%3Cscript%3E"} {
		page := w.get(b, path)
		if strings.Contains(page.body, "<script") || strings.Contains(page.body, "<img") {
			t.Errorf("%s:\n%s", path, page.body)
		}
	}
}

// TestAttack_prefetch: a HEAD does not use up the code.
func TestAttack_prefetch(t *testing.T) {
	w := newWorld(t, false)
	w.tenant("acme", "acme.example").both("sub-alice", "alice@acme.example")
	b := w.browser()
	callback := w.callback(b, "alice@acme.example", "/")
	if a := w.do(b, http.MethodHead, callback, nil); a.status != http.StatusMethodNotAllowed {
		t.Errorf("HEAD: %d", a.status)
	}
	if done := w.get(b, callback); done.status != http.StatusSeeOther {
		t.Errorf("GET afterwards: %d", done.status)
	}
}
