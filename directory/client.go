package directory

import (
	"net/netip"
	"net/url"
)

const (
	// MaxClients bounds the OAuth 2.0 clients of an organization.
	MaxClients = 20
	// MaxRedirectURIs bounds the redirect URIs of one client.
	MaxRedirectURIs = 10

	maxRedirectLength = 2000
)

// Client is an organization's IdP in its part of OAuth 2.0 client (RFC 6749 §2): it asks for access to the organization's
// SCIM endpoint.
type Client struct {
	ID           ClientID // unique in the region
	Organization OrganizationID
	Name         string
	SecretHash   Hash     // of the client secret that we issued
	RedirectURIs []string // compared exactly; none: client credentials only
	Created      Time
	Version      uint64
}

// Validate checks the fields that a person chose.
func (c *Client) Validate() error {
	if c.Name == "" || len(c.Name) > maxNameLength {
		return Errorf(KindInvalid, "name", "name must have 1 to %d characters", maxNameLength)
	}
	return validateRedirects("redirect_uris", c.RedirectURIs)
}

// validateRedirects wants few addresses, each once.
func validateRedirects(field string, uris []string) error {
	if len(uris) > MaxRedirectURIs {
		return Errorf(KindTooLarge, field, "at most %d addresses", MaxRedirectURIs)
	}
	seen := make(map[string]bool, len(uris))
	for _, uri := range uris {
		if err := validateRedirect(field, uri); err != nil {
			return err
		}
		if seen[uri] {
			return Errorf(KindInvalid, field, "%q is listed twice", uri)
		}
		seen[uri] = true
	}
	return nil
}

// Redirects tells whether uri is one of the client's redirect URIs, byte by byte (RFC 9700 §2.1).
func (c *Client) Redirects(uri string) bool {
	for _, known := range c.RedirectURIs {
		if uri == known {
			return true
		}
	}
	return false
}

// validateRedirect wants an absolute URI without user and fragment (RFC 6749 §3.1.2): https, or http to this very machine
// (RFC 8252 §7.3).
func validateRedirect(field, uri string) error {
	parsed, err := url.Parse(uri)
	if err != nil || len(uri) > maxRedirectLength || parsed.Hostname() == "" {
		return Errorf(KindInvalid, field, "a redirect URI must be an absolute https URL of at most %d characters", maxRedirectLength)
	}
	if parsed.User != nil || parsed.Fragment != "" || uri[len(uri)-1] == '#' {
		return Errorf(KindInvalid, field, "redirect URI %q must have no user and no fragment", uri)
	}
	if parsed.Scheme != "https" && (parsed.Scheme != "http" || !isLoopback(parsed.Hostname())) {
		return Errorf(KindInvalid, field, "redirect URI %q must be https, or http on loopback", uri)
	}
	return nil
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}
