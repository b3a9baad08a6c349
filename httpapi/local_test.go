package httpapi_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/oidc/oidctest"
	"domicile/seal"
)

func hashOf(token string) directory.Hash { return seal.HashToken(token) }

// The root user sets up by mail and signs in with the passkey alone, each step on another node.
func TestLocal_rootByPasskey(t *testing.T) {
	p := newParlour(t)
	key := p.key()
	if codes := p.enrol(rootAddress, key); len(codes) != 10 {
		t.Fatalf("codes %v", codes)
	}
	b := p.browser()
	signedIn := p.show(b, "/login/local?return_to=%2Faccount%2Fkeys", key)
	p.leads(signedIn, "/account/keys")
	session := cookieNamed(signedIn, "domicile_session")
	if session == nil || !session.HttpOnly || session.Path != "/" || session.Domain != "" || session.SameSite != http.SameSiteLaxMode ||
		session.MaxAge != 12*3600 || !strings.HasPrefix(session.Value, "dom_eu_session_") {
		t.Errorf("session cookie %v", session)
	}
	if held := p.sessionOf(b); held == nil || held.Kind != directory.SessionLocal || held.Address == "" {
		t.Errorf("session %+v", held)
	}
	if used := cookieNamed(signedIn, "domicile_passkey"); used == nil || used.MaxAge >= 0 {
		t.Errorf("the challenge is kept: %v", used)
	}
	p.says(p.open(b, "/"), http.StatusOK, `href="/account/keys"`)
	if page := p.open(b, "/api/v1/session"); page.status != http.StatusOK || !strings.Contains(page.body, rootAddress) {
		t.Errorf("session %d %s", page.status, page.body)
	}
}

// TestAttack55: a passkey or a recovery code is only the first step for a break-glass address, works once, its session is short,
// and owners are told.
func TestAttack55_breakGlass(t *testing.T) {
	p := newParlour(t)
	key := p.key()
	codes := p.enrol(spareAddress, key)
	b := p.browser()
	p.leads(p.show(b, "/login/emergency", key), "/login/emergency/code")
	p.signedOut(b)
	p.says(p.open(b, "/login/emergency/code"), http.StatusOK, "eight digits")
	signedIn := p.post(b, "/login/emergency/code", url.Values{"code": {p.letter(spareAddress, mailedCode)}})
	p.leads(signedIn, "/")
	if held := p.sessionOf(b); held == nil || held.Kind != directory.SessionBreakGlass || held.Email != spareAddress ||
		held.Expires-held.Created != directory.BreakGlassLifetime || cookieNamed(signedIn, "domicile_session").MaxAge != 3600 {
		t.Errorf("session %+v", held)
	}
	p.says(p.open(b, "/account/keys"), http.StatusForbidden, "nothing to manage")

	// And with a recovery code, without any script.
	b = p.browser()
	p.leads(p.post(b, "/login/emergency/recovery", url.Values{"email": {spareAddress}, "recovery": {strings.ToLower(codes[3])}}), "/login/emergency/code")
	code := p.letter(spareAddress, mailedCode)
	p.leads(p.post(b, "/login/emergency/code", url.Values{"code": {code}}), "/")
	told := 0
	for errand := range p.ledger.FSM.View().Errands() {
		if errand.Kind == directory.ErrandBreakGlass && errand.Subject == spareAddress {
			told++
		}
	}
	if told != 2 {
		t.Errorf("owners are told %d times", told)
	}
	// Neither of the codes works again.
	b = p.browser()
	p.leads(p.post(b, "/login/emergency/recovery", url.Values{"email": {spareAddress}, "recovery": {codes[3]}}), "/login/emergency/code")
	if letters := p.take(t); len(letters) != 0 {
		t.Errorf("letters %v", letters)
	}
	p.says(p.post(b, "/login/emergency/code", url.Values{"code": {code}}), http.StatusBadRequest, "not the code")
	p.signedOut(b)
}

func TestLocal_invitedByMail(t *testing.T) {
	p := newParlour(t)
	b := p.browser()
	page := p.open(b, "/login/local?organization=acme&return_to=%2Fx")
	p.says(page, http.StatusOK, `value="acme"`)
	p.leads(p.post(b, "/login/local/mail", url.Values{"email": {" Guest@Contractor.org"}, "organization": {"ACME "}, "return_to": {"/x"}}), "/login/local/code")
	p.leads(p.post(b, "/login/local/code", url.Values{"code": {p.letter(guestAddress, mailedCode)}}), "/x")
	if held := p.sessionOf(b); held == nil || held.Kind != directory.SessionLocal {
		t.Errorf("session %+v", held)
	}
	p.says(p.post(b, "/login/local/mail", url.Values{"email": {"x"}, "organization": {"acme"}}), http.StatusBadRequest, "not an e-mail address")
	p.leads(p.post(b, "/login/local/mail", url.Values{"email": {guestAddress}, "organization": {"acme"}, "return_to": {"https://evil.example"}}), "/login/local/code")
	p.leads(p.post(b, "/login/local/code", url.Values{"code": {p.letter(guestAddress, mailedCode)}}), "/")
}

// TestAttack54: what a stranger sees does not tell who exists: known and unknown, right and wrong are the same bytes.
func TestAttack54_localAnswersAlike(t *testing.T) {
	p := newParlour(t)
	codes := p.enrol(rootAddress, p.key())
	guess := "AAAAA-AAAAA-AAAAA-AAAAA"
	ask := func(path string, form url.Values) string {
		b := p.browser()
		a := p.post(b, path, form)
		cookie := cookieNamed(a, "domicile_code")
		if cookie == nil {
			t.Fatalf("%v: no challenge", form)
		}
		code := p.open(b, a.header.Get("Location"))
		wrong := p.post(b, a.header.Get("Location"), url.Values{"code": {"00000000"}})
		return fmt.Sprint(a.status, a.header.Get("Location"), a.body, len(cookie.Value), cookie.MaxAge, code.status, code.body, wrong.status, wrong.body)
	}
	for name, forms := range map[string][]url.Values{
		"/login/emergency/recovery": {
			{"email": {rootAddress}, "recovery": {codes[0]}}, {"email": {rootAddress}, "recovery": {guess}},
			{"email": {spareAddress}, "recovery": {guess}}, {"email": {"nobody@acme.example"}, "recovery": {guess}},
			{"email": {"root@mail.acme.example"}, "recovery": {codes[1]}}, {"email": {"root@globex.example"}, "recovery": {codes[1]}},
		},
		"/login/local/mail": {
			{"email": {guestAddress}, "organization": {"acme"}}, {"email": {"nobody@contractor.org"}, "organization": {"acme"}},
			{"email": {guestAddress}, "organization": {"globex"}}, {"email": {rootAddress}, "organization": {"acme"}}, {"email": {"x@y.example"}},
		},
	} {
		first := ask(name, forms[0])
		for _, form := range forms[1:] {
			if got := ask(name, form); got != first {
				t.Errorf("%s %v:\n%s\nand not\n%s", name, form, got, first)
			}
		}
	}
	if n := len(p.take(t)); n != 2 {
		t.Errorf("%d letters, want one for each first form", n)
	}
}

// TestAttack55: guessing a code ends after five tries, on both nodes together, and asking for mails ends too.
func TestAttack55_bruteForce(t *testing.T) {
	p := newParlour(t)
	b := p.browser()
	p.leads(p.post(b, "/login/local/mail", url.Values{"email": {guestAddress}, "organization": {"acme"}}), "/login/local/code")
	code := p.letter(guestAddress, mailedCode)
	for i := range 5 {
		p.says(p.post(b, "/login/local/code", url.Values{"code": {fmt.Sprintf("%08d", i)}}), http.StatusBadRequest, "not the code")
	}
	p.says(p.post(b, "/login/local/code", url.Values{"code": {code}}), http.StatusBadRequest, "not the code")
	p.signedOut(b)
	for range 4 {
		p.leads(p.post(p.browser(), "/login/local/mail", url.Values{"email": {guestAddress}, "organization": {"acme"}}), "/login/local/code")
	}
	if n := len(p.take(t)); n != 4 {
		t.Errorf("%d letters", n)
	}
	p.leads(p.post(p.browser(), "/login/local/mail", url.Values{"email": {guestAddress}, "organization": {"acme"}}), "/login/local/code")
	if n := len(p.take(t)); n != 0 {
		t.Errorf("%d letters too many", n)
	}
	p.ledger.Advance(16 * time.Minute)
	p.leads(p.post(p.browser(), "/login/local/mail", url.Values{"email": {guestAddress}, "organization": {"acme"}}), "/login/local/code")
}

// TestAttack55: a challenge belongs to one browser, one purpose and one region, and works once.
func TestAttack55_challenges(t *testing.T) {
	p := newParlour(t)
	key := p.key()
	p.enrol(rootAddress, key)
	b := p.browser()
	response, err := key.Get(p.options(p.open(b, "/login/local")))
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{"response": {string(response)}}
	p.says(p.post(p.browser(), "/login/local/passkey", form), http.StatusBadRequest, "expired") // no challenge
	other := p.browser()
	p.open(other, "/login/local")
	p.says(p.post(other, "/login/local/passkey", form), http.StatusForbidden, "not accepted") // another challenge
	p.signedOut(other)

	// A challenge under the name of another purpose.
	u, _ := url.Parse(p.origin())
	planted := p.browser()
	for _, cookie := range b.Cookies(u) {
		planted.SetCookies(u, []*http.Cookie{{Name: "domicile_code", Value: cookie.Value, Path: "/"}})
	}
	p.says(p.post(planted, "/login/local/code", url.Values{"code": {"00000000"}}), http.StatusBadRequest, "expired")

	// The same answer twice: the challenge is used up in the ledger, whatever the browser kept.
	kept := b.Cookies(u)
	p.leads(p.post(b, "/login/local/passkey", form), "/")
	thief := p.browser()
	thief.SetCookies(u, kept)
	p.says(p.post(thief, "/login/local/passkey", form), http.StatusBadRequest, "expired")
	p.signedOut(thief)

	// Too late.
	late := p.browser()
	if response, err = key.Get(p.options(p.open(late, "/login/local"))); err != nil {
		t.Fatal(err)
	}
	p.ledger.Advance(10*time.Minute + time.Second)
	p.says(p.post(late, "/login/local/passkey", url.Values{"response": {string(response)}}), http.StatusBadRequest, "expired")
}

// Another site cannot send these forms, and a session that was planted before is replaced and ended.
func TestLocal_crossSiteAndFixation(t *testing.T) {
	p := newParlour(t)
	key := p.key()
	p.enrol(rootAddress, key)
	for _, path := range []string{
		"/login/local/mail", "/login/local/passkey", "/login/local/code", "/login/emergency/recovery", "/login/emergency/passkey",
		"/login/emergency/code", "/login/setup/x/passkey", "/login/setup/x/codes", "/account/keys/passkey", "/account/keys/remove", "/account/keys/codes",
	} {
		p.says(p.post(p.browser(), path, nil, "Sec-Fetch-Site", "cross-site"), http.StatusForbidden, "not accepted")
		p.says(p.post(p.browser(), path, nil, "Sec-Fetch-Site", "", "Origin", "https://evil.example"), http.StatusForbidden, "not accepted")
	}
	b := p.browser()
	p.leads(p.show(b, "/login/local", key), "/")
	before := p.sessionOf(b)
	p.leads(p.show(b, "/login/local", key), "/")
	after := p.sessionOf(b)
	if _, open := p.ledger.FSM.View().Session(before.Hash); open || after == nil || after.ID == before.ID {
		t.Errorf("sessions %v and %v", before, after)
	}
}

func TestLocal_setupLink(t *testing.T) {
	p := newParlour(t)
	link := p.link(spareAddress)
	b := p.browser()
	page := p.open(b, link)
	p.says(page, http.StatusOK, "Acme &lt;Works&gt;")
	if policy := page.header.Get("Content-Security-Policy"); !strings.Contains(policy, "; script-src 'self'") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q", policy)
	}
	if policy := p.open(b, "/login").header.Get("Content-Security-Policy"); strings.Contains(policy, "script-src") {
		t.Errorf("the sign-in page may run scripts: %q", policy)
	}
	if p.do(b, http.MethodHead, p.at(link), nil); p.open(b, link).status != http.StatusOK {
		t.Error("looking used the link up")
	}
	made := p.post(b, link+"/codes", nil)
	p.says(made, http.StatusOK, "Your recovery codes")
	if len(codesOf.FindAllString(made.body, -1)) != 10 || made.header.Get("Cache-Control") != "no-store" {
		t.Error("no codes, or they may be cached")
	}
	p.says(p.post(b, link+"/codes", nil), http.StatusNotFound, "does not work any more")
	p.says(p.open(b, link), http.StatusNotFound, "does not work any more")
	p.says(p.open(b, "/login/setup/x"), http.StatusNotFound, "does not work any more")
	p.says(p.post(b, p.link(guestAddress)+"/passkey", url.Values{"response": {"{}"}}), http.StatusBadRequest, "was not added")
	old := p.link(rootAddress)
	p.ledger.Advance(24 * time.Hour)
	p.says(p.open(b, old), http.StatusNotFound, "older than 24 hours")
}

func TestLocal_keys(t *testing.T) {
	p := newParlour(t)
	key := p.key()
	p.enrol(rootAddress, key)
	b := p.browser()
	p.leads(p.open(b, "/account/keys"), "/login/local?return_to=%2Faccount%2Fkeys")
	p.leads(p.show(b, "/login/local", key), "/")

	second := p.key()
	page := p.open(b, "/account/keys")
	p.says(page, http.StatusOK, "10 are left")
	response, err := second.Create(p.options(page))
	if err != nil {
		t.Fatal(err)
	}
	p.leads(p.post(b, "/account/keys/passkey", url.Values{"response": {string(response)}, "name": {"Second"}}), "/account/keys")
	p.says(p.open(b, "/account/keys"), http.StatusOK, "Second")
	p.says(p.post(b, "/account/keys/passkey", url.Values{"response": {string(response)}}), http.StatusBadRequest, "was not added")
	p.says(p.post(b, "/account/keys/codes", nil), http.StatusOK, "replace all that you had")
	held, _ := p.ledger.FSM.View().Directory(p.id)
	credentials, _ := held.Credentials(rootAddress)
	p.leads(p.post(b, "/account/keys/remove", url.Values{"id": {encodeID(credentials.Passkeys[0].ID)}}), "/account/keys")
	p.says(p.post(b, "/account/keys/remove", url.Values{"id": {"?"}}), http.StatusBadRequest, "no passkey")
	p.says(p.show(p.browser(), "/login/local", key), http.StatusForbidden, "not accepted")
	p.leads(p.show(p.browser(), "/login/local", second), "/")

	p.ledger.Advance(16 * time.Minute)
	page = p.open(b, "/account/keys")
	p.says(page, http.StatusOK, "15 minutes ago")
	if strings.Contains(page.body, "data-passkey") || strings.Contains(page.body, "/account/keys/codes") {
		t.Error("a stale sign-in is offered changes")
	}
	p.leads(p.post(b, "/account/keys/codes", nil), "/account/keys")
}

// TestAttack56: adding or replacing what one signs in with takes a sign-in of one's own: nobody gets there through an identity provider.
func TestAttack56_keysAreNotForProviderSessions(t *testing.T) {
	w := newWorld(t, false)
	x := w.tenant("acme", "acme.example")
	x.both("ada", "ada@acme.example")
	b := w.browser()
	if a := w.signIn(b, "ada@acme.example"); a.status != http.StatusSeeOther {
		t.Fatalf("status %d", a.status)
	}
	for method, path := range map[string]string{http.MethodGet: "/account/keys", http.MethodPost: "/account/keys/codes"} {
		if a := w.do(b, method, path, nil); a.status != http.StatusForbidden || !strings.Contains(a.body, "nothing to manage") {
			t.Errorf("%s %s: %d", method, path, a.status)
		}
	}
}

// TestAttack55: who is on the list no more gets no further, whatever they set up before.
func TestAttack55_unlistedSinceThen(t *testing.T) {
	p := newParlour(t)
	key := p.key()
	p.enrol(spareAddress, key)
	d, _ := p.ledger.FSM.View().Directory(p.id)
	org := d.Organization()
	p.propose(&command.UpdateOrganization{ExpectVersion: org.Version, OrganizationFields: command.OrganizationFields{
		Slug: org.Slug, Name: org.Name, Domains: org.Domains, RootEmail: org.RootEmail, Profile: org.Profile,
	}})
	b := p.browser()
	p.says(p.show(b, "/login/emergency", key), http.StatusForbidden, "not accepted here, or not any more")
	if letters := p.take(t); len(letters) != 0 {
		t.Errorf("letters %v", letters)
	}
	p.signedOut(b)
}

// A node that is cut off says so, and nothing of anybody is in the logs.
func TestLocal_unavailableAndSecrecy(t *testing.T) {
	p := newParlour(t)
	key := p.key()
	codes := p.enrol(rootAddress, key)
	b := p.browser()
	p.leads(p.post(b, "/login/emergency/recovery", url.Values{"email": {rootAddress}, "recovery": {codes[0]}}), "/login/emergency/code")
	code := p.letter(rootAddress, mailedCode)
	p.ledger.Cut(true)
	for path, form := range map[string]url.Values{
		"/login/emergency/recovery": {"email": {rootAddress}, "recovery": {codes[1]}}, "/login/emergency/code": {"code": {code}},
		"/login/local/mail": {"email": {guestAddress}, "organization": {"acme"}},
	} {
		page := p.post(b, path, form)
		p.says(page, http.StatusServiceUnavailable, "briefly unavailable")
		if page.header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", path)
		}
	}
	p.ledger.Cut(false)
	p.leads(p.post(b, "/login/emergency/code", url.Values{"code": {code}}), "/")
	for _, secret := range []string{rootAddress, guestAddress, codes[0], strings.ReplaceAll(codes[0], "-", ""), code, strings.ReplaceAll(code, " ", ""), "/login/setup/ey", "session_"} {
		if logs := p.logs.String(); strings.Contains(logs, secret) {
			t.Errorf("%q is in the logs", secret)
		}
	}
}

// Where the sign-in page has no domain there are no passkeys and no script, and codes work.
func TestLocal_withoutDomain(t *testing.T) {
	w := newWorld(t, false)
	for _, path := range []string{"/login/local", "/login/emergency"} {
		a := w.get(w.browser(), path)
		if a.status != http.StatusOK || strings.Contains(a.body, "passkey") || strings.Contains(a.header.Get("Content-Security-Policy"), "script-src") {
			t.Errorf("%s: %d\n%s", path, a.status, a.body)
		}
	}
	if a := w.get(w.browser(), "/login"); !strings.Contains(a.body, `href="/login/local"`) || strings.Contains(a.body, "emergency") {
		t.Errorf("sign-in page:\n%s", a.body)
	}
}

func encodeID(raw string) string { return base64.RawURLEncoding.EncodeToString([]byte(raw)) }

// An owner mails set-up links to the people of the own organization.
func TestLocal_setupMails(t *testing.T) {
	p := newParlour(t)
	key, spare := p.key(), p.key()
	p.enrol(rootAddress, key)
	p.enrol(spareAddress, spare)
	b := p.browser()
	p.leads(p.show(b, "/login/local", key), "/")
	send := func(b *oidctest.Browser, organization, address string) (int, string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.at("/api/v1/organizations/"+organization+"/setup-mails"),
			strings.NewReader(fmt.Sprintf(`{"email":%q}`, address)))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Sec-Fetch-Site", "same-origin")
		answer, err := b.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		return answer.StatusCode, string(body)
	}
	for address, want := range map[string]int{
		guestAddress: http.StatusNoContent, "Guest@Contractor.org": http.StatusNoContent, "nobody@acme.example": http.StatusBadRequest,
		"": http.StatusBadRequest, "root@mail.acme.example": http.StatusBadRequest,
	} {
		if status, body := send(b, "acme", address); status != want {
			t.Errorf("%q: %d %s", address, status, body)
		}
	}
	if n := len(p.take(t)); n != 2 {
		t.Errorf("%d letters", n)
	}
	for range 3 {
		send(b, "acme", guestAddress)
	}
	if status, body := send(b, "acme", guestAddress); status != http.StatusTooManyRequests || !strings.Contains(body, "quarter of an hour") {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := send(b, "globex", guestAddress); status != http.StatusNotFound {
		t.Errorf("another organization: %d", status)
	}
	if status, _ := send(p.browser(), "acme", guestAddress); status != http.StatusUnauthorized {
		t.Errorf("a stranger: %d", status)
	}
	p.take(t)
	emergency := p.browser()
	p.leads(p.show(emergency, "/login/emergency", spare), "/login/emergency/code")
	p.leads(p.post(emergency, "/login/emergency/code", url.Values{"code": {p.letter(spareAddress, mailedCode)}}), "/")
	if status, _ := send(emergency, "acme", rootAddress); status != http.StatusForbidden {
		t.Errorf("break glass: %d", status)
	}
}

// An owner sees who signs in here, and with what, and takes it away: at once, for that address only, by the owner's own door.
func TestLocal_credentials(t *testing.T) {
	p := newParlour(t)
	root, spare, guest := p.key(), p.key(), p.key()
	p.enrol(rootAddress, root)
	p.enrol(spareAddress, spare)
	p.enrol(guestAddress, guest)
	owner, invited := p.browser(), p.browser()
	p.leads(p.show(owner, "/login/local", root), "/")
	p.leads(p.show(invited, "/login/local", guest), "/")
	p.take(t)
	send := func(b *oidctest.Browser, method, below string) (int, string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, p.at("/api/v1/organizations/acme/credentials"+below), nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Sec-Fetch-Site", "same-origin")
		answer, err := b.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		return answer.StatusCode, string(body)
	}
	list := func() map[string]string {
		t.Helper()
		ids := make(map[string]string)
		for token := ""; ; {
			status, body := send(owner, http.MethodGet, "?page_size=2&page_token="+token)
			var page struct {
				Credentials []struct {
					ID, Email, Standing string
					Passkeys            []struct{ Name string }
					Codes               int `json:"recovery_codes_left"`
				}
				Next string `json:"next_page_token"`
			}
			if err := json.Unmarshal([]byte(body), &page); err != nil || status != http.StatusOK {
				t.Fatalf("%d %s", status, body)
			}
			for _, held := range page.Credentials {
				if (held.Codes == 0) != (held.Standing == "invited") || len(held.Passkeys) != 1 {
					t.Errorf("%+v", held)
				}
				ids[held.Email+" "+held.Standing] = held.ID
			}
			if token = page.Next; token == "" {
				return ids
			}
		}
	}
	ids := list()
	gone := ids[guestAddress+" invited"]
	if len(ids) != 3 || gone == "" || ids[rootAddress+" root"] == "" || ids[spareAddress+" break_glass"] == "" {
		t.Fatalf("credentials %v", ids)
	}
	if status, body := send(invited, http.MethodGet, ""); status != http.StatusForbidden {
		t.Errorf("somebody who owns nothing: %d %s", status, body)
	}
	if status, _ := send(p.browser(), http.MethodDelete, "/"+gone); status != http.StatusUnauthorized {
		t.Errorf("a stranger: %d", status)
	}
	if status, body := send(owner, http.MethodDelete, "/"+gone); status != http.StatusNoContent {
		t.Fatalf("%d %s", status, body)
	}
	if status, _ := send(owner, http.MethodDelete, "/"+gone); status != http.StatusNotFound {
		t.Errorf("again: %d", status)
	}
	if status, _ := send(invited, http.MethodGet, ""); status != http.StatusUnauthorized {
		t.Errorf("the address's session goes on: %d", status)
	}
	if ids := list(); len(ids) != 2 {
		t.Errorf("credentials %v", ids)
	}
}
