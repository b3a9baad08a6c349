package schema

import (
	"maps"
	"slices"
	"strings"
)

// Parse reads the body of a POST or PUT. It gives the resource in canonical
// form, with readOnly attributes, unknown attributes and the password left out,
// and what was tolerated. Errors are *Error: invalidSyntax for a body that is
// no JSON object, invalidValue for a value that breaks the schema.
func Parse(rt *ResourceType, body []byte, d Dialect) (Object, []Courtesy, error) {
	v, err := DecodeJSON(body)
	if err != nil {
		return nil, nil, err
	}
	return Read(rt, v, d)
}

// Read is Parse for a value that DecodeJSON gave, such as the data of a Bulk
// operation.
func Read(rt *ResourceType, v any, d Dialect) (Object, []Courtesy, error) {
	body, ok := v.(Object)
	if !ok {
		return nil, nil, Fail(InvalidSyntax, "", "the body must be a JSON object, but is %s", describe(v))
	}
	p := parser{rt: rt, Reader: Reader{Lenience: Lenience{Dialect: d}}}
	if err := p.schemas(body); err != nil {
		return nil, p.Courtesies, err
	}
	o, err := p.resource(body)
	return o, p.Courtesies, err
}

type parser struct {
	Reader
	rt *ResourceType
}

func sortedKeys(o Object) []string { return slices.Sorted(maps.Keys(o)) }

// schemas checks the list of URNs that RFC 7644 §3.1 wants in every body. What
// the client lists is not kept: the server lists what is in use.
func (p *parser) schemas(body Object) error {
	v, _ := lookup(body, "schemas")
	if v == nil {
		if !p.Grant(MissingSchemas, "schemas") {
			return Fail(InvalidSyntax, "schemas", `schemas is required; for a %s it is ["%s"]`, p.rt.Name, p.rt.Core.ID)
		}
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		if _, isText := v.(string); !isText || !p.Grant(SingleForList, "schemas") {
			return Fail(InvalidSyntax, "schemas", "schemas must be a list of URNs, but is %s", describe(v))
		}
		list = []any{v}
	}
	core, foreign := false, false
	for _, item := range list {
		urn, ok := item.(string)
		if !ok {
			return Fail(InvalidSyntax, "schemas", "schemas must be a list of URNs, but holds %s", describe(item))
		}
		if strings.EqualFold(urn, p.rt.Core.ID) {
			core = true
		} else if p.rt.Extension(urn) == nil {
			if foreign = p.Grant(ForeignSchemas, urn); !foreign {
				return Fail(InvalidSyntax, "schemas", "%s has no schema %s", p.rt.Name, Quote(urn))
			}
		}
	}
	if !core && !foreign && !p.Grant(ForeignSchemas, "schemas") {
		return Fail(InvalidSyntax, "schemas", "schemas must name %s", p.rt.Core.ID)
	}
	return nil
}

func (p *parser) resource(body Object) (Object, error) {
	o := make(Object, len(body)+1)
	for _, key := range sortedKeys(body) {
		ref, known := p.name(key)
		switch {
		case !known:
			if err := p.unknown(key); err != nil {
				return nil, err
			}
			continue
		case ref.Attr == nil:
			if err := p.extension(o, ref.URN, body[key]); err != nil {
				return nil, err
			}
			continue
		case ref.Attr.Name == "schemas" || ref.Attr.Mutability == ReadOnly || ref.Attr.Mutability == WriteOnly:
			continue
		}
		target := o
		if ref.URN != "" {
			target = within(o, ref.URN)
		}
		if err := p.put(target, ref, body[key]); err != nil {
			return nil, err
		}
	}
	for _, e := range p.rt.Extensions {
		if ext, ok := o[e.Schema.ID].(Object); ok && len(ext) == 0 {
			delete(o, e.Schema.ID)
		}
	}
	o["schemas"] = InUse(p.rt, o)
	return o, CheckRequired(p.rt, o)
}

// name resolves a key at the root of a body: an attribute, or the URN of an
// extension.
func (p *parser) name(key string) (Ref, bool) {
	if s := p.rt.Extension(key); s != nil {
		return Ref{URN: s.ID}, true
	}
	if a := p.rt.Attribute(key); a != nil {
		return Ref{Attr: a}, true
	}
	ref, ok := p.rt.InExtensions(key)
	return ref, ok && p.Grant(RootExtensionName, key)
}

// within gives the object of an extension, made when it is missing.
func within(o Object, urn string) Object {
	ext, ok := o[urn].(Object)
	if !ok {
		ext = Object{}
		o[urn] = ext
	}
	return ext
}

func (p *parser) put(target Object, ref Ref, v any) error {
	if _, repeated := target[ref.Attr.Name]; repeated {
		return Fail(InvalidSyntax, ref.String(), "%s occurs twice, in different spellings", ref)
	}
	value, err := p.Value(ref.Attr, ref.String(), v)
	if err == nil && ref.Attr.Linked {
		err = CheckLinks(ref.String(), v, value)
	}
	if err != nil || value == nil {
		return err
	}
	target[ref.Attr.Name] = value
	return nil
}

// CheckLinks refuses members without an id, and the SCIM 1.1 way of deleting
// one, which must not be read as adding it. raw is what the client sent, value
// what Reader.Value made of it.
func CheckLinks(path string, raw, value any) error {
	items, many := raw.([]any)
	if !many {
		items = []any{raw}
	}
	noID := Fail(InvalidValue, path, "every element of %s needs a \"value\": the id of the member", path)
	for _, item := range items {
		o, _ := item.(Object)
		if _, old := lookup(o, "operation"); old {
			return Fail(InvalidValue, path, "%s holds an \"operation\", which is SCIM 1.1; use a SCIM 2.0 application, which changes members by PATCH operations", path)
		}
		if _, named := lookup(o, "value"); !named && len(o) > 0 {
			return noID // of names that no schema has only, nothing is left of it in value
		}
	}
	list, _ := value.([]any)
	for _, element := range list {
		if o, _ := element.(Object); String(o, "value") == "" {
			return noID
		}
	}
	return nil
}

// extension reads the attributes of an extension into o.
func (p *parser) extension(o Object, urn string, v any) error {
	if v == nil {
		return nil
	}
	body, ok := v.(Object)
	if !ok {
		return Fail(InvalidValue, urn, "%s must be an object, but is %s", urn, describe(v))
	}
	s := p.rt.Extension(urn)
	target := within(o, urn)
	for _, key := range sortedKeys(body) {
		ref := Ref{URN: urn, Attr: s.Attribute(key)}
		if ref.Attr == nil {
			if err := p.unknown(urn + ":" + key); err != nil {
				return err
			}
			continue
		}
		if ref.Attr.Mutability == ReadOnly || ref.Attr.Mutability == WriteOnly {
			continue
		}
		if err := p.put(target, ref, body[key]); err != nil {
			return err
		}
	}
	return nil
}

// CheckRequired refuses a resource that lacks a required attribute, or has only
// blanks in it. Required attributes of an extension count when the extension is
// used or itself required.
func CheckRequired(rt *ResourceType, o Object) error {
	if err := requireAll("", rt.Core.Attributes, o); err != nil {
		return err
	}
	for _, e := range rt.Extensions {
		ext, used := o[e.Schema.ID].(Object)
		if !used && !e.Required {
			continue
		}
		if err := requireAll(e.Schema.ID+":", e.Schema.Attributes, ext); err != nil {
			return err
		}
	}
	return nil
}

func requireAll(prefix string, attributes []Attribute, o Object) error {
	for i := range attributes {
		a := &attributes[i]
		path := prefix + a.Name
		v, present := o[a.Name]
		if text, isText := v.(string); isText && strings.TrimSpace(text) == "" {
			present = false
		}
		if a.Required && a.Mutability != ReadOnly && !present {
			return Fail(InvalidValue, path, "%s is required and must not be empty", path)
		}
		if !present || a.Type != TypeComplex {
			continue
		}
		if err := requireSubs(a, path, v); err != nil {
			return err
		}
	}
	return nil
}

func requireSubs(a *Attribute, path string, v any) error {
	elements, ok := v.([]any)
	if !ok {
		elements = []any{v}
	}
	for i, element := range elements {
		o, _ := element.(Object)
		if err := requireAll(elementPath(path, i, len(elements))+".", a.SubAttributes, o); err != nil {
			return err
		}
	}
	return nil
}
