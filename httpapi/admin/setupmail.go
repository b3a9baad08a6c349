package admin

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"domicile/directory"
	"domicile/httpapi/openapi"
	"domicile/oidc/local"
)

// setupMailBody says who is to set up how they sign in.
type setupMailBody struct {
	Email string `json:"email"`
}

func (a *api) mailSetup(c *gin.Context) error {
	org, err := organizationID(c)
	if err != nil {
		return err
	}
	var body setupMailBody
	if err := openapi.ReadBody(c, schemaSetupMail, &body); err != nil {
		return err
	}
	if a.Local == nil {
		return directory.Errorf(directory.KindNotFound, "", "nobody signs in here without an identity provider")
	}
	err = a.Local.MailSetup(c.Request.Context(), org, body.Email, openapi.Actor(c))
	if refusal, ok := errors.AsType[*local.Refusal](err); ok {
		minutes := (refusal.RetryAfter + time.Minute - 1) / time.Minute
		return &openapi.StatusError{
			Status: http.StatusTooManyRequests, Detail: fmt.Sprintf("this address got many mails just now; wait %d minutes", minutes),
		}
	}
	if err != nil {
		return err
	}
	return openapi.NoContent(c)
}

var (
	schemaSetupMail = &schema{
		Name: "SetupMail", Type: types{"object"},
		Properties: map[string]*schema{"email": schemaEmail}, Required: []string{"email"},
	}
	docMailSetup = &operation{
		ID: "mailSetup", Tag: "Users", Summary: "Mail somebody the link to set up how they sign in",
		Description: "To the root user's address, a break-glass address or an invited person: the link leads to a page where they add a " +
			"passkey and get recovery codes. It works for 24 hours, and once.",
		Request: schemaSetupMail, Status: http.StatusNoContent,
		Refusals: []int{http.StatusTooManyRequests, http.StatusServiceUnavailable},
	}
)
