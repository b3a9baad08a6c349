// Command domicile is the whole product in one binary: a node of a hosting region (serve), the laptop edition of two
// regions (dev), a region's certificates and keys (pki), the clients of the administration API (org, settings, token,
// scim-client, schema, user, sync-log, connection, member, backup), what founds a lost region again (restore), and a client
// that provisions any SCIM server as a chosen identity provider would (simulate).
// It never decides anything: commands read their flags, wire rooms together and hand over.
package main
