package httpapi

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"domicile/console"
	"domicile/directory"
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
		Created: instant(client.Created), Tokens: scimTokenAnswers(client.Tokens),
	}
}

func (a *api) createClient(c *gin.Context) error {
	org, err := organizationID(c)
	if err != nil {
		return err
	}
	var body clientBody
	if err := readBody(c, schemaNewClient, &body); err != nil {
		return err
	}
	client, secret, err := a.Console.CreateClient(c.Request.Context(), operatorActor, org, console.NewClient{
		Name: body.Name, RedirectURIs: body.RedirectURIs,
	})
	if err != nil {
		return err
	}
	location := pathOrganizations + "/" + string(org) + "/scim-clients/" + string(client.ID)
	return created(c, location, newClientAnswer{a.clientAnswer(console.Client{Client: client}), secret.Reveal()})
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
	return answerJSON(c, http.StatusOK, answer)
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
	return answerJSON(c, http.StatusOK, a.clientAnswer(client))
}

func (a *api) deleteClient(c *gin.Context) error {
	org, id, err := clientIDs(c)
	if err != nil {
		return err
	}
	if err := a.Console.DeleteClient(c.Request.Context(), operatorActor, org, id); err != nil {
		return err
	}
	return noContent(c)
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
	return answerJSON(c, http.StatusCreated, approvalAnswer{code.Reveal(), expires.UTC()})
}

// clientIDs reads both ids from the path.
func clientIDs(c *gin.Context) (directory.OrganizationID, directory.ClientID, error) {
	org, err := organizationID(c)
	if err != nil {
		return "", "", err
	}
	id, err := pathID(c, "client")
	return org, directory.ClientID(id), err
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
		id: "createScimClient", tag: "SCIM clients", summary: "Make an OAuth 2.0 client for an organization's IdP",
		request: schemaNewClient, status: http.StatusCreated, response: schemaCreatedClient, location: true,
		refusals: []int{http.StatusForbidden},
	}
	docListClients = &operation{
		id: "listScimClients", tag: "SCIM clients", summary: "List an organization's OAuth 2.0 clients and their tokens",
		status: http.StatusOK, response: schemaClients,
	}
	docGetClient = &operation{
		id: "getScimClient", tag: "SCIM clients", summary: "Get an OAuth 2.0 client", status: http.StatusOK, response: schemaClient,
	}
	docDeleteClient = &operation{
		id: "deleteScimClient", tag: "SCIM clients", summary: "Delete an OAuth 2.0 client and its tokens at once",
		status: http.StatusNoContent,
	}
	docApproveClient = &operation{
		id: "approveScimClient", tag: "SCIM clients", summary: "Make a code that approves a client on the authorization page",
		status: http.StatusCreated, response: schemaApproval, refusals: []int{http.StatusConflict},
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
