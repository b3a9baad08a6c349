package oidc

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	_ "crypto/sha256" // for crypto.Hash
	_ "crypto/sha512"
	"encoding/json"
	"errors"
	"slices"

	"github.com/go-jose/go-jose/v4"
)

const (
	maxKeys    = 100 // of one key set
	maxTried   = 16  // keys tried on a token that does not name one
	minRSABits = 2048
)

// algorithm is what a signing algorithm asks of its key, and the hash of at_hash and c_hash (Core §3.1.3.6).
type algorithm struct {
	hash  crypto.Hash
	kind  string // "RSA", "EC" or "OKP"
	curve string // of EC
}

// algorithmOf is the allow-list: no HMAC, which would need a secret shared with the browser's side, and no "none".
func algorithmOf(name string) (algorithm, bool) {
	switch name {
	case "RS256", "PS256":
		return algorithm{crypto.SHA256, "RSA", ""}, true
	case "RS384", "PS384":
		return algorithm{crypto.SHA384, "RSA", ""}, true
	case "RS512", "PS512":
		return algorithm{crypto.SHA512, "RSA", ""}, true
	case "ES256":
		return algorithm{crypto.SHA256, "EC", "P-256"}, true
	case "ES384":
		return algorithm{crypto.SHA384, "EC", "P-384"}, true
	case "ES512":
		return algorithm{crypto.SHA512, "EC", "P-521"}, true
	case "EdDSA":
		return algorithm{crypto.SHA512, "OKP", ""}, true
	default:
		return algorithm{}, false
	}
}

// verificationKey is a usable public key of a provider.
type verificationKey struct {
	id  string
	alg string // the only algorithm it is for; empty: any of its kind
	key any    // *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
}

// parseKeys reads a JSON Web Key Set and keeps the keys that may verify a signature; all others are passed over, as
// RFC 7517 §5 asks, so that one exotic key does not lock everybody out.
func parseKeys(body []byte) ([]verificationKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, errors.New("not a key set")
	}
	if len(set.Keys) > maxKeys {
		return nil, errors.New("too many keys")
	}
	var keys []verificationKey
	for _, raw := range set.Keys {
		if key, ok := parseKey(raw); ok {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

func parseKey(raw json.RawMessage) (verificationKey, bool) {
	var about struct {
		Operations []string `json:"key_ops"`
	}
	var jwk jose.JSONWebKey
	if json.Unmarshal(raw, &about) != nil || json.Unmarshal(raw, &jwk) != nil {
		return verificationKey{}, false
	}
	if jwk.Use != "" && jwk.Use != "sig" {
		return verificationKey{}, false
	}
	if about.Operations != nil && !slices.Contains(about.Operations, "verify") {
		return verificationKey{}, false
	}
	if jwk.Algorithm != "" {
		if _, ok := algorithmOf(jwk.Algorithm); !ok {
			return verificationKey{}, false
		}
	}
	if rsaKey, ok := jwk.Key.(*rsa.PublicKey); ok && rsaKey.N.BitLen() < minRSABits {
		return verificationKey{}, false
	}
	if kindOf(jwk.Key) == "" {
		return verificationKey{}, false
	}
	return verificationKey{id: jwk.KeyID, alg: jwk.Algorithm, key: jwk.Key}, true
}

// kindOf names the kind of a public key, empty for anything else, private keys included.
func kindOf(key any) string {
	switch key.(type) {
	case *rsa.PublicKey:
		return "RSA"
	case *ecdsa.PublicKey:
		return "EC"
	case ed25519.PublicKey:
		return "OKP"
	default:
		return ""
	}
}

// fits tells whether the key may verify a token with this header.
func (k *verificationKey) fits(alg, id string) bool {
	want, ok := algorithmOf(alg)
	if !ok || kindOf(k.key) != want.kind || (k.alg != "" && k.alg != alg) || (id != "" && k.id != id) {
		return false
	}
	if ec, ok := k.key.(*ecdsa.PublicKey); ok {
		return ec.Curve.Params().Name == want.curve
	}
	return true
}

var errSignature = errors.New("no key of the provider made this signature")

// keySet verifies one token; it is the gooidc.KeySet of one call.
type keySet struct {
	keys    *document[[]verificationKey]
	alg, id string // of the token's header
	payload []byte // once verified
	down    error  // the keys could not be had
}

// VerifySignature implements gooidc.KeySet. Keys that the provider published since the last look are taken from the ledger, where
// another node has seen them, or fetched, at most once in 30 seconds.
func (s *keySet) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	signed, err := jose.ParseSigned(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(s.alg)})
	if err != nil {
		return nil, errSignature
	}
	adopt := func(ctx context.Context) ([]verificationKey, error) {
		keys, _ := s.keys.adopt(ctx)
		return keys, nil
	}
	for _, get := range []func(context.Context) ([]verificationKey, error){s.keys.get, adopt, s.keys.getNewer} {
		keys, err := get(ctx)
		if err != nil {
			s.down = err
			return nil, err
		}
		tried := 0
		for i := range keys {
			if !keys[i].fits(s.alg, s.id) {
				continue
			}
			if tried++; tried > maxTried {
				break
			}
			if payload, err := signed.Verify(keys[i].key); err == nil {
				s.payload = payload
				return payload, nil
			}
		}
	}
	return nil, errSignature
}
