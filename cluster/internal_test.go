package cluster

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"domicile/cluster/storage"
	"domicile/directory"
	"domicile/fsm/wire"
)

func TestAddress_roundTrip(t *testing.T) {
	a := address{id: newServerID("eu-1.example", "6f1c2a3b-0000-4000-8000-000000000000"), host: "10.0.0.1:7000"}
	if got := parseAddress(a.server()); got != a {
		t.Errorf("parse gives %v, want %v", got, a)
	}
	if got := nodeName(a.id); got != "eu-1.example" {
		t.Errorf("node name %q", got)
	}
	if got := parseAddress("10.0.0.1:7000"); got.id != "" || got.host != "10.0.0.1:7000" {
		t.Errorf("a seed parses as %v", got)
	}
}

// raft issue 697: a follower that restores the same snapshot over and over is caught, one that makes progress is not.
func TestRestoreLoop(t *testing.T) {
	tests := []struct {
		name  string
		steps [][2]uint64 // restores, index
		want  bool
	}{
		{"at rest", [][2]uint64{{1, 5}, {1, 5}, {1, 5}}, false},
		{"one install", [][2]uint64{{1, 5}, {2, 5}, {2, 9}}, false},
		{"installs with entries between", [][2]uint64{{1, 5}, {3, 6}, {5, 7}, {7, 8}}, false},
		{"the same snapshot again and again", [][2]uint64{{1, 5}, {2, 5}, {3, 5}, {4, 5}}, true},
		{"thousands a second", [][2]uint64{{1, 5}, {9000, 5}}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			loop := restoreLoop{restores: 1, index: 5}
			caught := false
			for _, step := range test.steps {
				caught = loop.caught(step[0], step[1])
			}
			if caught != test.want {
				t.Errorf("caught is %v, want %v", caught, test.want)
			}
		})
	}
}

// raft issue 696: a leader that refuses every write because of a transfer that ended long ago.
func TestBatcher_stuckTransfer(t *testing.T) {
	leads := true
	var stuck time.Duration
	b := &batcher{leads: func() bool { return leads }, stuckMax: 10 * time.Millisecond, stuck: func(since time.Duration) { stuck = since }}
	b.watchTransfer(raft.ErrLeadershipTransferInProgress, 2)
	b.transfer.Store(time.Now().Add(-time.Second).UnixNano())
	b.watchTransfer(nil, 2) // a write went through: it was an ordinary transfer
	b.watchTransfer(raft.ErrLeadershipTransferInProgress, 2)
	if stuck != 0 {
		t.Fatalf("alarm after %s, although a write had gone through", stuck)
	}
	b.transfer.Store(time.Now().Add(-time.Second).UnixNano())
	leads = false
	b.watchTransfer(raft.ErrLeadershipTransferInProgress, 2)
	if stuck != 0 {
		t.Fatal("alarm on a node that does not lead")
	}
	leads = true
	b.watchTransfer(raft.ErrLeadershipTransferInProgress, 2)
	b.transfer.Store(time.Now().Add(-time.Second).UnixNano())
	b.watchTransfer(raft.ErrLeadershipTransferInProgress, 4)
	if stuck != 0 {
		t.Fatal("alarm for a transfer of an earlier term")
	}
	b.transfer.Store(time.Now().Add(-time.Second).UnixNano())
	b.watchTransfer(raft.ErrLeadershipTransferInProgress, 4)
	if stuck < time.Second {
		t.Error("no alarm for a transfer that never ends")
	}
}

func TestBatcher_entriesStayWithinBounds(t *testing.T) {
	b := &batcher{limits: Limits{QueueCommands: 1000, QueueBytes: 8 << 20}, refuse: func() error { return nil }, wake: make(chan struct{}, 1), metrics: newMetrics(&Node{})}
	put := func(n, size int) {
		for range n {
			if err := b.put(&proposal{command: make([]byte, size), deadline: time.Now().Add(time.Hour)}); err != nil {
				t.Fatalf("put: %v", err)
			}
		}
	}
	put(300, 10)
	put(3, 60<<10)
	put(1, 1<<20)
	put(1, 10)
	var sizes []int
	for batch := b.take(); len(batch) > 0; batch = b.take() {
		sizes = append(sizes, len(batch))
	}
	if want := []int{256, 46, 1, 1, 1}; !slices.Equal(sizes, want) {
		t.Errorf("entries of %v commands, want %v", sizes, want)
	}
	if b.bytes != 0 {
		t.Errorf("%d bytes are accounted for in an empty queue", b.bytes)
	}
	b.limits.QueueCommands = 2
	put(2, 1)
	if err := b.put(&proposal{command: []byte{1}}); !errors.Is(err, errBusy) {
		t.Errorf("put into a full queue: %v, want %v", err, errBusy)
	}
}

// A leader whose clock is behind its predecessor's still stamps later times.
func TestBatcher_timeNeverGoesBack(t *testing.T) {
	clock := time.UnixMicro(1_000)
	stamped := directory.Time(5_000)
	b := &batcher{now: func() time.Time { return clock }, stamped: func() directory.Time { return stamped }}
	first, second := b.stamp(), b.stamp()
	if first != 5_001 || second != 5_002 {
		t.Errorf("stamps %d and %d, want 5001 and 5002", first, second)
	}
	clock = time.UnixMicro(9_000)
	if third := b.stamp(); third != 9_000 {
		t.Errorf("stamp %d, want the clock's 9000", third)
	}
}

func TestLagging(t *testing.T) {
	tests := []struct {
		commit, applied, settled uint64
		refused                  bool
	}{
		{0, 0, 0, false},
		{5_000, 0, 0, false},
		{5_001, 0, 0, true},
		{90_000, 85_000, 0, false},
		{90_000, 84_999, 0, true},
		{90_000, 10, 89_999, false}, // nothing but barriers since a snapshot was restored
	}
	for _, test := range tests {
		err := lagging(test.commit, test.applied, test.settled)
		if refused := directory.KindOf(err) == directory.KindUnavailable; refused != test.refused {
			t.Errorf("commit %d, applied %d, settled %d: %v", test.commit, test.applied, test.settled, err)
		}
	}
}

func TestOutbox_writesWhatWasPut(t *testing.T) {
	o := newOutbox()
	done := make(chan struct{})
	r, w := io.Pipe()
	go func() {
		o.run(w)
		close(done)
	}()
	for i := range uint32(1000) {
		if err := o.put(callTerm, i, []byte("a"), []byte("bc")); err != nil {
			t.Fatalf("put: %v", err)
		}
	}
	frames := bufio.NewReader(r)
	for i := range uint32(1000) {
		f, err := readFrame(frames)
		if err != nil || f.kind != callTerm || f.number != i || string(f.body) != "abc" {
			t.Fatalf("frame %d: %+v, %v", i, f, err)
		}
	}
	o.close(io.EOF)
	<-done
	if err := o.put(callTerm, 1); !errors.Is(err, io.EOF) {
		t.Errorf("put after close: %v", err)
	}
}

func TestOutbox_isBounded(t *testing.T) {
	o := newOutbox()
	body := make([]byte, 1<<20)
	for range maxOutbox >> 20 {
		if err := o.put(callPropose, 1, body); err != nil {
			if !errors.Is(err, errOutboxFull) {
				t.Fatal(err)
			}
			return
		}
	}
	if err := o.put(callPropose, 1, body); !errors.Is(err, errOutboxFull) {
		t.Errorf("a peer that does not read: %v, want %v", err, errOutboxFull)
	}
}

func TestReadFrame_refusesHugeFrames(t *testing.T) {
	header := binary.BigEndian.AppendUint32(nil, maxFrame+1)
	if _, err := readFrame(bufio.NewReader(bytes.NewReader(append(header, 1, 0, 0, 0, 0)))); err == nil {
		t.Error("a frame over the bound was read")
	}
}

func FuzzReadFrame(f *testing.F) {
	f.Add([]byte{0, 0, 0, 3, 2, 0, 0, 0, 1, 'a', 'b', 'c'})
	f.Add([]byte{255, 255, 255, 255, 0})
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := bufio.NewReader(bytes.NewReader(raw))
		for {
			got, err := readFrame(r)
			if err != nil {
				return
			}
			if len(got.body) > len(raw) {
				t.Fatalf("a body of %d bytes out of %d", len(got.body), len(raw))
			}
		}
	})
}

func FuzzAnswers(f *testing.F) {
	index := readIndex{term: 3, seq: 9, at: 77, voters: []string{"a-1@h:1", "b-2@h:2"}}
	w := wire.NewWriter([]byte{byte(verdictDone)})
	index.encode(w)
	f.Add(w.Bytes())
	f.Add(encodeFailure(errNotLeader))
	f.Add(hello(address{id: "a-1", host: "h:1"}, address{id: "b-2", host: "h:2"}))
	f.Fuzz(func(_ *testing.T, raw []byte) {
		_, _, _ = readHello(bytes.NewReader(raw))
		r, err := openAnswer(raw)
		if err != nil {
			return
		}
		_, _ = decodeReadIndex(r)
		_, _ = decodeIntroduction(r)
	})
}

func TestVerdict_crossesTheLink(t *testing.T) {
	tests := []struct {
		err  error
		want error
		kind directory.Kind
	}{
		{errNotLeader, errNotLeader, directory.KindInternal},
		{errUnknown, errUnknown, directory.KindInternal},
		{errBusy, nil, directory.KindUnavailable},
		{unavailable(storage.ErrLow, "the leader's disk cannot take writes now"), nil, directory.KindUnavailable},
		{errors.New("no such thing"), nil, directory.KindInternal},
	}
	for _, test := range tests {
		_, err := openAnswer(encodeFailure(test.err))
		if test.want != nil && !errors.Is(err, test.want) {
			t.Errorf("%v arrives as %v", test.err, err)
		}
		if got := directory.KindOf(err); got != test.kind {
			t.Errorf("%v arrives as %v, want %v", test.err, got, test.kind)
		}
	}
}

// The founders are a function of the configuration: whoever answers, no two sets of nodes can found two clusters.
func TestMembership_founders(t *testing.T) {
	seeds := []string{"c:1", "a:1", "e:1", "b:1", "d:1"}
	want := []string{"a:1", "b:1", "c:1"}
	for _, self := range seeds {
		m := &membership{config: Config{Seeds: seeds, BootstrapExpect: 3}, self: address{host: self}}
		if got := m.founders(); !slices.Equal(got, want) {
			t.Errorf("%s takes %v for founders, want %v", self, got, want)
		}
	}
}

// A majority is of the leader's voters; without any there is none.
func TestReads_pollWithoutVoters(t *testing.T) {
	r := &reads{self: address{id: "a-1", host: "h:1"}}
	from := &leader{address: address{id: "b-1", host: "h:2"}}
	if err := r.poll(context.Background(), from, readIndex{voters: []string{"b-1@h:2"}}); err != nil {
		t.Errorf("the only voter leads and has answered: %v", err)
	}
	if err := r.poll(context.Background(), from, readIndex{}); err == nil {
		t.Error("confirmed by nobody")
	}
}

// raft's own read check may count an acknowledgement that was sent before the read began; nothing here may use it.
func TestNoVerifyLeader(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(file, "_test.go") && bytes.Contains(source, []byte(".VerifyLeader(")) {
			t.Errorf("%s uses VerifyLeader", file)
		}
	}
}
