package httpapi

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"domicile/console/ui"
	"domicile/directory"
	"domicile/oidc"
	"domicile/telemetry"
)

const (
	pathLogin    = "/login"
	pathStart    = "/login/start"
	pathLogout   = "/logout"
	regionCookie = "domicile_region"
	regionMaxAge = 365 * 24 * time.Hour
)

// login answers GET /login: in which region, and who. Identity providers are given this address too, to begin a sign-in at:
// then it names an issuer.
func (a *api) login(c *gin.Context) error {
	if c.Request.URL.Query().Has(fieldIssuer) {
		return a.initiate(c)
	}
	return a.show(c, http.StatusOK, a.loginPage(c, ""))
}

// loginPage asks for an address; the notice is one of our own sentences.
func (a *api) loginPage(c *gin.Context, notice string) ui.Login {
	page := ui.Login{
		Frame: a.frame("Sign in"), Regions: a.regionLinks(""), Remembered: a.remembered(c), Notice: notice,
	}
	if target := oidc.ReturnTo(c.Request.FormValue("return_to")); target != "/" {
		page.ReturnTo = target
	}
	if hint := strings.TrimSpace(c.Query("login_hint")); directory.EmailDomain(hint) != "" {
		page.Email = directory.Cut(hint, 254)
	}
	page.Local = a.localLink("", page.ReturnTo)
	return page
}

// loginOrganization answers GET /login/:slug: an organization's own link, where nobody has to type an address.
func (a *api) loginOrganization(c *gin.Context) error {
	slug := c.Param("slug")
	organization, ok, err := a.SignIn.Organization(c.Request.Context(), slug)
	switch {
	case err != nil:
		return a.unavailable(c, true)
	case !ok:
		return a.show(c, http.StatusNotFound, a.loginPage(c, noticeUnknownOrganization))
	}
	page := a.loginPage(c, "")
	page.Regions = a.regionLinks("/" + organization.Slug)
	page.Organization, page.Slug = organization.Name, organization.Slug
	page.Local = a.localLink(organization.Slug, page.ReturnTo)
	return a.show(c, http.StatusOK, page)
}

// regionLinks lists the regions. Each other region is a plain link to the same page over there; nothing that was typed or
// asked for here goes with it.
func (a *api) regionLinks(path string) []ui.Region {
	links := make([]ui.Region, 0, len(a.Regions))
	for _, region := range a.Regions {
		links = append(links, ui.Region{Name: region.Name, URL: region.LoginURL + path, Current: region.ID == a.Region.ID})
	}
	return links
}

// remembered tells whether this browser signed in here before. The cookie holds the region's id and nothing else.
func (a *api) remembered(c *gin.Context) bool {
	cookie, err := c.Request.Cookie(a.cookieName(regionCookie))
	return err == nil && cookie.Value == a.Region.ID
}

// startSignIn answers POST /login/start: on to the identity provider.
func (a *api) startSignIn(c *gin.Context) error {
	if !a.sameOrigin(c.Request) {
		return a.refuseForm(c)
	}
	if err := c.Request.ParseForm(); err != nil {
		return directory.Errorf(directory.KindInvalid, "", "the form cannot be read, or is too large")
	}
	form := c.Request.PostForm
	request := oidc.StartRequest{
		Email:            strings.TrimSpace(form.Get("email")),
		OrganizationSlug: strings.ToLower(strings.TrimSpace(form.Get("organization"))),
		Connection:       directory.ConnectionID(form.Get("connection")),
		ReturnTo:         form.Get("return_to"),
		Cookies:          c.Request.Cookies(),
	}
	return a.begin(c, request)
}

// begin sends the browser to the identity provider.
func (a *api) begin(c *gin.Context, request oidc.StartRequest) error {
	request.Demand = a.demanded(c, request.ReturnTo)
	request.UserAgent, request.Address = c.Request.UserAgent(), c.ClientIP()
	redirect, err := a.SignIn.Start(c.Request.Context(), request)
	if err != nil {
		return a.refuseSignIn(c, err, request)
	}
	for _, name := range redirect.Drop {
		a.dropCookie(c, name)
	}
	a.setTransaction(c, redirect)
	a.setCookie(c, a.cookieName(regionCookie), a.Region.ID, regionMaxAge)
	c.Redirect(http.StatusSeeOther, redirect.URL)
	return nil
}

// finishSignIn answers GET and POST /signin-oidc/:connection, and /signin-oidc for the connections that share it: what the
// identity provider sent back. A POST comes from another site by design (OAuth 2.0 Form Post Response Mode); the
// transaction's cookie guards it.
func (a *api) finishSignIn(c *gin.Context) error {
	if c.Request.Method == http.MethodHead {
		return statusRefusal(http.StatusMethodNotAllowed) // looking must not use up the code
	}
	if wait := a.Limiter.spent(c, throttleFailure); wait > 0 { // the provider is not asked in vain
		return tooMany(wait, "too many sign-ins from your network have failed; wait a little and try again")
	}
	values := url.Values{} // refused by the door, which counts it
	if err := c.Request.ParseForm(); err == nil {
		values = c.Request.Form
	}
	connection := directory.ConnectionID(c.Param("connection"))
	done, err := a.SignIn.Finish(c.Request.Context(), oidc.Callback{
		Connection: connection, Values: values, Cookies: c.Request.Cookies(),
		UserAgent: c.Request.UserAgent(), Address: c.ClientIP(),
	})
	if err != nil {
		a.refuseCallback(c, err, values)
		return a.refuseSignIn(c, err, oidc.StartRequest{Connection: connection})
	}
	a.dropCookie(c, done.TransactionCookie)
	a.setCookie(c, a.SignIn.SessionCookie(), done.SessionToken.Reveal(), done.Lifetime)
	a.keepHint(c, done)
	return redirect(c, done.ReturnTo)
}

// refuseCallback deletes the cookie of a sign-in that finishes nothing any more, and counts the failure. Where we are the ones
// who could not, and the code is still unused, the same callback may come again.
func (a *api) refuseCallback(c *gin.Context, err error, values url.Values) {
	refusal, _ := errors.AsType[*oidc.Refusal](err)
	ours := directory.KindOf(err) == directory.KindUnavailable
	if ours && (refusal == nil || !refusal.Spent) {
		return
	}
	if name := a.SignIn.TransactionCookie(values); hasCookie(c.Request, name) {
		a.dropCookie(c, name)
	}
	if !ours {
		a.Limiter.charge(c, throttleFailure)
	}
}

// signedIn tells whether this browser has a session that this node knows to be open.
func (a *api) signedIn(c *gin.Context) bool {
	token := a.sessionToken(c.Request)
	if token == "" {
		return false
	}
	_, err := a.SignIn.Resolve(c.Request.Context(), token)
	return err == nil
}

// refuseSignIn shows why nobody was signed in: a fixed text by class of reason, and a reference.
func (a *api) refuseSignIn(c *gin.Context, err error, request oidc.StartRequest) error {
	refusal, ok := errors.AsType[*oidc.Refusal](err)
	if !ok {
		return err
	}
	telemetry.EventFrom(c.Request.Context()).SetError(string(refusal.Reason))
	class := refusal.Reason.Class()
	if class == oidc.ClassUnknown {
		notice := noticeUnknownAddress
		if request.OrganizationSlug != "" {
			notice = noticeUnknownOrganization
		}
		return a.show(c, http.StatusNotFound, a.loginPage(c, notice))
	}
	words := wordsOf(refusal)
	if comesAgain(refusal.Reason) && a.signedIn(c) {
		words = wordsFinished()
	}
	page := words.page
	page.Frame = a.frame(page.Heading)
	page.Reference = refusal.Reference
	returnTo := oidc.ReturnTo(cmp.Or(refusal.ReturnTo, request.ReturnTo))
	page.Back = wayBack(returnTo)
	if page.Link == "" {
		page.Link = pathLogin + harmless(url.Values{"return_to": {returnTo}})
		if class != oidc.ClassInvalid && class != oidc.ClassNotProvisioned {
			page.Retry, page.ReturnTo = string(cmp.Or(request.Connection, refusal.Connection)), returnTo
		}
	}
	if words.status == http.StatusServiceUnavailable {
		c.Writer.Header().Set("Retry-After", retryPage)
	}
	return a.show(c, words.status, page)
}
