package state

import "context"

// Freshness says how new a view must be.
type Freshness struct {
	confirmed bool
	seq       uint64
}

// Local is whatever this node has applied: for checks that may lag by a replication delay (sessions, bearer tokens).
func Local() Freshness { return Freshness{} }

// Confirmed reflects every write that was acknowledged before the call, on whichever node.
func Confirmed() Freshness { return Freshness{confirmed: true} }

// AtLeast reflects the command with this seq, and possibly nothing newer: to read what this request has just written.
func AtLeast(seq uint64) Freshness { return Freshness{seq: seq} }

// IsConfirmed tells whether a read index is needed.
func (f Freshness) IsConfirmed() bool { return f.confirmed }

// Seq is the least seq wanted, 0 for none.
func (f Freshness) Seq() uint64 { return f.seq }

// Viewer gives views of the ledger.
type Viewer interface {
	// View waits (bounded by ctx and the node's own limit) until the freshness is reached. The error is an
	// *directory.Error of KindUnavailable: no leader, node behind, node cut off.
	View(ctx context.Context, f Freshness) (*View, error)
}
