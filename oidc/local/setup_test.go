package local

import (
	"errors"
	"strings"
	"testing"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
)

func TestSetup_linkWorksOnce(t *testing.T) {
	h, key := newHouse(t), newKey()
	token := h.link(spareAddress)
	page, err := h.Setup(t.Context(), token)
	if err != nil || page.Organization != "Acme" || page.Email != spareAddress || !page.Codes || page.Passkeys != 0 {
		t.Fatalf("%+v, %v", page, err)
	}
	if _, err := h.Setup(t.Context(), token); err != nil {
		t.Errorf("looking used the link up: %v", err)
	}
	made, err := h.SetupCodes(t.Context(), token)
	if err != nil || len(made.Recovery) != 10 {
		t.Fatal(err)
	}
	_, err = h.SetupCodes(t.Context(), token)
	h.refused(err, ReasonLink)
	_, err = h.Setup(t.Context(), token)
	h.refused(err, ReasonLink)

	// Going on: a passkey besides, which leaves the codes as they are.
	page, err = h.Setup(t.Context(), made.Next)
	if err != nil {
		t.Fatal(err)
	}
	next, err := h.SetupPasskey(t.Context(), made.Next, visit(page.Prompt.Cookie), NewPasskey{Response: h.create(key, page.Prompt), Name: " Blue\x00 key "})
	if err != nil || len(next.Recovery) != 0 || next.Passkey != "Blue key" {
		t.Fatalf("%+v, %v", next, err)
	}
	if page, err = h.Setup(t.Context(), next.Next); err != nil || page.Passkeys != 1 {
		t.Errorf("%+v, %v", page, err)
	}
	h.Advance(setupLifetime)
	_, err = h.Setup(t.Context(), next.Next)
	h.refused(err, ReasonLink)
}

// A link does not come to life again: neither when all that it made is gone, nor for whoever gets the address next.
func TestSetup_deadLinks(t *testing.T) {
	h := newHouse(t)
	dead := func(token string) {
		t.Helper()
		_, err := h.Setup(t.Context(), token)
		h.refused(err, ReasonLink)
		_, err = h.SetupCodes(t.Context(), token)
		h.refused(err, ReasonLink)
	}
	oldest := h.link(rootAddress)
	first := h.link(rootAddress)
	used := h.link(rootAddress)
	if _, err := h.Setup(t.Context(), oldest); err != nil {
		t.Error(err) // mails may cross
	}
	last := h.link(rootAddress)
	dead(oldest) // three work
	if _, err := h.SetupCodes(t.Context(), used); err != nil {
		t.Fatal(err)
	}
	dead(used)
	dead(last) // what it was mailed for has been done
	h.Must(acme, &command.DeleteCredentials{Email: rootAddress})
	dead(used)
	dead(first)

	unused := h.link(guestAddress)
	h.Must(acme, &command.DeleteUser{ID: directory.ResourceID(guestAddress)})
	dead(unused)
	h.Must(acme, &command.CreateUser{ID: "successor", Source: directory.SourceInvited, UserFields: command.UserFields{
		Active: true, UserName: guestAddress, UserNameKey: guestAddress, Emails: []string{guestAddress},
	}})
	dead(unused)

	unused = h.link(spareAddress)
	h.change(func(f *command.OrganizationFields) { f.BreakGlass = nil })
	h.change(func(f *command.OrganizationFields) { f.BreakGlass = []string{spareAddress} })
	dead(unused)
}

// However often a link is posted at once, it counts once.
func TestSetup_race(t *testing.T) {
	h := newHouse(t)
	for _, address := range []string{rootAddress, guestAddress} {
		token := h.link(address)
		page, err := h.Setup(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		const posts = 8
		errs := make(chan error, posts)
		for range posts {
			response := h.create(newKey(), page.Prompt)
			go func() {
				_, err := h.SetupPasskey(h.Context(), token, visit(page.Prompt.Cookie), NewPasskey{Response: response})
				errs <- err
			}()
		}
		done := 0
		for range posts {
			if err := <-errs; err == nil {
				done++
			} else {
				h.refused(err, ReasonLink)
			}
		}
		d, _ := h.FSM.View().Directory(acme)
		if held, _ := d.Credentials(address); done != 1 || len(held.Passkeys) != 1 {
			t.Errorf("%s: %d posts counted, credentials %+v", address, done, held)
		}
	}
}

func TestSetup_hostile(t *testing.T) {
	h := newHouse(t)
	token := h.link(spareAddress)
	page, err := h.Setup(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"", "x", token[:len(token)-1], token + "A", strings.Repeat("A", maxLink+1), page.Prompt.Cookie.Value} {
		_, err := h.Setup(t.Context(), bad)
		h.refused(err, ReasonLink)
	}
	_, err = h.service("us", origin+"/login").Setup(t.Context(), token)
	h.refused(err, ReasonLink)

	add := func(v Visit, key interface{ Create([]byte) ([]byte, error) }, want Reason) {
		t.Helper()
		response, err := key.Create(page.Prompt.Options)
		if err != nil {
			t.Fatal(err)
		}
		_, err = h.SetupPasskey(t.Context(), token, v, NewPasskey{Response: response})
		h.refused(err, want)
	}
	add(visit(), newKey(), ReasonChallengeMissing)
	guest, err := h.Setup(t.Context(), h.link(guestAddress))
	if err != nil {
		t.Fatal(err)
	}
	add(visit(guest.Prompt.Cookie), newKey(), ReasonChallengeInvalid) // another address's challenge
	for _, spoil := range []func() (origin, domain string, unverified bool){
		func() (string, string, bool) { return "https://evil.test", "eu.example.com", false },
		func() (string, string, bool) { return origin, "evil.test", false },
		func() (string, string, bool) { return origin, "eu.example.com", true },
	} {
		key := newKey()
		key.Origin, key.Domain, key.Unverified = spoil()
		add(visit(page.Prompt.Cookie), key, ReasonPasskey)
	}
	// Somebody who is on the list no more cannot go on.
	h.change(func(f *command.OrganizationFields) { f.BreakGlass = nil })
	_, err = h.Setup(t.Context(), token)
	h.refused(err, ReasonLink)
	// An invited person has no recovery codes.
	_, err = h.SetupCodes(t.Context(), h.link(guestAddress))
	h.refused(err, ReasonStanding)
}

func TestMailSetup(t *testing.T) {
	h := newHouse(t)
	for address, want := range map[string]directory.Kind{
		rootAddress: 0, "Guest@Contractor.ORG": 0, "nobody@acme.example": directory.KindInvalid, "spare@mail.acme.example": directory.KindInvalid,
		"": directory.KindInvalid, "root@globex.example": directory.KindInvalid,
	} {
		if err := h.MailSetup(t.Context(), acme, address, "operator"); directory.KindOf(err) != want {
			t.Errorf("%q: %v", address, err)
		}
	}
	letters := h.mail()
	if len(letters) != 2 {
		t.Fatalf("letters %v", letters)
	}
	for _, letter := range letters {
		for _, wanted := range []string{"Acme", "European Union", "24 hours", origin + SetupPath} {
			if !strings.Contains(letter.Text, wanted) {
				t.Errorf("no %q in\n%s", wanted, letter.Text)
			}
		}
	}
	if err := h.MailSetup(t.Context(), "nowhere", rootAddress, "operator"); directory.KindOf(err) != directory.KindNotFound {
		t.Errorf("no organization: %v", err)
	}
	for range maxMails - 1 {
		h.link(rootAddress)
	}
	if err := h.MailSetup(t.Context(), acme, rootAddress, "operator"); !errors.Is(err, ErrTooManyMails) {
		t.Errorf("too many: %v", err)
	}
	h.deps.Mail = nil
	if err := h.MailSetup(t.Context(), acme, guestAddress, "operator"); directory.KindOf(err) != directory.KindUnavailable {
		t.Errorf("without a mail server: %v", err)
	}
	h.Cut(true)
	if err := h.MailSetup(t.Context(), acme, guestAddress, "operator"); directory.KindOf(err) != directory.KindUnavailable {
		t.Errorf("cut off: %v", err)
	}
}

// person signs in with a key and gives who that is.
func (h *house) person(done *SignedIn) Person {
	h.Helper()
	session := h.session(done)
	d, _ := h.FSM.View().Directory(session.Organization)
	user, _ := d.User(session.User)
	return Person{User: user, Organization: d.Organization(), Session: session}
}

func TestKeys(t *testing.T) {
	h, key := newHouse(t), newKey()
	h.enrol(rootAddress, key)
	browser, response := h.ask(key)
	step, err := h.CheckPasskey(t.Context(), browser, response)
	if err != nil {
		t.Fatal(err)
	}
	root := h.person(step.SignedIn)
	keys, err := h.Keys(t.Context(), root)
	if err != nil || !keys.Fresh || len(keys.Passkeys) != 1 || keys.Recovery != 10 || !keys.Codes || keys.Email != rootAddress {
		t.Fatalf("%+v, %v", keys, err)
	}
	second := newKey()
	made, err := h.AddKey(t.Context(), root, visit(keys.Prompt.Cookie), NewPasskey{Response: h.create(second, keys.Prompt), Name: "second"})
	if err != nil || made.Passkey != "second" {
		t.Fatal(err)
	}
	if err := h.RemoveKey(t.Context(), root, keys.Passkeys[0].ID); err != nil {
		t.Fatal(err)
	}
	if err := h.RemoveKey(t.Context(), root, keys.Passkeys[0].ID); err != nil {
		t.Errorf("removed twice: %v", err)
	}
	browser, response = h.ask(key)
	_, err = h.CheckPasskey(t.Context(), browser, response)
	h.refused(err, ReasonPasskeyUnknown)
	browser, response = h.ask(second)
	if _, err := h.CheckPasskey(t.Context(), browser, response); err != nil {
		t.Errorf("the second passkey: %v", err)
	}
	if codes, err := h.RenewCodes(t.Context(), root); err != nil || len(codes.Recovery) != 10 {
		t.Fatal(err)
	}

	h.Advance(freshness)
	if keys, err = h.Keys(t.Context(), root); err != nil || keys.Fresh || len(keys.Prompt.Options) != 0 || len(keys.Passkeys) != 1 {
		t.Errorf("%+v, %v", keys, err)
	}
	_, err = h.AddKey(t.Context(), root, Visit{}, NewPasskey{})
	h.refused(err, ReasonNotFresh)
	h.refused(h.RemoveKey(t.Context(), root, "x"), ReasonNotFresh)
	_, err = h.RenewCodes(t.Context(), root)
	h.refused(err, ReasonNotFresh)
}

// Nobody manages what is not theirs: not through break glass, not through an identity provider, not after the root user's
// address became another.
func TestKeys_othersAre(t *testing.T) {
	h, spare, key := newHouse(t), newKey(), newKey()
	h.enrol(spareAddress, spare)
	h.enrol(rootAddress, key)
	browser, response := h.ask(spare)
	step, err := h.CheckPasskey(t.Context(), browser, response)
	if err != nil {
		t.Fatal(err)
	}
	done, err := h.CheckCode(t.Context(), visit(step.Code), h.mailed(spareAddress))
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.Keys(t.Context(), h.person(&done))
	h.refused(err, ReasonNotYours)
	_, err = h.RenewCodes(t.Context(), h.person(&done))
	h.refused(err, ReasonNotYours)

	browser, response = h.ask(key)
	if step, err = h.CheckPasskey(t.Context(), browser, response); err != nil {
		t.Fatal(err)
	}
	root := h.person(step.SignedIn)
	sso := root
	session := *root.Session
	session.Kind = directory.SessionSSO
	sso.Session = &session
	_, err = h.Keys(t.Context(), sso)
	h.refused(err, ReasonNotYours)
	h.change(func(f *command.OrganizationFields) { f.RootEmail = "new@acme.example" })
	_, err = h.Keys(t.Context(), root)
	h.refused(err, ReasonNotYours)

	// An invited person has passkeys, and no codes to renew.
	cookie, err := h.MailCode(t.Context(), MailRequest{Email: guestAddress, Organization: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	done, err = h.CheckCode(t.Context(), visit(cookie), h.mailed(guestAddress))
	if err != nil {
		t.Fatal(err)
	}
	guest := h.person(&done)
	if keys, err := h.Keys(t.Context(), guest); err != nil || keys.Codes || keys.Email != guestAddress {
		t.Errorf("%+v, %v", keys, err)
	}
	_, err = h.RenewCodes(t.Context(), guest)
	h.refused(err, ReasonNotYours)
	h.Advance(time.Minute)
	h.Must(acme, &command.DeleteUser{ID: guest.User.ID})
	_, err = h.Keys(t.Context(), guest)
	h.refused(err, ReasonNotYours)
}
