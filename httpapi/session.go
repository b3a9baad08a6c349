package httpapi

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"domicile/console/ui"
	"domicile/directory"
	"domicile/httpapi/openapi"
	"domicile/oidc"
	"domicile/telemetry"
)

// who finds the person behind the request's session cookie; errors as of oidc.Service.Resolve.
func (a *api) who(c *gin.Context) (oidc.Who, error) {
	who, err := a.SignIn.Resolve(c.Request.Context(), a.sessionToken(c.Request))
	if err == nil {
		telemetry.EventFrom(c.Request.Context()).SetOrganization(string(who.Organization.ID))
	}
	return who, err
}

func (a *api) sessionToken(r *http.Request) string {
	cookie, err := r.Cookie(a.SignIn.SessionCookie())
	if err != nil {
		return ""
	}
	return cookie.Value
}

// sessionAnswer is who is signed in, for applications behind the same host.
type sessionAnswer struct {
	User         sessionUser         `json:"user"`
	Organization sessionOrganization `json:"organization"`
	Region       string              `json:"region"`
	Kind         string              `json:"kind"`
	Expires      time.Time           `json:"expires_at"`
}

type sessionUser struct {
	ID          string `json:"id"`
	UserName    string `json:"userName"`
	DisplayName string `json:"displayName"`
	Email       string `json:"email"`
}

type sessionOrganization struct {
	ID   string `json:"id"`
	Slug string `json:"slug"`
	Name string `json:"name"`
}

// getSession answers GET /api/v1/session: 401 when nobody is signed in, 503 when this node cannot know.
func (a *api) getSession(c *gin.Context) error {
	who, err := a.who(c)
	if err != nil {
		return err
	}
	return openapi.Answer(c, http.StatusOK, sessionAnswer{
		User: sessionUser{
			ID: string(who.User.ID), UserName: who.User.UserName, DisplayName: nameOf(who.User), Email: who.User.Email(),
		},
		Organization: sessionOrganization{
			ID: string(who.Organization.ID), Slug: who.Organization.Slug, Name: who.Organization.Name,
		},
		Region: a.Region.ID, Kind: who.Kind.String(), Expires: openapi.Instant(who.Session.Expires),
	})
}

var docSession = &openapi.Operation{
	ID: "getSession", Tag: "Session", Summary: "Get who is signed in", Public: true,
	Description: "Reads the session cookie of the sign-in. It asks nothing but this node's memory.",
	Status:      http.StatusOK, Refusals: []int{http.StatusUnauthorized, http.StatusServiceUnavailable},
	Response: &openapi.Schema{
		Name: "Session", Type: openapi.Types{"object"},
		Properties: map[string]*openapi.Schema{
			"user": {
				Type: openapi.Types{"object"}, Required: []string{"id", "userName", "displayName", "email"},
				Properties: map[string]*openapi.Schema{
					"id":          {Type: openapi.Types{"string"}},
					"userName":    {Type: openapi.Types{"string"}},
					"displayName": {Type: openapi.Types{"string"}},
					"email":       {Type: openapi.Types{"string"}, Description: "The primary address; empty where there is none."},
				},
			},
			"organization": {Type: openapi.Types{"object"}, Required: []string{"id", "slug", "name"}, Properties: map[string]*openapi.Schema{
				"id":   {Type: openapi.Types{"string"}},
				"slug": {Type: openapi.Types{"string"}},
				"name": {Type: openapi.Types{"string"}},
			}},
			"region":     {Type: openapi.Types{"string"}},
			"kind":       schemaKind,
			"expires_at": {Type: openapi.Types{"string"}, Format: "date-time"},
		},
		Required: []string{"user", "organization", "region", "kind", "expires_at"},
	},
}

// home answers GET /: who is signed in, where.
func (a *api) home(c *gin.Context) error {
	who, err := a.who(c)
	switch directory.KindOf(err) {
	case 0:
	case directory.KindUnauthenticated:
		return redirect(c, pathLogin)
	default:
		return a.unavailable(c, true)
	}
	expires := openapi.Instant(who.Session.Expires)
	return a.show(c, http.StatusOK, ui.Home{
		Frame: a.frame("Signed in"), Name: nameOf(who.User), Email: who.User.Email(), Organization: who.Organization.Name,
		Expires: expires.Format("2 Jan, 15:04 UTC"), ExpiresAt: expires.Format(time.RFC3339),
		Keys: a.Local != nil && who.Kind == directory.SessionLocal, Emergency: who.Kind == directory.SessionBreakGlass,
	})
}

// nameOf is what to call a person.
func nameOf(user *directory.User) string {
	if user.DisplayName != "" {
		return user.DisplayName
	}
	return user.UserName
}
