package storage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/raft"

	"domicile/seal"
)

func readSnapshot(t *testing.T, s raft.SnapshotStore, id string) (*raft.SnapshotMeta, []byte) {
	t.Helper()
	meta, plain, err := s.Open(id)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(plain)
	if err := errors.Join(err, plain.Close()); err != nil {
		t.Fatal(err)
	}
	return meta, content
}

func TestSnapshotRoundTrip(t *testing.T) {
	s := newWorkbench(t).open(t)
	defer closeStorage(t, s)
	const chunk = 64 << 10
	for i, size := range []int{0, 1, 100, chunk - 1, chunk, chunk + 1, 3 * chunk, 3*chunk + 17, 1 << 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			content := bytes.Repeat([]byte("0123456789abcdef!"), size/17+1)[:size]
			id := takeSnapshot(t, s.Snapshots, uint64(10+i), 3, content)
			meta, got := readSnapshot(t, s.Snapshots, id)
			if !bytes.Equal(got, content) {
				t.Errorf("%d bytes came back, other ones", len(got))
			}
			if meta.Size != int64(size) || meta.Index != uint64(10+i) || meta.Term != 3 || meta.ID != id {
				t.Errorf("meta %+v", meta)
			}
			metas, err := s.Snapshots.List()
			if err != nil || len(metas) != min(i+1, retainedSnapshots) || metas[0].Size != int64(size) {
				t.Errorf("list %+v, %v", metas, err)
			}
		})
	}
}

// plainSize is held against what seal really writes, and refuses every length between.
func TestPlainSize(t *testing.T) {
	box := seal.GenerateKeyring().Box("test")
	known := map[int64]int64{}
	for _, size := range []int64{0, 1, 2, sealedChunk - 1, sealedChunk, sealedChunk + 1, 2 * sealedChunk, 2*sealedChunk + 1, 500_000} {
		var out bytes.Buffer
		w, err := box.NewWriter(&out, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(make([]byte, size)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		known[int64(out.Len())] = size
		if got, ok := plainSize(int64(out.Len())); got != size || !ok {
			t.Errorf("%d bytes hold %d, plainSize says %d %v", out.Len(), size, got, ok)
		}
	}
	last := int64(-1)
	for sealed := int64(-5); sealed < 3*sealedChunk; sealed++ {
		size, ok := plainSize(sealed)
		if !ok {
			continue
		}
		if size != last+1 {
			t.Fatalf("%d bytes hold %d after %d", sealed, size, last)
		}
		last = size
	}
}

func TestSnapshotSinkEnds(t *testing.T) {
	s := newWorkbench(t).open(t)
	defer closeStorage(t, s)
	create := func() raft.SnapshotSink {
		sink, err := s.Snapshots.Create(1, 5, 1, raft.Configuration{}, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(sink, "half a state"); err != nil {
			t.Fatal(err)
		}
		return sink
	}
	cancelled := create()
	for range 2 { // raft cancels again after Persist did
		if err := cancelled.Cancel(); err != nil {
			t.Error(err)
		}
	}
	if err := cancelled.Close(); err == nil {
		t.Error("a cancelled snapshot can be closed")
	}
	if metas, err := s.Snapshots.List(); err != nil || len(metas) != 0 {
		t.Errorf("after Cancel: %+v, %v", metas, err)
	}
	closed := create()
	for range 2 { // raft closes again after Persist did
		if err := closed.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := closed.Cancel(); err != nil {
		t.Error(err)
	}
	if metas, err := s.Snapshots.List(); err != nil || len(metas) != 1 {
		t.Errorf("after Close: %+v, %v", metas, err)
	}
}

func TestSnapshotLeftovers(t *testing.T) {
	bench := newWorkbench(t)
	s := bench.open(t)
	takeSnapshot(t, s.Snapshots, 5, 1, []byte("state"))
	sink, err := s.Snapshots.Create(1, 9, 1, raft.Configuration{}, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sink.Write(make([]byte, 200_000)); err != nil { // and then the node dies
		t.Fatal(err)
	}
	closeStorage(t, s)
	unfinished := filepath.Join(bench.dir, snapshotDirectory, sink.ID()+temporarySuffix)
	if _, err := os.Stat(unfinished); err != nil {
		t.Fatal(err)
	}
	s = bench.open(t)
	defer closeStorage(t, s)
	if _, err := os.Stat(unfinished); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("still there: %v", err)
	}
	if metas, err := s.Snapshots.List(); err != nil || len(metas) != 1 || metas[0].Index != 5 {
		t.Errorf("snapshots %+v, %v", metas, err)
	}
}

// reseal changes a snapshot's state file and makes raft's own checksum agree, as somebody with the disk in hand could.
func reseal(t *testing.T, dir, id string, change func(state []byte) []byte) {
	t.Helper()
	statePath, metaPath := filepath.Join(dir, snapshotDirectory, id, "state.bin"), filepath.Join(dir, snapshotDirectory, id, "meta.json")
	state, err := os.ReadFile(statePath)
	if err != nil {
		t.Fatal(err)
	}
	state = change(state)
	raw, err := os.ReadFile(metaPath)
	if err != nil {
		t.Fatal(err)
	}
	var meta map[string]any
	if err := json.Unmarshal(raw, &meta); err != nil {
		t.Fatal(err)
	}
	sum := crc64.New(crc64.MakeTable(crc64.ECMA))
	sum.Write(state)
	meta["CRC"], meta["Size"] = sum.Sum(nil), len(state)
	if raw, err = json.Marshal(meta); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(statePath, state, 0o600), os.WriteFile(metaPath, raw, 0o600)); err != nil {
		t.Fatal(err)
	}
}

func TestStartRefusesTheNewestSnapshot(t *testing.T) {
	flip := func(at int) func([]byte) []byte {
		return func(state []byte) []byte {
			state[(at+len(state))%len(state)] ^= 1
			return state
		}
	}
	cut := func(n int) func([]byte) []byte { return func(state []byte) []byte { return state[:len(state)-n] } }
	ring := seal.GenerateKeyring()
	tests := map[string]struct {
		change func(state []byte) []byte
		id     seal.Identity
		ring   *seal.Keyring
		is     error
		say    []string
	}{
		"another region":       {nil, seal.Identity{Region: "us", Cluster: ourID.Cluster}, ring, errForeignFile, []string{`region "eu"`, `region "us"`}},
		"another cluster":      {nil, seal.Identity{Region: "eu", Cluster: "another"}, ring, errForeignFile, []string{ourID.Cluster}},
		"another key ring":     {nil, ourID, seal.GenerateKeyring(), seal.ErrUnknownKey, []string{"unknown key: " + ring.ActiveID()}},
		"altered label":        {flip(60), ourID, ring, nil, nil},
		"altered at the end":   {flip(-1), ourID, ring, seal.ErrNotAuthentic, nil},
		"altered in between":   {flip(-100_000), ourID, ring, seal.ErrNotAuthentic, []string{"chunk"}},
		"cut by a byte":        {cut(1), ourID, ring, seal.ErrNotAuthentic, nil},
		"cut by a chunk":       {cut(sealedChunk + sealedTag), ourID, ring, seal.ErrNotAuthentic, nil},
		"cut to the label":     {func(state []byte) []byte { return state[:bytes.IndexByte(state, '\n')+1] }, ourID, ring, seal.ErrNotAuthentic, nil},
		"empty":                {func([]byte) []byte { return nil }, ourID, ring, seal.ErrNotAuthentic, nil},
		"not one of ours":      {func([]byte) []byte { return []byte("state\n") }, ourID, ring, seal.ErrNotAuthentic, []string{"no snapshot file"}},
		"of a newer release":   {func(s []byte) []byte { return bytes.Replace(s, []byte("snapshot 1"), []byte("snapshot 2"), 1) }, ourID, ring, nil, []string{"a newer one"}},
		"relabelled":           {func(s []byte) []byte { return bytes.Replace(s, []byte(`"eu"`), []byte(`"us"`), 1) }, seal.Identity{Region: "us", Cluster: ourID.Cluster}, ring, seal.ErrNotAuthentic, nil},
		"of another index":     {func(s []byte) []byte { return bytes.Replace(s, []byte(`"index":20`), []byte(`"index":21`), 1) }, ourID, ring, seal.ErrNotAuthentic, []string{"entry 21", "entry 20"}},
		"the older one's file": {nil, ourID, ring, seal.ErrNotAuthentic, []string{"entry 10", "entry 20"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			bench := newWorkbench(t)
			bench.ring = ring
			s := bench.open(t)
			older := takeSnapshot(t, s.Snapshots, 10, 1, []byte("older"))
			newest := takeSnapshot(t, s.Snapshots, 20, 1, make([]byte, 250_000))
			closeStorage(t, s)
			if name == "the older one's file" {
				state, err := os.ReadFile(filepath.Join(bench.dir, snapshotDirectory, older, "state.bin"))
				if err != nil {
					t.Fatal(err)
				}
				test.change = func([]byte) []byte { return state }
			}
			if test.change != nil {
				reseal(t, bench.dir, newest, test.change)
			}
			bench.id, bench.ring = test.id, test.ring
			s, err := bench.tryOpen()
			if err == nil {
				closeStorage(t, s)
			}
			wantErrorSaying(t, err, append(test.say, newest, "join again")...)
			if test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("answered %v, want %v", err, test.is)
			}
		})
	}
}

func TestStartRefusesASnapshotWithoutMeta(t *testing.T) {
	for name, meta := range map[string]string{"damaged": `{"Versi`, "of an unknown version": `{"Version":99}`} {
		t.Run(name, func(t *testing.T) {
			bench := newWorkbench(t)
			s := bench.open(t)
			takeSnapshot(t, s.Snapshots, 10, 1, []byte("older"))
			newest := takeSnapshot(t, s.Snapshots, 20, 1, []byte("newest"))
			closeStorage(t, s)
			path := filepath.Join(bench.dir, snapshotDirectory, newest, "meta.json")
			if err := os.WriteFile(path, []byte(meta), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := bench.tryOpen()
			wantErrorSaying(t, err, newest, "meta.json", "join again")
		})
	}
}

// Index 9 is older than 10 although its name sorts behind.
func TestNewestSnapshotByNumber(t *testing.T) {
	bench := newWorkbench(t)
	s := bench.open(t)
	takeSnapshot(t, s.Snapshots, 9, 9, []byte("older"))
	takeSnapshot(t, s.Snapshots, 10, 10, []byte("newest"))
	closeStorage(t, s)
	closeStorage(t, bench.open(t))
}

func TestSnapshotWriteFails(t *testing.T) {
	bench := newWorkbench(t)
	s := bench.open(t)
	defer closeStorage(t, s)
	sink, err := s.Snapshots.Create(1, 5, 1, raft.Configuration{}, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	k := sink.(*sealedSink)
	k.inner = failingSink{k.inner}
	if _, err := sink.Write(make([]byte, 1<<20)); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("Write answered %v", err)
	}
	if err := sink.Close(); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("Close answered %v", err)
	}
	if err := sink.Close(); err == nil {
		t.Error("a second Close says that all is well")
	}
	names, err := filepath.Glob(filepath.Join(bench.dir, snapshotDirectory, "*"))
	if err != nil || len(names) != 0 {
		t.Errorf("left: %q, %v", names, err)
	}
}

// failingSink is a full disk.
type failingSink struct{ raft.SnapshotSink }

func (failingSink) Write([]byte) (int, error) { return 0, io.ErrShortWrite }
