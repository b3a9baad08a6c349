package oauth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/seal"
)

// Grant types of RFC 6749.
const (
	grantClient  = "client_credentials"
	grantCode    = "authorization_code"
	grantRefresh = "refresh_token"
)

// Tokens is what a grant buys (RFC 6749 §5.1). Revealed once: the ledger keeps hashes.
type Tokens struct {
	Access  seal.Secret
	Refresh seal.Secret // zero: none
}

// purchase is one exchange at the token endpoint: everything that was checked, and what is to be paid with.
type purchase struct {
	*Service
	view   *state.View
	client *directory.Client
	form   func(name string) string
}

// grants has a row per grant type.
var grants = map[string]func(p purchase, ctx context.Context) (Tokens, error){
	grantClient:  purchase.byCredentials,
	grantCode:    purchase.byCode,
	grantRefresh: purchase.byRefresh,
}

// Token answers a token request (RFC 6749 §3.2). Errors: *Error without Redirect, KindUnavailable.
func (s *Service) Token(ctx context.Context, r Request) (tokens Tokens, err error) {
	grantType := r.Form.Get("grant_type")
	grant, known := grants[grantType]
	if !known {
		grantType = "other"
	}
	defer s.count(grantType, &err)
	if err := once(r.Form); err != nil {
		return Tokens{}, err
	}
	view, err := s.view(ctx)
	if err != nil {
		return Tokens{}, err
	}
	client, err := r.client(view)
	if err != nil {
		return Tokens{}, err
	}
	if !known {
		return Tokens{}, refuse(CodeUnsupportedGrant, "grant_type must be %s, %s or %s", grantClient, grantCode, grantRefresh)
	}
	if fault := served(view, client.Organization); fault != nil {
		return Tokens{}, fault
	}
	return grant(purchase{Service: s, view: view, client: client, form: r.Form.Get}, ctx)
}

// byCredentials gives an access token and no refresh token (RFC 6749 §4.4.3).
func (p purchase) byCredentials(ctx context.Context) (Tokens, error) {
	access, row := p.access()
	err := p.propose(ctx, p.client, &command.CreateToken{Tokens: []command.NewToken{row}})
	return Tokens{Access: access}, err
}

// byRefresh gives an access token for a refresh token, which stays as it is (see the package comment).
func (p purchase) byRefresh(ctx context.Context) (Tokens, error) {
	hash := directory.Hash(seal.HashToken(p.form("refresh_token")))
	if !p.refreshes(p.view, hash) {
		return Tokens{}, noRefresh()
	}
	access, row := p.access()
	if err := p.propose(ctx, p.client, &command.CreateToken{Tokens: []command.NewToken{row}}); err != nil {
		return Tokens{}, err
	}
	// A revocation meanwhile may have come too early to see this access token.
	view, err := p.Service.view(ctx)
	if err != nil {
		return Tokens{}, err
	}
	if !p.refreshes(view, hash) {
		return Tokens{}, errors.Join(p.revoke(ctx, p.client, row.ID), noRefresh())
	}
	return Tokens{Access: access}, nil
}

// refreshes tells whether a refresh token of the client has this hash.
func (p purchase) refreshes(view *state.View, hash directory.Hash) bool {
	token, ok := view.TokenByHash(hash)
	return ok && token.Kind == directory.TokenRefresh && token.Client == p.client.ID &&
		token.Organization == p.client.Organization && !token.Expired(p.now())
}

func noRefresh() *Error {
	return refuse(CodeInvalidGrant, "the refresh token is not accepted: it was revoked or is of another client")
}

// byCode gives an access and a refresh token for an authorization code.
func (p purchase) byCode(ctx context.Context) (Tokens, error) {
	var c code
	if err := openFor(p.codes, p.client, p.form("code"), &c); err != nil || p.now() >= c.Expires {
		return Tokens{}, refuse(CodeInvalidGrant, "the code is not accepted: it has expired or is of another client")
	}
	if fault := p.bound(&c); fault != nil {
		return Tokens{}, fault
	}
	access, accessRow := p.access()
	refresh, refreshRow := p.mint(directory.TokenRefresh)
	refreshRow.ID = directory.TokenID(c.Approval.ID)
	err := p.propose(ctx, p.client, &command.CreateToken{
		Tokens:  []command.NewToken{accessRow, refreshRow},
		Consume: c.Approval.used(), ConsumeExpiry: c.Approval.end(),
	})
	switch directory.KindOf(err) {
	case 0:
		return Tokens{Access: access, Refresh: refresh}, nil
	case directory.KindReplayed, directory.KindConflict: // the conflict is with the refresh token that it bought before
		return Tokens{}, p.replayed(ctx, c.Approval)
	case directory.KindUnauthenticated:
		return Tokens{}, refuse(CodeInvalidGrant, "the code has expired")
	}
	return Tokens{}, err
}

// bound checks that the code comes from who got it: the same redirect URI (RFC 6749 §4.1.3) and the verifier of the
// challenge (RFC 7636 §4.6). A verifier for a code without challenge is somebody's attempt to do without (RFC 9700 §2.1.1).
func (p purchase) bound(c *code) *Error {
	if uri := p.form("redirect_uri"); uri != "" || c.Named {
		if sum := sha256.Sum256([]byte(uri)); subtle.ConstantTimeCompare(sum[:], c.Redirect) != 1 {
			return refuse(CodeInvalidGrant, "redirect_uri is not the one of the authorization request")
		}
	}
	verifier := p.form("code_verifier")
	if verifier == "" && c.Challenge == "" {
		return nil
	}
	sum := sha256.Sum256([]byte(verifier))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	if subtle.ConstantTimeCompare([]byte(challenge), []byte(c.Challenge)) != 1 {
		return refuse(CodeInvalidGrant, "code_verifier does not fit the code_challenge of the authorization request")
	}
	return nil
}

// replayed revokes what an approval bought, because somebody else has its code too (RFC 6749 §4.1.2).
func (p purchase) replayed(ctx context.Context, a approval) error {
	if err := p.revokeGrant(ctx, p.client, directory.TokenID(a.ID)); err != nil {
		return err
	}
	return refuse(CodeInvalidGrant, "the code was used before; what it gave is revoked, ask for a new approval")
}

// access mints an access token.
func (p purchase) access() (seal.Secret, command.NewToken) {
	secret, row := p.mint(directory.TokenAccess)
	row.Expires = p.now() + directory.Time(AccessLife.Microseconds())
	return secret, row
}

// hintLength is how much of a token is shown in lists.
const hintLength = 4

// mint makes a token of the client that never expires.
func (p purchase) mint(kind directory.TokenKind) (seal.Secret, command.NewToken) {
	secret, hash := seal.MintToken("dom_" + p.Region.ID + "_")
	text := secret.Reveal()
	return secret, command.NewToken{
		ID: directory.TokenID(p.NewID()), Hash: hash, Name: p.client.Name, Hint: text[len(text)-hintLength:],
		Kind: kind, Client: p.client.ID,
	}
}
