package schema

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// The bounds of a schema that an organization defines.
const (
	MaxExtensionAttributes = 100
	MaxSubAttributes       = 30

	maxURN  = 255 // bytes, as in the ledger
	maxName = 100 // bytes of an attribute's name
)

// ParseExtension reads an organization's own schema in the form of RFC 7643 §7.
// Errors are *Error; their Path is the place in the document, such as
// attributes[2].type. Members of other names are refused, since a slip of the pen
// would otherwise decide what a schema means; schemas and meta are left alone,
// and so is resource, which the owner's API puts beside. The caller bounds the
// size of the document.
//
// An IdP that does not know the schema must be able to go on as before, so no
// attribute can be required or unique. A writeOnly attribute is never returned
// (and nothing else is never returned): its values are read and dropped. Binary
// values and references are always compared by exact case (RFC 7643 §2.3.6,
// §2.3.7).
func ParseExtension(document []byte) (*Schema, error) {
	v, err := DecodeJSON(document)
	if err != nil {
		return nil, err
	}
	f, err := fieldsOf("", v, "schemas", "id", "name", "description", "attributes", "meta", "resource")
	if err != nil {
		return nil, err
	}
	s := &Schema{ID: f.text("id"), Name: f.text("name"), Description: f.text("description")}
	list := f.list("attributes")
	switch {
	case f.err != nil:
		return nil, f.err
	case !isExtensionURN(s.ID):
		return nil, misplaced("id", "must be a URN of at most %d letters, digits and -._~:, such as urn:example:scim:schemas:Badge:1.0:User", maxURN)
	case isStandard(s.ID):
		return nil, misplaced("id", "%s belongs to the SCIM standard", s.ID)
	case len(list) == 0:
		return nil, misplaced("attributes", "a schema needs at least one attribute")
	case len(list) > MaxExtensionAttributes:
		return nil, misplaced("attributes", "%d attributes; at most %d are allowed", len(list), MaxExtensionAttributes)
	}
	s.Attributes, err = extensionAttributes("attributes", list, false)
	return s, err
}

// isExtensionURN asks for what the ledger asks for (RFC 8141 §2), and for letters
// that mean nothing else in a filter, in a list of attributes or in a URL.
func isExtensionURN(urn string) bool {
	if len(urn) > maxURN {
		return false
	}
	for _, c := range []byte(urn) {
		if !isAlphanumeric(c) && strings.IndexByte("-._~:", c) < 0 {
			return false
		}
	}
	parts := strings.SplitN(urn, ":", 3)
	return len(parts) == 3 && strings.EqualFold(parts[0], "urn") && len(parts[1]) > 1 && parts[2] != "" && !strings.HasSuffix(urn, ":")
}

// isStandard tells whether the RFCs gave a meaning to the URN, or to names below
// it.
func isStandard(urn string) bool {
	urn = strings.ToLower(urn) + ":"
	return slices.ContainsFunc([]string{
		"urn:ietf:params:scim:schemas:core:", "urn:ietf:params:scim:api:", strings.ToLower(EnterpriseURN) + ":",
	}, func(prefix string) bool { return strings.HasPrefix(urn, prefix) })
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// isAttributeName is ATTRNAME of RFC 7643 §2.1, and $ref, which the RFC itself
// uses.
func isAttributeName(name string) bool {
	if name == "$ref" {
		return true
	}
	for i, c := range []byte(name) {
		letter := isAlphanumeric(c) && (c > '9' || i > 0)
		if !letter && (i == 0 || strings.IndexByte("$-_", c) < 0) {
			return false
		}
	}
	return name != "" && len(name) <= maxName
}

func extensionAttributes(place string, list []any, sub bool) ([]Attribute, error) {
	attributes := make([]Attribute, 0, len(list))
	for i, item := range list {
		at := place + "[" + strconv.Itoa(i) + "]"
		a, err := extensionAttribute(at, item, sub)
		if err != nil {
			return nil, err
		}
		if find(attributes, a.Name) != nil {
			return nil, misplaced(at+".name", "%s is the name of two attributes; letter case does not count", Quote(a.Name))
		}
		attributes = append(attributes, a)
	}
	return attributes, nil
}

func extensionAttribute(place string, v any, sub bool) (Attribute, error) {
	f, err := fieldsOf(place, v, "name", "type", "multiValued", "description", "required", "canonicalValues", "caseExact",
		"mutability", "returned", "uniqueness", "referenceTypes", "subAttributes")
	if err != nil {
		return Attribute{}, err
	}
	a := Attribute{
		Name:            f.text("name"),
		Type:            Type(f.word("type", typeNames[:])),
		MultiValued:     f.flag("multiValued"),
		Description:     f.text("description"),
		Required:        f.flag("required"),
		CanonicalValues: f.texts("canonicalValues"),
		CaseExact:       f.flag("caseExact"),
		Mutability:      Mutable(f.word("mutability", mutableNames[:])),
		Returned:        Returned(f.word("returned", returnedNames[:])),
		Uniqueness:      Unique(f.word("uniqueness", uniqueNames[:])),
		ReferenceTypes:  f.texts("referenceTypes"),
	}
	subs := f.list("subAttributes")
	if f.err != nil {
		return a, f.err
	}
	if f.given("returned") == nil && a.Mutability == WriteOnly {
		a.Returned = ReturnedNever
	}
	if a.Type == TypeBinary || a.Type == TypeReference {
		a.CaseExact = true
	}
	if err := checkExtensionAttribute(place, &a, len(subs), sub); err != nil {
		return a, err
	}
	if a.SubAttributes, err = extensionAttributes(place+".subAttributes", subs, true); err != nil {
		return a, err
	}
	a.whole = slices.ContainsFunc(a.SubAttributes, func(s Attribute) bool { return !isDefaultSub(s.Name) })
	return a, nil
}

// isDefaultSub tells whether RFC 7643 §2.4 gives a meaning to a sub-attribute of
// a multi-valued attribute.
func isDefaultSub(name string) bool {
	return slices.ContainsFunc([]string{"value", "display", "type", "primary", "$ref"},
		func(known string) bool { return strings.EqualFold(known, name) })
}

// checkExtensionAttribute is the table of what an attribute may not be.
func checkExtensionAttribute(place string, a *Attribute, subs int, sub bool) error {
	isComplex := a.Type == TypeComplex
	rules := []struct {
		broken        bool
		member, wrong string
	}{
		{!isAttributeName(a.Name), "name", "must begin with a letter and hold only letters, digits, $, - and _, at most " + strconv.Itoa(maxName)},
		{sub && isComplex, "type", "a sub-attribute cannot be complex"},
		{a.Required, "required", "must be false: an identity provider that does not know this schema could provision nobody"},
		{a.Uniqueness != UniqueNone, "uniqueness", "must be none: uniqueness is offered for userName and displayName only"},
		{sub && a.Mutability == WriteOnly, "mutability", "a sub-attribute cannot be writeOnly"},
		{a.Mutability != WriteOnly && a.Returned == ReturnedNever, "returned", "never is for writeOnly attributes, whose values are not kept"},
		{a.Mutability == WriteOnly && a.Returned != ReturnedNever, "returned", "must be never, since the attribute is writeOnly"},
		{sub && a.Returned != ReturnedDefault, "returned", "must be default: a sub-attribute is returned with its attribute"},
		{a.CanonicalValues != nil && a.Type != TypeString && a.Type != TypeReference, "canonicalValues", "are for strings and references"},
		{a.ReferenceTypes != nil && a.Type != TypeReference, "referenceTypes", "are for attributes of type reference"},
		{!isComplex && subs > 0, "subAttributes", "are for attributes of type complex"},
		{isComplex && subs == 0, "subAttributes", "a complex attribute needs at least one"},
		{subs > MaxSubAttributes, "subAttributes", strconv.Itoa(subs) + " sub-attributes; at most " + strconv.Itoa(MaxSubAttributes) + " are allowed"},
	}
	for _, rule := range rules {
		if rule.broken {
			return misplaced(place+"."+rule.member, "%s", rule.wrong)
		}
	}
	return nil
}

// CanonicalSchema gives the bytes of a schema that are kept: equal schemas give
// equal bytes, defaults are left out, and ParseExtension reads them back.
func CanonicalSchema(s *Schema) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(struct { // which cannot fail: it holds text and booleans only
		Schemas     []string           `json:"schemas"`
		ID          string             `json:"id"`
		Name        string             `json:"name,omitempty"`
		Description string             `json:"description,omitempty"`
		Attributes  []compactAttribute `json:"attributes"`
	}{[]string{SchemaURN}, s.ID, s.Name, s.Description, compactAttributes(s.Attributes)})
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// compactAttribute is an AttributeDoc without what is the default.
type compactAttribute struct {
	Name            string             `json:"name"`
	Type            string             `json:"type"`
	MultiValued     bool               `json:"multiValued,omitempty"`
	Description     string             `json:"description,omitempty"`
	CanonicalValues []string           `json:"canonicalValues,omitempty"`
	CaseExact       bool               `json:"caseExact,omitempty"`
	Mutability      string             `json:"mutability,omitempty"`
	Returned        string             `json:"returned,omitempty"`
	ReferenceTypes  []string           `json:"referenceTypes,omitempty"`
	SubAttributes   []compactAttribute `json:"subAttributes,omitempty"`
}

func compactAttributes(list []Attribute) []compactAttribute {
	out := make([]compactAttribute, len(list))
	for i := range list {
		a := &list[i]
		out[i] = compactAttribute{
			Name: a.Name, Type: a.Type.String(), MultiValued: a.MultiValued, Description: a.Description,
			CanonicalValues: a.CanonicalValues, CaseExact: a.CaseExact, ReferenceTypes: a.ReferenceTypes,
			SubAttributes: compactAttributes(a.SubAttributes),
		}
		if a.Mutability != ReadWrite {
			out[i].Mutability = a.Mutability.String()
		}
		if a.Returned != ReturnedDefault {
			out[i].Returned = a.Returned.String()
		}
	}
	return out
}

// Widens tells whether every value that is stored under old stays what it is
// under next: attributes may be added; descriptions, canonical values, reference
// types and the moment of return may change; nothing may go or become something
// else. The error is an *Error that names the attribute.
func Widens(old, next *Schema) error {
	if old.ID != next.ID {
		return Fail(Mutability, "id", "id is %s and cannot become %s, not even in letter case", old.ID, next.ID)
	}
	return widens("", old.Attributes, next.Attributes)
}

func widens(prefix string, old, next []Attribute) error {
	for i := range old {
		was := &old[i]
		name := prefix + was.Name
		is := find(next, was.Name)
		if is == nil || is.Name != was.Name {
			return Fail(Mutability, name, "%s must stay, in this spelling, since values of it may be stored", name)
		}
		for _, facet := range []struct {
			name    string
			was, is string
		}{
			{"type", was.Type.String(), is.Type.String()},
			{"multiValued", strconv.FormatBool(was.MultiValued), strconv.FormatBool(is.MultiValued)},
			{"mutability", was.Mutability.String(), is.Mutability.String()},
			{"caseExact", strconv.FormatBool(was.CaseExact), strconv.FormatBool(is.CaseExact)},
		} {
			if facet.was != facet.is {
				return Fail(Mutability, name, "%s of %s is %s and cannot become %s, since values of it may be stored", facet.name, name, facet.was, facet.is)
			}
		}
		if err := widens(name+".", was.SubAttributes, is.SubAttributes); err != nil {
			return err
		}
	}
	return nil
}

// Clash refuses a schema that cannot stand beside another one of the same
// resource type: they have one URN, or the name of an attribute, written with its
// URN, is the URN of the other. The error is an *Error.
func Clash(s, other *Schema) error {
	if strings.EqualFold(s.ID, other.ID) {
		return Fail(Uniqueness, "id", "there is a schema %s already", other.ID)
	}
	for _, pair := range [][2]*Schema{{s, other}, {other, s}} {
		short, long := pair[0], pair[1]
		for i := range short.Attributes {
			if name := short.ID + ":" + short.Attributes[i].Name; strings.EqualFold(name, long.ID) {
				return Fail(Uniqueness, "id", "%s is both a schema and the attribute %s of %s", long.ID, short.Attributes[i].Name, short.ID)
			}
		}
	}
	return nil
}

// misplaced is an error at a place of a schema document.
func misplaced(place, format string, args ...any) error {
	e := Fail(InvalidValue, place, format, args...)
	e.Detail = place + ": " + e.Detail
	return e
}

// fields reads the members of one object of a schema document. Its first error
// stays, and what is read after it means nothing.
type fields struct {
	place string
	o     Object // by the names that were expected
	err   error
}

func fieldsOf(place string, v any, names ...string) (*fields, error) {
	o, ok := v.(Object)
	if !ok && place == "" {
		return nil, Fail(InvalidSyntax, "", "a schema must be a JSON object, but is %s", describe(v))
	}
	f := &fields{place: place, o: Object{}}
	if !ok {
		return nil, misplaced(place, "must be an object, but is %s", describe(v))
	}
	for _, key := range sortedKeys(o) {
		i := slices.IndexFunc(names, func(name string) bool { return strings.EqualFold(name, key) })
		if i < 0 {
			return nil, misplaced(f.at(clip(key)), "is not a member of a schema (RFC 7643 §7)")
		}
		if _, twice := f.o[names[i]]; twice {
			return nil, misplaced(f.at(names[i]), "occurs twice, in different spellings")
		}
		f.o[names[i]] = o[key]
	}
	return f, nil
}

func (f *fields) at(name string) string {
	if f.place == "" {
		return name
	}
	return f.place + "." + name
}

func (f *fields) given(name string) any { return f.o[name] }

func (f *fields) wrong(name, wanted string) {
	if f.err == nil {
		f.err = misplaced(f.at(name), "must be %s, but is %s", wanted, describe(f.o[name]))
	}
}

func (f *fields) text(name string) string {
	text, ok := f.o[name].(string)
	if !ok && f.o[name] != nil {
		f.wrong(name, "a string")
	}
	return text
}

func (f *fields) flag(name string) bool {
	flag, ok := f.o[name].(bool)
	if !ok && f.o[name] != nil {
		f.wrong(name, "true or false")
	}
	return flag
}

// word gives the index of one of some words; the first one is the default.
func (f *fields) word(name string, words []string) int {
	if f.o[name] == nil {
		return 0
	}
	text, _ := f.o[name].(string)
	i := slices.IndexFunc(words, func(word string) bool { return strings.EqualFold(word, text) })
	if i < 0 {
		f.wrong(name, "one of "+strings.Join(words, ", "))
		return 0
	}
	return i
}

func (f *fields) list(name string) []any {
	list, ok := f.o[name].([]any)
	if !ok && f.o[name] != nil {
		f.wrong(name, "a list")
	}
	return list
}

func (f *fields) texts(name string) []string {
	var texts []string
	for i, item := range f.list(name) {
		text, ok := item.(string)
		if !ok && f.err == nil {
			f.err = misplaced(f.at(name)+"["+strconv.Itoa(i)+"]", "must be a string, but is %s", describe(item))
		}
		texts = append(texts, text)
	}
	return texts
}
