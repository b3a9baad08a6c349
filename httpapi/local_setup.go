package httpapi

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"domicile/console/ui"
	"domicile/oidc/local"
	"domicile/seal"
)

// setUp answers GET /login/setup/:token: the page of a set-up link.
func (a *api) setUp(c *gin.Context) error { return a.showSetUp(c, http.StatusOK, "") }

func (a *api) showSetUp(c *gin.Context, status int, notice string) error {
	token := c.Param("token")
	at, err := a.Local.Setup(c.Request.Context(), token)
	if err != nil {
		return a.refuseLocal(c, err, c.Request.URL.Path)
	}
	return a.show(c, status, ui.SetUp{
		Frame: a.frame("Set up your sign-in"), Action: local.SetupPath + token, Organization: at.Organization, Email: at.Email,
		Options: a.prompted(c, at.Prompt), Passkeys: at.Passkeys, Codes: at.Codes, Notice: notice,
	})
}

// setUpPasskey answers POST /login/setup/:token/passkey.
func (a *api) setUpPasskey(c *gin.Context) error {
	said, answered, err := a.form(c)
	if answered {
		return err
	}
	made, err := a.Local.SetupPasskey(c.Request.Context(), c.Param("token"), visitOf(c), newPasskey(said))
	switch {
	case retriable(err):
		return a.showSetUp(c, http.StatusBadRequest, noticeNotAdded(err))
	case err != nil:
		return a.refuseLocal(c, err, local.SetupPath+c.Param("token"))
	}
	return a.showMade(c, made, pathLocal)
}

// setUpCodes answers POST /login/setup/:token/codes.
func (a *api) setUpCodes(c *gin.Context) error {
	if _, answered, err := a.form(c); answered {
		return err
	}
	made, err := a.Local.SetupCodes(c.Request.Context(), c.Param("token"))
	if err != nil {
		return a.refuseLocal(c, err, local.SetupPath+c.Param("token"))
	}
	return a.showMade(c, made, entranceEmergency.path)
}

func newPasskey(said func(string) string) local.NewPasskey {
	return local.NewPasskey{Response: []byte(said("response")), Name: said("name")}
}

// noticeNotAdded says why a passkey was not added.
func noticeNotAdded(err error) string {
	if classOf(err) == local.ClassForm {
		return noticeFull
	}
	return noticePasskey
}

// retriable tells whether a passkey was not added for a reason that the next try may not have.
func retriable(err error) bool {
	class := classOf(err)
	return class == local.ClassRefused || class == local.ClassExpired || class == local.ClassForm
}

// showMade shows what a set-up step made: recovery codes are seen now and never again.
func (a *api) showMade(c *gin.Context, made local.Enrolled, next string) error {
	if made.Drop != "" {
		a.dropCookie(c, made.Drop)
	}
	if len(made.Recovery) == 0 {
		return a.show(c, http.StatusOK, ui.Message{
			Frame: a.frame("Passkey added"), Tone: ui.ToneCalm, Heading: "Your passkey is ready",
			Text: "“" + made.Passkey + "” was added. You can sign in with it now.", Action: "Sign in", Link: next,
		})
	}
	page := ui.RecoveryCodes{
		Frame: a.frame("Recovery codes"), Passkey: made.Passkey, Email: made.Email, Codes: revealed(made.Recovery),
		Where: made.Where,
		Link:  next, Action: "I have kept them: sign in",
	}
	if a.Local.Passkeys() {
		page.Next = local.SetupPath + made.Next
	}
	return a.show(c, http.StatusOK, page)
}

func revealed(codes []seal.Secret) []string {
	texts := make([]string, len(codes))
	for i, code := range codes {
		texts[i] = code.Reveal()
	}
	return texts
}
