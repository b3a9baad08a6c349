package schema

import "reflect"

// immutables lists the immutable attributes of a schema, and the immutable
// sub-attributes of its single-valued attributes. The elements of a list are
// replaced, never changed, so within them nothing is immutable.
func immutables(s *Schema) []Ref {
	var refs []Ref
	for i := range s.Attributes {
		a := &s.Attributes[i]
		if a.Mutability == Immutable {
			refs = append(refs, Ref{URN: s.ID, Attr: a})
			continue
		}
		for j := range a.SubAttributes {
			if sub := &a.SubAttributes[j]; sub.Mutability == Immutable && !a.MultiValued {
				refs = append(refs, Ref{URN: s.ID, Attr: a, Sub: sub})
			}
		}
	}
	return refs
}

// CheckImmutable refuses, as mutability, a resource in which an immutable value
// is not what it was before (RFC 7643 §2.2). A first value may be set.
func CheckImmutable(rt *ResourceType, before, after Object) error {
	for _, ref := range rt.fixed {
		old := ref.value(before)
		if old != nil && !reflect.DeepEqual(old, ref.value(after)) {
			return Fail(Mutability, ref.String(), "%s is immutable and already has a value", ref)
		}
	}
	return nil
}

// CarryImmutable puts the immutable values that after leaves out into it: a PUT
// of a client that does not know them changes nothing about them (RFC 7644
// §3.5.1). It changes after, schemas included.
func CarryImmutable(rt *ResourceType, before, after Object) {
	for _, ref := range rt.fixed {
		if old := ref.value(before); old != nil && ref.value(after) == nil {
			ref.set(after, old)
		}
	}
	if rt.fixed != nil {
		after["schemas"] = InUse(rt, after)
	}
}

// value gives what an extension's attribute or sub-attribute is in a resource.
func (r Ref) value(o Object) any {
	ext, _ := o[r.URN].(Object)
	v := ext[r.Attr.Name]
	if r.Sub == nil {
		return v
	}
	inner, _ := v.(Object)
	return inner[r.Sub.Name]
}

func (r Ref) set(o Object, v any) {
	ext := within(o, r.URN)
	if r.Sub == nil {
		ext[r.Attr.Name] = v
		return
	}
	within(ext, r.Attr.Name)[r.Sub.Name] = v
}
