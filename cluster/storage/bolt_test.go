package storage

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/raft"
)

func boltSize(t *testing.T, dir string) int64 {
	t.Helper()
	info, err := os.Stat(filepath.Join(dir, boltFile))
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// emptyLog leaves a raft.db of some megabytes with entries 990..1000 and a vote in it.
func emptyLog(t *testing.T, bench *workbench) {
	t.Helper()
	s := bench.open(t)
	for first := uint64(1); first <= 1000; first += 100 {
		logs := logEntries(first, first+99, 1)
		for _, log := range logs {
			log.Data = append(log.Data, make([]byte, 24<<10)...)
		}
		storeEntries(t, s.Logs, logs)
	}
	takeSnapshot(t, s.Snapshots, 995, 1, []byte("state"))
	if err := s.Logs.DeleteRange(1, 989); err != nil {
		t.Fatal(err)
	}
	if err := s.Stable.Set([]byte("LastVoteCand"), []byte("eu-2")); err != nil {
		t.Fatal(err)
	}
	closeStorage(t, s)
}

func TestCompactionAtStart(t *testing.T) {
	bench := newWorkbench(t)
	emptyLog(t, bench)
	before := boltSize(t, bench.dir)
	bench.set.compactFree, bench.set.compactRatio = 1<<20, 1
	leftover := filepath.Join(bench.dir, compactFile)
	if err := os.WriteFile(leftover, []byte("interrupted"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := bench.open(t)
	after := boltSize(t, bench.dir)
	if after > before/4 {
		t.Errorf("%d bytes became %d", before, after)
	}
	if _, err := os.Stat(leftover); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the temporary file is left: %v", err)
	}
	for index := uint64(990); index <= 1000; index++ {
		if err := s.Logs.GetLog(index, new(raft.Log)); err != nil {
			t.Error(err)
		}
	}
	if vote, err := s.Stable.Get([]byte("LastVoteCand")); string(vote) != "eu-2" || err != nil {
		t.Errorf("vote %q, %v", vote, err)
	}
	storeEntries(t, s.Logs, logEntries(1001, 1010, 1))
	closeStorage(t, s)
	s = bench.open(t)
	defer closeStorage(t, s)
	if last, err := s.Logs.LastIndex(); last != 1010 || err != nil {
		t.Errorf("last index %d, %v", last, err)
	}
	if n := strings.Count(bench.log.String(), "compacted the log"); n != 1 {
		t.Errorf("compacted %d times", n)
	}
}

func TestCompactionThresholds(t *testing.T) {
	tests := map[string]struct{ free, ratio int64 }{
		"too few free bytes":  {1 << 30, 0},
		"too many used bytes": {0, 1 << 30},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			bench := newWorkbench(t)
			emptyLog(t, bench)
			before := boltSize(t, bench.dir)
			bench.set.compactFree, bench.set.compactRatio = test.free, test.ratio
			closeStorage(t, bench.open(t))
			if after := boltSize(t, bench.dir); after != before {
				t.Errorf("%d bytes became %d", before, after)
			}
		})
	}
}

// A compaction that fails leaves the log as it was, and the node starts.
func TestCompactionFails(t *testing.T) {
	bench := newWorkbench(t)
	emptyLog(t, bench)
	bench.set.compactFree, bench.set.compactRatio = 1<<20, 1
	inTheWay := filepath.Join(bench.dir, compactFile)
	if err := os.MkdirAll(inTheWay, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(inTheWay, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := bench.open(t)
	defer closeStorage(t, s)
	if !strings.Contains(bench.log.String(), "cannot compact the log") {
		t.Error("the case is not set up: nothing failed")
	}
	if err := s.Logs.GetLog(1000, new(raft.Log)); err != nil {
		t.Error(err)
	}
}

func TestDamagedBoltFile(t *testing.T) {
	bench := newWorkbench(t)
	if err := os.WriteFile(filepath.Join(bench.dir, boltFile), []byte(strings.Repeat("not a log ", 5000)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := bench.tryOpen()
	wantErrorSaying(t, err, "open storage", boltFile)
}
