package oidc

import (
	"context"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/seal"
)

const (
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" // RFC 7523 §2.2
	assertionLife = time.Minute
)

// NewSigningKey makes an ES256 key of the region for one use, sealed, as the command that puts it into the ledger. Its id is
// the thumbprint of its public part (RFC 7638). Expect is the id of the newest key of the use that the caller saw.
func NewSigningKey(
	keyring *seal.Keyring, identity state.Identity, use directory.KeyUse, expect string,
) (command.PutSigningKey, error) {
	private, err := seal.NewSigningKey(string(jose.ES256))
	if err != nil {
		return command.PutSigningKey{}, err
	}
	signer, err := seal.ParseSigningKey(private)
	if err != nil {
		return command.PutSigningKey{}, err
	}
	public := jose.JSONWebKey{Key: signer.Public(), Algorithm: string(jose.ES256), Use: "sig"}
	thumbprint, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return command.PutSigningKey{}, fmt.Errorf("new signing key: %w", err)
	}
	public.KeyID = base64.RawURLEncoding.EncodeToString(thumbprint)
	published, err := json.Marshal(public)
	if err != nil {
		return command.PutSigningKey{}, fmt.Errorf("new signing key: %w", err)
	}
	sealed, err := keyring.Seal(SigningKeyPlace(identity, public.KeyID), private)
	if err != nil {
		return command.PutSigningKey{}, fmt.Errorf("new signing key: %w", err)
	}
	return command.PutSigningKey{ID: public.KeyID, Use: use, Private: sealed, Public: string(published), Expect: expect}, nil
}

// SigningKeyPlace is where the private part of a signing key is sealed.
func SigningKeyPlace(identity state.Identity, id string) seal.Place {
	return seal.Place{Region: identity.Region, Cluster: identity.Cluster, Row: id, Field: "signing_key"}
}

// ClientKeys gives the JSON Web Key Set with which providers check our client assertions: public, the same on every node.
// The error is a *directory.Error of KindUnavailable.
func (s *Service) ClientKeys(ctx context.Context) ([]byte, error) {
	view, err := s.deps.Viewer.View(ctx, state.Local())
	if err != nil {
		return nil, err
	}
	set := struct {
		Keys []json.RawMessage `json:"keys"`
	}{[]json.RawMessage{}}
	for _, key := range directory.Published(view.SigningKeys(directory.KeyClientAssertion), s.now()) {
		set.Keys = append(set.Keys, json.RawMessage(key.Public))
	}
	return json.Marshal(set)
}

// clientAssertion is private_key_jwt (Core §9, RFC 7523 §3). Its audience is the issuer as one string: an assertion for one
// provider is worth nothing at another.
func (s *Service) clientAssertion(ctx context.Context, connection *directory.Connection) (string, *Refusal) {
	view, err := s.deps.Viewer.View(ctx, state.Local())
	if err != nil {
		return "", refuse(ReasonUnavailable, err)
	}
	key, ok := directory.Signer(view.SigningKeys(directory.KeyClientAssertion), s.now())
	if !ok {
		return "", refuse(ReasonNoSigningKey, errors.New("the region has no signing key yet"))
	}
	now := s.deps.Now()
	claims, err := json.Marshal(map[string]any{
		"iss": connection.ClientID, "sub": connection.ClientID, "aud": connection.Issuer, "jti": seal.NewID(),
		"iat": now.Unix(), "exp": now.Add(assertionLife).Unix(),
	})
	if err != nil {
		return "", refuse(ReasonInternal, err)
	}
	assertion, err := s.sign(key, claims)
	if err != nil {
		return "", refuse(ReasonInternal, err)
	}
	return assertion, nil
}

// sign gives a compact JWS by one of the region's keys.
func (s *Service) sign(key *directory.SigningKey, payload []byte) (string, error) {
	private, err := s.deps.Keyring.Open(SigningKeyPlace(s.deps.Identity, key.ID), key.Private)
	if err != nil {
		return "", err
	}
	parsed, err := seal.ParseSigningKey(private)
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: parsed, KeyID: key.ID}},
		(&jose.SignerOptions{}).WithType("JWT"),
	)
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}
