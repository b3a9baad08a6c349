package openapi

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// Route is one row of the API: where it is, who may use it, how much it needs, what runs there, and what the document says
// of it.
type Route struct {
	Method  string
	Path    string // a pattern of gin: /api/v1/organizations/:id
	Least   Role   // of the roles that may use it; those above may, too
	Class   Class
	Handler Handler
	Doc     *Operation
}

// Handler answers one request, or returns why it does not: a *StatusError, a *directory.Error, or a fault of ours.
type Handler func(c *gin.Context) error

// Class says how much a route needs; the hallway knows what that is in bytes and seconds.
type Class uint8

// The classes of the API.
const (
	Normal Class = iota // a small body, a prompt answer
	Large               // lists thousands of ids, or carries a document of its own
	Backup              // reads no body and streams for as long as it takes
)

// TakesNothing tells whether a route changes something and reads no body for it.
func (r *Route) TakesNothing() bool {
	return r.Doc != nil && r.Doc.Request == nil && r.Method != http.MethodGet
}

// Operation is what the OpenAPI document says of one route. It stands beside the handler, and the request schema is also
// what the body is checked against, so the document cannot promise another shape than the one that is read.
type Operation struct {
	ID          string // camelCase, unique
	Tag         string
	Summary     string
	Description string
	Query       []Parameter
	Request     *Schema // nil: no body
	Status      int     // of success
	Response    *Schema // nil: no body
	Media       string  // of the response; "" is JSON
	Location    bool    // Location names what was made
	Public      bool    // no token wanted
	CallsOut    bool    // makes the region ask a host that the caller names
	Refusals    []int   // statuses, besides those that every operation of its kind has
}

// Parameter is one query parameter.
type Parameter struct {
	Name        string
	Description string
	Schema      *Schema
}
