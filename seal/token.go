package seal

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"hash/crc32"
	"strings"
)

const (
	base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

	tokenChars    = 43 // 62^43 > 2^256
	checksumChars = 6  // 62^6 > 2^32

	// tokenScheme opens every token of ours, so that secret scanners recognise one.
	tokenScheme = "dom_"
)

// MintToken makes a token and its hash. The token is prefix ("dom_us_"), 43 random base62 characters (256 bits) and 6
// base62 characters of CRC-32 over everything before them, with which a secret scanner tells a token from a look-alike
// without asking us. Show the token once, store the hash.
func MintToken(prefix string) (Secret, [32]byte) {
	body := prefix + randomBase62(tokenChars)
	token := body + checksum(body)
	return NewSecret(token), HashToken(token)
}

// HashToken returns the SHA-256 of the whole token. A fast hash is enough: tokens are 256 random bits, not passwords.
func HashToken(s string) [32]byte { return sha256.Sum256([]byte(s)) }

// EqualHash compares two token hashes in constant time.
func EqualHash(a, b [32]byte) bool { return subtle.ConstantTimeCompare(a[:], b[:]) == 1 }

// TokenRegion reads the region out of "dom_{region}_…" without looking anything up, so that a request that came to the
// wrong region can be told the right one. It says nothing about whether the token is valid.
func TokenRegion(s string) (region string, ok bool) {
	rest, ok := strings.CutPrefix(s, tokenScheme)
	if !ok {
		return "", false
	}
	region, _, ok = strings.Cut(rest, "_")
	if !ok || !validLabel(region) {
		return "", false
	}
	return region, true
}

// randomBase62 draws n characters evenly: a byte of 248 (4 × 62) or more is thrown away, as it would favour the first
// letters.
func randomBase62(n int) string {
	text := make([]byte, 0, n)
	var pool [64]byte
	for {
		_, _ = rand.Read(pool[:])
		for _, b := range pool {
			if b >= 4*62 {
				continue
			}
			text = append(text, base62[b%62])
			if len(text) == n {
				return string(text)
			}
		}
	}
}

// checksum is the CRC-32 (IEEE) of s in base62, most significant digit first, padded with zeros.
func checksum(s string) string {
	sum := crc32.ChecksumIEEE([]byte(s))
	var digits [checksumChars]byte
	for i := checksumChars - 1; i >= 0; i-- {
		digits[i] = base62[sum%62]
		sum /= 62
	}
	return string(digits[:])
}
