package local

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"domicile/directory"
)

// records lets the house note failed tries, and gives those since its last call.
func (h *house) records() func() []string {
	var rows []string
	h.deps.Record = func(organization directory.OrganizationID, row directory.SignIn) {
		text := fmt.Sprint(organization, " ", row.Way, " ", row.Reason)
		for _, more := range []string{row.Email, string(row.User), row.Reference} {
			if more != "" {
				text += " " + more
			}
		}
		if row.Email != "" && row.User != "" || row.Agent != "Firefox on Linux" || row.Address != "192.0.2.1" {
			h.Errorf("row %+v", row)
		}
		rows = append(rows, text)
	}
	return func() []string {
		last := rows
		rows = nil
		return last
	}
}

// What fails for an address that stands is in its organization's log of sign-ins; strangers leave nothing, whatever they type.
func TestRecord(t *testing.T) {
	h, key := newHouse(t), newKey()
	codes := h.enrol(spareAddress, key).Recovery
	records := h.records()
	wants := func(what string, want ...string) {
		t.Helper()
		if got := records(); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	recover := func(email, code string) Cookie {
		t.Helper()
		cookie, err := h.CheckRecovery(t.Context(), RecoveryRequest{Email: email, Code: code, Visit: visit()})
		if err != nil {
			t.Fatal(err)
		}
		return cookie
	}
	mail := func(email, organization string) Cookie {
		t.Helper()
		cookie, err := h.MailCode(t.Context(), MailRequest{Email: email, Organization: organization, Visit: visit()})
		if err != nil {
			t.Fatal(err)
		}
		return cookie
	}
	typed := func(cookie Cookie, code string) string {
		t.Helper()
		_, err := h.CheckCode(t.Context(), visit(cookie), code)
		refusal, ok := err.(*Refusal)
		if !ok {
			t.Fatalf("%v", err)
		}
		return string(refusal.Reason) + " " + refusal.Reference
	}
	guess := strings.Repeat("A", 20)

	void := recover(spareAddress, guess)
	wants("wrong recovery code", "acme break_glass recovery_wrong "+spareAddress)
	typed(void, "12345678")
	wants("the code after it")
	recover(rootAddress, guess)
	wants("wrong recovery code of the root user", "acme local recovery_wrong "+rootAddress)
	recover("stranger@acme.example", guess)
	recover("stranger@nowhere.example", guess)
	recover("spare@globex.example", codes[0].Reveal())
	wants("strangers' recovery codes")
	right := recover(spareAddress, codes[0].Reveal())
	wants("right recovery code")
	_, reference, _ := strings.Cut(typed(right, "00000000"), " ")
	wants("wrong code after it", "acme break_glass code_wrong "+spareAddress+" "+reference)

	cookie := mail(staffAddress, "")
	c, _ := h.recall(purposeCode, new(visit(cookie)))
	for i := range maxTries + 1 {
		told := typed(cookie, wrong(c.Code, i))
		reason, reference, _ := strings.Cut(told, " ")
		wants("wrong code", "acme local "+reason+" "+staffAddress+" "+reference)
		if (reason == string(ReasonTries)) != (i == maxTries) {
			t.Errorf("try %d: %s", i, reason)
		}
	}
	typed(cookie, "123")
	wants("no code at all")
	_, reference, _ = strings.Cut(typed(mail(rootAddress, "acme"), "12345678"), " ")
	wants("a code for the root user, who needs more", "acme local code_wrong "+rootAddress+" "+reference)
	typed(mail("stranger@acme.example", ""), "12345678")
	typed(mail(guestAddress, "globex"), "12345678")
	wants("strangers' codes")
	for range maxMails {
		mail(guestAddress, "acme")
	}
	wants("as many mails as there may be")
	mail(guestAddress, "acme")
	wants("one more", "acme local mail_limited "+guestAddress)

	_, response := h.ask(key)
	other, _ := h.ask(key)
	_, err := h.CheckPasskey(t.Context(), other, response)
	refusal, _ := err.(*Refusal)
	wants("another browser's passkey", "acme break_glass "+string(refusal.Reason)+" "+spareAddress+" "+refusal.Reference)

	h.Cut(true)
	typed(cookie, "12345678")
	wants("cut off")
}
