package httpapi

import (
	"encoding/base64"
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"

	"domicile/console/ui"
	"domicile/directory"
	"domicile/httpapi/openapi"
	"domicile/oidc/local"
)

const (
	pathLocal = "/login/local"
	pathKeys  = "/account/keys"

	dateFormat = "2 January 2006"
)

// signInAgain leads to the sign-in page and back to the keys.
var signInAgain = pathLocal + "?return_to=" + url.QueryEscape(pathKeys)

// person finds who is signed in; somebody who is not has been answered.
func (a *api) person(c *gin.Context) (p local.Person, answered bool, err error) {
	who, err := a.who(c)
	switch directory.KindOf(err) {
	case 0:
		return local.Person{User: who.User, Organization: who.Organization, Session: who.Session}, false, nil
	case directory.KindUnauthenticated:
		return local.Person{}, true, redirect(c, signInAgain)
	default:
		return local.Person{}, true, a.unavailable(c, false)
	}
}

// keys answers GET /account/keys: what the person signs in with here.
func (a *api) keys(c *gin.Context) error {
	p, answered, err := a.person(c)
	if answered {
		return err
	}
	return a.showKeys(c, p, http.StatusOK, "")
}

func (a *api) showKeys(c *gin.Context, p local.Person, status int, notice string) error {
	keys, err := a.Local.Keys(c.Request.Context(), p)
	if err != nil {
		return a.refuseLocal(c, err, pathKeys)
	}
	page := ui.Keys{
		Frame: a.frame("Passkeys"), Email: keys.Email, Action: pathKeys, Options: a.prompted(c, keys.Prompt), Codes: keys.Codes,
		Left: keys.Recovery, Fresh: keys.Fresh, Again: signInAgain, Notice: notice,
	}
	for _, key := range keys.Passkeys {
		row := ui.Passkey{
			ID: base64.RawURLEncoding.EncodeToString([]byte(key.ID)), Name: key.Name, Created: openapi.Instant(key.Created).Format(dateFormat),
		}
		if key.LastUsed > 0 {
			row.LastUsed = openapi.Instant(key.LastUsed).Format(dateFormat)
		}
		page.Passkeys = append(page.Passkeys, row)
	}
	return a.show(c, status, page)
}

// changeKeys is a handler that a signed-in person's form reaches.
func (a *api) changeKeys(change func(c *gin.Context, p local.Person, said func(string) string) error) handler {
	return func(c *gin.Context) error {
		said, answered, err := a.form(c)
		if answered {
			return err
		}
		p, answered, err := a.person(c)
		if answered {
			return err
		}
		err = change(c, p, said)
		if classOf(err) == local.ClassNotFresh {
			return redirect(c, pathKeys) // which says so
		}
		if _, refused := err.(*local.Refusal); refused {
			return a.refuseLocal(c, err, pathKeys)
		}
		return err
	}
}

// addKey answers POST /account/keys/passkey.
func (a *api) addKey(c *gin.Context, p local.Person, said func(string) string) error {
	made, err := a.Local.AddKey(c.Request.Context(), p, visitOf(c), newPasskey(said))
	switch {
	case retriable(err):
		return a.showKeys(c, p, http.StatusBadRequest, noticeNotAdded(err))
	case err != nil:
		return err
	}
	a.dropCookie(c, made.Drop)
	return redirect(c, pathKeys)
}

// removeKey answers POST /account/keys/remove.
func (a *api) removeKey(c *gin.Context, p local.Person, said func(string) string) error {
	id, err := base64.RawURLEncoding.DecodeString(said("id"))
	if err != nil {
		return directory.Errorf(directory.KindInvalid, "id", "this is no passkey")
	}
	if err := a.Local.RemoveKey(c.Request.Context(), p, string(id)); err != nil {
		return err
	}
	return redirect(c, pathKeys)
}

// renewCodes answers POST /account/keys/codes.
func (a *api) renewCodes(c *gin.Context, p local.Person, _ func(string) string) error {
	made, err := a.Local.RenewCodes(c.Request.Context(), p)
	if err != nil {
		return err
	}
	return a.show(c, http.StatusOK, ui.RecoveryCodes{
		Frame: a.frame("Recovery codes"), Email: made.Email, Codes: revealed(made.Recovery), Where: made.Where, Link: pathKeys, Action: "I have kept them",
	})
}
