package apps

import (
	"context"

	"domicile/directory"
	"domicile/fsm/state"
)

// Userinfo gives the claims that an access token allows, as of now (OpenID Connect Core §5.3). Errors: *Error with
// CodeInvalidToken, also when the session has ended meanwhile; KindUnavailable when this node cannot know.
func (s *Service) Userinfo(ctx context.Context, token string) (claims Claims, err error) {
	defer s.count("userinfo", &err)
	var t access
	if err := openText(s.tokens, token, "", &t); err != nil || s.now() >= t.Expires {
		return Claims{}, refuse(CodeInvalidToken, "the access token is not accepted: it has expired or is not one of ours")
	}
	// The session was there when the token was made, so what this node does not see it may not see yet.
	var who Who
	var d *state.Directory
	_, ok, err := s.find(ctx, func(view *state.View) (found bool) {
		if _, found = view.Application(t.Application); found {
			who, d, found = s.behind(view, directory.Hash(t.Session))
		}
		return found
	})
	switch {
	case err != nil:
		return Claims{}, err
	case !ok:
		return Claims{}, refuse(CodeInvalidToken, "the session of this access token has ended")
	}
	return claimsOf(d, who, t.Scopes, maxTeamsAsked), nil
}
