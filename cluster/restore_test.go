package cluster_test

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"domicile/cluster"
	"domicile/cluster/clustertest"
	"domicile/cluster/storage"
	"domicile/directory"
	"domicile/fsm/command"
	"domicile/seal"
)

// backupOf makes a cluster of n nodes with a few organizations, and a backup of it.
func backupOf(t *testing.T, n int, options clustertest.Options) (c *clustertest.Cluster, backup []byte, digest string) {
	t.Helper()
	c = clustertest.New(t, n, options)
	c.WaitReady()
	for i := range 10 {
		propose(t, c.Node(i%n), clustertest.CreateOrganization(i))
	}
	clustertest.Eventually(t, "the level is in force", func() bool { return c.Node(n-1).Status().Level == command.MaxLevel }, nil)
	var out bytes.Buffer
	if err := c.Node(n-1).Backup(&out, view(t, c.Node(n-1))); err != nil {
		t.Fatal(err)
	}
	_, digest = c.Node(n - 1).Digest()
	return c, out.Bytes(), digest
}

func killAll(c *clustertest.Cluster) {
	for _, i := range c.Running() {
		c.Kill(i)
	}
}

// All nodes are lost; one is restored, and the others, although they expect to found a cluster, wait for it and join it.
func TestRestore_refoundsTheRegion(t *testing.T) {
	c, backup, digest := backupOf(t, 3, clustertest.Options{})
	killAll(c)
	for i := range 3 {
		c.Wipe(i)
	}
	c.Start(0)
	c.Start(2)
	summary, err := cluster.Restore(t.Context(), c.Config(1), bytes.NewReader(backup))
	if err != nil {
		t.Fatal(err)
	}
	if summary.Organizations != 10 || summary.Region != "test" {
		t.Errorf("restored %+v", summary)
	}
	for _, i := range []int{0, 2} {
		if members := c.Node(i).Members(); len(members) != 0 {
			t.Errorf("node %d founded a cluster beside the restored one: %v", i, members)
		}
	}
	c.Start(1)
	c.WaitReady()
	clustertest.Eventually(t, "all three have a vote", func() bool {
		voters := 0
		for _, member := range c.Node(1).Members() {
			if member.Voter {
				voters++
			}
		}
		return voters == 3
	}, func() any { return c.Node(1).Members() })
	c.SameDigests()
	for i := range 3 {
		if _, got := c.Node(i).Digest(); got != digest {
			t.Errorf("node %d has digest %s after the restore, want %s", i, got, digest)
		}
	}
	propose(t, c.Node(0), clustertest.CreateOrganization(10))
	c.Kill(1) // the others go on without the one that was restored
	propose(t, c.Node(2), clustertest.CreateOrganization(11))
	c.Start(1)
	c.WaitReady()
	if !has(t, c.Node(1), 0) || !has(t, c.Node(1), 11) {
		t.Error("the restored node lost writes")
	}
}

// Two nodes with empty directories that expect only each other found nothing while a seed is silent.
func TestRestore_foundersWaitForEverySeed(t *testing.T) {
	c, backup, _ := backupOf(t, 3, clustertest.Options{Configure: func(_ int, config *cluster.Config) { config.BootstrapExpect = 2 }})
	killAll(c)
	for i := range 3 {
		c.Wipe(i)
	}
	for i := range 3 { // whichever of them come first in the alphabet
		if _, err := cluster.Restore(t.Context(), c.Config(i), bytes.NewReader(backup)); err != nil {
			t.Fatal(err)
		}
		others := []int{(i + 1) % 3, (i + 2) % 3}
		for _, other := range others {
			c.Start(other)
		}
		c.Start(i)
		c.WaitReady()
		for _, other := range others {
			if !has(t, c.Node(other), 9) {
				t.Errorf("node %d does not hold what was restored on node %d", other, i)
			}
		}
		killAll(c)
		for n := range 3 {
			c.Wipe(n)
		}
	}
}

func TestRestore_refuses(t *testing.T) {
	c, backup, _ := backupOf(t, 3, clustertest.Options{})
	refused := func(t *testing.T, config cluster.Config, backup []byte, words string) {
		t.Helper()
		if _, err := cluster.Restore(t.Context(), config, bytes.NewReader(backup)); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("answered %v, want %q", err, words)
		}
	}
	elsewhere := func() cluster.Config {
		config := c.Config(1)
		config.DataDir = filepath.Join(t.TempDir(), "data")
		return config
	}
	refused(t, elsewhere(), backup, "address already in use") // the node itself runs
	c.Kill(1)
	refused(t, elsewhere(), backup, "runs and holds data of this region")
	killAll(c)
	refused(t, c.Config(1), backup, "is not empty")

	config := elsewhere()
	config.Seeds = []string{"127.0.0.1:1", "127.0.0.1:2"}
	refused(t, config, backup, "not among its seeds")
	config = elsewhere()
	config.Keyring = seal.GenerateKeyring()
	refused(t, config, backup, "add the key "+c.Keyring.ActiveID())
	damaged := bytes.Clone(backup)
	damaged[len(damaged)/2] ^= 1
	refused(t, elsewhere(), damaged, "not authentic")
	refused(t, elsewhere(), backup[:len(backup)-1], "")
	config = elsewhere()
	refused(t, config, nil, "cut")
	if _, err := os.Stat(config.DataDir); !os.IsNotExist(err) {
		t.Error("a refused restore left a directory")
	}

	other := clustertest.New(t, 1, clustertest.Options{Region: "eu"})
	killAll(other)
	other.Wipe(0)
	config = other.Config(0)
	config.Keyring = c.Keyring
	refused(t, config, backup, `region "test"`)
	twin := clustertest.New(t, 1, clustertest.Options{}) // of the same region, founded anew
	killAll(twin)
	twin.Wipe(0)
	config = twin.Config(0)
	config.Keyring = c.Keyring
	refused(t, config, backup, "only into its own cluster")
}

// An interrupted restore leaves a directory that no node starts on, and that is not restored into.
func TestRestore_interrupted(t *testing.T) {
	c, backup, _ := backupOf(t, 1, clustertest.Options{})
	killAll(c)
	c.Wipe(0)
	config := c.Config(0)
	if _, err := cluster.Restore(t.Context(), config, bytes.NewReader(backup)); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(config.DataDir, "node.json")); err != nil {
		t.Fatal(err)
	}
	if _, err := cluster.Start(t.Context(), config); err == nil || !strings.Contains(err.Error(), "does not say whose") {
		t.Errorf("start: %v", err)
	}
	if _, err := cluster.Restore(t.Context(), config, bytes.NewReader(backup)); err == nil {
		t.Error("restored over what is there")
	}
}

// A region does not lock itself out: no voter leaves whom the others need.
func TestRemove_keepsAMajority(t *testing.T) {
	c := clustertest.New(t, 3, clustertest.Options{})
	c.WaitReady()
	leader := c.Leader()
	dead, healthy := (leader+1)%3, (leader+2)%3
	c.Kill(dead)
	for _, asked := range []int{leader, healthy} {
		for _, leaving := range []int{leader, healthy} {
			if err := c.Node(asked).Remove(t.Context(), c.Name(leaving)); directory.KindOf(err) != directory.KindConflict {
				t.Errorf("%s asked to remove %s with %s down: %v", c.Name(asked), c.Name(leaving), c.Name(dead), err)
			}
		}
	}
	if err := c.Node(healthy).Remove(t.Context(), "nobody"); directory.KindOf(err) != directory.KindNotFound {
		t.Errorf("removed nobody: %v", err)
	}
	if err := c.Node(healthy).Remove(t.Context(), c.Name(dead)); err != nil {
		t.Fatalf("remove the dead node: %v", err)
	}
	if err := c.Node(leader).Remove(t.Context(), c.Name(healthy)); err != nil {
		t.Fatalf("remove one of two: %v", err)
	}
	if err := c.Node(leader).Remove(t.Context(), c.Name(leader)); directory.KindOf(err) != directory.KindConflict {
		t.Errorf("removed the only voter: %v", err)
	}
	if err := c.Node(leader).HandOver(t.Context()); directory.KindOf(err) != directory.KindConflict {
		t.Errorf("handed over to nobody: %v", err)
	}
	propose(t, c.Node(leader), clustertest.CreateOrganization(1))
}

func TestHandOver_throughAnyNode(t *testing.T) {
	c := clustertest.New(t, 3, clustertest.Options{})
	c.WaitReady()
	for i := range 3 {
		before := c.Leader()
		if err := c.Node(i).HandOver(t.Context()); err != nil {
			t.Fatalf("through node %d: %v", i, err)
		}
		clustertest.Eventually(t, "another node leads", func() bool { return c.Leader() != before }, nil)
		propose(t, c.Node(i), clustertest.CreateOrganization(i))
	}
}

func TestVerifyBackup_saysWhatItHolds(t *testing.T) {
	c, backup, digest := backupOf(t, 1, clustertest.Options{})
	summary, err := storage.VerifyBackup(bytes.NewReader(backup), c.Keyring)
	if err != nil {
		t.Fatal(err)
	}
	status := c.Node(0).Status()
	if summary.Region != "test" || summary.Cluster != status.Cluster || summary.Seq != status.Seq || summary.Organizations != 10 ||
		hex.EncodeToString(summary.Digest[:]) != digest || time.Since(summary.Time).Abs() > time.Minute {
		t.Errorf("summary %+v", summary)
	}
	if _, err := storage.VerifyBackup(bytes.NewReader(backup), seal.GenerateKeyring()); err == nil {
		t.Error("opened with other keys")
	}
}
