package oidc

import (
	"context"
	"crypto/subtle"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/oauth2"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/seal"
)

const (
	maxCallback = 8 << 10 // bytes of all parameters
	// rememberSlack keeps a used transaction beyond its own expiry, so that clocks that differ cannot revive it.
	rememberSlack = 5 * time.Minute
)

// Callback is what a browser brought back.
type Callback struct {
	Connection directory.ConnectionID // of the path
	Values     url.Values             // of the query, or of the form that was posted
	Cookies    []*http.Cookie
}

// SignedIn is a finished sign-in.
type SignedIn struct {
	SessionToken      seal.Secret // for the cookie SessionCookie, MaxAge SessionLifetime
	Session           directory.SessionID
	User              *directory.User
	Organization      directory.OrganizationID
	ReturnTo          string // a path on this origin
	TransactionCookie string // to delete
}

// Finish ends a sign-in: it judges the callback, exchanges the code, verifies the ID token, finds the user and opens a
// session. The order of the checks is that of increasing trust; nothing is sent to the provider for a callback that this
// browser did not begin. The error is a *Refusal; a session that the browser had before is closed on success only.
func (s *Service) Finish(ctx context.Context, callback Callback) (SignedIn, error) {
	done, refusal := s.finish(ctx, callback)
	s.deps.Metrics.signins.WithLabelValues(outcome(refusal)).Inc()
	if refusal != nil {
		s.logRefusal(ctx, "sign-in refused", refusal, callback.Connection)
		return SignedIn{}, refusal
	}
	s.deps.Logger.InfoContext(ctx, "signed in", slog.String("organization", string(done.Organization)),
		slog.String("connection", string(callback.Connection)), slog.String("session", string(done.Session)))
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
	connection, refusal := s.unchanged(ctx, t)
	if refusal != nil {
		return SignedIn{}, refusal
	}
	meta, refusal := s.providers.metadata(ctx, t.Issuer)
	if refusal != nil {
		return SignedIn{}, refusal
	}
	if refusal := judgeResponse(callback.Values, meta); refusal != nil {
		return SignedIn{}, refusal
	}
	id, refusal := s.authenticate(ctx, connection, meta, t, callback.Values.Get("code"))
	if refusal != nil {
		return SignedIn{}, refusal
	}
	// Confirmed, so that a person who was provisioned a moment ago on another node is known here.
	view, err := s.deps.Viewer.View(ctx, state.Confirmed())
	if err != nil {
		return SignedIn{}, refuse(ReasonUnavailable, err)
	}
	d, ok := view.Directory(connection.Organization)
	if !ok {
		return SignedIn{}, refuse(ReasonConnectionChanged, nil)
	}
	user, refusal := whois(d, connection.ID, &id)
	if refusal != nil {
		return SignedIn{}, refusal
	}
	return s.open(ctx, connection, t, &id, user)
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
		return nil, refuse(ReasonTransactionExpired, nil)
	}
	if subtle.ConstantTimeCompare([]byte(t.State), []byte(given)) != 1 {
		return nil, refuse(ReasonTransactionInvalid, nil)
	}
	if t.Connection != callback.Connection {
		return nil, refuse(ReasonOtherConnection, nil)
	}
	return t, nil
}

// unchanged gives the transaction's connection if it is what it was when the sign-in began, and the transaction was not
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
	if !ok || !connection.Enabled || connection.Version != t.ConnectionVersion ||
		connection.Issuer != t.Issuer || t.RedirectURI != s.RedirectURI(connection.ID) {
		return nil, refuse(ReasonConnectionChanged, nil)
	}
	if !planned(view, connection) {
		return nil, refuse(ReasonPlan, nil)
	}
	return connection, nil
}

// judgeResponse checks who answers (RFC 9207 §2.4) before it looks at what the answer is.
func judgeResponse(values url.Values, meta *metadata) *Refusal {
	issuer := values.Get("iss")
	if (values.Has("iss") || meta.SendsIssuer) && issuer != meta.Issuer {
		return refuse(ReasonResponseIssuer, nil)
	}
	if values.Has("error") {
		refusal := refuse(ReasonProviderRefused, nil)
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
	claims, refusal := s.verifyToken(ctx, p, raw, expectation{
		issuer: t.Issuer, clientID: connection.ClientID, nonce: t.Nonce, algorithms: meta.Algorithms,
		started: t.started(), accessToken: tokens.AccessToken, code: code,
	})
	if refusal != nil {
		return identity{}, refusal
	}
	peculiar := profileOf(connection.Issuer)
	id := identityOf(claims, peculiar)
	if !id.complete() {
		if refusal := s.askUserinfo(ctx, meta, &id, peculiar, tokens.AccessToken); refusal != nil {
			return identity{}, refusal
		}
	}
	return id, nil
}

// exchange trades the code at the token endpoint (Core §3.1.3). The client authenticates in the one way that the
// connection says: probing could burn the code.
func (s *Service) exchange(ctx context.Context, connection *directory.Connection, meta *metadata, t *transaction, code string) (*oauth2.Token, *Refusal) {
	secret, err := s.deps.Keyring.Open(SecretPlace(s.deps.Identity, connection.Organization, connection.ID), connection.ClientSecret)
	if err != nil {
		return nil, refuse(ReasonInternal, err)
	}
	style := oauth2.AuthStyleInHeader
	if connection.AuthMethod == directory.AuthPost {
		style = oauth2.AuthStyleInParams
	}
	client := oauth2.Config{
		ClientID:     connection.ClientID,
		ClientSecret: secret.Reveal(),
		RedirectURL:  t.RedirectURI,
		Endpoint:     oauth2.Endpoint{TokenURL: meta.TokenEndpoint, AuthStyle: style},
	}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, s.providers.fetch.client(endpointToken, maxAnswer))
	tokens, err := client.Exchange(ctx, code, oauth2.VerifierOption(t.Verifier))
	if err == nil {
		return tokens, nil
	}
	// The library's error quotes the provider's answer, so only what is known of it goes on.
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	switch {
	case !ok || refused.Response.StatusCode >= http.StatusInternalServerError:
		return nil, refuse(ReasonProviderDown, err)
	case refused.ErrorCode == "invalid_client":
		return nil, refuse(ReasonClientSecret, err)
	default:
		return nil, refuse(ReasonExchange, err)
	}
}

// SecretPlace is where a connection's client secret is sealed.
func SecretPlace(identity state.Identity, organization directory.OrganizationID, connection directory.ConnectionID) seal.Place {
	return seal.Place{
		Region: identity.Region, Cluster: identity.Cluster, Organization: string(organization),
		Row: string(connection), Field: "client_secret",
	}
}

// open writes the one command that consumes the transaction, ties the identity and opens the session.
func (s *Service) open(ctx context.Context, connection *directory.Connection, t *transaction, id *identity, user *directory.User) (SignedIn, *Refusal) {
	token, hash := seal.MintToken(s.cookiePrefix())
	session := directory.SessionID(seal.NewID())
	result, err := s.deps.Proposer.Propose(ctx, command.Command{
		Organization: connection.Organization,
		Actor:        "user:" + string(user.ID),
		Payload: &command.OpenSession{
			ID:                session,
			Hash:              hash,
			User:              user.ID,
			Connection:        connection.ID,
			ConnectionVersion: t.ConnectionVersion,
			Transaction:       seal.HashToken(t.ID),
			TransactionExpiry: directory.Time(time.Unix(t.Expires, 0).Add(rememberSlack).UnixMicro()),
			Lifetime:          SessionLifetime.Microseconds(),
			Issuer:            id.issuer,
			Subject:           id.subject,
		},
	})
	if err == nil {
		err = result.Err()
	}
	if err != nil {
		return SignedIn{}, refuse(ledgerReason(err), err)
	}
	return SignedIn{
		SessionToken:      token,
		Session:           session,
		User:              user,
		Organization:      connection.Organization,
		ReturnTo:          ReturnTo(t.ReturnTo),
		TransactionCookie: s.transactionCookie(t.State),
	}, nil
}

// ledgerReason says what the ledger's refusal of a session means.
func ledgerReason(err error) Reason {
	refused, ok := errors.AsType[*directory.Error](err)
	if !ok {
		return ReasonInternal
	}
	switch refused.Kind {
	case directory.KindReplayed:
		return ReasonReplayed
	case directory.KindUnauthenticated:
		return ReasonTransactionExpired
	case directory.KindConflict:
		return ReasonLinkConflict
	case directory.KindForbidden:
		if refused.Field == "user" {
			return ReasonInactive
		}
		return ReasonConnectionChanged
	case directory.KindNotFound:
		return ReasonConnectionChanged
	case directory.KindUnavailable, directory.KindExpired:
		return ReasonUnavailable
	default:
		return ReasonInternal
	}
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

// logRefusal writes codes and ids only: a provider's words and a callback's query never reach a log.
func (s *Service) logRefusal(ctx context.Context, message string, refusal *Refusal, connection directory.ConnectionID) {
	attrs := []slog.Attr{slog.String("reason", string(refusal.Reason)), slog.String("reference", refusal.Reference)}
	if refusal.Provider != "" {
		attrs = append(attrs, slog.String("provider_error", refusal.Provider))
	}
	if isID(string(connection)) {
		attrs = append(attrs, slog.String("connection", string(connection)))
	}
	s.deps.Logger.LogAttrs(ctx, slog.LevelWarn, message, attrs...)
}

// isID tells whether a path parameter may be logged: something of the shape of our ids.
func isID(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}
