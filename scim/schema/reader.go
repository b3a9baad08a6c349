package schema

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// MaxText bounds the bytes of one string value.
const MaxText = 64 << 10

// Reader turns JSON values of a client into canonical values of an attribute.
// It is the only place where types are checked and coerced.
type Reader struct {
	Lenience
	// Partial keeps a nil entry for every sub-attribute that the client cleared
	// (null or ""), so that a PATCH can tell "clear" from "leave".
	Partial bool
}

// unknown refuses a name that no schema has, unless it is to be ignored.
func (r *Reader) unknown(path string) error {
	if r.Grant(UnknownAttribute, path) {
		return nil
	}
	return Fail(InvalidValue, path, "no schema has an attribute %s", Quote(path))
}

// Value reads the value of an attribute: a list for a multi-valued one. It
// gives nil for null, [], "" and complex values without content, which all mean
// "no value". Errors are invalidValue and name path.
func (r *Reader) Value(a *Attribute, path string, v any) (any, error) {
	if !a.MultiValued {
		return r.Element(a, path, v)
	}
	list, err := r.list(a, path, v)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	limit := MaxValues
	if a.Linked {
		limit = MaxLinks
	}
	if len(list) > limit {
		return nil, Fail(InvalidValue, path, "%s has %d values; at most %d are allowed", path, len(list), limit)
	}
	out := make([]any, 0, len(list))
	for i, item := range list {
		element, err := r.Element(a, elementPath(path, i, len(list)), item)
		if err != nil {
			return nil, err
		}
		if element != nil && !isEmpty(element) {
			out = append(out, element)
		}
	}
	if err := CheckPrimary(path, out); err != nil {
		return nil, err
	}
	if out, err = r.dedupe(a, path, out); err != nil || len(out) == 0 {
		return nil, err
	}
	return out, nil
}

// elementPath names one element of a list; a list of one needs no index.
func elementPath(path string, i, n int) string {
	if n == 1 {
		return path
	}
	return path + "[" + strconv.Itoa(i) + "]"
}

func isEmpty(v any) bool {
	o, ok := v.(Object)
	return ok && len(o) == 0
}

func (r *Reader) list(a *Attribute, path string, v any) ([]any, error) {
	if text, ok := v.(string); ok && a.Type == TypeComplex {
		if decoded, ok := r.jsonText(path, text); ok {
			v = decoded
		}
	}
	switch v := v.(type) {
	case nil:
		return nil, nil
	case []any:
		return v, nil
	}
	if v == "" {
		return nil, nil
	}
	if !r.Grant(SingleForList, path) {
		return nil, Fail(InvalidValue, path, "%s must be a list", path)
	}
	return []any{v}, nil
}

// jsonText decodes an object or a list written as text.
func (r *Reader) jsonText(path, text string) (any, bool) {
	trimmed := strings.TrimSpace(text)
	if trimmed == "" || trimmed[0] != '{' && trimmed[0] != '[' {
		return nil, false
	}
	v, err := DecodeJSON([]byte(trimmed))
	if err != nil || !r.Grant(JSONText, path) {
		return nil, false
	}
	return v, true
}

// Element reads one value of an attribute, whether it is multi-valued or not.
func (r *Reader) Element(a *Attribute, path string, v any) (any, error) {
	if list, ok := v.([]any); ok {
		switch {
		case len(list) == 0:
			return nil, nil
		case len(list) > 1 || !r.Grant(ListForSingle, path):
			return nil, Fail(InvalidValue, path, "%s must be a single value, not a list of %d", path, len(list))
		}
		v = list[0]
		if _, nested := v.([]any); nested {
			return nil, r.mistyped(a, path, v)
		}
	}
	if v == nil {
		return nil, nil
	}
	if a.Type == TypeComplex {
		return r.complex(a, path, v)
	}
	if o, ok := v.(Object); ok {
		inner, found := lookup(o, "value")
		if !found || !r.Grant(ObjectForText, path) {
			return nil, r.mistyped(a, path, v)
		}
		v = inner
	}
	return r.scalar(a, path, v)
}

func lookup(o Object, name string) (any, bool) {
	for key, v := range o {
		if strings.EqualFold(key, name) {
			return v, true
		}
	}
	return nil, false
}

func (r *Reader) complex(a *Attribute, path string, v any) (any, error) {
	o, ok := v.(Object)
	if !ok {
		var err error
		if o, err = r.promote(a, path, v); err != nil || o == nil {
			return nil, err
		}
	}
	o = r.unwrap(a, path, o)
	out := make(Object, len(o))
	for _, key := range sortedKeys(o) {
		sub := a.Sub(key)
		if sub == nil {
			if err := r.unknown(path + "." + key); err != nil {
				return nil, err
			}
			continue
		}
		if sub.Mutability == ReadOnly {
			continue
		}
		if _, repeated := out[sub.Name]; repeated {
			return nil, Fail(InvalidSyntax, path, "%s.%s occurs twice, in different spellings", path, sub.Name)
		}
		value, err := r.Value(sub, path+"."+sub.Name, o[key])
		if err != nil {
			return nil, err
		}
		if value != nil || r.Partial {
			out[sub.Name] = value
		}
	}
	if len(out) == 0 && !r.Partial {
		return nil, nil
	}
	return out, nil
}

// unwrap takes {"value": "{\"value\":…}"} for the object in the text, as Entra
// writes roles.
func (r *Reader) unwrap(a *Attribute, path string, o Object) Object {
	text, ok := o["value"].(string)
	if !ok || a.Sub("value") == nil || !strings.HasPrefix(text, "{") {
		return o
	}
	decoded, _ := r.jsonText(path, text)
	inner, ok := decoded.(Object)
	if _, wrapped := inner["value"].(string); !ok || !wrapped {
		return o
	}
	for key, v := range o {
		if _, have := inner[key]; !have {
			inner[key] = v
		}
	}
	return inner
}

// promote makes an object of a lone value: JSON text, or the "value" of an
// attribute that has such a sub-attribute.
func (r *Reader) promote(a *Attribute, path string, v any) (Object, error) {
	text, isText := v.(string)
	if isText {
		if decoded, ok := r.jsonText(path, text); ok {
			if o, ok := decoded.(Object); ok {
				return o, nil
			}
			return nil, r.mistyped(a, path, v)
		}
	}
	_, isNumber := v.(json.Number)
	lone := (isText || isNumber) && a.Sub("value") != nil
	if lone && isText && text == "" {
		return nil, nil
	}
	if !lone || !r.Grant(TextForObject, path) {
		return nil, r.mistyped(a, path, v)
	}
	return Object{"value": v}, nil
}

func (r *Reader) mistyped(a *Attribute, path string, v any) error {
	return Fail(InvalidValue, path, "%s must be %s, but is %s", path, wanted(a.Type), describe(v))
}

func wanted(t Type) string {
	switch t {
	case TypeComplex:
		return "an object"
	case TypeBoolean:
		return "true or false"
	case TypeInteger:
		return "an integer"
	case TypeDecimal:
		return "a number"
	case TypeDateTime:
		return "a date and time with zone, such as 2026-01-31T12:00:00Z"
	case TypeBinary:
		return "base64 text"
	}
	return "a string"
}

func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return Quote(v)
	case json.Number:
		return "the number " + clip(v.String())
	case bool:
		return strconv.FormatBool(v)
	case []any:
		return "a list"
	case Object:
		return "an object"
	}
	return fmt.Sprintf("%T", v)
}

func (r *Reader) scalar(a *Attribute, path string, v any) (any, error) {
	text, isText := v.(string)
	if isText {
		if text == "" {
			return nil, nil
		}
		if len(text) > MaxText {
			return nil, Fail(InvalidValue, path, "%s is longer than %d bytes", path, MaxText)
		}
	}
	switch a.Type {
	case TypeBoolean:
		return r.boolean(a, path, v)
	case TypeInteger, TypeDecimal:
		return r.number(a, path, v)
	}
	if n, ok := v.(json.Number); ok && len(n) <= maxDigits && a.Type == TypeString && r.Grant(NumberForText, path) {
		return n.String(), nil
	}
	if !isText || !wellFormed(a.Type, text) {
		return nil, r.mistyped(a, path, v)
	}
	return text, nil
}

func wellFormed(t Type, text string) bool {
	switch t {
	case TypeDateTime:
		_, err := time.Parse(time.RFC3339Nano, text)
		return err == nil
	case TypeBinary:
		stripped := strings.TrimRight(text, "=")
		if strings.ContainsAny(stripped, "-_") {
			_, err := base64.RawURLEncoding.DecodeString(stripped)
			return err == nil
		}
		_, err := base64.RawStdEncoding.DecodeString(stripped)
		return err == nil
	}
	return true
}

func (r *Reader) boolean(a *Attribute, path string, v any) (any, error) {
	if b, ok := v.(bool); ok {
		return b, nil
	}
	text, _ := v.(string)
	b, ok := BooleanText(text)
	if !ok || !r.Grant(TextForBoolean, path) {
		return nil, r.mistyped(a, path, v)
	}
	return b, nil
}

// BooleanText reads "True" or "false" in any letter case.
func BooleanText(text string) (value, ok bool) {
	value = strings.EqualFold(text, "true")
	return value, value || strings.EqualFold(text, "false")
}

// maxDigits bounds the text of a number, and with it the cost of comparing.
const maxDigits = 64

func (r *Reader) number(a *Attribute, path string, v any) (any, error) {
	n, ok := v.(json.Number)
	if text, isText := v.(string); isText {
		decoded, err := DecodeJSON([]byte(text))
		if n, ok = decoded.(json.Number); err != nil || !ok || !r.Grant(NumberForText, path) {
			return nil, r.mistyped(a, path, v)
		}
	}
	if !ok || len(n) > maxDigits {
		return nil, r.mistyped(a, path, v)
	}
	if a.Type == TypeInteger {
		i, err := strconv.ParseInt(n.String(), 10, 64)
		if err != nil {
			return nil, r.mistyped(a, path, v)
		}
		return json.Number(strconv.FormatInt(i, 10)), nil
	}
	if _, err := strconv.ParseFloat(n.String(), 64); err != nil {
		return nil, r.mistyped(a, path, v)
	}
	return n, nil
}
