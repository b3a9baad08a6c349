package directory

// Ids are opaque texts made at the door by seal.NewID (a random UUID, 36 lower-case characters); nothing is derived from
// their content. They are compared exactly and never reused.
type (
	// OrganizationID names a customer organization. It is unique in its region.
	OrganizationID string
	// ResourceID names a user or a group: the SCIM `id` (RFC 7643 §3.1). Users and groups of an organization share one
	// id space, so that a group member can be either.
	ResourceID string
	// TokenID names a SCIM bearer token; it is not the token.
	TokenID string
	// ClientID names an OAuth 2.0 client (RFC 6749 §2.2). It is unique in its region.
	ClientID string
	// ConnectionID names an organization's connection to its identity provider.
	ConnectionID string
	// SessionID names a session in lists, in audit and, as sid, towards applications; it is not the session's token.
	SessionID string
	// ConnectionRequestID names an owner's request to connect an identity provider.
	ConnectionRequestID string
	// ApplicationID names an application of the SaaS company: its OAuth 2.0 client_id. It is unique in its region.
	ApplicationID string
)

// Time is an instant in microseconds since the Unix epoch, UTC. The leader stamps it when it proposes; nothing
// replicated reads a clock.
type Time int64

// Hash is the SHA-256 of a secret text that the product issued (a token, a session cookie, a login transaction id).
type Hash [32]byte

// Number is the ledger's dense name of a user or a group inside its organization: assigned in creation order, shared by
// users and groups, never reused. Memberships are pairs of numbers.
type Number uint32
