// Package fsmtest gives tests of the doors a real ledger without raft: what is proposed to it is encoded, applied in order and
// visible at once, by a clock that the test moves.
// It never replicates, forwards or persists anything: for that, tests use clustertest.
package fsmtest
