// Package scim is the identity provider's door: a SCIM 2.0 service provider (RFC 7643, 7644, 9865) that answers typed
// requests with bytes ready to send, reads confirmed views of the ledger and writes through it.
// It never speaks HTTP, never decides what the ledger decides (existence, uniqueness, versions), and never shows or
// changes a resource that the organization's identity provider did not provision.
//
// A request takes one path: Authenticate gives an Actor, unless its organization is not served now; an operation of the
// Engine begins a request, which carries the actor, its dialect and what the sync log will tell; it takes a view, which
// knows the organization's schemas, and reads its input by them before it looks for a resource; then it either renders
// from the view or compiles one command and renders from the command's result. Changes of members that are too large for
// one command are staged before it. Whatever goes wrong comes back as an error that FaultOf turns into the answer of RFC
// 7644 §3.12, and that the Recorder hears of.
//
// Only the creation of a user waits for no view: a node's own knowledge of the schemas is enough until a body names
// another one. A dry run is all of this over a ledger that exists for one request.
package scim
