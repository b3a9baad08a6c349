package oauth

import (
	"fmt"
	"strings"
)

// Code is an error code of RFC 6749 §4.1.2.1 and §5.2, RFC 7009 §2.2.1.
type Code string

// The codes.
const (
	CodeInvalidRequest      Code = "invalid_request"
	CodeInvalidClient       Code = "invalid_client"
	CodeInvalidGrant        Code = "invalid_grant"
	CodeUnauthorizedClient  Code = "unauthorized_client"
	CodeUnsupportedGrant    Code = "unsupported_grant_type"
	CodeUnsupportedResponse Code = "unsupported_response_type"
	CodeUnsupportedToken    Code = "unsupported_token_type"
	CodeAccessDenied        Code = "access_denied"
)

// Error is a refusal in the words of OAuth 2.0. Anything else that a Service returns is a *directory.Error, most often
// KindUnavailable.
type Error struct {
	Code   Code
	Detail string // a sentence for the administrator; printable ASCII without quotation marks and backslashes
	// Redirect is where the browser takes the error. Empty: the client's redirect URI is not known to be its own, so the
	// person has to be told (RFC 6749 §4.1.2.1).
	Redirect string
}

// Error implements error.
func (e *Error) Error() string { return string(e.Code) + ": " + e.Detail }

func refuse(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Detail: strings.Map(printable, fmt.Sprintf(format, args...))}
}

// printable keeps what an error_description may hold.
func printable(r rune) rune {
	switch {
	case r == '"' || r == '\\':
		return '\''
	case r < ' ' || r > '~':
		return '?'
	}
	return r
}
