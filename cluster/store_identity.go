package cluster

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

// nodeRecord is node.json: whose data directory this is.
type nodeRecord struct {
	Format      int       `json:"format"`
	Region      string    `json:"region"`
	Cluster     string    `json:"cluster"`
	Node        string    `json:"node"`
	Incarnation string    `json:"incarnation"` // random; a node that lost its directory comes back as another incarnation
	Created     time.Time `json:"created"`
}

// loadNodeFile reads node.json from the data directory, or makes both at the first start: call it before openStorage. It
// refuses a directory of another region, cluster or node, and one that holds a log but no node.json.
func loadNodeFile(dir string, id seal.Identity) (incarnation string, created bool, err error) {
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

func parseNodeFile(raw []byte) (nodeRecord, error) {
	var record nodeRecord
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
func (r nodeRecord) check(id seal.Identity) error {
	const advice = "point the node at its own data directory or certificate; data is never moved between them"
	switch {
	case r.Region != id.Region:
		return fmt.Errorf("this data directory belongs to region %q, but the node's certificate is for region %q: %s", r.Region, id.Region, advice)
	case r.Cluster != id.Cluster:
		return fmt.Errorf("this data directory belongs to cluster %s, but the node's certificate is for cluster %s: %s", r.Cluster, id.Cluster, advice)
	case r.Node != id.Node:
		return fmt.Errorf("this data directory belongs to node %q, but the node's certificate is for node %q: %s", r.Node, id.Node, advice)
	}
	return nil
}

func createNodeFile(dir string, id seal.Identity) (nodeRecord, error) {
	record := newNodeRecord(id)
	if _, err := os.Stat(filepath.Join(dir, boltFile)); err == nil {
		return record, fmt.Errorf("the directory holds a log (%s) but does not say whose: restore %s from a copy, or empty the directory and let this node join again",
			boltFile, nodeFile)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return record, err
	}
	return record, record.write(dir)
}

// newNodeRecord begins another life of a data directory.
func newNodeRecord(id seal.Identity) nodeRecord {
	return nodeRecord{
		Format:      nodeFileFormat,
		Region:      id.Region,
		Cluster:     id.Cluster,
		Node:        id.Node,
		Incarnation: seal.NewID(),
		Created:     time.Now().UTC().Truncate(time.Second),
	}
}

func (r nodeRecord) write(dir string) error {
	raw, err := json.MarshalIndent(r, "", "  ")
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
