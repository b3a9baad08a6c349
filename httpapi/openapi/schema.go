package openapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"domicile/directory"
)

// Schema is as much of JSON Schema 2020-12 as the API needs: to be written into the OpenAPI document, and to check bodies.
// An object takes no other members than its properties, unless it is open.
type Schema struct {
	Name        string             `json:"-"` // of a component; empty for one that is written where it stands
	Open        bool               `json:"-"` // of an object: other members may be anything, and are checked elsewhere
	Type        Types              `json:"type,omitempty"`
	Description string             `json:"description,omitempty"`
	Format      string             `json:"format,omitempty"`
	Enum        []string           `json:"enum,omitempty"`
	MaxLength   int                `json:"maxLength,omitempty"`
	MaxItems    int                `json:"maxItems,omitempty"`
	Minimum     int                `json:"minimum,omitempty"`
	Maximum     int                `json:"maximum,omitempty"`
	Default     any                `json:"default,omitempty"`
	Items       *Schema            `json:"items,omitempty"`
	Properties  map[string]*Schema `json:"properties,omitempty"`
	Required    []string           `json:"required,omitempty"`
	ReadOnly    bool               `json:"readOnly,omitempty"`
	WriteOnly   bool               `json:"writeOnly,omitempty"`
}

// Types is the type keyword: one name, or several of which any will do.
type Types []string

// MarshalJSON writes one name as a string.
func (t Types) MarshalJSON() ([]byte, error) {
	if len(t) == 1 {
		return json.Marshal(t[0])
	}
	return json.Marshal([]string(t))
}

// plainSchema is a schema that is written out even though it has a name.
type plainSchema Schema

// MarshalJSON writes a component as a reference to it.
func (s *Schema) MarshalJSON() ([]byte, error) {
	if s.Name != "" {
		return json.Marshal(object{"$ref": "#/components/schemas/" + s.Name})
	}
	return json.Marshal((*plainSchema)(s))
}

// collect adds the components that s uses.
func (s *Schema) collect(components map[string]*Schema) {
	if s == nil {
		return
	}
	if s.Name != "" {
		components[s.Name] = s
	}
	s.Items.collect(components)
	for _, property := range s.Properties {
		property.collect(components)
	}
}

// Decode checks a JSON text against the schema and unmarshals it into v. Errors are KindInvalid and name the member: an
// unknown or doubled key, a wrong type, a missing required one, a text that is not JSON or not UTF-8 (RFC 8259 §8.1).
func (s *Schema) Decode(text []byte, v any) error {
	if !utf8.Valid(text) { // encoding/json would mend it, to a text that nobody sent
		return directory.Errorf(directory.KindInvalid, "", "the body must be UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	if err := s.check(dec, ""); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return directory.Errorf(directory.KindInvalid, "", "something follows the JSON value")
	}
	if err := json.Unmarshal(text, v); err != nil {
		// The schema let through what the type refuses: a redacted secret that was sent back, a number out of range.
		return &directory.Error{Kind: directory.KindInvalid, Detail: "the body holds a value that is not allowed", Err: err}
	}
	return nil
}

// schemaAnything is any JSON value.
var schemaAnything = &Schema{}

// check reads one value. What may be anything is not looked into.
func (s *Schema) check(dec *json.Decoder, field string) error {
	if len(s.Type) == 0 {
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return directory.Errorf(directory.KindInvalid, "", "the body is not valid JSON at byte %d", dec.InputOffset())
		}
		return nil
	}
	token, err := dec.Token()
	if err != nil {
		return directory.Errorf(directory.KindInvalid, "", "the body is not valid JSON at byte %d", dec.InputOffset())
	}
	if kind := kindOf(token); !slices.Contains(s.Type, kind) && !(kind == "integer" && slices.Contains(s.Type, "number")) {
		return directory.Errorf(directory.KindInvalid, field, "%s must be %s, not %s",
			orBody(field), strings.Join(s.Type, " or "), kind)
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '{' {
			return s.checkObject(dec, field)
		}
		return s.checkArray(dec, field)
	case string:
		return s.checkText(token, field)
	case float64:
		return s.checkNumber(token, field)
	}
	return nil
}

func (s *Schema) checkNumber(number float64, field string) error {
	if s.Maximum > s.Minimum && (number < float64(s.Minimum) || number > float64(s.Maximum)) {
		return directory.Errorf(directory.KindInvalid, field, "%s must be %d to %d", orBody(field), s.Minimum, s.Maximum)
	}
	return nil
}

func (s *Schema) checkObject(dec *json.Decoder, field string) error {
	seen := make(map[string]bool)
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return directory.Errorf(directory.KindInvalid, "", "the body is not valid JSON at byte %d", dec.InputOffset())
		}
		key, _ := token.(string)
		name := join(field, key)
		property, known := s.Properties[key]
		switch {
		case !known && !s.Open:
			return directory.Errorf(directory.KindInvalid, clip(name), "%q is not a member that is known here", clip(name))
		case seen[key]:
			return directory.Errorf(directory.KindInvalid, clip(name), "%s is given twice", clip(name))
		}
		seen[key] = true
		if !known {
			property = schemaAnything
		}
		if err := property.check(dec, name); err != nil {
			return err
		}
	}
	for _, key := range s.Required {
		if !seen[key] {
			return directory.Errorf(directory.KindInvalid, join(field, key), "%s is required", join(field, key))
		}
	}
	return closing(dec)
}

func (s *Schema) checkArray(dec *json.Decoder, field string) error {
	for i := 0; dec.More(); i++ {
		if s.MaxItems > 0 && i == s.MaxItems {
			return directory.Errorf(directory.KindInvalid, field, "%s must have at most %d items", orBody(field), s.MaxItems)
		}
		if err := s.Items.check(dec, fmt.Sprintf("%s[%d]", field, i)); err != nil {
			return err
		}
	}
	return closing(dec)
}

func (s *Schema) checkText(text, field string) error {
	if s.MaxLength > 0 && len(text) > s.MaxLength {
		return directory.Errorf(directory.KindInvalid, field, "%s must have at most %d characters", orBody(field), s.MaxLength)
	}
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, text) {
		return directory.Errorf(directory.KindInvalid, field, "%s must be one of %s", orBody(field), strings.Join(s.Enum, ", "))
	}
	if s.Format == "date-time" {
		if _, err := time.Parse(time.RFC3339, text); err != nil {
			return directory.Errorf(directory.KindInvalid, field, "%s must be a time like 2030-01-31T12:00:00Z", orBody(field))
		}
	}
	return nil
}

// closing reads the delimiter that ends an object or array.
func closing(dec *json.Decoder) error {
	if _, err := dec.Token(); err != nil {
		return directory.Errorf(directory.KindInvalid, "", "the body is not valid JSON at byte %d", dec.InputOffset())
	}
	return nil
}

// kindOf names the JSON Schema type of a token.
func kindOf(token json.Token) string {
	switch token := token.(type) {
	case json.Delim:
		if token == '{' {
			return "object"
		}
		return "array"
	case string:
		return "string"
	case bool:
		return "boolean"
	case float64:
		if token == float64(int64(token)) {
			return "integer"
		}
		return "number"
	default:
		return "null"
	}
}

func join(field, key string) string {
	if field == "" {
		return key
	}
	return field + "." + key
}

func orBody(field string) string {
	if field == "" {
		return "the body"
	}
	return field
}

// clip bounds what is repeated of a stranger's words.
func clip(s string) string { return directory.Cut(s, 100) }
