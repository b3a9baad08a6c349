package patch

import (
	"bytes"
	"slices"

	"domicile/scim/schema"
)

// Change is what a PATCH does to one resource.
type Change struct {
	// Attributes is the whole new document, without members.
	Attributes schema.Object
	// AttributesChanged is false when the stored bytes stay the same; then
	// nothing needs to be written for them and the version stays.
	AttributesChanged bool
	Members           MembersChange
	// Courtesies is what was tolerated.
	Courtesies []schema.Courtesy
}

// Compile is ParseDocument and Apply in one.
func Compile(rt *schema.ResourceType, body []byte, current schema.Object, d schema.Dialect) (*Change, error) {
	doc, err := ParseDocument(rt, body, d)
	if err != nil {
		return nil, err
	}
	return doc.Apply(current)
}

// Courtesies is what was tolerated while reading the document.
func (doc *Document) Courtesies() []schema.Courtesy { return doc.courtesies }

// Apply performs the operations in order on a copy of the current document, as
// schema.Decode gives it. On an error nothing has happened.
func (doc *Document) Apply(current schema.Object) (*Change, error) {
	e := editor{
		Lenience: schema.Lenience{Dialect: doc.dialect, Courtesies: slices.Clone(doc.courtesies)},
		o:        schema.Clone(current),
		rt:       doc.rt,
	}
	var members fold
	for _, s := range doc.steps {
		if s.path.Attr != nil && s.path.Attr.Linked {
			members.step(s)
			continue
		}
		if err := e.apply(s); err != nil {
			return nil, err
		}
	}
	if err := schema.CheckRequired(doc.rt, e.o); err != nil {
		return nil, err
	}
	if err := schema.CheckImmutable(doc.rt, current, e.o); err != nil {
		return nil, err
	}
	e.o["schemas"] = schema.InUse(doc.rt, e.o)
	return &Change{
		Attributes:        e.o,
		AttributesChanged: !bytes.Equal(schema.Encode(doc.rt, current), schema.Encode(doc.rt, e.o)),
		Members:           members.change(),
		Courtesies:        e.Courtesies,
	}, nil
}

// editor changes one document in place.
type editor struct {
	schema.Lenience
	rt *schema.ResourceType
	o  schema.Object
}

func (e *editor) apply(s step) error {
	switch {
	case s.path.Attr == nil:
		delete(e.o, s.path.URN)
		return nil
	case s.path.Attr.Name == "schemas" && s.path.URN == "":
		e.keepExtensions(s.urns)
		return nil
	case s.verb == add && !s.given:
		return nil // add of null adds nothing
	}
	holder := e.holder(s.path.URN)
	var err error
	switch {
	case s.path.Attr.MultiValued:
		err = e.plural(holder, s)
	case s.path.Sub != nil:
		subAttribute(holder, s)
	default:
		single(holder, s)
	}
	if ext, ok := e.o[s.path.URN].(schema.Object); ok && len(ext) == 0 {
		delete(e.o, s.path.URN)
	}
	return err
}

// holder is the object that has the attribute: the document or an extension.
func (e *editor) holder(urn string) schema.Object {
	if urn == "" {
		return e.o
	}
	ext, ok := e.o[urn].(schema.Object)
	if !ok {
		ext = schema.Object{}
		e.o[urn] = ext
	}
	return ext
}

func (e *editor) keepExtensions(urns []string) {
	for _, ext := range e.rt.Extensions {
		kept := false
		for _, urn := range urns {
			kept = kept || urn == ext.Schema.ID
		}
		if !kept {
			delete(e.o, ext.Schema.ID)
		}
	}
}

// single sets, merges or clears a single-valued attribute.
func single(holder schema.Object, s step) {
	name := s.path.Attr.Name
	fresh, isComplex := s.value.(schema.Object)
	switch {
	case s.verb == remove || s.value == nil:
		delete(holder, name)
	case isComplex:
		merged, _ := holder[name].(schema.Object)
		if merged = merge(merged, fresh); len(merged) == 0 {
			delete(holder, name)
		} else {
			holder[name] = merged
		}
	default:
		holder[name] = s.value
	}
}

// subAttribute sets or clears attribute.sub of a single-valued complex
// attribute.
func subAttribute(holder schema.Object, s step) {
	name := s.path.Attr.Name
	old, _ := holder[name].(schema.Object)
	value := s.value
	if s.verb == remove {
		value = nil
	}
	merged := merge(old, schema.Object{s.path.Sub.Name: value})
	if len(merged) == 0 {
		delete(holder, name)
	} else {
		holder[name] = merged
	}
}

// merge gives a complex value with some sub-attributes set, or cleared where the
// fresh one has nil. A new value outdates the reference to the old one.
func merge(old, fresh schema.Object) schema.Object {
	merged := make(schema.Object, len(old)+len(fresh))
	for k, v := range old {
		merged[k] = v
	}
	if v, given := fresh["value"]; given && !equal(v, old["value"]) {
		delete(merged, "$ref")
	}
	for k, v := range fresh {
		if v == nil {
			delete(merged, k)
		} else {
			merged[k] = v
		}
	}
	return merged
}
