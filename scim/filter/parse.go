package filter

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"domicile/scim/schema"
)

// Parse reads a filter for one resource type. Every name must be an attribute
// of the type and every comparison must make sense for its data type; otherwise
// the error is an invalidFilter that names the position. Naming a secret gives
// sensitive. The list is what was tolerated.
func Parse(rt *schema.ResourceType, text string, d schema.Dialect) (Node, []schema.Courtesy, error) {
	return parse([]*schema.ResourceType{rt}, text, d)
}

// ParseRoot reads a filter for a query across resource types (RFC 7644
// §3.4.2.1) and gives one Node for each. An attribute that only other types
// have is one without a value.
func ParseRoot(types []*schema.ResourceType, text string, d schema.Dialect) ([]Node, []schema.Courtesy, error) {
	nodes := make([]Node, len(types))
	var courtesies schema.Courtesies
	for i := range types {
		own := append([]*schema.ResourceType{types[i]}, slices.Delete(slices.Clone(types), i, i+1)...)
		n, used, err := parse(own, text, d)
		if err != nil {
			return nil, nil, err
		}
		nodes[i] = n
		courtesies.Add(used)
	}
	return nodes, courtesies, nil
}

func parse(types []*schema.ResourceType, text string, d schema.Dialect) (Node, []schema.Courtesy, error) {
	p := parser{types: types, Lenience: schema.Lenience{Dialect: d}, lexer: lexer{text: text, scimType: schema.InvalidFilter, what: "filter"}}
	n, err := p.whole()
	return n, p.Courtesies, err
}

// whole reads the text to its end.
func (p *parser) whole() (Node, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	p.space()
	if p.end() {
		return nil, schema.Fail(schema.InvalidFilter, "", `the filter is empty; an example is userName eq "jo@example.com"`)
	}
	n, err := p.or()
	if err != nil {
		return nil, err
	}
	p.space()
	if !p.end() {
		return nil, p.fail("and, or, or the end is expected, not %s", schema.Quote(p.text[p.pos:]))
	}
	return n, nil
}

// parser is a recursive-descent parser; grouping binds tighter than not, not
// tighter than and, and tighter than or.
type parser struct {
	lexer
	schema.Lenience
	types []*schema.ResourceType
	// element is the attribute whose brackets are being read, or nil.
	element *schema.Attribute
	depth   int
	terms   int
}

func (p *parser) or() (Node, error) {
	return p.sequence("or", p.and, func(parts []Node) Node { return Or(parts) })
}

func (p *parser) and() (Node, error) {
	return p.sequence("and", p.unary, func(parts []Node) Node { return And(parts) })
}

func (p *parser) sequence(word string, part func() (Node, error), combine func([]Node) Node) (Node, error) {
	var parts []Node
	for {
		n, err := part()
		if err != nil {
			return nil, err
		}
		parts = append(parts, n)
		p.space()
		if !p.keyword(word) {
			break
		}
	}
	if len(parts) == 1 {
		return parts[0], nil
	}
	return combine(parts), nil
}

func (p *parser) unary() (Node, error) {
	p.space()
	if p.accept('(') {
		return p.group(')', p.or)
	}
	start := p.pos
	if p.keyword("not") {
		p.space()
		if p.accept('(') {
			n, err := p.group(')', p.or)
			if err != nil {
				return nil, err
			}
			return Not{n}, nil
		}
		p.pos = start
	}
	return p.term()
}

// group reads what is within brackets whose opening one was taken.
func (p *parser) group(closing byte, inner func() (Node, error)) (Node, error) {
	opened := p.pos - 1
	p.depth++
	if p.depth > MaxDepth {
		return nil, p.fail("more than %d levels of nesting", MaxDepth)
	}
	n, err := inner()
	if err != nil {
		return nil, err
	}
	p.depth--
	p.space()
	if p.accept(closing) {
		return n, nil
	}
	if p.end() {
		return nil, p.failAt(opened, "%q is not closed", p.text[opened:opened+1])
	}
	return nil, p.fail("%q, and or or is expected, not %s", string(closing), schema.Quote(p.text[p.pos:]))
}

func (p *parser) term() (Node, error) {
	if p.terms++; p.terms > MaxTerms {
		return nil, p.fail("more than %d comparisons", MaxTerms)
	}
	start := p.pos
	name := p.name(p.nameType())
	if name == "" {
		return nil, p.fail("an attribute name is expected")
	}
	ref, err := p.resolve(start, name)
	if err != nil {
		return nil, err
	}
	if p.accept('[') {
		return p.valuePath(start, ref)
	}
	return p.comparison(start, ref)
}

func (p *parser) nameType() *schema.ResourceType {
	if p.element != nil {
		return nil
	}
	return p.types[0]
}

// resolve finds the attribute that a name means: within brackets a
// sub-attribute, otherwise one of the resource type.
func (p *parser) resolve(start int, name string) (schema.Ref, error) {
	if p.element != nil {
		if sub := elementAttribute(p.element, name); sub != nil {
			return schema.Ref{Attr: sub}, nil
		}
		return schema.Ref{}, p.failAt(start, "%s has no sub-attribute %s", p.element.Name, schema.Quote(name))
	}
	for _, rt := range p.types {
		ref, ok := rt.Find(name)
		if !ok || ref.Attr == nil {
			continue
		}
		if secret(ref) {
			return schema.Ref{}, schema.Fail(schema.Sensitive, ref.String(), "%s cannot be filtered by, as it is secret", ref)
		}
		return ref, nil
	}
	return schema.Ref{}, p.failAt(start, "%s has no attribute %s", p.types[0].Name, schema.Quote(name))
}

// secret tells whether a value, or what it is part of, is never shown.
func secret(ref schema.Ref) bool {
	return ref.Attr.Returned == schema.ReturnedNever || target(ref).Returned == schema.ReturnedNever
}

// elementAttribute finds a sub-attribute. The elements of a simple list have one
// that is called value.
func elementAttribute(a *schema.Attribute, name string) *schema.Attribute {
	if a.Type == schema.TypeComplex || !strings.EqualFold(name, "value") {
		return a.Sub(name)
	}
	value := *a
	value.Name, value.MultiValued = "value", false
	return &value
}

// valuePath reads what follows attribute[, up to the closing bracket, and the
// sub-attribute comparison that may follow it, which applies to the same
// element.
func (p *parser) valuePath(start int, ref schema.Ref) (Node, error) {
	if p.element != nil || ref.Sub != nil {
		return nil, p.failAt(p.pos-1, "brackets may only follow an attribute, and not within brackets")
	}
	n, err := p.brackets(ref.Attr)
	if err != nil {
		return nil, err
	}
	if p.end() || p.text[p.pos] != '.' {
		return ValuePath{Ref: ref, Filter: n}, nil
	}
	if !p.Grant(schema.SubAttributeAfterFilter, ref.String()) {
		return nil, p.fail("a filter may not name a sub-attribute after brackets; put the condition within them")
	}
	p.pos++
	subStart := p.pos
	name := p.name(nil)
	sub := elementAttribute(ref.Attr, name)
	if sub == nil {
		return nil, p.failAt(subStart, "%s has no sub-attribute %s", ref, schema.Quote(name))
	}
	condition, err := p.comparison(start, schema.Ref{Attr: sub})
	if err != nil {
		return nil, err
	}
	return ValuePath{Ref: ref, Filter: And{n, condition}}, nil
}

// brackets reads the filter on the elements of an attribute.
func (p *parser) brackets(a *schema.Attribute) (Node, error) {
	p.element = a
	defer func() { p.element = nil }()
	return p.group(']', p.or)
}

// comparison reads the operator and operand that follow an attribute.
func (p *parser) comparison(start int, ref schema.Ref) (Node, error) {
	p.space()
	opStart := p.pos
	word := p.name(nil)
	if strings.EqualFold(word, "pr") {
		return Present{Ref: ref}, nil
	}
	op := slices.IndexFunc(opNames[:], func(name string) bool { return strings.EqualFold(name, word) })
	if op < 0 {
		return nil, p.failAt(opStart, "an operator is expected (eq, ne, co, sw, ew, pr, gt, ge, lt, le), not %s", schema.Quote(word))
	}
	p.space()
	v, text, err := p.operand(ref)
	if err != nil {
		return nil, err
	}
	n, err := p.bind(ref, Op(op), v, text)
	if err != nil {
		return nil, p.failAt(start, "%s", err)
	}
	return n, nil
}

// named is the full name of what is compared, also within brackets.
func (p *parser) named(ref schema.Ref) string {
	if p.element == nil {
		return ref.String()
	}
	return p.element.Name + "." + ref.String()
}

// operand takes the literal that ref is compared with. text is what was written, without quotes; v is its
// JSON value, a string for an unquoted word.
func (p *parser) operand(ref schema.Ref) (v any, text string, err error) {
	start := p.pos
	if p.end() {
		return nil, "", p.fail("a value is expected, but the text ends")
	}
	if p.text[p.pos] == '"' {
		return p.quoted()
	}
	for p.pos < len(p.text) && !strings.ContainsRune(" \t()[]\"", rune(p.text[p.pos])) {
		p.pos++
	}
	text = p.text[start:p.pos]
	switch text {
	case "":
		return nil, "", p.fail("a value is expected")
	case "true":
		return true, text, nil
	case "false":
		return false, text, nil
	case "null":
		return nil, text, nil
	}
	if decoded, err := schema.DecodeJSON([]byte(text)); err == nil {
		if n, ok := decoded.(json.Number); ok {
			return n, text, nil
		}
	}
	if text[0] == '\'' || !p.Grant(schema.UnquotedLiteral, p.named(ref)) {
		return nil, "", p.failAt(start, `the value %s must be in double quotes`, schema.Quote(text))
	}
	return text, text, nil
}

// bind checks that a comparison makes sense and prepares its operand.
func (p *parser) bind(ref schema.Ref, op Op, v any, text string) (Node, error) {
	if a := target(ref); a.Type == schema.TypeComplex {
		value := a.Sub("value")
		if value == nil {
			return nil, errors.New(ref.String() + " is complex and has no value; name a sub-attribute")
		}
		ref.Sub = value
	}
	a := target(ref)
	n := Compare{Ref: ref, Op: op, Value: v}
	if v == nil {
		if op != Eq && op != Ne {
			return nil, errors.New("null can only be compared by eq and ne")
		}
		return n, nil
	}
	switch a.Type {
	case schema.TypeBoolean:
		return p.bindBoolean(n)
	case schema.TypeInteger, schema.TypeDecimal:
		if _, ok := v.(json.Number); !ok || op.isSubstring() {
			return nil, errors.New(ref.String() + " is a number; compare it with a number, by eq, ne, gt, ge, lt or le")
		}
		return n, nil
	case schema.TypeBinary:
		if op.isOrder() {
			return nil, errors.New(ref.String() + " is binary and has no order")
		}
	}
	if _, ok := v.(string); !ok && !p.Grant(schema.UnquotedLiteral, p.named(ref)) {
		return nil, errors.New(ref.String() + " is text; its value must be in double quotes")
	}
	n.Value, n.folded = text, text
	if !a.CaseExact {
		n.folded = schema.Fold(text)
	}
	if a.Type == schema.TypeDateTime && !op.isSubstring() {
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return nil, errors.New(ref.String() + " is a date and time; write it with zone, as in 2026-01-31T12:00:00Z")
		}
		n.when = at
	}
	return n, nil
}

func (p *parser) bindBoolean(n Compare) (Node, error) {
	if n.Op != Eq && n.Op != Ne {
		return nil, errors.New(n.Ref.String() + " is a boolean; it has eq, ne and pr only")
	}
	if text, ok := n.Value.(string); ok {
		if b, ok := schema.BooleanText(text); ok && p.Grant(schema.TextForBoolean, p.named(n.Ref)) {
			n.Value = b
		}
	}
	if _, ok := n.Value.(bool); !ok {
		return nil, errors.New(n.Ref.String() + " is a boolean; compare it with true or false")
	}
	return n, nil
}
