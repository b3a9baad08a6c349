package storage

import (
	"os"
	"path/filepath"
	"testing"

	"domicile/seal"
)

func TestNodeFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	first, created, err := LoadNodeFile(dir, ourID)
	if err != nil || !created || first == "" {
		t.Fatalf("first start: %q %v %v", first, created, err)
	}
	again, created, err := LoadNodeFile(dir, ourID)
	if err != nil || created || again != first {
		t.Fatalf("second start: %q %v %v, want %q", again, created, err, first)
	}
	other, _, err := LoadNodeFile(t.TempDir(), ourID)
	if err != nil || other == first {
		t.Errorf("another directory has incarnation %q, %v", other, err)
	}
	if names, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(names) != 1 {
		t.Errorf("files %q, %v", names, err)
	}
}

func TestNodeFileRefusals(t *testing.T) {
	mine := t.TempDir()
	if _, _, err := LoadNodeFile(mine, ourID); err != nil {
		t.Fatal(err)
	}
	with := func(name, content string) string {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	region, cluster, node := ourID, ourID, ourID
	region.Region, cluster.Cluster, node.Node = "us", "another", "eu-2"
	tests := map[string]struct {
		dir string
		id  seal.Identity
		say []string
	}{
		"another region":  {mine, region, []string{`belongs to region "eu"`, `certificate is for region "us"`, "its own data directory"}},
		"another cluster": {mine, cluster, []string{"belongs to cluster " + ourID.Cluster, "cluster another", "its own data directory"}},
		"another node":    {mine, node, []string{`belongs to node "eu-1"`, `node "eu-2"`, "its own data directory"}},
		"newer format":    {with(nodeFile, `{"format":2,"region":"eu"}`), ourID, []string{"format 2", "a newer one"}},
		"damaged":         {with(nodeFile, `{"format":1,`), ourID, []string{"damaged", "join again"}},
		"empty":           {with(nodeFile, ``), ourID, []string{"damaged"}},
		"no incarnation":  {with(nodeFile, `{"format":1,"region":"eu"}`), ourID, []string{"no incarnation"}},
		"nobody's log":    {with(boltFile, "log"), ourID, []string{"does not say whose", "join again"}},
		"not a directory": {filepath.Join(with("file", ""), "file"), ourID, []string{"not a directory"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, created, err := LoadNodeFile(test.dir, test.id)
			if created {
				t.Error("created")
			}
			wantErrorSaying(t, err, test.say...)
		})
	}
}

// A crash while node.json is written leaves only the temporary file: the next start begins anew.
func TestNodeFileAfterCrash(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, nodeFile+".tmp"), []byte(`{"for`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, created, err := LoadNodeFile(dir, ourID); err != nil || !created {
		t.Errorf("created %v, %v", created, err)
	}
}
