// Package seal keeps secrets secret: it makes randomness, ids, keys, tokens and node certificates, hides secrets from
// everything that prints, and encrypts what is stored so that it opens only where it was sealed.
//
// It never decides who may see a secret, never talks to the network, and never writes a file.
//
// The parts, from the smallest to the largest:
//
//   - Secret hides a text from logs, errors and JSON; Sealed is its encrypted form; the two types never mix.
//   - NewID, NewRequestID and RandomText are the house's only source of randomness.
//   - MintToken makes the tokens that we issue; only their HashToken is ever stored.
//   - Keyring holds a region's root keys. Seal and Open bind a secret to its Place, down to the field.
//   - Box seals bytes for one purpose (log entries, cookies) and streams (snapshots, backups).
//   - NewAuthority and IssueNode make the certificates of a region's nodes; PeerTLS uses them and refuses other regions.
//
// DESIGN.md explains the formats, the invariants and what happens when something fails.
package seal
