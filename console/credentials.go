package console

import (
	"context"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
)

// Credentials are what an address signs in with here, and what the address is to its organization now.
type Credentials struct {
	*directory.Credentials
	Standing directory.Standing
}

// CredentialsPage is one page of credentials, by address.
type CredentialsPage struct {
	Credentials   []Credentials
	NextPageToken string // "" on the last page
}

// ListCredentials gives one page of an organization's credentials. Errors: KindInvalid, KindNotFound.
func (s *Service) ListCredentials(ctx context.Context, org directory.OrganizationID, p Paging) (CredentialsPage, error) {
	size, after, err := p.bounds()
	if err != nil {
		return CredentialsPage{}, err
	}
	d, err := s.directoryOf(ctx, org)
	if err != nil {
		return CredentialsPage{}, err
	}
	rest := where(d.AllCredentials(), func(c *directory.Credentials) bool { return c.Email > after })
	rows, next := take(rest, size, func(c *directory.Credentials) string { return c.Email })
	page := CredentialsPage{NextPageToken: next}
	for _, row := range rows {
		standing, _ := d.Stands(row.Email)
		page.Credentials = append(page.Credentials, Credentials{row, standing})
	}
	return page, nil
}

// DeleteCredentials removes all that an address signs in with here, by the handle of its credentials, and ends the sessions
// that it opened. Errors: KindNotFound.
func (s *Service) DeleteCredentials(ctx context.Context, actor string, org directory.OrganizationID, handle string) error {
	view, err := s.deps.Viewer.View(ctx, state.Confirmed())
	if err != nil {
		return err
	}
	held, ok := view.CredentialsByHandle(handle)
	if !ok || held.Organization != org {
		return directory.Errorf(directory.KindNotFound, "", "the organization has no credentials %q", handle)
	}
	_, err = s.propose(ctx, actor, org, &command.DeleteCredentials{Email: held.Email})
	return err
}
