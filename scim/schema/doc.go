// Package schema is the one table that drives the SCIM engine: it says what
// attributes a User and a Group have (RFC 7643 §4) and reads, writes, projects
// and describes resources by it. It never performs I/O, reads a clock or draws
// randomness, and never keeps a password.
//
// A resource is an [Object]: canonical names, JSON values. [Parse] makes one
// from what an identity provider sent, [Encode] turns it into the bytes that
// are stored, [Decode] brings them back, [Marshal] writes the answer.
// What is tolerated on the way in is a [Dialect]; what was tolerated is
// reported as a list of [Courtesy].
package schema
