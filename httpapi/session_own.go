package httpapi

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"domicile/directory"
	"domicile/httpapi/openapi"
	"domicile/oidc"
)

const (
	pathSession  = "/api/v1/session"
	pathSessions = pathSession + "/sessions"
)

// ownSession is one of the signed-in person's sessions.
type ownSession struct {
	ID       string     `json:"id"`
	Kind     string     `json:"kind"`
	Current  bool       `json:"current"`
	Created  time.Time  `json:"created_at"`
	LastSeen *time.Time `json:"last_seen_at"` // null: not since it was opened
	Expires  time.Time  `json:"expires_at"`
	Browser  string     `json:"browser"`
	Address  string     `json:"address"`
}

type ownSessions struct {
	Sessions []ownSession `json:"sessions"`
}

type endedSessions struct {
	Ended int `json:"ended"`
}

// listOwnSessions answers GET /api/v1/session/sessions.
func (a *api) listOwnSessions(c *gin.Context) error {
	who, err := a.who(c)
	if err != nil {
		return err
	}
	sessions, err := a.SignIn.Sessions(c.Request.Context(), who)
	if err != nil {
		return err
	}
	answer := ownSessions{Sessions: make([]ownSession, len(sessions))}
	for i, session := range sessions {
		answer.Sessions[i] = ownSession{
			ID: string(session.ID), Kind: session.Kind.String(), Current: session.ID == who.Session.ID,
			Created: openapi.Instant(session.Created), LastSeen: openapi.InstantOrNull(session.Seen),
			Expires: openapi.Instant(session.End()), Browser: session.Agent, Address: session.Address,
		}
	}
	return openapi.Answer(c, http.StatusOK, answer)
}

// endOwnSession answers DELETE /api/v1/session/sessions/:session.
func (a *api) endOwnSession(c *gin.Context) error {
	who, err := a.whoMayChange(c)
	if err != nil {
		return err
	}
	id, err := openapi.PathID(c, "session")
	if err != nil {
		return err
	}
	if err := a.SignIn.EndSession(c.Request.Context(), who, directory.SessionID(id)); err != nil {
		return err
	}
	if directory.SessionID(id) == who.Session.ID {
		a.dropCookie(c, a.SignIn.SessionCookie())
	}
	return openapi.NoContent(c)
}

// endOtherSessions answers DELETE /api/v1/session/sessions: all but the present one.
func (a *api) endOtherSessions(c *gin.Context) error {
	who, err := a.whoMayChange(c)
	if err != nil {
		return err
	}
	ended, err := a.SignIn.EndOtherSessions(c.Request.Context(), who)
	if err != nil {
		return err
	}
	return openapi.Answer(c, http.StatusOK, endedSessions{Ended: ended})
}

// whoMayChange is who, for a request that changes something: another site must not be able to send it.
func (a *api) whoMayChange(c *gin.Context) (oidc.Who, error) {
	if !a.sameOrigin(c.Request) {
		return oidc.Who{}, directory.Errorf(directory.KindForbidden, "", "the request did not come from one of our own pages")
	}
	return a.who(c)
}

var (
	refusalsOwn = []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusServiceUnavailable}

	schemaKind = &openapi.Schema{
		Type: openapi.Types{"string"}, Enum: []string{
			directory.SessionSSO.String(), directory.SessionLocal.String(), directory.SessionBreakGlass.String(),
		},
		Description: "How the person signed in. break_glass acts for the organization's root user, on the settings of sign-in and nothing else.",
	}
	schemaInstant = &openapi.Schema{Type: openapi.Types{"string"}, Format: "date-time"}

	schemaOwnSession = &openapi.Schema{
		Name: "OwnSession", Type: openapi.Types{"object"},
		Properties: map[string]*openapi.Schema{
			"id":         {Type: openapi.Types{"string"}},
			"kind":       schemaKind,
			"current":    {Type: openapi.Types{"boolean"}, Description: "It is the one that asks."},
			"created_at": schemaInstant,
			"last_seen_at": {
				Type: openapi.Types{"string", "null"}, Format: "date-time",
				Description: "Up to a minute late, or a tenth of the idle time; null: not since it was opened.",
			},
			"expires_at": {
				Type: openapi.Types{"string"}, Format: "date-time", Description: "When it ends unless it is used before.",
			},
			"browser": {Type: openapi.Types{"string"}, Description: "Family and system, such as Firefox on Linux; empty: not known."},
			"address": {Type: openapi.Types{"string"}, Description: "From where it was opened."},
		},
		Required: []string{"id", "kind", "current", "created_at", "last_seen_at", "expires_at", "browser", "address"},
	}

	docListOwnSessions = &openapi.Operation{
		ID: "listOwnSessions", Tag: "Session", Summary: "List where the signed-in person is signed in", Public: true,
		Description: "Reads the session cookie of the sign-in. Oldest first.",
		Status:      http.StatusOK, Refusals: refusalsOwn,
		Response: &openapi.Schema{
			Name: "OwnSessions", Type: openapi.Types{"object"}, Required: []string{"sessions"},
			Properties: map[string]*openapi.Schema{"sessions": {Type: openapi.Types{"array"}, Items: schemaOwnSession}},
		},
	}
	docEndOwnSession = &openapi.Operation{
		ID: "endOwnSession", Tag: "Session", Summary: "End one of the signed-in person's sessions", Public: true,
		Description: "It is refused everywhere in the region as soon as this is answered. Only pages of the same origin may ask.",
		Status:      http.StatusNoContent, Refusals: append([]int{http.StatusNotFound}, refusalsOwn...),
	}
	docEndOtherSessions = &openapi.Operation{
		ID: "endOtherSessions", Tag: "Session", Summary: "End all other sessions of the signed-in person", Public: true,
		Description: "The session that asks stays. Only pages of the same origin may ask.",
		Status:      http.StatusOK, Refusals: refusalsOwn,
		Response: &openapi.Schema{
			Name: "EndedSessions", Type: openapi.Types{"object"}, Required: []string{"ended"},
			Properties: map[string]*openapi.Schema{"ended": {Type: openapi.Types{"integer"}, Description: "How many there were."}},
		},
	}
)
