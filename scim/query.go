package scim

import (
	"net/url"
	"strconv"
	"strings"

	"domicile/scim/schema"
)

// Conditions are the headers of a request that change what it means.
type Conditions struct {
	IfMatch     string // RFC 9110 §13.1.1
	IfNoneMatch string // RFC 9110 §13.1.2
	Prefer      string // RFC 7240: return=minimal, return=representation
}

// Query is what RFC 7644 §3.4.2 and §3.9 and RFC 9865 let a client ask about an answer. The zero value asks for nothing.
type Query struct {
	Filter     string
	HasFilter  bool // an empty filter is an error, none is not
	SortBy     string
	SortOrder  string
	StartIndex int // counted from 1; less means 1
	Count      int // with HasCount; less than 0 means 0
	HasCount   bool
	Cursor     string // with HasCursor; empty asks for the first page
	HasCursor  bool
	Attributes []string
	Excluded   []string
}

// maxQueryBytes bounds a query string; what is longer belongs into .search.
const maxQueryBytes = 16 << 10

// ParseQuery reads a query string as it stands in the URL. Names ignore letter case, unknown ones are ignored, + is a
// space, and empty parts are skipped. The error is a *schema.Error.
func ParseQuery(raw string) (Query, error) {
	var q Query
	if len(raw) > maxQueryBytes {
		return q, badRequest(schema.InvalidValue, "the query has %d bytes; at most %d are allowed, use .search for more", len(raw), maxQueryBytes)
	}
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		if err := q.parameter(name, value); err != nil {
			return q, err
		}
	}
	return q, nil
}

// parameter takes one parameter, still escaped.
func (q *Query) parameter(name, value string) error {
	name = strings.ToLower(name)
	if strings.Contains(name, "%") {
		if plain, err := url.QueryUnescape(name); err == nil {
			name = strings.ToLower(plain)
		}
	}
	text, err := url.QueryUnescape(value)
	if err != nil {
		scimType := schema.InvalidValue
		if name == "filter" {
			scimType = schema.InvalidFilter
		}
		return badRequest(scimType, "the parameter %s is not percent-encoded as it should be", schema.Quote(name))
	}
	switch name {
	case "filter":
		q.Filter, q.HasFilter = text, true
	case "sortby":
		q.SortBy = text
	case "sortorder":
		q.SortOrder = text
	case "startindex":
		q.StartIndex, err = wholeNumber("startIndex", text)
	case "count":
		q.HasCount = true
		q.Count, err = wholeNumber("count", text)
	case "cursor":
		q.Cursor, q.HasCursor = text, true
	case "attributes":
		q.Attributes = append(q.Attributes, text)
	case "excludedattributes":
		q.Excluded = append(q.Excluded, text)
	}
	return err
}

// maxNumber is where larger paging numbers are cut: beyond any directory, and far from overflow.
const maxNumber = 1 << 30

func wholeNumber(name, text string) (int, error) {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	switch {
	case err == nil || isRange(err):
		return int(max(-maxNumber, min(n, maxNumber))), nil
	default:
		return 0, badRequest(schema.InvalidValue, "%s must be a whole number, not %s", name, schema.Quote(text))
	}
}

// isRange tells that a number was one, only too large; strconv then gives the nearest it can.
func isRange(err error) bool {
	e, ok := err.(*strconv.NumError)
	return ok && e.Err == strconv.ErrRange
}

// SearchURN is the schema of a .search body (RFC 7644 §3.4.3).
const SearchURN = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"

// parseSearch reads the body of POST /.search.
func (r *request) parseSearch(body []byte) (Query, error) {
	var q Query
	o, err := r.message(body, SearchURN)
	if err != nil {
		return q, err
	}
	for key, v := range o {
		if err := q.member(key, v); err != nil {
			return q, err
		}
	}
	return q, nil
}

// message reads a body that is a protocol message: a JSON object whose schemas name urn.
func (r *request) message(body []byte, urn string) (schema.Object, error) {
	v, err := schema.DecodeJSON(body)
	if err != nil {
		return nil, err
	}
	o, ok := v.(schema.Object)
	if !ok {
		return nil, badRequest(schema.InvalidSyntax, "the body must be a JSON object")
	}
	named := false
	for key, v := range o {
		if list, isList := v.([]any); isList && strings.EqualFold(key, "schemas") {
			for _, item := range list {
				text, _ := item.(string)
				named = named || strings.EqualFold(text, urn)
			}
		}
	}
	if !named && !r.tolerate(schema.MissingSchemas, "schemas") {
		return nil, badRequest(schema.InvalidSyntax, "schemas must name %s", urn)
	}
	return o, nil
}

// member takes one member of a .search body.
func (q *Query) member(name string, v any) error {
	if v == nil {
		return nil
	}
	var err error
	switch strings.ToLower(name) {
	case "filter":
		q.HasFilter = true
		q.Filter, err = textMember(name, v)
	case "sortby":
		q.SortBy, err = textMember(name, v)
	case "sortorder":
		q.SortOrder, err = textMember(name, v)
	case "startindex":
		q.StartIndex, err = numberMember(name, v)
	case "count":
		q.HasCount = true
		q.Count, err = numberMember(name, v)
	case "cursor":
		q.HasCursor = true
		q.Cursor, err = textMember(name, v)
	case "attributes":
		q.Attributes, err = listMember(name, v)
	case "excludedattributes":
		q.Excluded, err = listMember(name, v)
	}
	return err
}

func textMember(name string, v any) (string, error) {
	text, ok := v.(string)
	if !ok {
		return "", badRequest(schema.InvalidValue, "%s must be a string", name)
	}
	return text, nil
}

func numberMember(name string, v any) (int, error) {
	switch v := v.(type) {
	case interface{ String() string }: // json.Number
		return wholeNumber(name, v.String())
	case string:
		return wholeNumber(name, v)
	}
	return 0, badRequest(schema.InvalidValue, "%s must be a whole number", name)
}

func listMember(name string, v any) ([]string, error) {
	if text, ok := v.(string); ok {
		return []string{text}, nil
	}
	list, ok := v.([]any)
	if !ok {
		return nil, badRequest(schema.InvalidValue, "%s must be a list of strings", name)
	}
	names := make([]string, 0, len(list))
	for _, item := range list {
		text, err := textMember(name, item)
		if err != nil {
			return nil, err
		}
		names = append(names, text)
	}
	return names, nil
}

// projected tells that the client named attributes to see or not to see.
func (q *Query) projected() bool { return len(q.Attributes) > 0 || len(q.Excluded) > 0 }
