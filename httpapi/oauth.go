package httpapi

import (
	"errors"
	"maps"
	"mime"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"domicile/console/ui"
	"domicile/directory"
	"domicile/httpapi/openapi"
	"domicile/scim/oauth"
	"domicile/telemetry"
)

var (
	protocolOAuth = &protocol{oauthRefusalOf, sayOAuth}
	classOAuth    = &class{name: "oauth", protocol: protocolOAuth, maxBody: 64 << 10, timeout: 20 * time.Second}
)

// oauthRoutes is the authorization server for identity providers. Its page is a page like those of the person's door.
func (a *api) oauthRoutes() []route {
	if a.OAuth == nil {
		return nil
	}
	return []route{
		{http.MethodGet, oauth.PathMetadata, classOAuth, a.oauthMetadata, nil},
		{http.MethodGet, oauth.PathAuthorize, classSignIn, a.askConnect, nil},
		{http.MethodPost, oauth.PathAuthorize, classSignIn, a.decideConnect, nil},
		{http.MethodPost, oauth.PathToken, classOAuth, a.grantToken, nil},
		{http.MethodPost, oauth.PathRevoke, classOAuth, a.revokeGrant, nil},
	}
}

// oauthMetadata answers GET /.well-known/oauth-authorization-server (RFC 8414 §3).
func (a *api) oauthMetadata(c *gin.Context) error {
	return openapi.Answer(c, http.StatusOK, a.OAuth.Metadata())
}

// accessAnswer is RFC 6749 §5.1.
type accessAnswer struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int    `json:"expires_in"` // seconds
	RefreshToken string `json:"refresh_token,omitempty"`
	Scope        string `json:"scope"`
}

// grantToken answers POST /oauth/token.
func (a *api) grantToken(c *gin.Context) error {
	request, err := oauthRequest(c)
	if err != nil {
		return err
	}
	tokens, err := a.OAuth.Token(c.Request.Context(), request)
	if err != nil {
		return err
	}
	return openapi.Answer(c, http.StatusOK, accessAnswer{
		AccessToken: tokens.Access.Reveal(), TokenType: "Bearer", ExpiresIn: int(oauth.AccessLife.Seconds()),
		RefreshToken: tokens.Refresh.Reveal(), Scope: oauth.Scope,
	})
}

// revokeGrant answers POST /oauth/revoke (RFC 7009 §2.2): an empty answer, whether or not there was such a token.
func (a *api) revokeGrant(c *gin.Context) error {
	request, err := oauthRequest(c)
	if err != nil {
		return err
	}
	if err := a.OAuth.Revoke(c.Request.Context(), request); err != nil {
		return err
	}
	c.Writer.WriteHeader(http.StatusOK)
	c.Writer.WriteHeaderNow()
	return nil
}

// oauthRequest reads the form post of a client.
func oauthRequest(c *gin.Context) (oauth.Request, error) {
	c.Writer.Header().Set("Pragma", "no-cache") // RFC 6749 §5.1
	const form = "application/x-www-form-urlencoded"
	if media, _, err := mime.ParseMediaType(c.GetHeader("Content-Type")); err != nil || media != form {
		return oauth.Request{}, directory.Errorf(directory.KindInvalid, "", "send the parameters as %s", form)
	}
	if err := c.Request.ParseForm(); err != nil {
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			return oauth.Request{}, err
		}
		return oauth.Request{}, directory.Errorf(directory.KindInvalid, "", "the form cannot be read")
	}
	return oauth.Request{Authorization: c.GetHeader("Authorization"), Form: c.Request.PostForm}, nil
}

// askConnect answers GET /oauth/authorize: the page on which an owner approves.
func (a *api) askConnect(c *gin.Context) error {
	question, err := a.OAuth.Authorize(c.Request.Context(), c.Request.URL.Query())
	if err != nil {
		return a.refuseConnect(c, err)
	}
	return a.show(c, http.StatusOK, a.connectPage(question, ""))
}

// decideConnect answers POST /oauth/authorize: back to the client, or the page again.
func (a *api) decideConnect(c *gin.Context) error {
	if !a.sameOrigin(c.Request) {
		return a.refuseForm(c)
	}
	if err := c.Request.ParseForm(); err != nil {
		return directory.Errorf(directory.KindInvalid, "", "the form cannot be read, or is too large")
	}
	values := c.Request.PostForm
	location, err := a.OAuth.Decide(c.Request.Context(), values)
	if errors.Is(err, oauth.ErrApproval) {
		question, again := a.OAuth.Authorize(c.Request.Context(), values)
		if again != nil {
			return a.refuseConnect(c, again)
		}
		return a.show(c, http.StatusForbidden, a.connectPage(question, sentence(oauth.ErrApproval.Detail)))
	}
	if err != nil {
		return a.refuseConnect(c, err)
	}
	c.Redirect(http.StatusSeeOther, location)
	return nil
}

func (a *api) connectPage(q *oauth.Question, notice string) ui.Connect {
	page := ui.Connect{
		Frame: a.frame("Connect"), Client: q.Client, Organization: q.Organization, Host: q.Redirect.Host, Notice: notice,
	}
	for _, name := range slices.Sorted(maps.Keys(q.Parameters)) {
		page.Hidden = append(page.Hidden, ui.Field{Name: name, Value: q.Parameters.Get(name)})
	}
	return page
}

// refuseConnect takes an error to the client where that is known to be its own address, and else to the person (RFC 6749
// §4.1.2.1).
func (a *api) refuseConnect(c *gin.Context, err error) error {
	fault, ok := errors.AsType[*oauth.Error](err)
	if !ok {
		return err
	}
	telemetry.EventFrom(c.Request.Context()).SetError(string(fault.Code))
	if fault.Redirect != "" {
		c.Redirect(http.StatusSeeOther, fault.Redirect)
		return nil
	}
	return a.show(c, http.StatusBadRequest, ui.Message{
		Frame: a.frame("Cannot connect"), Tone: ui.ToneTrouble, Heading: "This connection cannot be made",
		Text: sentence(fault.Detail), Advice: "Compare the client’s settings in your identity provider with those here, and start again there.",
		Reference: c.Writer.Header().Get("X-Request-Id"),
	})
}

// oauthFault is the error body of RFC 6749 §5.2.
type oauthFault struct {
	Error       string `json:"error"`
	Description string `json:"error_description,omitempty"`
}

// oauthRefusalOf is refusalOf in the words of OAuth 2.0: the title is the error code.
func oauthRefusalOf(err error) *refusal {
	if fault, ok := errors.AsType[*oauth.Error](err); ok {
		r := &refusal{status: http.StatusBadRequest, kind: directory.KindInvalid, title: string(fault.Code), detail: fault.Detail}
		if fault.Code == oauth.CodeInvalidClient {
			r.status, r.kind, r.challenge = http.StatusUnauthorized, directory.KindUnauthenticated, `Basic realm="domicile"`
		}
		return r
	}
	r := *refusalOf(err)
	switch {
	case r.status == http.StatusServiceUnavailable:
		r.title = "temporarily_unavailable"
	case r.status >= http.StatusInternalServerError:
		r.title = "server_error"
	default:
		r.title = string(oauth.CodeInvalidRequest)
	}
	return &r
}

func sayOAuth(_ *api, c *gin.Context, r *refusal, _ string) {
	openapi.WriteJSON(c, r.status, "application/json", oauthFault{Error: r.title, Description: r.detail})
}
