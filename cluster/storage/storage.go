package storage

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"github.com/prometheus/client_golang/prometheus"

	"domicile/seal"
)

const (
	// cachedEntries is how many of the newest entries stay in memory in clear, so that replication reads neither disk nor
	// cipher. An entry is at most about 128 KiB, so the cache stays under 16 MiB.
	cachedEntries = 128

	// retainedSnapshots keeps one snapshot behind the newest, for a follower that is just being sent it.
	retainedSnapshots = 2
)

// Storage is everything that a node keeps on disk for raft: the log and the vote in raft.db, and snapshots. Entries and
// snapshots are sealed with the region's key ring, and bound to region and cluster; term and vote are not secret and stay
// plain. A watchdog times every call, and a survey measures the room left on the disk.
type Storage struct {
	Logs      raft.LogStore
	Stable    raft.StableStore
	Snapshots raft.SnapshotStore

	lock     *os.File
	bolt     *raftboltdb.BoltStore
	watchdog *watchdog
	survey   *survey
	tally    *logTally
	metrics  *metrics
}

// Settings are the constants of storage that its tests change, and the faults that tests inject.
type Settings struct {
	slow        time.Duration // a call that runs longer is counted and logged
	tick        time.Duration // how often the watchdog looks
	survey      time.Duration // how often the disk is measured
	lockTimeout time.Duration // how long to wait for another process that uses the directory

	// raft.db is rewritten at start if it has more than compactFree free bytes and more than compactRatio times as many
	// free as used ones: bbolt reuses free pages but never gives them back.
	compactFree  int64
	compactRatio int64

	// Writes stop when less than minFree bytes and less than minFreePercent of the disk are free.
	minFree        uint64
	minFreePercent uint64
	diskSpace      func(dir string) (free, total uint64, err error)

	Faults Faults // nil: none
}

// Faults lets a test delay, hang or fail a call where a disk would: the watchdog's clock is running, and what Before
// returns is the answer unless it is nil. op is OpStoreLogs or another of those names.
type Faults interface {
	Before(op string) error
}

// DefaultSettings are those of a real node.
func DefaultSettings() Settings {
	return Settings{
		slow:           2 * time.Second,
		tick:           250 * time.Millisecond,
		survey:         2 * time.Second,
		lockTimeout:    5 * time.Second,
		compactFree:    1 << 30,
		compactRatio:   4,
		minFree:        2 << 30,
		minFreePercent: 10,
		diskSpace:      diskSpace,
	}
}

// Config says whose storage to open, and what happens when its disk hangs. All fields are required.
type Config struct {
	Dir      string // the data directory
	Keyring  *seal.Keyring
	Identity seal.Identity

	// OnStall is told once, from another goroutine, when one call has been running for longer than Stall: the disk hangs,
	// the node must let go of its peers and exit. The call itself goes on; it is never answered early, because a write
	// that lands after its error would corrupt the log.
	OnStall func(op string, d time.Duration)
	Stall   time.Duration

	Logger   *slog.Logger // must not wait for the disk itself
	Settings Settings     // DefaultSettings, tests apart
}

// Open opens a node's data directory, or makes it; the caller closes it. It removes what an interrupted run left, rewrites
// raft.db if that is mostly empty, and repairs a log whose tail contradicts the newest snapshot. It refuses, with a message
// that says what to do, a directory that another process uses, a newest snapshot of another region or cluster, one that is
// damaged or was sealed with a key that the ring lacks, and a log that does not reach back to the newest snapshot.
func Open(config Config) (*Storage, error) {
	if err := os.MkdirAll(filepath.Join(config.Dir, snapshotDirectory), 0o700); err != nil {
		return nil, fmt.Errorf("open storage: %w", err)
	}
	lock, err := lockDirectory(config.Dir, config.Settings.lockTimeout)
	if err != nil {
		return nil, fmt.Errorf("open storage: %w", err)
	}
	s := &Storage{lock: lock, tally: new(logTally), metrics: newMetrics()}
	if err := s.open(config); err != nil {
		return nil, fmt.Errorf("open storage: %w", errors.Join(err, s.closeFiles()))
	}
	s.watchdog = startWatchdog(config, s.metrics)
	s.survey = startSurvey(config, s.bolt, s.metrics)
	watched := &watchedStore{
		logs:     newSealedLog(s.bolt, config.Keyring, config.Identity, s.tally, s.metrics),
		stable:   s.bolt,
		watchdog: s.watchdog,
		faults:   config.Settings.Faults,
	}
	s.Stable = watched
	s.Logs, err = raft.NewLogCache(cachedEntries, watched)
	if err != nil {
		return nil, fmt.Errorf("open storage: %w", errors.Join(err, s.Close()))
	}
	return s, nil
}

// open opens the files, makes them fit each other, and refuses what is not ours.
func (s *Storage) open(config Config) error {
	snapshots, err := openSnapshots(config, s.tally, s.metrics)
	if err != nil {
		return err
	}
	s.Snapshots = snapshots
	newest, err := snapshots.verifyNewest()
	if err != nil {
		return err
	}
	s.bolt, err = openBolt(config.Settings, config.Dir, config.Logger)
	if err != nil {
		return err
	}
	return repairLog(s.bolt, newest, config.Logger)
}

// Close, to be called once, ends the watchdog and closes the files. It waits for calls that are under way, so it hangs if
// the disk does.
func (s *Storage) Close() error {
	s.watchdog.Close()
	s.survey.Close()
	if err := s.closeFiles(); err != nil {
		return fmt.Errorf("close storage: %w", err)
	}
	return nil
}

// closeFiles lets go of the directory's lock last.
func (s *Storage) closeFiles() error {
	var err error
	if s.bolt != nil {
		err = s.bolt.Close()
	}
	return errors.Join(err, s.lock.Close())
}

// Healthy returns nil, or why this node should take no writes: ErrStalled while a call is slow, ErrLow while the disk is
// nearly full. It only looks at what was measured last, and never waits.
func (s *Storage) Healthy() error {
	if err := s.watchdog.Healthy(); err != nil {
		return err
	}
	return s.survey.Healthy()
}

// LogBytes returns the sealed bytes that were appended to the log since start or since the newest snapshot was begun,
// whichever is later. Entries that a snapshot covers no longer count, even while raft keeps them for slow followers: so
// "snapshot when LogBytes exceeds a limit" ends.
func (s *Storage) LogBytes() int64 { return s.tally.since() }

// Collectors returns the metrics of this storage, for registration.
func (s *Storage) Collectors() []prometheus.Collector { return s.metrics.all() }
