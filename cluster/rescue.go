package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/hashicorp/raft"

	"domicile/fsm/state"
)

// Backup writes an encrypted copy of the ledger to w, as the view shows it. Any node can make it.
func (n *Node) Backup(w io.Writer, view *state.View) error {
	if err := writeBackup(w, view, n.config.Keyring, n.identity); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return nil
}

// Restore puts a backup into an empty ledger: for a new cluster of the same region and cluster id, after the old one was
// lost. It is called on the leader, and returns once a majority holds everything. The backup is read more than once; a damaged one,
// one of another region or cluster, or sealed with an unknown key, is refused before anything changes.
func (n *Node) Restore(ctx context.Context, backup io.ReadSeeker) error {
	if term, _ := n.leadership.term(); term == 0 {
		return fmt.Errorf("restore: %w", errNotLeader)
	}
	if n.fsm.View().Seq() > 0 {
		return errors.New("restore: the ledger is not empty; restore into a newly founded cluster")
	}
	if _, err := verifyBackup(backup, n.config.Keyring, n.identity); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	size, err := n.measure(backup)
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	ledger, err := n.reopen(backup)
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	done := make(chan error, 1)
	go func() {
		done <- n.raft.Restore(&raft.SnapshotMeta{Version: raft.SnapshotVersionMax, Size: size}, ledger, 0)
	}()
	select {
	case err = <-done:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	n.logger.Warn("the ledger was restored from a backup", "seq", n.fsm.View().Seq())
	return nil
}

// reopen reads the ledger in a backup from its beginning.
func (n *Node) reopen(backup io.ReadSeeker) (io.Reader, error) {
	if _, err := backup.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return readBackup(backup, n.config.Keyring, n.identity)
}

// measure gives the size of the ledger in a backup: raft must know it beforehand.
func (n *Node) measure(backup io.ReadSeeker) (int64, error) {
	ledger, err := n.reopen(backup)
	if err != nil {
		return 0, err
	}
	return io.Copy(io.Discard, ledger)
}
