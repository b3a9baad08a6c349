// Package apps tells the SaaS product's own applications who is signed in: as an OpenID Connect provider of the region, and as
// the judge that a reverse proxy asks before it lets a request through.
// It never signs anybody in, never keeps a code or a token, and never vouches for a session that the ledger does not hold at
// that moment.
//
// The issuer is the region's URL and "/oidc", which no other issuer of the product can be: the authorization server for identity
// providers (scim/oauth) is the region's URL itself. An application is registered by the operator, region-wide, and sees people
// of every organization; the claims say of which one.
//
// Codes and access tokens are sealed: any node can open them and nothing is stored. A code buys tokens once, because the ledger
// consumes it with the command that notes that the application knows of the session; from then on the application is told when
// the session ends. ID tokens and access tokens live for TokenLife at most and never longer than the session, and an access
// token is judged by the live session at every use: so a deactivation reaches applications at once where they ask, and within
// TokenLife where they believe what they hold.
//
// A break-glass session is for the settings of connections only: no application hears of it.
package apps
