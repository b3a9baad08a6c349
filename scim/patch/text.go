package patch

import (
	"encoding/json"
	"unicode/utf8"

	"domicile/scim/filter"
	"domicile/scim/schema"
)

// MaxText is how long the text of a Document can be, in bytes.
const MaxText = 2 << 10

const (
	maxShownValue   = 200          // bytes of a value, where the whole text would be too long
	maxShownMembers = MaxText / 10 // more than can be shown of the ids of a step
)

// Text gives the operations as they were understood, in canonical form: a JSON list that means the same as what the client
// sent. Where that would be too long, long values are cut and the last operations left out; then it is no JSON any more and
// has marks (…) where something is missing. Secrets are never part of it.
func (doc *Document) Text() string {
	out := doc.text(MaxText)
	if len(out) > MaxText {
		out = doc.text(maxShownValue)
	}
	return string(shorten(out, MaxText))
}

// text writes until it is too long.
func (doc *Document) text(value int) []byte {
	out := []byte{'['}
	for i := range doc.steps {
		if len(out) > MaxText {
			return out
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = doc.steps[i].append(out, doc.rt, value)
	}
	return append(out, ']')
}

// shorten cuts a text at the end of a character, and marks that.
func shorten(text []byte, limit int) []byte {
	const mark = "…"
	if len(text) <= limit {
		return text
	}
	end := max(limit-len(mark), 0)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return append(text[:end:end], mark...)
}

// append writes a step as an operation.
func (s *step) append(out []byte, rt *schema.ResourceType, limit int) []byte {
	path, value := s.path, s.value
	switch {
	case path.Attr == nil:
	case path.Attr.Linked:
		path, value = s.membersOperation()
	case path.Attr.Name == "schemas" && path.URN == "":
		list := []any{rt.Core.ID}
		for _, urn := range s.urns {
			list = append(list, urn)
		}
		value = list
	}
	out = append(out, `{"op":"`...)
	out = append(out, s.verb.String()...)
	out = append(out, `","path":`...)
	out = append(out, shorten(schema.AppendString(nil, path.String()), limit)...)
	if value != nil || s.verb != remove {
		text, err := json.Marshal(value)
		if err != nil { // it came from JSON
			text = []byte("null")
		}
		out = append(out, `,"value":`...)
		out = append(out, shorten(text, limit)...)
	}
	return append(out, '}')
}

// membersOperation gives path and value of a step on members: a removal names the ids in its path, as RFC 7644 §3.5.2.2
// has it.
func (s *step) membersOperation() (filter.Path, any) {
	path, members := s.path, s.members[:min(len(s.members), maxShownMembers)]
	if s.verb != remove {
		list := make([]any, len(members))
		for i, m := range members {
			list[i] = schema.Object{"value": m.ID}
		}
		return path, list
	}
	if path.Filter != nil || len(members) == 0 {
		return path, nil
	}
	var ids filter.Or
	for _, m := range members {
		ids = append(ids, filter.Compare{Ref: schema.Ref{Attr: path.Attr.Sub("value")}, Op: filter.Eq, Value: m.ID})
	}
	path.Filter = ids
	if len(ids) == 1 {
		path.Filter = ids[0]
	}
	return path, nil
}
