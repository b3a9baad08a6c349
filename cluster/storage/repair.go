package storage

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/hashicorp/raft"
)

// repairLog makes the log fit the newest snapshot; nil means that there is none.
//
// An entry at the snapshot's index with another term was never committed, nor was anything after it, and the snapshot
// covers all before it: the log is deleted. Left alone, raft installs the leader's snapshot again and again and never
// catches up (hashicorp/raft issue 697).
func repairLog(logs raft.LogStore, newest *raft.SnapshotMeta, logger *slog.Logger) error {
	first, err := logs.FirstIndex()
	if err != nil {
		return fmt.Errorf("read the log: %w", err)
	}
	last, err := logs.LastIndex()
	if err != nil {
		return fmt.Errorf("read the log: %w", err)
	}
	var covered uint64
	if newest != nil {
		covered = newest.Index
	}
	if first > covered+1 {
		return fmt.Errorf("the log begins at entry %d, but the newest snapshot ends at entry %d: entries between are lost. "+
			"Put the missing snapshot back, or empty the data directory and let this node join again", first, covered)
	}
	if newest == nil {
		return nil
	}
	var entry raft.Log
	err = logs.GetLog(newest.Index, &entry)
	if errors.Is(err, raft.ErrLogNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read log entry %d: %w", newest.Index, err)
	}
	if entry.Term == newest.Term {
		return nil
	}
	if err := logs.DeleteRange(first, last); err != nil {
		return fmt.Errorf("delete the log that contradicts snapshot %s: %w", newest.ID, err)
	}
	logger.Warn("deleted a log that contradicted the newest snapshot; none of it was committed beyond the snapshot",
		"first", first, "last", last, "snapshot", newest.ID, "entry_term", entry.Term, "snapshot_term", newest.Term)
	return nil
}
