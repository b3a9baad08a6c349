package schema

import (
	"encoding/json"
	"strconv"
)

// Encode gives the bytes that are stored: canonical JSON with the attributes in
// the order of the schema and schemas computed from what is present. Left out is
// what lives elsewhere or nowhere: id, meta, groups, members, password. Equal
// resources give equal bytes.
//
//	{"schemas":["urn:…:User"],"externalId":"e","userName":"u","emails":[{"value":"x"}]}
//
// The answer to a client is made by putting "id" and "meta" after the opening
// brace, without decoding.
func Encode(rt *ResourceType, o Object) []byte {
	w := writer{storedOnly: true}
	return w.resource(rt, o)
}

// Marshal gives the whole resource as an answer, in the order of the schema:
// everything the Object holds and the resource type knows, except attributes
// that are never returned. It writes schemas as the Object has them, or computes
// them.
func Marshal(rt *ResourceType, o Object) []byte {
	var w writer
	return w.resource(rt, o)
}

// Decode brings stored bytes back. It trusts their form, and leaves out
// extensions that the resource type no longer has.
func Decode(rt *ResourceType, stored []byte) (Object, error) {
	v, err := DecodeJSON(stored)
	if err != nil {
		return nil, err
	}
	o, ok := v.(Object)
	if !ok {
		return nil, Fail(InvalidSyntax, "", "a stored resource is not a JSON object")
	}
	for key, v := range o {
		if _, nested := v.(Object); nested && rt.Attribute(key) == nil && rt.Extension(key) == nil {
			delete(o, key)
		}
	}
	o["schemas"] = InUse(rt, o)
	return o, nil
}

type writer struct {
	storedOnly bool
	out        []byte
}

func (w *writer) resource(rt *ResourceType, o Object) []byte {
	w.out = make([]byte, 0, 512)
	urns, ok := o["schemas"].([]any)
	if !ok || w.storedOnly {
		urns = InUse(rt, o)
	}
	w.out = append(w.out, `{"schemas":`...)
	w.value(nil, urns)
	for i := range rt.common {
		if a := &rt.common[i]; a.Name != "schemas" && a.Name != "meta" {
			w.member(a, o)
		}
	}
	for i := range rt.Core.Attributes {
		w.member(&rt.Core.Attributes[i], o)
	}
	for _, e := range rt.Extensions {
		w.extension(e.Schema, o)
	}
	w.member(rt.Attribute("meta"), o)
	w.out = append(w.out, '}')
	return w.out
}

func (w *writer) extension(s *Schema, o Object) {
	ext, ok := o[s.ID].(Object)
	if !ok || len(ext) == 0 {
		return
	}
	w.comma()
	w.out = AppendString(w.out, s.ID)
	w.out = append(w.out, ':')
	w.object(s.Attributes, ext)
}

// member writes one attribute of an object that already has its brace, if the
// object has it.
func (w *writer) member(a *Attribute, o Object) {
	v, ok := o[a.Name]
	if !ok || v == nil || a.Returned == ReturnedNever || w.storedOnly && !a.Stored() {
		return
	}
	w.comma()
	w.out = AppendString(w.out, a.Name)
	w.out = append(w.out, ':')
	w.value(a, v)
}

func (w *writer) comma() {
	if last := w.out[len(w.out)-1]; last != '{' && last != '[' {
		w.out = append(w.out, ',')
	}
}

func (w *writer) object(attributes []Attribute, o Object) {
	w.out = append(w.out, '{')
	for i := range attributes {
		w.member(&attributes[i], o)
	}
	w.out = append(w.out, '}')
}

func (w *writer) value(a *Attribute, v any) {
	switch v := v.(type) {
	case string:
		w.out = AppendString(w.out, v)
	case bool:
		w.out = strconv.AppendBool(w.out, v)
	case json.Number:
		w.out = append(w.out, v...)
	case []any:
		w.out = append(w.out, '[')
		for i, element := range v {
			if i > 0 {
				w.out = append(w.out, ',')
			}
			w.value(a, element)
		}
		w.out = append(w.out, ']')
	case Object:
		if a == nil {
			w.out = append(w.out, "{}"...)
			return
		}
		w.object(a.SubAttributes, v)
	default:
		w.out = append(w.out, "null"...)
	}
}

// AppendString appends a JSON string. Only what JSON demands is escaped.
func AppendString(out []byte, s string) []byte {
	const hex = "0123456789abcdef"
	out = append(out, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		out = append(out, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			out = append(out, '\\', c)
		case '\n':
			out = append(out, `\n`...)
		case '\r':
			out = append(out, `\r`...)
		case '\t':
			out = append(out, `\t`...)
		default:
			out = append(out, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	out = append(out, s[from:]...)
	return append(out, '"')
}
