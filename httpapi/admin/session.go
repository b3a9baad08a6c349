package admin

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"domicile/console"
	"domicile/directory"
	"domicile/httpapi/openapi"
)

// sessionAnswer is somebody's signed-in browser as the API shows it.
type sessionAnswer struct {
	ID         string     `json:"id"`
	User       string     `json:"user"`
	UserName   string     `json:"user_name"`
	Kind       string     `json:"kind"`
	Connection string     `json:"connection,omitempty"`
	Email      string     `json:"email,omitempty"` // of break-glass
	Methods    []string   `json:"methods"`
	Agent      string     `json:"agent"`
	Address    string     `json:"address"`
	Created    time.Time  `json:"created_at"`
	Seen       *time.Time `json:"last_seen_at"`
	Expires    time.Time  `json:"expires_at"`
}

type sessionsAnswer struct {
	Sessions      []sessionAnswer `json:"sessions"`
	NextPageToken string          `json:"next_page_token,omitempty"`
}

func newSessionAnswer(s *console.Session) sessionAnswer {
	return sessionAnswer{
		ID: string(s.ID), User: string(s.User), UserName: s.UserName, Kind: s.Kind.String(), Connection: string(s.Connection),
		Email: s.Email, Methods: append([]string{}, s.Methods...), Agent: s.Agent, Address: s.Address,
		Created: openapi.Instant(s.Created), Seen: openapi.InstantOrNull(s.Seen), Expires: openapi.Instant(s.End()),
	}
}

func (a *api) listSessions(c *gin.Context) error {
	org, err := organizationID(c)
	if err != nil {
		return err
	}
	paging, err := queryPaging(c)
	if err != nil {
		return err
	}
	page, err := a.Console.ListSessions(c.Request.Context(), org, console.SessionQuery{
		User: directory.ResourceID(c.Query("user")), Paging: paging,
	})
	if err != nil {
		return err
	}
	answer := sessionsAnswer{Sessions: []sessionAnswer{}, NextPageToken: page.NextPageToken}
	for i := range page.Sessions {
		answer.Sessions = append(answer.Sessions, newSessionAnswer(&page.Sessions[i]))
	}
	return openapi.Answer(c, http.StatusOK, answer)
}

func (a *api) endSession(c *gin.Context) error {
	org, id, err := pathIDs[string](c, "session")
	if err != nil {
		return err
	}
	if err := a.Console.EndSession(c.Request.Context(), openapi.Actor(c), org, directory.SessionID(id)); err != nil {
		return err
	}
	return openapi.NoContent(c)
}

func (a *api) endUserSessions(c *gin.Context) error {
	org, user, err := userIDs(c)
	if err != nil {
		return err
	}
	if err := a.Console.EndSessionsOf(c.Request.Context(), openapi.Actor(c), org, user); err != nil {
		return err
	}
	return openapi.NoContent(c)
}

func (a *api) endAllSessions(c *gin.Context) error {
	org, err := organizationID(c)
	if err != nil {
		return err
	}
	if err := a.Console.EndAllSessions(c.Request.Context(), openapi.Actor(c), org); err != nil {
		return err
	}
	return openapi.NoContent(c)
}

var (
	schemaPersonSession = &schema{
		Name: "PersonSession", Type: types{"object"}, Description: "Somebody's signed-in browser.",
		Properties: map[string]*schema{
			"id": schemaText, "user": schemaText, "user_name": schemaText,
			"kind": {
				Type: types{"string"}, Enum: []string{"sso", "local", "break_glass"},
				Description: "Through the identity provider; with a passkey or code of ours; or by a break-glass address.",
			},
			"connection": {Type: types{"string"}, Description: "Of sso: the connection that it came through."},
			"email":      {Type: types{"string"}, Description: "Of break_glass: the address."},
			"methods":    {Type: types{"array"}, Items: schemaText, Description: "How the person authenticated (RFC 8176), as far as it is known."},
			"agent":      {Type: types{"string"}, Description: "The family of the browser."},
			"address":    {Type: types{"string"}, Description: "From where the session was opened."},
			"created_at": schemaTime,
			"last_seen_at": {
				Type: types{"string", "null"}, Format: "date-time", Description: "Up to some minutes behind; null: not since it was opened.",
			},
			"expires_at": {Type: types{"string"}, Format: "date-time", Description: "When it ends, if it is not used before."},
		},
		Required: []string{"id", "user", "user_name", "kind", "methods", "agent", "address", "created_at", "last_seen_at", "expires_at"},
	}
	schemaPersonSessions = &schema{
		Name: "PersonSessions", Type: types{"object"},
		Properties: map[string]*schema{
			"sessions": {Type: types{"array"}, Items: schemaPersonSession}, "next_page_token": schemaNextPage,
		},
		Required: []string{"sessions"},
	}

	docListSessions = &operation{
		ID: "listSessions", Tag: "Sessions", Summary: "List who is signed in",
		Query: append([]parameter{
			{Name: "user", Description: "Only the sessions of this user, by id.", Schema: schemaText},
		}, pagingParameters...),
		Status: http.StatusOK, Response: schemaPersonSessions, Refusals: []int{http.StatusNotFound},
	}
	docEndSession = &operation{
		ID: "endSession", Tag: "Sessions", Summary: "End a session, on every node at once", Status: http.StatusNoContent,
	}
	docEndUserSessions = &operation{
		ID: "endUserSessions", Tag: "Sessions", Summary: "End all sessions of a user", Status: http.StatusNoContent,
	}
	docEndAllSessions = &operation{
		ID: "endAllSessions", Tag: "Sessions", Summary: "Sign everybody of the organization out", Status: http.StatusNoContent,
	}
)
