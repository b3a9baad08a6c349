package scim

import (
	"context"
	"fmt"
	"strings"

	"domicile/directory"
	"domicile/fsm/state"
	"domicile/seal"
)

// Actor is who asks: a bearer token of one organization.
type Actor struct {
	Organization directory.OrganizationID
	Token        directory.TokenID
	Profile      directory.Profile
}

// Authenticate checks the value of an Authorization header (RFC 6750 §2.1) against the organization that the URL names.
// Whatever is wrong, the caller learns only that the token is not accepted; a token that says it was made in another
// region is told where to go, without looking anything up. KindUnavailable when this node may not answer.
//
// Tokens are looked up in the node's own memory. Only a token that could be ours and is not there costs a confirmed view,
// because a 401 makes identity providers stop: it may have been made on another node a moment ago.
func (e *Engine) Authenticate(ctx context.Context, org directory.OrganizationID, authorization string) (Actor, error) {
	scheme, bearer, _ := strings.Cut(authorization, " ")
	bearer = strings.TrimSpace(bearer)
	if !strings.EqualFold(scheme, "Bearer") || bearer == "" {
		return Actor{}, unauthenticated("send the organization's SCIM token as: Authorization: Bearer <token>")
	}
	region, ours := seal.TokenRegion(bearer)
	if ours && region != e.Region.ID {
		return Actor{}, e.wrongRegion(region)
	}
	hash := directory.Hash(seal.HashToken(bearer))
	actor, err := e.lookUp(ctx, org, hash, state.Local())
	if err != nil && ours && directory.KindOf(err) == directory.KindUnauthenticated {
		actor, err = e.lookUp(ctx, org, hash, state.Confirmed())
	}
	return actor, err
}

func (e *Engine) lookUp(ctx context.Context, org directory.OrganizationID, hash directory.Hash, f state.Freshness) (Actor, error) {
	view, err := e.Viewer.View(ctx, f)
	if err != nil {
		return Actor{}, err
	}
	token, ok := view.TokenByHash(hash)
	if !ok || token.Organization != org || token.Expired(e.now()) {
		return Actor{}, unauthenticated("")
	}
	d, ok := view.Directory(org)
	if !ok {
		return Actor{}, unauthenticated("")
	}
	return Actor{Organization: org, Token: token.ID, Profile: d.Organization().Profile}, nil
}

func (e *Engine) wrongRegion(id string) error {
	for _, region := range e.Regions {
		if region.ID == id {
			return unauthenticated(fmt.Sprintf("this token belongs to region %s (%s); use the base URL that begins with %s",
				region.ID, region.Name, baseOf(region, "")))
		}
	}
	return unauthenticated("")
}

// unauthenticated is the one 401; without a detail it says nothing about why.
func unauthenticated(detail string) error {
	if detail == "" {
		detail = "the bearer token is not accepted for this base URL; check the token and the URL, or create a new token"
	}
	return directory.Errorf(directory.KindUnauthenticated, "", "%s", detail)
}
