package fsm

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"domicile/directory"
	"domicile/fsm/command"
)

var update = flag.Bool("update", false, "write the golden replay anew")

const (
	replayLog     = "testdata/replay.log"     // one entry per line, in hex
	replayDigests = "testdata/replay.digests" // the digest after each entry
)

// TestReplay_golden applies a log that is kept in the repository and wants the digest that each entry had when it was
// recorded. A difference means that this binary would disagree with the nodes that run an older release.
func TestReplay_golden(t *testing.T) {
	if *update {
		writeReplay(t)
	}
	entries, want := lines(t, replayLog), lines(t, replayDigests)
	if len(entries) != len(want) || len(entries) < len(command.Kinds()) {
		t.Fatalf("%d entries and %d digests", len(entries), len(want))
	}
	f, applied := newFSM(t), make(map[command.Kind]int)
	for i, text := range entries {
		data, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		results := apply(t, f, uint64(i+1), data)
		entry, _ := command.DecodeEntry(data)
		for j, c := range entry.Commands {
			if results[j].Error == nil {
				applied[c.Payload.Kind()]++
			}
		}
		if got := fmt.Sprintf("%x", f.View().Digest()); got != want[i] {
			t.Fatalf("entry %d: digest %s, want %s", i+1, got, want[i])
		}
	}
	for _, kind := range command.Kinds() {
		if applied[kind] == 0 {
			t.Errorf("the golden replay applies no %s: run with -update after giving it a golden command", kind)
		}
	}
	if err := f.View().Check(); err != nil {
		t.Error(err)
	}
}

// writeReplay records a new log: first the golden commands of package command as one story, one entry each, then a
// random history.
func writeReplay(t *testing.T) {
	t.Helper()
	f, w := newFSM(t), newWorld(2024)
	var log, digests strings.Builder
	add := func(data []byte) {
		apply(t, f, uint64(log.Len()+1), data)
		fmt.Fprintf(&log, "%x\n", data)
		fmt.Fprintf(&digests, "%x\n", f.View().Digest())
	}
	for i, data := range story(t) {
		entry := command.Entry{Region: home.Region, Cluster: home.Cluster, At: dawn + directory.Time(i), Commands: [][]byte{data}}
		add(entry.Encode())
	}
	w.now += 1_000_000
	for range 60 {
		data, _ := w.entry(f.View())
		add(data)
	}
	for path, text := range map[string]string{replayLog: log.String(), replayDigests: digests.String()} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// story gives the golden commands in the order of the seq that their expected versions assume.
func story(t *testing.T) [][]byte {
	t.Helper()
	var commands [][]byte
	for _, name := range []string{
		"raise_level", "create_organization", "update_organization", "create_client", "create_token", "put_connection", "create_user",
		"replace_user", "create_group", "update_group", "open_session", "close_session", "delete_group", "delete_user",
		"restore_user", "stage_members", "create_group_2", "stage_members_2", "update_group_2", "append_sync_log", "mark_notified",
		"convert_users", "rename_users", "delete_user_2", "erase_user", "create_user_2", "delete_user_3",
		"delete_connection", "put_settings", "touch_tokens", "put_schema", "delete_schema",
		"revoke_token", "delete_client", "delete_organization",
	} {
		text := strings.Join(lines(t, filepath.Join("command", "testdata", name+".hex")), "")
		data, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		commands = append(commands, data)
	}
	return commands
}

// The golden commands are accepted as one story, so that the replay is worth something.
func TestStory_isAccepted(t *testing.T) {
	f := newFSM(t)
	for i, data := range story(t) {
		entry := command.Entry{Region: home.Region, Cluster: home.Cluster, At: dawn, Commands: [][]byte{data}}
		if r := apply(t, f, uint64(i+1), entry.Encode())[0]; r.Error != nil || r.Seq != uint64(i+1) {
			t.Errorf("command %d: %+v", i+1, r)
		}
	}
}

func lines(t *testing.T, path string) []string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(bytes.TrimSpace(data)))
}
