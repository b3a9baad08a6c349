package storage

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"golang.org/x/sys/unix"
)

// ErrLow says that the disk is nearly full. Writes stop while there is still room, so that the log itself never
// meets a full disk, which bbolt does not survive well.
var ErrLow = errors.New("storage_low")

// survey measures the disk from time to time, so that nobody else has to wait for it.
type survey struct {
	set     Settings
	dir     string
	bolt    *raftboltdb.BoltStore
	metrics *metrics
	logger  *slog.Logger

	low  atomic.Pointer[lowSpace] // nil: enough room
	stop chan struct{}
	done sync.WaitGroup
}

type lowSpace struct{ free, limit uint64 }

// startSurvey measures once, then in the background until Close.
func startSurvey(config Config, bolt *raftboltdb.BoltStore, metrics *metrics) *survey {
	s := &survey{
		set: config.Settings, dir: config.Dir, bolt: bolt, metrics: metrics, logger: config.Logger, stop: make(chan struct{}),
	}
	s.measure()
	s.done.Go(s.run)
	return s
}

// Close ends the goroutine.
func (s *survey) Close() {
	close(s.stop)
	s.done.Wait()
}

// Healthy returns ErrLow while too little of the disk is free.
func (s *survey) Healthy() error {
	low := s.low.Load()
	if low == nil {
		return nil
	}
	return fmt.Errorf("%w: %d MiB are free on the disk of %s, and below %d MiB writes are refused: make room or enlarge the disk",
		ErrLow, low.free>>20, s.dir, low.limit>>20)
}

func (s *survey) run() {
	ticker := time.NewTicker(s.set.survey)
	defer ticker.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-ticker.C:
			s.measure()
		}
	}
}

func (s *survey) measure() {
	if file, err := os.Stat(filepath.Join(s.dir, boltFile)); err == nil {
		s.metrics.fileBytes.Set(float64(file.Size()))
	}
	s.metrics.freePageBytes.Set(float64(s.bolt.Stats().FreeAlloc))
	free, total, err := s.set.diskSpace(s.dir)
	if err != nil {
		s.logger.Warn("cannot measure the disk", "error", err)
		return
	}
	s.metrics.diskFreeBytes.Set(float64(free))
	limit := min(s.set.minFree, total/100*s.set.minFreePercent)
	was := s.low.Load() != nil
	if free >= limit {
		s.low.Store(nil)
		if was {
			s.logger.Info("the disk has room again", "free_bytes", free, "limit_bytes", limit)
		}
		return
	}
	s.low.Store(&lowSpace{free: free, limit: limit})
	if !was {
		s.logger.Error("the disk is nearly full: writes are refused", "free_bytes", free, "limit_bytes", limit)
	}
}

// diskSpace returns the bytes that this process may still use on dir's disk, and the disk's size.
func diskSpace(dir string) (free, total uint64, err error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return 0, 0, fmt.Errorf("statfs %s: %w", dir, err)
	}
	block := uint64(stat.Bsize) //nolint:gosec // a block size is positive
	return stat.Bavail * block, stat.Blocks * block, nil
}
