package admin

import (
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"domicile/console"
	"domicile/directory"
	"domicile/httpapi/openapi"
	"domicile/oidc/local"
)

// credentialsAnswer is what an address signs in with here. Nobody can sign in with any of it.
type credentialsAnswer struct {
	ID       string          `json:"id"`
	Email    string          `json:"email"`
	Standing string          `json:"standing"`
	Passkeys []passkeyAnswer `json:"passkeys"`
	Recovery int             `json:"recovery_codes_left"`
	Link     *time.Time      `json:"setup_link_expires_at"`
	Created  time.Time       `json:"created_at"`
	Modified time.Time       `json:"updated_at"`
}

type passkeyAnswer struct {
	Name     string     `json:"name"`
	Created  time.Time  `json:"created_at"`
	LastUsed *time.Time `json:"last_used_at"`
}

type credentialsPageAnswer struct {
	Credentials   []credentialsAnswer `json:"credentials"`
	NextPageToken string              `json:"next_page_token,omitempty"`
}

func newCredentialsAnswer(c console.Credentials) credentialsAnswer {
	answer := credentialsAnswer{
		ID: c.Handle, Email: c.Email, Standing: c.Standing.String(), Passkeys: []passkeyAnswer{}, Recovery: len(c.Recovery),
		Link: openapi.InstantOrNull(c.LinksExpire()), Created: openapi.Instant(c.Created), Modified: openapi.Instant(c.Modified),
	}
	for _, p := range c.Passkeys {
		answer.Passkeys = append(answer.Passkeys, passkeyAnswer{
			Name: p.Name, Created: openapi.Instant(p.Created), LastUsed: openapi.InstantOrNull(p.LastUsed),
		})
	}
	return answer
}

func (a *api) listCredentials(c *gin.Context) error {
	org, err := organizationID(c)
	if err != nil {
		return err
	}
	paging, err := queryPaging(c)
	if err != nil {
		return err
	}
	page, err := a.Console.ListCredentials(c.Request.Context(), org, paging)
	if err != nil {
		return err
	}
	answer := credentialsPageAnswer{Credentials: []credentialsAnswer{}, NextPageToken: page.NextPageToken}
	for _, row := range page.Credentials {
		answer.Credentials = append(answer.Credentials, newCredentialsAnswer(row))
	}
	return openapi.Answer(c, http.StatusOK, answer)
}

func (a *api) deleteCredentials(c *gin.Context) error {
	org, id, err := pathIDs[string](c, "credentials")
	if err != nil {
		return err
	}
	if err := a.Console.DeleteCredentials(c.Request.Context(), openapi.Actor(c), org, id); err != nil {
		return err
	}
	return openapi.NoContent(c)
}

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
	if errors.Is(err, local.ErrTooManyMails) {
		return &openapi.StatusError{
			Status: http.StatusTooManyRequests, Detail: "this address got many mails just now; wait a quarter of an hour",
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
	schemaPasskey = &schema{
		Type: types{"object"},
		Properties: map[string]*schema{
			"name": {Type: types{"string"}, Description: "What its owner calls it."}, "created_at": schemaTime, "last_used_at": {Type: types{"string", "null"}, Format: "date-time"},
		},
		Required: []string{"name", "created_at", "last_used_at"},
	}
	schemaCredentials = &schema{
		Name: "Credentials", Type: types{"object"}, Description: "What an address signs in with here, without an identity provider.",
		Properties: map[string]*schema{
			"id": schemaText, "email": schemaEmail,
			"standing": {
				Type: types{"string"}, Enum: []string{"root", "break_glass", "invited"},
				Description: "What the address is to the organization. An address that becomes nothing to it loses its credentials.",
			},
			"passkeys":            {Type: types{"array"}, Items: schemaPasskey},
			"recovery_codes_left": {Type: types{"integer"}, Description: "Recovery codes that were not used yet."},
			"setup_link_expires_at": {
				Type: types{"string", "null"}, Format: "date-time", Description: "When the last of the set-up links that were mailed and not used expires, or expired; null: there is none.",
			},
			"created_at": schemaTime, "updated_at": schemaTime,
		},
		Required: []string{"id", "email", "standing", "passkeys", "recovery_codes_left", "setup_link_expires_at", "created_at", "updated_at"},
	}
	schemaCredentialsPage = &schema{
		Name: "CredentialsList", Type: types{"object"},
		Properties: map[string]*schema{"credentials": {Type: types{"array"}, Items: schemaCredentials}, "next_page_token": schemaNextPage},
		Required:   []string{"credentials"},
	}
	docListCredentials = &operation{
		ID: "listCredentials", Tag: "Users", Summary: "List who signs in without the identity provider, and with what", Query: pagingParameters,
		Status: http.StatusOK, Response: schemaCredentialsPage, Refusals: []int{http.StatusNotFound},
	}
	docDeleteCredentials = &operation{
		ID: "deleteCredentials", Tag: "Users", Summary: "Delete all that an address signs in with",
		Description: "For a lost device or a leaked list of codes: passkeys and recovery codes are gone, the sessions that the address opened " +
			"end, and it is told by mail. Mail it a new link to set up; an invited person can go on with codes by mail.",
		Status: http.StatusNoContent,
	}
	docMailSetup = &operation{
		ID: "mailSetup", Tag: "Users", Summary: "Mail somebody the link to set up how they sign in",
		Description: "To the root user's address, a break-glass address or an invited person: the link leads to a page where they add a " +
			"passkey and get recovery codes. It works for 24 hours, and once.",
		Request: schemaSetupMail, Status: http.StatusNoContent,
		Refusals: []int{http.StatusTooManyRequests, http.StatusServiceUnavailable},
	}
)
