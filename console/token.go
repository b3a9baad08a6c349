package console

import (
	"context"
	"slices"
	"strings"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/seal"
)

// hintLength is how many last characters of a token its owner may see again.
const hintLength = 4

// NewToken is what is chosen when a SCIM token is made.
type NewToken struct {
	Name    string
	Expires time.Time // zero: never
}

// CreatedToken is a token that was just made. The secret is the token itself: it is given here and never again.
type CreatedToken struct {
	*directory.Token
	Secret seal.Secret
	Owner  *directory.Organization
	Voided []directory.TokenID // what stopped working when this one was made, where the organization has one token at a time
}

// CreateToken makes a SCIM bearer token. Errors: KindInvalid with the field, KindNotFound, KindForbidden when the plan does
// not include SCIM, KindTooLarge when the organization has too many tokens.
func (s *Service) CreateToken(ctx context.Context, actor string, id directory.OrganizationID, in NewToken) (*CreatedToken, error) {
	token := &directory.Token{ID: directory.TokenID(s.deps.NewID()), Organization: id, Name: strings.TrimSpace(in.Name)}
	if err := directory.ValidateTokenName(token.Name); err != nil {
		return nil, err
	}
	if err := validateText("name", token.Name); err != nil {
		return nil, err
	}
	if !in.Expires.IsZero() {
		if !in.Expires.After(s.deps.Now()) {
			return nil, directory.Errorf(directory.KindInvalid, "expires_at", "expires_at must be in the future")
		}
		token.Expires = directory.Time(in.Expires.UnixMicro())
	}
	d, err := s.provisioned(ctx, id)
	if err != nil {
		return nil, err
	}
	made := &CreatedToken{Token: token, Owner: d.Organization()}
	if made.Owner.SingleToken {
		for old := range d.TokensOf(directory.TokenBearer, "") {
			made.Voided = append(made.Voided, old.ID)
		}
	}
	made.Secret, token.Hash = seal.MintToken("dom_" + s.deps.Region.ID + "_")
	text := made.Secret.Reveal()
	token.Hint = text[len(text)-hintLength:]
	result, err := s.propose(ctx, actor, id, &command.CreateToken{Tokens: []command.NewToken{{
		ID: token.ID, Hash: token.Hash, Name: token.Name, Hint: token.Hint, Expires: token.Expires,
	}}})
	if err != nil {
		return nil, err
	}
	token.Created = result.Created
	return made, nil
}

// ListTokens gives an organization's bearer tokens, oldest first; those of OAuth clients are in ListClients. Errors:
// KindNotFound.
func (s *Service) ListTokens(ctx context.Context, id directory.OrganizationID) ([]*directory.Token, error) {
	d, err := s.directoryOf(ctx, id)
	if err != nil {
		return nil, err
	}
	return slices.Collect(d.TokensOf(directory.TokenBearer, "")), nil
}

// RevokeToken removes a token of any kind; every node refuses it as soon as it has applied the command. Errors: KindNotFound.
func (s *Service) RevokeToken(ctx context.Context, actor string, id directory.OrganizationID, token directory.TokenID) error {
	_, err := s.propose(ctx, actor, id, &command.RevokeToken{ID: token})
	return err
}
