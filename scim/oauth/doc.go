// Package oauth is where an identity provider gets its access tokens for the SCIM door: the authorization server (RFC 6749)
// of a region, one for all its organizations, with client credentials, authorization codes and refresh tokens.
// It never speaks HTTP, never keeps a token in the clear or a code at all, and never lets anyone in whom an owner or the
// operator did not approve.
//
// A client belongs to one organization, so its id says whose directory its tokens open. Client credentials buy an access
// token for an hour. An authorization code comes of a person's consent: owners have no session here, so who consents enters
// an approval, a text that Approve made a moment before. Approvals and codes are sealed (any node can open them, nothing is
// stored), and a code buys tokens only once per approval: the ledger remembers those that were used until they would have
// expired anyway. What is used again is refused, and what it bought is revoked.
//
// A refresh token lives until it is revoked, and using it does not replace it. Every client here is confidential: a refresh
// token is worth nothing without the client's secret, which is what RFC 9700 §4.14.2 asks for. Providers keep one refresh
// token for years and lose an answer now and then; with rotation, a lost answer would need a person to connect them again.
package oauth
