package local

import (
	"slices"
	"strings"
	"testing"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
)

// The root user sets up by a mailed link and signs in with the passkey alone.
func TestPasskey_root(t *testing.T) {
	h, key := newHouse(t), newKey()
	made := h.enrol(rootAddress, key)
	if made.Passkey == "" || len(made.Recovery) != directory.MaxRecoveryCodes || made.Next == "" {
		t.Fatalf("made %+v", made)
	}
	browser, response := h.ask(key)
	step, err := h.CheckPasskey(t.Context(), browser, response)
	if err != nil || step.SignedIn == nil {
		t.Fatalf("%+v, %v", step, err)
	}
	if step.SignedIn.ReturnTo != "/account" || step.SignedIn.MaxAge != 12*time.Hour || step.Drop != "__Host-domicile_passkey" {
		t.Errorf("signed in %+v", step)
	}
	session := h.session(step.SignedIn)
	if session.Kind != directory.SessionLocal || session.Agent != "Firefox on Linux" || session.Address != "192.0.2.1" ||
		!slices.Equal(session.Methods, methodsPasskey) {
		t.Errorf("session %+v", session)
	}
	d, _ := h.FSM.View().Directory(acme)
	root, ok := d.RootUser()
	if !ok || root.ID != session.User || root.Email() != rootAddress {
		t.Errorf("root user %+v", root)
	}
	if len(h.mail()) != 0 {
		t.Error("a mail was sent")
	}

	browser, response = h.ask(key)
	if step, err = h.CheckPasskey(t.Context(), browser, response); err != nil || h.session(step.SignedIn).User != root.ID {
		t.Errorf("second sign-in: %v", err)
	}
}

// An invited person signs in with a passkey alone, and gets no recovery codes.
func TestPasskey_invited(t *testing.T) {
	h, key := newHouse(t), newKey()
	if made := h.enrol(guestAddress, key); len(made.Recovery) != 0 {
		t.Errorf("%d recovery codes", len(made.Recovery))
	}
	browser, response := h.ask(key)
	step, err := h.CheckPasskey(t.Context(), browser, response)
	if err != nil || h.session(step.SignedIn).User != directory.ResourceID(guestAddress) {
		t.Fatalf("%+v, %v", step, err)
	}
}

// A break-glass address needs a code by mail after the passkey, and gets a short session for the root user.
func TestPasskey_breakGlass(t *testing.T) {
	h, key := newHouse(t), newKey()
	h.change(func(f *command.OrganizationFields) {
		f.SignIn.SessionLifetime, f.SignIn.SessionIdle = 48*3600_000_000, 3600_000_000
	})
	h.enrol(spareAddress, key)
	browser, response := h.ask(key)
	step, err := h.CheckPasskey(t.Context(), browser, response)
	if err != nil || step.SignedIn != nil {
		t.Fatalf("%+v, %v", step, err)
	}
	code := h.mailed(spareAddress)
	done, err := h.CheckCode(t.Context(), visit(step.Code), code)
	if err != nil {
		t.Fatal(err)
	}
	session := h.session(&done)
	if session.Kind != directory.SessionBreakGlass || session.Email != spareAddress || session.Expires-session.Created != directory.BreakGlassLifetime ||
		session.Idle != 0 || done.MaxAge != time.Hour || done.Drop != "__Host-domicile_code" {
		t.Errorf("session %+v of %+v", session, done)
	}
	var errands []directory.ErrandKind
	for e := range h.FSM.View().Errands() {
		errands = append(errands, e.Kind)
	}
	if !slices.Contains(errands, directory.ErrandBreakGlass) || !slices.Contains(errands, directory.ErrandCredentials) {
		t.Errorf("errands %v: owners are not told", errands)
	}
	// The assertion and the code were for one session.
	if _, err := h.CheckCode(t.Context(), visit(step.Code), code); err == nil {
		t.Error("the code worked twice")
	} else {
		h.refused(err, ReasonReplayed)
	}
	_, err = h.CheckPasskey(t.Context(), browser, response)
	h.refused(err, ReasonReplayed)
}

func TestPasskey_refusals(t *testing.T) {
	h, key := newHouse(t), newKey()
	h.enrol(rootAddress, key)
	check := func(v Visit, response []byte, want Reason) {
		t.Helper()
		_, err := h.CheckPasskey(t.Context(), v, response)
		h.refused(err, want)
	}
	browser, response := h.ask(key)
	if _, err := h.CheckPasskey(t.Context(), browser, response); err != nil {
		t.Fatal(err)
	}
	check(browser, response, ReasonReplayed)
	check(visit(), response, ReasonChallengeMissing)
	other, _ := h.ask(key)
	check(other, response, ReasonPasskey) // another browser's challenge
	renamed := other
	renamed.Cookies[0].Name = "__Host-domicile_code"
	_, err := h.CheckCode(t.Context(), renamed, "12345678")
	h.refused(err, ReasonChallengeInvalid)

	abroad := h.service("us", origin+"/login")
	_, err = abroad.CheckPasskey(t.Context(), browser, response)
	h.refused(err, ReasonChallengeInvalid)

	browser, response = h.ask(key)
	h.Advance(challengeLifetime)
	check(browser, response, ReasonChallengeExpired)

	for name, spoil := range map[string]func(){
		"phishing origin": func() { key.Origin = "https://eu.example.com.evil.test" },
		"other domain":    func() { key.Domain = "example.com" },
		"unverified":      func() { key.Unverified = true },
	} {
		was := *key
		spoil()
		browser, response = h.ask(key)
		t.Log(name)
		check(browser, response, ReasonPasskey)
		*key = was
	}
	stranger := newKey()
	page, err := h.Setup(t.Context(), h.link(guestAddress))
	if err != nil {
		t.Fatal(err)
	}
	h.create(stranger, page.Prompt)
	browser, response = h.ask(stranger) // made, and never registered
	check(browser, response, ReasonPasskeyUnknown)
	for _, bad := range []string{"", "{}", "null", `{"id":"AA"}`, "\x00", strings.Repeat("x", maxResponse+1)} {
		browser, _ = h.ask(key)
		check(browser, []byte(bad), ReasonPasskey)
	}
	h.Cut(true)
	check(browser, response, ReasonUnavailable)
}

// A passkey whose counter does not move was copied.
func TestPasskey_cloned(t *testing.T) {
	h, key := newHouse(t), newKey()
	key.Counter = 7
	h.enrol(rootAddress, key)
	key.Counter = 8
	browser, response := h.ask(key)
	if _, err := h.CheckPasskey(t.Context(), browser, response); err != nil {
		t.Fatal(err)
	}
	browser, response = h.ask(key)
	_, err := h.CheckPasskey(t.Context(), browser, response)
	h.refused(err, ReasonPasskeyCloned)
}

// What an address may do is decided when it signs in, not when it set up its passkey.
func TestPasskey_standingIsJudgedNow(t *testing.T) {
	h := newHouse(t)
	guest, staff, spare := newKey(), newKey(), newKey()
	h.enrol(guestAddress, guest)
	h.enrol(staffAddress, staff)
	h.enrol(spareAddress, spare)

	h.connect()
	h.change(func(f *command.OrganizationFields) { f.SignIn.RequireSSO, f.BreakGlass = true, nil })
	browser, response := h.ask(staff)
	_, err := h.CheckPasskey(t.Context(), browser, response)
	h.refused(err, ReasonStanding) // the identity provider is there, and has to be used
	browser, response = h.ask(guest)
	if _, err := h.CheckPasskey(t.Context(), browser, response); err != nil {
		t.Errorf("a foreign domain: %v", err)
	}
	browser, response = h.ask(spare)
	_, err = h.CheckPasskey(t.Context(), browser, response)
	h.refused(err, ReasonPasskeyUnknown)
	h.Must(acme, &command.DeleteUser{ID: directory.ResourceID(guestAddress)})
	browser, response = h.ask(guest)
	_, err = h.CheckPasskey(t.Context(), browser, response)
	h.refused(err, ReasonPasskeyUnknown)
	h.Must(acme, &command.CreateUser{ID: "successor", Source: directory.SourceInvited, UserFields: command.UserFields{
		Active: true, UserName: guestAddress, UserNameKey: guestAddress, Emails: []string{guestAddress},
	}})
	browser, response = h.ask(guest)
	_, err = h.CheckPasskey(t.Context(), browser, response)
	h.refused(err, ReasonPasskeyUnknown) // it was the predecessor's
}

// Without a domain there are no passkeys, and all else works.
func TestPasskeys_needADomain(t *testing.T) {
	h := newHouse(t)
	for page, want := range map[string]bool{
		"http://127.0.0.1:8080/login": false, "http://[::1]:8080/login": false, "http://localhost:8080/login": true,
		"http://eu.localhost:8080/login": true, "https://eu.example.com/login": true,
	} {
		s := h.service("eu", page)
		prompt, err := s.AskPasskey(t.Context(), "/")
		if err != nil || s.Passkeys() != want || (len(prompt.Options) > 0) != want {
			t.Errorf("%s: %v, %v", page, s.Passkeys(), err)
		}
	}
	if _, err := New(Deps{Keyring: h.ring, Region: directory.Region{LoginURL: "nowhere"}}); err == nil {
		t.Error("no error without a host")
	}
}
