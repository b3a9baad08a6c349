// Package cluster runs one raft node of a region: it puts commands through the replicated log, on whichever node they
// arrive, and gives views of the ledger that reflect every write acknowledged before them.
// It never decides what a command means, never talks to a node of another region or cluster, and never answers from a
// leader that may have been deposed.
//
// A write walks Propose → (one hop to the leader) → batcher → raft → fsm; a read walks View → read index → fsm.View.
// What it keeps on disk goes through storage. DESIGN.md holds the invariants, the trade-offs and the failure modes.
package cluster
