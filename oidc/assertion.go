package oidc

import (
	"cmp"
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
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

// NewSigningKey makes a key of the region for one use, sealed, as the command that puts it into the ledger. Its id is the
// thumbprint of its public part (RFC 7638). Expect is the id of the newest key of the use that the caller saw.
func NewSigningKey(
	keyring *seal.Keyring, identity state.Identity, now time.Time, use directory.KeyUse, expect string,
) (command.PutSigningKey, error) {
	private, err := seal.NewSigningKey(string(algorithmFor(use)))
	if err != nil {
		return command.PutSigningKey{}, err
	}
	signer, err := seal.ParseSigningKey(private)
	if err != nil {
		return command.PutSigningKey{}, err
	}
	public := jose.JSONWebKey{Key: signer.Public(), Algorithm: string(algorithmFor(use)), Use: "sig"}
	thumbprint, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return command.PutSigningKey{}, fmt.Errorf("new signing key: %w", err)
	}
	public.KeyID = base64.RawURLEncoding.EncodeToString(thumbprint)
	if use == directory.KeyCertificate {
		if err := certify(&public, signer, identity.Region, now); err != nil {
			return command.PutSigningKey{}, fmt.Errorf("new signing key: %w", err)
		}
	}
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

// algorithmFor is what keys of a use sign with. Entra ID, for which the certificate is, takes RSA only, and documents PS256.
func algorithmFor(use directory.KeyUse) jose.SignatureAlgorithm {
	if use == directory.KeyCertificate {
		return jose.PS256
	}
	return jose.ES256
}

// certify adds a certificate to a public key, valid from an hour ago, because clocks differ. It is made once and kept with the
// key, so that every node gives out the same bytes.
func certify(public *jose.JSONWebKey, signer crypto.Signer, region string, now time.Time) error {
	until := now.Add(time.Duration(directory.CertificateLife) * time.Microsecond)
	der, err := seal.Certify(signer, "Domicile "+region, now.Add(-time.Hour), until)
	if err != nil {
		return err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(der)
	public.Certificates, public.CertificateThumbprintSHA256 = []*x509.Certificate{certificate}, sum[:]
	return nil
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

// errNoKey: the leader has not made a key yet.
var errNoKey = errors.New("the region has no signing key yet")

// ClientCertificate gives the certificate that owners upload where a provider takes no key set, in PEM: public, the same on
// every node. Errors: KindNotFound while the region has none, KindUnavailable.
func (s *Service) ClientCertificate(ctx context.Context) ([]byte, error) {
	view, err := s.deps.Viewer.View(ctx, state.Local())
	if err != nil {
		return nil, err
	}
	keys := directory.Certified(view.SigningKeys(directory.KeyCertificate), s.now())
	if len(keys) == 0 {
		return nil, directory.Errorf(directory.KindNotFound, "", "the region has no certificate yet")
	}
	public, err := certified(keys[0])
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: public.Certificates[0].Raw}), nil
}

// certified reads the public part of a key that has a certificate.
func certified(key *directory.SigningKey) (*jose.JSONWebKey, error) {
	var public jose.JSONWebKey
	if err := json.Unmarshal([]byte(key.Public), &public); err != nil {
		return nil, fmt.Errorf("read signing key %s: %w", key.ID, err)
	}
	if len(public.Certificates) == 0 || len(public.CertificateThumbprintSHA256) == 0 {
		return nil, fmt.Errorf("signing key %s has no certificate", key.ID)
	}
	return &public, nil
}

// assertions are the proofs of private_key_jwt (Core §9, RFC 7523 §3). Where the provider fetches our keys there is one, and
// its audience is the issuer as one string: an assertion for one provider is worth nothing at another. Where a certificate was
// uploaded there is one for each that is valid, and the audience is the token endpoint, as Entra ID documents it: its issuer
// has another host in version 1.0. Which endpoint that is comes from Microsoft's own host, so nobody else can name it.
func (s *Service) assertions(ctx context.Context, connection *directory.Connection, meta *metadata) ([]proof, *Refusal) {
	view, err := s.deps.Viewer.View(ctx, state.Local())
	if err != nil {
		return nil, refuse(ReasonUnavailable, err)
	}
	var keys []*directory.SigningKey
	audience := connection.Issuer
	if connection.ByCertificate() {
		keys = directory.CertifiedFor(connection, view.SigningKeys(directory.KeyCertificate), s.now())
		audience = meta.TokenEndpoint
	} else if key, ok := directory.Signer(view.SigningKeys(directory.KeyClientAssertion), s.now()); ok {
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, refuse(ReasonNoSigningKey, errNoKey)
	}
	var proofs []proof
	newest := slices.MaxFunc(keys, func(a, b *directory.SigningKey) int { return cmp.Compare(a.Created, b.Created) })
	for _, key := range keys {
		assertion, err := s.clientAssertion(key, connection.ClientID, audience)
		if err != nil {
			return nil, refuse(ReasonInternal, err)
		}
		proofs = append(proofs, proof{assertion: assertion, previous: key != newest})
	}
	return proofs, nil
}

// clientAssertion signs that we are a client.
func (s *Service) clientAssertion(key *directory.SigningKey, client, audience string) (string, error) {
	now := s.deps.Now()
	claims, err := json.Marshal(map[string]any{
		"iss": client, "sub": client, "aud": audience, "jti": seal.NewID(),
		"iat": now.Unix(), "nbf": now.Add(-clockSkew).Unix(), "exp": now.Add(assertionLife).Unix(),
	})
	if err != nil {
		return "", err
	}
	return s.sign(key, claims)
}

// sign gives a compact JWS by one of the region's keys. Its header names the key, or the certificate by its thumbprint.
func (s *Service) sign(key *directory.SigningKey, payload []byte) (string, error) {
	private, err := s.deps.Keyring.Open(SigningKeyPlace(s.deps.Identity, key.ID), key.Private)
	if err != nil {
		return "", err
	}
	parsed, err := seal.ParseSigningKey(private)
	if err != nil {
		return "", err
	}
	by := jose.JSONWebKey{Key: parsed, KeyID: key.ID}
	header := (&jose.SignerOptions{}).WithType("JWT")
	if key.Use == directory.KeyCertificate {
		public, err := certified(key)
		if err != nil {
			return "", err
		}
		by.KeyID = ""
		header = header.WithHeader("x5t#S256", base64.RawURLEncoding.EncodeToString(public.CertificateThumbprintSHA256))
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithmFor(key.Use), Key: by}, header)
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}
