package storage

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"domicile/seal"
)

// maxScratch bounds the memory that sealedLog keeps between calls: a full batch of raft's, 64 entries of 128 KiB, fits.
const maxScratch = 10 << 20

// sealedLog seals the entries of a raft.LogStore. Index, term, type and time stay readable, as raft-boltdb needs them;
// Data is sealed with index, term, type and the sealed Extensions as AAD, so no entry can be moved, stripped or passed off
// as another. Data is sealed even if empty, Extensions only if there are any.
type sealedLog struct {
	raft.LogStore
	box     *seal.Box
	tally   *logTally
	metrics *metrics

	mu      sync.Mutex // StoreLogs, one at a time, as in bbolt
	scratch []byte     // sealed bytes; the inner store copies them; guarded by mu
	entries []raft.Log // guarded by mu
	refs    []*raft.Log
}

func newSealedLog(inner raft.LogStore, keyring *seal.Keyring, id seal.Identity, tally *logTally, metrics *metrics) *sealedLog {
	return &sealedLog{
		LogStore: inner,
		box:      keyring.Box("raft-log", id.Region, id.Cluster),
		tally:    tally,
		metrics:  metrics,
	}
}

// StoreLog implements raft.LogStore.
func (s *sealedLog) StoreLog(log *raft.Log) error { return s.StoreLogs([]*raft.Log{log}) }

// StoreLogs implements raft.LogStore. It leaves the given entries as they are.
func (s *sealedLog) StoreLogs(logs []*raft.Log) error {
	began := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	size := s.seal(logs)
	err := s.LogStore.StoreLogs(s.refs)
	clear(s.entries)
	if cap(s.scratch) > maxScratch {
		s.scratch = nil
	}
	if err != nil {
		return err
	}
	s.tally.add(size)
	s.metrics.appendBytes.Add(float64(size))
	s.metrics.appendSeconds.Observe(time.Since(began).Seconds())
	return nil
}

// seal fills refs with sealed copies of logs and returns their sealed size.
func (s *sealedLog) seal(logs []*raft.Log) int64 {
	size := 0
	for _, log := range logs {
		size += len(log.Data) + seal.Overhead
		if len(log.Extensions) > 0 {
			size += len(log.Extensions) + seal.Overhead
		}
	}
	// With all the room there from the start, the slices taken below stay where they are.
	s.scratch = slices.Grow(s.scratch[:0], size)
	s.entries = slices.Grow(s.entries[:0], len(logs))[:len(logs)]
	s.refs = s.refs[:0]
	for i, log := range logs {
		entry := &s.entries[i]
		*entry = *log
		entry.Extensions = nil
		if len(log.Extensions) > 0 {
			entry.Extensions = s.sealPart(log.Extensions, entryAAD(log, nil, true))
		}
		entry.Data = s.sealPart(log.Data, entryAAD(log, entry.Extensions, false))
		s.refs = append(s.refs, entry)
	}
	return int64(size)
}

func (s *sealedLog) sealPart(plain, aad []byte) []byte {
	start := len(s.scratch)
	s.scratch = s.box.Seal(s.scratch, plain, aad)
	return slices.Clip(s.scratch[start:])
}

// GetLog implements raft.LogStore. An entry that does not open is an error that names it and the reason.
func (s *sealedLog) GetLog(index uint64, log *raft.Log) error {
	var entry raft.Log
	if err := s.LogStore.GetLog(index, &entry); err != nil {
		return err // raft compares raft.ErrLogNotFound by identity
	}
	if err := s.open(index, &entry); err != nil {
		return fmt.Errorf("log entry %d cannot be opened: %w", index, err)
	}
	*log = entry
	return nil
}

func (s *sealedLog) open(index uint64, entry *raft.Log) error {
	if entry.Index != index {
		return fmt.Errorf("%w: it says it is entry %d", seal.ErrNotAuthentic, entry.Index)
	}
	data, err := s.box.Open(nil, entry.Data, entryAAD(entry, entry.Extensions, false))
	if err != nil {
		return err
	}
	var extensions []byte
	if len(entry.Extensions) > 0 {
		if extensions, err = s.box.Open(nil, entry.Extensions, entryAAD(entry, nil, true)); err != nil {
			return err
		}
	}
	entry.Data, entry.Extensions = data, extensions
	return nil
}

// entryAAD names one part of one entry. AppendedAt is not in it: it is only operational, and the inner store's format does
// not promise to keep it to the nanosecond.
func entryAAD(log *raft.Log, sealedExtensions []byte, extensions bool) []byte {
	aad := make([]byte, 0, 18+len(sealedExtensions))
	aad = binary.BigEndian.AppendUint64(aad, log.Index)
	aad = binary.BigEndian.AppendUint64(aad, log.Term)
	aad = append(aad, byte(log.Type))
	if extensions {
		return append(aad, 1)
	}
	aad = append(aad, 0)
	return append(aad, sealedExtensions...)
}
