package directory

import "fmt"

// Credentials are what somebody signs in with here, without an identity provider: the root user, a break-glass address or
// an invited person. What the address may do is decided at each sign-in by what it is to the organization then. Credentials
// with nothing in them are none.
type Credentials struct {
	Organization OrganizationID
	Email        string     // folded; one set for each address of an organization
	User         ResourceID // the invited person that they were made for; empty: whoever has the address
	Handle       string     // the WebAuthn user handle: random, unique in the region
	Passkeys     []Passkey
	Recovery     []Hash // of recovery codes that were not used yet
	Links        []SetupLink
	Created      Time
	Modified     Time
	Version      uint64
}

// Empty tells whether nothing is in the credentials.
func (c *Credentials) Empty() bool {
	return len(c.Passkeys) == 0 && len(c.Recovery) == 0 && len(c.Links) == 0
}

// SetupLink finds a set-up link that works.
func (c *Credentials) SetupLink(hash Hash, now Time) (SetupLink, bool) {
	for _, link := range c.Links {
		if link.Hash == hash && now < link.Expires {
			return link, true
		}
	}
	return SetupLink{}, false
}

// LinksExpire is when the last of the set-up links that were not used expires, or expired; 0: there is none.
func (c *Credentials) LinksExpire() Time {
	var last Time
	for _, link := range c.Links {
		last = max(last, link.Expires)
	}
	return last
}

// SetupLink is a link that was mailed to set up a passkey and recovery codes with. The first one that is used voids the others:
// what they were mailed for has been done.
type SetupLink struct {
	Hash    Hash
	Expires Time
}

// Passkey is a WebAuthn credential (Web Authentication Level 3 §4).
type Passkey struct {
	ID        string // raw bytes
	PublicKey string // COSE_Key
	SignCount uint32
	Flags     uint8  // of the authenticator data at registration
	AAGUID    string // raw bytes of the model's id; empty: not told
	Name      string // what its owner calls it
	Created   Time
	LastUsed  Time // 0: never
}

// Bounds of a set of credentials, and of the sets of one organization. Whoever was mailed a link has one.
const (
	MaxCredentials   = 100_000
	MaxPasskeys      = 10
	MaxRecoveryCodes = 10
	MaxPasskeyID     = 1023 // bytes, WebAuthn §4
	MaxPasskeyKey    = 1024 // bytes
	MaxPasskeyName   = 100
	MaxSetupLinks    = 3 // that work; of mails that cross, people open any
	MaxLinkLife      = 7 * day
)

// Standing is what an address is to an organization.
type Standing uint8

const (
	// StandingNone is a stranger.
	StandingNone Standing = iota
	// StandingRoot is the root user's address.
	StandingRoot
	// StandingBreakGlass is one of the break-glass addresses.
	StandingBreakGlass
	// StandingInvited is the user name of an invited person.
	StandingInvited
)

var standings = [...]string{"none", "root", "break_glass", "invited"}

// String gives the standing's name, as the API shows it.
func (s Standing) String() string {
	if int(s) < len(standings) {
		return standings[s]
	}
	return fmt.Sprintf("standing(%d)", uint8(s))
}
