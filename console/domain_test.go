package console_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"domicile/console"
	"domicile/directory"
	"domicile/egress/dnstest"
	"domicile/fsm/command"
)

const day = 24 * time.Hour

func (h *house) claim(t *testing.T, org directory.OrganizationID, name string) console.Claim {
	t.Helper()
	claim, err := h.ClaimDomain(t.Context(), owner, org, name)
	if err != nil {
		t.Fatal(err)
	}
	return claim
}

func (h *house) verify(t *testing.T, org directory.OrganizationID, name string, want console.LookOutcome) (console.Claim, console.Look) {
	t.Helper()
	claim, look, err := h.VerifyDomain(t.Context(), owner, org, name)
	if err != nil {
		t.Fatal(err)
	}
	if look.Outcome != want {
		t.Fatalf("%s: %+v, want %s", name, look, want)
	}
	return claim, look
}

func TestDomain_proof(t *testing.T) {
	h := newHouse(t)
	org := h.organization(t, "acme")
	claim := h.claim(t, org, " Acme.Example ")
	if claim.RecordName() != "_domicile-challenge.acme.example" || !strings.HasPrefix(claim.RecordValue(), "domicile-verification=") ||
		len(claim.RecordValue()) != len("domicile-verification=")+52 || claim.Belongs {
		t.Fatalf("claim %+v", claim)
	}
	if again := h.claim(t, org, "acme.example"); again.RecordValue() != claim.RecordValue() {
		t.Fatal("a second claim has another record")
	}
	_, look := h.verify(t, org, "acme.example", console.LookMissing)
	if len(look.Sightings) != 1 || len(look.Sightings[0].Records) != 0 || look.Sightings[0].Problem != "" {
		t.Fatalf("nothing there: %+v", look)
	}
	h.dns.Set(claim.RecordName(), "v=spf1 -all", "domicile-verification=wrong\x07ä")
	_, look = h.verify(t, org, "acme.example", console.LookMissing)
	if !slices.Equal(look.Sightings[0].Records, []string{"v=spf1 -all", "domicile-verification=wrong??"}) {
		t.Fatalf("shown %q", look.Sightings[0].Records)
	}
	value := claim.RecordValue()
	h.dns.SetStrings(claim.RecordName(), value[:30], value[30:])
	claim, _ = h.verify(t, org, "acme.example", console.LookFound)
	if claim.State != directory.DomainVerified || !claim.Belongs || claim.Verified == 0 {
		t.Fatalf("proved: %+v", claim)
	}
	got, err := h.GetOrganization(t.Context(), org)
	if err != nil || !slices.Equal(got.Domains, []string{"acme.example"}) {
		t.Fatalf("the organization has %v, %v", got.Domains, err)
	}
	if err := h.DeleteDomain(t.Context(), owner, org, "acme.example"); err != nil {
		t.Fatal(err)
	}
	if got, err = h.GetOrganization(t.Context(), org); err != nil || len(got.Domains) != 0 {
		t.Fatalf("the organization still has %v, %v", got.Domains, err)
	}
	wantError(t, h.DeleteDomain(t.Context(), owner, org, "acme.example"), directory.KindNotFound, "")
	_, _, err = h.VerifyDomain(t.Context(), owner, org, "acme.example")
	wantError(t, err, directory.KindNotFound, "")
}

// Whoever proves a domain first has it; the others are told what to do.
func TestDomain_conflict(t *testing.T) {
	h := newHouse(t)
	first, second := h.organization(t, "first"), h.organization(t, "second")
	a, b := h.claim(t, first, "acme.example"), h.claim(t, second, "acme.example")
	h.dns.Set(a.RecordName(), a.RecordValue(), b.RecordValue())
	h.verify(t, first, "acme.example", console.LookFound)
	_, _, err := h.VerifyDomain(t.Context(), owner, second, "acme.example")
	wantError(t, err, directory.KindConflict, "name")
	if !strings.Contains(err.Error(), "whoever runs the service can help") || strings.Contains(err.Error(), "first") {
		t.Fatal(err)
	}
	_, err = h.ClaimDomain(t.Context(), owner, h.organization(t, "third"), "acme.example")
	wantError(t, err, directory.KindConflict, "name")
}

func TestClaimDomain_refusals(t *testing.T) {
	h := newHouse(t)
	org := h.organization(t, "acme")
	for _, name := range []string{
		"", "acme", "acme..example", "*.acme.example", "acme.example.", "bücher.example", "xn--a.example",
		"_dmarc.acme.example", "https://acme.example", "a@acme.example", "com", "co.uk", "github.io", "gmail.com", "mail.gmail.com",
		"yahoo.co.uk", strings.Repeat(strings.Repeat("a", 60)+".", 4) + "example", "192.0.2.1", "acme.example\x00",
	} {
		_, err := h.ClaimDomain(t.Context(), owner, org, name)
		wantError(t, err, directory.KindInvalid, "name")
	}
	for _, name := range []string{"acme.example", "it.acme.co.uk", "xn--bcher-kva.example", "acme.github.io"} {
		h.claim(t, org, name)
	}
	_, err := h.ClaimDomain(t.Context(), owner, "nobody", "acme.example")
	wantError(t, err, directory.KindNotFound, "")
}

func TestClaimDomain_bound(t *testing.T) {
	h := newHouse(t)
	org := h.organization(t, "acme")
	for i := range directory.MaxDomains {
		h.claim(t, org, fmt.Sprintf("d%d.example", i))
	}
	_, err := h.ClaimDomain(t.Context(), owner, org, "more.example")
	wantError(t, err, directory.KindTooLarge, "domain")
	h.claim(t, org, "d7.example")
}

func TestDomain_acceptedByTheOperator(t *testing.T) {
	h := newHouse(t)
	org := h.organization(t, "acme")
	domains := []string{"acme.example"}
	if _, err := h.UpdateOrganization(t.Context(), actor, org, console.OrganizationChange{Domains: &domains}); err != nil {
		t.Fatal(err)
	}
	claims, err := h.ListDomains(t.Context(), org)
	if err != nil || len(claims) != 1 || claims[0].Domain != nil || !claims[0].Belongs || claims[0].RecordName() != "" || claims[0].RecordValue() != "" {
		t.Fatalf("claims %+v, %v", claims, err)
	}
	wantError(t, h.DeleteDomain(t.Context(), owner, org, "acme.example"), directory.KindConflict, "")
	_, _, err = h.VerifyDomain(t.Context(), owner, org, "acme.example")
	wantError(t, err, directory.KindNotFound, "")
	if claim := h.claim(t, org, "acme.example"); claim.Domain == nil || !claim.Belongs {
		t.Fatalf("claimed %+v", claim)
	}
}

// Resolvers have to agree, and one that fails says nothing.
func TestVerifyDomain_severalResolvers(t *testing.T) {
	for name, test := range map[string]struct {
		set  func(record, value string, a, b *dnstest.Server)
		want console.LookOutcome
	}{
		"both":         {func(r, v string, a, b *dnstest.Server) { a.Set(r, v); b.Set(r, v) }, console.LookFound},
		"one":          {func(r, v string, a, _ *dnstest.Server) { a.Set(r, v) }, console.LookUnclear},
		"none":         {func(string, string, *dnstest.Server, *dnstest.Server) {}, console.LookMissing},
		"one fails":    {func(r, v string, a, b *dnstest.Server) { a.Set(r, v); b.Feel(dnstest.Failing) }, console.LookFound},
		"one is quiet": {func(r, v string, a, b *dnstest.Server) { a.Feel(dnstest.Silent); b.Set(r, v) }, console.LookFound},
		"both fail":    {func(_, _ string, a, b *dnstest.Server) { a.Feel(dnstest.Failing); b.Feel(dnstest.Refusing) }, console.LookUnclear},
	} {
		t.Run(name, func(t *testing.T) {
			h, other := newHouse(t), dnstest.New(t)
			h.open(t, h.dns, other)
			org := h.organization(t, "acme")
			claim := h.claim(t, org, "acme.example")
			test.set(claim.RecordName(), claim.RecordValue(), h.dns, other)
			claim, look := h.verify(t, org, "acme.example", test.want)
			if len(look.Sightings) != 2 || claim.Belongs != (test.want == console.LookFound) || claim.Checked == 0 != (test.want == console.LookUnclear) {
				t.Fatalf("claim %+v after %+v", claim, look)
			}
		})
	}
}

func TestRecheckDomains(t *testing.T) {
	h := newHouse(t)
	org := h.organization(t, "acme")
	names := []string{"a.example", "b.example", "c.example"}
	for _, name := range names {
		claim := h.claim(t, org, name)
		h.dns.Set(claim.RecordName(), claim.RecordValue())
		h.verify(t, org, name, console.LookFound)
	}
	h.claim(t, org, "pending.example")
	recheck := func(ahead time.Duration) {
		t.Helper()
		h.ledger.Advance(ahead)
		if err := h.RecheckDomains(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	state := func(name string) console.Claim {
		t.Helper()
		claim, err := h.GetDomain(t.Context(), org, name)
		if err != nil {
			t.Fatal(err)
		}
		return claim
	}
	asked := h.dns.Asked("udp")
	recheck(6 * day)
	if h.dns.Asked("udp") != asked {
		t.Fatal("looked too early")
	}
	h.dns.Set(directory.ChallengeName("b.example"))
	recheck(day + time.Hour)
	if h.dns.Asked("udp") != asked+3 || state("a.example").Misses != 0 || state("b.example").Misses != 1 || !state("b.example").Belongs {
		t.Fatalf("a %+v, b %+v after %d questions", state("a.example"), state("b.example"), h.dns.Asked("udp")-asked)
	}
	h.dns.Feel(dnstest.Failing)
	recheck(8 * day)
	if b := state("b.example"); b.Misses != 1 {
		t.Fatalf("a failing resolver counted as a miss: %+v", b)
	}
	h.dns.Feel(dnstest.Truthful)
	recheck(0)
	recheck(day + time.Hour)
	if b := state("b.example"); b.State != directory.DomainLost || b.Belongs || !state("a.example").Belongs {
		t.Fatalf("b is %+v", b)
	}
	if claim := h.claim(t, org, "b.example"); claim.State != directory.DomainPending {
		t.Fatalf("a lost domain claimed again is %+v", claim)
	}
}

// The duty fails with the ledger, and goes on without a claim that went meanwhile.
func TestRecheckDomains_failures(t *testing.T) {
	h := newHouse(t)
	org := h.organization(t, "acme")
	claim := h.claim(t, org, "a.example")
	h.dns.Set(claim.RecordName(), claim.RecordValue())
	h.verify(t, org, "a.example", console.LookFound)
	h.ledger.Advance(8 * day)
	for _, test := range []struct {
		err   error
		fails bool
	}{
		{directory.Unavailable(time.Second, nil, "no leader"), true},
		{directory.Errorf(directory.KindNotFound, "", "gone"), false},
		{directory.Errorf(directory.KindConflict, "domain", "taken"), false},
	} {
		h.ledger.Before(func(c command.Command) error {
			if _, looks := c.Payload.(*command.LookDomain); !looks {
				return errors.New("another command")
			}
			return test.err
		})
		if err := h.RecheckDomains(t.Context()); (err != nil) != test.fails {
			t.Errorf("%v made %v", test.err, err)
		}
	}
}
