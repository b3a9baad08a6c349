package admin

import (
	"log/slog"

	"domicile/console"
	"domicile/directory"
	"domicile/httpapi/openapi"
	"domicile/oidc"
	"domicile/oidc/local"
	"domicile/scim"
	"domicile/scim/oauth"
)

// Deps is what the API needs of the house.
type Deps struct {
	Console *console.Service
	SCIM    *scim.Engine   // base URLs, and rehearsals of requests
	SignIn  *oidc.Service  // redirect URIs
	OAuth   *oauth.Service // nil: identity providers use bearer tokens only
	Local   *local.Service // nil: nobody signs in without an identity provider

	Region directory.Region // this one
	Logger *slog.Logger
}

// api carries what handlers need.
type api struct{ Deps }

// The words in which each noun is described, short because there are hundreds of them.
type (
	schema    = openapi.Schema
	types     = openapi.Types
	operation = openapi.Operation
	parameter = openapi.Parameter
)

// What many nouns have in common.
var (
	schemaText  = &schema{Type: types{"string"}}
	schemaTexts = &schema{Type: types{"array"}, Items: schemaText}
	schemaFlag  = &schema{Type: types{"boolean"}}
	schemaTime  = &schema{Type: types{"string"}, Format: "date-time"}
	schemaName  = &schema{Type: types{"string"}, MaxLength: 200}
)

// orZero gives what was said, or the zero value.
func orZero[T any](said *T) T {
	if said == nil {
		return *new(T)
	}
	return *said
}
