package directory

import (
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Source says who brought a user or a group into the organization.
type Source uint8

const (
	// SourceSCIM is a resource that the organization's IdP provisioned.
	SourceSCIM Source = 1
	// SourceInvited is a person who was invited by hand.
	SourceInvited Source = 2
	// SourceRoot is the organization's root user: never visible to SCIM, never linked to an IdP.
	SourceRoot Source = 3
	// SourceJIT is a person who signed in through the identity provider before SCIM knew them, see
	// ConnectionSettings.JustInTime.
	SourceJIT Source = 4
)

// Valid tells whether s is one of the sources.
func (s Source) Valid() bool { return s >= SourceSCIM && s <= SourceJIT }

// User is one person in one organization, as the ledger keeps it. Records are immutable: a change makes a new one.
type User struct {
	ID          ResourceID
	Number      Number
	Source      Source
	Active      bool
	UserName    string // as given (RFC 7643 §4.1.1)
	UserNameKey string // Fold(UserName), unique in the organization
	ExternalID  string // the IdP's own id, case-exact, not unique by decree (RFC 7643 §3.1)
	DisplayName string // what to call the person on a page
	Emails      []string
	// Attributes is the canonical SCIM document without id, meta, groups: what scim answers after splicing in its header.
	Attributes string
	Created    Time
	Modified   Time
	Version    uint64 // seq of the command that last changed it: the ETag
}

// Email gives the folded primary address, empty where there is none.
func (u *User) Email() string {
	if len(u.Emails) == 0 {
		return ""
	}
	return u.Emails[0]
}

// Group is one SCIM group of one organization. Its members are kept apart, as pairs of numbers.
type Group struct {
	ID             ResourceID
	Number         Number
	Source         Source
	DisplayName    string // as given (RFC 7643 §4.2)
	DisplayNameKey string // Fold(DisplayName), unique in the organization
	ExternalID     string
	Attributes     string // the canonical SCIM document without id, meta, members
	Created        Time
	Modified       Time
	Version        uint64
}

// Fold gives the comparison key of a name that ignores letter case: NFKC, then full case folding. Doors call it and
// carry the key in the command, because Unicode tables differ between toolchains; the ledger never does.
func Fold(s string) string {
	if IsASCII(s) {
		return strings.ToLower(s)
	}
	// cases.Fold swaps the two cases of Cherokee; the lower-casing makes them one and leaves every other folded text alone.
	return strings.ToLower(cases.Fold().String(norm.NFKC.String(s)))
}

// IsASCII tells that a text has no characters beyond ASCII.
func IsASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
