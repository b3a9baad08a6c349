package admin

import (
	"maps"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"domicile/console"
	"domicile/directory"
	"domicile/httpapi/openapi"
)

// tokenBody is what makes a SCIM token.
type tokenBody struct {
	Name    string     `json:"name"`
	Expires *time.Time `json:"expires_at"`
}

// scimTokenAnswer is a SCIM token as the API shows it: everything but the token.
type scimTokenAnswer struct {
	ID       string     `json:"id"`
	Kind     string     `json:"kind"`
	Client   string     `json:"client,omitempty"` // the OAuth client that holds it
	Name     string     `json:"name"`
	Hint     string     `json:"hint"`
	Created  time.Time  `json:"created_at"`
	Expires  *time.Time `json:"expires_at"`   // null: never
	LastUsed *time.Time `json:"last_used_at"` // null: never
	LastIP   string     `json:"last_ip,omitempty"`
}

// newScimTokenAnswer is the one answer that has the token.
type newScimTokenAnswer struct {
	scimTokenAnswer
	Token    string              `json:"token"`
	SCIMBase string              `json:"scim_base,omitempty"` // while SCIM is active
	Voided   []directory.TokenID `json:"voided,omitempty"`
}

type scimTokensAnswer struct {
	Tokens []scimTokenAnswer `json:"scim_tokens"`
}

var tokenKinds = [...]string{
	directory.TokenBearer: "bearer", directory.TokenAccess: "access", directory.TokenRefresh: "refresh",
}

func scimTokenAnswerOf(t *directory.Token) scimTokenAnswer {
	return scimTokenAnswer{
		ID: string(t.ID), Kind: tokenKinds[t.Kind], Client: string(t.Client), Name: t.Name, Hint: t.Hint,
		Created: openapi.Instant(t.Created), Expires: openapi.InstantOrNull(t.Expires),
		LastUsed: openapi.InstantOrNull(t.LastUsed), LastIP: t.LastIP,
	}
}

// scimTokenAnswers gives a list that is never null.
func scimTokenAnswers(tokens []*directory.Token) []scimTokenAnswer {
	answers := make([]scimTokenAnswer, len(tokens))
	for i, token := range tokens {
		answers[i] = scimTokenAnswerOf(token)
	}
	return answers
}

func (a *api) createToken(c *gin.Context) error {
	id, err := organizationID(c)
	if err != nil {
		return err
	}
	var body tokenBody
	if err := openapi.ReadBody(c, schemaNewToken, &body); err != nil {
		return err
	}
	in := console.NewToken{Name: body.Name}
	if body.Expires != nil {
		in.Expires = *body.Expires
	}
	made, err := a.Console.CreateToken(c.Request.Context(), openapi.Actor(c), id, in)
	if err != nil {
		return err
	}
	location := pathOrganizations + "/" + string(id) + "/scim-tokens/" + string(made.ID)
	return openapi.Created(c, location, newScimTokenAnswer{
		scimTokenAnswerOf(made.Token), made.Secret.Reveal(), a.scimBase(made.Owner), made.Voided,
	})
}

func (a *api) listTokens(c *gin.Context) error {
	id, err := organizationID(c)
	if err != nil {
		return err
	}
	tokens, err := a.Console.ListTokens(c.Request.Context(), id)
	if err != nil {
		return err
	}
	return openapi.Answer(c, http.StatusOK, scimTokensAnswer{scimTokenAnswers(tokens)})
}

func (a *api) revokeToken(c *gin.Context) error {
	id, token, err := pathIDs[string](c, "token")
	if err != nil {
		return err
	}
	if err := a.Console.RevokeToken(c.Request.Context(), openapi.Actor(c), id, directory.TokenID(token)); err != nil {
		return err
	}
	return openapi.NoContent(c)
}

var tokenRequired = []string{"id", "kind", "name", "hint", "created_at", "expires_at", "last_used_at"}

// tokenProperties are what every answer about a token has, and more.
func tokenProperties(more map[string]*schema) map[string]*schema {
	properties := map[string]*schema{
		"id": schemaText, "name": schemaName, "hint": schemaHint, "created_at": schemaTime, "expires_at": schemaExpires,
		"kind":   {Type: types{"string"}, Enum: tokenKinds[:]},
		"client": {Type: types{"string"}, Description: "The OAuth 2.0 client that holds it."},
		"last_used_at": {
			Type: types{"string", "null"}, Format: "date-time", Description: "Up to a minute late; null: never.",
		},
		"last_ip": {Type: types{"string"}, Description: "From where it was used last."},
	}
	maps.Copy(properties, more)
	return properties
}

var (
	schemaExpires = &schema{
		Type: types{"string", "null"}, Format: "date-time", Description: "When the token ends; null: never.",
	}
	schemaHint = &schema{Type: types{"string"}, Description: "The token's last four characters."}

	schemaNewToken = &schema{
		Name: "NewScimToken", Type: types{"object"},
		Properties: map[string]*schema{"name": schemaName, "expires_at": schemaExpires}, Required: []string{"name"},
	}
	schemaToken = &schema{
		Name: "ScimToken", Type: types{"object"},
		Properties: tokenProperties(nil), Required: tokenRequired,
	}
	schemaCreatedToken = &schema{
		Name: "CreatedScimToken", Type: types{"object"},
		Properties: tokenProperties(map[string]*schema{
			"token":     {Type: types{"string"}, Description: "The bearer token. It is shown here and never again."},
			"scim_base": schemaSCIMBase,
			"voided": {
				Type: types{"array"}, Items: schemaText,
				Description: "The ids of the tokens that stopped working, where scim_token_mode is single.",
			},
		}),
		Required: append([]string{"token"}, tokenRequired...),
	}
	schemaTokens = &schema{
		Name: "ScimTokens", Type: types{"object"},
		Properties: map[string]*schema{"scim_tokens": {Type: types{"array"}, Items: schemaToken}},
		Required:   []string{"scim_tokens"},
	}

	docCreateToken = &operation{
		ID: "createScimToken", Tag: "SCIM tokens", Summary: "Make a SCIM bearer token", Request: schemaNewToken,
		Status: http.StatusCreated, Response: schemaCreatedToken, Location: true, Refusals: []int{http.StatusForbidden},
	}
	docListTokens = &operation{
		ID: "listScimTokens", Tag: "SCIM tokens", Summary: "List an organization's SCIM tokens",
		Status: http.StatusOK, Response: schemaTokens,
	}
	docRevokeToken = &operation{
		ID: "revokeScimToken", Tag: "SCIM tokens", Summary: "Revoke a SCIM token at once", Status: http.StatusNoContent,
	}
)
