package console

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/seal"
)

// maxTokens bounds the tokens of one organization. It is checked before the command, so two requests at once may pass
// it by one.
const maxTokens = 50

// hintLength is how many last characters of a token its owner may see again.
const hintLength = 4

// NewToken is what is chosen when a SCIM token is made.
type NewToken struct {
	Name    string
	Expires time.Time // zero: never
}

// CreateToken makes a SCIM bearer token. The secret is the token itself: it is given here and never again. Errors:
// KindInvalid with the field, KindNotFound, KindTooLarge when the organization has too many tokens.
func (s *Service) CreateToken(
	ctx context.Context, actor string, id directory.OrganizationID, in NewToken,
) (*directory.Token, seal.Secret, error) {
	token := &directory.Token{ID: directory.TokenID(s.deps.NewID()), Organization: id, Name: strings.TrimSpace(in.Name)}
	if err := directory.ValidateTokenName(token.Name); err != nil {
		return nil, seal.Secret{}, err
	}
	if err := validateText("name", token.Name); err != nil {
		return nil, seal.Secret{}, err
	}
	if !in.Expires.IsZero() {
		if !in.Expires.After(s.deps.Now()) {
			return nil, seal.Secret{}, directory.Errorf(directory.KindInvalid, "expires_at", "expires_at must be in the future")
		}
		token.Expires = directory.Time(in.Expires.UnixMicro())
	}
	d, err := s.directoryOf(ctx, id)
	if err != nil {
		return nil, seal.Secret{}, err
	}
	if count(d.Tokens()) >= maxTokens {
		return nil, seal.Secret{}, directory.Errorf(directory.KindTooLarge, "",
			"an organization has at most %d tokens; revoke one first", maxTokens)
	}
	secret, hash := seal.MintToken("dom_" + s.deps.Region.ID + "_")
	text := secret.Reveal()
	token.Hash, token.Hint = hash, text[len(text)-hintLength:]
	result, err := s.propose(ctx, actor, id, &command.CreateToken{
		ID: token.ID, Hash: token.Hash, Name: token.Name, Hint: token.Hint, Expires: token.Expires,
	})
	if err != nil {
		return nil, seal.Secret{}, err
	}
	token.Created = result.Created
	return token, secret, nil
}

// ListTokens gives an organization's tokens, oldest first. Errors: KindNotFound.
func (s *Service) ListTokens(ctx context.Context, id directory.OrganizationID) ([]*directory.Token, error) {
	d, err := s.directoryOf(ctx, id)
	if err != nil {
		return nil, err
	}
	return slices.SortedStableFunc(d.Tokens(), func(a, b *directory.Token) int {
		return cmp.Compare(a.Created, b.Created)
	}), nil
}

// RevokeToken removes a token; every node refuses it as soon as it has applied the command. Errors: KindNotFound.
func (s *Service) RevokeToken(ctx context.Context, actor string, id directory.OrganizationID, token directory.TokenID) error {
	_, err := s.propose(ctx, actor, id, &command.RevokeToken{ID: token})
	return err
}
