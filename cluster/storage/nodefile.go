package storage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"domicile/seal"
)

const (
	nodeFile       = "node.json"
	nodeFileFormat = 1
)

// NodeFile is node.json: whose data directory this is, and in which of its lives.
type NodeFile struct {
	Format      int       `json:"format"`
	Region      string    `json:"region"`
	Cluster     string    `json:"cluster"`
	Node        string    `json:"node"`
	Incarnation string    `json:"incarnation"` // random; a node that lost its directory comes back as another incarnation
	Created     time.Time `json:"created"`
}

// LoadNodeFile reads node.json from the data directory, or makes both at the first start: call it before Open. It
// refuses a directory of another region, cluster or node, and one that holds a log but no node.json.
func LoadNodeFile(dir string, id seal.Identity) (incarnation string, created bool, err error) {
	path := filepath.Join(dir, nodeFile)
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		record, err := createNodeFile(dir, id)
		if err != nil {
			return "", false, fmt.Errorf("create %s: %w", path, err)
		}
		return record.Incarnation, true, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("read node file: %w", err)
	}
	record, err := parseNodeFile(raw)
	if err != nil {
		return "", false, fmt.Errorf("read %s: %w", path, err)
	}
	if err := record.check(id); err != nil {
		return "", false, fmt.Errorf("%s: %w", dir, err)
	}
	return record.Incarnation, false, nil
}

func parseNodeFile(raw []byte) (NodeFile, error) {
	var record NodeFile
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if err := decoder.Decode(&record); err != nil {
		return record, fmt.Errorf("it is damaged (%w): restore it from a copy, or empty the data directory and let this node join again", err)
	}
	if record.Format != nodeFileFormat {
		return record, fmt.Errorf("it has format %d, this release knows %d: run the release that wrote it, or a newer one", record.Format, nodeFileFormat)
	}
	if record.Incarnation == "" {
		return record, errors.New("it names no incarnation: restore it from a copy, or empty the data directory and let this node join again")
	}
	return record, nil
}

// check compares whose directory it is with who we are.
func (f NodeFile) check(id seal.Identity) error {
	const advice = "point the node at its own data directory or certificate; data is never moved between them"
	switch {
	case f.Region != id.Region:
		return fmt.Errorf("this data directory belongs to region %q, but the node's certificate is for region %q: %s", f.Region, id.Region, advice)
	case f.Cluster != id.Cluster:
		return fmt.Errorf("this data directory belongs to cluster %s, but the node's certificate is for cluster %s: %s", f.Cluster, id.Cluster, advice)
	case f.Node != id.Node:
		return fmt.Errorf("this data directory belongs to node %q, but the node's certificate is for node %q: %s", f.Node, id.Node, advice)
	}
	return nil
}

func createNodeFile(dir string, id seal.Identity) (NodeFile, error) {
	record := NewNodeFile(id)
	if _, err := os.Stat(filepath.Join(dir, boltFile)); err == nil {
		return record, fmt.Errorf("the directory holds a log (%s) but does not say whose: restore %s from a copy, or empty the directory and let this node join again",
			boltFile, nodeFile)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return record, err
	}
	return record, record.Write(dir)
}

// NewNodeFile begins another life of a data directory; Write makes it so.
func NewNodeFile(id seal.Identity) NodeFile {
	return NodeFile{
		Format:      nodeFileFormat,
		Region:      id.Region,
		Cluster:     id.Cluster,
		Node:        id.Node,
		Incarnation: seal.NewID(),
		Created:     time.Now().UTC().Truncate(time.Second),
	}
}

// Write puts node.json into the data directory dir, durably, in place of another.
func (f NodeFile) Write(dir string) error {
	raw, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	return writeDurably(filepath.Join(dir, nodeFile), append(raw, '\n'))
}

// writeDurably puts a whole file of mode 0600 in place, or leaves what was there; once it returns, the file survives a
// power loss.
func writeDurably(path string, content []byte) error {
	temporary := path + ".tmp"
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(path))
}
