package httpapi

import (
	"encoding/base64"
	"html"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"domicile/apps"
	"domicile/directory"
	"domicile/oidc"
	"domicile/telemetry"
)

// verifyRoutes is where proxies ask about a request of theirs. They ask with its method, or with GET; Envoy puts its path behind
// ours.
func (a *api) verifyRoutes() []route {
	var routes []route
	for _, method := range []string{
		http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
		http.MethodConnect, http.MethodTrace,
	} {
		routes = append(routes,
			route{method, apps.PathVerify, classVerify, a.verify, nil},
			route{method, apps.PathVerify + "/*path", classVerify, a.verify, nil})
	}
	return routes
}

// identityHeaders are apps.Headers as net/http keeps them.
var identityHeaders = func() []string {
	names := apps.Headers()
	for i, name := range names {
		names[i] = textproto.CanonicalMIMEHeaderKey(name)
	}
	return names
}()

// verify answers any method at /auth/verify: 200 with who it is, 401 for nobody, 403 for a session that opens no application,
// 503 when this node cannot know. The session cookie decides alone: neither the path nor a header that a client could have sent.
// Every identity header is in every answer, so that a proxy that copies them leaves none of a client's.
func (a *api) verify(c *gin.Context) error {
	identity, err := a.Apps.Verify(c.Request.Context(), a.sessionToken(c.Request))
	h := c.Writer.Header()
	for i, value := range identity.Values() {
		h[identityHeaders[i]] = []string{value}
	}
	switch directory.KindOf(err) {
	case 0:
		telemetry.EventFrom(c.Request.Context()).SetOrganization(identity.Organization)
		c.Writer.WriteHeader(http.StatusOK)
		c.Writer.WriteHeaderNow()
		return nil
	case directory.KindUnauthenticated:
		return a.sendToStart(c)
	}
	return err
}

// sendToStart says where signing in begins: in a header for proxies that redirect, and in a page for those that show our answer
// to the person.
func (a *api) sendToStart(c *gin.Context) error {
	start := a.Apps.StartURL()
	if rest := strings.TrimPrefix(c.Request.URL.RequestURI(), apps.PathVerify); strings.HasPrefix(rest, "/") {
		start += "?rd=" + url.QueryEscape(oidc.ReturnTo(rest)) // of a proxy that puts the path behind ours
	}
	h := c.Writer.Header()
	h.Set(apps.HeaderStart, start)
	h.Set("WWW-Authenticate", `Cookie realm="domicile"`)
	h.Set("Content-Type", "text/html; charset=utf-8")
	c.Writer.WriteHeader(http.StatusUnauthorized)
	address := html.EscapeString(start)
	_, _ = c.Writer.WriteString(`<!doctype html><html lang="en"><title>Sign in</title><meta http-equiv="refresh" content="0;url=` +
		address + `"><p><a href="` + address + `">Sign in</a></p></html>`)
	return nil
}

// startApp answers GET /auth/start: to the sign-in page, and from there back to where rd says: a path, or an address of an
// application.
func (a *api) startApp(c *gin.Context) error {
	target, err := a.returnOf(c, wanted(c.Request.URL.RawQuery))
	if err == nil {
		_, err = a.who(c)
	}
	switch directory.KindOf(err) {
	case 0:
		return leave(c, target)
	case directory.KindUnauthenticated:
	case directory.KindUnavailable:
		return a.unavailable(c, true)
	default:
		return err
	}
	if target[0] != '/' { // the sign-in page takes paths only
		target = apps.PathStart + "?to=" + base64.RawURLEncoding.EncodeToString([]byte(target))
	}
	return redirect(c, pathLogin+"?return_to="+url.QueryEscape(target))
}

// returnOf gives where to go back to; "/" for what is not certain to be ours or an application's.
func (a *api) returnOf(c *gin.Context, address string) (string, error) {
	if strings.HasPrefix(address, "/") {
		return oidc.ReturnTo(address), nil
	}
	ok, err := a.Apps.ReturnsTo(c.Request.Context(), address)
	if !ok {
		address = "/"
	}
	return address, err
}

// wanted reads rd, or to, which is rd as this page itself hands it on. Proxies that cannot escape put the address of a request
// behind rd= as it is: then all of the rest is meant, ampersands included.
func wanted(query string) string {
	if raw, ok := strings.CutPrefix(query, "rd="); ok {
		if strings.HasPrefix(raw, "/") || strings.Contains(raw, "://") {
			return raw
		}
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return ""
	}
	if to, err := base64.RawURLEncoding.DecodeString(values.Get("to")); err == nil && len(to) > 0 {
		return string(to)
	}
	return values.Get("rd")
}
