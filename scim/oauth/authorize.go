package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/url"

	"domicile/directory"
	"domicile/fsm/state"
)

const (
	methodS256    = "S256"
	challengeSize = sha256.Size
	maxState      = 4000
)

// parameters are those of an authorization request that the page sends back when the person has decided.
var parameters = []string{
	"response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method",
}

// What the page adds to them.
const (
	// FieldApproval carries what Approve made.
	FieldApproval = "approval"
	// FieldDeny refuses, whatever its value.
	FieldDeny = "deny"
)

// Question is an authorization request that a person can decide.
type Question struct {
	Organization string     // its name
	Client       string     // its name
	Redirect     *url.URL   // where the answer will go; its host is worth showing
	Parameters   url.Values // to be sent back with the decision

	client    *directory.Client
	named     bool
	challenge string
}

// Authorize checks an authorization request (RFC 6749 §4.1.1). Errors: *Error, with Redirect where the client may be told;
// KindUnavailable.
func (s *Service) Authorize(ctx context.Context, values url.Values) (q *Question, err error) {
	defer s.count("authorize", &err)
	view, err := s.view(ctx)
	if err != nil {
		return nil, err
	}
	return s.question(view, values)
}

// ErrApproval says that an approval is not good, and that another one may be entered.
var ErrApproval = directory.Errorf(directory.KindForbidden, FieldApproval,
	"this approval code is not accepted: it is of another client, was used before, or is older than %d minutes", int(ApprovalLife.Minutes()))

// Decide answers an authorization request with what a person decided on the page: it gives the address that the browser is
// to go to, with a code or with access_denied. Errors are those of Authorize, and ErrApproval.
func (s *Service) Decide(ctx context.Context, values url.Values) (location string, err error) {
	defer s.count("decide", &err)
	view, err := s.view(ctx)
	if err != nil {
		return "", err
	}
	q, err := s.question(view, values)
	if err != nil {
		return "", err
	}
	if values.Has(FieldDeny) {
		return "", s.redirected(q, refuse(CodeAccessDenied, "the owner did not approve"))
	}
	var a approval
	err = openFor(s.approvals, q.client, values.Get(FieldApproval), &a)
	if err != nil || s.now() >= a.Expires || view.TransactionUsed(a.used()) {
		return "", ErrApproval
	}
	sum := sha256.Sum256([]byte(q.Redirect.String()))
	text, err := sealFor(s.codes, q.client, code{
		Approval: a, Redirect: sum[:], Named: q.named, Challenge: q.challenge,
		Expires: s.now() + directory.Time(CodeLife.Microseconds()),
	})
	return s.answer(q, url.Values{"code": {text}}), err
}

// question checks everything about the request. What is wrong before the redirect URI is known to be the client's is for
// the person; what is wrong after is for the client.
func (s *Service) question(view *state.View, values url.Values) (*Question, error) {
	if err := once(values); err != nil {
		return nil, err
	}
	client, ok := view.Client(directory.ClientID(values.Get("client_id")))
	if !ok {
		return nil, refuse(CodeInvalidClient, "there is no client with this client_id in this region")
	}
	redirect, err := redirectOf(client, values.Get("redirect_uri"))
	if err != nil {
		return nil, err
	}
	q := &Question{
		Client: client.Name, Redirect: redirect, Parameters: make(url.Values), client: client,
		named: values.Get("redirect_uri") != "", challenge: values.Get("code_challenge"),
	}
	for _, name := range parameters {
		if values.Has(name) {
			q.Parameters.Set(name, values.Get(name))
		}
	}
	if len(values.Get("state")) > maxState {
		q.Parameters.Del("state")
		return nil, s.redirected(q, refuse(CodeInvalidRequest, "state must have at most %d characters", maxState))
	}
	if fault := answerable(values); fault != nil {
		return nil, s.redirected(q, fault)
	}
	if fault := served(view, client.Organization); fault != nil {
		return nil, s.redirected(q, fault)
	}
	d, _ := view.Directory(client.Organization)
	q.Organization = d.Organization().Name
	return q, nil
}

// redirectOf gives the redirect URI, which must be one of the client's, byte by byte (RFC 9700 §2.1). A client that has
// only one need not name it (RFC 6749 §3.1.2.3).
func redirectOf(c *directory.Client, uri string) (*url.URL, error) {
	if uri == "" && len(c.RedirectURIs) == 1 {
		uri = c.RedirectURIs[0]
	}
	if !c.Redirects(uri) {
		return nil, refuse(CodeInvalidRequest, "redirect_uri is not one of those that were registered for this client")
	}
	parsed, err := url.Parse(uri)
	if err != nil {
		return nil, refuse(CodeInvalidRequest, "redirect_uri is no address")
	}
	return parsed, nil
}

// answerable checks what the client asks for.
func answerable(values url.Values) *Error {
	if values.Get("response_type") != "code" {
		return refuse(CodeUnsupportedResponse, "response_type must be code")
	}
	challenge, method := values.Get("code_challenge"), values.Get("code_challenge_method")
	if challenge == "" && method == "" {
		return nil
	}
	// Without a method the challenge would be the verifier itself (RFC 7636 §4.3), which protects nobody.
	if method != methodS256 {
		return refuse(CodeInvalidRequest, "code_challenge_method must be S256")
	}
	if raw, err := base64.RawURLEncoding.Strict().DecodeString(challenge); err != nil || len(raw) != challengeSize {
		return refuse(CodeInvalidRequest, "code_challenge must be a SHA-256 in base64url: 43 characters")
	}
	return nil
}

// redirected gives an error the address that tells the client.
func (s *Service) redirected(q *Question, e *Error) *Error {
	e.Redirect = s.answer(q, url.Values{"error": {string(e.Code)}, "error_description": {e.Detail}})
	return e
}

// answer gives the address of an authorization response: what the client sent as its state is echoed, and the issuer says
// who answers (RFC 9207 §2).
func (s *Service) answer(q *Question, values url.Values) string {
	if q.Parameters.Has("state") {
		values.Set("state", q.Parameters.Get("state"))
	}
	values.Set("iss", s.Region.URL)
	location := *q.Redirect
	if location.RawQuery != "" {
		location.RawQuery += "&"
	}
	location.RawQuery += values.Encode()
	return location.String()
}
