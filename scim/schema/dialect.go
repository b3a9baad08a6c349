package schema

import "strings"

// Tolerance names one deviation from the RFCs that can be granted to a
// connection: a row of the table below. What was granted and used is a Courtesy.
type Tolerance uint8

// The rows of the table.
const (
	MissingSchemas Tolerance = iota
	ForeignSchemas
	TextForBoolean
	NumberForText
	SingleForList
	ListForSingle
	ObjectForText
	TextForObject
	JSONText
	RootExtensionName
	UnquotedLiteral
	SubAttributeAfterFilter
	OperationCase
	ExtraMember
	QualifiedKey
	UpsertOnAdd
	UpsertOnReplace
	RemoveByValue
	RestoreInactive
	KeepExternalID
	UnknownAttribute
	DuplicateValue

	tolerances // how many there are
)

// Row is what the table says of a Tolerance.
type Row struct {
	Name      string   // in metrics, the sync log and the docs
	Tolerated string   // what was sent, and how it was read
	Needs     string   // the identity providers that need it
	Shown     string   // the document that shows it
	Fixtures  []string // the conversations of scim/scimtest that test it
	Strict    bool     // granted by the strict profile too, since no text of the RFCs forbids it
	EntraOnly bool     // granted by the entra profile only
}

// rows is the whole of what a dialect is. A place that grants a tolerance asks
// Lenience.Grant; nothing else may depend on which identity provider is asking.
var rows = [tolerances]Row{
	MissingSchemas: {
		Name: "missingSchemas", Tolerated: "the body had no schemas; they were taken from the endpoint",
		Needs: "scripts, small clients", Shown: "RFC 7644 §3.1, which wants schemas in every body",
		Fixtures: []string{"interop-03-missing-schemas"},
	},
	ForeignSchemas: {
		Name: "foreignSchemas", Tolerated: "schemas named something else, or something beside; it was ignored",
		Needs: "OneLogin, Entra ID", Shown: "OneLogin's SCIM templates (urn:scim:schemas:core:2.0); Microsoft's SCIM tutorial (a mistyped enterprise URN)",
		Fixtures: []string{"onelogin-01-connect-and-create", "entra-02-create-default-mapping"}, Strict: true,
	},
	TextForBoolean: {
		Name: "textForBoolean", Tolerated: "text, such as \"True\", was read as a boolean",
		Needs:    "Entra ID without `aadOptscim062020`, Keycloak's extension, OneLogin templates",
		Shown:    "Microsoft's page on known issues of SCIM 2.0 compliance; the source of Keycloak's SCIM extension",
		Fixtures: []string{"entra-03-patch-default-behaviour", "entra-10-scim-validator"}, Strict: true,
	},
	NumberForText: {
		Name: "numberForText", Tolerated: "a number was read as text, or text as a number",
		Needs: "OneLogin templates", Shown: "OneLogin's SCIM templates, which leave the quotes to the administrator",
		Fixtures: []string{"interop-06-loose-values"}, Strict: true,
	},
	SingleForList: {
		Name: "singleForList", Tolerated: "a lone value was read as a list of one",
		Needs: "Microsoft's Postman collection", Shown: "the Postman collection of Microsoft's SCIM reference code (a member as an object)",
		Fixtures: []string{"interop-06-loose-values"}, Strict: true,
	},
	ListForSingle: {
		Name: "listForSingle", Tolerated: "a list of one was read as its value",
		Needs: "Entra ID (`manager`)", Shown: "Microsoft's page on known issues of SCIM 2.0 compliance (manager before aadOptscim062020)",
		Fixtures: []string{"interop-06-loose-values"}, Strict: true,
	},
	ObjectForText: {
		Name: "objectForText", Tolerated: "an object was read as its value",
		Needs: "OneLogin templates, Entra ID", Shown: "Microsoft's SCIM tutorial (adds of simple attributes as {\"value\": …})",
		Fixtures: []string{"interop-06-loose-values"}, Strict: true,
	},
	TextForObject: {
		Name: "textForObject", Tolerated: "a lone value was read as an object with that value",
		Needs: "Entra ID (`manager`, `members`)", Shown: "Microsoft's SCIM tutorial (manager as text)",
		Fixtures: []string{"interop-06-loose-values"}, Strict: true,
	},
	JSONText: {
		Name: "jsonText", Tolerated: "JSON text within a string was read as what it says",
		Needs: "Entra ID (app roles)", Shown: "Microsoft's page on attribute mappings (AppRoleAssignmentsComplex)",
		Fixtures: []string{"interop-06-loose-values"}, Strict: true,
	},
	RootExtensionName: {
		Name: "rootExtensionName", Tolerated: "an attribute of an extension stood at the root of the body; it was put where it belongs",
		Needs: "Entra ID", Shown: "Microsoft's SCIM tutorial (department and manager beside userName)",
		Fixtures: []string{"entra-02-create-default-mapping"}, EntraOnly: true,
	},
	UnquotedLiteral: {
		Name: "unquotedLiteral", Tolerated: "a filter left the quotes of a value out",
		Needs: "Entra ID, small clients", Shown: "Microsoft's SCIM tutorial and examples of RFC 9865 (userName eq J)",
		Fixtures: []string{"entra-02-create-default-mapping"},
	},
	SubAttributeAfterFilter: {
		Name: "subAttributeAfterFilter", Tolerated: "a filter named a sub-attribute after brackets; it was read as a condition within them",
		Needs: "Entra ID (matching by e-mail)", Shown: "Microsoft's SCIM tutorial (emails[type eq \"work\"].value eq \"x\")",
		Fixtures: []string{"entra-01-test-connection"}, Strict: true,
	},
	OperationCase: {
		Name: "operationCase", Tolerated: "a word of the PATCH document had another letter case, such as Add",
		Needs: "Entra ID without `aadOptscim062020`", Shown: "Microsoft's page on known issues of SCIM 2.0 compliance",
		Fixtures: []string{"entra-03-patch-default-behaviour", "entra-06-group-lifecycle"}, Strict: true,
	},
	ExtraMember: {
		Name: "extraMember", Tolerated: "the PATCH document had members beside schemas and Operations; they were ignored",
		Needs: "Microsoft's Postman collection", Shown: "the Postman collection of Microsoft's SCIM reference code (id and name)",
		Fixtures: []string{"interop-04-extra-members"},
	},
	QualifiedKey: {
		Name: "qualifiedKey", Tolerated: "a dotted, qualified or filtered name as a key of a value without path was read as a path",
		Needs: "Entra ID with `aadOptscim062020`", Shown: "Microsoft's page on known issues of SCIM 2.0 compliance (with the flag)",
		Fixtures: []string{"entra-04-patch-aadOptscim062020"}, Strict: true,
	},
	UpsertOnAdd: {
		Name: "upsertOnAdd", Tolerated: "no value matched the filter of an add, so one was created",
		Needs: "Entra ID", Shown: "RFC 7644 §3.5.2.1, which is silent; Microsoft's SCIM Validator",
		Fixtures: []string{"entra-10-scim-validator", "interop-01-filtered-path-upsert"}, Strict: true,
	},
	UpsertOnReplace: {
		Name: "upsertOnReplace", Tolerated: "no value matched the filter of a replace, so one was created",
		Needs: "Entra ID, which retries for ever without it", Shown: "RFC 7644 §3.5.2.3, which wants noTarget; Microsoft's page on known issues of SCIM 2.0 compliance",
		Fixtures: []string{"interop-01-filtered-path-upsert"},
	},
	RemoveByValue: {
		Name: "removeByValue", Tolerated: "remove with a value removed only that value, not the whole list",
		Needs: "Entra ID, JumpCloud, authentik", Shown: "Microsoft's page on known issues of SCIM 2.0 compliance; the source of authentik's SCIM provider",
		Fixtures: []string{"entra-06-group-lifecycle", "authentik-01-full-sync"}, Strict: true,
	},
	RestoreInactive: {
		Name: "restoreInactive", Tolerated: "a create of an inactive user with the same externalId reactivated that user",
		Needs: "Okta, when it lost its link", Shown: "Okta's test plan for integrations",
		Fixtures: []string{"interop-02-restore-inactive"},
	},
	KeepExternalID: {
		Name: "keepExternalID", Tolerated: "a PUT left externalId out; it was kept",
		Needs: "OneLogin templates", Shown: "OneLogin's SCIM templates, which need not name it",
		Fixtures: []string{"interop-05-put-keeps-external-id"},
	},
	UnknownAttribute: {
		Name: "unknownAttribute", Tolerated: "a name that no schema has was ignored",
		Needs: "everybody now and then", Shown: "RFC 7644 §3.3, by which a server may ignore what it does not know",
		Fixtures: []string{"rfc-40-unknown-attributes"}, Strict: true,
	},
	DuplicateValue: {
		Name: "duplicateValue", Tolerated: "a value that a list had already was kept once",
		Needs: "templates, merges", Shown: "RFC 7643 §2.4, by which a list holds no value twice",
		Fixtures: []string{"interop-06-loose-values"}, Strict: true,
	},
}

// Tolerances gives the table; the index of a row is its Tolerance.
func Tolerances() []Row { return append([]Row(nil), rows[:]...) }

// ToleranceNamed is the inverse of Name; ok is false for an unknown name.
func ToleranceNamed(name string) (t Tolerance, ok bool) {
	for i := range rows {
		if rows[i].Name == name {
			return Tolerance(i), true
		}
	}
	return 0, false
}

// Name gives the word for it in metrics, the sync log and the docs.
func (t Tolerance) Name() string { return rows[t].Name }

// Explain gives a sentence for people.
func (t Tolerance) Explain() string { return rows[t].Tolerated }

// Dialect is the set of tolerances of one connection. The zero Dialect tolerates
// nothing; use Interop, Strict or Entra.
type Dialect struct{ granted uint32 }

// Allows tells whether a tolerance is part of the dialect.
func (d Dialect) Allows(t Tolerance) bool { return d.granted&(1<<t) != 0 }

// With gives the dialect with one more tolerance.
func (d Dialect) With(t Tolerance) Dialect { return Dialect{d.granted | 1<<t} }

// Without gives the dialect with one tolerance less.
func (d Dialect) Without(t Tolerance) Dialect { return Dialect{d.granted &^ (1 << t)} }

// String lists the names of what is allowed.
func (d Dialect) String() string {
	var names []string
	for t := range tolerances {
		if d.Allows(t) {
			names = append(names, t.Name())
		}
	}
	return strings.Join(names, " ")
}

// Interop is the default: everything that some client is known to need, but for
// what only Microsoft Entra ID sends.
func Interop() Dialect { return dialectOf(func(r *Row) bool { return !r.EntraOnly }) }

// Strict is Interop without the tolerances that contradict the RFCs' text. What
// the RFCs leave open, such as reading "True" where a boolean belongs, stays.
func Strict() Dialect { return dialectOf(func(r *Row) bool { return r.Strict && !r.EntraOnly }) }

// Entra is Interop plus what only Microsoft Entra ID is known to send.
func Entra() Dialect { return dialectOf(func(*Row) bool { return true }) }

func dialectOf(granted func(*Row) bool) Dialect {
	var d Dialect
	for t := range tolerances {
		if granted(&rows[t]) {
			d = d.With(t)
		}
	}
	return d
}
