package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

const lockFile = "lock"

// lockDirectory makes this process the only one that uses a data directory, until the file is closed or the process ends.
// raft.db has a lock of its own, but compaction replaces raft.db, and unfinished snapshots may be removed only by their
// owner. It waits for a previous process to end.
func lockDirectory(dir string, patience time.Duration) (*os.File, error) {
	path := filepath.Join(dir, lockFile)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	deadline := time.Now().Add(patience)
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return f, nil
		case errors.Is(err, unix.EINTR):
			continue
		case !errors.Is(err, unix.EWOULDBLOCK):
			return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
		case time.Now().After(deadline):
			return nil, errors.Join(inUse(dir, patience), f.Close())
		}
		time.Sleep(20 * time.Millisecond) // flock cannot wait for a limited time
	}
}

func inUse(path string, patience time.Duration) error {
	return fmt.Errorf("%s is in use by another process, still after %s: is this node already running?", path, patience)
}
