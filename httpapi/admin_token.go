package httpapi

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"domicile/console"
	"domicile/directory"
)

// tokenBody is what makes a SCIM token.
type tokenBody struct {
	Name    string     `json:"name"`
	Expires *time.Time `json:"expires_at"`
}

// tokenAnswer is a SCIM token as the API shows it: everything but the token.
type tokenAnswer struct {
	ID      string     `json:"id"`
	Name    string     `json:"name"`
	Hint    string     `json:"hint"`
	Created time.Time  `json:"created_at"`
	Expires *time.Time `json:"expires_at"` // null: never
}

// newTokenAnswer is the one answer that has the token.
type newTokenAnswer struct {
	tokenAnswer
	Token    string `json:"token"`
	SCIMBase string `json:"scim_base"`
}

type tokensAnswer struct {
	Tokens []tokenAnswer `json:"scim_tokens"`
}

func tokenAnswerOf(t *directory.Token) tokenAnswer {
	answer := tokenAnswer{ID: string(t.ID), Name: t.Name, Hint: t.Hint, Created: instant(t.Created)}
	if t.Expires != 0 {
		expires := instant(t.Expires)
		answer.Expires = &expires
	}
	return answer
}

func (a *api) createToken(c *gin.Context) error {
	id, err := organizationID(c)
	if err != nil {
		return err
	}
	var body tokenBody
	if err := readBody(c, schemaNewToken, &body); err != nil {
		return err
	}
	in := console.NewToken{Name: body.Name}
	if body.Expires != nil {
		in.Expires = *body.Expires
	}
	token, secret, err := a.Console.CreateToken(c.Request.Context(), operatorActor, id, in)
	if err != nil {
		return err
	}
	location := pathOrganizations + "/" + string(id) + "/scim-tokens/" + string(token.ID)
	return created(c, location, newTokenAnswer{tokenAnswerOf(token), secret.Reveal(), a.SCIM.Base(id)})
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
	answer := tokensAnswer{Tokens: []tokenAnswer{}}
	for _, token := range tokens {
		answer.Tokens = append(answer.Tokens, tokenAnswerOf(token))
	}
	return answerJSON(c, http.StatusOK, answer)
}

func (a *api) revokeToken(c *gin.Context) error {
	id, err := organizationID(c)
	if err != nil {
		return err
	}
	token, err := pathID(c, "token")
	if err != nil {
		return err
	}
	if err := a.Console.RevokeToken(c.Request.Context(), operatorActor, id, directory.TokenID(token)); err != nil {
		return err
	}
	return noContent(c)
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
		Properties: map[string]*schema{
			"id": schemaText, "name": schemaName, "hint": schemaHint, "created_at": schemaTime, "expires_at": schemaExpires,
		},
		Required: []string{"id", "name", "hint", "created_at", "expires_at"},
	}
	schemaCreatedToken = &schema{
		Name: "CreatedScimToken", Type: types{"object"},
		Properties: map[string]*schema{
			"id": schemaText, "name": schemaName, "hint": schemaHint, "created_at": schemaTime, "expires_at": schemaExpires,
			"token":     {Type: types{"string"}, Description: "The bearer token. It is shown here and never again."},
			"scim_base": {Type: types{"string"}, Format: "uri", Description: "What an administrator pastes into the IdP."},
		},
		Required: []string{"id", "name", "hint", "created_at", "expires_at", "token", "scim_base"},
	}
	schemaTokens = &schema{
		Name: "ScimTokens", Type: types{"object"},
		Properties: map[string]*schema{"scim_tokens": {Type: types{"array"}, Items: schemaToken}},
		Required:   []string{"scim_tokens"},
	}

	docCreateToken = &operation{
		id: "createScimToken", tag: "SCIM tokens", summary: "Make a SCIM bearer token", request: schemaNewToken,
		status: http.StatusCreated, response: schemaCreatedToken, location: true,
	}
	docListTokens = &operation{
		id: "listScimTokens", tag: "SCIM tokens", summary: "List an organization's SCIM tokens",
		status: http.StatusOK, response: schemaTokens,
	}
	docRevokeToken = &operation{
		id: "revokeScimToken", tag: "SCIM tokens", summary: "Revoke a SCIM token at once", status: http.StatusNoContent,
	}
)
