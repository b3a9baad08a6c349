package storage

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

const (
	boltFile    = "raft.db"
	compactFile = "raft.db.compact" // what an interrupted compaction leaves

	// boltMap is reserved address space, not memory: while raft.db is smaller, growing it never waits for readers.
	boltMap = 1 << 30

	// compactBatch is how many bytes one transaction of a compaction moves.
	compactBatch = 16 << 20
)

// boltOptions keeps commits short: the list of free pages is found again at start instead of being written each time. That
// scan is why raft.db must stay small, see compact.
func boltOptions(lockTimeout time.Duration) *bbolt.Options {
	return &bbolt.Options{
		Timeout:         lockTimeout,
		NoFreelistSync:  true,
		FreelistType:    bbolt.FreelistMapType,
		InitialMmapSize: boltMap,
	}
}

// openBolt opens raft.db, rewritten first if it is mostly free pages.
func openBolt(set Settings, dir string, logger *slog.Logger) (*raftboltdb.BoltStore, error) {
	path := filepath.Join(dir, boltFile)
	if err := os.Remove(filepath.Join(dir, compactFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		logger.Warn("cannot remove what an interrupted compaction left", "error", err)
	}
	store, err := openBoltFile(path, set.lockTimeout)
	if err != nil {
		return nil, err
	}
	file, err := os.Stat(path)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	free := int64(store.Stats().FreeAlloc)
	used := file.Size() - free
	if free <= set.compactFree || free <= set.compactRatio*used {
		return store, nil
	}
	if err := store.Close(); err != nil {
		return nil, err
	}
	began := time.Now()
	if err := compact(dir, set.lockTimeout); err != nil {
		// The old file is whole. A node that starts with a large log is better than one that does not.
		logger.Warn("cannot compact the log", "error", err, "file_bytes", file.Size(), "free_bytes", free)
		_ = os.Remove(filepath.Join(dir, compactFile))
	} else {
		logger.Info("compacted the log", "file_bytes", file.Size(), "free_bytes", free, "took", time.Since(began))
	}
	return openBoltFile(path, set.lockTimeout)
}

func openBoltFile(path string, lockTimeout time.Duration) (*raftboltdb.BoltStore, error) {
	store, err := raftboltdb.New(raftboltdb.Options{Path: path, BoltOptions: boltOptions(lockTimeout)})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, inUse(path, lockTimeout)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return store, nil
}

// compact copies raft.db into a new file and puts that in its place; the file is whole at every moment.
func compact(dir string, lockTimeout time.Duration) (err error) {
	from, to := filepath.Join(dir, boltFile), filepath.Join(dir, compactFile)
	src, err := bbolt.Open(from, 0o600, boltOptions(lockTimeout))
	if err != nil {
		return fmt.Errorf("compact: %w", err)
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	options := boltOptions(lockTimeout)
	options.NoSync = true       // once, below
	options.InitialMmapSize = 0 // grows by what is needed
	dst, err := bbolt.Open(to, 0o600, options)
	if err != nil {
		return fmt.Errorf("compact: %w", err)
	}
	if err := errors.Join(bbolt.Compact(dst, src, compactBatch), dst.Sync(), dst.Close()); err != nil {
		return fmt.Errorf("compact: %w", err)
	}
	if err := os.Rename(to, from); err != nil {
		return fmt.Errorf("compact: %w", err)
	}
	return syncDirectory(dir)
}

// syncDirectory makes created, renamed and removed names in dir survive a power loss.
func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	return nil
}
