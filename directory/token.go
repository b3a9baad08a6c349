package directory

// Token is a SCIM bearer token of an organization, as the ledger keeps it: a hash, never the token (RFC 6750).
type Token struct {
	ID           TokenID
	Organization OrganizationID
	Hash         Hash
	Name         string
	Hint         string // the token's last four characters, so that an owner can tell tokens apart
	Created      Time
	Expires      Time // 0: never
}

// Expired tells whether the token is past its life at now.
func (t *Token) Expired(now Time) bool { return t.Expires != 0 && now >= t.Expires }

// ValidateTokenName wants 1 to 200 characters.
func ValidateTokenName(name string) error {
	if name == "" || len(name) > maxNameLength {
		return Errorf(KindInvalid, "name", "name must have 1 to %d characters", maxNameLength)
	}
	return nil
}
