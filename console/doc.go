// Package console is the owner's and the operator's door: the region's settings, organizations, what their identity
// providers carry (SCIM tokens, OAuth 2.0 clients), their OpenID Connect connections and extension schemas, their users
// as far as people care for those, and the log of what the identity providers did.
// It never speaks HTTP to its callers, never gives a stored secret back, and never writes anything but commands.
package console
