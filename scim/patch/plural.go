package patch

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"domicile/scim/filter"
	"domicile/scim/schema"
)

func equal(a, b any) bool { return reflect.DeepEqual(a, b) }

// values is a multi-valued attribute while a step works on it. chosen holds the
// indexes of the elements that the step made or changed: a primary value among
// them wins over all others.
type values struct {
	list   []any
	chosen []int
}

func (v *values) append(element any) {
	v.chosen = append(v.chosen, len(v.list))
	v.list = append(v.list, element)
}

// change puts a new element in the place of another.
func (v *values) change(i int, element any) {
	v.chosen = append(v.chosen, i)
	v.list[i] = element
}

// plural performs a step on a multi-valued attribute.
func (e *editor) plural(holder schema.Object, s step) error {
	a := s.path.Attr
	list, _ := holder[a.Name].([]any)
	v := values{list: slices.Clone(list)}
	var err error
	switch {
	case s.path.Filter != nil || s.path.Sub != nil:
		err = e.selected(&v, s)
	case s.verb == add:
		addValues(&v, a, s.value)
	case s.verb == replace:
		v.list = fresh(s.value)
	case s.given && e.Grant(schema.RemoveByValue, s.path.String()):
		removeValues(&v, a, s.value)
	default:
		v.list = nil
	}
	if err == nil {
		err = onePrimary(&v, s.path)
	}
	if err != nil {
		return err
	}
	v.list = slices.DeleteFunc(v.list, isEmpty)
	if v.list, _ = schema.Dedupe(a, v.list); len(v.list) > schema.MaxValues {
		return schema.Fail(schema.InvalidValue, s.path.String(), "%s would have more than %d values", s.path, schema.MaxValues)
	}
	if len(v.list) == 0 {
		delete(holder, a.Name)
	} else {
		holder[a.Name] = v.list
	}
	return nil
}

// fresh copies the elements of a step's value, because a Document may be applied
// more than once.
func fresh(value any) []any {
	list, _ := value.([]any)
	copies := make([]any, len(list))
	for i, element := range list {
		copies[i] = element
		if o, ok := element.(schema.Object); ok {
			copies[i] = maps.Clone(o)
		}
	}
	return copies
}

// addValues appends elements. One that is there already is not repeated; what
// else the new one says, such as primary, is merged into it.
func addValues(v *values, a *schema.Attribute, value any) {
	at := make(map[string]int, len(v.list))
	for i, element := range v.list {
		at[schema.ValueKey(a, element)] = i
	}
	for _, element := range fresh(value) {
		key := schema.ValueKey(a, element)
		i, have := at[key]
		if !have {
			at[key] = len(v.list)
			v.append(element)
			continue
		}
		if o, ok := element.(schema.Object); ok {
			existing, _ := v.list[i].(schema.Object)
			v.change(i, describeAnew(existing, o))
		}
	}
}

// describeAnew merges what a repeated element says beside its value and type,
// whose spelling stays.
func describeAnew(existing, o schema.Object) schema.Object {
	said := maps.Clone(o)
	delete(said, "value")
	delete(said, "type")
	return merge(existing, said)
}

// removeValues removes the elements that agree with one of the given ones in
// everything that one says to identify it. The given ones are looked up by what
// they say, so that long lists cost no more than their length.
func removeValues(v *values, a *schema.Attribute, value any) {
	given, _ := value.([]any)
	said := map[string][]string{} // by the key of names
	gone := map[string]bool{}
	for _, g := range given {
		names, some := identifying(a, g)
		if !some {
			continue
		}
		said[strings.Join(names, " ")] = names
		gone[identity(a, names, g)] = true
	}
	v.list = slices.DeleteFunc(v.list, func(element any) bool {
		for _, names := range said {
			if gone[identity(a, names, element)] {
				return true
			}
		}
		return false
	})
}

// identifying are the sub-attributes that say which value is meant, in order. Its
// description may have changed since the client learned it. An object with
// nothing else means no value.
func identifying(a *schema.Attribute, given any) (names []string, some bool) {
	o, isObject := given.(schema.Object)
	for i := range a.SubAttributes {
		switch name := a.SubAttributes[i].Name; name {
		case "primary", "display", "$ref":
		default:
			if _, said := o[name]; said {
				names = append(names, name)
			}
		}
	}
	return names, !isObject || len(names) > 0
}

// identity is equal for elements that agree in some sub-attributes, under the
// letter case rule of each.
func identity(a *schema.Attribute, names []string, element any) string {
	o, isObject := element.(schema.Object)
	if !isObject {
		return schema.ValueKey(a, element)
	}
	key := strings.Join(names, " ")
	for _, name := range names {
		key += "\x00" + schema.ValueKey(a.Sub(name), o[name])
	}
	return key
}

// selected performs a step on the elements that the path selects.
func (e *editor) selected(v *values, s step) error {
	var matches []int
	for i, element := range v.list {
		if s.path.Filter == nil || filter.MatchElement(s.path.Filter, element) {
			matches = append(matches, i)
		}
	}
	whole := s.path.Sub == nil
	switch {
	case whole && (s.verb == remove || s.verb == replace && s.value == nil && len(matches) > 0):
		v.list = without(v.list, matches)
	case s.verb == remove:
		for _, i := range matches {
			setSub(v, i, s.path.Sub.Name, nil)
		}
	case len(matches) == 0:
		return e.upsert(v, s)
	case !whole:
		for _, i := range matches {
			setSub(v, i, s.path.Sub.Name, s.value)
		}
	default:
		for _, i := range matches {
			replaceElement(v, i, s)
		}
	}
	return nil
}

func isEmpty(element any) bool {
	o, ok := element.(schema.Object)
	return ok && len(o) == 0
}

func without(list []any, indexes []int) []any {
	kept := make([]any, 0, len(list))
	for i, element := range list {
		if _, gone := slices.BinarySearch(indexes, i); !gone {
			kept = append(kept, element)
		}
	}
	return kept
}

func setSub(v *values, i int, name string, value any) {
	if o, ok := v.list[i].(schema.Object); ok {
		v.change(i, merge(o, schema.Object{name: value}))
	}
}

// replaceElement puts a new value in the place of a matching one: merged for
// add, whole for replace. What the filter says of the element stays true unless
// the new value says otherwise, so that the same path finds it again.
func replaceElement(v *values, i int, s step) {
	o, ok := s.value.(schema.Object)
	if !ok {
		if s.value != nil {
			v.change(i, s.value)
		}
		return
	}
	base, _ := v.list[i].(schema.Object)
	if s.verb == replace {
		base, _ = seed(s.path.Filter)
	}
	v.change(i, merge(base, o))
}

// upserts is what lets an operation create the value that it does not find.
var upserts = [...]schema.Tolerance{add: schema.UpsertOnAdd, replace: schema.UpsertOnReplace}

// upsert creates the element that a filter would have matched, or says that
// there is no target (RFC 7644 §3.5.2.3).
func (e *editor) upsert(v *values, s step) error {
	element := schema.Object{}
	if s.path.Filter != nil {
		pinned, ok := seed(s.path.Filter)
		if !ok || !e.Grant(upserts[s.verb], s.path.String()) {
			return schema.Fail(schema.NoTarget, s.path.String(), "no value matches %s", s.path)
		}
		element = pinned
	}
	if s.value == nil {
		return nil
	}
	o, isObject := s.value.(schema.Object)
	switch {
	case s.path.Sub != nil:
		v.append(merge(element, schema.Object{s.path.Sub.Name: s.value}))
	case isObject:
		v.append(merge(element, o))
	default:
		v.append(s.value)
	}
	return nil
}

// seed is the element that the equalities of a filter describe; ok is false for
// a filter that says anything else.
func seed(n filter.Node) (o schema.Object, ok bool) {
	switch n := n.(type) {
	case filter.And:
		o = schema.Object{}
		for _, child := range n {
			part, ok := seed(child)
			if !ok {
				return nil, false
			}
			maps.Copy(o, part)
		}
		return o, true
	case filter.Compare:
		if n.Op == filter.Eq && n.Value != nil && n.Value != "" { // an empty text is no value
			return schema.Object{n.Ref.Attr.Name: n.Value}, true
		}
	}
	return nil, false
}

// onePrimary lets a primary value that the step made or changed win over the
// others (RFC 7644 §3.5.2). The loser says primary false, so that the client
// sees what happened.
func onePrimary(v *values, path filter.Path) error {
	winner := -1
	for _, i := range v.chosen {
		if i >= len(v.list) || !schema.IsPrimary(v.list[i]) || i == winner {
			continue
		}
		if winner >= 0 {
			return schema.Fail(schema.InvalidValue, path.String(), "%s would make more than one value primary", path)
		}
		winner = i
	}
	if winner < 0 {
		return nil
	}
	for i, element := range v.list {
		if i != winner && schema.IsPrimary(element) {
			v.list[i] = merge(element.(schema.Object), schema.Object{"primary": false})
		}
	}
	return nil
}
