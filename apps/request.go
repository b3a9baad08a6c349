package apps

import (
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"domicile/directory"
	"domicile/fsm/state"
)

const (
	methodS256    = "S256"
	challengeSize = sha256.Size
	promptNone    = "none"
	promptLogin   = "login"
	promptSelect  = "select_account"

	// What comes back to the application, or is kept while a person signs in; all of it has to fit a cookie.
	maxState     = 2000
	maxNonce     = 300
	maxLoginHint = 254 // of an e-mail address, RFC 5321 §4.5.3.1
	maxMaxAge    = 10 * 365 * 24 * 3600
)

// request is an authorization request (OpenID Connect Core §3.1.2.1) of an application whose redirect URI it is. It is kept,
// sealed, in the browser while its person signs in.
type request struct {
	Application directory.ApplicationID `json:"app"`
	Redirect    string                  `json:"uri"`
	State       string                  `json:"state,omitempty"`
	Nonce       string                  `json:"nonce,omitempty"`
	Challenge   string                  `json:"pkce"`
	Scopes      []string                `json:"scopes"`
	Silent      bool                    `json:"silent,omitempty"` // prompt=none
	Again       bool                    `json:"again,omitempty"`  // prompt=login, or max_age=0, which is the same
	Choose      bool                    `json:"choose,omitempty"` // prompt=select_account
	MaxAge      int64                   `json:"age,omitempty"`    // max_age, in seconds; 0: no matter
	Subject     directory.ResourceID    `json:"sub,omitempty"`    // of id_token_hint: nobody else is meant
	Asked       directory.Time          `json:"iat"`              // when it first came
	Seq         uint64                  `json:"seq"`              // of the ledger then: newer sessions were opened for it
	Expires     directory.Time          `json:"exp"`
	hint        string                  // login_hint: only the first redirect to the sign-in page needs it
}

// register checks who asks and where the answer is to go. Until both are certain nobody but the person may be told anything.
func register(view *state.View, id directory.ApplicationID, redirect string) *Error {
	application, ok := view.Application(id)
	if !ok {
		return refuse(CodeInvalidClient, "there is no application with this client_id in this region")
	}
	if redirect == "" || !slices.Contains(application.RedirectURIs, redirect) {
		return refuse(CodeInvalidRequest, "redirect_uri is not one of those that were registered for this application")
	}
	return nil
}

// read takes everything else out of the parameters; what is wrong with it is for the application.
func (s *Service) read(view *state.View, values url.Values) (*request, *Error) {
	q := &request{
		Application: directory.ApplicationID(values.Get("client_id")), Redirect: values.Get("redirect_uri"),
		Nonce: values.Get("nonce"), Challenge: values.Get("code_challenge"),
		Asked: s.now(), Seq: view.Seq(), Expires: s.after(RequestLife), hint: values.Get("login_hint"),
	}
	if state := values.Get("state"); len(state) <= maxState {
		q.State = state
	} else {
		return q, refuse(CodeInvalidRequest, "state has more than "+strconv.Itoa(maxState)+" characters")
	}
	for _, fault := range []*Error{
		q.readForm(values), q.readScopes(values.Get("scope")), q.readPrompt(values.Get("prompt")), q.readMaxAge(values),
	} {
		if fault != nil {
			return q, fault
		}
	}
	if text := values.Get("id_token_hint"); text != "" {
		hint, ok := s.readHint(view, text)
		if !ok {
			return q, refuse(CodeInvalidRequest, "id_token_hint is not an ID token of this issuer")
		}
		q.Subject = hint.Subject
	}
	return q, nil
}

func (q *request) readForm(values url.Values) *Error {
	switch {
	case values.Has("request"):
		return refuse(CodeNoRequestObject, "request objects are not supported")
	case values.Has("request_uri"):
		return refuse(CodeNoRequestURI, "request_uri is not supported")
	case values.Get("response_type") != "code":
		return refuse(CodeUnsupportedResponse, "response_type must be code")
	case values.Has("response_mode") && values.Get("response_mode") != "query":
		return refuse(CodeInvalidRequest, "response_mode must be query")
	case len(q.Nonce) > maxNonce:
		return refuse(CodeInvalidRequest, "nonce has more than "+strconv.Itoa(maxNonce)+" characters")
	case len(q.hint) > maxLoginHint:
		q.hint = "" // it is a hint
	}
	// PKCE is for every application (RFC 9700 §2.1.1). Without a method the challenge would be the verifier itself (RFC 7636
	// §4.3), which protects nobody.
	if q.Challenge == "" || values.Get("code_challenge_method") != methodS256 {
		return refuse(CodeInvalidRequest, "code_challenge with code_challenge_method S256 is required")
	}
	if raw, err := base64.RawURLEncoding.Strict().DecodeString(q.Challenge); err != nil || len(raw) != challengeSize {
		return refuse(CodeInvalidRequest, "code_challenge must be a SHA-256 in base64url: 43 characters")
	}
	return nil
}

// readScopes keeps the scopes that mean something here; others are ignored (OpenID Connect Core §3.1.2.1).
func (q *request) readScopes(text string) *Error {
	asked := strings.Fields(text)
	for _, scope := range []string{scopeOpenID, scopeProfile, scopeEmail} {
		if slices.Contains(asked, scope) {
			q.Scopes = append(q.Scopes, scope)
		}
	}
	if !slices.Contains(q.Scopes, scopeOpenID) {
		return refuse(CodeInvalidScope, "scope must contain openid")
	}
	return nil
}

// readPrompt knows none, login and select_account. Nobody is asked for consent, because applications are the operator's own.
func (q *request) readPrompt(text string) *Error {
	prompts := strings.Fields(text)
	for _, prompt := range prompts {
		switch prompt {
		case promptNone:
			q.Silent = true
		case promptLogin:
			q.Again = true
		case promptSelect:
			q.Choose = true
		case "consent":
		default:
			return refuse(CodeInvalidRequest, "prompt must be none, login or select_account")
		}
	}
	if q.Silent && len(prompts) > 1 {
		return refuse(CodeInvalidRequest, "prompt none stands alone")
	}
	return nil
}

func (q *request) readMaxAge(values url.Values) *Error {
	if !values.Has("max_age") {
		return nil
	}
	age, err := strconv.ParseInt(values.Get("max_age"), 10, 64)
	if err != nil || age < 0 || age > maxMaxAge {
		return refuse(CodeInvalidRequest, "max_age must be a number of seconds")
	}
	q.MaxAge, q.Again = age, q.Again || age == 0
	return nil
}

// demand is what the sign-in for a request has to be.
func (q *request) demand() Demand { return Demand{Login: q.Again, Select: q.Choose, MaxAge: q.MaxAge} }

// clockSkew is tolerated between an identity provider's clock, which stamped auth_time, and ours.
const clockSkew = directory.Time(60_000_000)

// opened tells whether a session was opened since the request came.
func (q *request) opened(session *directory.Session) bool { return session.Seq > q.Seq }

// suits tells whether a session answers the request. Whoever took out of the browser what the request demands gets a session
// that does not.
func (q *request) suits(who Who) bool {
	isNew, slack := q.opened(who.Session), directory.Time(0)
	if isNew {
		slack = clockSkew
	}
	authed := knownAuthTime(who.Session)
	switch {
	case q.Subject != "" && q.Subject != who.User.ID:
		return false
	case (q.Again || q.Choose) && !isNew:
		return false
	case q.Again && authed < q.Asked-slack:
		return false
	}
	return q.MaxAge == 0 || authed >= q.Asked-directory.Time(q.MaxAge)*1_000_000-slack
}

// answer gives the address of an authorization response: what the application sent as its state is echoed, and the issuer says
// who answers (RFC 9207 §2).
func (s *Service) answer(q *request, values url.Values) string {
	if q.State != "" {
		values.Set("state", q.State)
	}
	values.Set("iss", s.issuer)
	return withQuery(q.Redirect, values)
}

// withQuery adds parameters to a registered address, which has no fragment.
func withQuery(address string, values url.Values) string {
	switch {
	case len(values) == 0:
		return address
	case strings.HasSuffix(address, "?"):
		return address + values.Encode()
	case strings.Contains(address, "?"):
		return address + "&" + values.Encode()
	}
	return address + "?" + values.Encode()
}

// toApplication gives an error the address that tells the application.
func (s *Service) toApplication(q *request, e *Error) *Error {
	e.Redirect = s.answer(q, url.Values{"error": {string(e.Code)}, "error_description": {e.Detail}})
	return e
}
