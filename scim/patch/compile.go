package patch

import (
	"maps"
	"slices"
	"strings"

	"domicile/scim/filter"
	"domicile/scim/schema"
)

// pathed compiles an operation that names its target.
func (c *compiler) pathed(v verb, text string, value any, has bool) error {
	path, err := c.path(text)
	if err != nil {
		return err
	}
	if v != remove && !has {
		return schema.Fail(schema.InvalidValue, path.String(), "%s of %s needs a value", v, path)
	}
	if path.Attr == nil {
		return c.wholeExtension(v, path.URN, value)
	}
	if err := writable(v, path); err != nil {
		return err
	}
	return c.target(v, path, value)
}

func (c *compiler) path(text string) (filter.Path, error) {
	path, courtesies, err := filter.ParsePath(c.rt, text, c.reader.Dialect)
	c.reader.Courtesies.Add(courtesies)
	return path, err
}

// writable refuses what an explicit path may not change (RFC 7644 §3.5.2).
func writable(v verb, path filter.Path) error {
	for _, a := range []*schema.Attribute{path.Attr, path.Sub} {
		if a == nil {
			continue
		}
		if a.Mutability == schema.ReadOnly {
			return schema.Fail(schema.Mutability, path.String(), "%s is readOnly; the server sets it", path)
		}
	}
	last := path.Attr
	if path.Sub != nil {
		last = path.Sub
	}
	if v == remove && last.Required && path.Filter == nil {
		return schema.Fail(schema.Mutability, path.String(), "%s is required and cannot be removed", path)
	}
	return nil
}

// pathless compiles an operation whose value is an object of attributes
// (RFC 7644 §3.5.2.1). Its keys may be paths. What is readOnly or unknown is
// left alone: clients put whole resources here.
func (c *compiler) pathless(v verb, value any) error {
	o, ok := value.(schema.Object)
	if !ok {
		return schema.Fail(schema.InvalidValue, "", "%s without a path needs an object of attributes as its value", v)
	}
	for _, key := range slices.Sorted(maps.Keys(o)) {
		path, known, err := c.key(key)
		switch {
		case err != nil:
			return err
		case !known:
			err = c.unknown(key)
		case path.Attr == nil:
			err = c.wholeExtension(v, path.URN, o[key])
		case isSchemas(path) || isReadOnly(path):
			continue
		default:
			err = c.target(v, path, o[key])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// unknown refuses a name that no schema has, unless it is to be ignored.
func (c *compiler) unknown(name string) error {
	if c.grant(schema.UnknownAttribute, name) {
		return nil
	}
	return schema.Fail(schema.InvalidValue, name, "%s has no attribute %s", c.rt.Name, schema.Quote(name))
}

func isSchemas(path filter.Path) bool { return path.URN == "" && path.Attr.Name == "schemas" }

func isReadOnly(path filter.Path) bool {
	return path.Attr.Mutability == schema.ReadOnly || path.Sub != nil && path.Sub.Mutability == schema.ReadOnly
}

// key resolves a key of a pathless value: an attribute name, an extension's URN,
// or, as a courtesy, any path.
func (c *compiler) key(key string) (path filter.Path, known bool, err error) {
	if s := c.rt.Extension(key); s != nil {
		return filter.Path{Ref: schema.Ref{URN: s.ID}}, true, nil
	}
	if a := c.rt.Attribute(key); a != nil {
		return filter.Path{Ref: schema.Ref{Attr: a}}, true, nil
	}
	if ref, ok := c.rt.InExtensions(key); ok && c.grant(schema.RootExtensionName, key) {
		return filter.Path{Ref: ref}, true, nil
	}
	name, _, filtered := strings.Cut(key, "[")
	ref, ok := c.rt.Find(name)
	if !ok || ref.Attr == nil || !c.grant(schema.QualifiedKey, key) {
		return filter.Path{}, false, nil
	}
	if !filtered {
		return filter.Path{Ref: ref}, true, nil
	}
	path, err = c.path(key)
	return path, err == nil, err
}

// wholeExtension compiles an operation on all of an extension: remove clears it,
// the others merge an object of its attributes, like a complex value.
func (c *compiler) wholeExtension(v verb, urn string, value any) error {
	if v == remove || value == nil {
		if v != add {
			c.steps = append(c.steps, step{verb: remove, path: filter.Path{Ref: schema.Ref{URN: urn}}})
		}
		return nil
	}
	o, ok := value.(schema.Object)
	if !ok {
		return schema.Fail(schema.InvalidValue, urn, "%s must be an object of attributes", urn)
	}
	s := c.rt.Extension(urn)
	for _, key := range slices.Sorted(maps.Keys(o)) {
		a := s.Attribute(key)
		if a == nil {
			if err := c.unknown(urn + ":" + key); err != nil {
				return err
			}
			continue
		}
		if a.Mutability == schema.ReadOnly {
			continue
		}
		if err := c.target(v, filter.Path{Ref: schema.Ref{URN: urn, Attr: a}}, o[key]); err != nil {
			return err
		}
	}
	return nil
}

// target compiles an operation on one attribute, whose value it checks.
func (c *compiler) target(v verb, path filter.Path, value any) error {
	s := step{verb: v, path: path, given: value != nil}
	switch {
	case path.Attr.Mutability == schema.WriteOnly:
		return nil // a password is accepted and dropped
	case isSchemas(path):
		return c.schemasStep(s, value)
	case path.Attr.Linked:
		return c.memberStep(s, value)
	}
	canonical, err := c.canonical(v, path, value)
	if err != nil {
		return err
	}
	s.value = canonical
	c.steps = append(c.steps, s)
	return nil
}

// canonical reads a step's value as what the path leads to.
func (c *compiler) canonical(v verb, path filter.Path, value any) (any, error) {
	if v == remove && (path.Filter != nil || path.Sub != nil || !path.Attr.MultiValued || !c.reader.Dialect.Allows(schema.RemoveByValue)) {
		return nil, nil // remove has no value (RFC 7644 §3.5.2.2)
	}
	name := path.String()
	switch {
	case path.Sub != nil:
		return c.reader.Value(path.Sub, name, value)
	case path.Filter != nil:
		return c.reader.Element(path.Attr, name, value)
	}
	out, err := c.reader.Value(path.Attr, name, value)
	if list, ok := out.([]any); ok && err == nil {
		out = withoutCleared(list)
	}
	return out, err
}

// withoutCleared drops the marks of cleared sub-attributes from new elements,
// which have nothing to clear.
func withoutCleared(list []any) any {
	kept := make([]any, 0, len(list))
	for _, element := range list {
		if o, ok := element.(schema.Object); ok {
			maps.DeleteFunc(o, func(_ string, v any) bool { return v == nil })
			if len(o) == 0 {
				continue
			}
		}
		kept = append(kept, element)
	}
	if len(kept) == 0 {
		return nil
	}
	return kept
}

// schemasStep compiles an operation on schemas. Only dropping an extension has
// an effect; an extension comes into use with its first value.
func (c *compiler) schemasStep(s step, value any) error {
	if s.verb == remove || s.path.Filter != nil {
		return schema.Fail(schema.Mutability, "schemas", "schemas cannot be removed; replace it, or remove an extension by its URN")
	}
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	core := false
	for _, item := range list {
		urn, _ := item.(string)
		switch ext := c.rt.Extension(urn); {
		case strings.EqualFold(urn, c.rt.Core.ID):
			core = true
		case ext != nil:
			s.urns = append(s.urns, ext.ID)
		default:
			return schema.Fail(schema.InvalidValue, "schemas", "schemas holds %s, which is not a schema of %s", schema.Quote(urn), c.rt.Name)
		}
	}
	if s.verb == replace {
		if !core {
			return schema.Fail(schema.InvalidValue, "schemas", "schemas must name %s", c.rt.Core.ID)
		}
		c.steps = append(c.steps, s)
	}
	return nil
}
