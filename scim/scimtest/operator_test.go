package scimtest

import (
	"encoding/json"
	"testing"
)

const sample = `{"s":"Text","t":true,"n":5,"z":null,"e":[],"o":{"a b":1,"$ref":"r"},"l":[{"type":"Work","value":"1"},{"type":"home","value":"2"}],"u":["a","b"]}`

func TestOperators(t *testing.T) {
	var document any
	if err := json.Unmarshal([]byte(sample), &document); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		path, operator string
		want           any
		holds          bool
	}{
		{"$.s", "eq", "Text", true}, {"$.s", "eq", "text", false}, {"$.t", "eq", "true", false}, {"$.n", "eq", 5.0, true}, {"$.n", "eq", "5", false},
		{"$.x", "eq", nil, false}, {"$.l[*].value", "eq", "2", true}, {"$.o", "eq", map[string]any{"a b": 1.0, "$ref": "r"}, true},
		{"$.s", "ne", "x", true}, {"$.s", "ne", "Text", false}, {"$.x", "ne", "Text", false}, {"$.l[*].value", "ne", "1", false},
		{"$.s", "ieq", "tEXT", true}, {"$.n", "ieq", "5", false},
		{"$.u", "contains", "a", true}, {"$.u", "contains", "c", false}, {"$.s", "contains", "ex", true}, {"$.n", "contains", 5.0, false},
		{"$.u", "notContains", "c", true}, {"$.u", "notContains", "a", false}, {"$.x", "notContains", "a", false},
		{"$.s", "startsWith", "Te", true}, {"$.s", "startsWith", "ex", false},
		{"$.s", "matches", "^T.*t$", true}, {"$.n", "matches", "5", false}, {"$.s", "matches", "^((?!ex).)+$", false}, {"$.s", "matches", "^((?!zz).)+$", true},
		{"$.s", "type", "string", true}, {"$.n", "type", "number", true}, {"$.t", "type", "boolean", true}, {"$.u", "type", "array", true}, {"$.o", "type", "object", true},
		{"$.z", "type", "string", false}, {"$.s", "type", "number", false},
		{"$.s", "exists", true, true}, {"$.z", "exists", true, true}, {"$.x", "exists", true, false}, {"$.x", "exists", false, true}, {"$.s", "exists", false, false},
		{"$.x", "absent", nil, true}, {"$.z", "absent", nil, true}, {"$.e", "absent", nil, true}, {"$.u", "absent", nil, false},
		{"$.u", "len", 2.0, true}, {"$.s", "len", 4.0, true}, {"$.e", "len", 0.0, true}, {"$.x", "len", 0.0, false}, {"$.l[*].value", "len", 1.0, false}, {"$.n", "len", 5.0, false},
		{"$.u[*]", "count", 2.0, true}, {"$.x", "count", 0.0, true}, {"$.u[*]", "count", 1.0, false},
		{"$.n", "gte", 5.0, true}, {"$.n", "gte", 6.0, false}, {"$.n", "lte", 5.0, true}, {"$.s", "lte", 5.0, false},
		{"$.s", "in", []any{"a", "Text"}, true}, {"$.s", "in", []any{"a"}, false},
		{"$['o']['a b']", "eq", 1.0, true}, {"$.o['$ref']", "eq", "r", true}, {"$.l[?type=work].value", "eq", "1", true}, {"$.l[?type=fax].value", "absent", nil, true},
		{"$.l[1].type", "eq", "home", true}, {"$.l[2]", "absent", nil, true}, {"$", "type", "object", true},
	}
	for _, test := range tests {
		list, err := nodes(document, test.path)
		if err != nil {
			t.Fatal(err)
		}
		if text := check(test.path, list, test.operator, test.want); (text == "") != test.holds {
			t.Errorf("%s %s %v: %q", test.path, test.operator, test.want, text)
		}
	}
}

func TestNodes_errors(t *testing.T) {
	for _, path := range []string{"s", "$x", "$[x]", "$['x", "$[1"} {
		if _, err := nodes(nil, path); err == nil {
			t.Errorf("%s: no error", path)
		}
	}
}
