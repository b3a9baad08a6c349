package cluster

import (
	"io"
	"sync/atomic"

	"github.com/hashicorp/raft"

	"domicile/fsm"
)

// installing counts the snapshots that are being received or restored. raft's main loop answers nothing meanwhile, which
// for a large ledger takes longer than a hung loop is given.
type installing struct{ count atomic.Int32 }

// restoringFSM counts restores.
type restoringFSM struct {
	*fsm.FSM
	installing *installing
}

// Restore implements raft.FSM.
func (f restoringFSM) Restore(in io.ReadCloser) error {
	f.installing.count.Add(1)
	defer f.installing.count.Add(-1)
	return f.FSM.Restore(in)
}

// receivingSnapshots counts snapshots that are being written, the node's own included.
type receivingSnapshots struct {
	raft.SnapshotStore
	installing *installing
}

// Create implements raft.SnapshotStore.
func (s receivingSnapshots) Create(version raft.SnapshotVersion, index, term uint64, configuration raft.Configuration, configurationIndex uint64, trans raft.Transport) (raft.SnapshotSink, error) {
	sink, err := s.SnapshotStore.Create(version, index, term, configuration, configurationIndex, trans)
	if err != nil {
		return nil, err
	}
	s.installing.count.Add(1)
	return &receivingSink{SnapshotSink: sink, installing: s.installing}, nil
}

type receivingSink struct {
	raft.SnapshotSink
	installing *installing
	ended      atomic.Bool
}

// Close implements raft.SnapshotSink.
func (s *receivingSink) Close() error {
	defer s.end()
	return s.SnapshotSink.Close()
}

// Cancel implements raft.SnapshotSink.
func (s *receivingSink) Cancel() error {
	defer s.end()
	return s.SnapshotSink.Cancel()
}

func (s *receivingSink) end() {
	if !s.ended.Swap(true) {
		s.installing.count.Add(-1)
	}
}
