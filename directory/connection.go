package directory

import (
	"net/url"
	"strings"

	"domicile/seal"
)

// AuthMethod is how we authenticate at a connection's token endpoint (OpenID Connect Core §9).
type AuthMethod string

const (
	// AuthBasic is client_secret_basic, the default.
	AuthBasic AuthMethod = "client_secret_basic"
	// AuthPost is client_secret_post.
	AuthPost AuthMethod = "client_secret_post"
)

// Connection is an organization's OpenID Connect client registration at its identity provider.
type Connection struct {
	ID           ConnectionID
	Organization OrganizationID
	Issuer       string // exactly as the provider's discovery document says
	ClientID     string
	ClientSecret seal.Sealed // place: organization, row = connection id, field = "client_secret"
	AuthMethod   AuthMethod
	Scopes       []string // besides openid, profile, email
	Enabled      bool
	Created      Time
	Modified     Time
	Version      uint64
}

// Validate checks the fields that a person chose.
func (c *Connection) Validate() error {
	issuer, err := url.Parse(c.Issuer)
	if err != nil || issuer.Host == "" || (issuer.Scheme != "https" && issuer.Scheme != "http") {
		return Errorf(KindInvalid, "issuer", "issuer must be an absolute https URL")
	}
	if issuer.User != nil || issuer.RawQuery != "" || issuer.Fragment != "" {
		return Errorf(KindInvalid, "issuer", "issuer must have no user, query or fragment")
	}
	if c.ClientID == "" || len(c.ClientID) > 512 {
		return Errorf(KindInvalid, "client_id", "client_id must have 1 to 512 characters")
	}
	if c.AuthMethod != AuthBasic && c.AuthMethod != AuthPost {
		return Errorf(KindInvalid, "auth_method", "auth_method must be client_secret_basic or client_secret_post")
	}
	for _, scope := range c.Scopes {
		if scope == "" || strings.ContainsAny(scope, " \t\r\n\"\\") {
			return Errorf(KindInvalid, "scopes", "%q is not a scope", scope)
		}
	}
	return nil
}

// Link ties an identity at a provider to a user: (connection, issuer, subject) → user. Once made it is never remade by
// e-mail or name.
type Link struct {
	Connection ConnectionID
	Issuer     string
	Subject    string
	User       ResourceID
	Created    Time
}
