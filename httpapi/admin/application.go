package admin

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"domicile/apps"
	"domicile/console"
	"domicile/directory"
	"domicile/httpapi/openapi"
)

// applicationBody is what is chosen about one of the SaaS company's own applications.
type applicationBody struct {
	Name           string   `json:"name"`
	RedirectURIs   []string `json:"redirect_uris"`
	LogoutURIs     []string `json:"post_logout_redirect_uris"`
	BackChannelURI string   `json:"backchannel_logout_uri"`
	Public         bool     `json:"public"` // read when it is made, only
}

func (b *applicationBody) fields() console.ApplicationFields {
	return console.ApplicationFields{
		Name: b.Name, RedirectURIs: b.RedirectURIs, LogoutURIs: b.LogoutURIs, BackChannelURI: b.BackChannelURI,
	}
}

// applicationAnswer is an application as the API shows it: everything but the secret.
type applicationAnswer struct {
	ID             string    `json:"id"` // also the client_id
	Name           string    `json:"name"`
	RedirectURIs   []string  `json:"redirect_uris"`
	LogoutURIs     []string  `json:"post_logout_redirect_uris"`
	BackChannelURI string    `json:"backchannel_logout_uri"`
	Public         bool      `json:"public"`
	Rotating       bool      `json:"rotating"`
	Issuer         string    `json:"issuer"`
	Created        time.Time `json:"created_at"`
	Modified       time.Time `json:"updated_at"`
}

// newApplicationAnswer is the one answer that has the secret.
type newApplicationAnswer struct {
	applicationAnswer
	Secret string `json:"client_secret,omitempty"`
}

type applicationsAnswer struct {
	Applications []applicationAnswer `json:"applications"`
}

func (a *api) applicationAnswer(application *directory.Application) applicationAnswer {
	return applicationAnswer{
		ID: string(application.ID), Name: application.Name, RedirectURIs: append([]string{}, application.RedirectURIs...),
		LogoutURIs: append([]string{}, application.LogoutURIs...), BackChannelURI: application.BackChannelURI,
		Public: application.Public(), Rotating: application.Rotating(), Issuer: a.Region.URL + apps.PathIssuer,
		Created: openapi.Instant(application.Created), Modified: openapi.Instant(application.Modified),
	}
}

func (a *api) createApplication(c *gin.Context) error {
	var body applicationBody
	if err := openapi.ReadBody(c, schemaNewApplication, &body); err != nil {
		return err
	}
	made, secret, err := a.Console.CreateApplication(c.Request.Context(), openapi.Actor(c), body.fields(), body.Public)
	if err != nil {
		return err
	}
	return openapi.Created(c, pathApplications+"/"+string(made.ID), newApplicationAnswer{a.applicationAnswer(made), secret.Reveal()})
}

func (a *api) listApplications(c *gin.Context) error {
	all, err := a.Console.ListApplications(c.Request.Context())
	if err != nil {
		return err
	}
	answer := applicationsAnswer{Applications: []applicationAnswer{}}
	for _, application := range all {
		answer.Applications = append(answer.Applications, a.applicationAnswer(application))
	}
	return openapi.Answer(c, http.StatusOK, answer)
}

func (a *api) getApplication(c *gin.Context) error {
	id, err := applicationID(c)
	if err != nil {
		return err
	}
	application, err := a.Console.GetApplication(c.Request.Context(), id)
	if err != nil {
		return err
	}
	return openapi.Answer(c, http.StatusOK, a.applicationAnswer(application))
}

func (a *api) updateApplication(c *gin.Context) error {
	id, err := applicationID(c)
	if err != nil {
		return err
	}
	var body applicationBody
	if err := openapi.ReadBody(c, schemaApplicationFields, &body); err != nil {
		return err
	}
	application, err := a.Console.UpdateApplication(c.Request.Context(), openapi.Actor(c), id, body.fields())
	if err != nil {
		return err
	}
	return openapi.Answer(c, http.StatusOK, a.applicationAnswer(application))
}

func (a *api) deleteApplication(c *gin.Context) error {
	id, err := applicationID(c)
	if err != nil {
		return err
	}
	if err := a.Console.DeleteApplication(c.Request.Context(), openapi.Actor(c), id); err != nil {
		return err
	}
	return openapi.NoContent(c)
}

func (a *api) rotateApplication(c *gin.Context) error {
	id, err := applicationID(c)
	if err != nil {
		return err
	}
	application, secret, err := a.Console.RotateApplicationSecret(c.Request.Context(), openapi.Actor(c), id)
	if err != nil {
		return err
	}
	return openapi.Answer(c, http.StatusOK, newApplicationAnswer{a.applicationAnswer(application), secret.Reveal()})
}

func (a *api) finishApplicationRotation(c *gin.Context) error {
	id, err := applicationID(c)
	if err != nil {
		return err
	}
	application, err := a.Console.FinishApplicationRotation(c.Request.Context(), openapi.Actor(c), id)
	if err != nil {
		return err
	}
	return openapi.Answer(c, http.StatusOK, a.applicationAnswer(application))
}

func applicationID(c *gin.Context) (directory.ApplicationID, error) {
	id, err := openapi.PathID(c, "application")
	return directory.ApplicationID(id), err
}

var (
	schemaAddress   = &schema{Type: types{"string"}, MaxLength: 2000}
	schemaAddresses = &schema{Type: types{"array"}, MaxItems: directory.MaxRedirectURIs, Items: schemaAddress}

	schemaNewApplication = &schema{
		Name: "NewApplication", Type: types{"object"}, Required: applicationRequired, Properties: applicationFields(map[string]*schema{
			"public": {Type: types{"boolean"}, Description: "It cannot keep a secret, and has PKCE alone. This never changes."},
		}),
	}
	schemaApplicationFields = &schema{
		Name: "ApplicationFields", Type: types{"object"}, Required: applicationRequired, Properties: applicationFields(nil),
	}
	schemaApplication = &schema{
		Name: "Application", Type: types{"object"}, Required: applicationAnswered, Properties: applicationFields(applicationMore()),
	}
	schemaCreatedApplication = &schema{
		Name: "CreatedApplication", Type: types{"object"}, Required: applicationAnswered, Properties: func() map[string]*schema {
			properties := applicationFields(applicationMore())
			properties["client_secret"] = &schema{
				Type: types{"string"}, Description: "It is shown here and never again. A public application has none.",
			}
			return properties
		}(),
	}
	schemaApplications = &schema{
		Name: "Applications", Type: types{"object"}, Required: []string{"applications"},
		Properties: map[string]*schema{"applications": {Type: types{"array"}, Items: schemaApplication}},
	}

	docCreateApplication = &operation{
		ID: "createApplication", Tag: "Applications", Summary: "Register one of your own applications in the region",
		Request: schemaNewApplication, Status: http.StatusCreated, Response: schemaCreatedApplication, Location: true,
	}
	docListApplications = &operation{
		ID: "listApplications", Tag: "Applications", Summary: "List the applications", Status: http.StatusOK, Response: schemaApplications,
	}
	docGetApplication = &operation{
		ID: "getApplication", Tag: "Applications", Summary: "Get an application", Status: http.StatusOK, Response: schemaApplication,
	}
	docUpdateApplication = &operation{
		ID: "updateApplication", Tag: "Applications", Summary: "Replace what is chosen about an application",
		Description: "The client secret stays as it is.", Request: schemaApplicationFields, Status: http.StatusOK,
		Response: schemaApplication,
	}
	docDeleteApplication = &operation{
		ID: "deleteApplication", Tag: "Applications", Summary: "Delete an application and refuse its tokens at once",
		Status: http.StatusNoContent,
	}
	docRotateApplication = &operation{
		ID: "rotateApplicationSecret", Tag: "Applications", Summary: "Give an application a new client secret",
		Description: "The secret before stays good beside it until the rotation is finished.", Status: http.StatusOK,
		Response: schemaCreatedApplication, Refusals: []int{http.StatusConflict},
	}
	docFinishApplicationRotation = &operation{
		ID: "finishApplicationRotation", Tag: "Applications", Summary: "Refuse the client secret before the present one",
		Status: http.StatusOK, Response: schemaApplication,
	}
)

var (
	applicationRequired = []string{"name", "redirect_uris"}
	applicationAnswered = []string{
		"id", "name", "redirect_uris", "post_logout_redirect_uris", "backchannel_logout_uri", "public", "rotating", "issuer",
		"created_at", "updated_at",
	}
)

// applicationFields adds what is chosen about an application to more.
func applicationFields(more map[string]*schema) map[string]*schema {
	if more == nil {
		more = make(map[string]*schema)
	}
	more["name"], more["redirect_uris"], more["post_logout_redirect_uris"] = schemaName, schemaAddresses, schemaAddresses
	more["backchannel_logout_uri"] = &schema{
		Type: types{"string"}, MaxLength: 2000, Description: "Where it is told that a session ended; empty for nowhere.",
	}
	return more
}

func applicationMore() map[string]*schema {
	return map[string]*schema{
		"id": {Type: types{"string"}, Description: "Also the client_id."}, "public": schemaFlag,
		"rotating":   {Type: types{"boolean"}, Description: "The client secret before is still good."},
		"issuer":     {Type: types{"string"}, Format: "uri", Description: "What the application's OpenID Connect library is given."},
		"created_at": schemaTime, "updated_at": schemaTime,
	}
}
