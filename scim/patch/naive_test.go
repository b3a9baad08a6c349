package patch

import (
	"errors"
	"maps"
	"slices"
	"strings"
)

// naive is a user as a plain map, changed operation by operation as RFC 7644 §3.5.2 tells it, with no thought for speed and
// none of the code under test. Errors are scimTypes.
type naive map[string]any

// target is what an operation is about, already taken apart: [urn:]attr[where].sub.
type target struct {
	urn, attr, sub string
	where          *condition
}

// condition is a filter within brackets: one comparison.
type condition struct {
	sub, op string
	value   any
}

func (c *condition) holds(element map[string]any) bool {
	have, said := element[c.sub]
	text, isText := have.(string)
	want, _ := c.value.(string)
	switch c.op {
	case "ne":
		return !(&condition{c.sub, "eq", c.value}).holds(element)
	case "sw":
		return isText && strings.HasPrefix(strings.ToLower(text), strings.ToLower(want))
	}
	if isText {
		return strings.EqualFold(text, want)
	}
	return said && have == c.value
}

var (
	errNoTarget     = errors.New("noTarget")
	errInvalidValue = errors.New("invalidValue")
	errMutability   = errors.New("mutability")
)

// plurals are the attributes with many values.
var plurals = []string{"emails", "addresses"}

// apply performs one operation. given tells that there was a value at all.
func (n naive) apply(verb string, t target, value any, given bool) error {
	if verb == "remove" && t.attr == "userName" {
		return errMutability
	}
	if verb == "add" && value == nil {
		return nil
	}
	holder := map[string]any(n)
	if t.urn != "" {
		if _, ok := n[t.urn]; !ok {
			n[t.urn] = map[string]any{}
		}
		holder = n[t.urn].(map[string]any)
		defer n.dropEmpty(t.urn)
	}
	if slices.Contains(plurals, t.attr) {
		return plural(holder, verb, t, value, given)
	}
	if t.sub != "" {
		value = map[string]any{t.sub: value}
		if verb == "remove" {
			value, verb = map[string]any{t.sub: nil}, "replace"
		}
	}
	object, isObject := value.(map[string]any)
	switch {
	case verb == "remove" || value == nil || value == "":
		delete(holder, t.attr)
	case isObject:
		old, _ := holder[t.attr].(map[string]any)
		holder[t.attr] = overlay(old, object)
		naive(holder).dropEmpty(t.attr)
	default:
		holder[t.attr] = value
	}
	return nil
}

func (n naive) dropEmpty(name string) {
	if o, ok := n[name].(map[string]any); ok && len(o) == 0 {
		delete(n, name)
	}
}

// overlay gives a copy of an object with other members on top; null and "" clear.
func overlay(old, fresh map[string]any) map[string]any {
	out := maps.Clone(old)
	if out == nil {
		out = map[string]any{}
	}
	for k, v := range fresh {
		if v == nil || v == "" {
			delete(out, k)
		} else {
			out[k] = v
		}
	}
	return out
}

// sameElement tells whether two elements are one value: equal in value and type, or as a whole where there is no value.
func sameElement(a, b map[string]any) bool {
	if a["value"] == nil || b["value"] == nil {
		return maps.Equal(a, b)
	}
	fold := func(v any) string { s, _ := v.(string); return strings.ToLower(s) }
	return fold(a["value"]) == fold(b["value"]) && (a["type"] == nil) == (b["type"] == nil) && fold(a["type"]) == fold(b["type"])
}

// plural performs an operation on an attribute with many values.
func plural(holder map[string]any, verb string, t target, value any, given bool) error {
	var list []map[string]any
	for _, element := range asList(holder[t.attr]) {
		list = append(list, element.(map[string]any))
	}
	fresh, err := elements(value)
	if err != nil {
		return err
	}
	touched := map[int]bool{}
	switch {
	case t.where != nil || t.sub != "":
		list, err = selected(list, verb, t, value, touched)
	case verb == "add":
		for _, e := range fresh {
			at := slices.IndexFunc(list, func(have map[string]any) bool { return sameElement(have, e) })
			if at < 0 {
				at, list = len(list), append(list, e)
			} else {
				said := maps.Clone(e)
				delete(said, "value")
				delete(said, "type")
				list[at] = overlay(list[at], said)
			}
			touched[at] = true
		}
	case verb == "replace":
		list = fresh
	case given && value != nil:
		list = slices.DeleteFunc(list, func(e map[string]any) bool {
			return slices.ContainsFunc(asList(value), func(v any) bool { return identifies(v.(map[string]any), e) })
		})
	default:
		list = nil
	}
	if err != nil {
		return err
	}
	return settle(holder, t.attr, list, touched)
}

// identifies tells whether an element agrees with all that a description says to identify it.
func identifies(description, element map[string]any) bool {
	said := false
	for k, v := range description {
		if k == "primary" || k == "display" || v == nil || v == "" {
			continue
		}
		said = true
		if !(&condition{k, "eq", v}).holds(element) {
			return false
		}
	}
	return said
}

// selected performs an operation on the elements that its condition selects, on all without one.
func selected(list []map[string]any, verb string, t target, value any, touched map[int]bool) ([]map[string]any, error) {
	var kept []map[string]any
	found := false
	for i, e := range list {
		if t.where != nil && !t.where.holds(e) {
			kept = append(kept, e)
			continue
		}
		found = true
		object, _ := value.(map[string]any)
		switch {
		case t.sub == "" && (verb == "remove" || verb == "replace" && value == nil):
			continue
		case verb == "remove":
			e = overlay(e, map[string]any{t.sub: nil})
		case t.sub != "":
			e = overlay(e, map[string]any{t.sub: value})
		case verb == "replace":
			e = overlay(t.where.implied(), object)
		default:
			e = overlay(e, object)
		}
		touched[i] = true
		kept = append(kept, e)
	}
	if found || verb == "remove" {
		return kept, nil
	}
	made := map[string]any{}
	if t.where != nil {
		if verb == "replace" || t.where.op != "eq" {
			return nil, errNoTarget
		}
		made = t.where.implied()
	}
	if value == nil || value == "" {
		return kept, nil
	}
	if object, ok := value.(map[string]any); ok {
		made = overlay(made, object)
	} else {
		made = overlay(made, map[string]any{t.sub: value})
	}
	touched[len(kept)] = true
	return append(kept, made), nil
}

// implied is what a condition says an element to be like.
func (c *condition) implied() map[string]any {
	if c.op == "eq" {
		return map[string]any{c.sub: c.value}
	}
	return map[string]any{}
}

func asList(v any) []any {
	switch v := v.(type) {
	case []any:
		return v
	case nil:
		return nil
	}
	return []any{v}
}

// elements reads the value of an operation as a list; two primary values are one too many.
func elements(value any) ([]map[string]any, error) {
	var list []map[string]any
	primaries := 0
	for _, v := range asList(value) {
		if o, ok := v.(map[string]any); ok {
			if o = overlay(nil, o); o["primary"] == true {
				primaries++
			}
			list = append(list, o)
		}
	}
	if primaries > 1 {
		return nil, errInvalidValue
	}
	return unique(list), nil
}

// unique drops empty and repeated elements; of the latter the first stays, and is primary if one of them was.
func unique(list []map[string]any) []map[string]any {
	var kept []map[string]any
	for _, e := range list {
		at := slices.IndexFunc(kept, func(k map[string]any) bool { return sameElement(k, e) })
		switch {
		case len(e) == 0:
		case at < 0:
			kept = append(kept, e)
		case e["primary"] == true:
			kept[at] = overlay(kept[at], map[string]any{"primary": true})
		}
	}
	return kept
}

// settle makes a primary element that was touched the only one, and stores the list.
func settle(holder map[string]any, attr string, list []map[string]any, touched map[int]bool) error {
	winner := -1
	for i := range list {
		if !touched[i] || list[i]["primary"] != true {
			continue
		}
		if winner >= 0 {
			return errInvalidValue
		}
		winner = i
	}
	for i := range list {
		if winner >= 0 && i != winner && list[i]["primary"] == true {
			list[i] = overlay(list[i], map[string]any{"primary": false})
		}
	}
	delete(holder, attr)
	var out []any
	for _, e := range unique(list) {
		out = append(out, e)
	}
	if out != nil {
		holder[attr] = out
	}
	return nil
}
