package schema

import (
	"encoding/json"
	"maps"
	"strconv"
)

// CheckPrimary refuses a list in which more than one element is primary
// (RFC 7643 §2.4).
func CheckPrimary(path string, list []any) error {
	count := 0
	for _, element := range list {
		if IsPrimary(element) {
			count++
		}
	}
	if count > 1 {
		return Fail(InvalidValue, path, "%s has %d primary values; at most one may be primary", path, count)
	}
	return nil
}

// IsPrimary tells whether an element of a multi-valued attribute is the primary
// one.
func IsPrimary(element any) bool {
	o, _ := element.(Object)
	primary, _ := o["primary"].(bool)
	return primary
}

// MaxValues bounds the elements of a multi-valued attribute that is part of the
// document, MaxLinks those of one list of members.
const (
	MaxValues = 1000
	MaxLinks  = 250_000
)

// ValueKey is equal for elements of a multi-valued attribute that are the same
// value: equal in "value" and "type" under the letter case rule of each, or,
// without "value" or with sub-attributes of its own, equal as a whole.
func ValueKey(a *Attribute, element any) string {
	o, ok := element.(Object)
	if !ok {
		return scalarKey(a, element)
	}
	value := a.Sub("value")
	if a.whole || value == nil || o["value"] == nil {
		var w writer
		w.object(a.SubAttributes, o)
		return string(w.out)
	}
	key := scalarKey(value, o["value"])
	if label := a.Sub("type"); label != nil && o["type"] != nil {
		key += "\x00" + scalarKey(label, o["type"])
	}
	return key
}

func scalarKey(a *Attribute, v any) string {
	switch v := v.(type) {
	case string:
		if a.CaseExact {
			return v
		}
		return foldNarrow(v)
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// Dedupe drops elements that repeat an earlier one (RFC 7643 §2.4). If the
// repetition was the primary one, the survivor becomes it. The second result
// tells whether any was dropped.
func Dedupe(a *Attribute, list []any) ([]any, bool) {
	if len(list) < 2 {
		return list, false
	}
	kept := make([]any, 0, len(list))
	at := make(map[string]int, len(list))
	for _, element := range list {
		key := ValueKey(a, element)
		i, repeated := at[key]
		if !repeated {
			at[key] = len(kept)
			kept = append(kept, element)
			continue
		}
		if survivor, ok := kept[i].(Object); ok && IsPrimary(element) {
			survivor = maps.Clone(survivor)
			survivor["primary"] = true
			kept[i] = survivor
		}
	}
	return kept, len(kept) < len(list)
}

func (r *Reader) dedupe(a *Attribute, path string, list []any) ([]any, error) {
	kept, dropped := Dedupe(a, list)
	if dropped && !r.Grant(DuplicateValue, path) {
		return nil, Fail(InvalidValue, path, "%s holds a value twice", path)
	}
	return kept, nil
}
