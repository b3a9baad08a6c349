package console

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/seal"
)

// ApplicationFields is what is chosen about an application.
type ApplicationFields struct {
	Name           string
	RedirectURIs   []string
	LogoutURIs     []string // post_logout_redirect_uris
	BackChannelURI string   // empty: it is not told when sessions end
}

// validate makes an application of the fields, if they can be one.
func (f *ApplicationFields) validate() (*directory.Application, error) {
	a := &directory.Application{
		Name: strings.TrimSpace(f.Name), RedirectURIs: f.RedirectURIs, LogoutURIs: f.LogoutURIs, BackChannelURI: f.BackChannelURI,
	}
	if err := validateText("name", a.Name); err != nil {
		return nil, err
	}
	return a, a.Validate()
}

// CreateApplication registers one of the SaaS company's own applications in the region. Its secret is given here and never
// again; a public one has none. Errors: KindInvalid with the field; KindTooLarge when there are too many.
func (s *Service) CreateApplication(
	ctx context.Context, actor string, in ApplicationFields, public bool,
) (*directory.Application, seal.Secret, error) {
	a, err := in.validate()
	if err != nil {
		return nil, seal.Secret{}, err
	}
	a.ID = directory.ApplicationID(s.deps.NewID())
	var secret seal.Secret
	if !public {
		secret, a.SecretHash = s.mintApplicationSecret()
	}
	if err := s.putApplication(ctx, actor, a); err != nil {
		return nil, seal.Secret{}, err
	}
	return a, secret, nil
}

// GetApplication finds an application. Errors: KindNotFound.
func (s *Service) GetApplication(ctx context.Context, id directory.ApplicationID) (*directory.Application, error) {
	view, err := s.deps.Viewer.View(ctx, state.Confirmed())
	if err != nil {
		return nil, err
	}
	a, ok := view.Application(id)
	if !ok {
		return nil, directory.Errorf(directory.KindNotFound, "", "there is no application %q", id)
	}
	return a, nil
}

// ListApplications gives the region's applications, oldest first.
func (s *Service) ListApplications(ctx context.Context) ([]*directory.Application, error) {
	view, err := s.deps.Viewer.View(ctx, state.Confirmed())
	if err != nil {
		return nil, err
	}
	return slices.SortedStableFunc(view.Applications(), func(a, b *directory.Application) int {
		return cmp.Compare(a.Created, b.Created)
	}), nil
}

// UpdateApplication replaces what is chosen about an application; its secret stays. Errors: KindInvalid with the field,
// KindNotFound.
func (s *Service) UpdateApplication(
	ctx context.Context, actor string, id directory.ApplicationID, in ApplicationFields,
) (*directory.Application, error) {
	chosen, err := in.validate()
	if err != nil {
		return nil, err
	}
	return s.changeApplication(ctx, actor, id, func(a *directory.Application) error {
		a.Name, a.RedirectURIs, a.LogoutURIs, a.BackChannelURI = chosen.Name, chosen.RedirectURIs, chosen.LogoutURIs, chosen.BackChannelURI
		return nil
	})
}

// RotateApplicationSecret gives an application a new secret, this once. The one before stays good until FinishApplicationRotation.
// Errors: KindNotFound; KindConflict for a public application, and while a rotation is under way.
func (s *Service) RotateApplicationSecret(
	ctx context.Context, actor string, id directory.ApplicationID,
) (*directory.Application, seal.Secret, error) {
	secret, hash := s.mintApplicationSecret()
	a, err := s.changeApplication(ctx, actor, id, func(a *directory.Application) error {
		switch {
		case a.Public():
			return directory.Errorf(directory.KindConflict, "", "a public application has no secret")
		case a.Rotating():
			return directory.Errorf(directory.KindConflict, "", "the last rotation of this secret is not finished")
		}
		a.SecretHash, a.PreviousHash = hash, a.SecretHash
		return nil
	})
	if err != nil {
		return nil, seal.Secret{}, err
	}
	return a, secret, nil
}

// FinishApplicationRotation ends the overlap: the secret before is refused as soon as this applies. Where no rotation is under way
// it changes nothing. Errors: KindNotFound.
func (s *Service) FinishApplicationRotation(
	ctx context.Context, actor string, id directory.ApplicationID,
) (*directory.Application, error) {
	return s.changeApplication(ctx, actor, id, func(a *directory.Application) error {
		a.PreviousHash = directory.Hash{}
		return nil
	})
}

// DeleteApplication removes an application: nobody signs in to it any more, and its tokens are refused. Errors: KindNotFound.
func (s *Service) DeleteApplication(ctx context.Context, actor string, id directory.ApplicationID) error {
	_, err := s.propose(ctx, actor, "", &command.DeleteApplication{ID: id})
	return err
}

// changeApplication changes a copy of the present record, again while others are faster.
func (s *Service) changeApplication(
	ctx context.Context, actor string, id directory.ApplicationID, change func(*directory.Application) error,
) (*directory.Application, error) {
	var next directory.Application
	err := untilFresh(func() error {
		present, err := s.GetApplication(ctx, id)
		if err != nil {
			return err
		}
		next = *present
		if err := change(&next); err != nil {
			return err
		}
		return s.putApplication(ctx, actor, &next)
	})
	return &next, err
}

// putApplication writes an application over the version that it has.
func (s *Service) putApplication(ctx context.Context, actor string, a *directory.Application) error {
	result, err := s.propose(ctx, actor, "", &command.PutApplication{
		ID: a.ID, ExpectVersion: a.Version, Name: a.Name, SecretHash: a.SecretHash, PreviousHash: a.PreviousHash,
		RedirectURIs: a.RedirectURIs, LogoutURIs: a.LogoutURIs, BackChannelURI: a.BackChannelURI,
	})
	if err != nil {
		return err
	}
	a.Created, a.Modified, a.Version = result.Created, result.Modified, result.Version
	return nil
}

func (s *Service) mintApplicationSecret() (seal.Secret, directory.Hash) {
	return seal.MintToken("dom_" + s.deps.Region.ID + "_app_")
}
