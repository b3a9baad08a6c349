package oidc

import (
	"cmp"
	"context"
	"crypto/subtle"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"domicile/directory"
	"domicile/fsm/state"
	"domicile/seal"
)

const (
	maxCallback = 8 << 10 // bytes of all parameters
	maxOpenings = 3       // of a session whose connection is being changed
)

// Callback is what a browser brought back.
type Callback struct {
	Connection directory.ConnectionID // of the path; empty: it came to the shared address
	Values     url.Values             // of the query, or of the form that was posted
	Cookies    []*http.Cookie
	UserAgent  string // of the browser, of which its family is kept
	Address    string // of the browser
}

// SignedIn is a finished sign-in.
type SignedIn struct {
	SessionToken      seal.Secret // for the cookie SessionCookie
	Session           directory.SessionID
	Lifetime          time.Duration // of the session, and of the cookie
	User              *directory.User
	Organization      directory.OrganizationID
	ReturnTo          string // a path on this origin
	TransactionCookie string // to delete
	LogoutHint        string // for the cookie HintCookie, as long as the session lives; empty: none
}

// Finish ends a sign-in: it judges the callback, exchanges the code, verifies the ID token, finds the user and opens a
// session. The order of the checks is that of increasing trust; nothing is sent to the provider for a callback that this
// browser did not begin. The error is a *Refusal; a session that the browser had before is closed on success only.
func (s *Service) Finish(ctx context.Context, callback Callback) (SignedIn, error) {
	done, refusal := s.finish(ctx, callback)
	s.deps.Metrics.signins.WithLabelValues(outcome(refusal)).Inc()
	if refusal != nil {
		s.logRefusal(ctx, "sign-in refused", refusal, cmp.Or(refusal.Connection, callback.Connection))
		s.recordRefusal(ctx, refusal, callback.Connection, directory.SignIn{
			Way: directory.WayProvider, Agent: AgentOf(callback.UserAgent), Address: callback.Address,
		})
		return SignedIn{}, refusal
	}
	for _, cookie := range callback.Cookies {
		if cookie.Name == s.SessionCookie() {
			_ = s.Close(ctx, cookie.Value) // the browser no longer has it; if this fails it ends by its age
		}
	}
	return done, nil
}

// TransactionCookie names the cookie of the sign-in that a callback belongs to, so that it can be deleted whatever became
// of it.
func (s *Service) TransactionCookie(values url.Values) string {
	return s.transactionCookie(values.Get("state"))
}

func (s *Service) finish(ctx context.Context, callback Callback) (SignedIn, *Refusal) {
	if !wellFormed(callback.Values) {
		return SignedIn{}, refuse(ReasonRequest, nil)
	}
	t, refusal := s.recall(callback)
	if refusal != nil {
		return SignedIn{}, refusal
	}
	done, refusal := s.finishTransaction(ctx, callback, t)
	if refusal != nil {
		refusal.Connection, refusal.ReturnTo, refusal.Spent = t.Connection, t.ReturnTo, s.spent.holds(t.ID)
		return SignedIn{}, refusal.by(t.Connection)
	}
	s.deps.Logger.InfoContext(ctx, "signed in", slog.String("organization", string(done.Organization)),
		slog.String("connection", string(t.Connection)), slog.String("session", string(done.Session)))
	return done, nil
}

func (s *Service) finishTransaction(ctx context.Context, callback Callback, t *transaction) (SignedIn, *Refusal) {
	connection, refusal := s.unchanged(ctx, t)
	if refusal != nil {
		return SignedIn{}, refusal
	}
	meta, refusal := s.providers.metadata(ctx, t.Issuer)
	if refusal != nil {
		return SignedIn{}, refusal
	}
	if refusal := judgeResponse(callback.Values, meta, connection.NamesIssuer); refusal != nil {
		return SignedIn{}, refusal
	}
	id, refusal := s.authenticate(ctx, connection, meta, t, callback.Values.Get("code"))
	if refusal != nil {
		return SignedIn{}, refusal
	}
	if id.at == 0 && t.Fresh { // it does not say when, but did it for this sign-in
		id.at = s.deps.Now().Unix()
	}
	for range maxOpenings {
		if refusal := s.keepsTo(ctx, connection, id.signed); refusal != nil {
			return SignedIn{}, refusal
		}
		admitted, refusal := s.admit(ctx, connection, &id)
		if refusal != nil {
			return SignedIn{}, refusal
		}
		done, refusal := s.open(ctx, opening{
			connection: connection, transaction: t, identity: &id, admission: admitted,
			agent: AgentOf(callback.UserAgent), address: callback.Address,
		})
		if refusal == nil || refusal.Reason != ReasonConnectionChanged {
			return done, refusal
		}
		// The ledger goes by the connection's version. What this sign-in depends on may be as it was; whom it admits is judged anew.
		if connection, refusal = s.unchanged(ctx, t); refusal != nil {
			return SignedIn{}, refusal
		}
	}
	return SignedIn{}, refuse(ReasonConnectionChanged, nil)
}

// wellFormed refuses what no honest provider sends: a parameter twice, tokens in the front channel, too much of it.
func wellFormed(values url.Values) bool {
	size := 0
	for name, list := range values {
		for _, value := range list {
			size += len(name) + len(value)
		}
	}
	if size > maxCallback {
		return false
	}
	for _, name := range []string{"code", "state", "iss", "error"} {
		if len(values[name]) > 1 {
			return false
		}
	}
	for _, name := range []string{"id_token", "access_token", "response"} {
		if values.Has(name) {
			return false
		}
	}
	return values.Get("state") != ""
}

// recall finds the transaction that this browser began.
func (s *Service) recall(callback Callback) (*transaction, *Refusal) {
	given := callback.Values.Get("state")
	name := s.transactionCookie(given)
	value, found := "", false
	for _, cookie := range callback.Cookies {
		if cookie.Name == name {
			value, found = cookie.Value, true
			break
		}
	}
	if !found {
		return nil, refuse(ReasonTransactionMissing, nil)
	}
	t, err := s.openTransaction(name, value)
	if err != nil {
		return nil, refuse(ReasonTransactionInvalid, err)
	}
	if t.expired(s.deps.Now()) {
		return nil, refuse(ReasonTransactionExpired, nil).by(t.Connection)
	}
	if subtle.ConstantTimeCompare([]byte(t.State), []byte(given)) != 1 {
		return nil, refuse(ReasonTransactionInvalid, nil).by(t.Connection)
	}
	// The address that was asked for is the one that was called, be it a connection's own or the shared one.
	called := s.SharedRedirectURI()
	if callback.Connection != "" {
		called = s.RedirectURI(callback.Connection)
	}
	if t.RedirectURI != called {
		return nil, refuse(ReasonOtherConnection, nil).by(t.Connection)
	}
	return t, nil
}

// unchanged gives the transaction's connection if the sign-in can rely on it as when it began, and the transaction was not
// used since. The ledger has the last word on both; here they spare the provider a code that buys nothing.
func (s *Service) unchanged(ctx context.Context, t *transaction) (*directory.Connection, *Refusal) {
	// Confirmed, because another node may have begun, or finished, this sign-in; and because a node that is cut off must
	// not use up the code.
	view, err := s.deps.Viewer.View(ctx, state.Confirmed())
	if err != nil {
		return nil, refuse(ReasonUnavailable, err)
	}
	if view.TransactionUsed(seal.HashToken(t.ID)) {
		return nil, refuse(ReasonReplayed, nil)
	}
	connection, ok := view.Connection(t.Connection)
	if !ok || !connection.Enabled || !t.begunThrough(connection) || connection.Issuer != t.Issuer ||
		t.RedirectURI != s.redirectURI(connection) {
		return nil, refuse(ReasonConnectionChanged, nil)
	}
	if !planned(view, connection) {
		return nil, refuse(ReasonPlan, nil)
	}
	return connection, nil
}

// judgeResponse checks who answers (RFC 9207 §2.4) before it looks at what the answer is. A provider that is bound to name
// itself cannot get out of it by announcing it no more.
func judgeResponse(values url.Values, meta *metadata, bound bool) *Refusal {
	issuer := values.Get("iss")
	if (values.Has("iss") || meta.SendsIssuer || bound) && issuer != meta.Issuer {
		return refuse(ReasonResponseIssuer, nil)
	}
	if values.Has("error") {
		failure := directory.ProviderProfileOf(meta.Issuer).Failure(values.Get("error_description"))
		refusal := refuse(failures[failure], nil)
		refusal.Provider = knownError(values.Get("error"))
		return refusal
	}
	if values.Get("code") == "" {
		return refuse(ReasonRequest, nil)
	}
	return nil
}

// authenticate exchanges the code and verifies what it bought.
func (s *Service) authenticate(ctx context.Context, connection *directory.Connection, meta *metadata, t *transaction, code string) (identity, *Refusal) {
	p := s.providers.of(connection.Issuer)
	leave, ok := p.enter()
	if !ok {
		return identity{}, refuse(ReasonProviderBusy, nil)
	}
	defer leave()
	tokens, refusal := s.exchange(ctx, connection, meta, t, code)
	if refusal != nil {
		return identity{}, refusal
	}
	raw, ok := tokens.Extra("id_token").(string)
	if !ok {
		return identity{}, refuse(ReasonTokenForm, nil)
	}
	meta = p.announcement(ctx, connection, meta, raw)
	claims, alg, refusal := s.verifyToken(ctx, p, raw, expectation{
		issuer: t.Issuer, clientID: connection.ClientID, nonce: t.Nonce, algorithms: meta.Algorithms,
		started: t.started(), accessToken: tokens.AccessToken, code: code,
		maxAge: connection.MaxAge, contexts: connection.ACRValues,
	})
	if refusal != nil {
		return identity{}, refusal
	}
	peculiar := directory.ProviderProfileOf(connection.Issuer)
	id := identityOf(claims, peculiar)
	id.signed = signature{alg, meta.Algorithms}
	if meta.EndSessionEndpoint != "" {
		id.token = raw
	}
	if !id.complete() {
		if refusal := s.askUserinfo(ctx, meta, &id, peculiar, tokens.AccessToken); refusal != nil {
			return identity{}, refusal
		}
	}
	return id, nil
}

// knownError keeps an error code of OAuth 2.0 (RFC 6749 §4.1.2.1) or OpenID Connect (Core §3.1.2.6); all else is "other".
func knownError(code string) string {
	switch code {
	case "access_denied", "invalid_request", "unauthorized_client", "unsupported_response_type", "invalid_scope",
		"server_error", "temporarily_unavailable", "interaction_required", "login_required", "account_selection_required",
		"consent_required", "request_not_supported", "invalid_request_object":
		return code
	default:
		return "other"
	}
}

// failures has the reason of each failure that a provider names in words of its own.
var failures = map[directory.ProviderFailure]Reason{
	directory.FailureUnknown:       ReasonProviderRefused,
	directory.FailureNotAssigned:   ReasonProviderNotAssigned,
	directory.FailureAccount:       ReasonProviderAccount,
	directory.FailureConsent:       ReasonProviderConsent,
	directory.FailureSecretExpired: ReasonClientSecretExpired,
	directory.FailureSecretWrong:   ReasonClientSecret,
}
