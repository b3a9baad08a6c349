package schema

// Dialect is the table of tolerances of one connection: each field is one
// deviation from the RFCs that a real identity provider needs. A conversation
// named in a comment shows the deviation (see scim/scimtest). The zero Dialect
// tolerates nothing; use Interop, Strict or Entra.
type Dialect struct {
	// MissingSchemas accepts a body without "schemas" and takes them from the
	// endpoint (RFC 7644 §3.1 wants them). Scripts and small clients need it.
	MissingSchemas bool
	// ForeignSchemas accepts "schemas" that do not name the endpoint's schema:
	// OneLogin's templates send urn:scim:schemas:core:2.0 (onelogin-01), Entra a
	// mistyped enterprise URN (entra-02). Unknown URNs are never stored.
	ForeignSchemas bool
	// TextForBoolean reads "True" and "false" as booleans. Entra without
	// aadOptscim062020 (entra-03, entra-10), Keycloak's extension.
	TextForBoolean bool
	// NumberForText reads 42 as "42" and, for numbers, "42" as 42. OneLogin
	// templates with numeric employee numbers.
	NumberForText bool
	// SingleForList reads a lone value as a list of one. Microsoft's Postman
	// collection sends a member as a bare object or string.
	SingleForList bool
	// ListForSingle reads a list of one as its value. Entra sends manager as a
	// list of one object.
	ListForSingle bool
	// ObjectForText reads {"value": x} as x. OneLogin templates, Entra's
	// adds of simple attributes.
	ObjectForText bool
	// TextForObject reads a lone string where an object with a "value" is
	// expected. Entra sends manager and members this way.
	TextForObject bool
	// JSONText reads an object or list that arrives as JSON text within a
	// string. Entra's AppRoleAssignmentsComplex does this for roles.
	JSONText bool
	// RootExtensionNames reads an extension's attribute at the root of the body,
	// such as department beside userName. Entra's documented example does this
	// (entra-02, with nulls).
	RootExtensionNames bool
	// UnquotedLiterals reads userName eq J as userName eq "J". Microsoft's
	// examples and RFC 9865's own leave the quotes out (entra-02).
	UnquotedLiterals bool
	// SubAttributeAfterFilter reads emails[type eq "work"].value eq "x" in a
	// filter; the grammar of RFC 7644 §3.4.2.2 has it in PATCH paths only. Entra
	// matches users by e-mail this way (entra-01).
	SubAttributeAfterFilter bool
	// OperationCase reads "Add", "Replace" and "operations" in any letter case.
	// Entra without aadOptscim062020 (entra-03, entra-06).
	OperationCase bool
	// ExtraMembers ignores members of a PATCH body beside schemas and
	// Operations. Microsoft's Postman collection sends id and name there.
	ExtraMembers bool
	// QualifiedKeys reads dotted, URN-qualified and filtered names as keys of a
	// pathless PATCH value. Entra with aadOptscim062020 (entra-04).
	QualifiedKeys bool
	// UpsertOnAdd lets add to attribute[filter] create the value it does not
	// find; RFC 7644 §3.5.2.1 is silent. Entra (entra-10).
	UpsertOnAdd bool
	// UpsertOnReplace lets replace of attribute[filter] create the value it does
	// not find, where RFC 7644 §3.5.2.3 wants noTarget (rfc-21). Entra retries
	// for ever without it.
	UpsertOnReplace bool
	// RemoveByValue reads remove with path members and a value list as "remove
	// these", not "remove all". Entra without aadOptscim062020 (entra-06),
	// authentik (authentik-01), JumpCloud.
	RemoveByValue bool

	// The two tolerances below are acted on by the door.

	// RestoreInactive lets POST of an inactive user's userName with the same
	// externalId reactivate that user instead of answering 409. Okta does so
	// when it lost its link.
	RestoreInactive bool
	// KeepExternalID keeps externalId when a PUT leaves it out. OneLogin's
	// templates need not resend it.
	KeepExternalID bool
}

// Interop is the default: everything that some client is known to need.
func Interop() Dialect {
	return Dialect{
		MissingSchemas:          true,
		ForeignSchemas:          true,
		TextForBoolean:          true,
		NumberForText:           true,
		SingleForList:           true,
		ListForSingle:           true,
		ObjectForText:           true,
		TextForObject:           true,
		JSONText:                true,
		UnquotedLiterals:        true,
		SubAttributeAfterFilter: true,
		OperationCase:           true,
		ExtraMembers:            true,
		QualifiedKeys:           true,
		UpsertOnAdd:             true,
		UpsertOnReplace:         true,
		RemoveByValue:           true,
		RestoreInactive:         true,
		KeepExternalID:          true,
	}
}

// Strict is Interop without the tolerances that contradict the RFCs' text. What
// the RFCs leave open, such as reading "True" where a boolean belongs, stays.
func Strict() Dialect {
	d := Interop()
	d.MissingSchemas = false
	d.UnquotedLiterals = false
	d.ExtraMembers = false
	d.UpsertOnReplace = false
	d.RestoreInactive = false
	d.KeepExternalID = false
	return d
}

// Entra is Interop plus what only Microsoft Entra ID is known to send.
func Entra() Dialect {
	d := Interop()
	d.RootExtensionNames = true
	return d
}
