// Package patch compiles a PATCH document (RFC 7644 §3.5.2), in any dialect an
// identity provider speaks, into one typed Change. It never reads or recomputes
// a group's member list: membership leaves it as a delta by id.
//
// ParseDocument does everything that does not need the resource, so that a bad
// document is refused before the resource is looked up; Document.Apply does the
// rest on a copy, so that one failing operation leaves nothing behind.
// DESIGN.md says why.
package patch
