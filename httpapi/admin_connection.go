package httpapi

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"domicile/console"
	"domicile/directory"
)

// connectionBody is what makes or replaces an OpenID Connect connection.
type connectionBody struct {
	Issuer       string               `json:"issuer"`
	ClientID     string               `json:"client_id"`
	ClientSecret console.Secret       `json:"client_secret"`
	AuthMethod   directory.AuthMethod `json:"auth_method"`
	Scopes       []string             `json:"scopes"`
	Enabled      *bool                `json:"enabled"`
}

// connectionAnswer is a connection as the API shows it: everything but the secret.
type connectionAnswer struct {
	ID          string               `json:"id"`
	Issuer      string               `json:"issuer"`
	ClientID    string               `json:"client_id"`
	AuthMethod  directory.AuthMethod `json:"auth_method"`
	Scopes      []string             `json:"scopes"`
	Enabled     bool                 `json:"enabled"`
	RedirectURI string               `json:"redirect_uri"` // what an administrator registers at the provider
	Created     time.Time            `json:"created_at"`
	Modified    time.Time            `json:"updated_at"`
	// Discovery is what the provider said of itself just now; only where the connection was put.
	Discovery *console.Discovery `json:"discovery,omitempty"`
}

type connectionsAnswer struct {
	Connections []connectionAnswer `json:"connections"`
}

func (a *api) connectionAnswer(conn *directory.Connection) connectionAnswer {
	answer := connectionAnswer{
		ID: string(conn.ID), Issuer: conn.Issuer, ClientID: conn.ClientID, AuthMethod: conn.AuthMethod,
		Scopes: conn.Scopes, Enabled: conn.Enabled, RedirectURI: a.SignIn.RedirectURI(conn.ID),
		Created: instant(conn.Created), Modified: instant(conn.Modified),
	}
	if answer.Scopes == nil {
		answer.Scopes = []string{}
	}
	return answer
}

func (a *api) createConnection(c *gin.Context) error {
	org, err := organizationID(c)
	if err != nil {
		return err
	}
	answer, err := a.putConnection(c, org, "")
	if err != nil {
		return err
	}
	return created(c, pathOrganizations+"/"+string(org)+"/connections/"+answer.ID, answer)
}

func (a *api) replaceConnection(c *gin.Context) error {
	org, id, err := connectionIDs(c)
	if err != nil {
		return err
	}
	answer, err := a.putConnection(c, org, id)
	if err != nil {
		return err
	}
	return answerJSON(c, http.StatusOK, answer)
}

func (a *api) putConnection(c *gin.Context, org directory.OrganizationID, id directory.ConnectionID) (connectionAnswer, error) {
	var body connectionBody
	if err := readBody(c, schemaNewConnection, &body); err != nil {
		return connectionAnswer{}, err
	}
	conn, discovery, err := a.Console.PutConnection(c.Request.Context(), operatorActor, org, id, console.ConnectionFields{
		Issuer: body.Issuer, ClientID: body.ClientID, ClientSecret: body.ClientSecret, AuthMethod: body.AuthMethod,
		Scopes: body.Scopes, Enabled: body.Enabled == nil || *body.Enabled,
	})
	if err != nil {
		return connectionAnswer{}, err
	}
	answer := a.connectionAnswer(conn)
	answer.Discovery = discovery
	return answer, nil
}

func (a *api) listConnections(c *gin.Context) error {
	org, err := organizationID(c)
	if err != nil {
		return err
	}
	connections, err := a.Console.ListConnections(c.Request.Context(), org)
	if err != nil {
		return err
	}
	answer := connectionsAnswer{Connections: []connectionAnswer{}}
	for _, conn := range connections {
		answer.Connections = append(answer.Connections, a.connectionAnswer(conn))
	}
	return answerJSON(c, http.StatusOK, answer)
}

func (a *api) getConnection(c *gin.Context) error {
	org, id, err := connectionIDs(c)
	if err != nil {
		return err
	}
	conn, err := a.Console.GetConnection(c.Request.Context(), org, id)
	if err != nil {
		return err
	}
	return answerJSON(c, http.StatusOK, a.connectionAnswer(conn))
}

func (a *api) deleteConnection(c *gin.Context) error {
	org, id, err := connectionIDs(c)
	if err != nil {
		return err
	}
	if err := a.Console.DeleteConnection(c.Request.Context(), operatorActor, org, id); err != nil {
		return err
	}
	return noContent(c)
}

// connectionIDs reads both ids from the path.
func connectionIDs(c *gin.Context) (directory.OrganizationID, directory.ConnectionID, error) {
	org, err := organizationID(c)
	if err != nil {
		return "", "", err
	}
	id, err := pathID(c, "connection")
	return org, directory.ConnectionID(id), err
}

var (
	schemaIssuer = &schema{
		Type: types{"string"}, Format: "uri", MaxLength: 512,
		Description: "The issuer as its discovery document names it; a trailing slash may differ.",
	}
	schemaClientID   = &schema{Type: types{"string"}, MaxLength: 512}
	schemaAuthMethod = &schema{
		Type: types{"string"}, Enum: []string{string(directory.AuthBasic), string(directory.AuthPost)},
		Description: "How the token endpoint authenticates us; client_secret_basic when not given.",
	}
	schemaScopes = &schema{
		Type: types{"array"}, MaxItems: 20, Items: &schema{Type: types{"string"}, MaxLength: 128},
		Description: "Besides openid, profile and email.",
	}
	schemaEnabled = &schema{Type: types{"boolean"}, Description: "Whether people may sign in through it; true when not given."}

	schemaNewConnection = &schema{
		Name: "NewConnection", Type: types{"object"},
		Properties: map[string]*schema{
			"issuer": schemaIssuer, "client_id": schemaClientID,
			"client_secret": {
				Type: types{"string"}, MaxLength: 2048, WriteOnly: true,
				Description: "Required for a new connection and when issuer or client_id change; else the old one is kept.",
			},
			"auth_method": schemaAuthMethod, "scopes": schemaScopes, "enabled": schemaEnabled,
		},
		Required: []string{"issuer", "client_id"},
	}
	schemaConnection = &schema{
		Name: "Connection", Type: types{"object"},
		Properties: map[string]*schema{
			"id": schemaText, "issuer": schemaIssuer, "client_id": schemaClientID, "auth_method": schemaAuthMethod,
			"scopes": schemaScopes, "enabled": schemaEnabled,
			"redirect_uri": {Type: types{"string"}, Format: "uri", Description: "What an administrator registers at the provider."},
			"created_at":   schemaTime, "updated_at": schemaTime,
			"discovery": schemaDiscovery,
		},
		Required: []string{
			"id", "issuer", "client_id", "auth_method", "scopes", "enabled", "redirect_uri", "created_at", "updated_at",
		},
	}
	schemaDiscovery = &schema{
		Name: "Discovery", Type: types{"object"},
		Description: "What the provider's discovery document said when the connection was put; only in that answer.",
		Properties: map[string]*schema{
			"issuer": schemaText, "authorization_endpoint": schemaText, "token_endpoint": schemaText, "jwks_uri": schemaText,
			"userinfo_endpoint": schemaText, "end_session_endpoint": schemaText,
			"id_token_signing_alg_values_supported": {Type: types{"array"}, Items: schemaText},
		},
		Required: []string{"issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"},
	}
	schemaConnections = &schema{
		Name: "Connections", Type: types{"object"},
		Properties: map[string]*schema{"connections": {Type: types{"array"}, Items: schemaConnection}},
		Required:   []string{"connections"},
	}

	docCreateConnection = &operation{
		id: "createConnection", tag: "Connections", summary: "Connect an OpenID Connect provider",
		description: "The issuer's discovery document is fetched at once, and its endpoints are in the answer.",
		request:     schemaNewConnection, status: http.StatusCreated, response: schemaConnection, location: true,
		refusals: []int{http.StatusConflict},
	}
	docListConnections = &operation{
		id: "listConnections", tag: "Connections", summary: "List an organization's connections",
		status: http.StatusOK, response: schemaConnections,
	}
	docGetConnection = &operation{
		id: "getConnection", tag: "Connections", summary: "Get a connection",
		status: http.StatusOK, response: schemaConnection,
	}
	docReplaceConnection = &operation{
		id: "replaceConnection", tag: "Connections", summary: "Replace a connection",
		description: "Without client_secret the old one is kept, as long as issuer and client_id stay the same.",
		request:     schemaNewConnection, status: http.StatusOK, response: schemaConnection, refusals: []int{http.StatusConflict},
	}
	docDeleteConnection = &operation{
		id: "deleteConnection", tag: "Connections", summary: "Delete a connection and end the sessions that came through it",
		status: http.StatusNoContent,
	}
)
