package storage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"domicile/seal"
)

const (
	labelFormat  = 1
	maxLabelSize = 1 << 10
)

// Kinds of labelled files.
const (
	labelSnapshot = "snapshot"
	labelBackup   = "backup"
)

// errForeignFile is a file of another region or cluster; nothing of it was decrypted.
var errForeignFile = errors.New("it belongs to another region or cluster")

// label says in clear what a sealed file is. It is the file's first line, so `head -1` shows it to an operator, and it is
// the AAD of all that follows, so it cannot be altered:
//
//	domicile backup 1 {"region":"eu","cluster":"…","seq":4711,"time":"2026-03-01T09:30:00Z","key":"1f3c5a77"}
type label struct {
	Region  string `json:"region"`
	Cluster string `json:"cluster"`
	Index   uint64 `json:"index,omitempty"` // of raft; snapshots only
	Term    uint64 `json:"term,omitempty"`
	Seq     uint64 `json:"seq,omitempty"` // of the ledger; backups only, like the rest
	Time    string `json:"time,omitempty"`
	Key     string `json:"key,omitempty"` // id of the key that it was sealed with
}

// line returns the label as a file's first line.
func (l label) line(kind string) []byte {
	raw, err := json.Marshal(l)
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	return fmt.Appendf(nil, "domicile %s %d %s\n", kind, labelFormat, raw)
}

// check refuses a file of another place.
func (l label) check(id seal.Identity) error {
	if id.SamePlace(seal.Identity{Region: l.Region, Cluster: l.Cluster}) {
		return nil
	}
	return fmt.Errorf("%w: region %q cluster %s, while this node is of region %q cluster %s", errForeignFile,
		l.Region, l.Cluster, id.Region, id.Cluster)
}

// readLabel reads the first line of r, and nothing beyond. It returns the line too, for use as AAD.
func readLabel(r io.Reader, kind string) (l label, line []byte, err error) {
	line, err = readLine(r)
	if err != nil {
		return label{}, nil, err
	}
	rest, ok := bytes.CutPrefix(line, []byte("domicile "+kind+" "))
	if !ok {
		return label{}, nil, fmt.Errorf("%w: this is no %s file", seal.ErrNotAuthentic, kind)
	}
	format, body, _ := strings.Cut(string(rest), " ")
	if format != fmt.Sprint(labelFormat) {
		return label{}, nil, fmt.Errorf("the %s file has format %q, this release knows %d: use the release that wrote it, or a newer one",
			kind, format, labelFormat)
	}
	if err := json.Unmarshal([]byte(body), &l); err != nil {
		return label{}, nil, fmt.Errorf("%w: the %s file's first line is damaged: %w", seal.ErrNotAuthentic, kind, err)
	}
	return l, line, nil
}

// readLine reads up to and with the first newline, byte by byte: what follows belongs to another reader.
func readLine(r io.Reader) ([]byte, error) {
	var line []byte
	var next [1]byte
	for len(line) < maxLabelSize {
		_, err := io.ReadFull(r, next[:])
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%w: the first line is cut", seal.ErrNotAuthentic)
		}
		if err != nil {
			return nil, fmt.Errorf("read the first line: %w", err)
		}
		line = append(line, next[0])
		if next[0] == '\n' {
			return line, nil
		}
	}
	return nil, fmt.Errorf("%w: the first line is too long", seal.ErrNotAuthentic)
}
