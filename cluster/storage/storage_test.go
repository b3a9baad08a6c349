package storage

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"go.etcd.io/bbolt"

	"domicile/seal"
)

// marker stands for a person's data: it must not be found in any file.
const marker = "maria.rossi@example.com"

var ourID = seal.Identity{Region: "eu", Cluster: "6f1c2a9e-5b52-4c1e-9f0e-3a1d2c4b5a69", Node: "eu-1"}

// workbench opens storage again and again in one directory, the way a node does over its life.
type workbench struct {
	dir     string
	ring    *seal.Keyring
	id      seal.Identity
	set     Settings
	stall   time.Duration
	onStall func(string, time.Duration)
	log     *logLines
}

func newWorkbench(t *testing.T) *workbench {
	t.Helper()
	set := DefaultSettings()
	set.diskSpace = func(string) (free, total uint64, err error) { return 1 << 40, 1 << 41, nil } // whatever this disk has
	return &workbench{
		dir:     t.TempDir(),
		ring:    seal.GenerateKeyring(),
		id:      ourID,
		set:     set,
		stall:   time.Minute,
		onStall: func(op string, d time.Duration) { t.Errorf("%s stalled for %s", op, d) },
		log:     new(logLines),
	}
}

func (b *workbench) tryOpen() (*Storage, error) {
	return Open(Config{
		Dir: b.dir, Keyring: b.ring, Identity: b.id, OnStall: b.onStall, Stall: b.stall,
		Logger: slog.New(slog.NewTextHandler(b.log, nil)), Settings: b.set,
	})
}

// open opens storage that the test closes at its end, or earlier with close.
func (b *workbench) open(t *testing.T) *Storage {
	t.Helper()
	s, err := b.tryOpen()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.closeFiles() }) // for tests that fail before they close it
	return s
}

func closeStorage(t *testing.T, s *Storage) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// logLines keeps what was logged.
type logLines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// logEntries makes log entries first..last of a term that carry the marker.
func logEntries(first, last, term uint64) []*raft.Log {
	var logs []*raft.Log
	for i := first; i <= last; i++ {
		logs = append(logs, &raft.Log{
			Index:      i,
			Term:       term,
			Data:       fmt.Appendf(nil, "%s entry %d", marker, i),
			AppendedAt: time.Unix(1_700_000_000, int64(i)).UTC(),
		})
	}
	return logs
}

func storeEntries(t *testing.T, s raft.LogStore, logs []*raft.Log) {
	t.Helper()
	if err := s.StoreLogs(logs); err != nil {
		t.Fatal(err)
	}
}

// takeSnapshot writes a snapshot with the given content and returns its id.
func takeSnapshot(t *testing.T, s raft.SnapshotStore, index, term uint64, content []byte) string {
	t.Helper()
	sink, err := s.Create(1, index, term, raft.Configuration{}, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sink.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
	return sink.ID()
}

func wantErrorSaying(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
}

// pollUntil polls until ok, and fails after a generous deadline.
func pollUntil(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("still waiting for: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// metricValue reads a counter or a gauge.
func metricValue(t *testing.T, metric prometheus.Metric) float64 {
	t.Helper()
	var read dto.Metric
	if err := metric.Write(&read); err != nil {
		t.Fatal(err)
	}
	return read.GetCounter().GetValue() + read.GetGauge().GetValue()
}

// wantNoMarker fails if the marker is found in any file under dir.
func wantNoMarker(t *testing.T, dir string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files++
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte(marker)) {
			t.Errorf("%s holds clear text", path)
		}
		return err
	})
	if err != nil || files == 0 {
		t.Fatalf("searched %d files: %v", files, err)
	}
}

func TestStorageKeepsNoClearText(t *testing.T) {
	bench := newWorkbench(t)
	if _, _, err := LoadNodeFile(bench.dir, bench.id); err != nil {
		t.Fatal(err)
	}
	s := bench.open(t)
	logs := logEntries(1, 200, 1)
	logs[7].Extensions = []byte(marker)
	storeEntries(t, s.Logs, logs)
	takeSnapshot(t, s.Snapshots, 100, 1, bytes.Repeat([]byte(marker), 10_000))
	view := backupView(t, ourID, 1000)
	backup, err := os.Create(filepath.Join(bench.dir, "backup"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(WriteBackup(backup, view, bench.ring, bench.id), backup.Close()); err != nil {
		t.Fatal(err)
	}
	wantNoMarker(t, bench.dir) // while the files are open
	closeStorage(t, s)
	wantNoMarker(t, bench.dir)
}

func TestStorageAcrossRestarts(t *testing.T) {
	bench := newWorkbench(t)
	s := bench.open(t)
	storeEntries(t, s.Logs, logEntries(1, 30, 3))
	if err := s.Stable.SetUint64([]byte("CurrentTerm"), 3); err != nil {
		t.Fatal(err)
	}
	content := bytes.Repeat([]byte("0123456789"), 20_000)
	takeSnapshot(t, s.Snapshots, 10, 3, content)
	closeStorage(t, s)

	s = bench.open(t)
	defer closeStorage(t, s)
	first, err := s.Logs.FirstIndex()
	if first != 1 || err != nil {
		t.Errorf("first index %d, %v", first, err)
	}
	last, err := s.Logs.LastIndex()
	if last != 30 || err != nil {
		t.Errorf("last index %d, %v", last, err)
	}
	for _, want := range logEntries(1, 30, 3) {
		var got raft.Log
		if err := s.Logs.GetLog(want.Index, &got); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Data, want.Data) || got.Term != 3 || !got.AppendedAt.Equal(want.AppendedAt) {
			t.Errorf("entry %d came back as %+v", want.Index, got)
		}
	}
	if term, err := s.Stable.GetUint64([]byte("CurrentTerm")); term != 3 || err != nil {
		t.Errorf("term %d, %v", term, err)
	}
	if _, err := s.Stable.Get([]byte("absent")); err == nil || err.Error() != "not found" {
		t.Errorf("an absent key answers %v; raft wants the words \"not found\"", err)
	}
	if err := s.Logs.GetLog(31, new(raft.Log)); !errors.Is(err, raft.ErrLogNotFound) {
		t.Errorf("an absent entry answers %v", err)
	}
	metas, err := s.Snapshots.List()
	if err != nil || len(metas) != 1 || metas[0].Size != int64(len(content)) {
		t.Fatalf("snapshots %+v, %v", metas, err)
	}
	if err := s.Healthy(); err != nil {
		t.Error(err)
	}
}

// With the settings of a real node, on the real disk.
func TestStorageDefaults(t *testing.T) {
	onStall := func(op string, d time.Duration) { t.Errorf("%s stalled for %s", op, d) }
	s, err := Open(Config{
		Dir: t.TempDir(), Keyring: seal.GenerateKeyring(), Identity: ourID, OnStall: onStall, Stall: time.Minute,
		Logger: slog.New(slog.DiscardHandler), Settings: DefaultSettings(),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer closeStorage(t, s)
	storeEntries(t, s.Logs, logEntries(1, 1, 1))
	if err := s.Logs.StoreLog(logEntries(2, 2, 1)[0]); err != nil {
		t.Error(err)
	}
	if last, err := s.Logs.LastIndex(); last != 2 || err != nil {
		t.Errorf("last index %d, %v", last, err)
	}
}

func TestStorageFileModes(t *testing.T) {
	bench := newWorkbench(t)
	bench.dir = filepath.Join(bench.dir, "made", "here")
	if _, _, err := LoadNodeFile(bench.dir, bench.id); err != nil {
		t.Fatal(err)
	}
	closeStorage(t, bench.open(t))
	for name, want := range map[string]fs.FileMode{".": 0o700, nodeFile: 0o600, boltFile: 0o600, lockFile: 0o600, snapshotDirectory: 0o700} {
		info, err := os.Stat(filepath.Join(bench.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", name, got, want)
		}
	}
}

func TestStorageInUse(t *testing.T) {
	bench := newWorkbench(t)
	s := bench.open(t)
	defer closeStorage(t, s)
	sink, err := s.Snapshots.Create(1, 5, 1, raft.Configuration{}, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Cancel() //nolint:errcheck // only to free it
	second := *bench
	second.set.lockTimeout = 50 * time.Millisecond
	_, err = second.tryOpen()
	wantErrorSaying(t, err, bench.dir, "in use by another process", "is this node already running?")
	if strings.Contains(bench.log.String(), "removed") {
		t.Error("the second process removed what the first is writing")
	}
}

// A tool may hold raft.db alone.
func TestStorageLogInUse(t *testing.T) {
	bench := newWorkbench(t)
	closeStorage(t, bench.open(t))
	tool, err := bbolt.Open(filepath.Join(bench.dir, boltFile), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	bench.set.lockTimeout = 50 * time.Millisecond
	_, err = bench.tryOpen()
	wantErrorSaying(t, err, boltFile, "in use by another process")
	if err := tool.Close(); err != nil {
		t.Fatal(err)
	}
	closeStorage(t, bench.open(t))
}

// The previous process may need a moment to end.
func TestStorageWaitsForItsPredecessor(t *testing.T) {
	bench := newWorkbench(t)
	first := bench.open(t)
	opened := make(chan error)
	go func() {
		second, err := bench.tryOpen()
		if err == nil {
			err = second.Close()
		}
		opened <- err
	}()
	closeStorage(t, first)
	if err := <-opened; err != nil {
		t.Error(err)
	}
}

func TestStorageLogBytes(t *testing.T) {
	s := newWorkbench(t).open(t)
	defer closeStorage(t, s)
	logs := logEntries(1, 10, 1)
	want := int64(0)
	for _, log := range logs {
		want += int64(len(log.Data) + seal.Overhead)
	}
	storeEntries(t, s.Logs, logs)
	if got := s.LogBytes(); got != want {
		t.Errorf("%d bytes, want %d", got, want)
	}
	// What is appended while a snapshot is written is not in it.
	sink, err := s.Snapshots.Create(1, 10, 1, raft.Configuration{}, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	late := logEntries(11, 11, 1)
	storeEntries(t, s.Logs, late)
	if _, err := io.WriteString(sink, "state"); err != nil {
		t.Fatal(err)
	}
	if got := s.LogBytes(); got <= want {
		t.Errorf("an unfinished snapshot covers entries: %d bytes", got)
	}
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
	if got, want := s.LogBytes(), int64(len(late[0].Data)+seal.Overhead); got != want {
		t.Errorf("%d bytes after the snapshot, want %d", got, want)
	}
}

func TestStorageMetrics(t *testing.T) {
	bench := newWorkbench(t)
	s := bench.open(t)
	defer closeStorage(t, s)
	storeEntries(t, s.Logs, logEntries(1, 10, 1))
	takeSnapshot(t, s.Snapshots, 10, 1, make([]byte, 12_345))
	s.survey.measure()
	if got := metricValue(t, s.metrics.appendBytes); got != float64(s.tally.appended.Load()) {
		t.Errorf("append_bytes_total %v", got)
	}
	if got := metricValue(t, s.metrics.snapshotBytes); got != 12_345 {
		t.Errorf("snapshot_bytes %v", got)
	}
	for name, got := range map[string]float64{
		"log_file_bytes":  metricValue(t, s.metrics.fileBytes),
		"disk_free_bytes": metricValue(t, s.metrics.diskFreeBytes),
	} {
		if got <= 0 {
			t.Errorf("%s is %v", name, got)
		}
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(s.Collectors()...)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}
