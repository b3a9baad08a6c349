package apps

import "domicile/directory"

// Code is an error code of RFC 6749 §4.1.2.1 and §5.2, OpenID Connect Core §3.1.2.6 and RFC 6750 §3.1.
type Code string

// The codes.
const (
	CodeInvalidRequest      Code = "invalid_request"
	CodeInvalidClient       Code = "invalid_client"
	CodeInvalidGrant        Code = "invalid_grant"
	CodeInvalidScope        Code = "invalid_scope"
	CodeInvalidToken        Code = "invalid_token"
	CodeUnsupportedGrant    Code = "unsupported_grant_type"
	CodeUnsupportedResponse Code = "unsupported_response_type"
	CodeAccessDenied        Code = "access_denied"
	CodeLoginRequired       Code = "login_required"
	CodeUnavailable         Code = "temporarily_unavailable"
	CodeNoRequestObject     Code = "request_not_supported"
	CodeNoRequestURI        Code = "request_uri_not_supported"
)

// Error is a refusal in the words of OAuth 2.0. Anything else that a Service returns is a *directory.Error, most often
// KindUnavailable.
type Error struct {
	Code   Code
	Detail string // a fixed sentence for who made the application; printable ASCII without quotation marks and backslashes
	// Redirect is where the browser takes the error. Empty: the redirect URI is not known to be the application's own, so the
	// person has to be told (RFC 6749 §4.1.2.1).
	Redirect string
}

// Error implements error.
func (e *Error) Error() string { return string(e.Code) + ": " + e.Detail }

func refuse(code Code, detail string) *Error { return &Error{Code: code, Detail: detail} }

// outcomeOf names an error in metrics; nil is "ok".
func outcomeOf(err error) string {
	switch e := err.(type) { //nolint:errorlint // both are made here or by the ledger and not wrapped
	case nil:
		return "ok"
	case *Error:
		return string(e.Code)
	}
	return directory.KindOf(err).String()
}
