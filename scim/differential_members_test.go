package scim_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"domicile/scim"
)

// clubs is the naive picture of who is in which group: ids of groups, each with the set of its members' ids.
type clubs map[string]map[string]bool

// TestMembership: random sequences of PATCH, PUT, POST and DELETE leave every group with the members that plain sets have,
// and every user with the groups that follow from them.
func TestMembership(t *testing.T) {
	for seed := range uint64(10) {
		membership(t, seed)
	}
}

func FuzzMembership(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(membership)
}

func membership(t *testing.T, seed uint64) {
	w := newTown(t, seed, 6, 0)
	model, people := clubs{}, map[string]bool{}
	for _, u := range w.all(t, scim.Users) {
		people[u["id"].(string)] = true
	}
	for step := range 40 {
		what := w.meddle(t, model, people)
		for id, want := range model {
			if got := w.membersOf(t, id); !maps.Equal(got, want) {
				t.Fatalf("seed %d, step %d: %s: group %s has %v, want %v", seed, step, what, id, got, want)
			}
		}
		for id := range people {
			direct, indirect := model.of(id)
			got := map[string]map[string]bool{"direct": {}, "indirect": {}}
			for _, g := range w.get(t, scim.Users, id).Groups {
				got[g.Type][g.Value] = true
			}
			if !maps.Equal(got["direct"], direct) || !maps.Equal(got["indirect"], indirect) {
				t.Fatalf("seed %d, step %d: %s: user %s is in %v, want %v and %v", seed, step, what, id, got, direct, indirect)
			}
		}
	}
}

func (w *town) membersOf(t testing.TB, group string) map[string]bool {
	t.Helper()
	set := map[string]bool{}
	for _, m := range w.get(t, scim.Groups, group).Members {
		set[m.Value] = true
	}
	return set
}

// of gives the groups that a member is in: directly, and through others only.
func (c clubs) of(member string) (direct, indirect map[string]bool) {
	direct, indirect = map[string]bool{}, map[string]bool{}
	queue := []string{member}
	for i := 0; i < len(queue); i++ {
		for id, members := range c {
			if !members[queue[i]] || direct[id] || indirect[id] {
				continue
			}
			if i == 0 {
				direct[id] = true
			} else {
				indirect[id] = true
			}
			queue = append(queue, id)
		}
	}
	return direct, indirect
}

// meddle does one random thing to the model and to the engine, and says what.
func (w *town) meddle(t testing.TB, model clubs, people map[string]bool) string {
	t.Helper()
	groups, everybody := slices.Sorted(maps.Keys(model)), slices.Sorted(maps.Keys(people))
	everybody = append(everybody, groups...)
	if len(groups) == 0 || len(groups) < 4 && w.IntN(6) == 0 {
		some := w.some(everybody)
		id := w.create(t, scim.Groups, group(fmt.Sprintf("g%d", w.Uint32()), some...))
		model[id] = setOf(some)
		return "create"
	}
	id := w.choose(groups...)
	if w.IntN(12) == 0 {
		return w.vanish(t, model, people, w.choose(everybody...))
	}
	everybody = slices.DeleteFunc(everybody, func(other string) bool { return other == id }) // no group is in itself
	if w.IntN(12) == 0 {
		some := w.some(everybody)
		r, err := w.Replace(context.Background(), w.actor, scim.Groups, id, []byte(group("g."+id, some...)), scim.Query{}, scim.Conditions{})
		if err != nil {
			t.Fatal(err)
		}
		r.Release()
		model[id] = setOf(some)
		return "put"
	}
	var operations []string
	for range 1 + w.IntN(4) {
		operations = append(operations, w.operate(model[id], everybody))
	}
	text := strings.Join(operations, ",")
	r := w.patch(t, scim.Groups, id, text)
	r.Release()
	return text
}

func (w *town) some(everybody []string) (some []string) {
	for range w.IntN(4) {
		some = append(some, w.choose(everybody...))
	}
	return some
}

func setOf(ids []string) map[string]bool {
	set := map[string]bool{}
	for _, id := range ids {
		set[id] = true
	}
	return set
}

// vanish deletes a user or a group: it is in no group any more.
func (w *town) vanish(t testing.TB, model clubs, people map[string]bool, id string) string {
	t.Helper()
	kind := scim.Groups
	if people[id] {
		kind = scim.Users
	}
	if len(people) == 2 && kind == scim.Users {
		return "nothing"
	}
	if _, err := w.Delete(context.Background(), w.actor, kind, id, scim.Conditions{}); err != nil {
		t.Fatal(err)
	}
	delete(people, id)
	delete(model, id)
	for _, members := range model {
		delete(members, id)
	}
	return "delete " + id
}

// operate does one random PATCH operation to a set of members and writes it as one of the clients does.
func (w *town) operate(members map[string]bool, everybody []string) string {
	a, b := w.choose(everybody...), w.choose(everybody...)
	list := fmt.Sprintf(`[{"$ref":null,"value":%q},{"value":%q}]`, a, b)
	switch w.IntN(9) {
	case 0, 1, 2:
		members[a], members[b] = true, true
		return w.choose(`{"op":"Add","path":"members","value":`+list+`}`, `{"op":"add","value":{"members":`+list+`}}`)
	case 3:
		delete(members, a)
		delete(members, b)
		return `{"op":"Remove","path":"members","value":` + list + `}`
	case 4:
		delete(members, a)
		return fmt.Sprintf(`{"op":"remove","path":"members[value eq \"%s\"]"}`, a)
	case 5:
		delete(members, a)
		delete(members, b)
		return fmt.Sprintf(`{"op":"remove","path":"members[value eq \"%s\" or value eq \"%s\"]"}`, a, b)
	case 6:
		clear(members)
		members[a], members[b] = true, true
		return w.choose(`{"op":"replace","path":"members","value":`+list+`}`, `{"op":"Replace","value":{"members":`+list+`}}`)
	case 7:
		maps.DeleteFunc(members, func(id string, _ bool) bool { return id != a })
		return fmt.Sprintf(`{"op":"remove","path":"members[not (value eq \"%s\")]"}`, a)
	}
	clear(members)
	return `{"op":"remove","path":"members"}`
}
