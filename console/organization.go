package console

import (
	"context"
	"iter"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
)

// NewOrganization is what is chosen when an organization is made.
type NewOrganization struct {
	Slug      string
	Name      string
	Domains   []string          // any letter case
	RootEmail string            // may be empty
	Profile   directory.Profile // "" is interop

	SCIM         *directory.ProvisioningState // nil: as the region's settings say
	SCIMPaused   bool
	Principal    string // "" is DefaultPrincipal
	DeletePolicy directory.DeletePolicy
	SingleToken  bool
	Plan         string // "" is the region's default plan

	SessionLifetime time.Duration // 0 is directory.DefaultSessionLifetime
	SessionIdle     time.Duration // 0: sessions do not end for want of use
	RequireSSO      bool
	BreakGlass      []string // addresses in one of Domains or below one; any letter case
	Phone           directory.PhonePolicy
}

// CreateOrganization makes an organization. Whoever makes it may say that SCIM is active from the beginning. Errors:
// KindInvalid with the field, KindForbidden for what the plan does not include, KindConflict when the slug or a domain
// belongs to another organization of the region.
func (s *Service) CreateOrganization(ctx context.Context, actor string, in NewOrganization) (*directory.Organization, error) {
	view, err := s.deps.Viewer.View(ctx, state.Confirmed())
	if err != nil {
		return nil, err
	}
	if in.Profile == "" {
		in.Profile = directory.ProfileInterop
	}
	org := directory.Organization{
		ID: directory.OrganizationID(s.deps.NewID()), Slug: in.Slug, Name: strings.TrimSpace(in.Name),
		Domains: foldAll(in.Domains), RootEmail: foldAddress(in.RootEmail), Profile: in.Profile,
		SCIMPaused: in.SCIMPaused, Principal: strings.TrimSpace(in.Principal), DeletePolicy: in.DeletePolicy,
		SingleToken: in.SingleToken, Plan: in.Plan,
		BreakGlass: foldAddresses(in.BreakGlass), Phone: in.Phone, SignIn: directory.SignInPolicy{
			SessionLifetime: microseconds(in.SessionLifetime), SessionIdle: microseconds(in.SessionIdle), RequireSSO: in.RequireSSO,
		},
	}
	if err := beginProvisioning(view.Settings(), &org, in.SCIM); err != nil {
		return nil, err
	}
	if err := validateOrganization(&org); err != nil {
		return nil, err
	}
	if err := directory.ValidateBreakGlass(org.BreakGlass, org.Domains); err != nil {
		return nil, err
	}
	result, err := s.propose(ctx, actor, org.ID, &command.CreateOrganization{OrganizationFields: fieldsOf(&org)})
	if err != nil {
		return nil, err
	}
	org.Created, org.Modified, org.Version = result.Created, result.Modified, result.Version
	return &org, nil
}

// GetOrganization finds an organization. Errors: KindNotFound.
func (s *Service) GetOrganization(ctx context.Context, id directory.OrganizationID) (*directory.Organization, error) {
	d, err := s.directoryOf(ctx, id)
	if err != nil {
		return nil, err
	}
	return d.Organization(), nil
}

// OrganizationQuery asks for one page of organizations.
type OrganizationQuery struct {
	Slug string // "": any; else at most one organization matches
	Paging
}

// OrganizationPage is one page of organizations, by id.
type OrganizationPage struct {
	Organizations []*directory.Organization
	NextPageToken string // "" on the last page
}

// ListOrganizations gives one page. Organizations made or deleted between two pages may be missing, never twice.
func (s *Service) ListOrganizations(ctx context.Context, q OrganizationQuery) (OrganizationPage, error) {
	size, after, err := q.bounds()
	if err != nil {
		return OrganizationPage{}, err
	}
	if after != "" && !organizationID.MatchString(after) {
		return OrganizationPage{}, badPageToken()
	}
	view, err := s.deps.Viewer.View(ctx, state.Confirmed())
	if err != nil {
		return OrganizationPage{}, err
	}
	if q.Slug != "" {
		if d, ok := view.DirectoryBySlug(q.Slug); ok {
			return OrganizationPage{Organizations: []*directory.Organization{d.Organization()}}, nil
		}
		return OrganizationPage{}, nil
	}
	var page OrganizationPage
	rest := where(organizations(view), func(o *directory.Organization) bool { return string(o.ID) > after })
	page.Organizations, page.NextPageToken = take(rest, size, func(o *directory.Organization) string { return string(o.ID) })
	return page, nil
}

// organizationID is what seal.NewID makes.
var organizationID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// organizations iterates over the organizations of the region by id.
func organizations(view *state.View) iter.Seq[*directory.Organization] {
	return func(yield func(*directory.Organization) bool) {
		for d := range view.Directories() {
			if !yield(d.Organization()) {
				return
			}
		}
	}
}

// OrganizationChange is a partial change: nil fields stay as they are.
type OrganizationChange struct {
	Name      *string
	Domains   *[]string
	RootEmail *string // an empty address takes the root user's address away
	Profile   *directory.Profile

	SCIM         *directory.ProvisioningState
	SCIMPaused   *bool
	Principal    *string // an empty name is DefaultPrincipal
	DeletePolicy *directory.DeletePolicy
	SingleToken  *bool
	Plan         *string // an empty name is the region's default plan

	SessionLifetime *time.Duration // 0 is directory.DefaultSessionLifetime
	SessionIdle     *time.Duration // 0: sessions do not end for want of use
	RequireSSO      *bool
	BreakGlass      *[]string

	PhoneMayChange   *bool
	PhoneMustConfirm *bool
}

// UpdateOrganization changes the given fields. Errors as for CreateOrganization, KindNotFound, and KindConflict when SCIM
// cannot take the step: it is none of directory.ProvisioningState.May, or sign-in is not live yet.
func (s *Service) UpdateOrganization(
	ctx context.Context, actor string, id directory.OrganizationID, change OrganizationChange,
) (*directory.Organization, error) {
	var updated *directory.Organization
	err := untilFresh(func() error {
		view, err := s.deps.Viewer.View(ctx, state.Confirmed())
		if err != nil {
			return err
		}
		d, err := find(view, id)
		if err != nil {
			return err
		}
		org := change.applyTo(*d.Organization())
		if err := changeProvisioning(view.Settings(), d, &org); err != nil {
			return err
		}
		if err := validateOrganization(&org); err != nil {
			return err
		}
		if change.BreakGlass != nil { // those that are there may stay when their domain goes
			if err := directory.ValidateBreakGlass(org.BreakGlass, org.Domains); err != nil {
				return err
			}
		}
		result, err := s.propose(ctx, actor, id, &command.UpdateOrganization{
			ExpectVersion: org.Version, OrganizationFields: fieldsOf(&org),
		})
		if err != nil {
			return err
		}
		org.Created, org.Modified, org.Version = result.Created, result.Modified, result.Version
		updated = &org
		return s.signOutFormer(ctx, actor, d, &org)
	})
	return updated, err
}

// signOutFormer ends the sessions of those who stood for the organization and do not any more: the root user's when it has
// another address, and with them those of break-glass addresses that are gone, because they act as the root user.
func (s *Service) signOutFormer(ctx context.Context, actor string, d *state.Directory, next *directory.Organization) error {
	root, ok := d.RootUser()
	if !ok {
		return nil
	}
	for session := range d.SessionsOf(root.Number) {
		former := session.Kind == directory.SessionBreakGlass && next.Stands(session.Email) != directory.StandingBreakGlass ||
			session.Kind == directory.SessionLocal && root.Email() != next.RootEmail
		if !former {
			continue
		}
		if _, err := s.propose(ctx, actor, next.ID, &command.EndSessions{ID: session.ID, Cause: "address changed"}); err != nil {
			return err
		}
	}
	return nil
}

// applyTo gives a changed copy; the slices of the record it came from are never written.
func (c *OrganizationChange) applyTo(org directory.Organization) directory.Organization {
	if c.Name != nil {
		org.Name = strings.TrimSpace(*c.Name)
	}
	if c.Domains != nil {
		org.Domains = foldAll(*c.Domains)
	}
	if c.RootEmail != nil {
		org.RootEmail = foldAddress(*c.RootEmail)
	}
	if c.Principal != nil {
		org.Principal = strings.TrimSpace(*c.Principal)
	}
	given(&org.Profile, c.Profile)
	given(&org.SCIM, c.SCIM)
	given(&org.SCIMPaused, c.SCIMPaused)
	given(&org.DeletePolicy, c.DeletePolicy)
	given(&org.SingleToken, c.SingleToken)
	given(&org.Plan, c.Plan)
	if c.SessionLifetime != nil {
		org.SignIn.SessionLifetime = microseconds(*c.SessionLifetime)
	}
	if c.SessionIdle != nil {
		org.SignIn.SessionIdle = microseconds(*c.SessionIdle)
	}
	given(&org.SignIn.RequireSSO, c.RequireSSO)
	if c.BreakGlass != nil {
		org.BreakGlass = foldAddresses(*c.BreakGlass)
	}
	given(&org.Phone.MayChange, c.PhoneMayChange)
	given(&org.Phone.MustConfirm, c.PhoneMustConfirm)
	return org
}

// given sets a field to the value that was given, if one was.
func given[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

// DeleteOrganization removes an organization and everything in it. Errors: KindNotFound.
func (s *Service) DeleteOrganization(ctx context.Context, actor string, id directory.OrganizationID) error {
	_, err := s.propose(ctx, actor, id, &command.DeleteOrganization{})
	return err
}

func fieldsOf(org *directory.Organization) command.OrganizationFields {
	return command.OrganizationFields{
		Slug: org.Slug, Name: org.Name, Domains: org.Domains, RootEmail: org.RootEmail, Profile: org.Profile,
		SCIM: org.SCIM, SCIMPaused: org.SCIMPaused, Principal: org.Principal, DeletePolicy: org.DeletePolicy,
		SingleToken: org.SingleToken, Plan: org.Plan,
		SignIn: org.SignIn, BreakGlass: org.BreakGlass, Phone: org.Phone,
	}
}

// maxPrincipal bounds the name of a connection's principal, in bytes.
const maxPrincipal = 100

// maxAddress is the longest e-mail address, in bytes (RFC 5321 §4.5.3.1.3 less the angle brackets).
const maxAddress = 254

func validateOrganization(org *directory.Organization) error {
	if len(org.RootEmail) > maxAddress {
		return directory.Errorf(directory.KindInvalid, "root.email", "an e-mail address has at most %d characters", maxAddress)
	}
	if err := validateText("name", org.Name); err != nil {
		return err
	}
	if err := validateText("scim_principal", org.Principal); err != nil {
		return err
	}
	if len(org.Principal) > maxPrincipal {
		return directory.Errorf(directory.KindInvalid, "scim_principal", "scim_principal must have at most %d characters", maxPrincipal)
	}
	return org.Validate()
}

// validateText refuses control and lost characters, which no list, log or page shows as they are.
func validateText(field, text string) error {
	for _, r := range text {
		if r == utf8.RuneError { // broken UTF-8, half of a surrogate pair, or what somebody else made of them
			return directory.Errorf(directory.KindInvalid, field,
				"%s must not hold U+FFFD, which stands for a character that was lost", field)
		}
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' {
			return directory.Errorf(directory.KindInvalid, field, "%s must not hold control characters", field)
		}
	}
	return nil
}

func foldAddress(address string) string { return directory.Fold(strings.TrimSpace(address)) }

func foldAddresses(addresses []string) []string {
	folded := make([]string, len(addresses))
	for i, address := range addresses {
		folded[i] = foldAddress(address)
	}
	return folded
}

// microseconds gives a duration as the ledger counts time.
func microseconds(d time.Duration) directory.Time { return directory.Time(d.Microseconds()) }

func foldAll(domains []string) []string {
	folded := make([]string, len(domains))
	for i, domain := range domains {
		folded[i] = strings.Map(lowerASCII, strings.TrimSpace(domain))
	}
	return folded
}

// lowerASCII leaves letters beyond ASCII alone: a look-alike must be refused, not mended.
func lowerASCII(r rune) rune {
	if r >= 'A' && r <= 'Z' {
		return r + ('a' - 'A')
	}
	return r
}
