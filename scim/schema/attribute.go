package schema

import "strings"

// Type is the data type of an attribute (RFC 7643 §2.3). The zero value is
// string.
type Type uint8

// The data types of RFC 7643 §2.3.
const (
	TypeString Type = iota
	TypeBoolean
	TypeDecimal
	TypeInteger
	TypeDateTime
	TypeBinary
	TypeReference
	TypeComplex
)

var typeNames = [...]string{"string", "boolean", "decimal", "integer", "dateTime", "binary", "reference", "complex"}

// String gives the name used in schema documents.
func (t Type) String() string { return typeNames[t] }

// TypeNamed is the inverse of Type.String; ok is false for an unknown name.
func TypeNamed(name string) (t Type, ok bool) {
	for i, n := range typeNames {
		if strings.EqualFold(n, name) {
			return Type(i), true
		}
	}
	return 0, false
}

// Mutable says who may change an attribute (RFC 7643 §7). The zero value is
// readWrite.
type Mutable uint8

// The mutabilities of RFC 7643 §7.
const (
	ReadWrite Mutable = iota
	ReadOnly
	Immutable
	WriteOnly
)

var mutableNames = [...]string{"readWrite", "readOnly", "immutable", "writeOnly"}

// String gives the name used in schema documents.
func (m Mutable) String() string { return mutableNames[m] }

// Returned says when an attribute is part of an answer (RFC 7643 §7). The zero
// value is default.
type Returned uint8

// The return rules of RFC 7643 §7.
const (
	ReturnedDefault Returned = iota
	ReturnedAlways
	ReturnedNever
	ReturnedRequest
)

var returnedNames = [...]string{"default", "always", "never", "request"}

// String gives the name used in schema documents.
func (r Returned) String() string { return returnedNames[r] }

// Unique says where an attribute's value must be unique (RFC 7643 §7). The zero
// value is none.
type Unique uint8

// The uniqueness rules of RFC 7643 §7.
const (
	UniqueNone Unique = iota
	UniqueServer
	UniqueGlobal
)

var uniqueNames = [...]string{"none", "server", "global"}

// String gives the name used in schema documents.
func (u Unique) String() string { return uniqueNames[u] }

// Attribute describes one attribute or sub-attribute (RFC 7643 §7). Its zero
// fields mean an optional, single-valued, case-insensitive, readWrite string.
// Attributes are read-only once they are part of a ResourceType.
type Attribute struct {
	Name            string
	Type            Type
	MultiValued     bool
	Required        bool
	CaseExact       bool
	Mutability      Mutable
	Returned        Returned
	Uniqueness      Unique
	CanonicalValues []string
	ReferenceTypes  []string
	Description     string
	SubAttributes   []Attribute

	// Aliases are other spellings that are read, never written.
	Aliases []string
	// Linked marks a list of links to other resources that is kept as
	// relations, never inside the stored document: members and groups.
	Linked bool

	// whole says that elements are the same value only if they agree in
	// everything, because there is more to them than RFC 7643 §2.4 knows.
	whole bool
}

// Is tells whether name spells this attribute; letter case does not count
// (RFC 7643 §2.1).
func (a *Attribute) Is(name string) bool {
	if strings.EqualFold(a.Name, name) {
		return true
	}
	for _, alias := range a.Aliases {
		if strings.EqualFold(alias, name) {
			return true
		}
	}
	return false
}

// Sub finds a sub-attribute by name, or nil.
func (a *Attribute) Sub(name string) *Attribute {
	return find(a.SubAttributes, name)
}

// Stored tells whether the attribute is part of the stored document. Not stored
// are what the server makes (readOnly), secrets (writeOnly) and links.
func (a *Attribute) Stored() bool {
	return !a.Linked && a.Mutability != ReadOnly && a.Mutability != WriteOnly
}

func find(list []Attribute, name string) *Attribute {
	for i := range list {
		if list[i].Is(name) {
			return &list[i]
		}
	}
	return nil
}
