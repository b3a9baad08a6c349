package patch

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"domicile/scim/filter"
	"domicile/scim/schema"
)

// show writes a MembersChange in one line.
func show(c MembersChange) string {
	var b strings.Builder
	b.WriteString([]string{"none", "delta", "replace"}[c.Mode])
	for _, m := range c.Add {
		b.WriteString(" +" + m.ID)
		if m.Display != "" {
			b.WriteString("(" + m.Display + ")")
		}
	}
	for _, id := range c.Remove {
		b.WriteString(" -" + id)
	}
	if c.RemoveMatching != nil {
		b.WriteString(" -[" + c.RemoveMatching.String() + "]")
	}
	return b.String()
}

func TestMembers(t *testing.T) {
	tests := []struct {
		name, operations, want string
	}{
		{"add", `{"op":"Add","path":"members","value":[{"$ref":null,"value":"a"},{"value":"b","display":"B"},{"value":"c","displayName":"C"}]}`, "delta +a +b(B) +c(C)"},
		{"add one object", `{"op":"add","path":"members","value":{"value":"a"}}`, "delta +a"},
		{"add bare text", `{"op":"add","path":"members","value":"a"}`, "delta +a"},
		{"add bare texts", `{"op":"add","path":"members","value":["a","b"]}`, "delta +a +b"},
		{"add nothing", `{"op":"add","path":"members","value":[]}`, "none"},
		{"add null", `{"op":"add","path":"members","value":null}`, "none"},
		{"add a repeated id", `{"op":"add","path":"members","value":[{"value":"a"},{"value":"a"}]}`, "delta +a"},
		{"add to members.value", `{"op":"add","path":"members.value","value":"a"}`, "delta +a"},
		{"pathless add", `{"op":"add","value":{"members":[{"value":"a"}]}}`, "delta +a"},
		{"pathless replace", `{"op":"replace","value":{"id":"x","displayName":"N","members":[{"value":"a"}]}}`, "replace +a"},
		{"remove by value list", `{"op":"Remove","path":"members","value":[{"$ref":null,"value":"a"},{"value":"b"}]}`, "delta -a -b"},
		{"remove by one object", `{"op":"remove","path":"members","value":{"value":"a"}}`, "delta -a"},
		{"remove by null is all", `{"op":"remove","path":"members","value":null}`, "replace"},
		{"remove without value is all", `{"op":"remove","path":"members"}`, "replace"},
		{"remove of an empty list is none", `{"op":"remove","path":"members","value":[]}`, "none"},
		{"remove by filter", `{"op":"remove","path":"members[value eq \"a\"]"}`, "delta -a"},
		{"remove by filter of several", `{"op":"remove","path":"members[value eq \"a\" or value eq \"b\"]"}`, "delta -a -b"},
		{"remove by another filter", `{"op":"remove","path":"members[type eq \"User\"]"}`, `delta -[type eq "User"]`},
		{"two other filters", `{"op":"remove","path":"members[type eq \"User\"]"},{"op":"remove","path":"members[display sw \"x\"]"}`, `delta -[type eq "User" or display sw "x"]`},
		{"other filter on what was added", `{"op":"add","path":"members","value":[{"value":"a","type":"User"},{"value":"b","type":"Group"}]},{"op":"remove","path":"members[type eq \"User\"]"}`, `delta +b -a -[type eq "User"]`},
		{"other filter on a new list", `{"op":"replace","path":"members","value":[{"value":"a","type":"User"},{"value":"b","type":"Group"}]},{"op":"remove","path":"members[type eq \"User\"]"}`, "replace +b"},
		{"add after another filter", `{"op":"remove","path":"members[type eq \"User\"]"},{"op":"add","path":"members","value":"a"}`, `delta +a -[type eq "User"]`},
		{"replace", `{"op":"replace","path":"members","value":[{"value":"a"},{"value":"b"}]}`, "replace +a +b"},
		{"replace by null", `{"op":"Replace","path":"members","value":null}`, "replace"},
		{"replace by an empty list", `{"op":"replace","path":"members","value":[]}`, "replace"},
		{"replace one by another", `{"op":"replace","path":"members[value eq \"a\"]","value":{"value":"b"}}`, "delta +b -a"},
		{"add by filter", `{"op":"add","path":"members[value eq \"a\"]","value":{"display":"A"}}`, "error invalidValue"},
		{"add then remove", `{"op":"add","path":"members","value":"a"},{"op":"remove","path":"members[value eq \"a\"]"}`, "delta -a"},
		{"remove then add", `{"op":"remove","path":"members[value eq \"a\"]"},{"op":"add","path":"members","value":"a"}`, "delta +a"},
		{"clear then add", `{"op":"remove","path":"members"},{"op":"add","path":"members","value":["a","b"]},{"op":"remove","path":"members","value":["a"]}`, "replace +b"},
		{"add then clear", `{"op":"add","path":"members","value":"a"},{"op":"remove","path":"members"}`, "replace"},
		{"rename only", `{"op":"replace","value":{"id":"g","displayName":"New"}}`, "none"},
		{"change of a sub-attribute", `{"op":"replace","path":"members[value eq \"a\"].display","value":"x"}`, "error mutability"},
		{"other filter with add", `{"op":"add","path":"members[type eq \"User\"]","value":{"value":"a"}}`, "error noTarget"},
		{"no id", `{"op":"add","path":"members","value":[{"display":"x"}]}`, "error invalidValue"},
		{"another name for the id", `{"op":"add","path":"members","value":[{"id":"a"}]}`, "error invalidValue"},
		{"another name for the id to remove", `{"op":"remove","path":"members","value":[{"value":"b"},{"id":"a"}]}`, "error invalidValue"},
		{"another name for the id of all", `{"op":"replace","path":"members","value":{"id":"a"}}`, "error invalidValue"},
		{"a number as id", `{"op":"add","path":"members","value":[{"value":7}]}`, "delta +7"},
		{"SCIM 1.1 delete", `{"op":"add","path":"members","value":[{"value":"a","operation":"delete"}]}`, "error invalidValue"},
		{"SCIM 1.1 delete of one object", `{"op":"add","path":"members","value":{"value":"a","operation":"delete"}}`, "error invalidValue"},
		{"misspelt", `{"op":"add","path":"memebers","value":[{"value":"a"}]}`, "error invalidPath"},
	}
	rt := schema.Group()
	current := resource(t, rt, `{"displayName":"G"}`)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got string
			if change, err := Compile(rt, document(test.operations), current, schema.Interop()); err != nil {
				got = "error " + scimType(err)
			} else {
				got = show(change.Members)
			}
			if got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// TestMembers_model compares the folded change with a set that performs every
// operation at once, for random documents and random groups.
func TestMembers_model(t *testing.T) {
	rt := schema.Group()
	current := resource(t, rt, `{"displayName":"G"}`)
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 2000 {
		model := map[string]bool{}
		for range rng.IntN(5) {
			model[id(rng)] = true
		}
		before := sorted(model)
		var operations []string
		for range 1 + rng.IntN(6) {
			operations = append(operations, randomMembers(rng, model))
		}
		change, err := Compile(rt, document(strings.Join(operations, ",")), current, schema.Interop())
		if err != nil {
			t.Fatalf("round %d: %v: %v", round, operations, err)
		}
		if got, want := perform(before, change.Members), sorted(model); !slices.Equal(got, want) {
			t.Fatalf("round %d: %v on %v: got %v by %s, want %v", round, operations, before, got, show(change.Members), want)
		}
		if change.AttributesChanged {
			t.Fatal("members changed the document")
		}
	}
}

func id(rng *rand.Rand) string { return string(rune('a' + rng.IntN(6))) }

func sorted(set map[string]bool) []string {
	ids := []string{}
	for id, in := range set {
		if in {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// randomMembers performs one operation on the model and writes it down.
func randomMembers(rng *rand.Rand, model map[string]bool) string {
	a, b := id(rng), id(rng)
	list := fmt.Sprintf(`[{"value":%q},{"value":%q}]`, a, b)
	switch rng.IntN(7) {
	case 0:
		model[a], model[b] = true, true
		return `{"op":"add","path":"members","value":` + list + `}`
	case 1:
		delete(model, a)
		delete(model, b)
		return `{"op":"remove","path":"members","value":` + list + `}`
	case 2:
		delete(model, a)
		return fmt.Sprintf(`{"op":"remove","path":"members[value eq \"%s\"]"}`, a)
	case 3:
		clear(model)
		model[a], model[b] = true, true
		return `{"op":"replace","path":"members","value":` + list + `}`
	case 4:
		clear(model)
		return `{"op":"remove","path":"members"}`
	case 5:
		for have := range model {
			if have != a {
				delete(model, have)
			}
		}
		return fmt.Sprintf(`{"op":"remove","path":"members[value ne \"%s\"]"}`, a)
	default:
		return `{"op":"add","path":"members","value":null}`
	}
}

// perform does what the door and the ledger do with a change.
func perform(before []string, c MembersChange) []string {
	set := map[string]bool{}
	if c.Mode != Replace {
		for _, id := range before {
			set[id] = c.RemoveMatching == nil || !matches(c, id)
		}
	}
	for _, m := range c.Add {
		set[m.ID] = true
	}
	for _, id := range c.Remove {
		delete(set, id)
	}
	return sorted(set)
}

func matches(c MembersChange, id string) bool {
	return filter.MatchElement(c.RemoveMatching, schema.Object{"value": id})
}
