package patch

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"domicile/scim/schema"
)

// TestApply_differential compares random PATCH documents with the naive map, under strict, where the RFC alone decides.
func TestApply_differential(t *testing.T) {
	for seed := range uint64(400) {
		differ(t, seed)
	}
}

func FuzzApply_differential(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { differ(t, seed) })
}

// differ runs one random history of a user, on both.
func differ(t *testing.T, seed uint64) {
	t.Helper()
	rt := schema.User()
	dice := dice{rand.New(rand.NewPCG(seed, 1))}
	model := naive{"userName": "u"}
	o := resource(t, rt, `{"userName":"u"}`)
	for range 12 {
		before := copyOf(t, model)
		var operations []string
		var want error
		for range 1 + dice.IntN(3) {
			verb, target, value, given := dice.operation()
			operations = append(operations, spell(t, verb, target, value, given))
			if want == nil {
				want = model.apply(verb, target, value, given)
			}
		}
		change, err := Compile(rt, document(strings.Join(operations, ",")), o, schema.Strict())
		if (err != nil) != (want != nil) || want != nil && len(operations) == 1 && scimType(err) != want.Error() {
			t.Fatalf("seed %d: %v on %v: got %v, want %v", seed, operations, before, err, want)
		}
		if err != nil {
			model = before
			continue
		}
		stored := schema.Encode(rt, change.Attributes)
		got := naive{}
		if err := json.Unmarshal(stored, &got); err != nil {
			t.Fatal(err)
		}
		delete(got, "schemas")
		if expected := copyOf(t, model); !reflect.DeepEqual(got, expected) {
			t.Fatalf("seed %d: %v\non   %v\ngot  %v\nwant %v", seed, operations, before, got, expected)
		}
		if changed := !reflect.DeepEqual(before, copyOf(t, model)); changed && !change.AttributesChanged {
			t.Fatalf("seed %d: %v on %v: the change was not noticed", seed, operations, before)
		}
		if o, err = schema.Decode(rt, stored); err != nil {
			t.Fatal(err)
		}
	}
}

func copyOf(t *testing.T, n naive) naive {
	t.Helper()
	text, err := json.Marshal(n)
	if err != nil {
		t.Fatal(err)
	}
	c := naive{}
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// spell writes an operation as a client would.
func spell(t *testing.T, verb string, to target, value any, given bool) string {
	t.Helper()
	path := to.attr
	if to.urn != "" {
		path = to.urn + ":" + path
	}
	if to.where != nil {
		literal, err := json.Marshal(to.where.value)
		if err != nil {
			t.Fatal(err)
		}
		path += fmt.Sprintf("[%s %s %s]", to.where.sub, to.where.op, literal)
	}
	if to.sub != "" {
		path += "." + to.sub
	}
	o := map[string]any{"op": verb, "path": path}
	if given {
		o["value"] = value
	}
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// dice makes random operations.
type dice struct{ *rand.Rand }

func pick[T any](d dice, from ...T) T { return from[d.IntN(len(from))] }

func (d dice) text() any { return pick[any](d, "x", "X", "y", "yz", "", nil) }

func (d dice) operation() (verb string, t target, value any, given bool) {
	verb, given = pick(d, "add", "replace", "remove"), true
	switch d.IntN(6) {
	case 0:
		t.attr = pick(d, "title", "nickName", "displayName")
		value = d.text()
	case 1:
		t.attr, value = "name", any(map[string]any{"givenName": d.text(), "familyName": d.text()})
		if d.IntN(2) == 0 {
			t.sub, value = pick(d, "givenName", "familyName"), d.text()
		}
	case 2:
		t.urn, t.attr = enterprise, "department"
		value = d.text()
		if d.IntN(2) == 0 {
			t.attr, t.sub = "manager", "value"
		}
	case 3:
		t.attr, value = "userName", "u"
	default:
		t, value = d.plural(verb)
	}
	if verb == "remove" && (t.where != nil || t.sub != "" || t.attr != "emails" && t.attr != "addresses") {
		value, given = nil, false
	}
	return verb, t, value, given
}

// plural is a random operation on many values.
func (d dice) plural(verb string) (t target, value any) {
	t.attr = pick(d, plurals...)
	main := map[string]string{"emails": "value", "addresses": "locality"}[t.attr]
	element := func() map[string]any {
		o := map[string]any{}
		for _, sub := range []string{main, "type"} {
			if d.IntN(4) > 0 {
				o[sub] = d.text()
			}
		}
		if d.IntN(2) == 0 {
			o["primary"] = pick(d, true, true, false)
		}
		return o
	}
	switch d.IntN(4) {
	case 0:
		list := []any{}
		for range d.IntN(3) {
			list = append(list, element())
		}
		return t, list
	case 1:
		t.where = pick(d, &condition{"type", "eq", "x"}, &condition{"type", "ne", "x"}, &condition{main, "sw", "y"}, &condition{"primary", "eq", true})
		return t, element()
	case 2:
		t.where = pick(d, nil, &condition{"type", "eq", "x"}, &condition{main, "ne", "y"}, &condition{"primary", "eq", false})
	}
	t.sub = pick(d, main, "type", "primary")
	if value = d.text(); t.sub == "primary" {
		value = pick[any](d, true, false, nil)
	}
	return t, value
}
