package httpapi

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"domicile/apps"
	"domicile/console/ui"
	"domicile/directory"
	"domicile/oidc"
	"domicile/seal"
	"domicile/telemetry"
)

const (
	requestCookie = "domicile_request_"
	maxRequests   = 3 // of one browser at a time; each may be as large as a cookie
	fieldResume   = "resume"
	fieldAbandon  = "abandon"
	fieldConfirm  = "confirm"
	resumePath    = apps.PathAuthorize + "?" + fieldResume + "="

	// goodbyeCookie holds where an application wants a browser that is being signed out at its provider.
	goodbyeCookie = "domicile_goodbye"
)

// authorizeApp answers GET /oidc/authorize: to the application with an answer, or first to the sign-in page. An application's
// request waits in the browser meanwhile, because it may be longer than what the sign-in page takes as a way back.
func (a *api) authorizeApp(c *gin.Context) error {
	values, err := url.ParseQuery(c.Request.URL.RawQuery)
	if err != nil {
		return a.refuseApp(c, &apps.Error{Code: apps.CodeInvalidRequest, Detail: "the address cannot be read"})
	}
	if id := values.Get(fieldResume); id != "" {
		return a.resumeApp(c, id, values.Has(fieldAbandon))
	}
	next, err := a.Apps.Authorize(c.Request.Context(), a.sessionToken(c.Request), values)
	if err != nil {
		return a.refuseApp(c, err)
	}
	if next.Location != "" {
		return leave(c, next.Location)
	}
	id := seal.RandomText(9)
	for _, name := range a.surplusRequests(c.Request) {
		a.dropCookie(c, name)
	}
	a.setCookie(c, a.requestCookie(id), next.Request, apps.RequestLife)
	return a.signInFor(c, id, next.Hint)
}

// resumeApp goes on with a request that waited, or gives it up.
func (a *api) resumeApp(c *gin.Context, id string, abandon bool) error {
	name := a.requestCookie(id)
	cookie, err := c.Request.Cookie(name)
	if err != nil {
		return a.refuseApp(c, apps.ErrRequest)
	}
	var next apps.Next
	if abandon {
		err = a.Apps.Abandon(c.Request.Context(), cookie.Value)
	} else {
		next, err = a.Apps.Resume(c.Request.Context(), a.sessionToken(c.Request), cookie.Value)
	}
	switch {
	case err == nil && next.Location == "": // nobody signed in, or not as was demanded
		a.setCookie(c, name, next.Request, apps.RequestLife)
		return a.signInFor(c, id, "")
	case directory.KindOf(err) == directory.KindUnavailable: // it may come again
		return a.refuseApp(c, err)
	}
	a.dropCookie(c, name)
	if err != nil {
		return a.refuseApp(c, err)
	}
	return leave(c, next.Location)
}

// signInFor sends the browser to the sign-in page, and back to the request that waits.
func (a *api) signInFor(c *gin.Context, id, hint string) error {
	query := url.Values{"return_to": {resumePath + id}}
	if hint != "" {
		query.Set("login_hint", hint)
	}
	return redirect(c, pathLogin+"?"+query.Encode())
}

// demanded is what the request that waits for a sign-in wants of it. It comes from what is sealed, so that nobody can take it
// away; and a request that is dropped is not resumed.
func (a *api) demanded(c *gin.Context, returnTo string) oidc.Demand {
	id, ok := strings.CutPrefix(returnTo, resumePath)
	if !ok || a.Apps == nil {
		return oidc.Demand{}
	}
	return oidc.Demand(a.Apps.Demand(cookieValue(c.Request, a.requestCookie(id))))
}

// wayBack leads from a sign-in that came to nothing back to the application that wanted it, to tell it so; empty where it was for
// nobody's request.
func wayBack(returnTo string) string {
	if !strings.HasPrefix(returnTo, resumePath) {
		return ""
	}
	return returnTo + "&" + fieldAbandon + "=yes"
}

func (a *api) requestCookie(id string) string {
	if len(id) > 16 || strings.ContainsFunc(id, notInCookie) {
		id = ""
	}
	return a.cookieName(requestCookie + id)
}

func notInCookie(r rune) bool {
	return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '-' && r != '_'
}

// surplusRequests names the cookies of the oldest requests above the bound, one more counted in. Browsers send older cookies
// first (RFC 6265 §5.4).
func (a *api) surplusRequests(r *http.Request) []string {
	var names []string
	for _, cookie := range r.Cookies() {
		if strings.HasPrefix(cookie.Name, a.cookieName(requestCookie)) {
			names = append(names, cookie.Name)
		}
	}
	return names[:max(0, len(names)+1-maxRequests)]
}

// again makes a GET of a POST that another site may send (OpenID Connect Core §3.1.2.1, RP-Initiated Logout §2): a browser
// brings its session cookie only to the former.
func (a *api) again(path string) handler {
	return func(c *gin.Context) error {
		if err := c.Request.ParseForm(); err != nil || len(c.Request.PostForm.Encode()) > maxRepeated {
			return a.refuseApp(c, &apps.Error{Code: apps.CodeInvalidRequest, Detail: "the form cannot be read, or is too large"})
		}
		return redirect(c, path+"?"+c.Request.PostForm.Encode())
	}
}

const maxRepeated = 16 << 10 // bytes, half of what a request's head may have

// leave sends the browser to an application.
func leave(c *gin.Context, location string) error {
	c.Writer.Header().Set("Location", location)
	c.Writer.WriteHeader(http.StatusSeeOther)
	c.Writer.WriteHeaderNow()
	return nil
}

// refuseApp takes an error to the application where that is known to be its own address, and else to the person (RFC 6749
// §4.1.2.1).
func (a *api) refuseApp(c *gin.Context, err error) error {
	fault, ok := errors.AsType[*apps.Error](err)
	if !ok {
		if directory.KindOf(err) == directory.KindUnavailable {
			return a.unavailable(c, true)
		}
		return err
	}
	telemetry.EventFrom(c.Request.Context()).SetError(string(fault.Code))
	if fault.Redirect != "" {
		return leave(c, fault.Redirect)
	}
	return a.show(c, http.StatusBadRequest, ui.Message{
		Frame: a.frame("Cannot go on"), Tone: ui.ToneTrouble, Heading: "This application’s request cannot be answered",
		Text: sentence(fault.Detail), Advice: "Go back to the application and try again. If it happens once more, tell those who run it.",
		Reference: c.Writer.Header().Get("X-Request-Id"),
	})
}

// leaveApp answers GET /oidc/logout: it ends the session where an ID token of that session vouches for the wish, and asks
// otherwise.
func (a *api) leaveApp(c *gin.Context) error {
	values, err := url.ParseQuery(c.Request.URL.RawQuery)
	if err != nil {
		return a.refuseApp(c, &apps.Error{Code: apps.CodeInvalidRequest, Detail: "the address cannot be read"})
	}
	bye, err := a.Apps.Logout(c.Request.Context(), a.sessionToken(c.Request), values)
	if err != nil {
		return a.refuseApp(c, err)
	}
	if !bye.Ask {
		return a.part(c, bye)
	}
	page := ui.LeaveApplication{
		Frame: a.frame("Sign out"), Name: bye.Person, Application: bye.Application, Action: apps.PathLogout,
		Hidden: []ui.Field{{Name: fieldConfirm, Value: "yes"}},
	}
	for _, name := range slices.Sorted(maps.Keys(bye.Parameters)) {
		page.Hidden = append(page.Hidden, ui.Field{Name: name, Value: bye.Parameters.Get(name)})
	}
	return a.show(c, http.StatusOK, page)
}

// confirmLeave answers POST /oidc/logout: the answer to our question, or an application's request as a form.
func (a *api) confirmLeave(c *gin.Context) error {
	if err := c.Request.ParseForm(); err != nil || !c.Request.PostForm.Has(fieldConfirm) {
		return a.again(apps.PathLogout)(c)
	}
	if !a.sameOrigin(c.Request) {
		return a.refuseForm(c)
	}
	bye, err := a.Apps.Logout(c.Request.Context(), a.sessionToken(c.Request), c.Request.PostForm)
	if err != nil {
		return a.refuseApp(c, err)
	}
	return a.part(c, bye)
}

// onward gives where an application wants a browser that is back from its provider's logout; empty: nowhere.
func (a *api) onward(c *gin.Context) string {
	kept := cookieValue(c.Request, a.cookieName(goodbyeCookie))
	if kept == "" || a.Apps == nil {
		return ""
	}
	return a.Apps.Onward(c.Request.Context(), kept)
}
