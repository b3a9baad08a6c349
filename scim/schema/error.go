package schema

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// The scimType words of RFC 7644 §3.12 Table 9 and RFC 9865 §2.1.
const (
	InvalidFilter = "invalidFilter"
	TooMany       = "tooMany"
	Uniqueness    = "uniqueness"
	Mutability    = "mutability"
	InvalidSyntax = "invalidSyntax"
	InvalidPath   = "invalidPath"
	NoTarget      = "noTarget"
	InvalidValue  = "invalidValue"
	InvalidVers   = "invalidVers"
	Sensitive     = "sensitive"
	InvalidCursor = "invalidCursor"
	ExpiredCursor = "expiredCursor"
	InvalidCount  = "invalidCount"
)

// Error says what a client must change for its request to be accepted. It is a
// 400 answer unless the door knows better (uniqueness is 409).
type Error struct {
	// ScimType is one of the words above.
	ScimType string
	// Detail is written for an identity provider's administrator who sees
	// nothing else: it names the attribute, the value (never a secret) and the
	// rule.
	Detail string
	// Path is the attribute concerned in the form of RFC 7644 §3.10, or empty.
	Path string
}

// Error gives the detail, with the scimType in front.
func (e *Error) Error() string { return e.ScimType + ": " + e.Detail }

// Fail builds an Error; format and args make the detail.
func Fail(scimType, path, format string, args ...any) *Error {
	return &Error{ScimType: scimType, Path: path, Detail: fmt.Sprintf(format, args...)}
}

// quoteLimit bounds how much of a client's text an error or a courtesy repeats.
const quoteLimit = 80

// Quote shows a client's text in an error: quoted, and cut when it is long.
func Quote(s string) string {
	return fmt.Sprintf("%q", clip(s))
}

func clip(s string) string {
	if len(s) <= quoteLimit {
		return s
	}
	cut := quoteLimit
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return strings.Clone(s[:cut]) + "…"
}
