package scim

import (
	"encoding/json"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"domicile/scim/schema"
)

// changes names the attributes in which a record and its next document differ, but for members; those of an extension with
// its URN before.
func changes(rt *schema.ResourceType, current record, next schema.Object) ([]string, error) {
	before, err := current.document(rt)
	if err != nil {
		return nil, err
	}
	names := differing("", before, next, func(name string) bool {
		a := rt.Attribute(name)
		return name != "schemas" && (a == nil || a.Stored())
	})
	names = slices.DeleteFunc(names, func(name string) bool { return rt.Extension(name) != nil })
	for _, extension := range rt.Extensions {
		urn := extension.Schema.ID
		old, _ := before[urn].(schema.Object)
		fresh, _ := next[urn].(schema.Object)
		names = append(names, differing(urn+":", old, fresh, func(string) bool { return true })...)
	}
	return names, nil
}

// differing lists the keys whose values differ, sorted.
func differing(prefix string, a, b schema.Object, counts func(name string) bool) []string {
	var names []string
	for name, v := range a {
		if !same(v, b[name]) && counts(name) {
			names = append(names, prefix+name)
		}
	}
	for name := range b {
		if _, both := a[name]; !both && counts(name) {
			names = append(names, prefix+name)
		}
	}
	slices.SortFunc(names, strings.Compare)
	return names
}

func same(a, b any) bool {
	switch a.(type) {
	case string, bool, json.Number:
		return a == b
	}
	return reflect.DeepEqual(a, b)
}

// asked is a question as the sync log keeps it: one name=value a line, without escapes.
func (q *Query) asked() string {
	var lines []string
	for _, p := range [...]struct{ name, value string }{
		{"filter", q.Filter}, {"sortBy", q.SortBy}, {"sortOrder", q.SortOrder}, {"cursor", q.Cursor},
	} {
		if p.value != "" {
			lines = append(lines, p.name+"="+p.value)
		}
	}
	return strings.Join(lines, "\n")
}

// askedAgain makes a query string of what asked gave.
func askedAgain(text string) string {
	query := make(url.Values)
	for line := range strings.SplitSeq(text, "\n") {
		if name, value, ok := strings.Cut(line, "="); ok {
			query.Set(name, value)
		}
	}
	return query.Encode()
}
