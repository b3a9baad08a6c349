// Package console is the owner's and the operator's door: the region's settings, organizations and their domains, what their
// identity providers carry (SCIM tokens, OAuth 2.0 clients), requests for OpenID Connect connections and the connections, applications,
// extension schemas, their users, sessions and links as far as people care for those, and the logs of what identity providers
// and people did.
// It never speaks HTTP to its callers, never gives a stored secret back, and never writes anything but commands.
package console
