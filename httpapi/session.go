package httpapi

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"domicile/console/ui"
	"domicile/directory"
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
	return answerJSON(c, http.StatusOK, sessionAnswer{
		User: sessionUser{
			ID: string(who.User.ID), UserName: who.User.UserName, DisplayName: nameOf(who.User), Email: who.User.Email(),
		},
		Organization: sessionOrganization{
			ID: string(who.Organization.ID), Slug: who.Organization.Slug, Name: who.Organization.Name,
		},
		Region: a.Region.ID, Expires: instant(who.Session.Expires),
	})
}

var docSession = &operation{
	id: "getSession", tag: "Session", summary: "Get who is signed in", public: true,
	description: "Reads the session cookie of the sign-in. It asks nothing but this node's memory.",
	status:      http.StatusOK, refusals: []int{http.StatusUnauthorized, http.StatusServiceUnavailable},
	response: &schema{
		Name: "Session", Type: types{"object"},
		Properties: map[string]*schema{
			"user": {Type: types{"object"}, Required: []string{"id", "userName", "displayName", "email"}, Properties: map[string]*schema{
				"id":          {Type: types{"string"}},
				"userName":    {Type: types{"string"}},
				"displayName": {Type: types{"string"}},
				"email":       {Type: types{"string"}, Description: "The primary address; empty where there is none."},
			}},
			"organization": {Type: types{"object"}, Required: []string{"id", "slug", "name"}, Properties: map[string]*schema{
				"id":   {Type: types{"string"}},
				"slug": {Type: types{"string"}},
				"name": {Type: types{"string"}},
			}},
			"region":     {Type: types{"string"}},
			"expires_at": {Type: types{"string"}, Format: "date-time"},
		},
		Required: []string{"user", "organization", "region", "expires_at"},
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
	expires := instant(who.Session.Expires)
	return a.show(c, http.StatusOK, ui.Home{
		Frame: a.frame("Signed in"), Name: nameOf(who.User), Email: who.User.Email(), Organization: who.Organization.Name,
		Expires: expires.Format("2 Jan, 15:04 UTC"), ExpiresAt: expires.Format(time.RFC3339),
	})
}

// confirmLogout answers GET /logout: a question, because a link must not sign anybody out.
func (a *api) confirmLogout(c *gin.Context) error {
	who, err := a.who(c)
	switch directory.KindOf(err) {
	case 0:
		return a.show(c, http.StatusOK, ui.SignOut{Frame: a.frame("Sign out"), Name: nameOf(who.User)})
	case directory.KindUnauthenticated:
		return a.show(c, http.StatusOK, ui.Message{
			Frame: a.frame("Signed out"), Tone: ui.ToneCalm, Heading: "You are signed out",
			Text:   "Your session has ended here. You may still be signed in at your identity provider.",
			Action: "Sign in", Link: pathLogin,
		})
	default:
		return a.unavailable(c, true)
	}
}

// logout answers POST /logout: it ends the session everywhere in the region.
func (a *api) logout(c *gin.Context) error {
	if !a.sameOrigin(c.Request) {
		return a.refuseForm(c)
	}
	if err := a.SignIn.Close(c.Request.Context(), a.sessionToken(c.Request)); err != nil {
		return a.unavailable(c, false)
	}
	a.dropCookie(c, a.SignIn.SessionCookie())
	return redirect(c, pathLogout)
}

// nameOf is what to call a person.
func nameOf(user *directory.User) string {
	if user.DisplayName != "" {
		return user.DisplayName
	}
	return user.UserName
}
