package admin

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"domicile/console"
	"domicile/directory"
	"domicile/httpapi/openapi"
	"domicile/scim/oauth"
)

// clientBody is what makes an OAuth 2.0 client for an organization's IdP.
type clientBody struct {
	Name         string   `json:"name"`
	RedirectURIs []string `json:"redirect_uris"`
}

// clientAnswer is an OAuth 2.0 client as the API shows it, with what an administrator types into the IdP: everything but
// the secret.
type clientAnswer struct {
	ID           string            `json:"id"` // also the client_id
	Name         string            `json:"name"`
	RedirectURIs []string          `json:"redirect_uris"`
	AuthorizeURL string            `json:"authorize_url"`
	TokenURL     string            `json:"token_url"`
	Created      time.Time         `json:"created_at"`
	Tokens       []scimTokenAnswer `json:"tokens"`
}

// newClientAnswer is the one answer that has the secret.
type newClientAnswer struct {
	clientAnswer
	Secret string `json:"client_secret"`
}

type clientsAnswer struct {
	Clients []clientAnswer `json:"scim_clients"`
}

// approvalAnswer is the one answer that has the approval code.
type approvalAnswer struct {
	Code    string    `json:"code"`
	Expires time.Time `json:"expires_at"`
}

func (a *api) clientAnswer(client console.Client) clientAnswer {
	return clientAnswer{
		ID: string(client.ID), Name: client.Name, RedirectURIs: append([]string{}, client.RedirectURIs...),
		AuthorizeURL: a.Region.URL + oauth.PathAuthorize, TokenURL: a.Region.URL + oauth.PathToken,
		Created: openapi.Instant(client.Created), Tokens: scimTokenAnswers(client.Tokens),
	}
}

func (a *api) createClient(c *gin.Context) error {
	org, err := organizationID(c)
	if err != nil {
		return err
	}
	var body clientBody
	if err := openapi.ReadBody(c, schemaNewClient, &body); err != nil {
		return err
	}
	client, secret, err := a.Console.CreateClient(c.Request.Context(), openapi.Actor(c), org, console.NewClient{
		Name: body.Name, RedirectURIs: body.RedirectURIs,
	})
	if err != nil {
		return err
	}
	location := pathOrganizations + "/" + string(org) + "/scim-clients/" + string(client.ID)
	return openapi.Created(c, location, newClientAnswer{a.clientAnswer(console.Client{Client: client}), secret.Reveal()})
}

func (a *api) listClients(c *gin.Context) error {
	org, err := organizationID(c)
	if err != nil {
		return err
	}
	clients, err := a.Console.ListClients(c.Request.Context(), org)
	if err != nil {
		return err
	}
	answer := clientsAnswer{Clients: []clientAnswer{}}
	for _, client := range clients {
		answer.Clients = append(answer.Clients, a.clientAnswer(client))
	}
	return openapi.Answer(c, http.StatusOK, answer)
}

func (a *api) getClient(c *gin.Context) error {
	org, id, err := clientIDs(c)
	if err != nil {
		return err
	}
	client, err := a.Console.GetClient(c.Request.Context(), org, id)
	if err != nil {
		return err
	}
	return openapi.Answer(c, http.StatusOK, a.clientAnswer(client))
}

func (a *api) deleteClient(c *gin.Context) error {
	org, id, err := clientIDs(c)
	if err != nil {
		return err
	}
	if err := a.Console.DeleteClient(c.Request.Context(), openapi.Actor(c), org, id); err != nil {
		return err
	}
	return openapi.NoContent(c)
}

// approveClient makes the code that a person enters on the authorization page.
func (a *api) approveClient(c *gin.Context) error {
	org, id, err := clientIDs(c)
	if err != nil {
		return err
	}
	if a.OAuth == nil {
		return directory.Errorf(directory.KindConflict, "", "this region serves no OAuth 2.0 clients")
	}
	code, expires, err := a.OAuth.Approve(c.Request.Context(), org, id)
	if err != nil {
		return err
	}
	return openapi.Answer(c, http.StatusCreated, approvalAnswer{code.Reveal(), expires.UTC()})
}

var (
	schemaRedirects = &schema{
		Type: types{"array"}, MaxItems: directory.MaxRedirectURIs, Items: &schema{Type: types{"string"}, MaxLength: 2000},
		Description: "Where the IdP wants people back after they approved; compared exactly. Without any, the client uses client credentials.",
	}
	schemaNewClient = &schema{
		Name: "NewScimClient", Type: types{"object"},
		Properties: map[string]*schema{"name": schemaName, "redirect_uris": schemaRedirects}, Required: []string{"name"},
	}
	schemaClient = &schema{
		Name: "ScimClient", Type: types{"object"}, Properties: clientProperties(), Required: clientRequired,
	}
	schemaCreatedClient = &schema{
		Name: "CreatedScimClient", Type: types{"object"}, Properties: func() map[string]*schema {
			properties := clientProperties()
			properties["client_secret"] = &schema{Type: types{"string"}, Description: "It is shown here and never again."}
			return properties
		}(),
		Required: append([]string{"client_secret"}, clientRequired...),
	}
	schemaClients = &schema{
		Name: "ScimClients", Type: types{"object"},
		Properties: map[string]*schema{"scim_clients": {Type: types{"array"}, Items: schemaClient}},
		Required:   []string{"scim_clients"},
	}
	schemaApproval = &schema{
		Name: "ScimClientApproval", Type: types{"object"},
		Properties: map[string]*schema{
			"code":       {Type: types{"string"}, Description: "What a person enters on the authorization page, once."},
			"expires_at": schemaTime,
		},
		Required: []string{"code", "expires_at"},
	}

	docCreateClient = &operation{
		ID: "createScimClient", Tag: "SCIM clients", Summary: "Make an OAuth 2.0 client for an organization's IdP",
		Request: schemaNewClient, Status: http.StatusCreated, Response: schemaCreatedClient, Location: true,
		Refusals: []int{http.StatusForbidden},
	}
	docListClients = &operation{
		ID: "listScimClients", Tag: "SCIM clients", Summary: "List an organization's OAuth 2.0 clients and their tokens",
		Status: http.StatusOK, Response: schemaClients,
	}
	docGetClient = &operation{
		ID: "getScimClient", Tag: "SCIM clients", Summary: "Get an OAuth 2.0 client", Status: http.StatusOK, Response: schemaClient,
	}
	docDeleteClient = &operation{
		ID: "deleteScimClient", Tag: "SCIM clients", Summary: "Delete an OAuth 2.0 client and its tokens at once",
		Status: http.StatusNoContent,
	}
	docApproveClient = &operation{
		ID: "approveScimClient", Tag: "SCIM clients", Summary: "Make a code that approves a client on the authorization page",
		Status: http.StatusCreated, Response: schemaApproval, Refusals: []int{http.StatusConflict},
	}
)

var clientRequired = []string{"id", "name", "redirect_uris", "authorize_url", "token_url", "created_at", "tokens"}

func clientProperties() map[string]*schema {
	return map[string]*schema{
		"id":   {Type: types{"string"}, Description: "Also the client_id."},
		"name": schemaName, "redirect_uris": schemaRedirects,
		"authorize_url": {Type: types{"string"}, Format: "uri"}, "token_url": {Type: types{"string"}, Format: "uri"},
		"created_at": schemaTime, "tokens": {Type: types{"array"}, Items: schemaToken},
	}
}
