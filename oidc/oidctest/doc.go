// Package oidctest is an OpenID provider on loopback that does exactly what a
// script tells it to: correct by default, wrong in one precise way on demand.
// It serves tests and, with a page of one-click people, the dev mode.
//
// It never listens beyond loopback, never persists anything, and is never part
// of a production process.
//
// The provider speaks discovery, the authorization code flow with PKCE, three
// ways of client authentication, userinfo, RP-initiated and back-channel
// logout (OpenID Connect Core 1.0, RFC 6749, RFC 7636, RFC 9207).
package oidctest
