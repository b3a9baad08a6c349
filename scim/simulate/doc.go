// Package simulate is a SCIM 2.0 client that behaves like a chosen identity provider: it provisions a made-up directory the
// way that provider does, with its request shapes, headers, look-ups, retries and back-off, and proves that the server ends
// up with exactly that directory. It never reads, changes or deletes what is not of its own made-up directory, and it knows
// nothing of the server but its SCIM base URL and a token.
//
// A run walks through three kinds of things, a file each:
//
//   - roster.go makes up people and teams, and what happens to them between two cycles: pure and deterministic by seed;
//   - dialects.go is the table of identity providers: data and pure makers of requests (users.go, groups.go, probe.go);
//   - session.go brings the server from what the provider believes is there to what should be there, over wire.go, which
//     sends, waits, repeats and counts.
//
// verify.go then reads everything back and compares.
package simulate
