package httpapi

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"domicile/console/ui"
	"domicile/directory"
	"domicile/oidc"
	"domicile/oidc/local"
	"domicile/telemetry"
)

// entrance is one of the two pages for people who sign in without an identity provider. Both have the same engine behind
// them; nothing links to the one for emergencies.
type entrance struct {
	path      string
	title     string
	emergency bool
}

var (
	entranceInvited   = &entrance{path: pathLocal, title: "Sign in"}
	entranceEmergency = &entrance{path: local.EmergencyPath, title: "Emergency sign-in", emergency: true}
)

func (e *entrance) code() string { return e.path + "/code" }

// localLink leads from the sign-in page to the one for people without an identity provider; empty where there is none.
func (a *api) localLink(slug, returnTo string) string {
	if a.Local == nil {
		return ""
	}
	query := url.Values{}
	for name, value := range map[string]string{"organization": slug, "return_to": returnTo} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if len(query) == 0 {
		return pathLocal
	}
	return pathLocal + "?" + query.Encode()
}

// enterLocal answers GET /login/local and GET /login/emergency.
func (a *api) enterLocal(e *entrance) handler {
	return func(c *gin.Context) error {
		return a.showEntrance(c, e, http.StatusOK, c.Request.URL.Query().Get, "")
	}
}

// showEntrance asks for a passkey and for what else there is. What the person or a link said already is kept.
func (a *api) showEntrance(c *gin.Context, e *entrance, status int, said func(string) string, notice string) error {
	page := ui.LocalSignIn{Frame: a.frame(e.title), Action: e.path, Emergency: e.emergency, Notice: notice}
	if slug := said("organization"); directory.ValidateSlug(slug) == nil {
		page.Organization = slug
	}
	if target := oidc.ReturnTo(said("return_to")); target != "/" {
		page.ReturnTo = target
	}
	prompt, err := a.Local.AskPasskey(c.Request.Context(), page.ReturnTo)
	if err != nil {
		return a.refuseLocal(c, err, e.path)
	}
	page.Options = a.prompted(c, prompt)
	return a.show(c, status, page)
}

// prompted leaves the challenge of a prompt with the browser and gives the options for its page.
func (a *api) prompted(c *gin.Context, prompt local.Prompt) string {
	if len(prompt.Options) > 0 {
		a.setCookie(c, prompt.Cookie.Name, prompt.Cookie.Value, prompt.Cookie.MaxAge)
	}
	return string(prompt.Options)
}

// form reads a form that one of our own pages sent; without one it has answered.
func (a *api) form(c *gin.Context) (said func(string) string, answered bool, err error) {
	if !a.sameOrigin(c.Request) {
		return nil, true, a.refuseForm(c)
	}
	if err := c.Request.ParseForm(); err != nil {
		return nil, true, formFault(err)
	}
	return c.Request.PostForm.Get, false, nil
}

func visitOf(c *gin.Context) local.Visit {
	return local.Visit{Cookies: c.Request.Cookies(), Agent: oidc.AgentOf(c.Request.UserAgent()), Address: c.ClientIP()}
}

// signInWithPasskey answers POST …/passkey.
func (a *api) signInWithPasskey(e *entrance) handler {
	return func(c *gin.Context) error {
		said, answered, err := a.form(c)
		if answered {
			return err
		}
		step, err := a.Local.CheckPasskey(c.Request.Context(), visitOf(c), []byte(said("response")))
		if err != nil {
			return a.refuseLocal(c, err, e.path)
		}
		a.dropCookie(c, step.Drop)
		if step.SignedIn != nil {
			return a.enter(c, *step.SignedIn)
		}
		return a.askCode(c, e, step.Code)
	}
}

// signInWithRecovery answers POST /login/emergency/recovery.
func (a *api) signInWithRecovery(c *gin.Context) error {
	return a.firstStep(c, entranceEmergency, noticeRecovery, func(said func(string) string) (local.Cookie, error) {
		return a.Local.CheckRecovery(c.Request.Context(), local.RecoveryRequest{
			Email: said("email"), Code: said("recovery"), ReturnTo: oidc.ReturnTo(said("return_to")), Visit: visitOf(c),
		})
	})
}

// signInWithMail answers POST /login/local/mail.
func (a *api) signInWithMail(c *gin.Context) error {
	network, site := networks(c)
	return a.firstStep(c, entranceInvited, noticeMail, func(said func(string) string) (local.Cookie, error) {
		return a.Local.MailCode(c.Request.Context(), local.MailRequest{
			Email: said("email"), Organization: strings.ToLower(strings.TrimSpace(said("organization"))),
			ReturnTo: oidc.ReturnTo(said("return_to")), Place: cmp.Or(site, network), Visit: visitOf(c),
		})
	})
}

// firstStep takes a form that is answered with the question for a mailed code, whatever was in it.
func (a *api) firstStep(c *gin.Context, e *entrance, notice string, take func(said func(string) string) (local.Cookie, error)) error {
	said, answered, err := a.form(c)
	if answered {
		return err
	}
	cookie, err := take(said)
	switch {
	case classOf(err) == local.ClassForm:
		return a.showEntrance(c, e, http.StatusBadRequest, said, notice)
	case err != nil:
		return a.refuseLocal(c, err, e.path)
	}
	return a.askCode(c, e, cookie)
}

// askCode goes on to the page that asks for the mailed code.
func (a *api) askCode(c *gin.Context, e *entrance, cookie local.Cookie) error {
	a.setCookie(c, cookie.Name, cookie.Value, cookie.MaxAge)
	return redirect(c, e.code())
}

// enterCode answers GET …/code.
func (a *api) enterCode(e *entrance) handler {
	return func(c *gin.Context) error { return a.showCode(c, e, http.StatusOK, "") }
}

func (a *api) showCode(c *gin.Context, e *entrance, status int, notice string) error {
	return a.show(c, status, ui.MailedCode{Frame: a.frame(e.title), Action: e.code(), Back: e.path, Notice: notice})
}

// signInWithCode answers POST …/code.
func (a *api) signInWithCode(e *entrance) handler {
	return func(c *gin.Context) error {
		said, answered, err := a.form(c)
		if answered {
			return err
		}
		done, err := a.Local.CheckCode(c.Request.Context(), visitOf(c), said("code"))
		switch class := classOf(err); {
		case class == local.ClassForm, class == local.ClassWrong:
			return a.showCode(c, e, http.StatusBadRequest, noticeCode)
		case err != nil:
			return a.refuseLocal(c, err, e.path)
		}
		return a.enter(c, done)
	}
}

// enter gives the browser its session, in place of what it had before.
func (a *api) enter(c *gin.Context, done local.SignedIn) error {
	if before := a.sessionToken(c.Request); before != "" {
		_ = a.SignIn.Close(c.Request.Context(), before) // the browser loses it; if this fails it ends by its age
	}
	for _, name := range []string{done.Drop, a.SignIn.HintCookie()} {
		if hasCookie(c.Request, name) {
			a.dropCookie(c, name)
		}
	}
	telemetry.EventFrom(c.Request.Context()).SetOrganization(string(done.Organization))
	a.setCookie(c, a.SignIn.SessionCookie(), done.Token.Reveal(), done.MaxAge)
	a.setCookie(c, a.cookieName(regionCookie), a.Region.ID, regionMaxAge)
	return redirect(c, oidc.ReturnTo(done.ReturnTo))
}

// classOf gives the class of a refusal; ClassInternal, the zero value, for no error and for any other.
func classOf(err error) local.Class {
	if refusal, ok := errors.AsType[*local.Refusal](err); ok {
		return refusal.Reason.Class()
	}
	return local.ClassInternal
}
