package oauth

import (
	"context"
	"slices"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/seal"
)

// Revoke ends a token of the client that asks (RFC 7009 §2). With a refresh token go all access tokens of the client: those
// that it bought are not told apart from the others, and the client can buy new ones. A token that is not there is as good
// as revoked. Errors: *Error without Redirect, KindUnavailable.
func (s *Service) Revoke(ctx context.Context, r Request) (err error) {
	defer s.count("revoke", &err)
	if err := once(r.Form); err != nil {
		return err
	}
	view, err := s.view(ctx)
	if err != nil {
		return err
	}
	client, err := r.client(view)
	if err != nil {
		return err
	}
	text := r.Form.Get("token")
	if text == "" {
		return refuse(CodeInvalidRequest, "token is missing")
	}
	token, ok := view.TokenByHash(seal.HashToken(text))
	switch {
	case !ok:
		return nil
	case token.Kind == directory.TokenBearer:
		return refuse(CodeUnsupportedToken, "this token was not issued by OAuth; an owner revokes it")
	case token.Client != client.ID || token.Organization != client.Organization:
		return refuse(CodeInvalidGrant, "the token was issued to another client")
	case token.Kind == directory.TokenRefresh:
		return s.revokeGrant(ctx, client, token.ID)
	}
	return s.revoke(ctx, client, token.ID)
}

// revokeGrant revokes a refresh token and the client's access tokens.
func (s *Service) revokeGrant(ctx context.Context, client *directory.Client, refresh directory.TokenID) error {
	if err := s.revoke(ctx, client, refresh); err != nil {
		return err
	}
	view, err := s.view(ctx) // after the refresh token is gone: it buys no more
	if err != nil {
		return err
	}
	d, ok := view.Directory(client.Organization)
	if !ok {
		return nil
	}
	for _, token := range slices.Collect(d.TokensOf(directory.TokenAccess, client.ID)) {
		if err := s.revoke(ctx, client, token.ID); err != nil {
			return err
		}
	}
	return nil
}

// revoke ends a token, if it is there.
func (s *Service) revoke(ctx context.Context, client *directory.Client, id directory.TokenID) error {
	err := s.propose(ctx, client, &command.RevokeToken{ID: id})
	if directory.KindOf(err) == directory.KindNotFound {
		return nil
	}
	return err
}
