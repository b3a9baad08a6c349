// Package state is the replicated memory's shape: copy-on-write trees over immutable records, one set per organization,
// read through views that never change under the reader.
// It never decides a rule, reads a clock or touches a disk: fsm writes it, everybody reads it.
package state
