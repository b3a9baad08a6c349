package httpapi

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"domicile/oidc"
)

const (
	// movedCookie says that this browser was just sent to the sign-in page's host.
	movedCookie = "domicile_moved"
	movedMaxAge = 5 * time.Second
)

// atHome is a handler of a page where a sign-in begins. Providers send browsers back to the sign-in page's host, passkeys work
// there alone, and cookies stay on the host that set them: whoever comes by another of our names goes there first. A proxy that
// puts a name of its own into Host would have a browser go in circles; it is served where it is when it comes again at once.
func (a *api) atHome(next handler) handler {
	return func(c *gin.Context) error {
		if !a.elsewhere(c.Request) || hasCookie(c.Request, a.cookieName(movedCookie)) {
			return next(c)
		}
		a.setCookie(c, a.cookieName(movedCookie), "yes", movedMaxAge)
		return leave(c, a.loginOrigin()+c.Request.URL.EscapedPath()+harmless(c.Request.URL.Query()))
	}
}

// elsewhere tells whether a browser asks for a page at another host than the sign-in page's. Ports do not matter, to cookies
// neither.
func (a *api) elsewhere(r *http.Request) bool {
	page, err := url.Parse(a.Region.LoginURL)
	asked := (&url.URL{Host: r.Host}).Hostname()
	return err == nil && asked != "" && !strings.EqualFold(asked, page.Hostname())
}

// above answers GET where forms are posted to, which browsers ask for when somebody goes to the address that they show: it leads
// to the page above, which has the form.
func (a *api) above(c *gin.Context) error {
	path := c.Request.URL.EscapedPath()
	return redirect(c, path[:strings.LastIndexByte(path, '/')]+harmless(c.Request.URL.Query()))
}

// harmless gives a query as it goes on to another page of ours: without a way back that leads away from here.
func harmless(query url.Values) string {
	if oidc.ReturnTo(query.Get("return_to")) == "/" {
		query.Del("return_to")
	}
	if len(query) == 0 {
		return ""
	}
	return "?" + query.Encode()
}
