package fsm

import (
	"fmt"
	"strings"
	"testing"

	"domicile/directory"
	"domicile/fsm/command"
)

const oneDay = directory.Time(24 * 3600 * 1_000_000)

func (l *ledger) look(found bool) command.Result {
	l.Helper()
	return l.do("acme", &command.LookDomain{Name: "new.example", Challenge: "challenge", Found: found})
}

func TestDomains_life(t *testing.T) {
	l := newLedger(t).acme(0).raised()
	l.do("acme", &command.PutDomain{Name: "new.example", Challenge: "challenge"})
	claim := func() *directory.Domain { domain, _ := l.directory("acme").Domain("new.example"); return domain }
	if r := l.do("acme", &command.PutDomain{Name: "new.example", Challenge: "challenge"}); r.Changed || r.Version != claim().Version {
		t.Errorf("the same claim again: %+v", r)
	}
	if r := l.do("acme", &command.LookDomain{Name: "new.example", Challenge: "old", Found: true}); r.Changed || claim().State != directory.DomainPending {
		t.Errorf("a look for another challenge: %+v", r)
	}
	l.look(false)
	if claim().Checked != l.now || claim().Misses != 0 {
		t.Errorf("a look that found nothing yet: %+v", claim())
	}
	before := l.record().Version
	found := l.look(true)
	if org := l.record(); org.Version != found.Version || org.Version == before || fmt.Sprint(org.Domains) != "[acme.example new.example]" {
		t.Errorf("organization %+v", org)
	}
	if r := l.do("acme", &command.PutDomain{Name: "new.example", Challenge: "fresh"}); r.Changed || claim().Challenge != "challenge" {
		t.Errorf("the claim of a verified domain: %+v", r)
	}
	for range 3 {
		l.look(false)
		if claim().Misses == 1 {
			wantList(t, "errands", l.waiting(), "5 new.example verified", "5 new.example missed")
		}
		l.now += 3 * oneDay
	}
	if claim().State != directory.DomainVerified {
		t.Error("a domain is lost too early")
	}
	l.look(false)
	if org := l.record(); claim().State != directory.DomainLost || fmt.Sprint(org.Domains) != "[acme.example]" {
		t.Errorf("claim %+v, organization %+v", claim(), org)
	}
	if _, leads := l.fsm.View().DirectoryByDomain("new.example"); leads {
		t.Error("a lost domain still leads to the organization")
	}
	wantList(t, "errands", l.waiting(), "5 new.example lost") // the others are too old
	wantList(t, "audit", l.audit(), "domain.lost new.example", "domain.missed new.example", "domain.verified new.example", "domain.claimed new.example")
	l.do("acme", &command.PutDomain{Name: "new.example", Challenge: "again"})
	if claim().State != directory.DomainPending || claim().Created != dawn {
		t.Errorf("a lost domain that is claimed again: %+v", claim())
	}
}

func TestDomains_rules(t *testing.T) {
	l := newLedger(t).acme(0).raised()
	l.do("other", &command.CreateOrganization{OrganizationFields: command.OrganizationFields{Slug: "other", Domains: []string{"other.example"}}})
	for name, c := range map[string]struct {
		put  command.PutDomain
		want directory.Kind
	}{
		"no domain":       {command.PutDomain{Name: "new", Challenge: "c"}, directory.KindInvalid},
		"no challenge":    {command.PutDomain{Name: "new.example"}, directory.KindInvalid},
		"long challenge":  {command.PutDomain{Name: "new.example", Challenge: strings.Repeat("c", 256)}, directory.KindInvalid},
		"another's":       {command.PutDomain{Name: "other.example", Challenge: "c"}, directory.KindConflict},
		"no organization": {command.PutDomain{}, directory.KindNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			l.TB = t
			org := directory.OrganizationID("acme")
			if c.want == directory.KindNotFound {
				org = "nowhere"
			}
			l.refuse(org, &c.put, c.want)
		})
	}
	l.TB = t
	l.refuse("acme", &command.LookDomain{Name: "new.example"}, directory.KindNotFound)
	l.refuse("acme", &command.DeleteDomain{Name: "new.example"}, directory.KindNotFound)

	// Two claim one domain: who proves it first has it.
	put := &command.PutDomain{Name: "new.example", Challenge: "challenge"}
	l.do("acme", put)
	l.do("other", put)
	l.do("other", &command.LookDomain{Name: "new.example", Challenge: "challenge", Found: true})
	l.refuse("acme", &command.LookDomain{Name: "new.example", Challenge: "challenge", Found: true}, directory.KindConflict)
	l.look(false) // goes on
	l.do("other", &command.DeleteDomain{Name: "new.example"})
	l.look(true)
	if holder, _ := l.fsm.View().DirectoryByDomain("new.example"); holder.Organization().ID != "acme" {
		t.Errorf("the domain leads to %s", holder.Organization().ID)
	}

	// An operator's update that takes the domain away takes its claim, too.
	l.do("acme", &command.UpdateOrganization{OrganizationFields: command.OrganizationFields{Slug: "acme", Domains: []string{"acme.example"}}})
	if _, ok := l.directory("acme").Domain("new.example"); ok {
		t.Error("the claim is still there")
	}
	// The claim of a domain that the operator gave is not needed for it.
	l.do("acme", &command.PutDomain{Name: "acme.example", Challenge: "challenge"})
	l.do("acme", &command.DeleteDomain{Name: "acme.example"})
	if got := fmt.Sprint(l.record().Domains); got != "[acme.example]" {
		t.Errorf("domains %s", got)
	}
	for i := range directory.MaxDomains {
		l.do("acme", &command.PutDomain{Name: fmt.Sprintf("d%d.example", i), Challenge: "challenge"})
	}
	l.refuse("acme", put, directory.KindTooLarge)
	for i := range directory.MaxDomains - 1 {
		l.do("acme", &command.LookDomain{Name: fmt.Sprintf("d%d.example", i), Challenge: "challenge", Found: true})
	}
	l.refuse("acme", &command.LookDomain{Name: "d99.example", Challenge: "challenge", Found: true}, directory.KindTooLarge)
	if err := l.fsm.View().Check(); err != nil {
		t.Error(err)
	}
}
