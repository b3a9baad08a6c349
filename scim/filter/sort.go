package filter

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"domicile/scim/schema"
)

// Sort is the order a client asked for (RFC 7644 §3.4.2.3). The zero value has
// no order: all keys are equal.
type Sort struct {
	ref        schema.Ref
	descending bool
}

// ParseSort reads sortBy and sortOrder. An empty sortBy gives the zero Sort, an
// empty sortOrder is ascending. Errors are invalidPath for an unknown attribute
// and invalidValue for an unknown order.
func ParseSort(rt *schema.ResourceType, sortBy, sortOrder string) (Sort, error) {
	if sortBy == "" {
		return Sort{}, nil
	}
	ref, ok := rt.Find(sortBy)
	if !ok || ref.Attr == nil || secret(ref) {
		return Sort{}, schema.Fail(schema.InvalidPath, "", "sortBy: %s has no attribute %s", rt.Name, schema.Quote(sortBy))
	}
	if a := target(ref); a.Type == schema.TypeComplex {
		if ref.Sub = a.Sub("value"); ref.Sub == nil {
			return Sort{}, schema.Fail(schema.InvalidPath, "", "sortBy: %s is complex; name a sub-attribute", ref)
		}
	}
	s := Sort{ref: ref, descending: strings.EqualFold(sortOrder, "descending")}
	if !s.descending && sortOrder != "" && !strings.EqualFold(sortOrder, "ascending") {
		return Sort{}, schema.Fail(schema.InvalidValue, "", "sortOrder must be ascending or descending, not %s", schema.Quote(sortOrder))
	}
	return s, nil
}

// IsZero tells that no order was asked for.
func (s Sort) IsZero() bool { return s.ref.Attr == nil }

// Mentions tells whether the order needs a core or common attribute, such as
// meta, to be loaded.
func (s Sort) Mentions(name string) bool { return !s.IsZero() && isAttribute(s.ref, name) }

// String gives the order in canonical form, to bind a cursor to.
func (s Sort) String() string {
	if s.IsZero() {
		return ""
	}
	if s.descending {
		return s.ref.String() + " descending"
	}
	return s.ref.String() + " ascending"
}

// Key is what a resource is sorted by.
type Key struct {
	present bool
	number  float64
	text    string
}

// Key takes a resource's sort key: of a multi-valued attribute the primary
// value, or else the first.
func (s Sort) Key(o schema.Object) Key {
	if s.IsZero() {
		return Key{}
	}
	if s.ref.URN != "" {
		o, _ = o[s.ref.URN].(schema.Object)
	}
	v := preferred(o[s.ref.Attr.Name])
	if s.ref.Sub != nil {
		inner, _ := v.(schema.Object)
		v = inner[s.ref.Sub.Name]
	}
	return s.key(v)
}

// Sample gives the smallest resource that has the same key as o: what a cursor
// carries of it.
func (s Sort) Sample(o schema.Object) schema.Object {
	if s.IsZero() {
		return schema.Object{}
	}
	from := o
	if s.ref.URN != "" {
		from, _ = o[s.ref.URN].(schema.Object)
	}
	v := preferred(from[s.ref.Attr.Name])
	if s.ref.Sub != nil {
		inner, _ := v.(schema.Object)
		v = schema.Object{}
		if sub, ok := inner[s.ref.Sub.Name]; ok {
			v = schema.Object{s.ref.Sub.Name: sub}
		}
	}
	if v == nil {
		return schema.Object{}
	}
	sample := schema.Object{s.ref.Attr.Name: v}
	if s.ref.URN != "" {
		sample = schema.Object{s.ref.URN: sample}
	}
	return sample
}

func preferred(v any) any {
	list, ok := v.([]any)
	if !ok {
		return v
	}
	for _, element := range list {
		if schema.IsPrimary(element) {
			return element
		}
	}
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

func (s Sort) key(v any) Key {
	switch v := v.(type) {
	case string:
		a := target(s.ref)
		if a.Type == schema.TypeDateTime {
			if at, err := time.Parse(time.RFC3339Nano, v); err == nil {
				return Key{present: true, text: at.UTC().Format("2006-01-02T15:04:05.000000000")}
			}
		}
		if !a.CaseExact {
			v = schema.Fold(v)
		}
		return Key{present: true, text: v}
	case bool:
		return Key{present: true, text: strconv.FormatBool(v)}
	case json.Number:
		f, err := v.Float64()
		return Key{present: err == nil, number: f}
	}
	return Key{}
}

// Compare orders two keys: ascending with missing values last, or descending
// with missing values first.
func (s Sort) Compare(a, b Key) int {
	order := compareKeys(a, b)
	if s.descending {
		return -order
	}
	return order
}

func compareKeys(a, b Key) int {
	if a.present != b.present {
		if a.present {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(a.text, b.text))
}
