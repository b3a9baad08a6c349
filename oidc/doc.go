// Package oidc is the person's door: it sends a browser to the organization's identity provider (OpenID Connect Core,
// authorization code with PKCE), checks everything that comes back, ties the identity to a provisioned user and answers,
// for every later request, who is signed in.
// It never creates people where the organization did not choose so, never trusts an e-mail address over a link once made,
// and keeps no token of a provider.
package oidc
