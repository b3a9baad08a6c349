package directory

import (
	"slices"
	"strings"
)

// Profile is how strictly the SCIM door of an organization reads its IdP (scim/schema.Dialect gives it meaning).
type Profile string

const (
	// ProfileInterop tolerates what the common IdPs are known to send. It is the default.
	ProfileInterop Profile = "interop"
	// ProfileStrict is the RFCs without courtesies.
	ProfileStrict Profile = "strict"
	// ProfileEntra is interop for a connection that is known to be Microsoft Entra ID.
	ProfileEntra Profile = "entra"
)

// Valid tells whether p is one of the profiles.
func (p Profile) Valid() bool {
	return p == ProfileInterop || p == ProfileStrict || p == ProfileEntra
}

// Organization is a customer of the SaaS product in one region.
type Organization struct {
	ID        OrganizationID
	Slug      string   // unique in the region, as ValidateSlug wants it
	Name      string   // for people
	Domains   []string // e-mail domains, lower case, each in one organization of the region
	RootEmail string   // folded address of the root user, may be empty
	Profile   Profile

	SCIM         ProvisioningState
	SCIMPaused   bool         // the IdP is asked to come back later; what it provisioned stays as it is
	Principal    string       // what audit and sync log call the IdP's connection; empty: doors choose a name
	DeletePolicy DeletePolicy // what a SCIM DELETE means
	SingleToken  bool         // a new bearer token voids the others at once
	Plan         string       // see Settings.Allows; empty: the region's default plan

	SignIn     SignInPolicy
	BreakGlass []string // folded addresses that may sign in when the identity provider fails, see ValidateBreakGlass
	Phone      PhonePolicy

	Created  Time
	Modified Time
	Version  uint64
}

// SignInPolicy is what an organization chooses about sessions and sign-in.
type SignInPolicy struct {
	SessionLifetime Time // absolute; 0: DefaultSessionLifetime
	SessionIdle     Time // 0: sessions do not end for want of use
	RequireSSO      bool // invited people with an address in one of the domains may use the identity provider only
}

// Lifetime gives the absolute life of a session.
func (p SignInPolicy) Lifetime() Time {
	if p.SessionLifetime == 0 {
		return DefaultSessionLifetime
	}
	return p.SessionLifetime
}

// Validate wants lives of sessions within a minute and 30 days.
func (p SignInPolicy) Validate() error {
	const least, most = Time(60_000_000), 30 * day
	if p.SessionLifetime != 0 && (p.SessionLifetime < least || p.SessionLifetime > most) {
		return Errorf(KindInvalid, "session_lifetime", "session_lifetime must be a minute to 30 days")
	}
	if p.SessionIdle != 0 && (p.SessionIdle < least || p.SessionIdle > most) {
		return Errorf(KindInvalid, "session_idle", "session_idle must be a minute to 30 days")
	}
	return nil
}

// MaxDomains bounds the domains of an organization, and the claims to some.
const MaxDomains = 100

const (
	maxNameLength      = 200
	maxSlugLength      = 63
	maxPrincipalLength = 100
)

// Validate checks the fields that a person chose.
func (o *Organization) Validate() error {
	if err := ValidateSlug(o.Slug); err != nil {
		return err
	}
	if name := strings.TrimSpace(o.Name); name == "" || len(o.Name) > maxNameLength {
		return Errorf(KindInvalid, "name", "name must have 1 to %d characters", maxNameLength)
	}
	if len(o.Domains) > MaxDomains {
		return Errorf(KindInvalid, "domains", "at most %d domains", MaxDomains)
	}
	seen := make(map[string]bool, len(o.Domains))
	for _, domain := range o.Domains {
		if err := ValidateDomain(domain); err != nil {
			return err
		}
		if seen[domain] {
			return Errorf(KindInvalid, "domains", "domain %q is listed twice", domain)
		}
		seen[domain] = true
	}
	if o.RootEmail != "" && EmailDomain(o.RootEmail) == "" {
		return Errorf(KindInvalid, "root.email", "%q is not an e-mail address", o.RootEmail)
	}
	if !o.Profile.Valid() {
		return Errorf(KindInvalid, "scim_profile", "scim_profile must be interop, strict or entra")
	}
	if err := o.SignIn.Validate(); err != nil {
		return err
	}
	return o.validateProvisioning()
}

// Stands says what a folded address is to the organization, invited people apart.
func (o *Organization) Stands(address string) Standing {
	switch {
	case address == "":
		return StandingNone
	case address == o.RootEmail:
		return StandingRoot
	case slices.Contains(o.BreakGlass, address):
		return StandingBreakGlass
	}
	return StandingNone
}

func (o *Organization) validateProvisioning() error {
	if !o.SCIM.Valid() {
		return Errorf(KindInvalid, "scim", "scim must be off, requested, approved or active")
	}
	if len(o.Principal) > maxPrincipalLength {
		return Errorf(KindInvalid, "principal", "principal must have at most %d characters", maxPrincipalLength)
	}
	if !o.DeletePolicy.Valid() {
		return Errorf(KindInvalid, "delete_policy", "delete_policy must be delete or deactivate")
	}
	if len(o.Plan) > maxPlanLength {
		return Errorf(KindInvalid, "plan", "plan must have at most %d characters", maxPlanLength)
	}
	return nil
}

// reservedSlugs are what /login/{slug} is for other things.
var reservedSlugs = []string{"start", "local", "emergency", "setup", "initiate"}

// ValidateSlug wants 1 to 63 of a–z, 0–9 and inner hyphens: a DNS label. A few words are taken by pages of ours.
func ValidateSlug(slug string) error {
	if slices.Contains(reservedSlugs, slug) {
		return Errorf(KindInvalid, "slug", "slug %q is reserved", slug)
	}
	if !isLabel(slug) {
		return Errorf(KindInvalid, "slug", "slug must be 1 to %d lower-case letters, digits or inner hyphens", maxSlugLength)
	}
	return nil
}

// ValidateDomain wants a lower-case DNS name of at least two labels, in its ASCII form.
func ValidateDomain(domain string) error {
	labels := strings.Split(domain, ".")
	if len(domain) > 253 || len(labels) < 2 {
		return Errorf(KindInvalid, "domains", "%q is not a domain name", domain)
	}
	for _, label := range labels {
		if !isLabel(label) {
			return Errorf(KindInvalid, "domains", "%q is not a lower-case domain name in its ASCII form", domain)
		}
	}
	return nil
}

func isLabel(s string) bool {
	if s == "" || len(s) > maxSlugLength || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// EmailDomain gives the folded domain of an address with exactly one @ and non-empty sides, else the empty string. The
// address must hold no space, comma, quote or control character.
func EmailDomain(address string) string {
	folded := Fold(address)
	local, domain, ok := strings.Cut(folded, "@")
	if !ok || local == "" || ValidateDomain(domain) != nil {
		return ""
	}
	for _, r := range local {
		if r <= ' ' || r == 0x7f || strings.ContainsRune(`,;"<>()[]\:@`, r) {
			return ""
		}
	}
	return domain
}
