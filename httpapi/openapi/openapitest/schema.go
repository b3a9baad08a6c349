package openapitest

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"domicile/httpapi/openapi"
)

// Pair is a schema and a value of the struct that it describes.
type Pair struct {
	Schema *openapi.Schema
	Value  any
}

// AreTheTypes compares each schema with the struct that is read or written: the same members, and no other required ones.
func AreTheTypes(t *testing.T, pairs map[string]Pair) {
	t.Helper()
	for name, pair := range pairs {
		t.Run(name, func(t *testing.T) {
			want := slices.Sorted(maps.Keys(pair.Schema.Properties))
			got := slices.Sorted(slices.Values(members(reflect.TypeOf(pair.Value))))
			if !slices.Equal(want, got) {
				t.Errorf("the schema has %v, the type %v", want, got)
			}
			for _, name := range pair.Schema.Required {
				if pair.Schema.Properties[name] == nil {
					t.Errorf("required %s is no property", name)
				}
			}
		})
	}
}

// members lists the JSON names of a struct's fields.
func members(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		field := t.Field(i)
		if field.Anonymous {
			names = append(names, members(field.Type)...)
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}
