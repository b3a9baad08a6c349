// Package egress is the one guarded way out of a node: an HTTP client for
// addresses that tenants choose, which can reach the public internet only, and
// a resolver that asks the operator's DNS servers about names that tenants
// choose.
//
// It never connects to a special-use address (the address that is dialled is
// what is checked, so DNS rebinding gains nothing), never follows a redirect,
// never uses a proxy from the environment, and never reads an answer without
// bounds of time and size.
package egress
