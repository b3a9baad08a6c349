// Package scimtest replays scripted conversations between an identity provider
// and a SCIM server, over HTTP, and reports where the server answered otherwise.
// It never imports the product: any SCIM server with a base URL and a token can
// be judged by it.
//
// testdata/FORMAT.md is the specification of the scripts; [Conversations] are
// those that travel with the project.
package scimtest
