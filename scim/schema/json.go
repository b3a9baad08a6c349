package schema

import (
	"encoding/json"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// The bounds of a JSON body, besides its length.
const (
	MaxDepth = 32        // levels of nesting
	MaxNodes = 1_500_000 // values, as many as a group with 250,000 members has: small values cost most memory
)

// DecodeJSON reads exactly one JSON text. Objects become map[string]any, lists
// []any, numbers json.Number, so that no digit is lost. A leading byte order
// mark is skipped. Refused as invalidSyntax, with the position: anything but
// UTF-8, a repeated key, more than MaxDepth levels or MaxNodes values, an unpaired
// surrogate, the character U+0000, text after the end.
func DecodeJSON(body []byte) (any, error) {
	if !utf8.Valid(body) {
		return nil, Fail(InvalidSyntax, "", "the body is not valid UTF-8")
	}
	r := jsonReader{s: strings.TrimPrefix(string(body), "\ufeff")}
	r.space()
	if r.pos == len(r.s) {
		return nil, Fail(InvalidSyntax, "", "the body is empty; a JSON object is expected")
	}
	v, err := r.value(0)
	if err != nil {
		return nil, err
	}
	r.space()
	if r.pos < len(r.s) {
		return nil, r.fail("unexpected text after the end of the JSON value")
	}
	return v, nil
}

// jsonReader is a recursive-descent reader over valid UTF-8. Strings without
// escapes share the memory of s.
type jsonReader struct {
	s     string
	pos   int
	nodes int
}

func (r *jsonReader) fail(reason string) error {
	return Fail(InvalidSyntax, "", "the body is not valid JSON at byte %d: %s", r.pos+1, reason)
}

func (r *jsonReader) space() {
	for r.pos < len(r.s) {
		switch r.s[r.pos] {
		case ' ', '\t', '\n', '\r':
			r.pos++
		default:
			return
		}
	}
}

// peek gives the next byte, or 0 at the end.
func (r *jsonReader) peek() byte {
	if r.pos < len(r.s) {
		return r.s[r.pos]
	}
	return 0
}

func (r *jsonReader) value(depth int) (any, error) {
	if r.nodes++; r.nodes > MaxNodes {
		return nil, r.fail("too many values")
	}
	switch c := r.peek(); {
	case c == '{':
		return r.object(depth + 1)
	case c == '[':
		return r.array(depth + 1)
	case c == '"':
		return r.string()
	case c == '-' || '0' <= c && c <= '9':
		return r.number()
	}
	for _, word := range [...]struct {
		text  string
		value any
	}{{"true", true}, {"false", false}, {"null", nil}} {
		if strings.HasPrefix(r.s[r.pos:], word.text) {
			r.pos += len(word.text)
			return word.value, nil
		}
	}
	return nil, r.fail("a value is expected")
}

func (r *jsonReader) object(depth int) (any, error) {
	if depth > MaxDepth {
		return nil, r.fail("too many levels of nesting")
	}
	r.pos++ // {
	o := map[string]any{}
	r.space()
	if r.peek() == '}' {
		r.pos++
		return o, nil
	}
	for {
		r.space()
		if r.peek() != '"' {
			return nil, r.fail("a name in quotes is expected")
		}
		key, err := r.string()
		if err != nil {
			return nil, err
		}
		if _, repeated := o[key]; repeated {
			return nil, r.fail("the name " + Quote(key) + " occurs twice in one object")
		}
		r.space()
		if r.peek() != ':' {
			return nil, r.fail("a colon is expected")
		}
		r.pos++
		r.space()
		v, err := r.value(depth)
		if err != nil {
			return nil, err
		}
		o[key] = v
		r.space()
		switch r.peek() {
		case ',':
			r.pos++
		case '}':
			r.pos++
			return o, nil
		default:
			return nil, r.fail("a comma or } is expected")
		}
	}
}

func (r *jsonReader) array(depth int) (any, error) {
	if depth > MaxDepth {
		return nil, r.fail("too many levels of nesting")
	}
	r.pos++ // [
	list := []any{}
	r.space()
	if r.peek() == ']' {
		r.pos++
		return list, nil
	}
	for {
		r.space()
		v, err := r.value(depth)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		r.space()
		switch r.peek() {
		case ',':
			r.pos++
		case ']':
			r.pos++
			return list, nil
		default:
			return nil, r.fail("a comma or ] is expected")
		}
	}
}

// digits skips a run of digits and tells whether there was one.
func (r *jsonReader) digits() bool {
	start := r.pos
	for c := r.peek(); '0' <= c && c <= '9'; c = r.peek() {
		r.pos++
	}
	return r.pos > start
}

func (r *jsonReader) number() (any, error) {
	start := r.pos
	if r.peek() == '-' {
		r.pos++
	}
	if r.peek() == '0' {
		r.pos++
	} else if !r.digits() {
		return nil, r.fail("a digit is expected")
	}
	if r.peek() == '.' {
		r.pos++
		if !r.digits() {
			return nil, r.fail("a digit is expected")
		}
	}
	if c := r.peek(); c == 'e' || c == 'E' {
		r.pos++
		if c := r.peek(); c == '+' || c == '-' {
			r.pos++
		}
		if !r.digits() {
			return nil, r.fail("a digit is expected")
		}
	}
	return json.Number(r.s[start:r.pos]), nil
}

func (r *jsonReader) string() (string, error) {
	r.pos++ // "
	start := r.pos
	for r.pos < len(r.s) {
		switch c := r.s[r.pos]; {
		case c == '"':
			r.pos++
			return r.s[start : r.pos-1], nil
		case c == '\\':
			return r.escaped(start)
		case c < 0x20:
			return "", r.fail("a control character must be escaped in a string")
		}
		r.pos++
	}
	return "", r.fail("a string is not closed")
}

// escaped reads the rest of a string that holds an escape; start is where its
// text began.
func (r *jsonReader) escaped(start int) (string, error) {
	b := []byte(r.s[start:r.pos])
	for r.pos < len(r.s) {
		switch c := r.s[r.pos]; {
		case c == '"':
			r.pos++
			return string(b), nil
		case c == '\\':
			r.pos++
			char, err := r.escape()
			if err != nil {
				return "", err
			}
			b = utf8.AppendRune(b, char)
		case c < 0x20:
			return "", r.fail("a control character must be escaped in a string")
		default:
			b = append(b, c)
			r.pos++
		}
	}
	return "", r.fail("a string is not closed")
}

func (r *jsonReader) escape() (rune, error) {
	c := r.peek()
	if at := strings.IndexByte(`"\/bfnrt`, c); at >= 0 && c != 0 {
		r.pos++
		return rune("\"\\/\b\f\n\r\t"[at]), nil
	}
	if c != 'u' {
		return 0, r.fail("an unknown escape in a string")
	}
	r.pos++
	first, ok := r.hex()
	if !ok {
		return 0, r.fail(`four hexadecimal digits are expected after \u`)
	}
	if first == 0 {
		return 0, r.fail("the character U+0000 is not accepted")
	}
	if !utf16.IsSurrogate(first) {
		return first, nil
	}
	if !strings.HasPrefix(r.s[r.pos:], `\u`) {
		return 0, r.fail("an unpaired surrogate in a string")
	}
	r.pos += 2
	second, ok := r.hex()
	char := utf16.DecodeRune(first, second)
	if !ok || char == utf8.RuneError {
		return 0, r.fail("an unpaired surrogate in a string")
	}
	return char, nil
}

func (r *jsonReader) hex() (rune, bool) {
	if len(r.s)-r.pos < 4 {
		return 0, false
	}
	var n rune
	for _, c := range []byte(r.s[r.pos : r.pos+4]) {
		switch {
		case '0' <= c && c <= '9':
			n = n<<4 | rune(c-'0')
		case 'a' <= c && c <= 'f':
			n = n<<4 | rune(c-'a'+10)
		case 'A' <= c && c <= 'F':
			n = n<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	r.pos += 4
	return n, true
}
