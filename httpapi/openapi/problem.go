package openapi

import "net/http"

// StatusError is what HTTP itself refuses, before any door is asked: a media type, a method.
type StatusError struct {
	Status int
	Detail string
}

// Error implements error.
func (e *StatusError) Error() string { return http.StatusText(e.Status) + ": " + e.Detail }

// Problem is the error body of the API (RFC 9457).
type Problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail,omitempty"`
	Field     string `json:"field,omitempty"`
	RequestID string `json:"request_id,omitempty"`
}

// SchemaProblem is the schema of Problem.
var SchemaProblem = &Schema{
	Name: "Problem", Type: Types{"object"},
	Description: "A problem detail (RFC 9457).",
	Properties: map[string]*Schema{
		"type":       {Type: Types{"string"}, Description: "about:blank, or urn:domicile:problem: and the kind of problem."},
		"title":      {Type: Types{"string"}},
		"status":     {Type: Types{"integer"}},
		"detail":     {Type: Types{"string"}},
		"field":      {Type: Types{"string"}, Description: "The member of the body, or the query parameter, at fault."},
		"request_id": {Type: Types{"string"}, Description: "Finds the request in our logs."},
	},
	Required: []string{"type", "title", "status"},
}
