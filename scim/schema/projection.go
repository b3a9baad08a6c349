package schema

import (
	"slices"
	"strings"
)

// Projection is what a client asked to see by attributes and
// excludedAttributes (RFC 7644 §3.9). The zero value shows everything that is
// returned by default.
type Projection struct {
	rt *ResourceType
	// only is set when attributes were named: nothing else is shown but the
	// attributes that are always returned.
	only  bool
	named []selection
}

// selection is one attribute that was named, whole or by some sub-attributes.
// attr is empty for a whole extension.
type selection struct {
	urn, attr string
	subs      []string
}

// NewProjection compiles the two parameters; each is a list whose items may
// hold several names separated by commas. Names are those of RFC 7644 §3.10,
// plus an extension's URN alone, plus emails[type eq "work"], which counts as
// emails. Unknown names are ignored. When both are given, attributes wins.
func NewProjection(rt *ResourceType, attributes, excluded []string) Projection {
	if names := splitNames(attributes); len(names) > 0 {
		return Projection{rt: rt, only: true, named: selections(rt, names)}
	}
	return Projection{rt: rt, named: selections(rt, splitNames(excluded))}
}

// splitNames cuts at commas that are not within brackets, and drops what is
// within brackets.
func splitNames(list []string) []string {
	var names []string
	for _, text := range list {
		var name strings.Builder
		depth, quoted := 0, false
		for _, c := range text + "," {
			switch {
			case depth > 0 && c == '"':
				quoted = !quoted
			case quoted:
			case c == '[':
				depth++
			case c == ']' && depth > 0:
				depth--
			case depth > 0:
			case c == ',':
				if n := strings.TrimSpace(name.String()); n != "" {
					names = append(names, n)
				}
				name.Reset()
			default:
				name.WriteRune(c)
			}
		}
	}
	return names
}

func selections(rt *ResourceType, names []string) []selection {
	var out []selection
	for _, name := range names {
		ref, ok := rt.Find(name)
		if !ok {
			continue
		}
		s := selection{urn: ref.URN}
		if ref.Attr != nil {
			s.attr = ref.Attr.Name
		}
		if ref.Sub != nil {
			s.subs = []string{ref.Sub.Name}
		}
		out = addSelection(out, s)
	}
	return out
}

// addSelection merges the sub-attributes of one attribute; naming the attribute
// as a whole swallows them.
func addSelection(list []selection, s selection) []selection {
	for i := range list {
		have := &list[i]
		if have.urn != s.urn || have.attr != s.attr {
			continue
		}
		if have.subs == nil || s.subs == nil {
			have.subs = nil
		} else {
			for _, sub := range s.subs {
				if !slices.Contains(have.subs, sub) {
					have.subs = append(have.subs, sub)
				}
			}
		}
		return list
	}
	return append(list, s)
}

// IsAll tells that everything that a resource has is shown, so that nothing needs
// to be looked up or cut: nothing was asked for, and nothing waits for that.
func (p Projection) IsAll() bool {
	return !p.only && len(p.named) == 0 && (p.rt == nil || !p.rt.onRequest)
}

// Wants tells whether any part of a common or core attribute, such as members,
// groups or meta, is shown; when not it need not be loaded.
func (p Projection) Wants(name string) bool {
	for _, s := range p.named {
		if s.urn == "" && strings.EqualFold(s.attr, name) {
			return p.only || s.subs != nil
		}
	}
	if !p.only {
		return true
	}
	a := p.rt.Attribute(name)
	return a != nil && a.Returned == ReturnedAlways
}

// Apply gives a resource with what is shown. The argument is left as it is; the
// result may share values with it. schemas stays that of the whole resource.
func (p Projection) Apply(o Object) Object {
	if p.rt == nil {
		return o
	}
	out := make(Object, len(o))
	for key, v := range o {
		if ext, ok := v.(Object); ok {
			if s := p.rt.Extension(key); s != nil {
				if shown := p.extension(s, ext); len(shown) > 0 {
					out[key] = shown
				}
				continue
			}
		}
		if a := p.rt.Attribute(key); a != nil {
			if shown := p.attribute("", a, v, false); shown != nil {
				out[key] = shown
			}
		}
	}
	return out
}

func (p Projection) extension(s *Schema, ext Object) Object {
	whole := false
	for _, sel := range p.named {
		whole = whole || sel.urn == s.ID && sel.attr == ""
	}
	out := make(Object, len(ext))
	for key, v := range ext {
		if a := s.Attribute(key); a != nil {
			if shown := p.attribute(s.ID, a, v, whole); shown != nil {
				out[key] = shown
			}
		}
	}
	return out
}

// attribute gives what is shown of a value, nil for nothing. whole says that the
// extension was named as such.
func (p Projection) attribute(urn string, a *Attribute, v any, whole bool) any {
	switch a.Returned {
	case ReturnedNever:
		return nil
	case ReturnedAlways:
		return v
	}
	named, subs := whole, []string(nil)
	for _, sel := range p.named {
		if sel.urn == urn && sel.attr == a.Name {
			named, subs = true, sel.subs
			break
		}
	}
	if whole {
		subs = nil
	}
	switch {
	case !named && (p.only || a.Returned == ReturnedRequest):
		return nil
	case !named || p.only && subs == nil:
		return v
	case subs == nil:
		return nil
	}
	return cut(v, subs, p.only)
}

// cut keeps (or drops) the named sub-attributes of a complex value.
func cut(v any, subs []string, keep bool) any {
	switch v := v.(type) {
	case []any:
		list := make([]any, 0, len(v))
		for _, element := range v {
			if shown := cut(element, subs, keep); shown != nil {
				list = append(list, shown)
			}
		}
		if len(list) == 0 {
			return nil
		}
		return list
	case Object:
		out := make(Object, len(v))
		for key, value := range v {
			if slices.Contains(subs, key) == keep {
				out[key] = value
			}
		}
		if len(out) == 0 {
			return nil
		}
		return out
	}
	return v
}
