package patch

import (
	"maps"
	"reflect"
	"slices"

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
	old, had := holder[a.Name]
	list, _ := old.([]any)
	v := values{list: slices.Clone(list)}
	var err error
	switch {
	case s.path.Filter != nil || s.path.Sub != nil:
		err = e.selected(&v, s)
	case s.verb == add:
		addValues(&v, a, s.value)
	case s.verb == replace:
		v.list = fresh(s.value)
	case s.given && e.dialect.RemoveByValue:
		e.courtesies.Note(schema.CourtesyRemoveByValue, s.path.String())
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
	return e.immutable(s.path, a, old, had, holder[a.Name])
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
// everything that one says.
func removeValues(v *values, a *schema.Attribute, value any) {
	given, _ := value.([]any)
	v.list = slices.DeleteFunc(v.list, func(element any) bool {
		return slices.ContainsFunc(given, func(g any) bool { return agrees(a, element, g) })
	})
}

// agrees compares the sub-attributes that identify a value. Its description may
// have changed since the client learned it.
func agrees(a *schema.Attribute, element, given any) bool {
	e, ok := element.(schema.Object)
	g, ok2 := given.(schema.Object)
	if !ok || !ok2 {
		return schema.SameValue(a, element, given)
	}
	identified := false
	for name, v := range g {
		if name == "primary" || name == "display" || name == "$ref" {
			continue
		}
		identified = true
		if sub := a.Sub(name); sub == nil || !schema.SameValue(sub, e[name], v) {
			return false
		}
	}
	return identified
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

// upsert creates the element that a filter would have matched, or says that
// there is no target (RFC 7644 §3.5.2.3).
func (e *editor) upsert(v *values, s step) error {
	element := schema.Object{}
	if s.path.Filter != nil {
		allowed := s.verb == add && e.dialect.UpsertOnAdd || s.verb == replace && e.dialect.UpsertOnReplace
		pinned, ok := seed(s.path.Filter)
		if !allowed || !ok {
			return schema.Fail(schema.NoTarget, s.path.String(), "no value matches %s", s.path)
		}
		element = pinned
	}
	if s.value == nil {
		return nil
	}
	if s.path.Filter != nil {
		e.courtesies.Note(schema.CourtesyUpsert, s.path.String())
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
		if n.Op == filter.Eq && n.Value != nil {
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
