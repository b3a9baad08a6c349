// Package schema is the one table that drives the SCIM engine: it says what
// attributes a User and a Group have (RFC 7643 §4) and reads, writes, projects
// and describes resources by it. It never performs I/O, reads a clock or draws
// randomness, and never keeps a password.
//
// A resource is an [Object]: canonical names, JSON values. [Parse] makes one
// from what an identity provider sent, [Encode] turns it into the bytes that
// are stored, [Decode] brings them back, [Marshal] writes the answer.
// What can be tolerated on the way in is one table of [Tolerance] rows; a
// [Dialect] is what a connection is granted of it, and what was used is reported
// as a list of [Courtesy].
//
// An organization's own schemas come in by [ParseExtension] and become part of a
// [ResourceType] by its method With. Everything else follows from the type.
package schema
