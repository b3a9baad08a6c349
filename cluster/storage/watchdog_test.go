package storage

import (
	"errors"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

// heldDisk hangs the named call until released.
type heldDisk struct {
	op      string
	release chan struct{}
	fail    error
}

func (h *heldDisk) Before(op string) error {
	if op != h.op {
		return nil
	}
	<-h.release
	return h.fail
}

// watchedBench has a watchdog that counts in milliseconds.
func watchedBench(t *testing.T, disk Faults) (*workbench, chan string) {
	t.Helper()
	bench := newWorkbench(t)
	stalls := make(chan string, 10)
	bench.set.slow = 20 * time.Millisecond
	bench.set.tick = 2 * time.Millisecond
	bench.stall = 100 * time.Millisecond
	bench.set.Faults = disk
	bench.onStall = func(op string, d time.Duration) {
		if d <= bench.stall {
			t.Errorf("alarm after %s", d)
		}
		stalls <- op
	}
	return bench, stalls
}

func TestWatchdogHang(t *testing.T) {
	calls := map[string]func(s *Storage) error{
		OpStoreLogs:   func(s *Storage) error { return s.Logs.StoreLog(logEntries(1, 1, 1)[0]) },
		OpGetLog:      func(s *Storage) error { return s.Logs.GetLog(99, new(raft.Log)) },
		OpDeleteRange: func(s *Storage) error { return s.Logs.DeleteRange(1, 1) },
		OpBounds:      func(s *Storage) error { _, err := s.Logs.LastIndex(); return err },
		OpSet:         func(s *Storage) error { return s.Stable.SetUint64([]byte("k"), 1) },
		OpGet:         func(s *Storage) error { _, err := s.Stable.Get([]byte("k")); return err },
	}
	if len(calls) != len(ops) {
		t.Errorf("%d of %d calls are tested", len(calls), len(ops))
	}
	for op, call := range calls {
		t.Run(op, func(t *testing.T) {
			disk := &heldDisk{op: op, release: make(chan struct{}), fail: errors.New("released")}
			bench, stalls := watchedBench(t, disk)
			s := bench.open(t)
			defer closeStorage(t, s)
			if err := s.Healthy(); err != nil {
				t.Fatal(err)
			}
			done := make(chan error)
			go func() { done <- call(s) }()
			pollUntil(t, "unhealthy storage", func() bool { return errors.Is(s.Healthy(), ErrStalled) })
			wantErrorSaying(t, s.Healthy(), "storage_stalled", op)
			if got := <-stalls; got != op {
				t.Errorf("alarm for %s", got)
			}
			select {
			case err := <-done:
				t.Fatalf("the hanging call was answered: %v", err)
			default:
			}
			disk.release <- struct{}{}
			wantErrorSaying(t, <-done, disk.fail.Error()) // the cache does not wrap
			pollUntil(t, "healthy storage", func() bool { return s.Healthy() == nil })
			if got := metricValue(t, s.metrics.slowCalls.WithLabelValues(op)); got != 1 {
				t.Errorf("%v slow calls counted", got)
			}
			if got := metricValue(t, s.metrics.stalls); got != 1 {
				t.Errorf("%v stalls counted", got)
			}
			if !strings.Contains(bench.log.String(), "the disk hangs") {
				t.Error("nothing was logged")
			}
		})
	}
}

func TestWatchdogTellsOnce(t *testing.T) {
	disk := &heldDisk{op: OpStoreLogs, release: make(chan struct{})}
	bench, stalls := watchedBench(t, disk)
	s := bench.open(t)
	defer closeStorage(t, s)
	for range 2 {
		done := make(chan error)
		go func() { done <- s.Logs.StoreLog(logEntries(1, 1, 1)[0]) }()
		before := metricValue(t, s.metrics.slowCalls.WithLabelValues(OpStoreLogs))
		pollUntil(t, "a slow call", func() bool {
			return metricValue(t, s.metrics.slowCalls.WithLabelValues(OpStoreLogs)) > before
		})
		began := time.Now()
		pollUntil(t, "time for an alarm", func() bool { return time.Since(began) > 2*bench.stall })
		disk.release <- struct{}{}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if len(stalls) != 1 {
		t.Errorf("%d alarms", len(stalls))
	}
}

// A call that is slow, but ends before the limit, raises no alarm.
func TestWatchdogSlowCall(t *testing.T) {
	disk := &heldDisk{op: OpStoreLogs, release: make(chan struct{})}
	bench, stalls := watchedBench(t, disk)
	bench.stall = time.Hour
	s := bench.open(t)
	defer closeStorage(t, s)
	done := make(chan error)
	go func() { done <- s.Logs.StoreLog(logEntries(1, 1, 1)[0]) }()
	pollUntil(t, "a slow call", func() bool { return s.Healthy() != nil })
	disk.release <- struct{}{}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	pollUntil(t, "healthy storage", func() bool { return s.Healthy() == nil })
	if len(stalls) != 0 {
		t.Errorf("alarm for %s", <-stalls)
	}
}

// What the fault answers reaches raft, and a failed write is not in the cache.
func TestWatchdogFault(t *testing.T) {
	disk := &heldDisk{op: OpStoreLogs, release: make(chan struct{}), fail: errors.New("input/output error")}
	close(disk.release)
	bench, _ := watchedBench(t, disk)
	s := bench.open(t)
	defer closeStorage(t, s)
	wantErrorSaying(t, s.Logs.StoreLog(logEntries(1, 1, 1)[0]), "input/output error")
	if err := s.Logs.GetLog(1, new(raft.Log)); !errors.Is(err, raft.ErrLogNotFound) {
		t.Errorf("answered %v", err)
	}
}

func TestStorageLow(t *testing.T) {
	const gib = 1 << 30
	bench := newWorkbench(t)
	bench.set.survey = time.Millisecond
	var free, total atomic.Uint64
	var broken atomic.Bool
	free.Store(50 * gib)
	total.Store(100 * gib)
	bench.set.diskSpace = func(dir string) (uint64, uint64, error) {
		if dir != bench.dir {
			t.Errorf("measured %s", dir)
		}
		if broken.Load() {
			return 0, 0, os.ErrPermission
		}
		return free.Load(), total.Load(), nil
	}
	s := bench.open(t)
	defer closeStorage(t, s)
	if err := s.Healthy(); err != nil {
		t.Fatal(err)
	}
	steps := []struct {
		free, total uint64
		low         bool
	}{
		{2*gib - 1, 100 * gib, true}, // 2 GiB on a large disk
		{2 * gib, 100 * gib, false},
		{gib / 10, gib, false}, // 10 % on a small one
		{gib / 11, gib, true},
		{gib, gib, false},
	}
	for _, step := range steps {
		total.Store(step.total)
		free.Store(step.free)
		pollUntil(t, "a survey that finds what is free", func() bool {
			return errors.Is(s.Healthy(), ErrLow) == step.low
		})
	}
	free.Store(0)
	pollUntil(t, "low storage", func() bool { return s.Healthy() != nil })
	wantErrorSaying(t, s.Healthy(), "storage_low", bench.dir, "make room")
	broken.Store(true)
	pollUntil(t, "a failing survey", func() bool { return strings.Contains(bench.log.String(), "cannot measure the disk") })
	if !errors.Is(s.Healthy(), ErrLow) {
		t.Error("a survey that fails made the storage healthy")
	}
}

// The real measure, with limits that no disk and every disk meets.
func TestStorageLowOnThisDisk(t *testing.T) {
	bench := newWorkbench(t)
	bench.set.diskSpace = diskSpace
	bench.set.minFreePercent = 100
	bench.set.minFree = 1 << 62
	s := bench.open(t)
	defer closeStorage(t, s)
	if err := s.Healthy(); !errors.Is(err, ErrLow) {
		t.Errorf("answered %v", err)
	}
	bench = newWorkbench(t)
	bench.set.diskSpace = diskSpace
	bench.set.minFree = 0
	s = bench.open(t)
	defer closeStorage(t, s)
	if err := s.Healthy(); err != nil {
		t.Error(err)
	}
}
