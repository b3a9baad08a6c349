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

// replay is a log that is kept in the repository: one entry per line, in hex, and the digest after each entry. It begins
// with golden commands of package command that make sense as one story, in the order of the seq that their expected versions
// assume.
type replay struct {
	name     string
	released bool // it never changes
	story    []string
}

// replays together apply every kind.
var replays = []replay{
	{"replay", true, []string{
		"raise_level", "create_organization", "update_organization", "create_client", "create_token", "put_connection", "create_user",
		"replace_user", "create_group", "update_group", "open_session", "close_session", "delete_group", "delete_user",
		"restore_user", "stage_members", "create_group_2", "stage_members_2", "update_group_2", "append_sync_log", "mark_notified",
		"convert_users", "rename_users", "delete_user_2", "erase_user", "create_user_2", "delete_user_3",
		"delete_connection", "put_settings", "touch_tokens", "put_schema", "delete_schema",
		"revoke_token", "delete_client", "delete_organization",
	}},
	{"replay_2_connections", true, []string{
		"raise_level_2", "create_organization_2", "put_application_2", "put_signing_key", "put_signing_key_2", "put_provider",
		"put_connection_3", "put_domain", "look_domain", "put_request", "put_request_2", "step_request", "step_request_2",
		"step_request_3", "update_organization_2", "create_user_3",
		"step_request_4", "delete_request", "delete_domain", "delete_application",
		"put_provider_2", "put_provider_3",
	}},
	{"replay_2_sessions", true, []string{
		"raise_level_2", "create_organization", "update_organization", "create_user", "put_connection_2", "put_application",
		"open_session_2", "join_session", "touch_sessions", "put_setup_link", "put_passkey", "put_recovery", "open_local_session", "delete_passkey",
		"delete_credentials", "count_attempt", "count_attempt_2", "remind_secret", "record_refusals", "end_sessions", "end_sessions_2", "delete_link",
		"offer_algorithm", "pin_algorithm", "finish_errands",
	}},
}

func (r replay) log() string     { return filepath.Join("testdata", r.name+".log") }
func (r replay) digests() string { return filepath.Join("testdata", r.name+".digests") }

// TestReplay_golden applies the logs that are kept in the repository and wants the digest that each entry had when it was
// recorded. A difference means that this binary would disagree with the nodes that run an older release.
func TestReplay_golden(t *testing.T) {
	applied := make(map[command.Kind]int)
	for _, r := range replays {
		t.Run(r.name, func(t *testing.T) {
			if *update && !r.released {
				r.write(t)
			}
			r.check(t, applied)
		})
	}
	for _, kind := range command.Kinds() {
		if applied[kind] == 0 {
			t.Errorf("no golden replay applies %s: run with -update after giving it a golden command", kind)
		}
	}
}

func (r replay) check(t *testing.T, applied map[command.Kind]int) {
	entries, want := lines(t, r.log()), lines(t, r.digests())
	if len(entries) != len(want) || len(entries) < len(r.story) {
		t.Fatalf("%d entries and %d digests", len(entries), len(want))
	}
	f := newFSM(t)
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
	if err := f.View().Check(); err != nil {
		t.Error(err)
	}
}

// write records a new log: first the story, one entry for each command, then a random history.
func (r replay) write(t *testing.T) {
	t.Helper()
	f, w := newFSM(t), newWorld(2024)
	var log, digests strings.Builder
	add := func(data []byte) {
		apply(t, f, uint64(log.Len()+1), data)
		fmt.Fprintf(&log, "%x\n", data)
		fmt.Fprintf(&digests, "%x\n", f.View().Digest())
	}
	for i, data := range r.commands(t) {
		entry := command.Entry{Region: home.Region, Cluster: home.Cluster, At: dawn + directory.Time(i), Commands: [][]byte{data}}
		add(entry.Encode())
	}
	w.now += 1_000_000
	for range 60 {
		data, _ := w.entry(f.View())
		add(data)
	}
	for path, text := range map[string]string{r.log(): log.String(), r.digests(): digests.String()} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// commands gives the bytes of the story.
func (r replay) commands(t *testing.T) [][]byte {
	t.Helper()
	var commands [][]byte
	for _, name := range r.story {
		text := strings.Join(lines(t, filepath.Join("command", "testdata", name+".hex")), "")
		data, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		commands = append(commands, data)
	}
	return commands
}

// The golden commands are accepted as stories, so that the replays are worth something.
func TestStories_areAccepted(t *testing.T) {
	for _, r := range replays {
		f := newFSM(t)
		for i, data := range r.commands(t) {
			entry := command.Entry{Region: home.Region, Cluster: home.Cluster, At: dawn, Commands: [][]byte{data}}
			if got := apply(t, f, uint64(i+1), entry.Encode())[0]; got.Error != nil || got.Seq != uint64(i+1) {
				t.Errorf("%s: command %d, %s: %+v", r.name, i+1, r.story[i], got)
			}
		}
		if err := f.View().Check(); err != nil {
			t.Error(err)
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
