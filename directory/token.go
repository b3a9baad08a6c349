package directory

// TokenKind says what a token is good for. Numbers are append-only.
type TokenKind uint8

const (
	// TokenBearer is a token that an owner copied into the IdP.
	TokenBearer TokenKind = 0
	// TokenAccess is an OAuth 2.0 access token (RFC 6749 §1.4).
	TokenAccess TokenKind = 1
	// TokenRefresh only buys new access tokens (RFC 6749 §1.5); it opens nothing else.
	TokenRefresh TokenKind = 2
)

// Valid tells whether k is one of the kinds.
func (k TokenKind) Valid() bool { return k <= TokenRefresh }

// Most gives how many tokens of the kind an organization, or else a client, may hold.
func (k TokenKind) Most() int {
	if k == TokenBearer {
		return MaxTokens
	}
	return MaxClientTokens
}

const (
	// MaxTokens bounds the bearer tokens of an organization; one more is refused.
	MaxTokens = 100
	// MaxClientTokens bounds the tokens of one kind of an OAuth 2.0 client; one more takes the place of the oldest.
	MaxClientTokens = 20
)

// Token is a credential of an organization's IdP, as the ledger keeps it: a hash, never the token (RFC 6750).
type Token struct {
	ID           TokenID
	Organization OrganizationID
	Hash         Hash
	Kind         TokenKind
	Client       ClientID // who holds an access or refresh token; empty for a bearer token
	Name         string
	Hint         string // the token's last four characters, so that an owner can tell tokens apart
	Created      Time
	Expires      Time   // 0: never
	LastUsed     Time   // 0: never; up to a while behind, because uses are written in batches
	LastIP       string // from where it was used last
}

// Expired tells whether the token is past its life at now.
func (t *Token) Expired(now Time) bool { return t.Expires != 0 && now >= t.Expires }

// Opens tells whether the token authenticates SCIM requests at now.
func (t *Token) Opens(now Time) bool { return t.Kind != TokenRefresh && !t.Expired(now) }

// ValidateTokenName wants 1 to 200 characters.
func ValidateTokenName(name string) error {
	if name == "" || len(name) > maxNameLength {
		return Errorf(KindInvalid, "name", "name must have 1 to %d characters", maxNameLength)
	}
	return nil
}
