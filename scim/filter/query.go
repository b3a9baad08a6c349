package filter

import (
	"strings"

	"domicile/scim/schema"
)

// Equality finds a condition attribute eq "text" that every match must satisfy:
// the filter itself, or a part of its top-level and, also within brackets. When
// paths are given, only they count, and the one named first is preferred, so
// that the caller can name its indexes in order of selectivity. path is
// canonical: userName, emails.value, urn:…:User:manager.value. value is as the
// client wrote it; compare it under the attribute's letter case rule.
func Equality(n Node, paths ...string) (path, value string, ok bool) {
	found := equalities(n, "", nil)
	if len(paths) == 0 && len(found) > 0 {
		return found[0].path, found[0].value, true
	}
	for _, want := range paths {
		for _, e := range found {
			if e.path == want {
				return e.path, e.value, true
			}
		}
	}
	return "", "", false
}

type equality struct{ path, value string }

func equalities(n Node, within string, out []equality) []equality {
	switch n := n.(type) {
	case And:
		for _, child := range n {
			out = equalities(child, within, out)
		}
	case ValuePath:
		return equalities(n.Filter, n.Ref.String()+".", out)
	case Compare:
		if text, isText := n.Value.(string); isText && n.Op == Eq {
			out = append(out, equality{within + n.Ref.String(), text})
		}
	}
	return out
}

// Values gives the operands of a filter that is nothing but name eq "a", or
// several of them joined by or: the shape of members[value eq "a" or value eq
// "b"].
func Values(n Node, name string) (values []string, ok bool) {
	switch n := n.(type) {
	case Or:
		for _, child := range n {
			inner, ok := Values(child, name)
			if !ok {
				return nil, false
			}
			values = append(values, inner...)
		}
		return values, true
	case Compare:
		text, isText := n.Value.(string)
		if !isText || n.Op != Eq || n.Ref.String() != name {
			return nil, false
		}
		return []string{text}, true
	}
	return nil, false
}

// Terms counts the comparisons of a filter.
func Terms(n Node) int {
	sum := func(nodes []Node) (total int) {
		for _, child := range nodes {
			total += Terms(child)
		}
		return total
	}
	switch n := n.(type) {
	case And:
		return sum(n)
	case Or:
		return sum(n)
	case Not:
		return Terms(n.Node)
	case ValuePath:
		return Terms(n.Filter)
	}
	return 1
}

// Mentions tells whether a filter needs a common or core attribute such as
// members, groups or meta to be loaded.
func Mentions(n Node, name string) bool {
	switch n := n.(type) {
	case And:
		return anyMentions(n, name)
	case Or:
		return anyMentions(n, name)
	case Not:
		return Mentions(n.Node, name)
	case Present:
		return isAttribute(n.Ref, name)
	case Compare:
		return isAttribute(n.Ref, name)
	case ValuePath:
		return isAttribute(n.Ref, name)
	}
	return false
}

func anyMentions(nodes []Node, name string) bool {
	for _, n := range nodes {
		if Mentions(n, name) {
			return true
		}
	}
	return false
}

func isAttribute(ref schema.Ref, name string) bool {
	return ref.URN == "" && strings.EqualFold(ref.Attr.Name, name)
}
