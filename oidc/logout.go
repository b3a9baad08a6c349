package oidc

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/seal"
)

const (
	// PathSignedOut is where providers send browsers back to after a logout: the post_logout_redirect_uri to register is
	// the sign-in page's origin with this path.
	PathSignedOut = "/logout/done"
	// FarewellLifetime is how long a browser may be at its provider for a logout.
	FarewellLifetime = 10 * time.Minute

	farewellPatience = 3 * time.Second // for the discovery document; a logout must not wait for a provider that is down
	maxSealedHint    = 3500            // bytes of the cookie's value; browsers keep 4,096 of a cookie
)

// Farewell is where a browser goes after its session has ended here, for its provider to end its own.
type Farewell struct {
	URL   string // empty: nowhere, the provider announces no logout
	State string // for the cookie FarewellCookie, MaxAge FarewellLifetime
	Alone bool   // the session was opened without a provider
}

// FarewellCookie names the cookie that a browser keeps while it is at its provider for a logout.
func (s *Service) FarewellCookie() string { return s.cookie("domicile_logout") }

// HintCookie names the cookie that holds what SignedIn.LogoutHint gives.
func (s *Service) HintCookie() string { return s.cookie("domicile_hint") }

// SignOut ends the session of a cookie, as Close does, and then says where the provider ends its own (OpenID Connect
// RP-Initiated Logout 1.0 §2). The hint is the value of HintCookie, empty if there is none. The error is a *directory.Error
// of KindUnavailable: then the session may still be open.
func (s *Service) SignOut(ctx context.Context, cookieValue, hint string) (Farewell, error) {
	view, err := s.deps.Viewer.View(ctx, state.Confirmed())
	if err == nil {
		err = s.Close(ctx, cookieValue)
	}
	if err != nil {
		s.count(meansBrowser, string(ReasonUnavailable))
		return Farewell{}, err
	}
	s.count(meansBrowser, "ok")
	session, ok := view.Session(seal.HashToken(cookieValue))
	if !ok {
		return Farewell{}, nil
	}
	if session.Kind != directory.SessionSSO {
		return Farewell{Alone: true}, nil
	}
	connection, ok := view.Connection(session.Connection)
	if !ok || !connection.Enabled {
		return Farewell{}, nil
	}
	return s.farewell(ctx, connection, session.ID, hint), nil
}

// farewell makes the logout request to the provider. Whatever is in the way of it leaves the person signed out here.
func (s *Service) farewell(ctx context.Context, connection *directory.Connection, session directory.SessionID, hint string) Farewell {
	ctx, cancel := context.WithTimeout(ctx, farewellPatience)
	defer cancel()
	meta, refusal := s.providers.metadata(ctx, connection.Issuer)
	if refusal != nil || s.providers.fetch.endpointURL(meta.EndSessionEndpoint) != nil {
		return Farewell{}
	}
	state := seal.RandomText(32)
	query := url.Values{
		"client_id":                {connection.ClientID},
		"post_logout_redirect_uri": {s.SignedOutURI()},
		"state":                    {state},
	}
	if token, ok := s.openHint(session, connection.Issuer, hint); ok {
		query.Set("id_token_hint", token)
	}
	separator := "?"
	if strings.Contains(meta.EndSessionEndpoint, "?") {
		separator = "&"
	}
	return Farewell{URL: meta.EndSessionEndpoint + separator + query.Encode(), State: state}
}

// SignedOutURI is the address to register at a provider as the post-logout redirect URI of our client; all connections share
// it.
func (s *Service) SignedOutURI() string { return s.origin + PathSignedOut }

// FrontchannelURI is the address to register at the provider for one connection, where it has no back channel.
func (s *Service) FrontchannelURI(id directory.ConnectionID) string {
	return s.machineURI("/frontchannel-logout/", id)
}

// Returned notes that a browser is back from its provider's logout, with the state that it brought and the value of
// FarewellCookie, and tells whether it is back from another logout than the one it left for. No session depends on it: it
// ended before the browser left.
func (s *Service) Returned(given, kept string) (other bool) {
	switch {
	case given == "" || kept == "":
		s.count(meansReturn, "no_state")
	case subtle.ConstantTimeCompare([]byte(given), []byte(kept)) != 1:
		s.count(meansReturn, "other_state")
		return true
	default:
		s.count(meansReturn, "ok")
	}
	return false
}

// sealHint encrypts an ID token for the cookie HintCookie: it opens in this region only, and for this session with this
// provider only. A token that is too long for a cookie gives no hint.
func (s *Service) sealHint(session directory.SessionID, issuer, token string) string {
	if token == "" {
		return ""
	}
	value := base64.RawURLEncoding.EncodeToString(s.hints.Seal(nil, []byte(token), s.hintPlace(session, issuer)))
	if len(value) > maxSealedHint {
		return ""
	}
	return value
}

func (s *Service) openHint(session directory.SessionID, issuer, value string) (string, bool) {
	if value == "" || len(value) > maxSealedHint {
		return "", false
	}
	sealed, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil {
		return "", false
	}
	token, err := s.hints.Open(nil, sealed, s.hintPlace(session, issuer))
	return string(token), err == nil
}

func (s *Service) hintPlace(session directory.SessionID, issuer string) []byte {
	return []byte(s.HintCookie() + "\x00" + string(session) + "\x00" + issuer)
}

// FrontchannelLogout ends the sessions of one session of a provider, which it names in a frame of its own page (OpenID
// Connect Front-Channel Logout 1.0 §2). Only who knows the provider's name of the session can end it, so nothing proves who
// asks. It gives the origin that may frame the answer, which is the same whether or not there was such a session. The error
// is a *Refusal.
func (s *Service) FrontchannelLogout(ctx context.Context, id directory.ConnectionID, query url.Values) (string, error) {
	origin, refusal := s.frontchannelLogout(ctx, id, query)
	return origin, s.told(ctx, meansFrontchannel, id, refusal)
}

func (s *Service) frontchannelLogout(ctx context.Context, id directory.ConnectionID, query url.Values) (string, *Refusal) {
	sid := query.Get("sid")
	if len(query["iss"]) != 1 || len(query["sid"]) != 1 || sid == "" || len(sid) > maxSessionID {
		return "", refuse(ReasonRequest, nil)
	}
	d, connection, refusal := s.serving(ctx, id)
	if refusal != nil {
		return "", refusal
	}
	if query.Get("iss") != connection.Issuer {
		return "", refuse(ReasonResponseIssuer, nil)
	}
	origin := originOf(connection.Issuer)
	if strings.ContainsAny(origin, " ;,*'\"") {
		origin = "'none'" // a policy is made of it
	}
	if len(d.SessionsThrough(connection.ID, "", sid)) == 0 {
		return origin, nil // anybody can ask, so only what changes something is written
	}
	return origin, s.endSessions(ctx, connection, &command.EndSessions{
		Connection: connection.ID, ProviderSID: sid, Cause: "front-channel logout",
	})
}

// means is a way in which sessions end before their time, in metrics and logs.
type means string

const (
	meansBrowser      means = "browser" // the person, here
	meansReturn       means = "return"  // the person, back from the provider
	meansBackchannel  means = "backchannel"
	meansFrontchannel means = "frontchannel"
	meansRevocation   means = "revocation"
)

// logoutOutcomes lists, for each means, what can become of it besides "ok".
func logoutOutcomes() map[means][]string {
	var judged []string
	for _, reason := range []Reason{
		ReasonNoConnection, ReasonProviderDown, ReasonProviderBusy, ReasonTokenForm, ReasonTokenAlgorithm, ReasonTokenType,
		ReasonTokenSignature, ReasonTokenClaims, ReasonTokenIssuer, ReasonTokenAudience, ReasonTokenTime, ReasonReplayed,
		ReasonUnavailable, ReasonInternal,
	} {
		judged = append(judged, string(reason))
	}
	return map[means][]string{
		meansBrowser:     {string(ReasonUnavailable)},
		meansReturn:      {"no_state", "other_state"},
		meansBackchannel: append([]string{string(ReasonTokenSubject)}, judged...),
		meansFrontchannel: {
			string(ReasonRequest), string(ReasonNoConnection), string(ReasonResponseIssuer), string(ReasonUnavailable),
			string(ReasonInternal),
		},
		meansRevocation: append([]string{
			string(ReasonRequest), string(ReasonSubjectUnknown), string(ReasonSubjectProtected),
		}, judged...),
	}
}

// newLogouts makes the counter with every series that there can be.
func newLogouts() *prometheus.CounterVec {
	counter := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "domicile_oidc_logouts_total",
		Help: "Logouts, by means (the person's browser and its return, back channel, front channel, revocation) and outcome: ok or the reason of the refusal.",
	}, []string{"how", "outcome"})
	for how, outcomes := range logoutOutcomes() {
		for _, outcome := range append(outcomes, "ok") {
			counter.WithLabelValues(string(how), outcome)
		}
	}
	return counter
}

func (s *Service) count(how means, outcome string) {
	s.deps.Metrics.logouts.WithLabelValues(string(how), outcome).Inc()
}

// told counts and logs a logout that a provider asked for, and gives the refusal as an error.
func (s *Service) told(ctx context.Context, how means, id directory.ConnectionID, refusal *Refusal) error {
	s.count(how, outcome(refusal))
	if refusal != nil {
		s.logRefusal(ctx, "logout refused", refusal, id)
		return refusal
	}
	s.deps.Logger.InfoContext(ctx, "provider ended sessions", slog.String("how", string(how)), slog.String("connection", string(id)))
	return nil
}
