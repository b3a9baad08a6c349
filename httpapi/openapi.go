package httpapi

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"domicile/directory"
)

// operation is what the OpenAPI document says of one route. It stands beside the handler, and the request schema is also
// what the body is checked against, so the document cannot promise another shape than the one that is read.
type operation struct {
	id          string // camelCase, unique
	tag         string
	summary     string
	description string
	query       []parameter
	request     *schema // nil: no body
	status      int     // of success
	response    *schema // nil: no body
	media       string  // of the response; "" is JSON
	location    bool    // Location names what was made
	public      bool    // no token wanted
	refusals    []int   // besides those that every operation of its class has
}

// parameter is one query parameter.
type parameter struct {
	name        string
	description string
	schema      *schema
}

// getOpenAPI answers GET /api/v1/openapi.json.
func (a *api) getOpenAPI(c *gin.Context) error {
	h := c.Writer.Header()
	h["Cache-Control"] = []string{"public, max-age=300"}
	h["Content-Type"] = []string{"application/json"}
	_, _ = c.Writer.Write(a.openAPI)
	return nil
}

var docOpenAPI = &operation{
	id: "getOpenAPI", tag: "Meta", summary: "Get this document", public: true,
	status: http.StatusOK, response: &schema{Type: types{"object"}},
}

// object is a JSON object of the document; encoding/json sorts its keys, so the document is the same in every build.
type object map[string]any

// describe writes the OpenAPI 3.1 document of the routes that have an operation.
func describe(routes []route, region directory.Region) ([]byte, error) {
	paths := make(map[string]map[string]any)
	components := map[string]*schema{problemSchema.Name: problemSchema}
	ids := make(map[string]bool)
	for _, r := range routes {
		if r.doc == nil {
			continue
		}
		if ids[r.doc.id] {
			return nil, fmt.Errorf("openapi: two operations are called %q", r.doc.id)
		}
		ids[r.doc.id] = true
		path, parameters := templatePath(r.path)
		if paths[path] == nil {
			paths[path] = make(map[string]any)
		}
		paths[path][strings.ToLower(r.method)] = r.describe(parameters)
		r.doc.request.collect(components)
		r.doc.response.collect(components)
	}
	definitions := make(object, len(components))
	for name, s := range components {
		definitions[name] = (*plainSchema)(s)
	}
	return json.Marshal(object{
		"openapi": "3.1.0",
		"info": object{
			"title":   "Domicile administration API",
			"version": "1",
			"description": "Organizations of one hosting region: the tokens and OAuth 2.0 clients of their identity providers, " +
				"their OpenID Connect connections, extension schemas, users and sync log; and the region's own settings, nodes " +
				"and backups. Errors are problem details (RFC 9457).",
		},
		"servers": []object{{"url": region.URL, "description": region.Name}},
		"paths":   paths,
		"components": object{
			"schemas": definitions,
			"securitySchemes": object{"operatorToken": object{
				"type": "http", "scheme": "bearer", "description": "The operator's token of the region.",
			}},
		},
	})
}

// templatePath turns gin's ":id" into OpenAPI's "{id}" and lists the parameters.
func templatePath(path string) (string, []object) {
	var parameters []object
	parts := strings.Split(path, "/")
	for i, part := range parts {
		name, ok := strings.CutPrefix(part, ":")
		if !ok {
			continue
		}
		parts[i] = "{" + name + "}"
		parameters = append(parameters, object{
			"name": name, "in": "path", "required": true, "schema": &schema{Type: types{"string"}, MaxLength: maxPathID},
		})
	}
	return strings.Join(parts, "/"), parameters
}

func (r *route) describe(parameters []object) object {
	op := r.doc
	for _, q := range op.query {
		parameters = append(parameters, object{
			"name": q.name, "in": "query", "description": q.description, "schema": q.schema,
		})
	}
	doc := object{
		"operationId": op.id, "tags": []string{op.tag}, "summary": op.summary, "responses": r.responses(len(parameters) > 0),
	}
	if op.description != "" {
		doc["description"] = op.description
	}
	if len(parameters) > 0 {
		doc["parameters"] = parameters
	}
	if op.request != nil {
		doc["requestBody"] = object{"required": true, "content": object{"application/json": object{"schema": op.request}}}
	}
	if !op.public {
		doc["security"] = []object{{"operatorToken": []string{}}}
	}
	return doc
}

func (r *route) responses(hasParameters bool) object {
	op := r.doc
	success := object{"description": http.StatusText(op.status)}
	if op.response != nil {
		success["content"] = object{cmp.Or(op.media, "application/json"): object{"schema": op.response}}
	}
	if op.location {
		success["headers"] = object{"Location": object{
			"description": "The path of what was made.", "schema": &schema{Type: types{"string"}},
		}}
	}
	all := object{strconv.Itoa(op.status): success}
	for _, status := range r.errors(hasParameters) {
		all[strconv.Itoa(status)] = object{
			"description": http.StatusText(status),
			"content":     object{"application/problem+json": object{"schema": problemSchema}},
		}
	}
	return all
}

// errors lists the statuses that the operation of a route may refuse with.
func (r *route) errors(hasParameters bool) []int {
	op := r.doc
	statuses := make(map[int]bool)
	for _, status := range op.refusals {
		statuses[status] = true
	}
	if !op.public {
		statuses[http.StatusUnauthorized] = true
		statuses[http.StatusServiceUnavailable] = true
	}
	if op.request != nil {
		statuses[http.StatusBadRequest] = true
		statuses[http.StatusRequestEntityTooLarge] = true
		statuses[http.StatusUnsupportedMediaType] = true
	}
	if r.takesNothing() {
		statuses[http.StatusBadRequest] = true
		statuses[http.StatusRequestEntityTooLarge] = true
	}
	if hasParameters && len(op.query) == 0 {
		statuses[http.StatusNotFound] = true
	}
	if len(op.query) > 0 {
		statuses[http.StatusBadRequest] = true
	}
	return slices.Sorted(maps.Keys(statuses))
}

var problemSchema = &schema{
	Name: "Problem", Type: types{"object"},
	Description: "A problem detail (RFC 9457).",
	Properties: map[string]*schema{
		"type":       {Type: types{"string"}, Description: "about:blank, or urn:domicile:problem: and the kind of problem."},
		"title":      {Type: types{"string"}},
		"status":     {Type: types{"integer"}},
		"detail":     {Type: types{"string"}},
		"field":      {Type: types{"string"}, Description: "The member of the body, or the query parameter, at fault."},
		"request_id": {Type: types{"string"}, Description: "Finds the request in our logs."},
	},
	Required: []string{"type", "title", "status"},
}
