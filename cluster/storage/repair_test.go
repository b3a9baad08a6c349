package storage

import (
	"strings"
	"testing"

	"github.com/hashicorp/raft"
)

func TestRepairAtStart(t *testing.T) {
	tests := map[string]struct {
		entries  []*raft.Log
		index    uint64 // of the snapshot, 0: none
		term     uint64
		wantLast uint64 // of the log after the repair; 0: empty
		refused  string
	}{
		"new":                            {nil, 0, 0, 0, ""},
		"no snapshot yet":                {logEntries(1, 20, 1), 0, 0, 20, ""},
		"agrees":                         {logEntries(1, 20, 1), 10, 1, 20, ""},
		"agrees, compacted":              {logEntries(11, 20, 1), 10, 1, 20, ""},
		"only a snapshot":                {nil, 10, 1, 0, ""},
		"shorter than the snapshot":      {logEntries(1, 5, 1), 10, 2, 5, ""},
		"contradicts the snapshot":       {logEntries(1, 20, 1), 10, 2, 0, ""},
		"contradicts at its last entry":  {logEntries(1, 10, 1), 10, 2, 0, ""},
		"contradicts at its first entry": {logEntries(10, 20, 3), 10, 4, 0, ""},
		"hole after a restored backup":   {append(logEntries(1, 9, 1), logEntries(11, 20, 1)...), 10, 1, 20, ""},
		"does not reach the snapshot":    {logEntries(12, 20, 1), 10, 1, 0, "begins at entry 12"},
		"compacted without any snapshot": {logEntries(12, 20, 1), 0, 0, 0, "ends at entry 0"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			bench := newWorkbench(t)
			s := bench.open(t)
			if len(test.entries) > 0 {
				storeEntries(t, s.Logs, test.entries)
			}
			if test.index > 0 {
				takeSnapshot(t, s.Snapshots, test.index, test.term, []byte("state"))
			}
			closeStorage(t, s)

			s, err := bench.tryOpen()
			if test.refused != "" {
				wantErrorSaying(t, err, test.refused, "join again")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer closeStorage(t, s)
			if last, err := s.Logs.LastIndex(); last != test.wantLast || err != nil {
				t.Errorf("the log ends at %d, %v, want %d", last, err, test.wantLast)
			}
			repaired := strings.Contains(bench.log.String(), "deleted a log that contradicted")
			if want := len(test.entries) > 0 && test.wantLast == 0; repaired != want {
				t.Errorf("repaired: %v, want %v", repaired, want)
			}
		})
	}
}
