package directory

import "slices"

// MaxSessionsPerUser bounds the sessions that one user may hold; opening one more ends the oldest.
const MaxSessionsPerUser = 50

// SessionKind says how the person signed in. Numbers are append-only.
type SessionKind uint8

const (
	// SessionSSO came through the organization's identity provider.
	SessionSSO SessionKind = 0
	// SessionLocal is of the root user or of an invited person, by means of ours.
	SessionLocal SessionKind = 1
	// SessionBreakGlass is of a break-glass address: it acts for the root user, on the settings of connections only.
	SessionBreakGlass SessionKind = 2
)

// String names the kind as the API does.
func (k SessionKind) String() string {
	if names := [...]string{"sso", "local", "break_glass"}; int(k) < len(names) {
		return names[k]
	}
	return "unknown"
}

// Session is a person's signed-in browser, as the ledger keeps it: the hash of its cookie, never the cookie.
type Session struct {
	ID           SessionID
	Hash         Hash
	Organization OrganizationID
	User         ResourceID
	UserNumber   Number
	Connection   ConnectionID // of SessionSSO, else empty
	Created      Time
	Expires      Time // absolute end

	Kind         SessionKind
	Email        string          // of SessionBreakGlass: whose it is
	Idle         Time            // it ends when it was not used for this long; 0: never for that
	Seen         Time            // last use, up to a while behind, because uses are written in batches; 0: not since Created
	Subject      string          // of SessionSSO: whom the provider authenticated, for logouts that it sends
	ProviderSID  string          // the provider's own name of its session (OpenID Connect Back-Channel Logout §2.1)
	Methods      []string        // amr (RFC 8176)
	Context      string          // acr
	Authed       Time            // when the person authenticated; 0: not known
	Agent        string          // family of the browser, such as "Firefox on Linux"
	Address      string          // from where it was opened
	Applications []ApplicationID // that know of the session and are told when it ends, the first to join first
	Seq          uint64          // of the command that opened it
}

// Bounds of a session's texts and lists; longer ones are cut.
const (
	MaxSessionText         = 255
	MaxSessionMethods      = 10
	MaxSessionApplications = 50
	MaxSessionIdle         = 30 * day
)

// End is when the session ends, unless it is used before: at Expires, or for want of use.
func (s *Session) End() Time {
	if s.Idle > 0 {
		return min(s.Expires, max(s.Seen, s.Created)+s.Idle)
	}
	return s.Expires
}

// Expired tells whether the session is past its life at now.
func (s *Session) Expired(now Time) bool { return now >= s.End() }

// Fit gives the session with its texts and lists cut to their bounds.
func (s Session) Fit() Session {
	s.Idle = min(max(s.Idle, 0), MaxSessionIdle)
	for _, text := range []*string{&s.Subject, &s.ProviderSID, &s.Context, &s.Agent, &s.Address} {
		*text = Cut(*text, MaxSessionText)
	}
	s.Methods = slices.Clone(s.Methods[:min(len(s.Methods), MaxSessionMethods)])
	for i := range s.Methods {
		s.Methods[i] = Cut(s.Methods[i], MaxSessionText)
	}
	return s
}

// TouchDue tells whether a use at now is worth writing down: idleness is judged with this grain.
func (s *Session) TouchDue(now Time) bool {
	const minute = Time(60_000_000)
	grain := minute
	if s.Idle > 0 {
		grain = min(max(minute, s.Idle/10), s.Idle/4)
	}
	return now >= max(s.Seen, s.Created)+grain
}

const (
	// DefaultSessionLifetime is the absolute life of sessions where an organization does not choose.
	DefaultSessionLifetime = 12 * hour
	// BreakGlassLifetime is that of break-glass sessions, always.
	BreakGlassLifetime = hour

	hour = Time(3600 * 1_000_000)
)
