package storage

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

// ErrStalled says that a call to the disk has been running for too long: the node cannot write now.
var ErrStalled = errors.New("storage_stalled")

// Names of the calls that the watchdog times, as OnStall, Faults, errors and metrics give them.
const (
	OpStoreLogs   = "store_logs"
	OpGetLog      = "get_log"
	OpDeleteRange = "delete_range"
	OpBounds      = "bounds"
	OpSet         = "set"
	OpGet         = "get"
)

var ops = [...]string{OpStoreLogs, OpGetLog, OpDeleteRange, OpBounds, OpSet, OpGet}

// watchdog knows which calls to the disk are running, and raises the alarm when one does not end. raft itself never
// notices: a leader whose disk hangs goes on sending heartbeats and stays leader.
type watchdog struct {
	slow    time.Duration
	stall   time.Duration
	tick    time.Duration
	onStall func(op string, d time.Duration)
	metrics *metrics
	logger  *slog.Logger

	slowest atomic.Pointer[slowCall] // the longest of the calls that are slow now, or nil
	stop    chan struct{}
	done    sync.WaitGroup

	mu    sync.Mutex
	next  uint64
	calls map[uint64]*diskCall // running; guarded by mu
}

type diskCall struct {
	op     string
	began  time.Time
	warned bool
}

type slowCall struct {
	op    string
	began time.Time
}

func startWatchdog(config Config, metrics *metrics) *watchdog {
	w := &watchdog{
		slow:    config.Settings.slow,
		stall:   config.Stall,
		tick:    config.Settings.tick,
		onStall: config.OnStall,
		metrics: metrics,
		logger:  config.Logger,
		stop:    make(chan struct{}),
		calls:   map[uint64]*diskCall{},
	}
	w.done.Go(w.run)
	return w
}

// Close ends the goroutine.
func (w *watchdog) Close() {
	close(w.stop)
	w.done.Wait()
}

// Healthy returns ErrStalled while a call is slow.
func (w *watchdog) Healthy() error {
	call := w.slowest.Load()
	if call == nil {
		return nil
	}
	return fmt.Errorf("%w: %s has been running for %s", ErrStalled, call.op, time.Since(call.began).Round(time.Millisecond))
}

// begin notes that a call starts; the answer is for end.
func (w *watchdog) begin(op string) uint64 {
	call := &diskCall{op: op, began: time.Now()}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next++
	w.calls[w.next] = call
	return w.next
}

func (w *watchdog) end(id uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.calls, id)
}

func (w *watchdog) run() {
	ticker := time.NewTicker(w.tick)
	defer ticker.Stop()
	seen := time.Now()
	told := false
	for {
		select {
		case <-w.stop:
			return
		case <-ticker.C:
		}
		now := time.Now()
		// After a pause of the whole process every running call looks old: it gets one more tick to finish.
		paused := now.Sub(seen) > w.slow
		seen = now
		if paused {
			continue
		}
		op, d := w.look(now)
		if d <= w.stall || told {
			continue
		}
		told = true
		w.metrics.stalls.Inc()
		w.logger.Error("the disk hangs", "op", op, "running", d)
		w.onStall(op, d)
	}
}

// look warns of calls that became slow and returns the longest running one.
func (w *watchdog) look(now time.Time) (op string, d time.Duration) {
	w.mu.Lock()
	var oldest *diskCall
	var warn []diskCall
	for _, call := range w.calls {
		if oldest == nil || call.began.Before(oldest.began) {
			oldest = call
		}
		if !call.warned && now.Sub(call.began) > w.slow {
			call.warned = true
			warn = append(warn, *call)
		}
	}
	w.mu.Unlock()
	for _, call := range warn {
		w.metrics.slowCalls.WithLabelValues(call.op).Inc()
		w.logger.Warn("a call to the disk is slow", "op", call.op, "running", now.Sub(call.began))
	}
	if oldest == nil {
		w.slowest.Store(nil)
		return "", 0
	}
	d = now.Sub(oldest.began)
	if d > w.slow {
		w.slowest.Store(&slowCall{op: oldest.op, began: oldest.began})
	} else {
		w.slowest.Store(nil)
	}
	return oldest.op, d
}

// watchedStore times every call to the log and to the vote.
type watchedStore struct {
	logs     raft.LogStore
	stable   raft.StableStore
	watchdog *watchdog
	faults   Faults
}

// timed runs one call under the watchdog.
func (s *watchedStore) timed(op string, call func() error) error {
	id := s.watchdog.begin(op)
	defer s.watchdog.end(id)
	if s.faults != nil {
		if err := s.faults.Before(op); err != nil {
			return err
		}
	}
	return call()
}

// FirstIndex implements raft.LogStore.
func (s *watchedStore) FirstIndex() (index uint64, err error) {
	err = s.timed(OpBounds, func() error { index, err = s.logs.FirstIndex(); return err })
	return index, err
}

// LastIndex implements raft.LogStore.
func (s *watchedStore) LastIndex() (index uint64, err error) {
	err = s.timed(OpBounds, func() error { index, err = s.logs.LastIndex(); return err })
	return index, err
}

// GetLog implements raft.LogStore.
func (s *watchedStore) GetLog(index uint64, log *raft.Log) error {
	return s.timed(OpGetLog, func() error { return s.logs.GetLog(index, log) })
}

// StoreLog implements raft.LogStore.
func (s *watchedStore) StoreLog(log *raft.Log) error { return s.StoreLogs([]*raft.Log{log}) }

// StoreLogs implements raft.LogStore.
func (s *watchedStore) StoreLogs(logs []*raft.Log) error {
	return s.timed(OpStoreLogs, func() error { return s.logs.StoreLogs(logs) })
}

// DeleteRange implements raft.LogStore.
func (s *watchedStore) DeleteRange(first, last uint64) error {
	return s.timed(OpDeleteRange, func() error { return s.logs.DeleteRange(first, last) })
}

// Set implements raft.StableStore.
func (s *watchedStore) Set(key, value []byte) error {
	return s.timed(OpSet, func() error { return s.stable.Set(key, value) })
}

// Get implements raft.StableStore.
func (s *watchedStore) Get(key []byte) (value []byte, err error) {
	err = s.timed(OpGet, func() error { value, err = s.stable.Get(key); return err })
	return value, err
}

// SetUint64 implements raft.StableStore.
func (s *watchedStore) SetUint64(key []byte, value uint64) error {
	return s.timed(OpSet, func() error { return s.stable.SetUint64(key, value) })
}

// GetUint64 implements raft.StableStore.
func (s *watchedStore) GetUint64(key []byte) (value uint64, err error) {
	err = s.timed(OpGet, func() error { value, err = s.stable.GetUint64(key); return err })
	return value, err
}
