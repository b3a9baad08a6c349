package schema

// Group gives the resource type of RFC 7643 §4.2.
func Group() *ResourceType {
	return &ResourceType{
		Name:        "Group",
		Endpoint:    "/Groups",
		Description: "Group",
		Core:        groupSchema(),
		common:      commonAttributes(),
	}
}

// groupSchema publishes displayName as required, as the text of RFC 7643 §4.2
// has it, although the listing in §8.7.1 does not; and the members' display,
// which the RFC's listing lacks but every client sends and reads.
func groupSchema() *Schema {
	return &Schema{ID: GroupURN, Name: "Group", Description: "Group", Attributes: []Attribute{
		{Name: "displayName", Required: true, Uniqueness: UniqueServer,
			Description: "The name of the group; unique in the connection without regard to case."},
		{Name: "members", Type: TypeComplex, MultiValued: true, Linked: true, Description: "The members of the group.", SubAttributes: []Attribute{
			{Name: "value", CaseExact: true, Mutability: Immutable, Description: "The id of the member."},
			{Name: "$ref", Type: TypeReference, CaseExact: true, Mutability: Immutable, ReferenceTypes: []string{"User", "Group"}, Description: "The URL of the member."},
			{Name: "type", Mutability: Immutable, CanonicalValues: []string{"User", "Group"}, Description: "The kind of member."},
			{Name: "display", Mutability: Immutable, Aliases: []string{"displayName"}, Description: "The name of the member."},
		}},
	}}
}
