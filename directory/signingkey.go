package directory

import (
	"slices"

	"domicile/seal"
)

// KeyUse is what a signing key of the region is for: a signature made for one use never counts for another.
type KeyUse string

const (
	// KeyIDToken signs ID tokens and logout tokens for applications.
	KeyIDToken KeyUse = "id_token"
	// KeyClientAssertion signs the client assertions of private_key_jwt, for providers that fetch our keys.
	KeyClientAssertion KeyUse = "client_assertion"
	// KeyCertificate signs them for providers that had our certificate uploaded.
	KeyCertificate KeyUse = "client_certificate"
)

// KeyUses lists the uses.
func KeyUses() []KeyUse { return []KeyUse{KeyIDToken, KeyClientAssertion, KeyCertificate} }

// Valid tells whether u is one of the uses.
func (u KeyUse) Valid() bool { return slices.Contains(KeyUses(), u) }

// Life is the age of the newest key of a use at which another one is made.
func (u KeyUse) Life() Time {
	if u == KeyCertificate {
		return CertificateLife - certificateOverlap
	}
	return keyLife
}

// SigningKey is a key of the region: ES256, but PS256 for KeyCertificate. An ES256 key is published from its Created on,
// signs from an hour later on, so that those who keep key sets know it by then, and stays published for a day after the next
// key signs. What a certificate's key does, Certified tells.
type SigningKey struct {
	ID      string // kid
	Use     KeyUse
	Private seal.Sealed // PKCS #8 PEM; place: organization "", row = kid, field = "signing_key"
	Public  string      // JWK, canonical JSON; with x5c and x5t#S256 where there is a certificate
	Created Time
}

const (
	// CertificateLife is how long the certificate of a key of KeyCertificate is valid.
	CertificateLife = 2 * 365 * day
	// MaxSigningKeys bounds the keys of one use; the oldest goes.
	MaxSigningKeys = 4
	// MaxSigningKeyText bounds the id and each half of a key, in bytes.
	MaxSigningKeyText = 4096

	keyLife    = 30 * day
	keyAhead   = hour
	keyOverlap = day

	certificateOverlap = 180 * day // for owners to upload the next certificate
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

// Certified picks, of the keys of KeyCertificate with the oldest first, those whose certificates are valid, the newest first:
// at most two. People upload certificates when they find the time, so a provider may still have the older one only.
func Certified(keys []*SigningKey, now Time) []*SigningKey {
	var certified []*SigningKey
	for _, key := range slices.Backward(keys) {
		if len(certified) < 2 && now < key.Created+CertificateLife {
			certified = append(certified, key)
		}
	}
	return certified
}

// CertifiedFor gives the keys of Certified in the order in which to try them at a connection's provider. Nobody knows which
// certificate is there; it is likely to be the one of the time when the connection was made, unless its owner has told an end
// that the older one does not reach.
func CertifiedFor(c *Connection, keys []*SigningKey, now Time) []*SigningKey {
	certified := Certified(keys, now)
	if len(certified) < 2 {
		return certified
	}
	newest, older := certified[0], certified[1]
	renewed := c.SecretExpires > older.Created+CertificateLife+certificateOverlap
	if c.Created < newest.Created && !renewed {
		return []*SigningKey{older, newest}
	}
	return certified
}
