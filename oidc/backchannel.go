package oidc

import (
	"context"
	"net/url"
	"strings"
	"time"
	"unicode"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/seal"
)

const (
	logoutEvent  = "http://schemas.openid.net/event/backchannel-logout"
	logoutType   = "logout+jwt"
	logoutMaxAge = 2 * time.Minute // of a logout token; providers send them as they make them

	maxTokenID   = 255
	maxSessionID = 255
)

// BackchannelURI is the address to register at the provider for one connection.
func (s *Service) BackchannelURI(id directory.ConnectionID) string {
	return s.machineURI("/backchannel-logout/", id)
}

// machineURI is an address that the provider calls, and no browser.
func (s *Service) machineURI(path string, id directory.ConnectionID) string {
	return strings.TrimSuffix(s.deps.Region.URL, "/") + path + url.PathEscape(string(id))
}

// BackchannelLogout ends the sessions that a provider says are over (OpenID Connect Back-Channel Logout 1.0 §2.6): those of
// its session, where the token names one, else those of its subject, in both cases through this connection only. Where none
// is left it is a success too. A token works once in the region. The error is a *Refusal: of ClassUnavailable where the same
// token may come again, and ReasonProviderDown where the provider's keys could not be had.
func (s *Service) BackchannelLogout(ctx context.Context, id directory.ConnectionID, token string) error {
	return s.told(ctx, meansBackchannel, id, s.backchannelLogout(ctx, id, token))
}

func (s *Service) backchannelLogout(ctx context.Context, id directory.ConnectionID, token string) *Refusal {
	_, connection, refusal := s.serving(ctx, id)
	if refusal != nil {
		return refusal
	}
	claims, signed, refusal := s.verifyStatement(ctx, connection, token, logoutType)
	if refusal != nil {
		return refusal
	}
	notice, reason := readLogout(claims, s.deps.Now(), connection)
	if reason != "" {
		return refuse(reason, nil)
	}
	if signed.strays(connection) { // no offer: it would have owners accept what sign-ins do not come with
		return refuse(ReasonAlgorithmChanged, nil)
	}
	return s.endSessions(ctx, connection, &command.EndSessions{
		Connection: connection.ID, Subject: notice.subject, ProviderSID: notice.session, Cause: "back-channel logout",
		Once:       onceFor(logoutType, connection.ID, notice.id),
		OnceExpiry: rememberUntil(notice.issued.Add(logoutMaxAge)),
	})
}

// serving gives an enabled connection as the region knows it, and the organization's directory. It is asked when a provider
// speaks to us: then a node that is cut off must not answer from what it remembers.
func (s *Service) serving(ctx context.Context, id directory.ConnectionID) (*state.Directory, *directory.Connection, *Refusal) {
	view, err := s.deps.Viewer.View(ctx, state.Confirmed())
	if err != nil {
		return nil, nil, refuse(ReasonUnavailable, err)
	}
	connection, ok := view.Connection(id)
	if !ok || !connection.Enabled {
		return nil, nil, refuse(ReasonNoConnection, nil)
	}
	d, ok := view.Directory(connection.Organization)
	if !ok {
		return nil, nil, refuse(ReasonNoConnection, nil)
	}
	return d, connection, nil
}

// verifyStatement reads what a provider signed for us other than an ID token. The form and the signature are held to the
// rules of ID tokens; the claims are the caller's to judge, and whether the connection keeps to the algorithm.
func (s *Service) verifyStatement(ctx context.Context, connection *directory.Connection, raw, kind string) (claimSet, signature, *Refusal) {
	var signed signature
	if len(raw) > maxToken || strings.Count(raw, ".") != 2 {
		return nil, signed, refuse(ReasonTokenForm, nil) // before the provider is asked for anything
	}
	meta, refusal := s.providers.metadata(ctx, connection.Issuer)
	if refusal != nil {
		return nil, signed, refusal
	}
	p := s.providers.of(connection.Issuer)
	leave, ok := p.enter()
	if !ok {
		return nil, signed, refuse(ReasonProviderBusy, nil)
	}
	defer leave()
	meta = p.announcement(ctx, connection, meta, raw)
	alg, id, refusal := checkForm(raw, meta.Algorithms, kind)
	if refusal != nil {
		return nil, signed, refusal
	}
	keys := &keySet{keys: p.keys, alg: alg, id: id}
	payload, err := keys.VerifySignature(ctx, raw)
	switch {
	case keys.down != nil:
		return nil, signed, refuse(ReasonProviderDown, keys.down)
	case err != nil:
		return nil, signed, refuse(ReasonTokenSignature, err)
	}
	claims, err := parseClaims(payload)
	if err != nil {
		return nil, signed, refuse(ReasonTokenClaims, err)
	}
	return claims, signature{alg, meta.Algorithms}, nil
}

// logoutNotice is what a logout token says.
type logoutNotice struct {
	id, subject, session string
	issued               time.Time
}

// readLogout judges the claims of a logout token (§2.4, §2.6); the reason is empty if they are acceptable.
func readLogout(claims claimSet, now time.Time, connection *directory.Connection) (logoutNotice, Reason) {
	var notice logoutNotice
	if !announcesLogout(claims) || claims.has("nonce") {
		return notice, ReasonTokenType // an ID token, or an event of another kind
	}
	if issuer, _ := claims.text("iss"); issuer != connection.Issuer {
		return notice, ReasonTokenIssuer
	}
	if !addressed(claims, connection.ClientID) {
		return notice, ReasonTokenAudience
	}
	var ok bool
	if notice.issued, ok = issuedRecently(claims, now, logoutMaxAge); !ok || claims.has("exp") && !unexpired(claims, now) {
		return notice, ReasonTokenTime
	}
	if notice.id, ok = named(claims, "jti", maxTokenID); !ok {
		return notice, ReasonTokenClaims
	}
	for _, name := range []struct {
		claim string
		limit int
		value *string
	}{{"sub", maxSubject, &notice.subject}, {"sid", maxSessionID, &notice.session}} {
		if *name.value, ok = named(claims, name.claim, name.limit); !ok && claims.has(name.claim) {
			return notice, ReasonTokenSubject
		}
	}
	if notice.subject == "" && notice.session == "" {
		return notice, ReasonTokenSubject
	}
	return notice, ""
}

// announcesLogout looks for the event: a member of that name which is an object.
func announcesLogout(claims claimSet) bool {
	events, err := parseClaims(claims["events"])
	if err != nil {
		return false
	}
	_, err = parseClaims(events[logoutEvent])
	return err == nil
}

// addressed tells whether the token is for this one audience and no other.
func addressed(claims claimSet, audience string) bool {
	list := claims.audience()
	return len(list) == 1 && list[0] == audience
}

// issuedRecently reads iat, and nbf where there is one.
func issuedRecently(claims claimSet, now time.Time, maxAge time.Duration) (time.Time, bool) {
	seconds, ok := claims.seconds("iat")
	issued := time.Unix(seconds, 0)
	if !ok || issued.After(now.Add(clockSkew)) || issued.Before(now.Add(-maxAge)) {
		return time.Time{}, false
	}
	if !claims.has("nbf") {
		return issued, true
	}
	from, ok := claims.seconds("nbf")
	return issued, ok && !time.Unix(from, 0).After(now.Add(clockSkew))
}

func unexpired(claims claimSet, now time.Time) bool {
	expires, ok := claims.seconds("exp")
	return ok && time.Unix(expires, 0).Add(clockSkew).After(now)
}

// named reads a claim that is the name of something: 1 to limit bytes without control characters.
func named(claims claimSet, claim string, limit int) (string, bool) {
	value, ok := claims.text(claim)
	if !ok || value == "" || len(value) > limit || strings.ContainsFunc(value, unicode.IsControl) {
		return "", false
	}
	return value, true
}

// onceFor is under what name the ledger remembers that a token of a provider was used.
func onceFor(kind string, id directory.ConnectionID, token string) directory.Hash {
	return seal.HashToken(kind + "\x00" + string(id) + "\x00" + token)
}

// rememberUntil is how long: past the moment from which no node takes the token any more, whatever its clock says.
func rememberUntil(end time.Time) directory.Time {
	return directory.Time(end.Add(rememberSlack).UnixMicro())
}

// endSessions writes the command of a logout that a provider asked for.
func (s *Service) endSessions(ctx context.Context, connection *directory.Connection, end *command.EndSessions) *Refusal {
	_, err := propose(ctx, s.deps.Proposer, command.Command{
		Organization: connection.Organization,
		Actor:        "connection:" + string(connection.ID),
		Payload:      end,
	})
	if err != nil {
		return refuse(ledgerReason(err), err)
	}
	return nil
}
