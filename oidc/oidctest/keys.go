package oidctest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"slices"

	"github.com/go-jose/go-jose/v4"
)

// keyName finds a key: an algorithm, or the fault that it exists for.
type keyName string

const (
	keyWeak keyName = keyName(KeyRSA1024)
	keyEnc  keyName = keyName(KeyUseEnc)
)

// signingKey is a private key and how it is published.
type signingKey struct {
	kid     string
	alg     jose.SignatureAlgorithm
	use     string
	private crypto.Signer
}

func (k *signingKey) published() jose.JSONWebKey {
	return jose.JSONWebKey{Key: k.private.Public(), KeyID: k.kid, Algorithm: string(k.alg), Use: k.use}
}

// SetAlgorithm changes how tokens are signed from now on: by any RS, PS, ES or
// EdDSA. Earlier keys stay published.
func (p *Provider) SetAlgorithm(alg jose.SignatureAlgorithm) error {
	if _, err := p.signingKey(keyName(alg)); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.algorithm = alg
	return nil
}

// Rotate replaces the signing key and withdraws every earlier one.
func (p *Provider) Rotate() error {
	p.mu.Lock()
	p.keys = map[keyName]*signingKey{}
	p.mu.Unlock()
	_, err := p.signingKey(p.currentKey())
	return err
}

func (p *Provider) currentKey() keyName {
	p.mu.Lock()
	defer p.mu.Unlock()
	return keyName(p.algorithm)
}

// signingKey returns the named key, made on first use because RSA keys take
// long.
func (p *Provider) signingKey(name keyName) (*signingKey, error) {
	p.mu.Lock()
	key, ok := p.keys[name]
	p.mu.Unlock()
	if ok {
		return key, nil
	}
	made, err := newKey(name)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if key, ok := p.keys[name]; ok {
		return key, nil
	}
	p.keys[name] = made
	return made, nil
}

func newKey(name keyName) (*signingKey, error) {
	key := &signingKey{kid: newSecret(), alg: jose.SignatureAlgorithm(name), use: "sig"}
	var err error
	switch name {
	case keyName(jose.ES256):
		key.private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case keyName(jose.ES384):
		key.private, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case keyName(jose.ES512):
		key.private, err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case keyName(jose.EdDSA):
		_, key.private, err = ed25519.GenerateKey(rand.Reader)
	case keyName(jose.RS256), keyName(jose.RS384), keyName(jose.RS512),
		keyName(jose.PS256), keyName(jose.PS384), keyName(jose.PS512):
		key.private, err = rsa.GenerateKey(rand.Reader, 2048)
	case keyWeak:
		key.alg = jose.RS256
		key.private, err = rsa.GenerateKey(rand.Reader, 1024)
	case keyEnc:
		key.alg, key.use = jose.ES256, "enc"
		key.private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		return nil, fmt.Errorf("test provider cannot sign with %q", name)
	}
	if err != nil {
		return nil, fmt.Errorf("make %s key: %w", name, err)
	}
	return key, nil
}

// publicKeys lists the published keys in a stable order.
func (p *Provider) publicKeys() []jose.JSONWebKey {
	p.mu.Lock()
	defer p.mu.Unlock()
	names := make([]keyName, 0, len(p.keys))
	for name := range p.keys {
		names = append(names, name)
	}
	slices.Sort(names)
	published := make([]jose.JSONWebKey, len(names))
	for i, name := range names {
		published[i] = p.keys[name].published()
	}
	return published
}
