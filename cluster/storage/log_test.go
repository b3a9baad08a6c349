package storage

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"

	"domicile/seal"
)

// sealedOver gives the sealed log alone, without cache and watchdog, over a real raft.db.
func sealedOver(t testing.TB, bolt raft.LogStore, ring *seal.Keyring, id seal.Identity) *sealedLog {
	t.Helper()
	return newSealedLog(bolt, ring, id, new(logTally), newMetrics())
}

func openTestBolt(t testing.TB) *raftboltdb.BoltStore {
	t.Helper()
	bolt, err := openBolt(DefaultSettings(), t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bolt.Close() })
	return bolt
}

func TestSealedLogRoundTrip(t *testing.T) {
	bolt := openTestBolt(t)
	sealed := sealedOver(t, bolt, seal.GenerateKeyring(), ourID)
	tests := []raft.Log{
		{Index: 1, Term: 1, Type: raft.LogNoop},
		{Index: 2, Term: 1, Data: []byte("x")},
		{Index: 3, Term: 2, Data: []byte("data"), Extensions: []byte("extensions")},
		{Index: 4, Term: 2, Extensions: []byte("extensions only")},
		{Index: 5, Term: 2, Type: raft.LogConfiguration, Data: make([]byte, 1<<20)},
	}
	var logs []*raft.Log
	for i := range tests {
		log := tests[i]
		logs = append(logs, &log)
	}
	storeEntries(t, sealed, logs)
	if err := sealed.StoreLog(&raft.Log{Index: 6, Term: 2, Data: []byte("reuses the scratch memory")}); err != nil {
		t.Fatal(err)
	}
	for i, want := range tests {
		if !bytes.Equal(logs[i].Data, want.Data) || !bytes.Equal(logs[i].Extensions, want.Extensions) {
			t.Errorf("StoreLogs changed the caller's entry %d", want.Index)
		}
		var got raft.Log
		if err := sealed.GetLog(want.Index, &got); err != nil {
			t.Fatal(err)
		}
		if got.Index != want.Index || got.Term != want.Term || got.Type != want.Type ||
			!bytes.Equal(got.Data, want.Data) || !bytes.Equal(got.Extensions, want.Extensions) {
			t.Errorf("entry %d came back as %+v", want.Index, got)
		}
		var raw raft.Log
		if err := bolt.GetLog(want.Index, &raw); err != nil {
			t.Fatal(err)
		}
		if len(raw.Data) != len(want.Data)+seal.Overhead {
			t.Errorf("entry %d is stored in %d bytes, %d in clear", want.Index, len(raw.Data), len(want.Data))
		}
	}
}

func TestSealedLogRefusesAlteredEntries(t *testing.T) {
	tests := map[string]func(logs map[uint64]*raft.Log) *raft.Log{
		"data":               func(m map[uint64]*raft.Log) *raft.Log { m[2].Data[len(m[2].Data)-1] ^= 1; return m[2] },
		"data cut":           func(m map[uint64]*raft.Log) *raft.Log { m[2].Data = m[2].Data[:20]; return m[2] },
		"data removed":       func(m map[uint64]*raft.Log) *raft.Log { m[2].Data = nil; return m[2] },
		"salt":               func(m map[uint64]*raft.Log) *raft.Log { m[2].Data[10] ^= 1; return m[2] },
		"term":               func(m map[uint64]*raft.Log) *raft.Log { m[2].Term++; return m[2] },
		"type":               func(m map[uint64]*raft.Log) *raft.Log { m[2].Type = raft.LogNoop; return m[2] },
		"extensions":         func(m map[uint64]*raft.Log) *raft.Log { m[3].Extensions[70] ^= 1; return m[3] },
		"extensions removed": func(m map[uint64]*raft.Log) *raft.Log { m[3].Extensions = nil; return m[3] },
		"extensions added":   func(m map[uint64]*raft.Log) *raft.Log { m[2].Extensions = m[3].Extensions; return m[2] },
		"parts exchanged": func(m map[uint64]*raft.Log) *raft.Log {
			m[3].Data, m[3].Extensions = m[3].Extensions, m[3].Data
			return m[3]
		},
		"another entry": func(m map[uint64]*raft.Log) *raft.Log { m[2].Data = m[1].Data; return m[2] },
		"clear text":    func(m map[uint64]*raft.Log) *raft.Log { m[2].Data = bytes.Repeat([]byte("forged"), 30); return m[2] },
	}
	for name, alter := range tests {
		t.Run(name, func(t *testing.T) {
			bolt := openTestBolt(t)
			sealed := sealedOver(t, bolt, seal.GenerateKeyring(), ourID)
			logs := logEntries(1, 3, 1)
			logs[2].Extensions = []byte("extensions")
			storeEntries(t, sealed, logs)
			raw := map[uint64]*raft.Log{}
			for i := uint64(1); i <= 3; i++ {
				raw[i] = new(raft.Log)
				if err := bolt.GetLog(i, raw[i]); err != nil {
					t.Fatal(err)
				}
			}
			altered := alter(raw)
			storeEntries(t, bolt, []*raft.Log{altered})
			err := sealed.GetLog(altered.Index, new(raft.Log))
			if !errors.Is(err, seal.ErrNotAuthentic) {
				t.Fatalf("answered %v", err)
			}
			wantErrorSaying(t, err, fmt.Sprintf("log entry %d cannot be opened", altered.Index))
		})
	}
}

// A whole record under another's key passes as that other one unless the index inside is compared.
func TestSealedLogRefusesMovedRecords(t *testing.T) {
	moved := movedRecords{logEntries(1, 1, 1)[0]}
	sealed := sealedOver(t, &moved, seal.GenerateKeyring(), ourID)
	if err := sealed.GetLog(7, new(raft.Log)); !errors.Is(err, seal.ErrNotAuthentic) {
		t.Errorf("answered %v", err)
	}
}

// movedRecords answers every index with the same record, as an altered file would.
type movedRecords struct{ record *raft.Log }

func (m *movedRecords) FirstIndex() (uint64, error)          { return 1, nil }
func (m *movedRecords) LastIndex() (uint64, error)           { return 9, nil }
func (m *movedRecords) GetLog(_ uint64, log *raft.Log) error { *log = *m.record; return nil }
func (m *movedRecords) StoreLog(log *raft.Log) error         { m.record = log; return nil }
func (m *movedRecords) StoreLogs(logs []*raft.Log) error     { m.record = logs[0]; return nil }
func (m *movedRecords) DeleteRange(uint64, uint64) error     { return nil }

func TestSealedLogOfAnotherPlace(t *testing.T) {
	ring := seal.GenerateKeyring()
	bolt := openTestBolt(t)
	storeEntries(t, sealedOver(t, bolt, ring, ourID), logEntries(1, 1, 1))
	tests := map[string]struct {
		ring *seal.Keyring
		id   seal.Identity
		want error
	}{
		"another node of the same place": {ring, seal.Identity{Region: ourID.Region, Cluster: ourID.Cluster, Node: "eu-2"}, nil},
		"another region":                 {ring, seal.Identity{Region: "us", Cluster: ourID.Cluster}, seal.ErrNotAuthentic},
		"another cluster":                {ring, seal.Identity{Region: "eu", Cluster: "another"}, seal.ErrNotAuthentic},
		"another key ring":               {seal.GenerateKeyring(), ourID, seal.ErrUnknownKey},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got raft.Log
			err := sealedOver(t, bolt, test.ring, test.id).GetLog(1, &got)
			if !errors.Is(err, test.want) {
				t.Errorf("answered %v, want %v", err, test.want)
			}
			if err != nil && got.Data != nil {
				t.Error("an error came with data")
			}
		})
	}
}

func TestSealedLogKeyRotation(t *testing.T) {
	bench := newWorkbench(t)
	s := bench.open(t)
	storeEntries(t, s.Logs, logEntries(1, 3, 1))
	takeSnapshot(t, s.Snapshots, 2, 1, []byte("old"))
	closeStorage(t, s)

	oldRing := bench.ring
	bench.ring = oldRing.Rotate()
	s = bench.open(t)
	storeEntries(t, s.Logs, logEntries(4, 6, 1))
	for index, ring := range map[uint64]*seal.Keyring{1: oldRing, 3: oldRing, 4: bench.ring, 6: bench.ring} {
		var log, raw raft.Log
		if err := s.Logs.GetLog(index, &log); err != nil {
			t.Fatal(err)
		}
		if err := s.bolt.GetLog(index, &raw); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%x", raw.Data[1:5]); got != ring.ActiveID() {
			t.Errorf("entry %d is sealed with key %s, want %s", index, got, ring.ActiveID())
		}
	}
	takeSnapshot(t, s.Snapshots, 5, 1, []byte("new"))
	closeStorage(t, s)

	bench.ring = oldRing // lacks the new key
	_, err := bench.tryOpen()
	if !errors.Is(err, seal.ErrUnknownKey) {
		t.Fatalf("answered %v", err)
	}
}

func TestStorageFailsLoudlyOnADamagedEntry(t *testing.T) {
	bench := newWorkbench(t)
	s := bench.open(t)
	storeEntries(t, s.Logs, logEntries(1, 3, 1))
	var raw raft.Log
	if err := s.bolt.GetLog(2, &raw); err != nil {
		t.Fatal(err)
	}
	raw.Data[len(raw.Data)-1] ^= 1
	storeEntries(t, s.bolt, []*raft.Log{&raw})
	closeStorage(t, s)
	s = bench.open(t)
	defer closeStorage(t, s)
	err := s.Logs.GetLog(2, new(raft.Log))
	wantErrorSaying(t, err, "log entry 2 cannot be opened", seal.ErrNotAuthentic.Error())
}

func BenchmarkStoreLogs(b *testing.B) {
	for _, shape := range []struct{ size, batch int }{{1 << 10, 1}, {1 << 10, 64}, {128 << 10, 1}, {128 << 10, 8}} {
		for _, kind := range []string{"bare", "sealed"} {
			b.Run(fmt.Sprintf("%s/%dx%dKiB", kind, shape.batch, shape.size>>10), func(b *testing.B) {
				bolt := openTestBolt(b)
				var logs raft.LogStore = bolt
				if kind == "sealed" {
					logs = sealedOver(b, bolt, seal.GenerateKeyring(), ourID)
				}
				data := make([]byte, shape.size)
				batch := make([]*raft.Log, shape.batch)
				for i := range batch {
					batch[i] = &raft.Log{Term: 1, Data: data}
				}
				index, kept := uint64(0), uint64(0)
				b.SetBytes(int64(shape.size * shape.batch))
				b.ReportAllocs()
				for b.Loop() {
					for _, log := range batch {
						index++
						log.Index = index
					}
					if err := logs.StoreLogs(batch); err != nil {
						b.Fatal(err)
					}
					if (index-kept)*uint64(shape.size) > 64<<20 { // as compaction does
						b.StopTimer()
						if err := logs.DeleteRange(kept, index); err != nil {
							b.Fatal(err)
						}
						kept = index + 1
						b.StartTimer()
					}
				}
			})
		}
	}
}

// BenchmarkSealEntry is the cost of sealing alone: the inner store does nothing.
func BenchmarkSealEntry(b *testing.B) {
	for _, size := range []int{1 << 10, 128 << 10} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			sealed := sealedOver(b, &movedRecords{}, seal.GenerateKeyring(), ourID)
			log := []*raft.Log{{Index: 1, Term: 1, Data: make([]byte, size)}}
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				_ = sealed.StoreLogs(log)
			}
		})
	}
}
