package httpapi_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/oidc/oidctest"
)

// TestAttack55_providerIsHealthy: the emergency entrance is open while people sign in with the provider, since nobody could tell
// from outside. Whoever uses it so leaves traces that they cannot take away, is limited in what they do, and goes in an hour.
func TestAttack55_providerIsHealthy(t *testing.T) {
	const spare = "spare@globex.example"
	w := newParlour(t).world
	p := &parlour{w, w.tenant("globex", "globex.example")}
	p.both("sub-bob", "bob@globex.example")
	d, _ := w.ledger.FSM.View().Directory(p.id)
	org := d.Organization()
	p.propose(&command.UpdateOrganization{ExpectVersion: org.Version, OrganizationFields: command.OrganizationFields{
		Slug: org.Slug, Name: org.Name, Domains: org.Domains, RootEmail: org.RootEmail, Profile: org.Profile, BreakGlass: []string{spare},
	}})
	key := p.key()
	codes := p.enrol(spare, key)
	healthy := func() {
		t.Helper()
		if done := w.signIn(w.browser(), "bob@globex.example"); done.status != http.StatusSeeOther {
			t.Fatalf("the provider: %d %v", done.status, w.logs.last("sign-in refused"))
		}
	}
	// traces are what the audit log has of break-glass sessions, and the mails that go to the organization's keepers.
	traces := func() (rows []*directory.AuditRow, told int) {
		d, _ := w.ledger.FSM.View().Directory(p.id)
		for row := range d.Audit() {
			if row.Event == "session.break_glass" {
				rows = append(rows, row)
			}
		}
		for errand := range w.ledger.FSM.View().Errands() {
			if errand.Kind == directory.ErrandBreakGlass && errand.Organization == p.id && errand.Subject == spare {
				told++
			}
		}
		return rows, told
	}
	healthy()

	// A guess, and a first step without the second, open nothing.
	b := p.browser()
	p.leads(p.post(b, "/login/emergency/recovery", url.Values{"email": {spare}, "recovery": {"AAAAA-AAAAA-AAAAA-AAAAA"}}), "/login/emergency/code")
	p.signedOut(b)
	b = p.browser()
	p.leads(p.post(b, "/login/emergency/recovery", url.Values{"email": {spare}, "recovery": {codes[0]}}), "/login/emergency/code")
	p.letter(spare, mailedCode)
	p.signedOut(b)
	if rows, told := traces(); len(rows) != 0 || told != 0 {
		t.Errorf("nobody came in: %d rows, told %d times", len(rows), told)
	}

	for n, first := range []func() visit{
		func() visit { return p.show(b, "/login/emergency", key) },
		func() visit {
			return p.post(b, "/login/emergency/recovery", url.Values{"email": {spare}, "recovery": {codes[1]}})
		},
	} {
		b = p.browser()
		p.leads(first(), "/login/emergency/code")
		p.leads(p.post(b, "/login/emergency/code", url.Values{"code": {p.letter(spare, mailedCode)}}), "/")
		held := p.sessionOf(b)
		if held == nil || held.Kind != directory.SessionBreakGlass || held.Email != spare {
			t.Fatalf("session %+v", held)
		}
		rows, told := traces()
		if len(rows) != n+1 || told != n+1 {
			t.Fatalf("after %d sign-ins: %d rows, told %d times", n+1, len(rows), told)
		}
		if row := rows[0]; row.Subject != spare || row.Detail != string(held.ID) || row.At == 0 || row.Actor == "" {
			t.Errorf("audit row %+v", row)
		}
	}
	healthy()
	p.limited(b)
	if rows, told := traces(); len(rows) != 2 || told != 2 {
		t.Errorf("in the end %d rows, told %d times", len(rows), told)
	}
	w.ledger.Advance(time.Duration(directory.BreakGlassLifetime)*time.Microsecond + time.Second)
	if page := p.open(b, "/api/v1/session"); page.status != http.StatusUnauthorized {
		t.Errorf("after its hour the session answers %d", page.status)
	}
}

// limited checks what a break-glass session may do: what gets people in again, and nothing of what they see there.
func (p *parlour) limited(b *oidctest.Browser) {
	p.world.t.Helper()
	base := "/api/v1/organizations/" + string(p.id)
	cookies := b.Cookies(mustURL(p.world.t, p.origin()))
	i := slices.IndexFunc(cookies, func(c *http.Cookie) bool { return c.Name == "domicile_session" })
	if i < 0 {
		p.world.t.Fatal("there is no session")
	}
	for what, want := range map[string]int{
		"GET " + base + "/connections": http.StatusOK, "GET " + base + "/users": http.StatusForbidden, "GET " + base + "/scim-tokens": http.StatusForbidden,
		"GET /api/v1/organizations/acme/connections": http.StatusNotFound, "GET /account/keys": http.StatusForbidden,
		"POST " + base + "/scim-tokens": http.StatusForbidden,
	} {
		method, path, _ := strings.Cut(what, " ")
		a := p.direct(0, method, path, "{}", http.Header{"Sec-Fetch-Site": {"same-origin"}, "Content-Type": {"application/json"}}, cookies[i])
		if a.Code != want {
			p.world.t.Errorf("%s: %d, want %d\n%s", what, a.Code, want, a.Body)
		}
	}
}
