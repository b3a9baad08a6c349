package scim_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"domicile/scim"
	"domicile/scim/schema"
)

// TestWalk: a walk by cursor, while resources come and go and change, shows what stayed as it was exactly once, and nothing
// twice (RFC 9865 §2). What changes what the order is by may be missed or met again: it moved.
func TestWalk(t *testing.T) {
	for seed := range uint64(25) {
		walk(t, seed)
	}
}

func FuzzWalk(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(walk)
}

func walk(t *testing.T, seed uint64) {
	w := newTown(t, seed, 24, 3)
	kinds := [][]scim.Kind{{scim.Users}, {scim.Users}, {scim.Groups}, {scim.Users, scim.Groups}}[w.IntN(4)]
	q := scim.Query{HasCursor: true, HasCount: true, Count: 1 + w.IntN(6)}
	if w.IntN(2) == 0 {
		q.Filter, q.HasFilter = w.choose("meta.created pr", `displayName pr or externalId pr`, `not (id eq "x")`), true
	}
	if w.IntN(3) > 0 {
		q.SortBy, q.SortOrder = w.choose("displayName", "externalId", "meta.created", "id"), w.choose("", "descending")
		if kinds[0] == scim.Users && len(kinds) == 1 {
			q.SortBy = w.choose("userName", "emails", "emails.value", "title", "active", "name.familyName", schema.EnterpriseURN+":department")
		}
	}
	before := w.ids(t, kinds, q)
	moved, met := map[string]bool{}, []string{}
	for page := 0; ; page++ {
		if page > 200 {
			t.Fatalf("seed %d: %+v never ends", seed, q)
		}
		r, err := w.ask(kinds, q)
		if err != nil {
			t.Fatalf("seed %d: %+v: %v", seed, q, err)
		}
		answered := read(t, scim.Response{Body: slices.Clone(r.Body)})
		met = append(met, ids(answered)...)
		r.Release()
		if q.Cursor = answered.NextCursor; q.Cursor == "" {
			break
		}
		for range w.IntN(3) {
			moved[w.disturb(t)] = true
		}
	}
	stayed := slices.DeleteFunc(before, func(id string) bool { return moved[id] })
	steady := slices.DeleteFunc(slices.Clone(met), func(id string) bool { return !slices.Contains(stayed, id) })
	if !slices.Equal(steady, stayed) {
		t.Fatalf("seed %d: %+v\nmet    %v\nstayed %v", seed, q, steady, stayed)
	}
	if repeated := len(met) - len(slices.Compact(slices.Sorted(slices.Values(met)))); repeated > 0 && q.SortBy == "" {
		t.Fatalf("seed %d: %+v shows %d twice", seed, q, repeated)
	}
}

// ids are what a question finds, in order, in one page.
func (w *town) ids(t testing.TB, kinds []scim.Kind, q scim.Query) (list []string) {
	t.Helper()
	q.HasCursor, q.Count = false, scim.MaxPage
	r, err := w.ask(kinds, q)
	if err != nil {
		t.Fatalf("%+v: %v", q, err)
	}
	for _, o := range resources(t, r) {
		list = append(list, schema.String(o, "id"))
	}
	return list
}

// disturb creates, deletes or changes a random resource and gives its id.
func (w *town) disturb(t testing.TB) string {
	t.Helper()
	kind := scim.Kind(w.IntN(2))
	list := w.all(t, kind)
	if len(list) == 0 || w.IntN(3) == 0 {
		return w.create(t, scim.Users, w.person(1000+int(w.Uint32())))
	}
	id := schema.String(list[w.IntN(len(list))], "id")
	if w.IntN(2) == 0 {
		if _, err := w.Delete(context.Background(), w.actor, kind, id, scim.Conditions{}); err != nil {
			t.Fatal(err)
		}
		return id
	}
	name := map[scim.Kind]string{scim.Users: "title", scim.Groups: "externalId"}[kind]
	r := w.patch(t, kind, id, fmt.Sprintf(`{"op":"replace","path":%q,"value":%q},{"op":"replace","path":"displayName","value":"%s.%d"}`,
		name, w.word(), w.word(), w.Uint32()))
	r.Release()
	return id
}
