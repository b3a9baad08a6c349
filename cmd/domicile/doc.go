// Command domicile is the whole product in one binary: a node of a hosting region (serve), the laptop edition of two
// regions (dev), a region's certificates and keys (pki), the clients of the administration API (org, token, connection,
// member, backup), and what founds a lost region again (restore).
// It never decides anything: commands read their flags, wire rooms together and hand over.
package main
