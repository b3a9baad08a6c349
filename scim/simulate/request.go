package simulate

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// request is one request as a provider words it, before the wire adds what is the same on all.
type request struct {
	method string
	path   string // below the base URL
	query  []parameter
	suffix string // literal text after everything: providers leave "?" and "&" dangling
	body   any    // JSON; nil: none
}

type parameter struct{ name, value string }

// operation is one of a PATCH (RFC 7644 §3.5.2), in the order in which people read it.
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path,omitempty"`
	Value any    `json:"value,omitempty"`
}

// member is an entry of a group's members. Its reference is null where a provider says so.
type member struct {
	Value   string `json:"value"`
	Display string `json:"display,omitempty"`
	Ref     string `json:"$ref,omitempty"`
}

const (
	users  = "/Users"
	groups = "/Groups"
)

func get(path string, query ...parameter) request {
	return request{method: http.MethodGet, path: path, query: query}
}

func post(path string, body any) request {
	return request{method: http.MethodPost, path: path, body: body}
}

func put(path string, body any) request {
	return request{method: http.MethodPut, path: path, body: body}
}

func patch(path string, operations ...operation) request {
	return request{method: http.MethodPatch, path: path, body: struct {
		Schemas    []string    `json:"schemas"`
		Operations []operation `json:"Operations"`
	}{[]string{patchOp}, operations}}
}

func remove(path string) request { return request{method: http.MethodDelete, path: path} }

// userPath and groupPath name one resource.
func userPath(id string) string  { return users + "/" + url.PathEscape(id) }
func groupPath(id string) string { return groups + "/" + url.PathEscape(id) }

// String is how people recognize a request, with its question but without what it carries.
func (r *request) String() string {
	s := r.method + " " + r.path
	for i, p := range r.query {
		s += string("?&"[min(i, 1)]) + p.name + "=" + p.value
	}
	return s
}

// target is path and query as they go over the wire. Blanks become "+" or "%20".
func (r *request) target(plus bool) string {
	var b strings.Builder
	b.WriteString(r.path)
	for i, p := range r.query {
		b.WriteByte("?&"[min(i, 1)])
		value := url.QueryEscape(p.value)
		if !plus {
			value = strings.ReplaceAll(value, "+", "%20")
		}
		b.WriteString(p.name + "=" + value)
	}
	b.WriteString(r.suffix)
	return b.String()
}

// quote writes a value as the string literal of a filter (RFC 7644 §3.4.2.2).
func quote(value string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}

// eq is the filter that looks one value up.
func eq(attribute, value string) parameter {
	return parameter{"filter", attribute + " eq " + quote(value)}
}

// page is the question for a page of a list.
func page(start, count int) []parameter {
	return []parameter{{"startIndex", fmt.Sprint(start)}, {"count", fmt.Sprint(count)}}
}
