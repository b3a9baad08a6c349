package httpapi

import (
	"bytes"
	"net/http"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"

	"domicile/console/ui"
	"domicile/oidc"
)

// pagePolicy lets a page show our style sheet and mark and send forms, and nothing else: no script at all, but for our own
// file on the few pages that ask the browser for a passkey (show adds that). Browsers hold a redirect that answers a form
// against form-action, and the answer to the sign-in form leads to an identity provider: anywhere on https, and in dev on
// http.
func (a *api) pagePolicy() string {
	providers := "https:"
	if a.Dev {
		providers += " http:"
	}
	return "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self' " + providers + "; frame-ancestors 'none'; base-uri 'none'"
}

func (a *api) frame(title string) ui.Frame {
	return ui.Frame{Title: title, Region: a.Region.Name, Dev: a.Dev}
}

// show answers with a page.
func (a *api) show(c *gin.Context, status int, page ui.Page) error {
	var body bytes.Buffer
	if err := a.pages.Render(&body, page); err != nil {
		return err
	}
	h := c.Writer.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	policy := a.pagePolicy()
	if ui.Scripted(page) {
		policy += "; script-src 'self'"
	}
	h.Set("Content-Security-Policy", policy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	c.Writer.WriteHeader(status)
	_, _ = c.Writer.Write(body.Bytes()) // a lost client is nobody's error
	return nil
}

// unavailable says that this node cannot know who is signed in. With again, the page asks once more by itself: only where
// asking changes nothing.
func (a *api) unavailable(c *gin.Context, again bool) error {
	h := c.Writer.Header()
	h.Set("Retry-After", retryPage)
	if again {
		h.Set("Refresh", retryPage)
	}
	page := ui.Message{
		Frame: a.frame("Briefly unavailable"), Tone: ui.ToneTrouble, Heading: "Briefly unavailable",
		Text: "This region cannot answer right now. It usually takes a few seconds, and you stay signed in.",
	}
	if again {
		page.Advice = "This page tries again by itself."
	} else {
		page.Action, page.Link = "Try again", c.Request.URL.Path
	}
	return a.show(c, http.StatusServiceUnavailable, page)
}

// refuseForm answers a form that another site sent, or that cannot be read.
func (a *api) refuseForm(c *gin.Context) error {
	return a.show(c, http.StatusForbidden, ui.Message{
		Frame: a.frame("Not accepted"), Tone: ui.ToneTrouble, Heading: "This form was not accepted",
		Text: "It did not come from one of our own pages.", Action: "Go to sign-in", Link: pathLogin,
	})
}

// sameOrigin tells whether a request that changes something comes from one of our own pages. Browsers say so themselves
// (Fetch Metadata); older ones send an Origin. A client without either is no browser, and brings no cookies of a victim.
func (a *api) sameOrigin(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" {
		return site == "same-origin" || site == "none"
	}
	origin := r.Header.Get("Origin")
	if origin == "" || origin == a.loginOrigin() {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host == r.Host // the page was reached by another of our names, a node's own address say
}

// loginOrigin is scheme and authority of the sign-in page, as browsers reach it.
func (a *api) loginOrigin() string {
	u, err := url.Parse(a.Region.LoginURL)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// cookieName gives the full name of a cookie; plain-http development has to do without the prefix.
func (a *api) cookieName(name string) string {
	if a.Dev {
		return name
	}
	return "__Host-" + name
}

func (a *api) setCookie(c *gin.Context, name, value string, age time.Duration) {
	http.SetCookie(c.Writer, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(age.Seconds()),
		Secure: !a.Dev, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// setTransaction leaves a sign-in under way with the browser. Where the provider answers with a form on a page of its own,
// browsers send the cookie along only if it is for other sites too; plain-http development has to do without.
func (a *api) setTransaction(c *gin.Context, redirect oidc.Redirect) {
	site := http.SameSiteLaxMode
	if redirect.CrossSite && !a.Dev {
		site = http.SameSiteNoneMode
	}
	http.SetCookie(c.Writer, &http.Cookie{
		Name: redirect.CookieName, Value: redirect.CookieValue, Path: "/", MaxAge: int(redirect.MaxAge.Seconds()),
		Secure: !a.Dev, HttpOnly: true, SameSite: site,
	})
}

func (a *api) dropCookie(c *gin.Context, name string) {
	http.SetCookie(c.Writer, &http.Cookie{
		Name: name, Path: "/", MaxAge: -1, Secure: !a.Dev, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// dropCookies drops those that the browser has.
func (a *api) dropCookies(c *gin.Context, names ...string) {
	for _, name := range names {
		if hasCookie(c.Request, name) {
			a.dropCookie(c, name)
		}
	}
}

func hasCookie(r *http.Request, name string) bool {
	_, err := r.Cookie(name)
	return err == nil
}

// redirect sends the browser to a path of ours with a GET, whatever this request was (RFC 9110 §15.4.4).
func redirect(c *gin.Context, path string) error {
	if u, err := url.Parse(path); err != nil || u.IsAbs() || u.Host != "" {
		path = "/"
	}
	c.Writer.Header().Set("Location", path)
	c.Writer.WriteHeader(http.StatusSeeOther)
	c.Writer.WriteHeaderNow()
	return nil
}

// asset answers GET /static/:file. A name contains the hash of its content, so browsers need not ask again.
func (a *api) asset(c *gin.Context) error {
	asset, ok := a.pages.Asset(c.Param("file"))
	if !ok {
		return statusRefusal(http.StatusNotFound)
	}
	h := c.Writer.Header()
	h.Set("Content-Type", asset.ContentType)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = c.Writer.Write(asset.Body)
	return nil
}
