package directory

// ErrandKind says what has to be delivered. Numbers are append-only.
type ErrandKind uint8

// The kinds.
const (
	// ErrandRequest tells that a connection request took a step; Subject is its id, Detail the state.
	ErrandRequest ErrandKind = 1
	// ErrandSecret reminds of a client secret that expires; Subject is the connection, Detail the date (RFC 3339).
	ErrandSecret ErrandKind = 2
	// ErrandBreakGlass tells that a break-glass session was opened; Subject is the address.
	ErrandBreakGlass ErrandKind = 3
	// ErrandBreakGlassList tells that the break-glass addresses changed; Detail has the addresses before.
	ErrandBreakGlassList ErrandKind = 4
	// ErrandDomain tells that a domain was verified, was missed or is lost; Subject is its name, Detail what.
	ErrandDomain ErrandKind = 5
	// ErrandLogout tells an application that a session ended: Subject is the user's id, Detail the sid, Application whom.
	ErrandLogout ErrandKind = 6
	// ErrandCredentials tells that passkeys or recovery codes of an address changed; Subject is the address, Detail what
	// happened.
	ErrandCredentials ErrandKind = 7
	// ErrandSetup is the first mail to somebody who signs in here without an identity provider: the link to set that up;
	// Subject is the address.
	ErrandSetup ErrandKind = 8
	// ErrandConnection tells that the operator put or deleted a connection without a request, or that its provider signs otherwise
	// than before; Subject is its id, Detail what changed, "deleted", or one of the two below.
	ErrandConnection ErrandKind = 9
)

// Details of an ErrandConnection about the provider's signing algorithm.
const (
	DetailAlgorithmMoved   = "algorithm_moved"   // the provider announces the one before no longer; sign-ins go on
	DetailAlgorithmOffered = "algorithm_offered" // it announces both, and tokens of the other one are refused
)

// Errand is something that the ledger wants delivered outside: a mail, or a call to an application. The leader delivers
// it, at least once, and strikes it off; after ErrandLife it is dropped.
type Errand struct {
	Seq          uint64 // of the command that caused it
	Ordinal      uint32
	At           Time
	Kind         ErrandKind
	Organization OrganizationID
	Application  ApplicationID
	Subject      string
	Detail       string
}

// Bounds of what waits for delivery.
const (
	MaxErrands = 100_000 // of a region; over it the oldest are dropped
	ErrandLife = 2 * day
)

// ErrandID is an errand's place.
type ErrandID struct {
	Seq     uint64
	Ordinal uint32
}
