package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/httpapi/admin"
	"domicile/httpapi/openapi"
	"domicile/oidc"
	"domicile/oidc/oidctest"
)

func (x *tenant) links(user directory.ResourceID) (subjects []string) {
	d, _ := x.world.ledger.FSM.View().Directory(x.id)
	for link := range d.LinksOf(user) {
		subjects = append(subjects, link.Subject)
	}
	return subjects
}

// enterAt walks all the way by the organization's own link, as whoever has this login at its provider.
func (x *tenant) enterAt(b *oidctest.Browser, login string) visit {
	x.world.t.Helper()
	at, _ := x.world.lure(b, x.slug)
	return x.world.get(b, x.world.authorize(b, at.String(), login))
}

// signedInAs gives the id of the person whose session a browser has.
func (w *world) signedInAs(b *oidctest.Browser) directory.ResourceID {
	w.t.Helper()
	_, who := w.session(b)
	user, _ := who["user"].(map[string]any)
	id, _ := user["id"].(string)
	return directory.ResourceID(id)
}

// TestAttack30_registeredInAdvance: before the victim comes for the first time, somebody has seen to an account with the
// victim's address. It is not theirs afterwards, and an identity is tied to no account by a name that it gave itself.
func TestAttack30_registeredInAdvance(t *testing.T) {
	const address = "victim@acme.example"
	stranger := func(t *testing.T, w *world) {
		t.Helper()
		for path, form := range map[string]url.Values{
			"/login/local/mail":         {"email": {address}, "organization": {"acme"}},
			"/login/emergency/recovery": {"email": {address}, "recovery": {"AAAAA-AAAAA-AAAAA-AAAAA"}},
			"/login/start":              {"email": {address}},
			"/login/setup/x/codes":      {},
		} {
			b := w.browser()
			w.do(b, http.MethodPost, path, form)
			w.do(b, http.MethodPost, "/login/local/code", url.Values{"code": {"00000000"}})
			if status, _ := w.session(b); status != http.StatusUnauthorized {
				t.Errorf("%s: a stranger is signed in", path)
			}
		}
	}
	t.Run("by a stranger", func(t *testing.T) {
		w := newWorld(t, false)
		acme := w.tenant("acme", "acme.example")
		stranger(t, w)
		d, _ := w.ledger.FSM.View().Directory(acme.id)
		for user := range d.AllUsers() {
			t.Errorf("%s was made", user.UserName)
		}
		if letters := w.take(t); len(letters) != 0 {
			t.Errorf("letters %v", letters)
		}
	})
	t.Run("in another organization", func(t *testing.T) {
		w := newWorld(t, false)
		acme, evil := w.tenant("acme", "acme.example"), w.tenant("evil", "evil.example")
		planted := evil.user(directory.SourceInvited, address, address)
		victim := acme.both("sub-victim", address)
		b := w.browser()
		if w.signIn(b, address); w.signedInAs(b) != victim {
			t.Errorf("signed in as %s", w.signedInAs(b))
		}
		evil.person("sub-victim", address, nil)
		evil.enterAt(w.browser(), address)
		if links := evil.links(planted); len(links) != 0 {
			t.Errorf("evil's provider has no say in the address, and is tied to it: %v", links)
		}
		if links := acme.links(victim); len(links) != 1 {
			t.Errorf("links %v", links)
		}
	})
	t.Run("invited in advance", func(t *testing.T) {
		w := newWorld(t, false)
		acme := w.tenant("acme", "acme.example")
		id := acme.user(directory.SourceInvited, address, address)
		stranger(t, w)
		for _, letter := range w.take(t) {
			if letter.To != address {
				t.Errorf("a letter to %s", letter.To)
			}
		}
		acme.person("sub-mallory", address, map[string]any{"email_verified": false})
		b := w.browser()
		w.refused(b, w.signIn(b, address), oidc.ReasonNotProvisioned)
		acme.provider.RemoveUser("sub-mallory")
		acme.person("sub-victim", address, nil)
		b = w.browser()
		if w.signIn(b, address); w.signedInAs(b) != id {
			t.Errorf("the victim is signed in as %q", w.signedInAs(b))
		}
		d, _ := w.ledger.FSM.View().Directory(acme.id)
		if _, keys := d.Credentials(address); keys || d.SessionCount() != 1 {
			t.Errorf("%d sessions, other keys: %v", d.SessionCount(), keys)
		}
	})
	t.Run("by the name that the identity gives itself", func(t *testing.T) {
		w := newWorld(t, false)
		acme := w.tenant("acme", "acme.example")
		id := acme.user(directory.SourceInvited, guestAddress, guestAddress)
		acme.person("sub-mallory", "mallory@acme.example", map[string]any{"preferred_username": guestAddress, "upn": guestAddress})
		b := w.browser()
		w.refused(b, acme.enterAt(b, "mallory@acme.example"), oidc.ReasonNotProvisioned)
		if links := acme.links(id); len(links) != 0 {
			t.Errorf("the invited person is tied to %v", links)
		}
	})
}

// TestAttack33_justInTime: whom SCIM deactivated or deleted does not come back by signing in, although the organization wants
// newcomers.
func TestAttack33_justInTime(t *testing.T) {
	w := newWorld(t, false)
	acme := w.tenant("acme", "acme.example")
	acme.settings.JustInTime = true
	acme.connect(true)
	linked, unlinked := acme.both("sub-alice", "alice@acme.example"), acme.both("sub-bob", "bob@acme.example")
	w.signIn(w.browser(), "alice@acme.example")
	refused := func(why string) {
		t.Helper()
		for _, email := range []string{"alice@acme.example", "bob@acme.example"} {
			b := w.browser()
			w.refused(b, w.signIn(b, email), oidc.ReasonInactive)
		}
		if d, _ := w.ledger.FSM.View().Directory(acme.id); d.UserCount(directory.SourceJIT) != 0 {
			t.Errorf("%s: somebody was created", why)
		}
	}
	acme.propose(&command.ReplaceUser{ID: linked, UserFields: fields("alice@acme.example", false, "alice@acme.example")})
	acme.propose(&command.ReplaceUser{ID: unlinked, UserFields: fields("bob@acme.example", false, "bob@acme.example")})
	refused("deactivated")
	acme.propose(&command.DeleteUser{ID: linked})
	acme.propose(&command.DeleteUser{ID: unlinked})
	refused("deleted")
	acme.provider.RemoveUser("sub-alice") // another subject for the same address does not help
	acme.person("sub-alice-2", "alice@acme.example", nil)
	refused("deleted, with another subject")
	acme.person("sub-carol", "carol@acme.example", nil)
	if done := w.signIn(w.browser(), "carol@acme.example"); done.status != http.StatusSeeOther {
		t.Errorf("a newcomer: %d", done.status)
	}
}

const userSchema = "urn:ietf:params:scim:schemas:core:2.0:User"

// provision creates a user as the identity provider does, and gives its id.
func (x *tenant) provision(token, members string) string {
	x.world.t.Helper()
	a := x.scim(token, http.MethodPost, "/Users", `{"schemas":["`+userSchema+`"],"active":true,`+members+`}`)
	var made struct{ ID string }
	if err := json.Unmarshal([]byte(a.body), &made); err != nil || a.status != http.StatusCreated || made.ID == "" {
		x.world.t.Fatalf("%d %s", a.status, a.body)
	}
	return made.ID
}

// TestAttack34_foreignIDs: an externalId is a text of the provider's own: no number, no id of ours, and of no other
// organization.
func TestAttack34_foreignIDs(t *testing.T) {
	w := newWorld(t, false)
	acme, evil := w.tenant("acme", "acme.example"), w.tenant("evil", "evil.example")
	token, evilToken := acme.token(), evil.token()
	alice := acme.provision(token, `"userName":"alice","externalId":"7"`)
	bob := acme.provision(token, `"userName":"bob","externalId":"`+alice+`"`)
	stolen := evil.provision(evilToken, `"userName":"eve","externalId":"7"`)
	if a := acme.scim(token, http.MethodPost, "/Users", `{"schemas":["`+userSchema+`"],"userName":"carol","externalId":8}`); a.status < 400 && !strings.Contains(a.body, `"externalId":"8"`) {
		t.Errorf("a number is kept as a number: %d %s", a.status, a.body)
	}
	for subject, want := range map[string]string{
		"7": alice, alice: bob, bob: "", "07": "", "7.0": "", "7e0": "", " 7": "", "+7": "", "７": "", "1": "", stolen: "",
	} {
		t.Run("subject "+subject, func(t *testing.T) {
			w.t = t
			acme.person(subject, "login@x.example", map[string]any{"email": nil, "preferred_username": "nobody"})
			defer acme.provider.RemoveUser(subject)
			b := w.browser()
			a := acme.enterAt(b, "login@x.example")
			if want == "" {
				w.refused(b, a, oidc.ReasonNotProvisioned)
			} else if got := w.signedInAs(b); string(got) != want {
				t.Errorf("signed in as %q, want %q: %d", got, want, a.status)
			}
		})
	}
	w.t = t
	patch := `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"active","value":false}]}`
	put := `{"schemas":["` + userSchema + `"],"userName":"mine","active":false}`
	before := evil.scim(evilToken, http.MethodGet, "/Users/"+stolen, "").body
	for _, id := range []string{stolen, "1", "0", "-1", "7", string(evil.id), string(evil.id) + "%2FUsers%2F" + stolen, "..%2F..%2F" + string(evil.id) + "%2FUsers%2F" + stolen} {
		for method, body := range map[string]string{http.MethodGet: "", http.MethodPut: put, http.MethodPatch: patch, http.MethodDelete: ""} {
			if a := acme.scim(token, method, "/Users/"+id, body); a.status != http.StatusNotFound {
				t.Errorf("%s %s: %d %s", method, id, a.status, a.body)
			}
			if a := evil.scim(token, method, "/Users/"+id, body); a.status != http.StatusUnauthorized {
				t.Errorf("%s %s at the other's address: %d %s", method, id, a.status, a.body)
			}
		}
	}
	group := acme.scim(token, http.MethodPost, "/Groups", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"g","members":[{"value":"`+stolen+`"}]}`)
	if group.status < 400 && strings.Contains(acme.scim(token, http.MethodGet, "/Groups", "").body, stolen) {
		t.Errorf("a foreign id is a member: %d %s", group.status, group.body)
	}
	if a := acme.scim(token, http.MethodGet, "/Users?filter="+url.QueryEscape(`id eq "`+stolen+`"`), ""); !strings.Contains(a.body, `"totalResults":0`) {
		t.Errorf("a foreign id is found: %d %s", a.status, a.body)
	}
	if after := evil.scim(evilToken, http.MethodGet, "/Users/"+stolen, "").body; after != before || !strings.Contains(after, "eve") {
		t.Errorf("changed from\n%s\nto\n%s", before, after)
	}
}

// TestAttack35_addressOfAnInvitedPerson: SCIM has no say in people whom an owner invited, and what addresses it writes into
// its own people makes them nobody else.
func TestAttack35_addressOfAnInvitedPerson(t *testing.T) {
	w := newWorld(t, false)
	acme, evil := w.tenant("acme", "acme.example"), w.tenant("evil", "evil.example")
	token := acme.token()
	guest := acme.user(directory.SourceInvited, guestAddress, guestAddress)
	victim := evil.both("sub-victim", "victim@evil.example")
	held := func() directory.User {
		d, _ := w.ledger.FSM.View().Directory(acme.id)
		user, _ := d.User(guest)
		return *user
	}
	before := held()
	email := func(address string) string {
		return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"emails","value":[{"value":"` +
			address + `","type":"work","primary":true}]}]}`
	}
	for method, body := range map[string]string{
		http.MethodGet: "", http.MethodDelete: "", http.MethodPatch: email("mallory@acme.example"),
		http.MethodPut: `{"schemas":["` + userSchema + `"],"userName":"mallory@acme.example","active":true}`,
	} {
		if a := acme.scim(token, method, "/Users/"+string(guest), body); a.status != http.StatusNotFound {
			t.Errorf("%s: %d %s", method, a.status, a.body)
		}
	}
	if a := acme.scim(token, http.MethodPost, "/Users", `{"schemas":["`+userSchema+`"],"userName":"`+strings.ToUpper(guestAddress)+`"}`); a.status != http.StatusConflict {
		t.Errorf("the same name again: %d %s", a.status, a.body)
	}
	if a := acme.scim(token, http.MethodGet, "/Users?filter="+url.QueryEscape(`emails.value eq "`+guestAddress+`"`), ""); !strings.Contains(a.body, `"totalResults":0`) {
		t.Errorf("found: %s", a.body)
	}
	mallory := acme.provision(token, `"userName":"mallory@acme.example"`)
	for _, address := range []string{guestAddress, "victim@evil.example", "root@acme.example", "root@evil.example"} {
		w.t = t
		if a := acme.scim(token, http.MethodPatch, "/Users/"+mallory, email(address)); a.status >= 500 {
			t.Errorf("%s: %d %s", address, a.status, a.body)
		}
		t.Run("written "+address, func(t *testing.T) {
			w.t = t
			// The invited person still comes by a mailed code, and only they.
			b := w.browser()
			w.do(b, http.MethodPost, "/login/local/mail", url.Values{"email": {guestAddress}, "organization": {"acme"}})
			letters := w.take(t)
			if len(letters) != 1 || letters[0].To != guestAddress {
				t.Fatalf("letters %v", letters)
			}
			code := mailedCode.FindStringSubmatch(letters[0].Text)[1]
			w.do(b, http.MethodPost, "/login/local/code", url.Values{"code": {code}})
			if got := w.signedInAs(b); got != guest {
				t.Errorf("the guest is signed in as %q", got)
			}
			// The other organization's person goes to the own provider, and is who they were.
			b = w.browser()
			if w.signIn(b, "victim@evil.example"); w.signedInAs(b) != victim {
				t.Errorf("the victim is signed in as %q", w.signedInAs(b))
			}
			w.do(w.browser(), http.MethodPost, "/login/local/mail", url.Values{"email": {"root@acme.example"}, "organization": {"acme"}})
			if letters := w.take(t); len(letters) != 0 {
				t.Errorf("letters %v", letters)
			}
		})
	}
	if after := held(); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("changed from %+v to %+v", before, after)
	}
}

// TestAttack56_sessionOfAnother: whoever holds somebody's session, but not what they sign in with, cannot tie an identity of
// their own to that person: a sign-in ties an identity to whom the provider proves, and nothing else ties one at all.
func TestAttack56_sessionOfAnother(t *testing.T) {
	w := newWorld(t, false)
	acme := w.tenant("acme", "acme.example")
	alice := acme.both("sub-alice", "alice@acme.example")
	acme.person("sub-mallory", "mallory@acme.example", nil)
	victim := w.browser()
	w.signIn(victim, "alice@acme.example")
	stolen := w.cookies(victim, "domicile_session")
	taken := func() *oidctest.Browser {
		b := w.browser()
		b.SetCookies(w.appURL(), stolen)
		return b
	}
	only := func(when string) {
		t.Helper()
		if links := acme.links(alice); len(links) != 1 || links[0] != "sub-alice" {
			t.Errorf("%s: alice is tied to %v", when, links)
		}
	}
	thief := taken()
	if a := w.signIn(thief, "mallory@acme.example"); a.status < 400 {
		t.Errorf("mallory, whom nobody provisioned: %d", a.status)
	}
	only("a stranger's identity")
	mallory := acme.user(directory.SourceSCIM, "mallory@acme.example", "mallory@acme.example")
	w.signIn(thief, "mallory@acme.example")
	if got := w.signedInAs(thief); got != mallory {
		t.Errorf("mallory is signed in as %q", got)
	}
	only("a colleague's identity")
	w.signIn(victim, "alice@acme.example")
	stolen = w.cookies(victim, "domicile_session")
	for _, r := range admin.Routes(admin.Deps{}) {
		if strings.Contains(r.Path, "link") && (r.Method != http.MethodGet && r.Method != http.MethodDelete || r.Least > openapi.Owner) {
			t.Errorf("%s %s", r.Method, r.Path)
		}
	}
	base := "/api/v1/organizations/" + string(acme.id)
	for _, path := range []string{
		base + "/links", base + "/users/" + string(alice) + "/links", "/api/v1/session/links", "/account/links", "/account/keys",
		"/account/keys/passkey", "/account/keys/codes", base + "/setup-mails",
	} {
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch} {
			a := w.send(method, w.server.URL+path, "application/json", `{"subject":"sub-mallory","email":"alice@acme.example"}`,
				"Sec-Fetch-Site", "same-origin", "Cookie", stolen[0].Name+"="+stolen[0].Value)
			if a.status < 400 {
				t.Errorf("%s %s: %d %s", method, path, a.status, a.body)
			}
		}
	}
	only("whatever the session was sent to")
}
