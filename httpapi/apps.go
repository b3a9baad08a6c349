package httpapi

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"domicile/apps"
	"domicile/directory"
	"domicile/httpapi/openapi"
)

var (
	protocolApps = &protocol{appRefusalOf, sayOAuth}
	classApps    = &class{name: "apps", protocol: protocolApps, maxBody: 64 << 10, timeout: 20 * time.Second}
	// Questions of proxies, at every request of theirs. What they send along is not read.
	classVerify = &class{name: "verify", protocol: protocolApps, maxBody: 0}
)

// appRoutes is the application's door: the OpenID Connect provider, and the judge that proxies ask.
func (a *api) appRoutes() []route {
	if a.Apps == nil {
		return nil
	}
	routes := []route{
		{http.MethodGet, apps.PathMetadata, classApps, a.shared(a.appMetadata), nil},
		{http.MethodGet, apps.PathKeys, classApps, a.shared(a.appKeys), nil},
		{http.MethodGet, apps.PathAuthorize, classSignIn, a.throttled(throttleClient, a.authorizeApp), nil},
		{http.MethodPost, apps.PathAuthorize, classSignIn, a.again(apps.PathAuthorize), nil},
		{http.MethodPost, apps.PathToken, classApps, a.throttled(throttleClient, a.shared(a.appToken)), nil},
		{http.MethodOptions, apps.PathToken, classApps, a.preflight, nil},
		{http.MethodGet, apps.PathUserinfo, classApps, a.shared(a.userinfo), nil},
		{http.MethodPost, apps.PathUserinfo, classApps, a.shared(a.userinfo), nil},
		{http.MethodOptions, apps.PathUserinfo, classApps, a.preflight, nil},
		{http.MethodGet, apps.PathLogout, classSignIn, a.throttled(throttleClient, a.leaveApp), nil},
		{http.MethodPost, apps.PathLogout, classSignIn, a.throttled(throttleClient, a.confirmLeave), nil},
		{http.MethodGet, apps.PathStart, classSignIn, a.throttled(throttleClient, a.startApp), nil},
	}
	return append(routes, a.verifyRoutes()...)
}

// shared lets scripts of any site read an answer: it depends on no cookie, only on what the script itself sends.
func (a *api) shared(next handler) handler {
	return func(c *gin.Context) error {
		c.Writer.Header()["Access-Control-Allow-Origin"] = []string{"*"}
		return next(c)
	}
}

// preflight answers the question of a browser whether a script may ask (Fetch §4.8).
func (a *api) preflight(c *gin.Context) error {
	h := c.Writer.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Methods", "GET, POST")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
	h.Set("Access-Control-Max-Age", "3600")
	return openapi.NoContent(c)
}

const cacheKeys = "public, max-age=300" // well below the hour that a key is published ahead of its first signature

// appMetadata answers GET /oidc/.well-known/openid-configuration.
func (a *api) appMetadata(c *gin.Context) error {
	c.Writer.Header().Set("Cache-Control", cacheKeys)
	return openapi.Answer(c, http.StatusOK, a.Apps.Metadata())
}

// appKeys answers GET /oidc/jwks.
func (a *api) appKeys(c *gin.Context) error {
	keys, err := a.Apps.KeySet(c.Request.Context())
	if err != nil {
		return err
	}
	c.Writer.Header().Set("Cache-Control", cacheKeys)
	return openapi.Answer(c, http.StatusOK, keys)
}

// tokensAnswer is OpenID Connect Core §3.1.3.3.
type tokensAnswer struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"` // seconds
	IDToken     string `json:"id_token"`
	Scope       string `json:"scope"`
}

// appToken answers POST /oidc/token.
func (a *api) appToken(c *gin.Context) error {
	request, err := oauthRequest(c)
	if err != nil {
		return err
	}
	tokens, err := a.Apps.Token(c.Request.Context(), apps.TokenRequest(request))
	if err != nil {
		return err
	}
	return openapi.Answer(c, http.StatusOK, tokensAnswer{
		AccessToken: tokens.Access.Reveal(), TokenType: "Bearer", ExpiresIn: tokens.Expires, IDToken: tokens.ID.Reveal(),
		Scope: strings.Join(tokens.Scopes, " "),
	})
}

// userinfo answers GET and POST /oidc/userinfo (OpenID Connect Core §5.3): 401 when the session has ended, 503 when this node
// cannot know.
func (a *api) userinfo(c *gin.Context) error {
	token, ok := bearer(c.Request)
	if !ok {
		return directory.Errorf(directory.KindUnauthenticated, "", "send the access token: Authorization: Bearer ...")
	}
	claims, err := a.Apps.Userinfo(c.Request.Context(), token)
	if err != nil {
		return err
	}
	return openapi.Answer(c, http.StatusOK, claims)
}

// appRefusalOf is refusalOf in the words of OpenID Connect: the title is the error code.
func appRefusalOf(err error) *refusal {
	fault, ok := errors.AsType[*apps.Error](err)
	if !ok {
		return oauthRefusalOf(err)
	}
	r := &refusal{status: http.StatusBadRequest, kind: directory.KindInvalid, title: string(fault.Code), detail: fault.Detail}
	switch fault.Code {
	case apps.CodeInvalidClient:
		r.status, r.kind, r.challenge = http.StatusUnauthorized, directory.KindUnauthenticated, `Basic realm="domicile"`
	case apps.CodeInvalidToken:
		r.status, r.kind = http.StatusUnauthorized, directory.KindUnauthenticated
	}
	return r
}
