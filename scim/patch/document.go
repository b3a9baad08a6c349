package patch

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"domicile/scim/filter"
	"domicile/scim/schema"
)

// URN is the schema of a PATCH document.
const URN = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

// MaxOperations bounds the operations of one document.
const MaxOperations = 2000

// LimitError says that a document is larger than the server takes: 413, never a
// silent cut.
type LimitError struct {
	What  string
	Limit int
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("a PATCH may hold at most %d %s", e.Limit, e.What)
}

// Document is a PATCH document whose syntax, paths and values were checked. It
// is immutable and can be applied any number of times, for example again on a
// fresh view after a conflict.
type Document struct {
	rt         *schema.ResourceType
	dialect    schema.Dialect
	steps      []step
	courtesies schema.Courtesies
}

// verb is what an operation does.
type verb uint8

const (
	add verb = iota
	replace
	remove
)

var verbNames = [...]string{"add", "replace", "remove"}

func (v verb) String() string { return verbNames[v] }

// step is one operation on one target; a pathless operation makes one for each
// of its keys.
type step struct {
	verb verb
	path filter.Path
	// given tells that the operation had a value that is not null.
	given bool
	// value is canonical: nil means no value. Sub-attributes of complex values
	// that were cleared are nil entries.
	value any
	// members are the ids that a step on a group's members names.
	members []schema.Member
	// urns is the list that a step on schemas names.
	urns []string
}

// ParseDocument reads and checks a PATCH body. Errors are *schema.Error, or
// *LimitError.
func ParseDocument(rt *schema.ResourceType, body []byte, d schema.Dialect) (*Document, error) {
	v, err := schema.DecodeJSON(body)
	if err != nil {
		return nil, err
	}
	return ReadDocument(rt, v, d)
}

// ReadDocument is ParseDocument for a value that schema.DecodeJSON gave, such as
// the data of a Bulk operation.
func ReadDocument(rt *schema.ResourceType, v any, d schema.Dialect) (*Document, error) {
	body, ok := v.(schema.Object)
	if !ok {
		return nil, schema.Fail(schema.InvalidSyntax, "", "the body must be a JSON object with schemas and Operations")
	}
	c := compiler{rt: rt, reader: schema.Reader{Lenience: schema.Lenience{Dialect: d}, Partial: true}}
	operations, err := c.envelope(body)
	if err != nil {
		return nil, err
	}
	for i, v := range operations {
		if err := c.operation(v); err != nil {
			return nil, numbered(err, i, len(operations))
		}
	}
	return &Document{rt: rt, dialect: d, steps: c.steps, courtesies: c.reader.Courtesies}, nil
}

// numbered says which operation an error is about, when there are several.
func numbered(err error, i, n int) error {
	e, ok := err.(*schema.Error)
	if !ok || n == 1 {
		return err
	}
	return schema.Fail(e.ScimType, e.Path, "operation %d of %d: %s", i+1, n, e.Detail)
}

// compiler turns the operations of a document into steps.
type compiler struct {
	rt     *schema.ResourceType
	reader schema.Reader
	steps  []step
	// terms counts the comparisons that members are chosen by.
	terms int
}

func (c *compiler) grant(t schema.Tolerance, path string) bool { return c.reader.Grant(t, path) }

// fields sorts the members of an object by the names it may have; letter case
// is a matter of dialect.
func (c *compiler) fields(o schema.Object, names ...string) (known schema.Object, extra []string, err error) {
	known = schema.Object{}
	for _, key := range slices.Sorted(maps.Keys(o)) {
		i := slices.IndexFunc(names, func(name string) bool { return strings.EqualFold(name, key) })
		if i < 0 || names[i] != key && !c.grant(schema.OperationCase, key) {
			extra = append(extra, key)
			continue
		}
		name := names[i]
		if _, repeated := known[name]; repeated {
			return nil, nil, schema.Fail(schema.InvalidSyntax, "", "%s occurs twice, in different letter case", name)
		}
		known[name] = o[key]
	}
	return known, extra, nil
}

// envelope checks what is around the operations.
func (c *compiler) envelope(body schema.Object) ([]any, error) {
	known, extra, err := c.fields(body, "schemas", "Operations")
	if err != nil {
		return nil, err
	}
	if err := c.schemas(known["schemas"]); err != nil {
		return nil, err
	}
	for _, key := range extra {
		if !c.grant(schema.ExtraMember, key) {
			return nil, schema.Fail(schema.InvalidSyntax, "", "a PATCH body has schemas and Operations, not %s", schema.Quote(key))
		}
	}
	operations, ok := known["Operations"].([]any)
	if single, isObject := known["Operations"].(schema.Object); isObject && c.grant(schema.SingleForList, "Operations") {
		operations, ok = []any{single}, true
	}
	if !ok || len(operations) == 0 {
		return nil, schema.Fail(schema.InvalidSyntax, "", "Operations must be a list with at least one operation")
	}
	if len(operations) > MaxOperations {
		return nil, &LimitError{What: "operations", Limit: MaxOperations}
	}
	return operations, nil
}

func (c *compiler) schemas(v any) error {
	if v == nil {
		if !c.grant(schema.MissingSchemas, "schemas") {
			return schema.Fail(schema.InvalidSyntax, "schemas", `schemas is required; for a PATCH it is ["%s"]`, URN)
		}
		return nil
	}
	list, ok := v.([]any)
	if text, isText := v.(string); isText && c.grant(schema.SingleForList, "schemas") {
		list, ok = []any{text}, true
	}
	if !ok {
		return schema.Fail(schema.InvalidSyntax, "schemas", "schemas must be a list of URNs")
	}
	for _, item := range list {
		if urn, _ := item.(string); strings.EqualFold(urn, URN) {
			return nil
		}
	}
	if !c.grant(schema.ForeignSchemas, "schemas") {
		return schema.Fail(schema.InvalidSyntax, "schemas", "schemas must name %s", URN)
	}
	return nil
}

// operation compiles one element of Operations.
func (c *compiler) operation(v any) error {
	o, ok := v.(schema.Object)
	if !ok {
		return schema.Fail(schema.InvalidSyntax, "", "an operation must be an object with op, path and value")
	}
	known, extra, err := c.fields(o, "op", "path", "value")
	if err != nil {
		return err
	}
	for _, key := range extra {
		if err := c.unknown(key); err != nil {
			return err
		}
	}
	verb, err := c.verb(known["op"])
	if err != nil {
		return err
	}
	text, isText := known["path"].(string)
	if !isText && known["path"] != nil {
		return schema.Fail(schema.InvalidPath, "", "path must be a string")
	}
	value, has := known["value"]
	if strings.TrimSpace(text) != "" {
		return c.pathed(verb, text, value, has)
	}
	if verb == remove {
		return schema.Fail(schema.NoTarget, "", "remove needs a path")
	}
	return c.pathless(verb, value)
}

func (c *compiler) verb(v any) (verb, error) {
	text, ok := v.(string)
	for i, name := range verbNames {
		if text == name {
			return verb(i), nil
		}
		if ok && strings.EqualFold(text, name) && c.grant(schema.OperationCase, text) {
			return verb(i), nil
		}
	}
	if !ok {
		return 0, schema.Fail(schema.InvalidSyntax, "", "an operation needs an op: add, replace or remove")
	}
	return 0, schema.Fail(schema.InvalidSyntax, "", "op must be add, replace or remove, not %s", schema.Quote(text))
}
