package schema

import "strings"

// Object is a resource, or a complex value, in canonical names. Its values are
// string, bool, json.Number, []any and Object. An absent attribute has no key:
// null and empty lists do not occur (RFC 7643 §2.5). The attributes of an
// extension live in an Object under the extension's URN. Members are Objects
// under "members".
type Object = map[string]any

// Clone copies an Object in depth.
func Clone(o Object) Object {
	c := make(Object, len(o))
	for k, v := range o {
		c[k] = cloneValue(v)
	}
	return c
}

func cloneValue(v any) any {
	switch v := v.(type) {
	case Object:
		return Clone(v)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = cloneValue(v[i])
		}
		return list
	}
	return v
}

// Get gives the value at a canonical path such as userName, name.givenName,
// or urn:…:User:manager.value; nil when there is none. It does not look into
// lists.
func Get(o Object, path string) any {
	if strings.Contains(path, ":") {
		urn := "" // the longest, since URNs may be prefixes of each other
		for key, v := range o {
			if _, ok := v.(Object); ok && len(key) > len(urn) && strings.HasPrefix(path, key+":") {
				urn = key
			}
		}
		if urn == "" {
			return nil
		}
		return Get(o[urn].(Object), path[len(urn)+1:])
	}
	name, rest, dotted := strings.Cut(path, ".")
	if !dotted {
		return o[name]
	}
	inner, _ := o[name].(Object)
	return inner[rest]
}

// String gives the text at a canonical path (see Get), or "".
func String(o Object, path string) string {
	s, _ := Get(o, path).(string)
	return s
}

// Active gives the administrative status; present is false when the client did
// not say, which means active on create and unchanged on replace.
func Active(o Object) (active, present bool) {
	active, present = o["active"].(bool)
	return active, present
}

// Values gives the "value" of each element of a multi-valued complex attribute
// such as emails, the primary one first, otherwise in order.
func Values(o Object, name string) []string {
	list, _ := o[name].([]any)
	values := make([]string, 0, len(list))
	for _, element := range list {
		e, _ := element.(Object)
		v, ok := e["value"].(string)
		if !ok {
			continue
		}
		values = append(values, v)
		if primary, _ := e["primary"].(bool); primary {
			copy(values[1:], values[:len(values)-1])
			values[0] = v
		}
	}
	return values
}

// Emails gives the e-mail addresses, the primary one first.
func Emails(o Object) []string { return Values(o, "emails") }

// Member is one member of a group as a client named it. Only ID counts; the
// others are what the client believes.
type Member struct {
	ID      string
	Type    string
	Display string
}

// Members reads the members of a group Object, each id once.
func Members(o Object) []Member {
	list, _ := o["members"].([]any)
	members := make([]Member, 0, len(list))
	seen := make(map[string]bool, len(list))
	for _, element := range list {
		e, _ := element.(Object)
		m := Member{ID: String(e, "value"), Type: String(e, "type"), Display: String(e, "display")}
		if m.ID == "" || seen[m.ID] {
			continue
		}
		seen[m.ID] = true
		members = append(members, m)
	}
	return members
}

// InUse lists the URNs of the schemas that an Object uses: the core schema and
// each extension with a value, in the resource type's order (RFC 7643 §3).
func InUse(rt *ResourceType, o Object) []any {
	urns := []any{rt.Core.ID}
	for _, e := range rt.Extensions {
		if ext, ok := o[e.Schema.ID].(Object); ok && len(ext) > 0 {
			urns = append(urns, e.Schema.ID)
		}
	}
	return urns
}
