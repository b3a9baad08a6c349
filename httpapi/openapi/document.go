package openapi

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"domicile/directory"
)

// object is a JSON object of the document; encoding/json sorts its keys, so the document is the same in every build.
type object map[string]any

// Document writes the OpenAPI 3.1 document of the routes that have an operation, for one region. It fails where two
// operations have one id.
func Document(routes []Route, region directory.Region) ([]byte, error) {
	paths := make(map[string]map[string]any)
	components := map[string]*Schema{SchemaProblem.Name: SchemaProblem}
	ids := make(map[string]bool)
	for _, r := range routes {
		if r.Doc == nil {
			continue
		}
		if ids[r.Doc.ID] {
			return nil, fmt.Errorf("openapi: two operations are called %q", r.Doc.ID)
		}
		ids[r.Doc.ID] = true
		path, parameters := templatePath(r.Path)
		if paths[path] == nil {
			paths[path] = make(map[string]any)
		}
		paths[path][strings.ToLower(r.Method)] = r.describe(parameters)
		r.Doc.Request.collect(components)
		r.Doc.Response.collect(components)
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
			"securitySchemes": object{
				"operatorToken": object{
					"type": "http", "scheme": "bearer", "description": "The operator's token of the region.",
				},
				"session": object{
					"type": "apiKey", "in": "cookie", "name": "__Host-domicile_session",
					"description": "The session of the organization's root user, or of a break-glass address where the operation " +
						"is about sign-in. What changes something must come from the region's own origin, as application/json.",
				},
			},
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
			"name": name, "in": "path", "required": true, "schema": &Schema{Type: Types{"string"}, MaxLength: MaxPathID},
		})
	}
	return strings.Join(parts, "/"), parameters
}

func (r *Route) describe(parameters []object) object {
	op := r.Doc
	for _, q := range op.Query {
		parameters = append(parameters, object{
			"name": q.Name, "in": "query", "description": q.Description, "schema": q.Schema,
		})
	}
	doc := object{
		"operationId": op.ID, "tags": []string{op.Tag}, "summary": op.Summary, "responses": r.responses(len(parameters) > 0),
	}
	if op.Description != "" {
		doc["description"] = op.Description
	}
	if len(parameters) > 0 {
		doc["parameters"] = parameters
	}
	if op.Request != nil {
		doc["requestBody"] = object{"required": true, "content": object{"application/json": object{"schema": op.Request}}}
	}
	if !op.Public {
		security := []object{{"operatorToken": []string{}}}
		if Owner.May(r.Least) {
			security = append(security, object{"session": []string{}})
		}
		doc["security"] = security
	}
	return doc
}

func (r *Route) responses(hasParameters bool) object {
	op := r.Doc
	success := object{"description": http.StatusText(op.Status)}
	if op.Response != nil {
		success["content"] = object{cmp.Or(op.Media, "application/json"): object{"schema": op.Response}}
	}
	if op.Location {
		success["headers"] = object{"Location": object{
			"description": "The path of what was made.", "schema": &Schema{Type: Types{"string"}},
		}}
	}
	all := object{strconv.Itoa(op.Status): success}
	for _, status := range r.errors(hasParameters) {
		all[strconv.Itoa(status)] = object{
			"description": http.StatusText(status),
			"content":     object{"application/problem+json": object{"schema": SchemaProblem}},
		}
	}
	return all
}

// errors lists the statuses that the operation of a route may refuse with.
func (r *Route) errors(hasParameters bool) []int {
	op := r.Doc
	statuses := make(map[int]bool)
	for _, status := range op.Refusals {
		statuses[status] = true
	}
	if !op.Public {
		statuses[http.StatusUnauthorized] = true
		statuses[http.StatusServiceUnavailable] = true
	}
	if Owner.May(r.Least) && !op.Public {
		statuses[http.StatusForbidden] = true
	}
	if op.Request != nil {
		statuses[http.StatusBadRequest] = true
		statuses[http.StatusRequestEntityTooLarge] = true
		statuses[http.StatusUnsupportedMediaType] = true
	}
	if r.TakesNothing() {
		statuses[http.StatusBadRequest] = true
		statuses[http.StatusRequestEntityTooLarge] = true
	}
	if hasParameters && len(op.Query) == 0 {
		statuses[http.StatusNotFound] = true
	}
	if len(op.Query) > 0 {
		statuses[http.StatusBadRequest] = true
	}
	return slices.Sorted(maps.Keys(statuses))
}
