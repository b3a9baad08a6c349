package seal

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// crypto/rand.Read never fails: it fills the slice or crashes the process. So nothing here returns an error.

// NewID returns a random UUID, version 4 (RFC 9562): 36 characters in lower case.
func NewID() string {
	var id [16]byte
	_, _ = rand.Read(id[:])
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80

	var text [36]byte
	hex.Encode(text[0:8], id[0:4])
	hex.Encode(text[9:13], id[4:6])
	hex.Encode(text[14:18], id[6:8])
	hex.Encode(text[19:23], id[8:10])
	hex.Encode(text[24:36], id[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}

// NewRequestID returns 128 random bits that name one write across all its retries.
func NewRequestID() [16]byte {
	var id [16]byte
	_, _ = rand.Read(id[:])
	return id
}

// RandomText returns n random bytes as base64url without padding: an OIDC state or nonce, a PKCE verifier (RFC 7636
// wants 43 to 128 characters: n = 32 gives 43).
func RandomText(n int) string {
	raw := make([]byte, n)
	_, _ = rand.Read(raw)
	return base64.RawURLEncoding.EncodeToString(raw)
}

// RandomWord returns n random bytes as lower-case base32 without padding, for texts that people copy and letter case may
// not survive: a DNS record.
func RandomWord(n int) string {
	raw := make([]byte, n)
	_, _ = rand.Read(raw)
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(raw))
}
