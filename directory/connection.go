package directory

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
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
	// AuthPrivateKey is private_key_jwt (RFC 7523 §2.2), with a key of the region that the provider fetches from us, or whose
	// certificate was uploaded there.
	AuthPrivateKey AuthMethod = "private_key_jwt"
)

// NeedsSecret tells whether the method needs a client secret.
func (m AuthMethod) NeedsSecret() bool { return m != AuthPrivateKey }

// ResponseMode is how the provider sends its answer back.
type ResponseMode string

const (
	// ResponseQuery is a redirect with a query, the default.
	ResponseQuery ResponseMode = ""
	// ResponseFormPost is a form that the browser posts (OAuth 2.0 Form Post Response Mode).
	ResponseFormPost ResponseMode = "form_post"
)

// ConnectionSettings is what is chosen about a connection besides its client registration.
type ConnectionSettings struct {
	AuthMethod     AuthMethod
	Scopes         []string // besides openid, profile, email
	ResponseMode   ResponseMode
	Prompt         string   // sent as it is: "", "login", "consent" or "select_account"; but see ProviderProfile.NoPromptLogin
	MaxAge         int64    // seconds since the person authenticated at the provider; 0: not asked for
	ACRValues      []string // one of them must come back; none: not asked for
	SharedRedirect bool     // the provider calls back at /signin-oidc instead of the connection's own address
	NamesIssuer    bool     // a shared provider that announced RFC 9207 when it was connected: its answers must name it for good
	JustInTime     bool     // an unknown person with an address in one of the organization's domains becomes a user
}

// SharedUnnamed tells whether the provider calls back at the address that all connections share and need not say who it is: then
// nothing but trust in it keeps others' answers apart from its own (RFC 9700 §4.4).
func (s *ConnectionSettings) SharedUnnamed() bool { return s.SharedRedirect && !s.NamesIssuer }

// Connection is an organization's OpenID Connect client registration at its identity provider.
type Connection struct {
	ID           ConnectionID
	Organization OrganizationID
	Issuer       string // exactly as the provider's discovery document says
	ClientID     string
	ClientSecret seal.Sealed // place: organization, row = connection id, field = "client_secret"
	ConnectionSettings
	Domains  []string // folded: the organization's domains whose people come through it; none: those that no other one names
	Enabled  bool
	Created  Time
	Modified Time
	Version  uint64

	SecretExpires  Time        // when the provider stops taking ClientSecret, or our certificate, as its owner was told; 0: not known
	PreviousSecret seal.Sealed // until a rotation is finished: tried when the provider refuses ClientSecret; the same place
	Reminded       uint8       // how many reminders were sent for SecretExpires

	Algorithm        string // that signs ID tokens and logout tokens, since the first sign-in; empty: none has ended well yet
	AlgorithmOffered string // of the last good token that was refused for its algorithm alone; empty: none was
}

// Trust is a fingerprint of what a sign-in under way depends on: whom the connection trusts, and what it demands of an answer.
// A sign-in that began with another fingerprint is not finished. It leaves out what we show the provider to be let in, what is
// asked for and not checked, and what is looked at when a sign-in ends, as it is then.
func (c *Connection) Trust() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %d %q %q %d %q %t %t", c.Organization, c.ID, c.Created, c.Issuer, c.ClientID,
		c.MaxAge, c.ACRValues, c.SharedRedirect, c.NamesIssuer))
	return hex.EncodeToString(sum[:])
}

// SameClient tells whether next is the same client of the same provider: only then its subjects, and how it signs, mean the same.
func (c *Connection) SameClient(next *Connection) bool {
	return c.Issuer == next.Issuer && c.ClientID == next.ClientID
}

// SameProof tells whether next is the same client of the same provider and lets itself in by the same means, a client secret or
// a key of ours. Only then has next what c has of that: the secret, and the end of the secret or certificate.
func (c *Connection) SameProof(next *Connection) bool {
	return c.SameClient(next) && c.AuthMethod.NeedsSecret() == next.AuthMethod.NeedsSecret()
}

// ByCertificate tells whether we sign the connection's client assertions with a key whose certificate its owner uploads at
// the provider.
func (c *Connection) ByCertificate() bool {
	return c.AuthMethod == AuthPrivateKey && ProviderProfileOf(c.Issuer).Certificate
}

// secretReminders are how long before a client secret expires its owners are told, in days.
var secretReminders = [...]Time{30, 14, 7, 1}

// RemindersDue counts the reminders about the client secret that should have been sent by now.
func (c *Connection) RemindersDue(now Time) uint8 {
	if c.SecretExpires == 0 {
		return 0
	}
	due := uint8(0)
	for _, days := range secretReminders {
		if now >= c.SecretExpires-days*day {
			due++
		}
	}
	return due
}

// Bounds of a connection's choices.
const (
	maxACRValues = 10
	maxACR       = 200
	maxMaxAge    = 365 * 24 * 3600
	maxClientID  = 512
	maxScopes    = 50
	maxScope     = 200

	// MaxIssuer bounds an issuer.
	MaxIssuer = 2000
	// MaxAlgorithm bounds the name of a signing algorithm.
	MaxAlgorithm = 16
)

// Validate checks the fields that a person chose.
func (c *Connection) Validate() error {
	issuer, err := url.Parse(c.Issuer)
	if err != nil || issuer.Host == "" || (issuer.Scheme != "https" && issuer.Scheme != "http") {
		return Errorf(KindInvalid, "issuer", "issuer must be an absolute https URL")
	}
	if issuer.User != nil || issuer.RawQuery != "" || issuer.Fragment != "" {
		return Errorf(KindInvalid, "issuer", "issuer must have no user, query or fragment")
	}
	return c.fits()
}

// fits checks what needs no reading of web addresses.
func (c *Connection) fits() error {
	if c.Issuer == "" || len(c.Issuer) > MaxIssuer {
		return Errorf(KindInvalid, "issuer", "issuer must have 1 to %d characters", MaxIssuer)
	}
	if c.ClientID == "" || len(c.ClientID) > maxClientID {
		return Errorf(KindInvalid, "client_id", "client_id must have 1 to %d characters", maxClientID)
	}
	if err := ValidateDomains(c.Domains); err != nil {
		return err
	}
	return c.ConnectionSettings.Validate()
}

// ValidateDomains wants at most MaxDomains domains, each well-formed and once. The ledger asks, too.
func ValidateDomains(domains []string) error {
	if len(domains) > MaxDomains {
		return Errorf(KindTooLarge, "domains", "at most %d domains", MaxDomains)
	}
	seen := make(map[string]bool, len(domains))
	for _, domain := range domains {
		if err := ValidateDomain(domain); err != nil {
			return err
		}
		if seen[domain] {
			return Errorf(KindInvalid, "domains", "domain %q is listed twice", domain)
		}
		seen[domain] = true
	}
	return nil
}

// Validate checks the choices.
func (s *ConnectionSettings) Validate() error {
	switch s.AuthMethod {
	case AuthBasic, AuthPost, AuthPrivateKey:
	default:
		return Errorf(KindInvalid, "auth_method", "auth_method must be client_secret_basic, client_secret_post or private_key_jwt")
	}
	if len(s.Scopes) > maxScopes {
		return Errorf(KindTooLarge, "scopes", "at most %d scopes", maxScopes)
	}
	for _, scope := range s.Scopes {
		if scope == "" || len(scope) > maxScope || strings.ContainsAny(scope, " \t\r\n\"\\") {
			return Errorf(KindInvalid, "scopes", "%q is not a scope", Cut(scope, maxScope))
		}
	}
	if s.ResponseMode != ResponseQuery && s.ResponseMode != ResponseFormPost {
		return Errorf(KindInvalid, "response_mode", "response_mode must be query or form_post")
	}
	switch s.Prompt {
	case "", "login", "consent", "select_account":
	default:
		return Errorf(KindInvalid, "prompt", "prompt must be empty, login, consent or select_account")
	}
	if s.MaxAge < 0 || s.MaxAge > maxMaxAge {
		return Errorf(KindInvalid, "max_age", "max_age must be 0 to %d seconds", maxMaxAge)
	}
	if len(s.ACRValues) > maxACRValues {
		return Errorf(KindTooLarge, "acr_values", "at most %d acr_values", maxACRValues)
	}
	for _, acr := range s.ACRValues {
		if acr == "" || len(acr) > maxACR || strings.ContainsFunc(acr, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return Errorf(KindInvalid, "acr_values", "%q is not an authentication context class", Cut(acr, maxACR))
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
