package storage

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"domicile/directory"
	"domicile/fsm"
	"domicile/fsm/state"
	"domicile/seal"
)

// backupView gives a ledger with n organizations that carry the marker.
func backupView(t *testing.T, id seal.Identity, n int) *state.View {
	t.Helper()
	s := state.New(state.Identity{Region: id.Region, Cluster: id.Cluster})
	for i := range n {
		s.Begin(directory.Time(time.Date(2026, 3, 1, 9, 30, 0, i, time.UTC).UnixMicro()))
		s.PutOrganization(&directory.Organization{
			ID:        directory.OrganizationID(fmt.Sprintf("org-%05d", i)),
			Slug:      fmt.Sprintf("org-%d", i),
			Name:      "Example",
			RootEmail: marker,
			Version:   s.NextSeq(),
		})
	}
	return s.Publish()
}

func backupOf(t *testing.T, view *state.View, ring *seal.Keyring) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := WriteBackup(&out, view, ring, ourID); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestBackupRoundTrip(t *testing.T) {
	ring := seal.GenerateKeyring()
	for _, organizations := range []int{0, 1, 5000} {
		t.Run(fmt.Sprint(organizations), func(t *testing.T) {
			view := backupView(t, ourID, organizations)
			backup := backupOf(t, view, ring)
			if bytes.Contains(backup, []byte(marker)) {
				t.Error("the backup holds clear text")
			}
			var want bytes.Buffer
			if err := view.Snapshot(&want); err != nil {
				t.Fatal(err)
			}
			plain, err := ReadBackup(bytes.NewReader(backup), ring, ourID)
			if err != nil {
				t.Fatal(err)
			}
			if err := iotest.TestReader(plain, want.Bytes()); err != nil {
				t.Fatal(err)
			}
			summary, err := VerifyBackupOf(iotest.HalfReader(bytes.NewReader(backup)), ring, ourID)
			if err != nil {
				t.Fatal(err)
			}
			if summary.Seq != view.Seq() || summary.Size != int64(want.Len()) || summary.Digest != view.Digest() ||
				summary.Key != ring.ActiveID() || summary.Time.UnixMicro() != int64(view.At()) {
				t.Errorf("summary %+v", summary)
			}
		})
	}
}

func TestBackupFirstLineIsReadable(t *testing.T) {
	ring := seal.GenerateKeyring()
	line, _, _ := strings.Cut(string(backupOf(t, backupView(t, ourID, 2), ring)), "\n")
	want := fmt.Sprintf(`domicile backup 1 {"region":"eu","cluster":"%s","seq":2,"time":"2026-03-01T09:30:00Z","key":"%s"}`,
		ourID.Cluster, ring.ActiveID())
	if line != want {
		t.Errorf("got  %s\nwant %s", line, want)
	}
}

func TestBackupAfterKeyRotation(t *testing.T) {
	ring := seal.GenerateKeyring()
	backup := backupOf(t, backupView(t, ourID, 10), ring)
	if _, err := VerifyBackupOf(bytes.NewReader(backup), ring.Rotate(), ourID); err != nil {
		t.Error(err)
	}
}

func TestBackupRefusals(t *testing.T) {
	ring := seal.GenerateKeyring()
	backup := backupOf(t, backupView(t, ourID, 10), ring)
	us := seal.Identity{Region: "us", Cluster: ourID.Cluster}
	other := seal.Identity{Region: "eu", Cluster: "another"}
	tests := map[string]struct {
		backup []byte
		ring   *seal.Keyring
		id     seal.Identity
		is     error
		say    string
	}{
		"another region":   {backup, ring, us, errForeignFile, `region "eu"`},
		"another cluster":  {backup, ring, other, errForeignFile, ourID.Cluster},
		"another key ring": {backup, seal.GenerateKeyring(), ourID, seal.ErrUnknownKey, "add the key " + ring.ActiveID()},
		"relabelled":       {bytes.Replace(backup, []byte(`"eu"`), []byte(`"us"`), 1), ring, us, seal.ErrNotAuthentic, ""},
		"another seq":      {bytes.Replace(backup, []byte(`"seq":10`), []byte(`"seq":11`), 1), ring, ourID, seal.ErrNotAuthentic, ""},
		"newer format":     {bytes.Replace(backup, []byte("backup 1 "), []byte("backup 2 "), 1), ring, ourID, nil, "a newer one"},
		"a snapshot":       {bytes.Replace(backup, []byte("backup 1 "), []byte("snapshot 1 "), 1), ring, ourID, seal.ErrNotAuthentic, "no backup file"},
		"an empty file":    {nil, ring, ourID, seal.ErrNotAuthentic, "cut"},
		"something else":   {bytes.Repeat([]byte("x"), 5000), ring, ourID, seal.ErrNotAuthentic, "too long"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := VerifyBackupOf(bytes.NewReader(test.backup), test.ring, test.id)
			wantErrorSaying(t, err, test.say)
			if test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("answered %v, want %v", err, test.is)
			}
		})
	}
}

func TestBackupOfAnotherLedger(t *testing.T) {
	view := backupView(t, seal.Identity{Region: "us", Cluster: "c"}, 1)
	var out bytes.Buffer
	wantErrorSaying(t, WriteBackup(&out, view, seal.GenerateKeyring(), ourID), `region "us"`)
	if out.Len() > 0 {
		t.Error("something was written")
	}
}

func TestBackupDamage(t *testing.T) {
	ring := seal.GenerateKeyring()
	backup := backupOf(t, backupView(t, ourID, 3000), ring)
	line := bytes.IndexByte(backup, '\n') + 1
	for _, at := range []int{line, line + 10, line + 40, len(backup) / 2, len(backup) - 1} {
		altered := bytes.Clone(backup)
		altered[at] ^= 1
		if _, err := VerifyBackupOf(bytes.NewReader(altered), ring, ourID); err == nil {
			t.Errorf("byte %d of %d was altered: no error", at, len(backup))
		}
	}
	for _, size := range []int{line, line + 37, line + 100, len(backup) / 2, len(backup) - 48, len(backup) - 1} {
		plain, err := ReadBackup(bytes.NewReader(backup[:size]), ring, ourID)
		if err == nil {
			_, err = io.Copy(io.Discard, plain)
		}
		if err == nil {
			t.Errorf("cut to %d of %d bytes: no error", size, len(backup))
		}
	}
	if _, err := VerifyBackupOf(bytes.NewReader(append(bytes.Clone(backup), 'x')), ring, ourID); err == nil {
		t.Error("a byte was added: no error")
	}
}

// What was sealed wrongly opens, but is noticed by its digest.
func TestBackupDigest(t *testing.T) {
	ring := seal.GenerateKeyring()
	line := label{Region: ourID.Region, Cluster: ourID.Cluster}.line(labelBackup)
	for name, content := range map[string]string{"none": "short", "wrong": strings.Repeat("x", 100_000)} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			out.Write(line)
			stream, err := backupBox(ring, ourID).NewWriter(&out, line)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(stream, content); err != nil {
				t.Fatal(err)
			}
			if err := stream.Close(); err != nil {
				t.Fatal(err)
			}
			plain, err := ReadBackup(&out, ring, ourID)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, plain); !errors.Is(err, errDamagedBackup) {
				t.Errorf("answered %v", err)
			}
		})
	}
}

func TestBackupWriteFails(t *testing.T) {
	view := backupView(t, ourID, 3000)
	for _, room := range []int64{0, 50, 200, 70_000} {
		err := WriteBackup(&shortWriter{room}, view, seal.GenerateKeyring(), ourID)
		if !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("with room for %d bytes: %v", room, err)
		}
	}
}

// shortWriter takes room bytes, like a disk that fills up.
type shortWriter struct{ room int64 }

func (w *shortWriter) Write(p []byte) (int, error) {
	if int64(len(p)) > w.room {
		return 0, io.ErrShortWrite
	}
	w.room -= int64(len(p))
	return len(p), nil
}

// A backup restores into the replicated memory itself, not only into a scratch ledger.
func TestBackupRestoresIntoFSM(t *testing.T) {
	ring := seal.GenerateKeyring()
	view := backupView(t, ourID, 100)
	plain, err := ReadBackup(bytes.NewReader(backupOf(t, view, ring)), ring, ourID)
	if err != nil {
		t.Fatal(err)
	}
	memory := fsm.New(view.Identity(), func(err error) { t.Error(err) })
	if err := memory.Restore(io.NopCloser(plain)); err != nil {
		t.Fatal(err)
	}
	if memory.View().Digest() != view.Digest() {
		t.Error("another state came back")
	}
}

func FuzzReadLabel(f *testing.F) {
	good := label{Region: "eu", Cluster: "c", Seq: 7, Time: "t", Key: "1f3c5a77"}
	f.Add(good.line(labelBackup))
	f.Add([]byte("domicile backup 1 {}\nrest"))
	f.Add([]byte("domicile backup 18446744073709551616 {}\n"))
	f.Add([]byte("domicile backup 1\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := bytes.NewReader(raw)
		found, line, err := readLabel(r, labelBackup)
		if err != nil {
			return
		}
		if !bytes.HasPrefix(raw, line) || len(raw)-r.Len() != len(line) {
			t.Error("read something else than the first line")
		}
		again, _, err := readLabel(bytes.NewReader(found.line(labelBackup)), labelBackup)
		if err != nil || again != found {
			t.Errorf("%+v became %+v, %v", found, again, err)
		}
	})
}
