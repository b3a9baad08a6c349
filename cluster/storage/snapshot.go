package storage

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hashicorp/raft"

	"domicile/seal"
)

const (
	snapshotDirectory = "snapshots"
	temporarySuffix   = ".tmp" // of a snapshot that is being written, or whose writing was interrupted
)

// sealedSnapshots is a raft.FileSnapshotStore whose files are sealed: a label line, then a sealed stream with the line as
// AAD. Outside of the disk everything is in clear, sizes included: raft sends what Open returns to a follower over the
// peer link, and the follower's own store seals it again.
type sealedSnapshots struct {
	inner   *raft.FileSnapshotStore
	dir     string // of the snapshots
	id      seal.Identity
	box     *seal.Box
	tally   *logTally
	metrics *metrics
	logger  *slog.Logger
}

// openSnapshots opens the store under the data directory and removes what interrupted writing left.
func openSnapshots(config Config, tally *logTally, metrics *metrics) (*sealedSnapshots, error) {
	dir, id, logger := filepath.Join(config.Dir, snapshotDirectory), config.Identity, config.Logger
	leftovers, err := filepath.Glob(filepath.Join(dir, "*"+temporarySuffix))
	if err != nil {
		return nil, fmt.Errorf("look for unfinished snapshots: %w", err)
	}
	for _, path := range leftovers {
		if err := os.RemoveAll(path); err != nil {
			return nil, fmt.Errorf("remove an unfinished snapshot: %w", err)
		}
		logger.Info("removed an unfinished snapshot", "path", path)
	}
	lines := slog.NewLogLogger(logger.Handler(), slog.LevelDebug).Writer()
	inner, err := raft.NewFileSnapshotStore(config.Dir, retainedSnapshots, lines)
	if err != nil {
		return nil, fmt.Errorf("open snapshots: %w", err)
	}
	return &sealedSnapshots{
		inner:   inner,
		dir:     dir,
		id:      id,
		box:     config.Keyring.Box("raft-snapshot", id.Region, id.Cluster),
		tally:   tally,
		metrics: metrics,
		logger:  logger,
	}, nil
}

// line is the label of a snapshot; it depends on nothing else, so its length is known without reading the file.
func (s *sealedSnapshots) line(index, term uint64) []byte {
	return label{Region: s.id.Region, Cluster: s.id.Cluster, Index: index, Term: term}.line(labelSnapshot)
}

// Create implements raft.SnapshotStore.
func (s *sealedSnapshots) Create(version raft.SnapshotVersion, index, term uint64, configuration raft.Configuration, configurationIndex uint64, trans raft.Transport) (raft.SnapshotSink, error) {
	began, mark := time.Now(), s.tally.mark()
	inner, err := s.inner.Create(version, index, term, configuration, configurationIndex, trans)
	if err != nil {
		return nil, fmt.Errorf("create snapshot: %w", err)
	}
	line := s.line(index, term)
	if _, err := inner.Write(line); err != nil {
		return nil, fmt.Errorf("create snapshot: %w", errors.Join(err, inner.Cancel()))
	}
	sink := &sealedSink{store: s, inner: inner, began: began, mark: mark}
	sink.stream, err = s.box.NewWriter(writerFunc(sink.writeSealed), line)
	if err != nil {
		return nil, fmt.Errorf("create snapshot: %w", errors.Join(err, inner.Cancel()))
	}
	return sink, nil
}

// List implements raft.SnapshotStore.
func (s *sealedSnapshots) List() ([]*raft.SnapshotMeta, error) {
	metas, err := s.inner.List()
	if err != nil {
		return nil, fmt.Errorf("list snapshots: %w", err)
	}
	for _, meta := range metas {
		// A file that is too short for a snapshot lists as empty; Open says what is wrong with it.
		meta.Size, _ = plainSize(meta.Size - int64(len(s.line(meta.Index, meta.Term))))
	}
	return metas, nil
}

// Open implements raft.SnapshotStore. The reader ends with io.EOF only if the snapshot is whole and authentic.
func (s *sealedSnapshots) Open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	meta, file, err := s.inner.Open(id)
	if err != nil {
		return nil, nil, fmt.Errorf("open snapshot %s: %w", id, err)
	}
	plain, size, err := s.unseal(meta, file)
	if err != nil {
		return nil, nil, fmt.Errorf("open snapshot %s: %w", id, errors.Join(err, file.Close()))
	}
	opened := *meta
	opened.Size = size
	return &opened, struct {
		io.Reader
		io.Closer
	}{plain, file}, nil
}

func (s *sealedSnapshots) unseal(meta *raft.SnapshotMeta, file io.Reader) (plain io.Reader, size int64, err error) {
	found, line, err := readLabel(file, labelSnapshot)
	if err != nil {
		return nil, 0, err
	}
	if err := found.check(s.id); err != nil {
		return nil, 0, err
	}
	if !bytes.Equal(line, s.line(meta.Index, meta.Term)) {
		return nil, 0, fmt.Errorf("%w: it is of entry %d in term %d, while its meta.json says entry %d in term %d",
			seal.ErrNotAuthentic, found.Index, found.Term, meta.Index, meta.Term)
	}
	size, ok := plainSize(meta.Size - int64(len(line)))
	if !ok {
		return nil, 0, fmt.Errorf("%w: a sealed snapshot never has %d bytes", seal.ErrNotAuthentic, meta.Size)
	}
	plain, err = s.box.NewReader(file, line)
	return plain, size, err
}

// verifyNewest reads the newest snapshot to its end and returns its meta, or nil if there is none. raft would quietly fall
// back to an older one, and then miss the log entries between the two.
func (s *sealedSnapshots) verifyNewest() (*raft.SnapshotMeta, error) {
	metas, err := s.List()
	if err != nil {
		return nil, err
	}
	newest, err := s.newestName()
	if err != nil {
		return nil, err
	}
	if newest == "" {
		return nil, nil
	}
	const advice = "put it right, or empty the data directory and let this node join again"
	if len(metas) == 0 || metas[0].ID != newest {
		return nil, fmt.Errorf("the newest snapshot %s has no readable meta.json: %s", newest, advice)
	}
	meta, plain, err := s.Open(newest)
	if err != nil {
		return nil, fmt.Errorf("the newest snapshot cannot be used: %w: %s", err, advice)
	}
	size, err := io.Copy(io.Discard, plain)
	if err := errors.Join(err, plain.Close()); err != nil {
		return nil, fmt.Errorf("the newest snapshot cannot be used: open snapshot %s: %w: %s", newest, err, advice)
	}
	s.metrics.snapshotBytes.Set(float64(size))
	return meta, nil
}

// newestName returns the name of the newest snapshot directory, readable or not, "" if there is none. raft names them
// {term}-{index}-{milliseconds} and orders them by these numbers.
func (s *sealedSnapshots) newestName() (string, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return "", fmt.Errorf("list snapshots: %w", err)
	}
	var newest string
	var newestTerm, newestIndex uint64
	for _, entry := range entries {
		var term, index uint64
		name := entry.Name()
		if _, err := fmt.Sscanf(name, "%d-%d-", &term, &index); err != nil || strings.HasSuffix(name, temporarySuffix) {
			continue
		}
		if term > newestTerm || term == newestTerm && (index > newestIndex || index == newestIndex && name > newest) {
			newest, newestTerm, newestIndex = name, term, index
		}
	}
	return newest, nil
}

// sealedSink seals one snapshot on its way to disk.
type sealedSink struct {
	store  *sealedSnapshots
	inner  raft.SnapshotSink
	stream io.WriteCloser
	began  time.Time
	mark   int64 // of the log's tally, when the snapshot began

	plain, sealed int64
	closed        bool
	err           error // what Close answered
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func (k *sealedSink) writeSealed(p []byte) (int, error) {
	n, err := k.inner.Write(p)
	k.sealed += int64(n)
	return n, err
}

// ID implements raft.SnapshotSink.
func (k *sealedSink) ID() string { return k.inner.ID() }

// Write implements raft.SnapshotSink.
func (k *sealedSink) Write(p []byte) (int, error) {
	n, err := k.stream.Write(p)
	k.plain += int64(n)
	return n, err
}

// Close implements raft.SnapshotSink: the snapshot is complete and durable, or gone. Like Cancel it may be called again.
func (k *sealedSink) Close() error {
	if !k.closed {
		k.closed = true
		k.err = k.finish()
	}
	return k.err
}

func (k *sealedSink) finish() error {
	if err := k.stream.Close(); err != nil {
		return fmt.Errorf("close snapshot: %w", errors.Join(err, k.inner.Cancel()))
	}
	if size, ok := plainSize(k.sealed); !ok || size != k.plain {
		err := fmt.Errorf("%d bytes were sealed into %d, which should hold %d", k.plain, k.sealed, size)
		return fmt.Errorf("close snapshot: %w", errors.Join(err, k.inner.Cancel()))
	}
	if err := k.inner.Close(); err != nil {
		return fmt.Errorf("close snapshot: %w", err)
	}
	took := time.Since(k.began)
	k.store.tally.cover(k.mark)
	k.store.metrics.snapshotBytes.Set(float64(k.plain))
	k.store.metrics.snapshotSeconds.Observe(took.Seconds())
	k.store.logger.Info("wrote a snapshot", "snapshot", k.ID(), "bytes", k.plain, "took", took)
	return nil
}

// Cancel implements raft.SnapshotSink.
func (k *sealedSink) Cancel() error {
	if k.closed {
		return nil
	}
	k.closed = true
	k.err = errors.New("close snapshot: it was cancelled")
	return k.inner.Cancel()
}

// Sizes of a sealed stream, as seal's NewWriter lays it out. Whenever a snapshot is written, plainSize is held against what
// really went in and came out.
const (
	sealedChunk  = 64 << 10
	sealedTag    = 16
	sealedHeader = int64(seal.Overhead - 12 - sealedTag) // a message is a header, a nonce and a tag
)

// plainSize returns how many bytes a sealed stream of the given length holds. A length that none has gives 0 and false.
func plainSize(sealed int64) (size int64, ok bool) {
	body := sealed - sealedHeader
	if body < sealedTag {
		return 0, false
	}
	chunks := (body + sealedChunk + sealedTag - 1) / (sealedChunk + sealedTag)
	size = body - chunks*sealedTag
	if size <= (chunks-1)*sealedChunk && chunks > 1 {
		return 0, false // a last chunk without content
	}
	return size, true
}
