package filter

import (
	"strings"

	"domicile/scim/schema"
)

// Path is the target of a PATCH operation (RFC 7644 §3.5.2):
// attribute, attribute.sub, attribute[filter], attribute[filter].sub, each with
// or without a schema's URN, or an extension's URN alone (Attr is nil).
type Path struct {
	schema.Ref
	// Filter is what stands in the brackets, or nil.
	Filter Node
}

// String gives the canonical spelling.
func (p Path) String() string {
	if p.Filter == nil {
		return p.Ref.String()
	}
	whole := schema.Ref{URN: p.URN, Attr: p.Attr}.String() + "[" + p.Filter.String() + "]"
	if p.Sub != nil {
		whole += "." + p.Sub.Name
	}
	return whole
}

// ParsePath reads the path of a PATCH operation. Errors are invalidPath, or
// invalidFilter for what is within brackets. The list is what was tolerated.
func ParsePath(rt *schema.ResourceType, text string, d schema.Dialect) (Path, []schema.Courtesy, error) {
	text = strings.Trim(text, " \t")
	p := parser{types: []*schema.ResourceType{rt}, Lenience: schema.Lenience{Dialect: d}, lexer: lexer{text: text, scimType: schema.InvalidPath, what: "path " + schema.Quote(text)}}
	path, err := p.path(rt)
	return path, p.Courtesies, err
}

func (p *parser) path(rt *schema.ResourceType) (Path, error) {
	if err := p.check(); err != nil {
		return Path{}, err
	}
	name := p.name(rt)
	if name == "" {
		return Path{}, p.fail("an attribute name is expected")
	}
	ref, ok := rt.Find(name)
	if !ok {
		return Path{}, p.failAt(0, "%s has no attribute %s", rt.Name, schema.Quote(name))
	}
	path := Path{Ref: ref}
	if p.accept('[') {
		if err := p.filtered(&path); err != nil {
			return Path{}, err
		}
	}
	if !p.end() {
		return Path{}, p.fail("the end is expected, not %s", schema.Quote(p.text[p.pos:]))
	}
	return path, nil
}

// filtered reads what follows attribute[ in a path.
func (p *parser) filtered(path *Path) error {
	if path.Attr == nil || path.Sub != nil || !path.Attr.MultiValued {
		return p.failAt(p.pos-1, "only a multi-valued attribute can have a filter")
	}
	p.scimType = schema.InvalidFilter
	n, err := p.brackets(path.Attr)
	if err != nil {
		return err
	}
	p.scimType = schema.InvalidPath
	path.Filter = n
	if !p.accept('.') {
		return nil
	}
	start := p.pos
	name := p.name(nil)
	if path.Sub = path.Attr.Sub(name); path.Sub == nil {
		return p.failAt(start, "%s has no sub-attribute %s", path.Attr.Name, schema.Quote(name))
	}
	return nil
}
