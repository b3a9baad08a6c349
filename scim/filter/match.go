package filter

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"domicile/scim/schema"
)

// Match tells whether a resource satisfies a filter. The Object must hold what
// the filter mentions (see Mentions): id, meta, members and groups are matched
// only if they are there.
func Match(n Node, o schema.Object) bool { return n.match(o) }

// MatchElement tells whether one element of a multi-valued attribute satisfies
// the filter within brackets. An element of a simple list is its own "value".
func MatchElement(n Node, element any) bool {
	o, ok := element.(schema.Object)
	if !ok {
		o = schema.Object{"value": element}
	}
	return n.match(o)
}

func (n And) match(o schema.Object) bool {
	for _, child := range n {
		if !child.match(o) {
			return false
		}
	}
	return true
}

func (n Or) match(o schema.Object) bool {
	for _, child := range n {
		if child.match(o) {
			return true
		}
	}
	return false
}

func (n Not) match(o schema.Object) bool { return !n.Node.match(o) }

func (n Present) match(o schema.Object) bool { return some(n.Ref, o, filled) }

func (n ValuePath) match(o schema.Object) bool {
	return some(n.Ref, o, func(element any) bool { return MatchElement(n.Filter, element) })
}

func (n Compare) match(o schema.Object) bool {
	if n.Value == nil {
		return some(n.Ref, o, filled) == (n.Op == Ne)
	}
	if n.Op == Ne {
		return !some(n.Ref, o, func(v any) bool { return n.holds(Eq, v) })
	}
	return some(n.Ref, o, func(v any) bool { return n.holds(n.Op, v) })
}

// some tells whether the test holds for one of the values that ref leads to.
func some(ref schema.Ref, o schema.Object, test func(any) bool) bool {
	if ref.URN != "" {
		o, _ = o[ref.URN].(schema.Object)
	}
	v, ok := o[ref.Attr.Name]
	if !ok {
		return false
	}
	list, isList := v.([]any)
	if !isList {
		return someOf(ref.Sub, v, test)
	}
	for _, element := range list {
		if someOf(ref.Sub, element, test) {
			return true
		}
	}
	return false
}

func someOf(sub *schema.Attribute, v any, test func(any) bool) bool {
	if sub == nil {
		return test(v)
	}
	o, _ := v.(schema.Object)
	inner, ok := o[sub.Name]
	return ok && test(inner)
}

// filled is the meaning of pr: complex values count when one sub-attribute does.
func filled(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case string:
		return v != ""
	case []any:
		for _, element := range v {
			if filled(element) {
				return true
			}
		}
		return false
	case schema.Object:
		for _, inner := range v {
			if filled(inner) {
				return true
			}
		}
		return false
	}
	return true
}

// target is the attribute whose value is compared.
func target(ref schema.Ref) *schema.Attribute {
	if ref.Sub != nil {
		return ref.Sub
	}
	return ref.Attr
}

// holds compares one stored value with the operand.
func (n Compare) holds(op Op, v any) bool {
	switch stored := v.(type) {
	case bool:
		return stored == n.Value
	case json.Number:
		operand, ok := n.Value.(json.Number)
		return ok && ordered(op, compareNumbers(stored, operand))
	case string:
		if !n.when.IsZero() {
			at, err := time.Parse(time.RFC3339Nano, stored)
			return err == nil && ordered(op, at.Compare(n.when))
		}
		if !target(n.Ref).CaseExact {
			stored = schema.Fold(stored)
		}
		return compareText(op, stored, n.folded)
	}
	return false
}

func compareText(op Op, stored, operand string) bool {
	switch op {
	case Co:
		return strings.Contains(stored, operand)
	case Sw:
		return strings.HasPrefix(stored, operand)
	case Ew:
		return strings.HasSuffix(stored, operand)
	}
	return ordered(op, cmp.Compare(stored, operand))
}

// ordered applies an operator to the outcome of a comparison.
func ordered(op Op, order int) bool {
	switch op {
	case Eq:
		return order == 0
	case Gt:
		return order > 0
	case Ge:
		return order >= 0
	case Lt:
		return order < 0
	case Le:
		return order <= 0
	}
	return false
}

// compareNumbers is exact for integers and as exact as float64 otherwise.
func compareNumbers(a, b json.Number) int {
	x, errX := strconv.ParseInt(a.String(), 10, 64)
	y, errY := strconv.ParseInt(b.String(), 10, 64)
	if errX == nil && errY == nil {
		return cmp.Compare(x, y)
	}
	// Both passed the number grammar, so an error is only a value out of range,
	// for which ParseFloat gives the infinity of the right sign.
	fx, _ := strconv.ParseFloat(a.String(), 64)
	fy, _ := strconv.ParseFloat(b.String(), 64)
	return cmp.Compare(fx, fy)
}
