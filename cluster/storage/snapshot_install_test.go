package storage

import (
	"bytes"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"domicile/seal"
)

// joinedEntries is a state machine whose state is everything it was given, in order.
type joinedEntries struct {
	mu       sync.Mutex
	state    []byte
	restores int
	applied  int // since the last restore
}

func (j *joinedEntries) Apply(log *raft.Log) any {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.state = append(j.state, log.Data...)
	j.applied++
	return nil
}

func (j *joinedEntries) Snapshot() (raft.FSMSnapshot, error) {
	return joinedSnapshot(j.content()), nil
}

func (j *joinedEntries) Restore(in io.ReadCloser) error {
	state, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.state = state
	j.restores++
	j.applied = 0
	return nil
}

func (j *joinedEntries) content() []byte {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.state)
}

// idleRestores gives how many snapshots were restored, or 0 if an entry was applied after the last.
func (j *joinedEntries) idleRestores() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.applied > 0 {
		return 0
	}
	return j.restores
}

func (j *joinedEntries) restored() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.restores
}

type joinedSnapshot []byte

func (s joinedSnapshot) Persist(sink raft.SnapshotSink) error {
	if _, err := sink.Write(s); err != nil {
		return err
	}
	return sink.Close() // and raft closes again
}

func (joinedSnapshot) Release() {}

// raftBench is one real raft node over storage and loopback.
type raftBench struct {
	*raft.Raft
	memory  *joinedEntries
	storage *Storage
	id      raft.ServerID
	addr    raft.ServerAddress
	stopped bool
}

func startRaft(t *testing.T, bench *workbench, name raft.ServerID, trailing uint64) *raftBench {
	t.Helper()
	s := bench.open(t)
	transport, err := raft.NewTCPTransport("127.0.0.1:0", nil, 2, 10*time.Second, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	config := raft.DefaultConfig()
	config.LocalID = name
	config.HeartbeatTimeout = 200 * time.Millisecond
	config.ElectionTimeout = 200 * time.Millisecond
	config.LeaderLeaseTimeout = 200 * time.Millisecond
	config.CommitTimeout = 5 * time.Millisecond
	config.TrailingLogs = trailing
	config.LogOutput = io.Discard
	memory := new(joinedEntries)
	node, err := raft.NewRaft(config, memory, s.Logs, s.Stable, s.Snapshots, transport)
	if err != nil {
		t.Fatal(err)
	}
	b := &raftBench{Raft: node, memory: memory, storage: s, id: name, addr: transport.LocalAddr()}
	t.Cleanup(func() { b.stop(t) })
	return b
}

func (b *raftBench) stop(t *testing.T) {
	t.Helper()
	if b.stopped {
		return
	}
	b.stopped = true
	if err := b.Shutdown().Error(); err != nil {
		t.Error(err)
	}
	closeStorage(t, b.storage)
}

// startLeader starts a cluster of one that has a snapshot of most of its entries and no log before that.
func startLeader(t *testing.T, bench *workbench) *raftBench {
	t.Helper()
	leader := startRaft(t, bench, "a", 0)
	servers := []raft.Server{{ID: leader.id, Address: leader.addr}}
	if err := leader.BootstrapCluster(raft.Configuration{Servers: servers}).Error(); err != nil {
		t.Fatal(err)
	}
	pollUntil(t, "a leader", func() bool { return leader.State() == raft.Leader })
	leader.put(t, 40)
	if err := leader.Snapshot().Error(); err != nil {
		t.Fatal(err)
	}
	leader.put(t, 5)
	return leader
}

func (b *raftBench) put(t *testing.T, n int) {
	t.Helper()
	for range n {
		entry := bytes.Repeat([]byte(marker), 500)
		if err := b.Apply(entry, 10*time.Second).Error(); err != nil {
			t.Fatal(err)
		}
	}
}

func (b *raftBench) add(t *testing.T, other *raftBench) {
	t.Helper()
	if err := b.AddNonvoter(other.id, other.addr, 0, 10*time.Second).Error(); err != nil {
		t.Fatal(err)
	}
}

func wantEqualStates(t *testing.T, a, b *raftBench) {
	t.Helper()
	pollUntil(t, "the same state on both nodes", func() bool {
		return bytes.Equal(a.memory.content(), b.memory.content())
	})
}

func TestFollowerInstallsSnapshot(t *testing.T) {
	leaderBench, followerBench := newWorkbench(t), newWorkbench(t)
	leader := startLeader(t, leaderBench)
	follower := startRaft(t, followerBench, "b", 10240) // with a key ring of its own: only its disk depends on it
	leader.add(t, follower)
	wantEqualStates(t, leader, follower)
	if got := follower.memory.restored(); got != 1 {
		t.Errorf("%d restores", got)
	}
	leader.put(t, 3)
	wantEqualStates(t, leader, follower)

	sent, content := readNewest(t, leader.storage)
	kept, installed := readNewest(t, follower.storage)
	if !bytes.Equal(content, installed) || len(content) < 2*sealedChunk {
		t.Errorf("%d bytes were installed as %d", len(content), len(installed))
	}
	if sent.Size != kept.Size || sent.Index != kept.Index || sent.Term != kept.Term {
		t.Errorf("%+v was installed as %+v", sent, kept)
	}
	wantNoMarker(t, leaderBench.dir)
	wantNoMarker(t, followerBench.dir)

	// It starts again from what it installed.
	follower.stop(t)
	follower = startRaft(t, followerBench, "b", 10240)
	leader.add(t, follower)
	wantEqualStates(t, leader, follower)
	if got := follower.memory.restored(); got != 1 {
		t.Errorf("%d restores after the restart", got)
	}
}

func readNewest(t *testing.T, s *Storage) (*raft.SnapshotMeta, []byte) {
	t.Helper()
	metas, err := s.Snapshots.List()
	if err != nil || len(metas) == 0 {
		t.Fatalf("snapshots %v, %v", metas, err)
	}
	return readSnapshot(t, s.Snapshots, metas[0].ID)
}

// A follower with an uncommitted tail that contradicts the leader's snapshot installs it for ever; a restart cures it.
func TestRepairEndsInstallLoop(t *testing.T) {
	leader := startLeader(t, newWorkbench(t))
	bench := newWorkbench(t)
	s := bench.open(t)
	storeEntries(t, s.Logs, logEntries(1, 100, 1)) // the leader's are of term 2 or later
	if err := s.Stable.SetUint64([]byte("CurrentTerm"), 1); err != nil {
		t.Fatal(err)
	}
	closeStorage(t, s)

	follower := startRaft(t, bench, "b", 10240)
	leader.add(t, follower)
	pollUntil(t, "the loop", func() bool { return follower.memory.idleRestores() >= 3 })
	follower.stop(t)

	follower = startRaft(t, bench, "b", 10240)
	leader.add(t, follower)
	wantEqualStates(t, leader, follower)
	// Its own at start, and one more if the leader's next message was still the snapshot.
	if got := follower.memory.restored(); got > 2 {
		t.Errorf("%d restores after the repair", got)
	}
}

// The leader's user restore streams a backup through the same sink, and counts its bytes.
func TestRestoreThroughRaft(t *testing.T) {
	ring := seal.GenerateKeyring()
	bench := newWorkbench(t)
	bench.ring = ring
	leader := startLeader(t, bench)
	view := backupView(t, ourID, 2000)
	backup := backupOf(t, view, ring)
	summary, err := VerifyBackupOf(bytes.NewReader(backup), ring, ourID)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := ReadBackup(bytes.NewReader(backup), ring, ourID)
	if err != nil {
		t.Fatal(err)
	}
	meta := &raft.SnapshotMeta{Version: raft.SnapshotVersionMax, Size: summary.Size}
	if err := leader.Restore(meta, plain, 10*time.Second); err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	if err := view.Snapshot(&want); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(leader.memory.content(), want.Bytes()) {
		t.Error("another state came back")
	}
	// The log now has a hole where the restored snapshot is; the node starts again.
	leader.put(t, 2)
	state := leader.memory.content()
	leader.stop(t)
	leader = startRaft(t, bench, "a", 0)
	pollUntil(t, "the state after a restart", func() bool { return bytes.Equal(state, leader.memory.content()) })
}
