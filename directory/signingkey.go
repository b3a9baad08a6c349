package directory

import "domicile/seal"

// KeyUse is what a signing key of the region is for: a signature made for one use never counts for another.
type KeyUse string

const (
	// KeyIDToken signs ID tokens and logout tokens for applications.
	KeyIDToken KeyUse = "id_token"
	// KeyClientAssertion signs the client assertions of private_key_jwt.
	KeyClientAssertion KeyUse = "client_assertion"
)

// Valid tells whether u is one of the uses.
func (u KeyUse) Valid() bool { return u == KeyIDToken || u == KeyClientAssertion }

// SigningKey is an ES256 key of the region. It is published from its Created on, signs from an hour later on, so that those
// who keep key sets know it by then, and stays published for a day after the next key signs.
type SigningKey struct {
	ID      string // kid
	Use     KeyUse
	Private seal.Sealed // PKCS #8 PEM; place: organization "", row = kid, field = "signing_key"
	Public  string      // JWK, canonical JSON
	Created Time
}

const (
	// KeyLife is the age of the newest key at which another one is made.
	KeyLife = 30 * day
	// MaxSigningKeys bounds the keys of one use; the oldest goes.
	MaxSigningKeys = 4
	// MaxSigningKeyText bounds the id and each half of a key, in bytes.
	MaxSigningKeyText = 4096

	keyAhead   = hour
	keyOverlap = day
)

// Signer picks, of the keys of one use with the oldest first, the one to sign with now. The first key of all signs at once.
func Signer(keys []*SigningKey, now Time) (*SigningKey, bool) {
	for i := len(keys) - 1; i >= 0; i-- {
		if now >= keys[i].Created+keyAhead || i == 0 {
			return keys[i], true
		}
	}
	return nil, false
}

// Published picks, of the keys of one use with the oldest first, those whose signatures may still be checked.
func Published(keys []*SigningKey, now Time) []*SigningKey {
	for i := range keys {
		if i+1 == len(keys) || now < keys[i+1].Created+keyAhead+keyOverlap {
			return keys[i:]
		}
	}
	return nil
}
