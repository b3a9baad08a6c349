package local

import (
	"encoding/binary"
	"fmt"
	"strings"

	"domicile/directory"
	"domicile/seal"
)

// A recovery code is 100 random bits as 20 letters and digits of base32 (RFC 4648 §6), in four groups. Such a code cannot
// be guessed, so a plain hash of it is enough (as of all tokens of ours).
const (
	recoveryBytes = 13 // a little more than 100 bits
	recoveryChars = 20
	recoveryGroup = 5
)

// newRecoveryCodes makes a set of recovery codes and their hashes.
func newRecoveryCodes() ([]seal.Secret, []directory.Hash) {
	codes := make([]seal.Secret, directory.MaxRecoveryCodes)
	hashes := make([]directory.Hash, len(codes))
	for i := range codes {
		code := strings.ToUpper(seal.RandomWord(recoveryBytes))[:recoveryChars]
		hashes[i] = recoveryHash(code)
		var groups []string
		for at := 0; at < recoveryChars; at += recoveryGroup {
			groups = append(groups, code[at:at+recoveryGroup])
		}
		codes[i] = seal.NewSecret(strings.Join(groups, "-"))
	}
	return codes, hashes
}

func recoveryHash(code string) directory.Hash { return seal.HashToken("recovery code " + code) }

// misread are digits that base32 does not have, and the letters that were meant.
var misread = strings.NewReplacer("0", "O", "1", "I", "8", "B")

// foldRecovery reads a recovery code as a person types it; empty if it cannot be one.
func foldRecovery(typed string) string {
	code := misread.Replace(strings.ToUpper(strip(typed)))
	if len(code) != recoveryChars || strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" {
		return ""
	}
	return code
}

// mailedDigits is the length of a code that is mailed.
const mailedDigits = 8

// newMailedCode makes a code of eight digits. That 2^64 is no multiple of 10^8 favours no code by more than 2^-37.
func newMailedCode() string {
	random := seal.NewRequestID()
	return fmt.Sprintf("%0*d", mailedDigits, binary.BigEndian.Uint64(random[:8])%100_000_000)
}

// foldMailedCode reads a code as a person types it; empty if it cannot be one.
func foldMailedCode(typed string) string {
	code := strip(typed)
	if len(code) != mailedDigits || strings.Trim(code, "0123456789") != "" {
		return ""
	}
	return code
}

// strip takes away what people put between groups.
func strip(typed string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r == '\u00a0' || r == '\t' || r == '\n' || r == '\r' {
			return -1
		}
		return r
	}, typed)
}
