package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"

	"domicile/cluster/storage"
	"domicile/directory"
	"domicile/fsm/state"
	"domicile/fsm/wire"
)

// HandOver makes another voter the leader, whichever node leads; it is TransferLeadership for those who cannot choose the
// node that they ask. The error is a *directory.Error: KindConflict when no other member has a vote, KindUnavailable when
// there is no leader or nobody could take over in time.
func (n *Node) HandOver(ctx context.Context) error {
	_, err := n.onLeader(ctx, n.members.handOver, callHandOver, nil)
	if _, ours := errors.AsType[*directory.Error](err); err == nil || ours {
		return err
	}
	return unavailable(err, "the leadership could not be handed over")
}

// Remove takes a member out of the cluster for good; id is a node's name or a Member.ID. A voter stays while those that
// would remain could not go on without it (KindConflict); nobody of that name is KindNotFound. The data directory of what
// was removed must be emptied before it may join again.
func (n *Node) Remove(ctx context.Context, id string) error {
	var w wire.Writer
	w.Text(id)
	here := func(ctx context.Context) error { return n.members.remove(ctx, id) }
	perhaps, err := n.onLeader(ctx, here, callRemove, w.Bytes())
	if perhaps && directory.KindOf(err) == directory.KindNotFound {
		return nil // an earlier try did it, and its answer was lost
	}
	if err != nil {
		return fmt.Errorf("remove member: %w", err)
	}
	return nil
}

// Backup writes an encrypted copy of the ledger to w, as the view shows it. Any node can make it.
func (n *Node) Backup(w io.Writer, view *state.View) error {
	if err := storage.WriteBackup(w, view, n.config.Keyring, n.identity); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return nil
}

// onLeader has the leader do something, here or on another node, and tries again while leadership moves, for as long as a
// change of the configuration may take. perhaps tells that the answer to a try was lost.
func (n *Node) onLeader(ctx context.Context, here func(context.Context) error, kind callKind, body []byte) (perhaps bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, changePatience)
	defer cancel()
	pause := minRetryPause
	for {
		leader := n.leadership.current.Load()
		err := errNoLeader
		if leader.self {
			err = here(ctx)
		} else if leader.known() {
			err = n.ask(ctx, leader, kind, body)
		}
		if err == nil {
			return perhaps, nil
		}
		v := verdictOf(err)
		if v != verdictRetry && v != verdictUnknown && !errors.Is(err, errNoLeader) {
			return perhaps, err
		}
		perhaps = perhaps || v == verdictUnknown
		if waitErr := leader.settle(ctx, n.stopped, &pause); waitErr != nil {
			return perhaps, unavailable(errors.Join(waitErr, err), "the region's leader could not do it in time")
		}
	}
}

func (n *Node) ask(ctx context.Context, leader *leader, kind callKind, body []byte) error {
	answer, err := n.callers.call(ctx, leader.address, nil, kind, body)
	if err != nil {
		return err
	}
	_, err = openAnswer(answer)
	return err
}

func (s *session) handOver(ctx context.Context, _ *wire.Reader, _ *wire.Writer) error {
	return s.node.members.handOver(ctx)
}
