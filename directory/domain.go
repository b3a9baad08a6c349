package directory

// Domain is an organization's claim to an e-mail domain, proved by a TXT record in it. While it is verified the domain is
// one of Organization.Domains: it leads people to the organization and lets addresses in it be linked once.
type Domain struct {
	Organization OrganizationID
	Name         string // lower case, ASCII form
	Challenge    string // what the TXT record at ChallengeName must hold
	State        DomainState
	Created      Time
	Verified     Time // 0: never
	Checked      Time // the last look; 0: none yet
	Missing      Time // the first look in a row that found nothing; 0: the last one found it
	Misses       int  // looks in a row that found nothing
	Version      uint64
}

// DomainState says how far a proof is. Numbers are append-only.
type DomainState uint8

const (
	// DomainPending was never proved.
	DomainPending DomainState = 0
	// DomainVerified is proved.
	DomainVerified DomainState = 1
	// DomainLost was proved, and the record is gone for good.
	DomainLost DomainState = 2
)

// String names the state as the API does.
func (s DomainState) String() string {
	if names := [...]string{"pending", "verified", "lost"}; int(s) < len(names) {
		return names[s]
	}
	return "unknown"
}

const (
	// DomainRecheck is how often a verified domain is looked at again.
	DomainRecheck = 7 * day
	// domainMisses in a row over domainGrace lose a domain.
	domainMisses = 3
	domainGrace  = 7 * day
	// domainRetry is how soon a look that found nothing is repeated.
	domainRetry = day

	// MaxChallenge bounds the text of a challenge, which is one string of a TXT record (RFC 1035 §3.3.14).
	MaxChallenge = 255
)

// ChallengeName is where the TXT record of a proof is looked for.
func ChallengeName(domain string) string { return "_domicile-challenge." + domain }

// Due tells whether a verified domain should be looked at again.
func (d *Domain) Due(now Time) bool {
	if d.State != DomainVerified {
		return false
	}
	if d.Misses > 0 {
		return now >= d.Checked+domainRetry
	}
	return now >= d.Checked+DomainRecheck
}

// Looked gives the domain after one look at its record.
func (d Domain) Looked(found bool, now Time) Domain {
	d.Checked = now
	if found {
		if d.State != DomainVerified {
			d.State, d.Verified = DomainVerified, now
		}
		d.Misses, d.Missing = 0, 0
		return d
	}
	if d.State != DomainVerified {
		return d
	}
	if d.Misses++; d.Misses == 1 {
		d.Missing = now
	}
	if d.Misses >= domainMisses && now >= d.Missing+domainGrace {
		d.State = DomainLost
	}
	return d
}
