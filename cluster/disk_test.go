package cluster_test

import (
	"context"
	"testing"
	"time"

	"domicile/cluster"
	"domicile/cluster/clustertest"
	"domicile/directory"
)

// raft's leader stays leader for ever when its disk hangs: heartbeats do not touch the disk. The watchdog must cut it off,
// so that the others go on, and end the process.
func TestDisk_hungLeaderIsCutOffAndExits(t *testing.T) {
	disks := map[string]*cluster.HangingDisk{}
	c := clustertest.New(t, 3, clustertest.Options{
		Configure: func(_ int, config *cluster.Config) {
			config.Timing.DiskStall = time.Second
			if disks[config.DataDir] == nil {
				disks[config.DataDir] = new(cluster.HangingDisk)
			}
		},
		Start: func(ctx context.Context, config cluster.Config) (*cluster.Node, error) {
			return cluster.StartOn(ctx, config, disks[config.DataDir])
		},
	})
	c.WaitReady()
	leader := c.Leader()
	others := c.Followers()
	release := disks[c.DataDir(leader)].Hang()
	t.Cleanup(release)

	began := time.Now()
	_, err := c.Node(others[0]).Propose(t.Context(), clustertest.CreateOrganization(1))
	if err != nil {
		t.Errorf("write while the leader's disk hangs: %v", err)
	}
	t.Logf("written %s after the disk began to hang", time.Since(began))
	select {
	case code := <-c.Exits(leader):
		if code != cluster.ExitStalled {
			t.Errorf("the node exits with %d, want %d", code, cluster.ExitStalled)
		}
	case <-time.After(clustertest.Patience):
		t.Error("the node whose disk hangs did not exit")
	}
	release()
	c.Kill(leader)
	c.Start(leader)
	c.WaitReady()
	if !has(t, c.Node(leader), 1) {
		t.Error("the restarted node does not hold the write")
	}
	c.SameDigests()
}

// A follower's disk must not hold up the others.
func TestDisk_hungFollowerDoesNotStopWrites(t *testing.T) {
	disks := map[string]*cluster.HangingDisk{}
	c := clustertest.New(t, 3, clustertest.Options{
		Configure: func(_ int, config *cluster.Config) {
			if disks[config.DataDir] == nil {
				disks[config.DataDir] = new(cluster.HangingDisk)
			}
		},
		Start: func(ctx context.Context, config cluster.Config) (*cluster.Node, error) {
			return cluster.StartOn(ctx, config, disks[config.DataDir])
		},
	})
	c.WaitReady()
	follower := c.Followers()[0]
	release := disks[c.DataDir(follower)].Hang()
	defer release()
	for i := range 10 {
		propose(t, c.Node(c.Leader()), clustertest.CreateOrganization(i))
	}
	release()
	c.SameDigests()
}

// The ledger of a node that has stopped for good is not proposed to for ever: the caller hears of it in time.
func TestPropose_withoutQuorumEndsInTime(t *testing.T) {
	c := clustertest.New(t, 3, clustertest.Options{Configure: func(_ int, config *cluster.Config) {
		config.Timing.WriteWait = 500 * time.Millisecond
	}})
	c.WaitReady()
	for _, follower := range c.Followers() {
		c.Kill(follower)
	}
	began := time.Now()
	_, err := c.Node(c.Running()[0]).Propose(t.Context(), clustertest.CreateOrganization(1))
	if directory.KindOf(err) != directory.KindUnavailable {
		t.Errorf("write without a majority: %v, want unavailable", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the caller was told after %s", took)
	}
}
