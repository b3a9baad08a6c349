package console

import (
	"context"
	"encoding/base64"
	"strings"

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
}

// CreateOrganization makes an organization. Errors: KindInvalid with the field, KindConflict when the slug or a domain
// belongs to another organization of the region.
func (s *Service) CreateOrganization(ctx context.Context, actor string, in NewOrganization) (*directory.Organization, error) {
	if in.Profile == "" {
		in.Profile = directory.ProfileInterop
	}
	org := directory.Organization{
		ID: directory.OrganizationID(s.deps.NewID()), Slug: in.Slug, Name: strings.TrimSpace(in.Name),
		Domains: foldAll(in.Domains), RootEmail: foldAddress(in.RootEmail), Profile: in.Profile,
	}
	if err := validateOrganization(&org); err != nil {
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
	Slug      string // "": any; else at most one organization matches
	PageSize  int    // 0: DefaultPageSize; at most MaxPageSize
	PageToken string // NextPageToken of the page before; "" for the first
}

// OrganizationPage is one page of organizations, by id.
type OrganizationPage struct {
	Organizations []*directory.Organization
	NextPageToken string // "" on the last page
}

// ListOrganizations gives one page. Organizations made or deleted between two pages may be missing, never twice.
func (s *Service) ListOrganizations(ctx context.Context, q OrganizationQuery) (OrganizationPage, error) {
	if q.PageSize == 0 {
		q.PageSize = DefaultPageSize
	}
	if q.PageSize < 1 || q.PageSize > MaxPageSize {
		return OrganizationPage{}, directory.Errorf(directory.KindInvalid, "page_size",
			"page_size must be 1 to %d", MaxPageSize)
	}
	after, err := base64.RawURLEncoding.DecodeString(q.PageToken)
	if err != nil || len(after) > 64 {
		return OrganizationPage{}, directory.Errorf(directory.KindInvalid, "page_token",
			"page_token must be the next_page_token of an earlier answer")
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
	return pageOf(view, directory.OrganizationID(after), q.PageSize), nil
}

func pageOf(view *state.View, after directory.OrganizationID, size int) OrganizationPage {
	var page OrganizationPage
	for d := range view.Directories() {
		org := d.Organization()
		if org.ID <= after {
			continue
		}
		if len(page.Organizations) == size {
			last := page.Organizations[size-1].ID
			page.NextPageToken = base64.RawURLEncoding.EncodeToString([]byte(last))
			break
		}
		page.Organizations = append(page.Organizations, org)
	}
	return page
}

// OrganizationChange is a partial change: nil fields stay as they are.
type OrganizationChange struct {
	Name      *string
	Domains   *[]string
	RootEmail *string // an empty address takes the root user's address away
	Profile   *directory.Profile
}

// UpdateOrganization changes the given fields. Errors as for CreateOrganization, and KindNotFound.
func (s *Service) UpdateOrganization(
	ctx context.Context, actor string, id directory.OrganizationID, change OrganizationChange,
) (*directory.Organization, error) {
	var updated *directory.Organization
	err := untilFresh(func() error {
		d, err := s.directoryOf(ctx, id)
		if err != nil {
			return err
		}
		org := change.applyTo(*d.Organization())
		if err := validateOrganization(&org); err != nil {
			return err
		}
		result, err := s.propose(ctx, actor, id, &command.UpdateOrganization{
			ExpectVersion: org.Version, OrganizationFields: fieldsOf(&org),
		})
		if err != nil {
			return err
		}
		org.Created, org.Modified, org.Version = result.Created, result.Modified, result.Version
		updated = &org
		return nil
	})
	return updated, err
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
	if c.Profile != nil {
		org.Profile = *c.Profile
	}
	return org
}

// DeleteOrganization removes an organization and everything in it. Errors: KindNotFound.
func (s *Service) DeleteOrganization(ctx context.Context, actor string, id directory.OrganizationID) error {
	_, err := s.propose(ctx, actor, id, &command.DeleteOrganization{})
	return err
}

func fieldsOf(org *directory.Organization) command.OrganizationFields {
	return command.OrganizationFields{
		Slug: org.Slug, Name: org.Name, Domains: org.Domains, RootEmail: org.RootEmail, Profile: org.Profile,
	}
}

// maxAddress is the longest e-mail address, in bytes (RFC 5321 §4.5.3.1.3 less the angle brackets).
const maxAddress = 254

func validateOrganization(org *directory.Organization) error {
	if len(org.RootEmail) > maxAddress {
		return directory.Errorf(directory.KindInvalid, "root.email", "an e-mail address has at most %d characters", maxAddress)
	}
	if err := validateText("name", org.Name); err != nil {
		return err
	}
	return org.Validate()
}

// validateText refuses control characters, which no list, log or page shows as they are.
func validateText(field, text string) error {
	for _, r := range text {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' || r == '\ufffd' {
			return directory.Errorf(directory.KindInvalid, field, "%s must not hold control characters", field)
		}
	}
	return nil
}

func foldAddress(address string) string { return directory.Fold(strings.TrimSpace(address)) }

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
