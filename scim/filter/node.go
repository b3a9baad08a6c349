package filter

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"domicile/scim/schema"
)

// Op is a comparison operator of RFC 7644 Table 3.
type Op uint8

// The comparison operators. pr is not one: see Present.
const (
	Eq Op = iota
	Ne
	Co
	Sw
	Ew
	Gt
	Ge
	Lt
	Le
)

var opNames = [...]string{"eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"}

// String gives the operator as written in a filter.
func (op Op) String() string { return opNames[op] }

func (op Op) isSubstring() bool { return op == Co || op == Sw || op == Ew }

func (op Op) isOrder() bool { return op >= Gt }

// Node is a parsed filter: And, Or, Not, Compare, Present or ValuePath. It is
// immutable. String gives the canonical spelling, which parses to an equal Node.
type Node interface {
	String() string
	match(o schema.Object) bool
}

// And holds when all its parts hold.
type And []Node

// Or holds when one of its parts holds.
type Or []Node

// Not holds when its part does not.
type Not struct{ Node Node }

// Present is the operator pr: the attribute has a value that is not empty.
type Present struct{ Ref schema.Ref }

// Compare is one comparison. Value is a string, bool, json.Number, or nil for
// null. The Ref of a comparison within brackets is relative to the element.
type Compare struct {
	Ref   schema.Ref
	Op    Op
	Value any

	// folded and when are the operand, prepared for comparing.
	folded string
	when   time.Time
}

// ValuePath holds when one element of a multi-valued attribute satisfies the
// filter in the brackets.
type ValuePath struct {
	Ref    schema.Ref
	Filter Node
}

func (n And) String() string {
	return join(n, " and ", func(child Node) bool {
		switch child.(type) {
		case And, Or:
			return true
		}
		return false
	})
}

func (n Or) String() string {
	return join(n, " or ", func(child Node) bool {
		_, nested := child.(Or)
		return nested
	})
}

func join(nodes []Node, word string, grouped func(Node) bool) string {
	parts := make([]string, len(nodes))
	for i, child := range nodes {
		parts[i] = child.String()
		if grouped(child) {
			parts[i] = "(" + parts[i] + ")"
		}
	}
	return strings.Join(parts, word)
}

func (n Not) String() string { return "not (" + n.Node.String() + ")" }

func (n Present) String() string { return n.Ref.String() + " pr" }

func (n Compare) String() string {
	return n.Ref.String() + " " + n.Op.String() + " " + literal(n.Value)
}

func (n ValuePath) String() string { return n.Ref.String() + "[" + n.Filter.String() + "]" }

func literal(v any) string {
	switch v := v.(type) {
	case string:
		return string(schema.AppendString(nil, v))
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		return v.String()
	}
	return "null"
}
