package seal

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// NewSigningKey makes a private key for a JWS algorithm (RFC 7518 section 3.1): "ES256" (P-256) or "RS256" (2048 bits).
// The result is PKCS #8 in PEM, ready to be sealed; ParseSigningKey reads it.
func NewSigningKey(algorithm string) (Secret, error) {
	switch algorithm {
	case "ES256":
		return encodeKey(newECKey())
	case "RS256":
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return Secret{}, fmt.Errorf("new signing key: %w", err)
		}
		return encodeKey(key)
	}
	return Secret{}, fmt.Errorf("new signing key: algorithm %q is not offered", algorithm)
}

// ParseSigningKey reads a private key in PKCS #8 PEM. Errors never quote it.
func ParseSigningKey(keyPEM Secret) (crypto.Signer, error) {
	block, _ := pem.Decode([]byte(keyPEM.Reveal()))
	if block == nil {
		return nil, errors.New("parse signing key: not PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("parse signing key: not PKCS #8")
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("parse signing key: a %T does not sign", key)
	}
	return signer, nil
}

func newECKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // only if the random source fails, which crashes on its own
	}
	return key
}

func encodeKey(key crypto.Signer) (Secret, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return Secret{}, fmt.Errorf("encode private key: %w", err)
	}
	return NewSecret(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))), nil
}
