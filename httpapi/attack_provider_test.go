package httpapi_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"domicile/console/consoletest"
	"domicile/directory"
	"domicile/oidc"
	"domicile/oidc/oidctest"
)

// lure begins a sign-in and gives the address at the provider and its query.
func (w *world) lure(b *oidctest.Browser, slug string) (*url.URL, url.Values) {
	w.t.Helper()
	at, page := w.start(b, url.Values{"organization": {slug}})
	if at == "" {
		w.t.Fatalf("the sign-in did not start: %d\n%s", page.status, page.body)
	}
	u := mustURL(w.t, at)
	return u, u.Query()
}

// rewritten gives an address with other parameters; an empty value takes one away.
func rewritten(u *url.URL, pairs ...string) string {
	changed := *u
	changed.RawQuery = altered(u.Query(), pairs...).Encode()
	return changed.String()
}

// TestAttack16_mixUpWithoutIssuer: evil's authorization endpoint sends a victim on to acme's provider, with the challenge
// and the nonce of a sign-in of evil's own, and acme's provider says in no answer who it is. The code would go to evil's
// token endpoint. It does not, because acme's provider sends no browser to evil's address.
func TestAttack16_mixUpWithoutIssuer(t *testing.T) {
	w := newWorld(t, false)
	acme, evil := w.tenant("acme", "acme.example"), w.tenant("evil", "evil.example")
	acme.both("sub-alice", "alice@acme.example")
	acme.script("", oidctest.IssNotSupported)
	evil.provider.Script(oidctest.Faults{Lasting: []oidctest.Fault{oidctest.DiscoveryForeign, oidctest.IssNotSupported}, Foreign: acme.provider.Issuer()})
	victim, attacker := w.browser(), w.browser()
	w.signIn(victim, "alice@acme.example") // so that acme's provider asks for no password
	acme.provider.ResetRequests()
	own, asked := w.lure(attacker, "acme")
	lured, sent := w.lure(victim, "evil")
	for name, address := range map[string]string{
		"evil's redirect URI": rewritten(lured, "client_id", "client-acme", "code_challenge", asked.Get("code_challenge"), "nonce", asked.Get("nonce")),
		"as it came":          lured.String(),
		"shared redirect URI": rewritten(own, "redirect_uri", w.server.URL+"/signin-oidc", "state", sent.Get("state")),
	} {
		if page := w.get(victim, address); page.status < 400 || page.header.Get("Location") != "" {
			t.Errorf("%s: the honest provider answers %d to %q", name, page.status, page.header.Get("Location"))
		}
	}
	// With acme's own redirect URI there is a code, but it comes to acme's address, where evil's sign-in cannot be finished.
	page := w.get(victim, rewritten(own, "state", sent.Get("state")))
	code := mustURL(t, page.header.Get("Location"))
	if page.status != http.StatusSeeOther || !strings.HasPrefix(code.Path, "/signin-oidc/"+string(acme.connection)) {
		t.Fatalf("%d to %s", page.status, code)
	}
	if a := w.get(victim, code.String()); a.status < 400 {
		t.Errorf("acme's address answers %d", a.status)
	}
	if n := evil.provider.Count(oidctest.EndpointToken) + acme.provider.Count(oidctest.EndpointToken); n != 0 {
		t.Errorf("%d codes were sent to a provider", n)
	}
}

// TestAttack16_sharedAddressIsReviewed: whoever wants the shared address for a provider that does not name itself is warned,
// and so is the operator, who has to say that the provider is trusted before it comes into force.
func TestAttack16_sharedAddressIsReviewed(t *testing.T) {
	o := newOffice(t)
	e, silent, honest := o.estate("acme"), consoletest.NewIssuer(t), consoletest.NewIssuer(t)
	honest.Set("authorization_response_iss_parameter_supported", true)
	warned := func(doc map[string]any) bool {
		return strings.Contains(fmt.Sprint(doc["discovery"]), "shared_redirect_without_iss")
	}
	wish := func(issuer *consoletest.Issuer, shared bool) map[string]any {
		return o.must(http.StatusCreated, ask{
			method: "POST", path: e.path + "/connection-requests", session: e.owner,
			body: fmt.Sprintf(`{"issuer":%q,"client_id":"second","client_secret":"hush","shared_redirect":%t}`, issuer.URL, shared),
		})
	}
	if warned(wish(honest, true)) || warned(wish(silent, false)) {
		t.Error("a warning without a reason")
	}
	made := wish(silent, true)
	path := e.path + "/connection-requests/" + made["id"].(string)
	if !warned(made) {
		t.Errorf("no warning for the owner: %v", made["discovery"])
	}
	for _, step := range []string{"approve", "enable"} {
		o.refused(ask{method: "POST", path: path + "/" + step, session: e.owner, body: `{}`}, http.StatusUnauthorized, "")
	}
	o.must(http.StatusOK, ask{method: "POST", path: path + "/submit", session: e.owner, body: `{}`})
	o.refused(ask{method: "POST", path: path + "/activate", session: e.owner, body: `{}`}, http.StatusConflict, "state")
	if checked := o.must(http.StatusOK, ask{method: "GET", path: path + "/discovery"}); !strings.Contains(fmt.Sprint(checked), "shared_redirect_without_iss") {
		t.Errorf("no warning for the operator: %v", checked)
	}
	approval := func(member string) ask {
		version := o.must(http.StatusOK, ask{method: "GET", path: path})["version"]
		return ask{method: "POST", path: path + "/approve", body: fmt.Sprintf(`{"version":%.0f%s}`, version, member)}
	}
	o.refused(approval(""), http.StatusConflict, "trust_shared_callback")
	o.refused(ask{method: "POST", path: path + "/submit", session: e.owner, body: `{"trust_shared_callback":true}`}, http.StatusBadRequest, "trust_shared_callback")
	if approved := o.must(http.StatusOK, approval(`,"trust_shared_callback":true`)); !strings.HasPrefix(approved["note"].(string), "Trusted at the shared redirect address") {
		t.Errorf("approved with the note %q", approved["note"])
	}
	put := ask{method: "POST", path: e.path + "/connections", body: fmt.Sprintf(`{"issuer":%q,"client_id":"third","client_secret":"hush","shared_redirect":true}`, silent.URL)}
	o.refused(put, http.StatusConflict, "trust_shared_callback")
	put.body = strings.TrimSuffix(put.body, "}") + `,"trust_shared_callback":true}`
	o.must(http.StatusCreated, put)
	if log := o.do(ask{method: "GET", path: e.path + "/audit"}).body; !strings.Contains(log, "created, shared_callback_trusted") {
		t.Errorf("the audit log does not say so: %s", log)
	}
}

// TestAttack16_sharedProviderFallsSilent: a provider at the shared address that named itself when it was connected cannot get
// out of it by announcing it no more.
func TestAttack16_sharedProviderFallsSilent(t *testing.T) {
	w := newWorld(t, false)
	acme := w.tenant("acme", "acme.example")
	acme.settings.SharedRedirect, acme.settings.NamesIssuer = true, true
	acme.connect(true)
	acme.provider.SetClient(oidctest.Client{
		ID: "client-acme", Secret: "client secret of acme", RedirectURIs: []string{w.server.URL + "/signin-oidc"},
	})
	acme.both("sub-alice", "alice@acme.example")
	if done := w.signIn(w.browser(), "alice@acme.example"); done.status != http.StatusSeeOther {
		t.Fatalf("an honest answer: %d\n%s", done.status, done.body)
	}
	acme.script("", oidctest.IssNotSupported)
	w.ledger.Advance(25 * time.Hour) // its metadata is fetched anew
	b := w.browser()
	w.refused(b, w.get(b, w.callback(b, "alice@acme.example", "/")), oidc.ReasonResponseIssuer)
}

// TestAttack23_challengeIgnored: a provider that does not compare the PKCE verifier. People sign in, and a code that was
// stolen from one browser is of no use in the sign-in of another: the nonce in its token is that of the first.
func TestAttack23_challengeIgnored(t *testing.T) {
	w := newWorld(t, false)
	acme := w.tenant("acme", "acme.example")
	acme.both("sub-alice", "alice@acme.example")
	for _, test := range []struct {
		name   string
		faults []oidctest.Fault
		want   oidc.Reason
	}{
		{"ignored", []oidctest.Fault{oidctest.PKCEIgnored}, oidc.ReasonTokenNonce},
		{"ignored, and not announced", []oidctest.Fault{oidctest.PKCEIgnored, oidctest.PKCENotAnnounced}, oidc.ReasonTokenNonce},
		{"ignored, and the nonce is left out", []oidctest.Fault{oidctest.PKCEIgnored, oidctest.NonceMissing}, oidc.ReasonTokenNonce},
		{"compared", nil, oidc.ReasonExchange},
	} {
		t.Run(test.name, func(t *testing.T) {
			w.t = t
			acme.script("", test.faults...)
			stolen := mustURL(t, w.callback(w.browser(), "alice@acme.example", "/")).Query().Get("code")
			attacker := w.browser()
			own := mustURL(t, w.callback(attacker, "alice@acme.example", "/"))
			w.refused(attacker, w.get(attacker, rewritten(own, "code", stolen)), test.want)
		})
	}
	w.t = t
	acme.script("", oidctest.PKCEIgnored)
	at, query := w.lure(w.browser(), "acme")
	if query.Get("code_challenge_method") != "S256" || len(query.Get("code_challenge")) != 43 {
		t.Errorf("no challenge is sent: %s", at)
	}
	if done := w.signIn(w.browser(), "alice@acme.example"); done.status != http.StatusSeeOther {
		t.Errorf("an honest sign-in: %d", done.status)
	}
}

// TestAttack06_nonceOfAnotherBrowser: the token is good, and was made for somebody else's sign-in with the same provider.
func TestAttack06_nonceOfAnotherBrowser(t *testing.T) {
	w := newWorld(t, false)
	acme := w.tenant("acme", "acme.example")
	acme.both("sub-alice", "alice@acme.example")
	victim, attacker := w.browser(), w.browser()
	_, first := w.lure(victim, "acme")
	at, _ := w.lure(attacker, "acme")
	callback := w.authorize(attacker, rewritten(at, "nonce", first.Get("nonce")), "alice@acme.example")
	w.refused(attacker, w.get(attacker, callback), oidc.ReasonTokenNonce)
}

const (
	tenantA = "7a9b1c1e-0000-4000-8000-00000000000a"
	tenantB = "7a9b1c1e-0000-4000-8000-00000000000b"
)

func entraIssuer(tenant string) string {
	return "https://login.microsoftonline.com/" + tenant + "/v2.0"
}

// TestAttack25_otherDirectoryTenant: every tenant of Entra ID has the same host and the same keys, and its administrators
// write into its people's addresses what they like. Somebody of tenant B has the address of somebody of tenant A.
func TestAttack25_otherDirectoryTenant(t *testing.T) {
	c := newCloud(t, entraIssuer(tenantA), "acme.example")
	victim := c.user(directory.SourceSCIM, "alice@acme.example", "alice@acme.example")
	c.person("sub-mallory", "mallory@evil.example", map[string]any{
		"tid": tenantB, "oid": "b-mallory", "email": "alice@acme.example", "email_verified": true, "xms_edov": true,
		"preferred_username": "alice@acme.example", "upn": "alice@acme.example",
	})
	for name, foreign := range map[string]string{
		"tenant B":              entraIssuer(tenantB),
		"tenant B, version 1.0": "https://sts.windows.net/" + tenantB + "/",
		"our own, version 1.0":  "https://sts.windows.net/" + tenantA + "/",
		"all tenants":           entraIssuer("common"),
		"placeholder":           entraIssuer("{tenantid}"),
	} {
		t.Run(name, func(t *testing.T) {
			c.world.t = t
			c.provider.Script(oidctest.Faults{Lasting: []oidctest.Fault{oidctest.IssWrong, oidctest.IssNotSupported}, Foreign: foreign})
			b := c.browser()
			c.refused(b, c.enter(b, "mallory@evil.example"), oidc.ReasonTokenIssuer)
		})
	}
	d, _ := c.ledger.FSM.View().Directory(c.id)
	for link := range d.LinksOf(victim) {
		t.Errorf("the victim is tied to %s", link.Subject)
	}
}

// TestAttack25_addressInTheOwnTenant: a lesser administrator of tenant A itself writes a colleague's address into an account.
// Where the colleague signed in before, the address proves nothing any more.
func TestAttack25_addressInTheOwnTenant(t *testing.T) {
	c := newCloud(t, entraIssuer(tenantA), "acme.example")
	c.provider.Script(oidctest.Faults{Lasting: []oidctest.Fault{oidctest.IssNotSupported}})
	c.user(directory.SourceSCIM, "alice@acme.example", "alice@acme.example")
	c.person("sub-alice", "alice@acme.example", map[string]any{"tid": tenantA, "oid": "a-alice"})
	if done := c.enter(c.browser(), "alice@acme.example"); done.status != http.StatusSeeOther {
		t.Fatalf("alice herself: %d %v", done.status, c.logs.last("sign-in refused"))
	}
	c.provider.RemoveUser("sub-alice")
	c.person("sub-mallory", "alice@acme.example", map[string]any{
		"tid": tenantA, "oid": "a-mallory", "preferred_username": "mallory@acme.example", "xms_edov": true,
	})
	b := c.browser()
	c.refused(b, c.enter(b, "alice@acme.example"), oidc.ReasonNotProvisioned)
}

// TestAttack26_authorityOfAllTenants: such an authority is refused where it is typed, before anybody is asked, and where a
// discovery document names one.
func TestAttack26_authorityOfAllTenants(t *testing.T) {
	o := newOffice(t)
	e, issuer := o.estate("acme"), consoletest.NewIssuer(t)
	connection := e.path + "/connections/" + e.names["connection"]
	request := e.path + "/connection-requests/" + e.names["request"]
	refuse := func(t *testing.T, authority string) {
		body := fmt.Sprintf(`{"issuer":%q,"client_id":"x","client_secret":"y"}`, authority)
		for _, a := range []ask{
			{method: "POST", path: e.path + "/connection-requests", session: e.owner, body: body},
			{method: "PUT", path: request, session: e.breakGlass, body: body},
			{method: "POST", path: e.path + "/connections", body: body},
			{method: "PUT", path: connection, body: body},
		} {
			detail := o.refused(a, http.StatusBadRequest, "issuer")["detail"].(string)
			if !strings.Contains(detail, "every tenant") {
				t.Errorf("%s %s: %q", a.method, authority, detail)
			}
		}
	}
	for _, tenant := range []string{
		"common", "organizations", "consumers", "Common", "%63ommon", "9188040d-6c67-4c5b-b112-36a304b66dad", "{tenantid}", "%7Btenantid%7D", "/common",
	} {
		for _, form := range []string{
			"https://login.microsoftonline.com/%s/v2.0", "https://login.microsoftonline.com/%s", "https://LOGIN.microsoftonline.com/%s/",
			"https://login.microsoftonline.com/%s/v2.0/.well-known/openid-configuration", "https://sts.windows.net/%s/",
			"https://login.microsoftonline.us/%s/v2.0",
		} {
			refuse(t, fmt.Sprintf(form, tenant))
		}
	}
	refuse(t, "https://login.microsoftonline.com")
	refuse(t, "https://login.microsoftonline.com/")
	for _, named := range []string{entraIssuer("{tenantid}"), entraIssuer("common"), "https://sts.windows.net/{tenantid}/"} {
		issuer.Set("issuer", named)
		refuse(t, issuer.URL)
	}
}

// TestAttack27_accountOfNobodys: everybody in the world has an account at Google, and the same issuer. Only the hosted domain
// tells whose account it is.
func TestAttack27_accountOfNobodys(t *testing.T) {
	c := newCloud(t, "https://accounts.google.com", "acme.example", "acme.test")
	c.user(directory.SourceSCIM, "alice@acme.example", "alice@acme.example")
	for name, hosted := range map[string]any{
		"none":             nil,
		"empty":            "",
		"another":          "evil.example",
		"subdomain":        "mail.acme.example",
		"suffix":           "evilacme.example",
		"a list":           []string{"acme.example"},
		"a truth":          true,
		"in two":           "evil.example,acme.example",
		"space around":     " acme.example",
		"dot at the end":   "acme.example.",
		"look-alike":       "ａcme.example",
		"domain of no-one": "gmail.com",
	} {
		t.Run(name, func(t *testing.T) {
			c.world.t = t
			subject := "sub of " + name
			c.person(subject, "alice@acme.example", map[string]any{"hd": hosted})
			defer c.provider.RemoveUser(subject)
			b := c.browser()
			c.refused(b, c.enter(b, "alice@acme.example"), oidc.ReasonForeignAccount)
		})
	}
	c.world.t = t
	t.Run("an account that has left", func(t *testing.T) {
		c.world.t = t
		c.person("sub-alice", "alice@acme.example", map[string]any{"hd": "Acme.example"})
		if done := c.enter(c.browser(), "alice@acme.example"); done.status != http.StatusSeeOther {
			t.Errorf("the organization's own account: %d %v", done.status, c.logs.last("sign-in refused"))
		}
		c.person("sub-alice", "alice@acme.example", nil)
		b := c.browser()
		c.refused(b, c.enter(b, "alice@acme.example"), oidc.ReasonForeignAccount)
	})
}
