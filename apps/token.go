package apps

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/seal"
)

const grantCode = "authorization_code"

// Tokens is what a code buys (OpenID Connect Core §3.1.3.3).
type Tokens struct {
	Access  seal.Secret
	ID      seal.Secret
	Expires int64 // seconds from now, of both
	Scopes  []string
}

// access is an access token, sealed.
type access struct {
	Session     []byte                  `json:"s"` // hash of its cookie
	Application directory.ApplicationID `json:"a"`
	Scopes      []string                `json:"p"`
	Expires     directory.Time          `json:"exp"`
}

// Token answers a token request (RFC 6749 §4.1.3). Errors: *Error without Redirect, KindUnavailable.
func (s *Service) Token(ctx context.Context, r TokenRequest) (tokens Tokens, err error) {
	defer s.count("token", &err)
	if fault := once(r.Form); fault != nil {
		return Tokens{}, fault
	}
	view, err := s.Viewer.View(ctx, state.Confirmed())
	if err != nil {
		return Tokens{}, err
	}
	application, err := r.application(view)
	if err != nil {
		return Tokens{}, err
	}
	if r.Form.Get("grant_type") != grantCode {
		return Tokens{}, refuse(CodeUnsupportedGrant, "grant_type must be "+grantCode)
	}
	var c code
	if err := openText(s.codes, r.Form.Get("code"), string(application.ID), &c); err != nil || s.now() >= c.Expires {
		return Tokens{}, refuse(CodeInvalidGrant, "the code is not accepted: it has expired or is of another client")
	}
	if fault := r.bound(&c); fault != nil {
		return Tokens{}, fault
	}
	who, d, ok := s.behind(view, directory.Hash(c.Session))
	if !ok {
		return Tokens{}, errEnded()
	}
	// What can fail on our side comes before the code is used up.
	if tokens, err = s.mint(view, d, who, application, &c); err != nil {
		return Tokens{}, err
	}
	if err := s.join(ctx, application, who.Session, &c); err != nil {
		return Tokens{}, err
	}
	return tokens, nil
}

func errEnded() *Error { return refuse(CodeInvalidGrant, "the session of this code has ended") }

// bound checks that the code comes from who got it: the same redirect URI (RFC 6749 §4.1.3) and the verifier of the challenge
// (RFC 7636 §4.6).
func (r *TokenRequest) bound(c *code) *Error {
	redirect := sha256.Sum256([]byte(r.Form.Get("redirect_uri")))
	if subtle.ConstantTimeCompare(redirect[:], c.Redirect) != 1 {
		return refuse(CodeInvalidGrant, "redirect_uri is not the one of the authorization request")
	}
	verifier := sha256.Sum256([]byte(r.Form.Get("code_verifier")))
	challenge := base64.RawURLEncoding.EncodeToString(verifier[:])
	if subtle.ConstantTimeCompare([]byte(challenge), []byte(c.Challenge)) != 1 {
		return refuse(CodeInvalidGrant, "code_verifier does not fit the code_challenge of the authorization request")
	}
	return nil
}

// join consumes the code, and makes sure that the application hears when the session ends.
func (s *Service) join(ctx context.Context, a *directory.Application, session *directory.Session, c *code) error {
	result, err := s.Proposer.Propose(ctx, command.Command{
		Organization: session.Organization, Actor: "application:" + string(a.ID),
		Payload: &command.JoinSession{
			Session: session.Hash, Application: a.ID, CodeExpiry: c.Expires,
			Code: sha256.Sum256([]byte("application code " + c.ID)),
		},
	})
	if err == nil {
		err = result.Err()
	}
	switch directory.KindOf(err) {
	case 0:
		return nil
	case directory.KindReplayed:
		return refuse(CodeInvalidGrant, "the code was used before")
	case directory.KindUnauthenticated, directory.KindNotFound:
		return errEnded()
	}
	return err
}

// mint makes both tokens.
func (s *Service) mint(view *state.View, d *state.Directory, who Who, a *directory.Application, c *code) (Tokens, error) {
	now := s.now()
	expires := min(s.after(TokenLife), who.Session.Expires)
	text, err := sealText(s.tokens, access{Session: c.Session, Application: a.ID, Scopes: c.Scopes, Expires: expires}, "")
	if err != nil {
		return Tokens{}, err
	}
	signed, err := s.sign(view, typeIDToken, idToken{
		Claims: claimsOf(d, who, c.Scopes, maxTeams), Issuer: s.issuer, Audience: a.ID,
		Issued: seconds(now), Expires: seconds(expires), Nonce: c.Nonce, AccessHash: halfHash(text),
	})
	if err != nil {
		return Tokens{}, err
	}
	return Tokens{seal.NewSecret(text), seal.NewSecret(signed), seconds(expires) - seconds(now), c.Scopes}, nil
}

// behind finds the person behind the hash of a session cookie, if the session is open.
func (s *Service) behind(view *state.View, hash directory.Hash) (Who, *state.Directory, bool) {
	session, ok := view.Session(hash)
	if !ok || session.Expired(s.now()) {
		return Who{}, nil, false
	}
	d, ok := view.Directory(session.Organization)
	if !ok {
		return Who{}, nil, false
	}
	user, ok := d.UserByNumber(session.UserNumber)
	if !ok || !user.Active {
		return Who{}, nil, false
	}
	return Who{User: user, Organization: d.Organization(), Session: session}, d, true
}
