// Package console is the owner's and the operator's door: organizations, the SCIM tokens that their identity providers
// carry, and their OpenID Connect connections.
// It never speaks HTTP to its callers, never gives a stored secret back, and never writes anything but commands.
package console
