package console

import (
	"context"
	"errors"
	"slices"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
	"golang.org/x/sync/errgroup"

	"domicile/directory"
	"domicile/egress"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/seal"
)

const (
	challengeBytes  = 32
	challengePrefix = "domicile-verification="
	// maxProvable leaves room for the label of the challenge in a name of at most 253 characters.
	maxProvable = 230

	rechecksAtOnce = 8
	recheckActor   = "domain recheck"
)

// Claim is a domain of an organization, or one that it wants to be its own.
type Claim struct {
	*directory.Domain // nil: the operator gave the organization the domain; nobody proved it
	Name              string
	Belongs           bool // it leads people to the organization now
}

// RecordName is where the TXT record of the proof goes; empty where no proof is wanted.
func (c *Claim) RecordName() string {
	if c.Domain == nil {
		return ""
	}
	return directory.ChallengeName(c.Name)
}

// RecordValue is what the TXT record of the proof holds; empty where no proof is wanted.
func (c *Claim) RecordValue() string {
	if c.Domain == nil {
		return ""
	}
	return challengePrefix + c.Challenge
}

// ListDomains gives an organization's domains and claims, by name. Errors: KindNotFound.
func (s *Service) ListDomains(ctx context.Context, org directory.OrganizationID) ([]Claim, error) {
	d, err := s.directoryOf(ctx, org)
	if err != nil {
		return nil, err
	}
	return claimsOf(d), nil
}

func claimsOf(d *state.Directory) []Claim {
	var claims []Claim
	for domain := range d.Domains() {
		claims = append(claims, claimOf(d, domain.Name))
	}
	for _, name := range d.Organization().Domains {
		if _, claimed := d.Domain(name); !claimed {
			claims = append(claims, claimOf(d, name))
		}
	}
	slices.SortFunc(claims, func(a, b Claim) int { return strings.Compare(a.Name, b.Name) })
	return claims
}

func claimOf(d *state.Directory, name string) Claim {
	domain, _ := d.Domain(name)
	return Claim{Domain: domain, Name: name, Belongs: slices.Contains(d.Organization().Domains, name)}
}

// GetDomain finds a domain or claim of an organization. Errors: KindNotFound.
func (s *Service) GetDomain(ctx context.Context, org directory.OrganizationID, name string) (Claim, error) {
	d, err := s.directoryOf(ctx, org)
	if err != nil {
		return Claim{}, err
	}
	if claim := claimOf(d, name); claim.Domain != nil || claim.Belongs {
		return claim, nil
	}
	return Claim{}, noDomain(name)
}

// ClaimDomain begins the proof of a domain: the answer says which TXT record has to be made. One that is claimed already
// keeps its record. Errors: KindInvalid for what nobody can own or prove, KindNotFound, KindConflict when it is another
// organization's, KindTooLarge.
func (s *Service) ClaimDomain(ctx context.Context, actor string, org directory.OrganizationID, name string) (Claim, error) {
	name = foldAll([]string{name})[0]
	if err := provable("name", name); err != nil {
		return Claim{}, err
	}
	d, err := s.directoryOf(ctx, org)
	if err != nil {
		return Claim{}, err
	}
	if domain, ok := d.Domain(name); !ok || domain.State == directory.DomainLost {
		if err := s.claim(ctx, actor, org, name); err != nil {
			return Claim{}, err
		}
	}
	return s.GetDomain(ctx, org, name)
}

func (s *Service) claim(ctx context.Context, actor string, org directory.OrganizationID, name string) error {
	_, err := s.propose(ctx, actor, org, &command.PutDomain{Name: name, Challenge: seal.RandomWord(challengeBytes)})
	return explainTaken(err, "name")
}

// claimAll claims those domains that the organization neither has nor claims.
func (s *Service) claimAll(ctx context.Context, actor string, org directory.OrganizationID, names []string) error {
	d, err := s.directoryOf(ctx, org)
	if err != nil {
		return err
	}
	for _, name := range names {
		claim := claimOf(d, name)
		if claim.Belongs || claim.Domain != nil && claim.State == directory.DomainPending {
			continue
		}
		if err := s.claim(ctx, actor, org, name); err != nil {
			return explainTaken(err, "domains")
		}
	}
	return nil
}

// explainTaken says, about a field, what to do about a domain that another organization has.
func explainTaken(err error, field string) error {
	if e, ok := errors.AsType[*directory.Error](err); ok && e.Kind == directory.KindConflict {
		return directory.Errorf(directory.KindConflict, field,
			"another organization of this region has proved this domain; whoever runs the service can help")
	}
	return err
}

// provable refuses names that no organization can have to itself, or that cannot be proved.
func provable(field, name string) error {
	if directory.ValidateDomain(name) != nil || len(name) > maxProvable {
		return directory.Errorf(directory.KindInvalid, field,
			"%q is not a domain name in its ASCII form, like acme.example or xn--bcher-kva.example", directory.Cut(name, maxProvable))
	}
	if ascii, err := idna.Lookup.ToASCII(name); err != nil || ascii != name {
		return directory.Errorf(directory.KindInvalid, field, "%q is not a domain name in its ASCII form (IDNA A-labels)", name)
	}
	own, err := publicsuffix.EffectiveTLDPlusOne(name)
	if err != nil {
		return directory.Errorf(directory.KindInvalid, field, "%q is a public suffix: names below it belong to others", name)
	}
	if slices.Contains(freeMail, own) {
		return directory.Errorf(directory.KindInvalid, field, "%q is of a mail service that is open to everybody", name)
	}
	return nil
}

// freeMail are mail services that give addresses to everybody: the owner of such a domain does not vouch for its people.
var freeMail = []string{
	"126.com", "163.com", "aol.com", "daum.net", "fastmail.com", "free.fr", "freenet.de", "gmail.com", "gmx.at", "gmx.ch", "gmx.com",
	"gmx.de", "gmx.net", "googlemail.com", "hanmail.net", "hey.com", "hotmail.co.uk", "hotmail.com", "hotmail.fr", "icloud.com",
	"laposte.net", "libero.it", "live.com", "mac.com", "mail.com", "mail.ru", "me.com", "msn.com", "naver.com", "orange.fr",
	"outlook.com", "pm.me", "proton.me", "protonmail.com", "qq.com", "rambler.ru", "rediffmail.com", "seznam.cz", "sina.com",
	"t-online.de", "tuta.com", "tuta.io", "tutanota.com", "wanadoo.fr", "web.de", "wp.pl", "yahoo.co.in", "yahoo.co.jp",
	"yahoo.co.uk", "yahoo.com", "yahoo.de", "yahoo.fr", "yandex.com", "yandex.ru", "ymail.com", "zoho.com",
}

// Look is what a look at the record of a proof found.
type Look struct {
	Outcome   LookOutcome
	Sightings []Sighting // by resolver, in the order in which the operator configured them
}

// LookOutcome is what the resolvers said, taken together.
type LookOutcome string

// The outcomes.
const (
	LookFound   LookOutcome = "found"   // every resolver that could answer sees the record
	LookMissing LookOutcome = "missing" // none of them does
	LookUnclear LookOutcome = "unclear" // they differ, or none could answer; it counts for nothing
)

// Sighting is what one resolver said.
type Sighting struct {
	Records []string // all TXT records at the name, bounded, in printable characters
	Problem string   // why there is no answer; empty: there is one
}

// VerifyDomain looks for the record of a claim now, and notes what it found. Errors: KindNotFound, also for a domain that
// was never claimed, KindConflict when another organization proved it first.
func (s *Service) VerifyDomain(ctx context.Context, actor string, org directory.OrganizationID, name string) (Claim, Look, error) {
	d, err := s.directoryOf(ctx, org)
	if err != nil {
		return Claim{}, Look{}, err
	}
	domain, ok := d.Domain(name)
	if !ok {
		return Claim{}, Look{}, noDomain(name)
	}
	look, err := s.look(ctx, actor, domain)
	if err != nil {
		return Claim{}, Look{}, explainTaken(err, "name")
	}
	claim, err := s.GetDomain(ctx, org, name)
	return claim, look, err
}

// look asks the resolvers, and tells the ledger what they agree upon.
func (s *Service) look(ctx context.Context, actor string, domain *directory.Domain) (Look, error) {
	look := judge(s.deps.DNS.TXT(ctx, directory.ChallengeName(domain.Name)), challengePrefix+domain.Challenge)
	if look.Outcome == LookUnclear {
		return look, nil
	}
	_, err := s.propose(ctx, actor, domain.Organization, &command.LookDomain{
		Name: domain.Name, Challenge: domain.Challenge, Found: look.Outcome == LookFound,
	})
	return look, err
}

// judge takes what resolvers said together. One that fails says nothing; those that answer must agree, so that a record on
// its way through the caches of the world, or one resolver that somebody lies to, decides nothing.
func judge(answers []egress.Answer, wanted string) Look {
	look := Look{Outcome: LookUnclear}
	found, missing := 0, 0
	for _, answer := range answers {
		sighting := Sighting{Records: []string{}}
		switch {
		case answer.Err != nil:
			sighting.Problem = answer.Err.Error()
		case slices.ContainsFunc(answer.Records, func(record string) bool { return strings.TrimSpace(record) == wanted }):
			found++
		default:
			missing++
		}
		for _, record := range answer.Records {
			sighting.Records = append(sighting.Records, printable(record))
		}
		look.Sightings = append(look.Sightings, sighting)
	}
	switch {
	case found > 0 && missing == 0:
		look.Outcome = LookFound
	case missing > 0 && found == 0:
		look.Outcome = LookMissing
	}
	return look
}

// printable shows a stranger's bytes in ASCII.
func printable(record string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, record)
}

// DeleteDomain gives up a domain that the organization claimed or proved. Errors: KindNotFound, KindConflict for one that
// the operator gave.
func (s *Service) DeleteDomain(ctx context.Context, actor string, org directory.OrganizationID, name string) error {
	claim, err := s.GetDomain(ctx, org, name)
	if err != nil {
		return err
	}
	if claim.Domain == nil {
		return directory.Errorf(directory.KindConflict, "", "whoever runs the service gave the organization this domain, and can take it away")
	}
	_, err = s.propose(ctx, actor, org, &command.DeleteDomain{Name: name})
	return err
}

// RecheckDomains looks at every proved domain of the region whose look is due, a few at a time. The error is of the ledger:
// what resolvers cannot tell is looked at again at the next call. It is for the leader's clockwork.
func (s *Service) RecheckDomains(ctx context.Context) error {
	view, err := s.deps.Viewer.View(ctx, state.Confirmed())
	if err != nil {
		return err
	}
	now := directory.Time(s.deps.Now().UnixMicro())
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(rechecksAtOnce)
	for d := range view.Directories() {
		for domain := range d.Domains() {
			if ctx.Err() == nil && domain.Due(now) {
				work.Go(func() error {
					_, err := s.look(ctx, recheckActor, domain)
					return passed(err)
				})
			}
		}
	}
	return work.Wait()
}

// passed forgives what is about one domain, such as a claim that is gone by now; what the others would meet too is an error.
func passed(err error) error {
	switch directory.KindOf(err) {
	case directory.KindUnavailable, directory.KindExpired, directory.KindInternal:
		return err
	default:
		return nil
	}
}

func noDomain(name string) error {
	return directory.Errorf(directory.KindNotFound, "", "there is no domain %q", directory.Cut(name, maxProvable))
}
