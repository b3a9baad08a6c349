// Package storage keeps what one node must not lose: the raft log, the vote and the snapshots of its data directory, and
// the backups taken of the ledger, all sealed for one region and cluster, and it tells when the disk hangs or fills up.
// It never writes in clear what an entry or a ledger holds, never opens a file of another region or cluster, never answers a
// call before the disk has, and never decides what a node does about a disk in trouble.
//
// storage.go opens a directory and puts the layers together; DESIGN.md says what lies in it, and why.
package storage
