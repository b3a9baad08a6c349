package storage

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"time"

	"domicile/fsm"
	"domicile/fsm/state"
	"domicile/seal"
)

// errDamagedBackup is a backup that opened, but does not hold what it was given.
var errDamagedBackup = errors.New("the backup is damaged")

// backupChunk is how much of a backup is looked at together.
const backupChunk = 64 << 10

// BackupSummary is what a verified backup holds.
type BackupSummary struct {
	Region  string
	Cluster string
	Seq     uint64            // of the last command in it
	Time    time.Time         // of that command
	Key     string            // id of the key that it is sealed with
	Size    int64             // bytes in clear, as raft's Restore wants to know
	Digest  [sha256.Size]byte // of the ledger, as state.View.Digest gives it

	Organizations, Users, Groups, Tokens, Connections, Sessions int
}

// WriteBackup streams the whole ledger to w, sealed: a label line, then a sealed stream of the snapshot and its SHA-256,
// with the line as AAD. The view must be of the given region and cluster. After an error what was written is useless.
func WriteBackup(w io.Writer, view *state.View, keyring *seal.Keyring, id seal.Identity) error {
	if have := view.Identity(); !id.SamePlace(seal.Identity{Region: have.Region, Cluster: have.Cluster}) {
		return fmt.Errorf("write backup: the ledger is of region %q cluster %s, not of region %q cluster %s",
			have.Region, have.Cluster, id.Region, id.Cluster)
	}
	line := label{
		Region:  id.Region,
		Cluster: id.Cluster,
		Seq:     view.Seq(),
		Time:    time.UnixMicro(int64(view.At())).UTC().Format(time.RFC3339Nano),
		Key:     keyring.ActiveID(),
	}.line(labelBackup)
	if _, err := w.Write(line); err != nil {
		return fmt.Errorf("write backup: %w", err)
	}
	stream, err := backupBox(keyring, id).NewWriter(w, line)
	if err != nil {
		return fmt.Errorf("write backup: %w", err)
	}
	digest := sha256.New()
	if err := view.Snapshot(io.MultiWriter(stream, digest)); err != nil {
		return fmt.Errorf("write backup: %w", err)
	}
	if _, err := stream.Write(digest.Sum(nil)); err != nil {
		return fmt.Errorf("write backup: %w", err)
	}
	if err := stream.Close(); err != nil {
		return fmt.Errorf("write backup: %w", err)
	}
	return nil
}

// ReadBackup opens what WriteBackup wrote and returns a reader of the snapshot in it. A backup of another region or cluster
// is refused before anything is decrypted, one sealed with a key that the ring lacks by the key's id. The
// reader hands out only bytes that are authentic, but that the backup is whole is known only at its io.EOF. To restore a
// running cluster, call VerifyBackupOf first: it gives the size, and raft panics over a snapshot that does not restore.
func ReadBackup(r io.Reader, keyring *seal.Keyring, id seal.Identity) (io.Reader, error) {
	reader, _, err := openBackup(r, keyring, id)
	if err != nil {
		return nil, err
	}
	return reader, nil
}

// VerifyBackup proves that a backup of whatever region and cluster its first line names restores with the keys of a ring:
// it reads it to its end, restores it into a scratch ledger, and compares that ledger's digest with the one taken when the
// backup was written. It needs the memory of a second ledger.
func VerifyBackup(r io.Reader, keyring *seal.Keyring) (BackupSummary, error) {
	found, line, err := readLabel(r, labelBackup)
	if err != nil {
		return BackupSummary{}, fmt.Errorf("read backup: %w", err)
	}
	whole := io.MultiReader(bytes.NewReader(line), r)
	return VerifyBackupOf(whole, keyring, seal.Identity{Region: found.Region, Cluster: found.Cluster})
}

// VerifyBackupOf is VerifyBackup for a backup that must be of the given region and cluster; another is refused before
// anything is decrypted.
func VerifyBackupOf(r io.Reader, keyring *seal.Keyring, id seal.Identity) (BackupSummary, error) {
	reader, found, err := openBackup(r, keyring, id)
	if err != nil {
		return BackupSummary{}, err
	}
	view, err := fsm.Verify(reader, state.Identity{Region: id.Region, Cluster: id.Cluster})
	if err != nil {
		return BackupSummary{}, fmt.Errorf("verify backup: %w", err)
	}
	if _, err := io.Copy(io.Discard, reader); err != nil { // to the end: only there it is whole
		return BackupSummary{}, fmt.Errorf("verify backup: %w", err)
	}
	summary := summarize(view)
	if summary.Digest != [sha256.Size]byte(reader.digest.Sum(nil)) {
		return BackupSummary{}, fmt.Errorf("verify backup: %w: it restores to another state than was saved", errDamagedBackup)
	}
	summary.Key, summary.Size = found.Key, reader.size
	return summary, nil
}

func summarize(view *state.View) BackupSummary {
	id := view.Identity()
	s := BackupSummary{
		Region: id.Region, Cluster: id.Cluster, Seq: view.Seq(), Time: time.UnixMicro(int64(view.At())).UTC(),
		Digest: view.Digest(), Organizations: view.Organizations(), Sessions: view.Sessions(),
	}
	for d := range view.Directories() {
		s.Users += count(d.AllUsers())
		s.Groups += count(d.AllGroups())
		s.Tokens += count(d.Tokens())
		s.Connections += count(d.Connections())
	}
	return s
}

func count[T any](rows iter.Seq[T]) int {
	n := 0
	for range rows {
		n++
	}
	return n
}

func backupBox(keyring *seal.Keyring, id seal.Identity) *seal.Box {
	return keyring.Box("backup", id.Region, id.Cluster)
}

func openBackup(r io.Reader, keyring *seal.Keyring, id seal.Identity) (*backupReader, label, error) {
	in := bufio.NewReaderSize(r, backupChunk)
	found, line, err := readLabel(in, labelBackup)
	if err != nil {
		return nil, label{}, fmt.Errorf("read backup: %w", err)
	}
	if err := found.check(id); err != nil {
		return nil, label{}, fmt.Errorf("read backup: %w; a backup is restored only into its own cluster", err)
	}
	plain, err := backupBox(keyring, id).NewReader(in, line)
	if errors.Is(err, seal.ErrUnknownKey) {
		return nil, label{}, fmt.Errorf("read backup: %w: add the key %s to the key ring", err, found.Key)
	}
	if err != nil {
		return nil, label{}, fmt.Errorf("read backup: %w", err)
	}
	return &backupReader{plain: bufio.NewReaderSize(plain, backupChunk+sha256.Size), digest: sha256.New()}, found, nil
}

// backupReader hands out all but the last 32 bytes, and compares those with the digest of the others.
type backupReader struct {
	plain  *bufio.Reader
	digest hash.Hash
	size   int64
}

// Read implements io.Reader.
func (b *backupReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	ahead, err := b.plain.Peek(min(len(p), backupChunk) + sha256.Size)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("read backup: %w", err)
	}
	if len(ahead) < sha256.Size {
		return 0, fmt.Errorf("read backup: %w: it has no digest", errDamagedBackup)
	}
	content, rest := ahead[:len(ahead)-sha256.Size], ahead[len(ahead)-sha256.Size:]
	if len(content) == 0 {
		if !bytes.Equal(rest, b.digest.Sum(nil)) {
			return 0, fmt.Errorf("read backup: %w: its digest does not match", errDamagedBackup)
		}
		return 0, io.EOF
	}
	n := copy(p, content)
	b.digest.Write(content)
	b.size += int64(n)
	_, err = b.plain.Discard(n)
	return n, err
}
