package httpapi

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"domicile/apps"
	"domicile/console/ui"
	"domicile/directory"
	"domicile/oidc"
	"domicile/scim/oauth"
	"domicile/telemetry"
)

// fieldAlone says of somebody who signed out that no identity provider had a part in it.
const fieldAlone = "alone"

const codeInvalidRequest = string(oauth.CodeInvalidRequest)

var (
	protocolLogout = &protocol{logoutRefusalOf, sayOAuth}
	classLogout    = &class{name: "logout", protocol: protocolLogout, maxBody: 64 << 10, timeout: 20 * time.Second}
)

// logoutRoutes is how sessions end before their time: by the person, and by the identity provider.
func (a *api) logoutRoutes() []route {
	return []route{
		{http.MethodGet, pathLogout, classSignIn, a.confirmLogout, nil},
		{http.MethodPost, pathLogout, classSignIn, a.logout, nil},
		{http.MethodGet, oidc.PathSignedOut, classSignIn, a.signedOut, nil},
		{http.MethodPost, "/backchannel-logout/:connection", classLogout, a.throttled(throttleLogout, a.backchannelLogout), nil},
		{http.MethodGet, "/frontchannel-logout/:connection", classLogout, a.throttled(throttleLogout, a.frontchannelLogout), nil},
		{http.MethodPost, "/revoke/:connection", classLogout, a.throttled(throttleLogout, a.revokeUser), nil},
	}
}

// confirmLogout answers GET /logout: a question, because a link must not sign anybody out.
func (a *api) confirmLogout(c *gin.Context) error {
	who, err := a.who(c)
	switch directory.KindOf(err) {
	case 0:
		return a.show(c, http.StatusOK, ui.SignOut{Frame: a.frame("Sign out"), Name: nameOf(who.User)})
	case directory.KindUnauthenticated:
		text := "Your session has ended here."
		if !c.Request.URL.Query().Has(fieldAlone) {
			text += " You may still be signed in at your identity provider."
		}
		return a.showSignedOut(c, text)
	default:
		return a.unavailable(c, true)
	}
}

// logout answers POST /logout: it ends the session everywhere in the region, and then lets the identity provider end its
// own, where it says how.
func (a *api) logout(c *gin.Context) error {
	if !a.sameOrigin(c.Request) {
		return a.refuseForm(c)
	}
	return a.part(c, apps.Goodbye{})
}

// part ends the browser's session and sends it on: to the identity provider, which may end its own, and from there or at once
// to where an application wants it.
func (a *api) part(c *gin.Context, bye apps.Goodbye) error {
	var farewell oidc.Farewell
	if session := a.sessionToken(c.Request); session != "" { // else there is nothing to end, and the region need not be asked
		var err error
		farewell, err = a.SignIn.SignOut(c.Request.Context(), session, cookieValue(c.Request, a.SignIn.HintCookie()))
		if err != nil {
			return a.unavailable(c, false)
		}
	}
	a.dropCookie(c, a.SignIn.SessionCookie())
	a.dropCookies(c, a.SignIn.HintCookie(), a.cookieName(goodbyeCookie))
	switch {
	case bye.Location != "" && (farewell.URL == "" || bye.Kept == ""):
		return leave(c, bye.Location)
	case farewell.Alone:
		return redirect(c, pathLogout+"?"+fieldAlone)
	case farewell.URL == "":
		return redirect(c, pathLogout)
	}
	if bye.Kept != "" {
		a.setCookie(c, a.cookieName(goodbyeCookie), bye.Kept, oidc.FarewellLifetime)
	}
	a.setCookie(c, a.SignIn.FarewellCookie(), farewell.State, oidc.FarewellLifetime)
	c.Redirect(http.StatusSeeOther, farewell.URL)
	return nil
}

// keepHint leaves with the browser what its provider wants to see when it signs out, and nothing of a sign-in before.
func (a *api) keepHint(c *gin.Context, done oidc.SignedIn) {
	name := a.SignIn.HintCookie()
	switch {
	case done.LogoutHint != "":
		a.setCookie(c, name, done.LogoutHint, done.Lifetime)
	case hasCookie(c.Request, name):
		a.dropCookie(c, name)
	}
}

// signedOut answers GET /logout/done: where the identity provider sends the browser back to. It leads nowhere by itself but to
// the application that the browser came from.
func (a *api) signedOut(c *gin.Context) error {
	name := a.SignIn.FarewellCookie()
	other := a.SignIn.Returned(c.Query("state"), cookieValue(c.Request, name))
	a.dropCookies(c, name, a.cookieName(goodbyeCookie))
	if location := a.onward(c); location != "" && !other {
		return leave(c, location)
	}
	return a.showSignedOut(c, "Your session has ended here, and your identity provider was asked to end its own.")
}

func (a *api) showSignedOut(c *gin.Context, text string) error {
	return a.show(c, http.StatusOK, ui.Message{
		Frame: a.frame("Signed out"), Tone: ui.ToneCalm, Heading: "You are signed out", Text: text,
		Action: "Sign in", Link: pathLogin,
	})
}

func cookieValue(r *http.Request, name string) string {
	cookie, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return cookie.Value
}

// backchannelLogout answers POST /backchannel-logout/:connection (OpenID Connect Back-Channel Logout 1.0 §2.5, §2.8).
func (a *api) backchannelLogout(c *gin.Context) error {
	if err := c.Request.ParseForm(); err != nil {
		return formFault(err)
	}
	tokens := c.Request.PostForm["logout_token"]
	if len(tokens) != 1 {
		return directory.Errorf(directory.KindInvalid, "", "send one logout_token in a form")
	}
	err := a.SignIn.BackchannelLogout(c.Request.Context(), connectionOf(c), tokens[0])
	if err != nil {
		return logoutRefusal(c, err, func(oidc.Reason) fault {
			return fault{http.StatusBadRequest, codeInvalidRequest, "the logout token was not accepted"}
		})
	}
	c.Writer.WriteHeader(http.StatusOK)
	c.Writer.WriteHeaderNow()
	return nil
}

// revokeUser answers POST /revoke/:connection (draft-parecki-oauth-global-token-revocation §3).
func (a *api) revokeUser(c *gin.Context) error {
	body, err := io.ReadAll(c.Request.Body)
	if err != nil {
		return formFault(err)
	}
	token, ok := bearer(c.Request)
	if !ok {
		return directory.Errorf(directory.KindUnauthenticated, "", "send a token of the identity provider as Authorization: Bearer")
	}
	if err := a.SignIn.RevokeUser(c.Request.Context(), connectionOf(c), token, body); err != nil {
		return logoutRefusal(c, err, revocationFault)
	}
	c.Writer.WriteHeader(http.StatusNoContent)
	c.Writer.WriteHeaderNow()
	return nil
}

// frontchannelLogout answers GET /frontchannel-logout/:connection (OpenID Connect Front-Channel Logout 1.0 §2): a frame on
// the identity provider's page, and on no other.
func (a *api) frontchannelLogout(c *gin.Context) error {
	if c.Request.Method == http.MethodHead {
		return statusRefusal(http.StatusMethodNotAllowed) // looking must not end a session
	}
	origin, err := a.SignIn.FrontchannelLogout(c.Request.Context(), connectionOf(c), c.Request.URL.Query())
	if err != nil {
		return logoutRefusal(c, err, func(oidc.Reason) fault {
			return fault{http.StatusBadRequest, codeInvalidRequest, "iss and sid are required, and iss must be the connection's"}
		})
	}
	h := c.Writer.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors "+origin)
	_, _ = io.WriteString(c.Writer, "<!DOCTYPE html><html lang=\"en\"><title>Signed out</title></html>\n") // a lost client is nobody's error
	return nil
}

func connectionOf(c *gin.Context) directory.ConnectionID {
	return directory.ConnectionID(c.Param("connection"))
}

// formFault says what is wrong with a body that cannot be read.
func formFault(err error) error {
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return err
	}
	return directory.Errorf(directory.KindInvalid, "", "the body cannot be read")
}

// fault is what a machine is told of a logout that was not done: a fixed text, whatever it sent.
type fault struct {
	status int
	code   string
	detail string
}

// Error implements error.
func (f fault) Error() string { return f.code + ": " + f.detail }

// revocationFault says why sessions were not revoked. A token is not good for one of many reasons, which are in the log.
func revocationFault(reason oidc.Reason) fault {
	switch reason {
	case oidc.ReasonRequest:
		return fault{http.StatusBadRequest, codeInvalidRequest, "sub_id must be of the format iss_sub, email or opaque"}
	case oidc.ReasonTokenIssuer, oidc.ReasonTokenAudience:
		return fault{http.StatusForbidden, "insufficient_scope", "the token is for something else"}
	case oidc.ReasonSubjectUnknown:
		return fault{http.StatusNotFound, "not_found", "the connection's organization has no such user"}
	case oidc.ReasonSubjectProtected:
		return fault{http.StatusUnprocessableEntity, "unprocessable", "the sessions of this user cannot be revoked"}
	default:
		return fault{http.StatusUnauthorized, "invalid_token", "the token was not accepted"}
	}
}

// logoutRefusal gives the answer to a logout that was not done. What may work in a moment is 503, so that the provider
// tries again.
func logoutRefusal(c *gin.Context, err error, words func(oidc.Reason) fault) error {
	refused, ok := errors.AsType[*oidc.Refusal](err)
	if !ok {
		return err
	}
	telemetry.EventFrom(c.Request.Context()).SetError(string(refused.Reason))
	again := []oidc.Reason{oidc.ReasonUnavailable, oidc.ReasonProviderBusy, oidc.ReasonProviderDown}
	switch {
	case slices.Contains(again, refused.Reason):
		return directory.Unavailable(time.Second, refused.Err, "try again in a moment")
	case refused.Reason == oidc.ReasonInternal:
		return &directory.Error{Kind: directory.KindInternal, Err: refused.Err}
	}
	return words(refused.Reason)
}

// logoutRefusalOf says a fault as it is, and everything else in the words of OAuth 2.0.
func logoutRefusalOf(err error) *refusal {
	if f, ok := errors.AsType[fault](err); ok {
		return &refusal{status: f.status, title: f.code, detail: f.detail}
	}
	r := oauthRefusalOf(err)
	if r.status == http.StatusUnauthorized {
		r.title = "invalid_token"
	}
	return r
}
