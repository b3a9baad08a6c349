package scim

import (
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"domicile/directory"
	"domicile/fsm/state"
	"domicile/scim/filter"
	"domicile/scim/schema"
)

// plan is how the resources of one kind that match a filter are found. The zero plan, but for its kind, finds all.
type plan struct {
	kind Kind
	// index gives the candidates for value; nil means that every resource is one.
	index *index
	value string
	// members must each be a member of a candidate: members.value eq "id" without loading the members.
	members []directory.ResourceID
	// rest must hold for a candidate besides, nil for nothing.
	rest filter.Node
}

// filtered tells whether the plan finds less than everything.
func (p *plan) filtered() bool { return p.index != nil || len(p.members) > 0 || p.rest != nil }

// quickPlan reads attribute eq "text", what identity providers ask all day, without parsing: no escapes, no brackets, an
// attribute with an index. ok is false for anything else, right or wrong.
func quickPlan(kind Kind, text string) (p plan, ok bool) {
	name, rest, ok := strings.Cut(text, " ")
	if !ok || len(text) > filter.MaxLength || !utf8.ValidString(text) || len(rest) < len(`eq "x"`) ||
		!strings.EqualFold(rest[:4], `eq "`) || rest[len(rest)-1] != '"' {
		return plan{}, false
	}
	value := rest[4 : len(rest)-1]
	for i := range len(value) {
		if c := value[i]; c == '"' || c == '\\' || c < ' ' {
			return plan{}, false
		}
	}
	for i := range indexes[kind] {
		x := &indexes[kind][i]
		if x.op == filter.Eq && strings.EqualFold(x.path, name) {
			return plan{kind: kind, index: x, value: value}, true
		}
	}
	return plan{}, false
}

// newPlan chooses the best index that a filter's conjunction allows. What the index and the members answer is not asked
// again of each candidate.
func newPlan(kind Kind, n filter.Node) plan {
	p := plan{kind: kind}
	var rest []filter.Node
	best, answered := -1, -1
	for _, part := range conjuncts(n) {
		compare, value := textCompare(part)
		if value != "" && compare.Op == filter.Eq && compare.Ref.String() == "members.value" {
			p.members = append(p.members, directory.ResourceID(value))
			continue
		}
		if value != "" {
			if x, rank := indexFor(kind, compare.Ref.String(), compare.Op, value); x != nil && (best < 0 || rank < best) {
				p.index, p.value, best, answered = x, value, rank, len(rest)
			}
		}
		rest = append(rest, part)
	}
	switch {
	case p.index != nil:
		rest = slices.Delete(rest, answered, answered+1)
	case len(p.members) > 0:
		p.value = string(p.members[0])
		p.index, _ = indexFor(kind, "members.value", filter.Eq, p.value)
	default:
		p.seekWithin(n)
	}
	switch len(rest) {
	case 0:
	case 1:
		p.rest = rest[0]
	default:
		p.rest = filter.And(rest)
	}
	return p
}

// seekWithin looks for an equality within brackets, such as emails[type eq "work" and value eq "jo@example.com"]: it
// narrows the candidates, the filter still decides.
func (p *plan) seekWithin(n filter.Node) {
	path, value, ok := filter.Equality(n, "emails.value", "groups.value", "members.value")
	if !ok {
		return
	}
	if x, _ := indexFor(p.kind, path, filter.Eq, value); x != nil {
		p.index, p.value = x, value
	}
}

func conjuncts(n filter.Node) []filter.Node {
	and, ok := n.(filter.And)
	if !ok {
		return []filter.Node{n}
	}
	var parts []filter.Node
	for _, child := range and {
		parts = append(parts, conjuncts(child)...)
	}
	return parts
}

func textCompare(n filter.Node) (filter.Compare, string) {
	compare, ok := n.(filter.Compare)
	if !ok {
		return filter.Compare{}, ""
	}
	value, _ := compare.Value.(string)
	return compare, value
}

// candidates are what the plan has to look at, and whether that is everything there is.
func (p *plan) candidates(d *state.Directory) (seq iter.Seq[record], scan bool) {
	if p.index != nil {
		return p.index.seek(d, p.value), false
	}
	return from(d, p.kind, 0), true
}

// headOnly tells whether a filter can be decided without decoding documents.
func headOnly(kind Kind, n filter.Node) bool {
	all := func(nodes []filter.Node) bool {
		for _, child := range nodes {
			if !headOnly(kind, child) {
				return false
			}
		}
		return true
	}
	switch n := n.(type) {
	case nil:
		return true
	case filter.And:
		return all(n)
	case filter.Or:
		return all(n)
	case filter.Not:
		return headOnly(kind, n.Node)
	case filter.Present:
		return refInHead(kind, n.Ref)
	case filter.Compare:
		return refInHead(kind, n.Ref)
	}
	return false
}

func refInHead(kind Kind, ref schema.Ref) bool {
	return ref.URN == "" && ref.Attr != nil && inHead(kind, ref.Attr.Name)
}
