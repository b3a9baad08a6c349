package schema

import (
	"slices"
	"strings"
)

// Schema is a named set of attributes (RFC 7643 §7). ID is its URN.
type Schema struct {
	ID          string
	Name        string
	Description string
	Attributes  []Attribute
}

// Attribute finds an attribute of the schema by name, or nil.
func (s *Schema) Attribute(name string) *Attribute { return find(s.Attributes, name) }

// Extension is a schema that adds attributes to a resource type under its own
// URN (RFC 7643 §3.3).
type Extension struct {
	Schema   *Schema
	Required bool
}

// ResourceType is a kind of resource (RFC 7643 §6): its core schema and the
// extensions that an organization has. It is immutable and safe to share. One is
// made by User or Group, and by With from those.
type ResourceType struct {
	Name        string
	Endpoint    string
	Description string
	Core        *Schema
	Extensions  []Extension

	// common are the attributes every resource has (RFC 7643 §3.1), which no
	// schema lists.
	common []Attribute
	// onRequest tells that an extension has an attribute that is returned on
	// request only.
	onRequest bool
	// fixed are the immutable attributes of extensions (see CheckImmutable). The
	// core has none but those of links, which are not changed in place.
	fixed []Ref
}

// With gives the same resource type with more extensions. The receiver is left
// as it is.
func (rt *ResourceType) With(ext ...Extension) *ResourceType {
	wider := *rt
	wider.Extensions = make([]Extension, 0, len(rt.Extensions)+len(ext))
	wider.Extensions = append(wider.Extensions, rt.Extensions...)
	wider.Extensions = append(wider.Extensions, ext...)
	wider.fixed = slices.Clip(rt.fixed)
	for _, e := range ext {
		wider.fixed = append(wider.fixed, immutables(e.Schema)...)
		wider.onRequest = wider.onRequest || slices.ContainsFunc(e.Schema.Attributes, func(a Attribute) bool { return a.Returned == ReturnedRequest })
	}
	return &wider
}

// Extension finds an extension by URN without regard to case, or nil.
func (rt *ResourceType) Extension(urn string) *Schema {
	for _, e := range rt.Extensions {
		if strings.EqualFold(e.Schema.ID, urn) {
			return e.Schema
		}
	}
	return nil
}

// Attribute finds a common or core attribute by name, or nil. Attributes of
// extensions are found by Find or through Extension.
func (rt *ResourceType) Attribute(name string) *Attribute {
	if a := rt.Core.Attribute(name); a != nil {
		return a
	}
	return find(rt.common, name)
}

// Ref is an attribute reference that was resolved against a resource type
// (RFC 7644 §3.10). Attr is nil when it names an extension as a whole.
type Ref struct {
	// URN is the extension's URN; empty for common and core attributes.
	URN  string
	Attr *Attribute
	Sub  *Attribute
}

// String gives the canonical spelling: emails.value, or for extensions
// urn:…:User:manager.value.
func (r Ref) String() string {
	var b strings.Builder
	b.WriteString(r.URN)
	if r.Attr != nil {
		if r.URN != "" {
			b.WriteByte(':')
		}
		b.WriteString(r.Attr.Name)
	}
	if r.Sub != nil {
		b.WriteByte('.')
		b.WriteString(r.Sub.Name)
	}
	return b.String()
}

// SplitURN cuts a known schema URN off the front of a name. The longest known
// URN wins, because URNs hold dots and colons themselves (RFC 7644 §3.10).
// It returns the schema, or nil when the name starts with none of them, and
// what follows the URN and its colon.
func (rt *ResourceType) SplitURN(name string) (s *Schema, rest string) {
	best := 0
	consider := func(candidate *Schema) {
		n := len(candidate.ID)
		if n <= best || len(name) < n || !strings.EqualFold(name[:n], candidate.ID) {
			return
		}
		if len(name) > n && name[n] != ':' {
			return
		}
		s, best = candidate, n
	}
	consider(rt.Core)
	for _, e := range rt.Extensions {
		consider(e.Schema)
	}
	if s == nil {
		return nil, name
	}
	return s, strings.TrimPrefix(name[best:], ":")
}

// Find resolves [URN:]attribute[.sub] (RFC 7644 §3.10), or an extension's URN
// alone, without regard to case. ok is false when the resource type has no such
// attribute.
func (rt *ResourceType) Find(name string) (ref Ref, ok bool) {
	s, rest := rt.SplitURN(name)
	inExtension := s != nil && s != rt.Core
	if inExtension {
		ref.URN = s.ID
		if rest == "" {
			return ref, true
		}
	}
	attr, sub, dotted := strings.Cut(rest, ".")
	if inExtension {
		ref.Attr = s.Attribute(attr)
	} else {
		ref.Attr = rt.Attribute(attr)
	}
	if ref.Attr == nil {
		return Ref{}, false
	}
	if !dotted {
		return ref, true
	}
	ref.Sub = ref.Attr.Sub(sub)
	return ref, ref.Sub != nil
}

// InExtensions finds the one extension that has an attribute of this name. ok is
// false when none or several have; but the enterprise extension goes before an
// organization's own, so that defining one takes nothing away.
func (rt *ResourceType) InExtensions(name string) (ref Ref, ok bool) {
	for _, e := range rt.Extensions {
		a := e.Schema.Attribute(name)
		if a == nil {
			continue
		}
		if e.Schema.ID == EnterpriseURN {
			return Ref{URN: e.Schema.ID, Attr: a}, true
		}
		if ok {
			return Ref{}, false
		}
		ref, ok = Ref{URN: e.Schema.ID, Attr: a}, true
	}
	return ref, ok
}

// commonAttributes are those of RFC 7643 §3.1, in the order of an answer; meta
// is written last.
func commonAttributes() []Attribute {
	return []Attribute{
		{Name: "schemas", Type: TypeReference, MultiValued: true, Required: true, Returned: ReturnedAlways,
			ReferenceTypes: []string{"uri"}, Description: "URNs of the schemas in use."},
		{Name: "id", CaseExact: true, Required: true, Mutability: ReadOnly, Returned: ReturnedAlways, Uniqueness: UniqueServer,
			Description: "Identifier chosen by the server."},
		{Name: "externalId", CaseExact: true, Description: "Identifier chosen by the provisioning client."},
		{Name: "meta", Type: TypeComplex, Mutability: ReadOnly, Description: "Facts about the record.", SubAttributes: []Attribute{
			{Name: "resourceType", CaseExact: true, Mutability: ReadOnly},
			{Name: "created", Type: TypeDateTime, Mutability: ReadOnly},
			{Name: "lastModified", Type: TypeDateTime, Mutability: ReadOnly},
			{Name: "location", Type: TypeReference, CaseExact: true, Mutability: ReadOnly},
			{Name: "version", CaseExact: true, Mutability: ReadOnly},
		}},
	}
}
