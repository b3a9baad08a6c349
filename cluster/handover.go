package cluster

import (
	"context"
	"errors"

	"github.com/hashicorp/raft"

	"domicile/directory"
	"domicile/fsm/wire"
)

// HandOver makes another voter the leader, whichever node leads; it is TransferLeadership for those who cannot choose the
// node that they ask. The error is a *directory.Error: KindConflict when no other member has a vote, KindUnavailable when
// there is no leader or nobody could take over in time.
func (n *Node) HandOver(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, changePatience)
	defer cancel()
	var err error
	if n.raft.State() == raft.Leader {
		err = n.members.handOver(ctx)
	} else {
		err = n.askLeader(ctx, callHandOver, nil)
	}
	if _, ours := errors.AsType[*directory.Error](err); err == nil || ours {
		return err
	}
	return unavailable(err, "the leadership could not be handed over")
}

func (s *session) handOver(ctx context.Context, _ *wire.Reader, _ *wire.Writer) error {
	return s.node.members.handOver(ctx)
}
