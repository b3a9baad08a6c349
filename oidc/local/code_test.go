package local

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/seal"
)

func TestRecovery_root(t *testing.T) {
	h := newHouse(t)
	codes := h.enrol(rootAddress, newKey()).Recovery
	typed := strings.ToLower(strings.ReplaceAll(codes[0].Reveal(), "-", " "))
	cookie, err := h.CheckRecovery(t.Context(), RecoveryRequest{Email: " Root@ACME.example ", Code: typed, ReturnTo: "/x"})
	if err != nil {
		t.Fatal(err)
	}
	code := h.mailed(rootAddress)
	done, err := h.CheckCode(t.Context(), visit(cookie), code)
	if err != nil || done.ReturnTo != "/x" {
		t.Fatalf("%+v, %v", done, err)
	}
	if session := h.session(&done); session.Kind != directory.SessionLocal || !slices.Equal(session.Methods, methodsRecovery) {
		t.Errorf("session %+v", session)
	}
	// The code is used up: the same form gets the same answer, and no mail.
	if cookie, err = h.CheckRecovery(t.Context(), RecoveryRequest{Email: rootAddress, Code: typed}); err != nil {
		t.Fatal(err)
	}
	if letters := h.mail(); len(letters) != 0 {
		t.Errorf("letters %v", letters)
	}
	_, err = h.CheckCode(t.Context(), visit(cookie), code)
	h.refused(err, ReasonCodeWrong)
	d, _ := h.FSM.View().Directory(acme)
	if held, _ := d.Credentials(rootAddress); len(held.Recovery) != directory.MaxRecoveryCodes-1 {
		t.Errorf("%d codes are left", len(held.Recovery))
	}
}

func TestRecovery_breakGlass(t *testing.T) {
	h := newHouse(t)
	made, err := h.SetupCodes(t.Context(), h.link(spareAddress))
	if err != nil {
		t.Fatal(err)
	}
	cookie, err := h.CheckRecovery(t.Context(), RecoveryRequest{Email: spareAddress, Code: made.Recovery[9].Reveal()})
	if err != nil {
		t.Fatal(err)
	}
	done, err := h.CheckCode(t.Context(), visit(cookie), h.mailed(spareAddress))
	if err != nil {
		t.Fatal(err)
	}
	if session := h.session(&done); session.Kind != directory.SessionBreakGlass || session.Email != spareAddress {
		t.Errorf("session %+v", session)
	}
}

// Two browsers with one recovery code: the first to finish has it.
func TestRecovery_race(t *testing.T) {
	h := newHouse(t)
	codes := h.enrol(rootAddress, newKey()).Recovery
	request := RecoveryRequest{Email: rootAddress, Code: codes[0].Reveal()}
	var cookies [2]Cookie
	var mailed [2]string
	for i := range cookies {
		var err error
		if cookies[i], err = h.CheckRecovery(t.Context(), request); err != nil {
			t.Fatal(err)
		}
		mailed[i] = h.mailed(rootAddress)
	}
	_, err := h.CheckCode(t.Context(), visit(cookies[0]), mailed[1])
	h.refused(err, ReasonCodeWrong) // another browser's code
	if _, err := h.CheckCode(t.Context(), visit(cookies[1]), mailed[1]); err != nil {
		t.Fatal(err)
	}
	_, err = h.CheckCode(t.Context(), visit(cookies[0]), mailed[0])
	h.refused(err, ReasonStanding)
}

// Whatever is wrong with a first step, its answer looks like that of a right one, and no mail is sent.
func TestFirstSteps_looksAlike(t *testing.T) {
	h := newHouse(t)
	codes := h.enrol(rootAddress, newKey()).Recovery
	h.mail()
	right, err := h.CheckRecovery(t.Context(), RecoveryRequest{Email: rootAddress, Code: codes[0].Reveal()})
	if err != nil {
		t.Fatal(err)
	}
	h.mailed(rootAddress)
	steps := map[string]func() (Cookie, error){
		"wrong code": func() (Cookie, error) {
			return h.CheckRecovery(t.Context(), RecoveryRequest{Email: rootAddress, Code: strings.Repeat("A", 20)})
		},
		"another's code": func() (Cookie, error) {
			return h.CheckRecovery(t.Context(), RecoveryRequest{Email: spareAddress, Code: codes[1].Reveal()})
		},
		"unlisted": func() (Cookie, error) {
			return h.CheckRecovery(t.Context(), RecoveryRequest{Email: "nobody@acme.example", Code: codes[1].Reveal()})
		},
		"subdomain": func() (Cookie, error) {
			return h.CheckRecovery(t.Context(), RecoveryRequest{Email: "root@mail.acme.example", Code: codes[1].Reveal()})
		},
		"mail to root": func() (Cookie, error) { return h.MailCode(t.Context(), MailRequest{Email: rootAddress}) },
		"mail to break-glass": func() (Cookie, error) {
			return h.MailCode(t.Context(), MailRequest{Email: spareAddress, Organization: "acme"})
		},
		"mail to a stranger": func() (Cookie, error) { return h.MailCode(t.Context(), MailRequest{Email: "x@nowhere.example"}) },
		"another organization": func() (Cookie, error) {
			return h.MailCode(t.Context(), MailRequest{Email: guestAddress, Organization: "globex"})
		},
		"no organization": func() (Cookie, error) {
			return h.MailCode(t.Context(), MailRequest{Email: guestAddress, Organization: "nowhere"})
		},
		"organization not named": func() (Cookie, error) { return h.MailCode(t.Context(), MailRequest{Email: guestAddress}) },
		"subdomain of an own domain": func() (Cookie, error) {
			return h.MailCode(t.Context(), MailRequest{Email: "staff@mail.acme.example", Organization: "acme"})
		},
	}
	for name, step := range steps {
		cookie, err := step()
		if err != nil || cookie.Name != right.Name || len(cookie.Value) != len(right.Value) || cookie.MaxAge != right.MaxAge {
			t.Errorf("%s: %v, cookie of %d bytes, want %d", name, err, len(cookie.Value), len(right.Value))
		}
		if letters := h.mail(); len(letters) != 0 {
			t.Errorf("%s: letters %v", name, letters)
		}
		// Even who guesses the code that was not mailed is not signed in.
		c, refusal := h.recall(purposeCode, new(visit(cookie)))
		if refusal != nil || !c.Void {
			t.Fatalf("%s: challenge %+v, %v", name, c, refusal)
		}
		_, err = h.CheckCode(t.Context(), visit(cookie), c.Code)
		h.refused(err, ReasonCodeWrong)
	}
}

func TestMailCode_invited(t *testing.T) {
	h := newHouse(t)
	for _, request := range []MailRequest{{Email: guestAddress, Organization: "acme"}, {Email: "Staff@Acme.Example"}} {
		cookie, err := h.MailCode(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		email := directory.Fold(request.Email)
		done, err := h.CheckCode(t.Context(), visit(cookie), h.mailed(email))
		if err != nil {
			t.Fatal(err)
		}
		if session := h.session(&done); session.User != directory.ResourceID(email) || session.Kind != directory.SessionLocal {
			t.Errorf("session %+v", session)
		}
	}
	// Where single sign-on is required, staff get no code; a code that was mailed before buys nothing.
	before, err := h.MailCode(t.Context(), MailRequest{Email: staffAddress})
	if err != nil {
		t.Fatal(err)
	}
	code := h.mailed(staffAddress)
	h.connect()
	h.change(func(f *command.OrganizationFields) { f.SignIn.RequireSSO = true })
	if _, err := h.MailCode(t.Context(), MailRequest{Email: staffAddress}); err != nil {
		t.Fatal(err)
	}
	if letters := h.mail(); len(letters) != 0 {
		t.Errorf("letters %v", letters)
	}
	_, err = h.CheckCode(t.Context(), visit(before), code)
	h.refused(err, ReasonStanding)
}

// Somebody who became the root user meanwhile cannot do with the mailed code alone.
func TestMailCode_promoted(t *testing.T) {
	h := newHouse(t)
	cookie, err := h.MailCode(t.Context(), MailRequest{Email: guestAddress, Organization: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	code := h.mailed(guestAddress)
	h.change(func(f *command.OrganizationFields) { f.RootEmail = guestAddress })
	_, err = h.CheckCode(t.Context(), visit(cookie), code)
	h.refused(err, ReasonStanding)
}

// Guessing ends after five tries of one code. Who guesses sees the same before and after, and at a void challenge.
func TestCode_bruteForce(t *testing.T) {
	h := newHouse(t)
	for email, want := range map[string]Reason{staffAddress: ReasonTries, "stranger@acme.example": ReasonCodeWrong} {
		cookie, err := h.MailCode(t.Context(), MailRequest{Email: email})
		if err != nil {
			t.Fatal(err)
		}
		c, _ := h.recall(purposeCode, new(visit(cookie)))
		for i := range maxTries {
			_, err := h.CheckCode(t.Context(), visit(cookie), wrong(c.Code, i))
			h.refused(err, ReasonCodeWrong)
		}
		_, err = h.CheckCode(t.Context(), visit(cookie), c.Code) // too late
		h.refused(err, want)
	}
	if ReasonTries.Class() != ReasonCodeWrong.Class() {
		t.Error("the page tells whether there is somebody")
	}
	for _, typed := range []string{"", "1234567", "123456789", "1234567x", "１２３４５６７８"} {
		cookie, err := h.MailCode(t.Context(), MailRequest{Email: guestAddress, Organization: "acme"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = h.CheckCode(t.Context(), visit(cookie), typed)
		h.refused(err, ReasonForm)
	}
}

func wrong(code string, n int) string {
	guess := fmt.Sprintf("%08d", n)
	if guess == code {
		return "99999999"
	}
	return guess
}

// askFor asks for a code from some place; the answer is always the same.
func (h *house) askFor(email, organization, place string) {
	h.Helper()
	cookie, err := h.MailCode(h.Context(), MailRequest{Email: email, Organization: organization, Place: place})
	if err != nil || cookie.Name != h.cookieName(purposeCode) {
		h.Fatalf("%+v, %v", cookie, err)
	}
}

// Mails to one address are bounded, by whichever way the organization is named. Nobody sees it.
func TestMails_bounded(t *testing.T) {
	h := newHouse(t)
	for i := range 2 * maxMails {
		h.askFor(staffAddress, []string{"", "acme"}[i%2], "")
		h.askFor("stranger@acme.example", "", "")
	}
	if n := len(h.mail()); n != maxMails {
		t.Errorf("%d mails", n)
	}
	cookie, err := h.MailCode(t.Context(), MailRequest{Email: staffAddress})
	if err != nil {
		t.Fatal(err)
	}
	c, _ := h.recall(purposeCode, new(visit(cookie)))
	_, err = h.CheckCode(t.Context(), visit(cookie), c.Code)
	h.refused(err, ReasonCodeWrong) // nobody was told that code
	h.Advance(mailWindow + time.Second)
	h.askFor(staffAddress, "", "")
	h.mailed(staffAddress)
}

// From one place a stranger cannot use up the mails of somebody who is elsewhere; all places together are bounded, too.
func TestMails_placesApart(t *testing.T) {
	h := newHouse(t)
	sent := 0
	for _, at := range []struct {
		place     string
		ask, want int
	}{
		{"192.0.2.1", 3 * maxAllMail, maxMails}, {"198.51.100.7", maxAllMail, maxAllMail - maxMails}, {"203.0.113.9", 1, 0},
	} {
		for range at.ask {
			h.askFor(staffAddress, "", at.place)
		}
		if n := len(h.mail()); n != at.want {
			t.Errorf("%d mails for %s, want %d", n, at.place, at.want)
		}
		sent += at.want
	}
	if sent != maxAllMail {
		t.Errorf("%d mails", sent)
	}
}

// However many addresses and codes strangers invent, they leave nothing in the ledger.
func TestMails_strangersLeaveNothing(t *testing.T) {
	h := newHouse(t)
	for i := range 100 {
		email := fmt.Sprintf("stranger-%d@acme.example", i)
		cookie, err := h.MailCode(t.Context(), MailRequest{Email: email, Place: fmt.Sprintf("192.0.2.%d", i)})
		if err != nil {
			t.Fatal(err)
		}
		_, err = h.CheckCode(t.Context(), visit(cookie), "12345678")
		h.refused(err, ReasonCodeWrong)
		guess := strings.Repeat("A", 18) + string(rune('A'+i%26)) + string(rune('A'+i/26))
		if _, err := h.CheckRecovery(t.Context(), RecoveryRequest{Email: rootAddress, Code: guess}); err != nil {
			t.Fatal(err)
		}
	}
	if n := h.FSM.View().AttemptCount(); n != 0 {
		t.Errorf("%d counts", n)
	}
}

// A stranger who types recovery codes at random cannot lock out whoever has a right one.
func TestRecovery_strangersCannotLockOut(t *testing.T) {
	h := newHouse(t)
	codes := h.enrol(spareAddress, newKey()).Recovery
	try := func(code string) {
		t.Helper()
		if _, err := h.CheckRecovery(t.Context(), RecoveryRequest{Email: spareAddress, Code: code}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 * maxMails {
		h.askFor(spareAddress, "acme", "")
		try(strings.Repeat("A", 20))
	}
	for range maxMails {
		try(codes[0].Reveal())
		h.mailed(spareAddress)
	}
	try(codes[1].Reveal()) // whoever has all the codes does not get more mails
	if n := len(h.mail()); n != 0 {
		t.Errorf("%d mails too many", n)
	}
}

func TestForms_malformed(t *testing.T) {
	h := newHouse(t)
	for _, email := range []string{"", "acme", "a@b", "x@evil.com@corp.com", "a@evil.com,b@corp.com", "x＠acme.example\x00", strings.Repeat("a", 250) + "@acme.example"} {
		_, err := h.CheckRecovery(t.Context(), RecoveryRequest{Email: email, Code: strings.Repeat("A", 20)})
		h.refused(err, ReasonForm)
		_, err = h.MailCode(t.Context(), MailRequest{Email: email})
		h.refused(err, ReasonForm)
	}
	for _, code := range []string{"", "AAAAA", strings.Repeat("A", 21), strings.Repeat("9", 20)} {
		_, err := h.CheckRecovery(t.Context(), RecoveryRequest{Email: rootAddress, Code: code})
		h.refused(err, ReasonForm)
	}
	_, err := h.MailCode(t.Context(), MailRequest{Email: guestAddress, Organization: "No Slug"})
	h.refused(err, ReasonForm)
	h.Cut(true)
	_, err = h.MailCode(t.Context(), MailRequest{Email: guestAddress})
	h.refused(err, ReasonUnavailable)
}

func TestRecoveryCodes(t *testing.T) {
	codes, hashes := newRecoveryCodes()
	seen := map[string]bool{}
	for i, code := range codes {
		text := code.Reveal()
		if len(text) != 23 || strings.Count(text, "-") != 3 || seen[text] {
			t.Errorf("code %q", text)
		}
		seen[text] = true
		spoken := strings.NewReplacer("O", "0", "I", "1", "B", "8", "-", "").Replace(text)
		for _, typed := range []string{text, strings.ToLower(text), " " + strings.ReplaceAll(text, "-", " "), spoken} {
			if recoveryHash(foldRecovery(typed)) != hashes[i] {
				t.Errorf("%q is not read as %q", typed, text)
			}
		}
	}
	for range 100 {
		if code := newMailedCode(); foldMailedCode(code[:4]+" "+code[4:]) != code {
			t.Errorf("mailed code %q", code)
		}
	}
}

// FuzzChallenge: no cookie opens but those that were sealed for its name.
func FuzzChallenge(f *testing.F) {
	s, err := New(Deps{Keyring: seal.GenerateKeyring(), Identity: testIdentity(), Region: directory.Region{LoginURL: origin + "/login"}})
	if err != nil {
		f.Fatal(err)
	}
	c := s.newChallenge()
	cookie, _ := s.cookie(purposeCode, &c)
	f.Add(cookie.Value)
	f.Add("")
	f.Add(cookie.Value[1:])
	f.Fuzz(func(t *testing.T, value string) {
		v := visit(Cookie{Name: cookie.Name, Value: value})
		if _, refusal := s.recall(purposeCode, &v); (refusal == nil) != (value == cookie.Value) {
			t.Errorf("%q: %v", value, refusal)
		}
	})
}
