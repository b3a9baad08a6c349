package scim_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"domicile/scim"
	"domicile/scim/filter"
	"domicile/scim/schema"
)

// town is a world with a random population, and the dice that made it.
type town struct {
	*world
	*rand.Rand
	types map[scim.Kind]*schema.ResourceType
}

func newTown(t testing.TB, seed uint64, users, groups int) *town {
	t.Helper()
	w := &town{
		world: newWorld(t), Rand: rand.New(rand.NewPCG(seed, 2)),
		types: map[scim.Kind]*schema.ResourceType{scim.Users: schema.User(), scim.Groups: schema.Group()},
	}
	for i := range users {
		w.create(t, scim.Users, w.person(i))
	}
	for i := range groups {
		w.create(t, scim.Groups, w.club(t, i))
	}
	return w
}

// Texts are drawn from few words, some of which differ in letter case, width or composition only.
var words = []string{"jo", "Jo", "JOAN", "joanna", "Straße", "STRASSE", "ｊｏ", "é", "e\u0301", "É", "ﬁn", "a b", "z", "Ω", "ω"}

func (w *town) word() string { return words[w.IntN(len(words))] }

func (w *town) choose(from ...string) string { return from[w.IntN(len(from))] }

// person is a random body of a user. Its name is unique, whatever the folding.
func (w *town) person(i int) string {
	o := schema.Object{"userName": fmt.Sprintf("%s.%d", w.word(), i), "active": w.IntN(4) > 0}
	for name, odds := range map[string]int{"externalId": 2, "displayName": 2, "title": 3, "nickName": 4} {
		if w.IntN(odds) == 0 {
			o[name] = w.word()
		}
	}
	if w.IntN(2) == 0 {
		o["name"] = schema.Object{"familyName": w.word(), "givenName": w.word()}
	}
	for _, name := range []string{"emails", "phoneNumbers"} {
		list, primary := []any{}, w.IntN(4)
		for i := range w.IntN(4) {
			list = append(list, schema.Object{"value": w.word() + w.choose("@x", "@X", ""), "type": w.choose("work", "home", "Other"), "primary": i == primary})
		}
		o[name] = list
	}
	if w.IntN(3) == 0 {
		o[schema.EnterpriseURN] = schema.Object{"department": w.word(), "manager": schema.Object{"value": w.word()}}
	}
	o["schemas"] = []any{schema.UserURN}
	return string(schema.Marshal(w.types[scim.Users], o))
}

// club is a random body of a group, some of whose members are groups.
func (w *town) club(t testing.TB, i int) string {
	t.Helper()
	o := schema.Object{"schemas": []any{schema.GroupURN}, "displayName": fmt.Sprintf("%s.%d", w.word(), i)}
	if w.IntN(2) == 0 {
		o["externalId"] = w.word()
	}
	members := []any{}
	for _, kind := range []scim.Kind{scim.Users, scim.Groups} {
		for _, r := range w.all(t, kind) {
			if w.IntN(6) == 0 {
				members = append(members, schema.Object{"value": r["id"]})
			}
		}
	}
	o["members"] = members
	return string(schema.Marshal(w.types[scim.Groups], o))
}

// all reads every resource of a kind, in creation order, whole.
func (w *town) all(t testing.TB, kind scim.Kind) []schema.Object {
	t.Helper()
	r, err := w.List(context.Background(), w.actor, kind, scim.Query{HasCount: true, Count: scim.MaxPage})
	if err != nil {
		t.Fatal(err)
	}
	return resources(t, r)
}

func resources(t testing.TB, r scim.Response) []schema.Object {
	t.Helper()
	defer r.Release()
	v, err := schema.DecodeJSON(r.Body)
	if err != nil {
		t.Fatalf("%v in %s", err, r.Body)
	}
	var list []schema.Object
	for _, item := range v.(schema.Object)["Resources"].([]any) {
		list = append(list, item.(schema.Object))
	}
	return list
}

// condition is a random comparison that makes sense for its attribute more often than not. Half of them are ones that an
// index could answer.
func (w *town) condition(t testing.TB, kind scim.Kind) string {
	t.Helper()
	op := w.choose("eq", "eq", "eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "pr")
	indexed := map[scim.Kind][]string{
		scim.Users:  {"id", "userName", "externalId", "emails.value", "groups.value", "emails", "USERNAME"},
		scim.Groups: {"id", "displayName", "externalId", "members.value", "members"},
	}[kind]
	others := map[scim.Kind][]string{
		scim.Users: {"displayName", "title", "name.familyName", "active", "meta.created", "meta.lastModified", "emails.type", "emails.primary",
			"phoneNumbers.value", "groups.display", "groups.type", schema.EnterpriseURN + ":department", schema.EnterpriseURN + ":manager",
			schema.UserURN + ":userName", "meta.resourceType", "meta.version", "schemas"},
		scim.Groups: {"members.display", "members.type", "meta.created", "meta.location", schema.GroupURN + ":displayName", "meta"},
	}[kind]
	name := w.choose(indexed...)
	if w.IntN(3) == 0 {
		name = w.choose(others...)
	}
	if op == "pr" {
		return name + " pr"
	}
	return name + " " + op + " " + string(schema.AppendString(nil, w.operand(t, name)))
}

// operand is a value to compare with: often one that is there.
func (w *town) operand(t testing.TB, name string) string {
	t.Helper()
	some := func(kind scim.Kind, path string) string {
		list := w.all(t, kind)
		if len(list) == 0 {
			return "none"
		}
		return schema.String(list[w.IntN(len(list))], path)
	}
	switch {
	case name == "id" || strings.HasPrefix(name, "members") && w.IntN(3) > 0 || name == "groups.value":
		kind := scim.Users
		if name == "groups.value" || w.IntN(4) == 0 {
			kind = scim.Groups
		}
		return w.choose(some(kind, "id"), some(kind, "id"), strings.ToUpper(some(kind, "id")), "nobody")
	case strings.HasPrefix(name, "meta."):
		return some(scim.Users, name)
	case strings.EqualFold(name, "userName") && w.IntN(2) == 0:
		return w.choose(strings.ToUpper(some(scim.Users, "userName")), some(scim.Users, "userName"))
	case name == "displayName" && w.IntN(2) == 0:
		return strings.ToLower(some(scim.Groups, "displayName"))
	case strings.HasPrefix(name, "emails"):
		return w.word() + w.choose("@x", "@X", "")
	}
	return w.word()
}

// question is a random filter.
func (w *town) question(t testing.TB, kind scim.Kind, depth int) string {
	t.Helper()
	switch n := w.IntN(10); {
	case depth > 0 && n < 4:
		return w.question(t, kind, depth-1) + w.choose(" and ", " and ", " or ") + w.question(t, kind, depth-1)
	case depth > 0 && n == 4:
		return "not (" + w.question(t, kind, depth-1) + ")"
	case depth > 0 && n == 5:
		return "(" + w.question(t, kind, depth-1) + ")"
	case n == 6 && kind == scim.Users:
		return fmt.Sprintf("emails[type eq %q and value %s %q]", w.choose("work", "HOME"), w.choose("eq", "eq", "sw"), w.word()+w.choose("@x", ""))
	case n == 7 && kind == scim.Groups:
		return fmt.Sprintf("members[value eq %q%s]", w.operand(t, "id"), w.choose("", ` and type eq "User"`))
	}
	return w.condition(t, kind)
}

// TestEvaluation: what an index finds is what looking at every resource finds, filters and orders alike.
func TestEvaluation(t *testing.T) {
	for seed := range uint64(8) {
		evaluate(t, seed)
	}
}

func FuzzEvaluation(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(evaluate)
}

func evaluate(t *testing.T, seed uint64) {
	w := newTown(t, seed, 25, 8)
	for range 40 {
		kinds := []scim.Kind{scim.Users, scim.Groups}[w.IntN(2):][:1]
		if w.IntN(6) == 0 {
			kinds = []scim.Kind{scim.Users, scim.Groups}
		}
		text := w.question(t, kinds[w.IntN(len(kinds))], 2)
		sortBy, sortOrder := "", ""
		if w.IntN(2) == 0 {
			sortBy, sortOrder = w.choose("userName", "displayName", "emails", "title", "meta.created", "active", "externalId", "name.familyName", "id"), w.choose("ascending", "descending", "")
		}
		where := fmt.Sprintf("seed %d: %v: %s, sortBy %s %s", seed, kinds, text, sortBy, sortOrder)
		want, refused := w.naive(t, kinds, text, sortBy, sortOrder)
		got, err := w.pages(t, kinds, scim.Query{Filter: text, HasFilter: true, SortBy: sortBy, SortOrder: sortOrder}, 1+w.IntN(9), len(want))
		if (err != nil) != (refused != nil) || err != nil && scim.FaultOf(err).ScimType != scim.FaultOf(refused).ScimType {
			t.Fatalf("%s: got %v, want %v", where, err, refused)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%s:\ngot  %v\nwant %v", where, got, want)
		}
	}
}

// pages asks a question page by page and gives the ids in the order of the answer.
func (w *town) pages(t testing.TB, kinds []scim.Kind, q scim.Query, count, total int) (ids []string, err error) {
	t.Helper()
	q.HasCount, q.Count = true, count
	for start := 1; ; start += count {
		q.StartIndex = start
		r, err := w.ask(kinds, q)
		if err != nil {
			return nil, err
		}
		if got := strings.Contains(string(r.Body), fmt.Sprintf(`"totalResults":%d,`, total)); !got {
			t.Fatalf("%+v: want totalResults %d in %.300s", q, total, r.Body)
		}
		list := resources(t, r)
		for _, o := range list {
			ids = append(ids, schema.String(o, "id"))
		}
		if len(list) < count {
			return ids, nil
		}
	}
}

func (w *town) ask(kinds []scim.Kind, q scim.Query) (scim.Response, error) {
	if len(kinds) > 1 {
		return w.ListAll(context.Background(), w.actor, q)
	}
	return w.List(context.Background(), w.actor, kinds[0], q)
}

// naive looks at every resource, and sorts the matches as RFC 7644 §3.4.2.3 says.
func (w *town) naive(t testing.TB, kinds []scim.Kind, text, sortBy, sortOrder string) (ids []string, refusal error) {
	t.Helper()
	types := make([]*schema.ResourceType, len(kinds))
	for i, kind := range kinds {
		types[i] = w.types[kind]
	}
	nodes, _, err := filter.ParseRoot(types, text, schema.Interop())
	if err != nil {
		return nil, err
	}
	known := sortBy == ""
	type match struct {
		id  string
		key any
	}
	var found []match
	for i, kind := range kinds {
		ref, ok := types[i].Find(sortBy)
		known = known || ok
		for _, o := range w.all(t, kind) {
			if !filter.Match(nodes[i], o) {
				continue
			}
			m := match{id: schema.String(o, "id")}
			if ok && sortBy != "" {
				m.key = naiveKey(ref, o)
			}
			found = append(found, m)
		}
	}
	if !known {
		return nil, schema.Fail(schema.InvalidPath, "", "sortBy")
	}
	slices.SortStableFunc(found, func(a, b match) int {
		order := naiveOrder(a.key, b.key)
		if sortOrder == "descending" {
			return -order
		}
		return order
	})
	for _, m := range found {
		ids = append(ids, m.id)
	}
	return ids, nil
}

// naiveKey is what a resource is sorted by: a folded text, a time or a boolean; nil for nothing.
func naiveKey(ref schema.Ref, o schema.Object) any {
	a, v := ref.Attr, o[ref.Attr.Name]
	if list, ok := v.([]any); ok {
		v = nil
		for i := len(list) - 1; i >= 0; i-- {
			if e := list[i].(schema.Object); i == 0 && v == nil || e["primary"] == true {
				v = e
			}
		}
	}
	sub := ref.Sub
	if sub == nil && a.Type == schema.TypeComplex {
		sub = a.Sub("value")
	}
	if sub != nil {
		inner, _ := v.(schema.Object)
		a, v = sub, inner[sub.Name]
	}
	text, isText := v.(string)
	switch {
	case isText && a.Type == schema.TypeDateTime:
		at, _ := time.Parse(time.RFC3339Nano, text)
		return at
	case isText && !a.CaseExact:
		return schema.Fold(text)
	}
	return v
}

// naiveOrder compares two keys; what is missing comes last.
func naiveOrder(a, b any) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	switch a := a.(type) {
	case time.Time:
		return a.Compare(b.(time.Time))
	case bool:
		return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
	}
	return strings.Compare(a.(string), b.(string))
}
