package schema

// The URNs of the standard schemas (RFC 7643 §8.7).
const (
	UserURN       = "urn:ietf:params:scim:schemas:core:2.0:User"
	GroupURN      = "urn:ietf:params:scim:schemas:core:2.0:Group"
	EnterpriseURN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
)

// User gives the resource type of RFC 7643 §4.1 with the enterprise extension
// of §4.3.
func User() *ResourceType {
	return &ResourceType{
		Name:        "User",
		Endpoint:    "/Users",
		Description: "User Account",
		Core:        userSchema(),
		Extensions:  []Extension{{Schema: enterpriseSchema()}},
		common:      commonAttributes(),
	}
}

func userSchema() *Schema {
	return &Schema{ID: UserURN, Name: "User", Description: "User Account", Attributes: []Attribute{
		{Name: "userName", Required: true, Uniqueness: UniqueServer,
			Description: "Name by which the user is provisioned; unique in the organization without regard to case."},
		{Name: "name", Type: TypeComplex, Description: "The parts of the user's name.", SubAttributes: []Attribute{
			{Name: "formatted", Description: "The full name, formatted for display."},
			{Name: "familyName", Description: "The family name, or last name."},
			{Name: "givenName", Description: "The given name, or first name."},
			{Name: "middleName", Description: "The middle name."},
			{Name: "honorificPrefix", Description: "The title, such as Ms."},
			{Name: "honorificSuffix", Description: "The suffix, such as III."},
		}},
		{Name: "displayName", Description: "The name to show for the user."},
		{Name: "nickName", Description: "The casual name of the user."},
		{Name: "profileUrl", Type: TypeReference, ReferenceTypes: []string{"external"}, Description: "URL of the user's profile."},
		{Name: "title", Description: "The user's title, such as Vice President."},
		{Name: "userType", Description: "The relation to the organization, such as Employee."},
		{Name: "preferredLanguage", Description: "Preferred language, as in Accept-Language."},
		{Name: "locale", Description: "Default location for formatting, such as en-US."},
		{Name: "timezone", Description: "Time zone in the IANA form, such as Europe/Paris."},
		{Name: "active", Type: TypeBoolean, Description: "Whether the user may sign in."},
		{Name: "password", CaseExact: true, Mutability: WriteOnly, Returned: ReturnedNever,
			Description: "Accepted and discarded; sign-in is by the identity provider."},
		plural("emails", "E-mail addresses.", TypeString, "work", "home", "other"),
		plural("phoneNumbers", "Telephone numbers.", TypeString, "work", "home", "mobile", "fax", "pager", "other"),
		plural("ims", "Instant messaging addresses.", TypeString, "aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"),
		plural("photos", "URLs of photos.", TypeReference, "photo", "thumbnail"),
		{Name: "addresses", Type: TypeComplex, MultiValued: true, Description: "Postal addresses.", SubAttributes: []Attribute{
			{Name: "formatted", Description: "The full address, formatted for display."},
			{Name: "streetAddress", Description: "Street, house number and the like."},
			{Name: "locality", Description: "City or locality."},
			{Name: "region", Description: "State or region."},
			{Name: "postalCode", Description: "Postal code."},
			{Name: "country", Description: "Country, by preference an ISO 3166-1 code."},
			{Name: "type", CanonicalValues: []string{"work", "home", "other"}, Description: "Label of the value."},
			{Name: "primary", Type: TypeBoolean, Description: "Whether this is the preferred value; at most one is."},
		}},
		{Name: "groups", Type: TypeComplex, MultiValued: true, Mutability: ReadOnly, Linked: true,
			Description: "Groups the user belongs to; changed through the groups.", SubAttributes: []Attribute{
				{Name: "value", CaseExact: true, Mutability: ReadOnly, Description: "The id of the group."},
				{Name: "$ref", Type: TypeReference, CaseExact: true, Mutability: ReadOnly, ReferenceTypes: []string{"User", "Group"}, Description: "The URL of the group."},
				{Name: "display", Mutability: ReadOnly, Description: "The name of the group."},
				{Name: "type", Mutability: ReadOnly, CanonicalValues: []string{"direct", "indirect"}, Description: "How the user belongs to the group."},
			}},
		plural("entitlements", "Things the user is entitled to.", TypeString),
		plural("roles", "Roles of the user.", TypeString),
		plural("x509Certificates", "Certificates issued to the user.", TypeBinary),
	}}
}

// plural builds a multi-valued attribute with the default sub-attributes of
// RFC 7643 §2.4.
func plural(name, description string, value Type, types ...string) Attribute {
	v := Attribute{Name: "value", Type: value, Description: "The value."}
	if value == TypeReference {
		v.CaseExact = true
		v.ReferenceTypes = []string{"external"}
	}
	if value == TypeBinary {
		v.CaseExact = true
	}
	return Attribute{Name: name, Type: TypeComplex, MultiValued: true, Description: description, SubAttributes: []Attribute{
		v,
		{Name: "display", Aliases: []string{"displayName"}, Description: "A readable form of the value."},
		{Name: "type", CanonicalValues: types, Description: "Label of the value."},
		{Name: "primary", Type: TypeBoolean, Description: "Whether this is the preferred value; at most one is."},
	}}
}

func enterpriseSchema() *Schema {
	return &Schema{ID: EnterpriseURN, Name: "EnterpriseUser", Description: "Enterprise User", Attributes: []Attribute{
		{Name: "employeeNumber", Description: "Number or code given by the organization."},
		{Name: "costCenter", Description: "The name of a cost center."},
		{Name: "organization", Description: "The name of an organization."},
		{Name: "division", Description: "The name of a division."},
		{Name: "department", Description: "The name of a department."},
		{Name: "manager", Type: TypeComplex, Description: "The user's manager.", SubAttributes: []Attribute{
			{Name: "value", CaseExact: true, Description: "The id of the manager's user."},
			{Name: "$ref", Type: TypeReference, CaseExact: true, ReferenceTypes: []string{"User"}, Description: "The URL of the manager's user."},
			{Name: "displayName", Mutability: ReadOnly, Description: "The name of the manager."},
		}},
	}}
}
