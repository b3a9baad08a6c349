package oidctest

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const tokenLifetime = 5 * time.Minute

// errNoUser means that the user was removed after signing in.
var errNoUser = errors.New("user is gone")

// IDToken signs an ID token for the subject as the token endpoint would,
// scripted faults included, for tests that need no browser. The scopes are
// openid, email and profile.
func (p *Provider) IDToken(clientID, subject, nonce string) (string, error) {
	return p.idToken(grant{
		client:   clientID,
		subject:  subject,
		sid:      newSecret(),
		nonce:    nonce,
		scopes:   []string{"openid", "email", "profile"},
		authTime: p.now(),
	}, "", "")
}

// idToken builds and signs; at_hash and c_hash are left out for empty values.
func (p *Provider) idToken(g grant, accessToken, code string) (string, error) {
	user, ok := p.user(bySubject(g.subject))
	if !ok {
		return "", errNoUser
	}
	now := p.now()
	c := claims{
		{"iss", p.issuer},
		{"sub", g.subject},
		{"aud", g.client},
		{"exp", now.Add(tokenLifetime).Unix()},
		{"iat", now.Unix()},
		{"auth_time", g.authTime.Unix()},
		{"sid", g.sid},
		{"amr", []string{"pwd"}},
	}
	if g.nonce != "" {
		c.add("nonce", g.nonce)
	}
	if accessToken != "" {
		c.add("at_hash", p.halfHash(accessToken))
	}
	if code != "" {
		c.add("c_hash", p.halfHash(code))
	}
	for _, m := range profile(user, g.scopes) {
		c.set(m.name, m.value)
	}
	p.wrong(&c, g.client)
	return p.sign("JWT", c)
}

// halfHash is at_hash and c_hash of Core section 3.1.3.6: EdDSA with Ed25519
// hashes with SHA-512.
func (p *Provider) halfHash(value string) string {
	h := sha256.New()
	switch name := p.currentKey(); {
	case name == keyName(jose.EdDSA) || strings.HasSuffix(string(name), "512"):
		h = sha512.New()
	case strings.HasSuffix(string(name), "384"):
		h = sha512.New384()
	}
	h.Write([]byte(value))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:h.Size()/2])
}

// signing is how a payload is signed; the faults below change it.
type signing struct {
	key     keyName
	alg     jose.SignatureAlgorithm // "" = the key's
	typ     string
	kid     string // "" = the key's; noKid = none
	secret  []byte // HMAC key instead of the key
	unknown bool   // sign with a key that is not published
	crit    bool
}

const noKid = "\x00"

// signFaults change how the token is signed, in order.
func signFaults() []struct {
	fault Fault
	apply func(*signing)
} {
	return []struct {
		fault Fault
		apply func(*signing)
	}{
		{SigOtherKey, func(s *signing) { s.unknown = true }},
		{KidMissing, func(s *signing) { s.kid = noKid }},
		{KidUnknown, func(s *signing) { s.kid = newSecret(); s.unknown = true }},
		{KeyUseEnc, func(s *signing) { s.key = keyEnc }},
		{KeyRSA1024, func(s *signing) { s.key = keyWeak }},
		{KeyAlgMismatch, func(s *signing) { s.key = keyName(jose.RS256); s.alg = jose.PS256 }},
		{TypAccessToken, func(s *signing) { s.typ = "at+jwt" }},
		{CritUnknown, func(s *signing) { s.crit = true }},
	}
}

// sign serializes the payload as a token of a type, with the scripted faults
// of header, signature and serialization.
func (p *Provider) sign(typ string, c claims) (string, error) {
	payload, err := c.MarshalJSON()
	if err != nil {
		return "", fmt.Errorf("marshal claims: %w", err)
	}
	switch {
	case p.fails(AlgNone):
		return unsigned("none", payload), nil
	case p.fails(AlgNoneMixed):
		return unsigned("nOnE", payload), nil
	case p.fails(AlgHS256Public):
		return p.signWithPublicKey(payload)
	}
	s := signing{key: p.currentKey(), typ: typ}
	for _, f := range signFaults() {
		if p.fails(f.fault) {
			f.apply(&s)
		}
	}
	signed, err := p.jws(s, payload)
	if err != nil {
		return "", err
	}
	switch {
	case p.fails(JSONSerialized):
		return signed.FullSerialize(), nil
	case p.fails(SigBad):
		return p.breakSignature(signed)
	case p.fails(PayloadSwapped):
		return p.swapPayload(signed, c)
	}
	return signed.CompactSerialize()
}

func (p *Provider) jws(s signing, payload []byte) (*jose.JSONWebSignature, error) {
	key, err := p.signingKey(s.key)
	if err != nil {
		return nil, err
	}
	kid := key.kid
	if s.unknown {
		if key, err = newKey(s.key); err != nil {
			return nil, err
		}
	}
	switch s.kid {
	case "":
	case noKid:
		kid = ""
	default:
		kid = s.kid
	}
	if s.alg == "" {
		s.alg = key.alg
	}
	signingKey := jose.SigningKey{Algorithm: s.alg, Key: jose.JSONWebKey{Key: key.private, KeyID: kid}}
	if s.secret != nil {
		signingKey = jose.SigningKey{Algorithm: jose.HS256, Key: jose.JSONWebKey{Key: s.secret, KeyID: kid}}
	}
	opts := (&jose.SignerOptions{}).WithType(jose.ContentType(s.typ))
	if s.crit {
		opts = opts.WithHeader("crit", []string{"x-unknown"}).WithHeader("x-unknown", true)
	}
	signer, err := jose.NewSigner(signingKey, opts)
	if err != nil {
		return nil, fmt.Errorf("open signer: %w", err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return signed, nil
}

// signWithPublicKey is the confusion of an RSA public key with an HMAC secret.
func (p *Provider) signWithPublicKey(payload []byte) (string, error) {
	key, err := p.signingKey(keyName(jose.RS256))
	if err != nil {
		return "", err
	}
	der, err := x509.MarshalPKIXPublicKey(key.private.Public())
	if err != nil {
		return "", fmt.Errorf("marshal public key: %w", err)
	}
	secret := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	signed, err := p.jws(signing{key: keyName(jose.RS256), typ: "JWT", secret: secret}, payload)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

func (p *Provider) breakSignature(signed *jose.JSONWebSignature) (string, error) {
	token, err := signed.CompactSerialize()
	if err != nil {
		return "", err
	}
	dot := strings.LastIndexByte(token, '.')
	signature, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
	if err != nil {
		return "", err
	}
	signature[0] ^= 0xff
	return token[:dot+1] + base64.RawURLEncoding.EncodeToString(signature), nil
}

func (p *Provider) swapPayload(signed *jose.JSONWebSignature, c claims) (string, error) {
	token, err := signed.CompactSerialize()
	if err != nil {
		return "", err
	}
	c.set("sub", "another-subject")
	payload, err := c.MarshalJSON()
	if err != nil {
		return "", err
	}
	parts := strings.Split(token, ".")
	parts[1] = base64.RawURLEncoding.EncodeToString(payload)
	return strings.Join(parts, "."), nil
}

func unsigned(alg string, payload []byte) string {
	header, _ := json.Marshal(map[string]string{"alg": alg, "typ": "JWT"}) // strings always marshal
	return base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(payload) + "."
}
