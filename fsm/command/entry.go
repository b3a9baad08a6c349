package command

import (
	"fmt"
	"strings"

	"domicile/directory"
	"domicile/fsm/wire"
)

// Bounds of one raft entry. The leader closes an entry at whichever comes first; a single command may not exceed
// MaxCommandBytes, so that no entry delays heartbeats.
const (
	MaxEntryCommands = 256
	MaxEntryBytes    = 128 << 10
	MaxCommandBytes  = 1 << 20
)

// entryFormat is the first byte of every entry.
const entryFormat = 1

// Entry is one raft log entry: many commands under one header. Region and cluster are checked before anything is applied;
// At is the leader's clock when it proposed, never before an earlier entry's (the FSM takes the later of the two).
type Entry struct {
	Region   string
	Cluster  string
	At       directory.Time
	Commands [][]byte // each as Command.Encode made it
}

// Encode gives the entry's bytes.
func (e *Entry) Encode() []byte {
	size := 64
	for _, c := range e.Commands {
		size += len(c) + 4
	}
	w := wire.NewWriter(make([]byte, 0, size))
	w.Fixed([]byte{entryFormat})
	w.Text(e.Region)
	w.Text(e.Cluster)
	w.Int(int64(e.At))
	w.Uint(uint64(len(e.Commands)))
	for _, c := range e.Commands {
		w.Blob(c)
	}
	return w.Bytes()
}

// DecodedEntry is an entry whose commands are decoded. Each command owns its memory, so that a record that outlives the
// entry does not keep its neighbours alive.
type DecodedEntry struct {
	Region   string
	Cluster  string
	At       directory.Time
	Commands []Command
}

// DecodeEntry reads what Entry.Encode wrote.
func DecodeEntry(data []byte) (DecodedEntry, error) {
	if len(data) == 0 || data[0] != entryFormat {
		return DecodedEntry{}, fmt.Errorf("%w: entry format is not %d", wire.ErrMalformed, entryFormat)
	}
	r := wire.NewReader(string(data[1:]))
	e := DecodedEntry{Region: strings.Clone(r.Text()), Cluster: strings.Clone(r.Text()), At: directory.Time(r.Int())}
	n := r.Count()
	e.Commands = make([]Command, 0, n)
	for i := range n {
		text := r.Text()
		if r.Err() != nil {
			break
		}
		c, err := Decode(text)
		if err != nil {
			return DecodedEntry{}, fmt.Errorf("command %d of the entry: %w", i, err)
		}
		e.Commands = append(e.Commands, c)
	}
	if err := r.Done(); err != nil {
		return DecodedEntry{}, fmt.Errorf("entry: %w", err)
	}
	return e, nil
}
