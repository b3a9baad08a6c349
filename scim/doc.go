// Package scim is the identity provider's door: a SCIM 2.0 service provider (RFC 7643, 7644, 9865) that answers typed
// requests with bytes ready to send, reads confirmed views of the ledger and writes through it.
// It never speaks HTTP, never decides what the ledger decides (existence, uniqueness, versions), and never shows or
// changes a resource that the organization's identity provider did not provision.
//
// A request takes one path: Authenticate gives an Actor; an operation of the Engine parses its input before it looks
// anything up, takes a view, and either renders from it or compiles a command and renders from the command's result.
// Whatever goes wrong comes back as an error that FaultOf turns into the answer of RFC 7644 §3.12.
package scim
