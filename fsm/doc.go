// Package fsm is the replicated memory: it applies committed entries to the state, one at a time and the same way on every
// node, takes snapshots of it and restores them.
// It never reads a clock, draws randomness, starts a goroutine or does I/O of its own: two FSMs that were fed the same log
// have equal digests.
package fsm
