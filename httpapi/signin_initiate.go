package httpapi

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"domicile/directory"
	"domicile/oidc"
)

// The parameters with which a provider begins a sign-in (OpenID Connect Core §4).
const (
	fieldIssuer = "iss"
	fieldHint   = "login_hint"
	fieldTarget = "target_link_uri"
)

// initiate answers GET and POST /login/initiate/:connection and /login, where a provider begins a sign-in: from its tile for
// us, say. It asks another site by design. What comes of it is a sign-in like any other, begun in this browser now; an answer
// that was not asked for is never taken.
func (a *api) initiate(c *gin.Context) error {
	if err := c.Request.ParseForm(); err != nil {
		return directory.Errorf(directory.KindInvalid, "", "the form cannot be read, or is too large")
	}
	form := c.Request.Form
	request := oidc.StartRequest{
		Connection: directory.ConnectionID(c.Param("connection")), Issuer: form.Get(fieldIssuer),
		LoginHint: form.Get(fieldHint), ReturnTo: a.ownPath(form.Get(fieldTarget)), Cookies: c.Request.Cookies(),
	}
	if request.Connection == "" && request.Issuer == "" {
		return a.show(c, http.StatusOK, a.loginPage(c, ""))
	}
	return a.begin(c, request)
}

// ownPath gives the path of an address of ours, which oidc.ReturnTo judges; of another's it gives nothing of use.
func (a *api) ownPath(target string) string {
	if path, ok := strings.CutPrefix(target, a.loginOrigin()); ok {
		return path
	}
	return target
}

// clientKeys answers GET /.well-known/client-keys.json: the keys with which providers check our client assertions.
func (a *api) clientKeys(c *gin.Context) error {
	keys, err := a.SignIn.ClientKeys(c.Request.Context())
	if err != nil {
		return err
	}
	return publish(c, "application/jwk-set+json", keys)
}

// clientCertificate answers GET /.well-known/client-certificate.pem: what owners upload at providers that take no key set.
func (a *api) clientCertificate(c *gin.Context) error {
	certificate, err := a.SignIn.ClientCertificate(c.Request.Context())
	if err != nil {
		return err
	}
	c.Writer.Header()["Content-Disposition"] = []string{`attachment; filename="domicile-` + a.Region.ID + `.pem"`}
	return publish(c, "application/pem-certificate-chain", certificate) // RFC 8555 §9.1
}

// publish writes what is the same for everybody, for a while.
func publish(c *gin.Context, contentType string, text []byte) error {
	h := c.Writer.Header()
	h["Cache-Control"] = []string{"public, max-age=300"}
	h["Content-Type"] = []string{contentType}
	_, _ = c.Writer.Write(text)
	return nil
}
