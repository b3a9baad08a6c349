package main

import (
	"os"
	"path/filepath"
	"testing"

	"domicile/seal"
)

// The shell's region has no cluster, so its backups are in clear and never verify: what is tested is what becomes of the
// file. Real backups are in test/e2e.
func TestBackupCreate(t *testing.T) {
	s := newShell(t)
	s.run("org", "create", "acme")
	dir := t.TempDir()
	file := filepath.Join(dir, "us.backup")
	alone := func(want string) {
		t.Helper()
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			if entry.Name() != want {
				t.Errorf("%s was left behind", entry.Name())
			}
		}
	}
	ring := writeFile(t, "keyring.json", string(seal.GenerateKeyring().Encode()))
	s.fails(1, "no backup file", "backup", "create", "--out", file, "--keyring", ring)
	alone("")

	var report struct {
		File     string
		Size     int64
		Verified bool
	}
	s.json(&report, "backup", "create", "--out", file)
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 || info.Size() == 0 || report.Size != info.Size() || report.Verified {
		t.Errorf("wrote %s with %d bytes, reported %+v", info.Mode(), info.Size(), report)
	}
	s.fails(1, "no backup file", "backup", "create", "--out", file, "--keyring", ring)
	if again, err := os.Stat(file); err != nil || again.ModTime() != info.ModTime() {
		t.Error("a backup that does not verify replaced an older one")
	}
	alone("us.backup")

	s.fails(2, "--out FILE", "backup", "create")
	s.fails(1, "no such file", "backup", "create", "--out", filepath.Join(dir, "nowhere", "us.backup"))
	if _, complaint, code := s.bare("", "backup", "create", "--out", file, "--url", s.url, "--token-file", writeFile(t, "token", "wrong")); code != 1 {
		t.Errorf("a stranger got a backup: %d %s", code, complaint)
	}
	alone("us.backup")
}

func TestBackupVerify_refusals(t *testing.T) {
	s := newShell(t)
	ring := writeFile(t, "keyring.json", string(seal.GenerateKeyring().Encode()))
	file := writeFile(t, "us.backup", "something else\n")
	for _, test := range []struct {
		code  int
		words string
		args  []string
	}{
		{1, "no backup file", []string{file, "--keyring", ring}},
		{1, "no such file", []string{file + ".none", "--keyring", ring}},
		{1, "load key ring", []string{file, "--keyring", file}},
		{2, "--keyring FILE", []string{file}},
		{2, "usage", []string{"--keyring", ring}},
	} {
		s.fails(test.code, test.words, append([]string{"backup", "verify"}, test.args...)...)
	}
	if _, complaint, code := s.bare("", "restore", "--config", file); code != 2 {
		t.Errorf("restore of nothing: %d %s", code, complaint)
	}
	if _, complaint, code := s.bare("", "restore", "--config", file, "--backup", file); code != 1 {
		t.Errorf("restore with a broken configuration: %d %s", code, complaint)
	}
}
