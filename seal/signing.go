package seal

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

// NewSigningKey makes a private key for a JWS algorithm (RFC 7518 section 3.1): "ES256" (P-256), or "RS256" or
// "PS256" (RSA of 2048 bits). The result is PKCS #8 in PEM, ready to be sealed; ParseSigningKey reads it.
func NewSigningKey(algorithm string) (Secret, error) {
	switch algorithm {
	case "ES256":
		return encodeKey(newECKey())
	case "RS256", "PS256":
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

// Certify wraps the public part of a signing key into a certificate (RFC 5280) that it signs itself, for those who take a
// public key in no other form. It vouches for nothing. The result is DER.
func Certify(key crypto.Signer, name string, from, until time.Time) ([]byte, error) {
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: until,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("certify a signing key: %w", err)
	}
	return der, nil
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
