package directory

import "strings"

const (
	// MaxSchemas bounds the extension schemas of an organization.
	MaxSchemas = 20
	// MaxSchemaDocument bounds the document of one, in bytes.
	MaxSchemaDocument = 32 << 10

	maxURNLength = 255
)

// Schema is an extension schema that an organization defined (RFC 7643 §3.3). Its document means something to the SCIM
// door only.
type Schema struct {
	URN      string // as IsURN wants it; unique in the organization whatever the letter case
	Resource string // "User" or "Group"
	Document string // canonical JSON
	Created  Time
	Modified Time
	Version  uint64
}

// Validate checks what a person chose, apart from the document's content.
func (s *Schema) Validate() error {
	if !IsURN(s.URN) {
		return Errorf(KindInvalid, "id", "id must be a URN of at most %d characters", maxURNLength)
	}
	if isStandardURN(s.URN) {
		return Errorf(KindInvalid, "id", "%s belongs to the SCIM standard", s.URN)
	}
	if !IsExtensible(s.Resource) {
		return Errorf(KindInvalid, "resource", "resource must be User or Group")
	}
	if len(s.Document) > MaxSchemaDocument {
		return Errorf(KindTooLarge, "", "a schema has at most %d bytes", MaxSchemaDocument)
	}
	return nil
}

// IsExtensible tells whether resource is a resource type that takes extension schemas.
func IsExtensible(resource string) bool { return resource == "User" || resource == "Group" }

// IsURN tells whether text begins as a URN does (RFC 8141 §2) and holds only what stands in JSON as it is: visible ASCII
// without quote and backslash. The ledger relies on it, so a released rule stays.
func IsURN(text string) bool {
	if len(text) > maxURNLength {
		return false
	}
	for i := range len(text) {
		if c := text[i]; c <= ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return false
		}
	}
	scheme, rest, _ := strings.Cut(text, ":")
	namespace, name, _ := strings.Cut(rest, ":")
	return strings.EqualFold(scheme, "urn") && len(namespace) >= 2 && name != ""
}

// isStandardURN tells whether RFC 7643 or 7644 gave the URN a meaning. Other names below urn:ietf:params:scim are what
// IdPs themselves propose for extensions.
func isStandardURN(urn string) bool {
	urn = strings.ToLower(urn)
	return strings.HasPrefix(urn, "urn:ietf:params:scim:schemas:core:") ||
		strings.HasPrefix(urn, "urn:ietf:params:scim:api:") ||
		urn == "urn:ietf:params:scim:schemas:extension:enterprise:2.0:user"
}
