package admin

import (
	"cmp"
	"maps"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"domicile/console"
	"domicile/directory"
	"domicile/httpapi/openapi"
)

// connectionChoices are the choices about a connection besides its client registration, as they are put.
type connectionChoices struct {
	AuthMethod     directory.AuthMethod `json:"auth_method"`
	Scopes         []string             `json:"scopes"`
	ResponseMode   string               `json:"response_mode"`
	Prompt         string               `json:"prompt"`
	MaxAge         int64                `json:"max_age"`
	ACRValues      []string             `json:"acr_values"`
	SharedRedirect bool                 `json:"shared_redirect"`
	JustInTime     bool                 `json:"just_in_time"`
}

func (b *connectionChoices) settings() directory.ConnectionSettings {
	mode := directory.ResponseMode(b.ResponseMode)
	if b.ResponseMode == modeQuery {
		mode = directory.ResponseQuery
	}
	return directory.ConnectionSettings{
		AuthMethod: b.AuthMethod, Scopes: b.Scopes, ResponseMode: mode, Prompt: b.Prompt, MaxAge: b.MaxAge, ACRValues: b.ACRValues,
		SharedRedirect: b.SharedRedirect, JustInTime: b.JustInTime,
	}
}

func choicesOf(s *directory.ConnectionSettings) connectionChoices {
	return connectionChoices{
		AuthMethod: s.AuthMethod, Scopes: append([]string{}, s.Scopes...), ResponseMode: cmp.Or(string(s.ResponseMode), modeQuery),
		Prompt: s.Prompt, MaxAge: s.MaxAge, ACRValues: append([]string{}, s.ACRValues...),
		SharedRedirect: s.SharedRedirect, JustInTime: s.JustInTime,
	}
}

// modeQuery is what the API calls directory.ResponseQuery.
const modeQuery = "query"

// registrationBody is our client registration at a provider, as it is put.
type registrationBody struct {
	Issuer        string         `json:"issuer"`
	ClientID      string         `json:"client_id"`
	ClientSecret  console.Secret `json:"client_secret"`
	SecretExpires *time.Time     `json:"client_secret_expires_at"`
	connectionChoices
}

func (b *registrationBody) registration() console.Registration {
	return console.Registration{
		Issuer: b.Issuer, ClientID: b.ClientID, ClientSecret: b.ClientSecret, SecretExpires: b.SecretExpires,
		ConnectionSettings: b.settings(),
	}
}

// connectionBody is what makes or replaces an OpenID Connect connection.
type connectionBody struct {
	registrationBody
	Domains             []string `json:"domains"`
	Enabled             *bool    `json:"enabled"`
	TrustSharedCallback bool     `json:"trust_shared_callback"`
}

// connectionAnswer is a connection as the API shows it: everything but the secrets.
type connectionAnswer struct {
	ID            string     `json:"id"`
	Issuer        string     `json:"issuer"`
	ClientID      string     `json:"client_id"`
	SecretExpires *time.Time `json:"client_secret_expires_at"`
	Rotating      bool       `json:"rotating"` // the client secret before is still there
	connectionChoices
	Domains          []string `json:"domains"`
	Enabled          bool     `json:"enabled"`
	Algorithm        string   `json:"algorithm"`
	AlgorithmOffered string   `json:"algorithm_offered"`
	setupAnswer
	Created  time.Time `json:"created_at"`
	Modified time.Time `json:"updated_at"`
	// Discovery is what the provider said of itself just now; only where the connection was put.
	Discovery *console.Discovery `json:"discovery,omitempty"`
}

// Addresses of the hallway that an administrator registers at the provider, besides those that oidc knows: one below the
// sign-in page, and two of the region.
const (
	pathInitiate    = "/initiate/"
	pathClientKeys  = "/.well-known/client-keys.json"
	pathCertificate = "/.well-known/client-certificate.pem"
)

// setupAnswer is what an administrator registers at the provider.
type setupAnswer struct {
	RedirectURI     string `json:"redirect_uri"`
	PostLogoutURI   string `json:"post_logout_redirect_uri"`
	InitiateURI     string `json:"initiate_login_uri"`
	BackChannelURI  string `json:"backchannel_logout_uri"`
	FrontChannelURI string `json:"frontchannel_logout_uri"`
	RevocationURI   string `json:"revocation_uri"`
	KeysURI         string `json:"jwks_uri,omitempty"`        // where the provider has to know our keys
	CertificateURI  string `json:"certificate_uri,omitempty"` // where it has to know one by a certificate
}

func (a *api) setupAnswer(conn *directory.Connection) setupAnswer {
	id := conn.ID
	answer := setupAnswer{
		RedirectURI: a.SignIn.RedirectURI(id), PostLogoutURI: a.SignIn.SignedOutURI(),
		InitiateURI:    a.Region.LoginURL + pathInitiate + string(id),
		BackChannelURI: a.SignIn.BackchannelURI(id), FrontChannelURI: a.SignIn.FrontchannelURI(id),
		RevocationURI: a.SignIn.RevocationURI(id),
	}
	if conn.SharedRedirect {
		answer.RedirectURI = a.SignIn.SharedRedirectURI()
	}
	switch {
	case conn.ByCertificate():
		answer.CertificateURI = a.Region.URL + pathCertificate
	case conn.AuthMethod == directory.AuthPrivateKey:
		answer.KeysURI = a.Region.URL + pathClientKeys
	}
	return answer
}

type connectionsAnswer struct {
	Connections []connectionAnswer `json:"connections"`
}

func (a *api) connectionAnswer(conn *directory.Connection) connectionAnswer {
	return connectionAnswer{
		ID: string(conn.ID), Issuer: conn.Issuer, ClientID: conn.ClientID,
		SecretExpires: openapi.InstantOrNull(conn.SecretExpires), Rotating: len(conn.PreviousSecret) > 0,
		connectionChoices: choicesOf(&conn.ConnectionSettings), Domains: append([]string{}, conn.Domains...), Enabled: conn.Enabled,
		Algorithm: conn.Algorithm, AlgorithmOffered: conn.AlgorithmOffered,
		setupAnswer: a.setupAnswer(conn),
		Created:     openapi.Instant(conn.Created), Modified: openapi.Instant(conn.Modified),
	}
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
	return openapi.Created(c, pathOrganizations+"/"+string(org)+"/connections/"+answer.ID, answer)
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
	return openapi.Answer(c, http.StatusOK, answer)
}

func (a *api) putConnection(c *gin.Context, org directory.OrganizationID, id directory.ConnectionID) (connectionAnswer, error) {
	var body connectionBody
	if err := openapi.ReadBody(c, schemaNewConnection, &body); err != nil {
		return connectionAnswer{}, err
	}
	conn, discovery, err := a.Console.PutConnection(c.Request.Context(), openapi.Actor(c), org, id, console.ConnectionFields{
		Registration: body.registration(), Domains: body.Domains, Enabled: body.Enabled == nil || *body.Enabled,
		TrustSharedCallback: body.TrustSharedCallback,
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
	return openapi.Answer(c, http.StatusOK, answer)
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
	return openapi.Answer(c, http.StatusOK, a.connectionAnswer(conn))
}

func (a *api) deleteConnection(c *gin.Context) error {
	org, id, err := connectionIDs(c)
	if err != nil {
		return err
	}
	if err := a.Console.DeleteConnection(c.Request.Context(), openapi.Actor(c), org, id); err != nil {
		return err
	}
	return openapi.NoContent(c)
}

// secretBody is a new client secret for a connection.
type secretBody struct {
	Secret        console.Secret `json:"client_secret"`
	Expires       *time.Time     `json:"expires_at"`
	ReplaceNewest bool           `json:"replace_newest"`
}

func (a *api) rotateSecret(c *gin.Context) error {
	org, id, err := connectionIDs(c)
	if err != nil {
		return err
	}
	var body secretBody
	if err := openapi.ReadBody(c, schemaNewSecret, &body); err != nil {
		return err
	}
	conn, err := a.Console.RotateSecret(c.Request.Context(), openapi.Actor(c), org, id, console.NewSecret(body))
	if err != nil {
		return err
	}
	return openapi.Answer(c, http.StatusOK, a.connectionAnswer(conn))
}

func (a *api) dropPreviousSecret(c *gin.Context) error {
	org, id, err := connectionIDs(c)
	if err != nil {
		return err
	}
	if err := a.Console.DropPreviousSecret(c.Request.Context(), openapi.Actor(c), org, id); err != nil {
		return err
	}
	return openapi.NoContent(c)
}

// algorithmBody is the signing algorithm that a connection is to keep to.
type algorithmBody struct {
	Algorithm string `json:"algorithm"`
}

func (a *api) pinAlgorithm(c *gin.Context) error {
	org, id, err := connectionIDs(c)
	if err != nil {
		return err
	}
	var body algorithmBody
	if err := openapi.ReadBody(c, schemaAlgorithmChoice, &body); err != nil {
		return err
	}
	conn, err := a.Console.PinAlgorithm(c.Request.Context(), openapi.Actor(c), org, id, body.Algorithm)
	if err != nil {
		return err
	}
	return openapi.Answer(c, http.StatusOK, a.connectionAnswer(conn))
}

// connectionProperties are the members of connectionChoices, and those that the caller adds.
func connectionProperties(others map[string]*schema) map[string]*schema {
	all := map[string]*schema{
		"issuer": schemaIssuer, "client_id": schemaClientID, "client_secret_expires_at": schemaSecretEnd,
		"auth_method": schemaAuthMethod, "scopes": schemaScopes, "response_mode": schemaResponseMode, "prompt": schemaPrompt,
		"max_age": schemaMaxAge, "acr_values": schemaACRValues, "shared_redirect": schemaSharedRedirect, "just_in_time": schemaJustInTime,
	}
	maps.Copy(all, others)
	return all
}

// setupProperties are the members of setupAnswer, and those that the caller adds.
func setupProperties(others map[string]*schema) map[string]*schema {
	all := map[string]*schema{
		"redirect_uri": {Type: types{"string"}, Format: "uri", Description: "What an administrator registers at the provider."},
		"post_logout_redirect_uri": {
			Type: types{"string"}, Format: "uri",
			Description: "Where the provider sends people back to who signed out here, and then there; the same for all connections.",
		},
		"initiate_login_uri":     {Type: types{"string"}, Format: "uri", Description: "Where the provider's tile begins a sign-in."},
		"backchannel_logout_uri": {Type: types{"string"}, Format: "uri", Description: "Where the provider tells that a session ended."},
		"frontchannel_logout_uri": {
			Type: types{"string"}, Format: "uri",
			Description: "What the provider's own page loads in a frame when a session ended, with iss and sid; for providers without the back channel.",
		},
		"revocation_uri": {Type: types{"string"}, Format: "uri", Description: "Where the provider has all sessions of a person ended (Global Token Revocation)."},
		"jwks_uri":       {Type: types{"string"}, Format: "uri", Description: "Our keys for private_key_jwt; given where the connection uses it."},
		"certificate_uri": {
			Type: types{"string"}, Format: "uri",
			Description: "Our certificate for private_key_jwt in PEM, to be uploaded at the provider; given in place of jwks_uri where the provider takes no key set (Microsoft Entra ID).",
		},
	}
	maps.Copy(all, others)
	return all
}

var setupRequired = []string{
	"redirect_uri", "post_logout_redirect_uri", "initiate_login_uri", "backchannel_logout_uri", "frontchannel_logout_uri",
	"revocation_uri",
}

var (
	schemaIssuer = &schema{
		Type: types{"string"}, Format: "uri", MaxLength: 512,
		Description: "The provider's authority, with or without a slash at its end, or the address of its discovery document. " +
			"What is stored is the issuer that the document names.",
	}
	schemaClientID     = &schema{Type: types{"string"}, MaxLength: 512}
	schemaClientSecret = &schema{
		Type: types{"string"}, MaxLength: 2048, WriteOnly: true,
		Description: "Required for a new connection and when issuer or client_id change; else the old one is kept.",
	}
	schemaSecretEnd = &schema{
		Type: types{"string", "null"}, Format: "date-time",
		Description: "When the provider stops taking the client secret, or our certificate; reminders are mailed 30, 14, 7 and 1 day before.",
	}
	schemaAuthMethod = &schema{
		Type:        types{"string"},
		Enum:        []string{string(directory.AuthBasic), string(directory.AuthPost), string(directory.AuthPrivateKey)},
		Description: "How the token endpoint authenticates us; client_secret_basic when not given.",
	}
	schemaScopes = &schema{
		Type: types{"array"}, MaxItems: 20, Items: &schema{Type: types{"string"}, MaxLength: 128},
		Description: "Besides openid, profile and email.",
	}
	schemaResponseMode = &schema{
		Type: types{"string"}, Enum: []string{modeQuery, string(directory.ResponseFormPost)},
		Description: "How the provider sends its answer back; query when not given.",
	}
	schemaPrompt = &schema{
		Type: types{"string"}, Enum: []string{"", "login", "consent", "select_account"}, Description: "Sent to the provider as it is.",
	}
	schemaMaxAge = &schema{
		Type: types{"integer"}, Minimum: 0, Maximum: 365 * 24 * 3600,
		Description: "How many seconds ago people may have authenticated at the provider; 0: it is not asked for.",
	}
	schemaACRValues = &schema{
		Type: types{"array"}, MaxItems: 10, Items: &schema{Type: types{"string"}, MaxLength: 200},
		Description: "Authentication context classes, one of which must come back; none: it is not asked for.",
	}
	schemaSharedRedirect = &schema{
		Type: types{"boolean"},
		Description: "The provider calls back at the address that all connections share, for registrations that cannot be changed. " +
			"Only with providers that say who they are in their answers (RFC 9207), or that the operator trusts: trust_shared_callback.",
	}
	schemaTrustSharedCallback = &schema{
		Type: types{"boolean"},
		Description: "The operator trusts a provider that uses the shared redirect address and does not say who it is in its answers (RFC 9207); " +
			"without it such a connection is refused (409). The audit log says that it was given.",
	}
	schemaJustInTime = &schema{
		Type:        types{"boolean"},
		Description: "An unknown person with a verified address in one of the organization's domains becomes a user at the first sign-in.",
	}
	schemaLeadingDomains = &schema{
		Type: types{"array"}, MaxItems: directory.MaxDomains, Items: &schema{Type: types{"string"}, MaxLength: 253},
		Description: "Of the organization's domains, those whose people come through it, and for whose addresses its provider may vouch; " +
			"each leads to one enabled connection (409). None: those that no other enabled connection names.",
	}
	schemaEnabled  = &schema{Type: types{"boolean"}, Description: "Whether people may sign in through it; true when not given."}
	schemaRotating = &schema{
		Type: types{"boolean"}, Description: "The client secret before is still there, and tried when the provider refuses the new one.",
	}
	schemaAlgorithm = &schema{
		Type: types{"string"}, ReadOnly: true,
		Description: "What the provider signs its tokens with since the first sign-in; tokens of another algorithm are refused as long as " +
			"the provider announces this one. Empty: nobody has signed in yet.",
	}
	schemaAlgorithmOffered = &schema{
		Type: types{"string"}, ReadOnly: true,
		Description: "The algorithm of a token that was good otherwise, and refused for that; empty: none was.",
	}
	schemaAlgorithmChoice = &schema{
		Name: "AlgorithmChoice", Type: types{"object"},
		Properties: map[string]*schema{"algorithm": {
			Type: types{"string"}, MaxLength: directory.MaxAlgorithm,
			Description: "The algorithm_offered, to accept it; the algorithm, to forget the offer; or empty, to take that of the next sign-in.",
		}},
		Required: []string{"algorithm"},
	}

	schemaNewConnection = &schema{
		Name: "NewConnection", Type: types{"object"},
		Properties: connectionProperties(map[string]*schema{
			"client_secret": schemaClientSecret, "domains": schemaLeadingDomains, "enabled": schemaEnabled,
			"trust_shared_callback": schemaTrustSharedCallback,
		}),
		Required: []string{"issuer", "client_id"},
	}
	schemaConnection = &schema{
		Name: "Connection", Type: types{"object"},
		Properties: setupProperties(connectionProperties(map[string]*schema{
			"id": schemaText, "rotating": schemaRotating, "domains": schemaLeadingDomains, "enabled": schemaEnabled,
			"algorithm": schemaAlgorithm, "algorithm_offered": schemaAlgorithmOffered,
			"created_at": schemaTime, "updated_at": schemaTime, "discovery": schemaDiscovery,
		})),
		Required: append([]string{
			"id", "issuer", "client_id", "client_secret_expires_at", "rotating", "auth_method", "scopes", "response_mode", "prompt",
			"max_age", "acr_values", "shared_redirect", "just_in_time", "domains", "enabled", "algorithm", "algorithm_offered", "created_at", "updated_at",
		}, setupRequired...),
	}
	schemaDiscovery = &schema{
		Name: "Discovery", Type: types{"object"},
		Description: "What the provider's discovery document says, and what to know about it.",
		Properties: map[string]*schema{
			"issuer": schemaText, "authorization_endpoint": schemaText, "token_endpoint": schemaText, "jwks_uri": schemaText,
			"userinfo_endpoint": schemaText, "end_session_endpoint": schemaText,
			"id_token_signing_alg_values_supported": schemaTexts, "token_endpoint_auth_methods_supported": schemaTexts,
			"response_modes_supported": schemaTexts, "code_challenge_methods_supported": schemaTexts,
			"authorization_response_iss_parameter_supported": schemaFlag, "backchannel_logout_supported": schemaFlag,
			"warnings": {Type: types{"array"}, Items: schemaWarning},
		},
		Required: []string{
			"issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "authorization_response_iss_parameter_supported",
			"backchannel_logout_supported", "warnings",
		},
	}
	schemaWarning = &schema{
		Name: "Warning", Type: types{"object"}, Description: "Something that works, but not as well as it could, or as one may think.",
		Properties: map[string]*schema{
			"code": {Type: types{"string"}, Description: "For programs."}, "detail": {Type: types{"string"}, Description: "For people."},
		},
		Required: []string{"code", "detail"},
	}
	schemaNewSecret = &schema{
		Name: "NewSecret", Type: types{"object"},
		Properties: map[string]*schema{
			"client_secret": {Type: types{"string"}, MaxLength: 2048, WriteOnly: true}, "expires_at": schemaSecretEnd,
			"replace_newest": {
				Type: types{"boolean"}, Description: "While a rotation is under way: the newest secret was wrong; the one before stays.",
			},
		},
		Required: []string{"client_secret"},
	}
	schemaConnections = &schema{
		Name: "Connections", Type: types{"object"},
		Properties: map[string]*schema{"connections": {Type: types{"array"}, Items: schemaConnection}},
		Required:   []string{"connections"},
	}

	docCreateConnection = &operation{
		ID: "createConnection", Tag: "Connections", Summary: "Connect an OpenID Connect provider",
		Description: "The issuer's discovery document is fetched at once; what it says is in the answer. Owners ask for a connection instead, and it is reviewed: createConnectionRequest.",
		Request:     schemaNewConnection, Status: http.StatusCreated, Response: schemaConnection, Location: true,
		Refusals: []int{http.StatusConflict},
	}
	docListConnections = &operation{
		ID: "listConnections", Tag: "Connections", Summary: "List an organization's connections",
		Status: http.StatusOK, Response: schemaConnections,
	}
	docGetConnection = &operation{
		ID: "getConnection", Tag: "Connections", Summary: "Get a connection",
		Status: http.StatusOK, Response: schemaConnection,
	}
	docReplaceConnection = &operation{
		ID: "replaceConnection", Tag: "Connections", Summary: "Replace a connection",
		Description: "Without client_secret the old one is kept, as long as issuer and client_id stay the same.",
		Request:     schemaNewConnection, Status: http.StatusOK, Response: schemaConnection, Refusals: []int{http.StatusConflict},
	}
	docDeleteConnection = &operation{
		ID: "deleteConnection", Tag: "Connections", Summary: "Delete a connection and end the sessions that came through it",
		Status: http.StatusNoContent,
	}
	docRotateSecret = &operation{
		ID: "rotateSecret", Tag: "Connections", Summary: "Give a connection a new client secret",
		Description: "The old one stays beside it, and is tried when the provider refuses the new one, until it is dropped. " +
			"While there are two, a third is refused. Sign-ins that are under way go on.",
		Request: schemaNewSecret, Status: http.StatusOK, Response: schemaConnection, Refusals: []int{http.StatusConflict},
	}
	docPinAlgorithm = &operation{
		ID: "pinAlgorithm", Tag: "Connections", Summary: "Accept or decline the signing algorithm that the provider offers",
		Description: "Only what was offered can be accepted (409). Sessions and sign-ins that are under way go on.",
		Request:     schemaAlgorithmChoice, Status: http.StatusOK, Response: schemaConnection, Refusals: []int{http.StatusConflict},
	}
	docDropPreviousSecret = &operation{
		ID: "dropPreviousSecret", Tag: "Connections", Summary: "Drop the client secret before the present one",
		Status: http.StatusNoContent,
	}
)
