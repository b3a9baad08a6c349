package cluster_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"domicile/cluster"
	"domicile/cluster/clustertest"
	"domicile/directory"
	"domicile/fsm/state"
)

// A leader that was cut off without noticing must not confirm reads, although it may hold its answer from followers that
// have moved on since.
func TestRead_staleLeaderConfirmsNothing(t *testing.T) {
	c := clustertest.New(t, 3, clustertest.Options{Configure: func(_ int, config *cluster.Config) {
		// A lease as long as possible keeps the old leader in office while the others elect a new one.
		config.Timing.Heartbeat = 500 * time.Millisecond
		config.Timing.Election = 500 * time.Millisecond
		config.Timing.Lease = 500 * time.Millisecond
	}})
	c.WaitReady()
	old := c.Leader()
	others := c.Followers()
	stop := make(chan struct{})
	stale := make(chan int, 1)
	go func() {
		// Whatever the old leader confirms in this time must hold the writes acknowledged before the read began.
		count := 0
		for {
			select {
			case <-stop:
				stale <- count
				return
			default:
			}
			acked := c.Node(others[0]).Status().Seq
			ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
			view, err := c.Node(old).View(ctx, state.Confirmed())
			cancel()
			if err == nil && view.Seq() < acked {
				count++
			}
		}
	}()
	c.Network.Isolate(old)
	for i := range 5 {
		propose(t, c.Node(others[i%2]), clustertest.CreateOrganization(i))
	}
	c.Network.Heal()
	c.WaitReady()
	close(stop)
	if n := <-stale; n > 0 {
		t.Errorf("the deposed leader confirmed %d stale reads", n)
	}
}

// Every reader sees every write acknowledged before it asked, on whichever node, while leadership moves.
func TestRead_yourWritesWhileLeadershipMoves(t *testing.T) {
	c := clustertest.New(t, 3, clustertest.Options{})
	c.WaitReady()
	for round := range 40 {
		if round%8 == 3 {
			leader := c.Leader()
			go func() { _ = c.Node(leader).TransferLeadership(context.Background()) }()
		}
		propose(t, c.Node(round%3), clustertest.CreateOrganization(round))
		if reader := (round + 1 + round/3%2) % 3; !has(t, c.Node(reader), round) {
			t.Fatalf("node %d does not see write %d of node %d", reader, round, round%3)
		}
	}
	c.SameDigests()
}

func TestRead_atLeastWaitsForTheNodesOwnApply(t *testing.T) {
	c := clustertest.New(t, 3, clustertest.Options{})
	c.WaitReady()
	result := propose(t, c.Node(0), clustertest.CreateOrganization(1))
	for i := range 3 {
		view, err := c.Node(i).View(t.Context(), state.AtLeast(result.Seq))
		if err != nil || view.Seq() < result.Seq {
			t.Errorf("node %d: seq %d, %v; want %d", i, view.Seq(), err, result.Seq)
		}
	}
}

// Law 9: a node without its region answers nothing, but only after the cut-off, so that an election passes unnoticed.
func TestRead_cutOffNodeRefusesLocalViews(t *testing.T) {
	c := clustertest.New(t, 3, clustertest.Options{Configure: func(_ int, config *cluster.Config) {
		config.Timing.Cutoff = time.Second
	}})
	c.WaitReady()
	follower := c.Followers()[0]
	c.Network.Isolate(follower)
	if _, err := c.Node(follower).View(t.Context(), state.Local()); err != nil {
		t.Errorf("local view right after the cut: %v", err)
	}
	clustertest.Eventually(t, "local views are refused", func() bool {
		_, err := c.Node(follower).View(t.Context(), state.Local())
		return directory.KindOf(err) == directory.KindUnavailable
	}, nil)
	if c.Node(follower).Ready() == nil {
		clustertest.Eventually(t, "the node is not ready", func() bool { return c.Node(follower).Ready() != nil }, nil)
	}
	c.Network.Heal()
	c.WaitReady()
	if _, err := c.Node(follower).View(t.Context(), state.Local()); err != nil {
		t.Errorf("local view after the cut has healed: %v", err)
	}
}

// Deadlines are in the ledger's time, so nodes whose clocks differ by hours can still write.
func TestPropose_skewedClocks(t *testing.T) {
	skews := []time.Duration{0, time.Hour, -time.Hour}
	c := clustertest.New(t, 3, clustertest.Options{Configure: func(node int, config *cluster.Config) {
		config.Now = func() time.Time { return time.Now().Add(skews[node]) }
	}})
	c.WaitReady()
	var last directory.Time
	done := 0
	for round := range 6 {
		for node := range 3 {
			result, err := c.Node(node).Propose(t.Context(), clustertest.CreateOrganization(3*round+node))
			if directory.KindOf(err) == directory.KindUnavailable {
				continue // was under way when a leader with another clock took over: its fate is unknown, and it says so
			}
			if err != nil {
				t.Fatalf("node %d in round %d: %v", node, round, err)
			}
			if result.Created < last {
				t.Errorf("the ledger's time went back from %d to %d", last, result.Created)
			}
			last = result.Created
			done++
		}
		if err := c.Node(c.Leader()).TransferLeadership(t.Context()); err != nil {
			t.Logf("transfer: %v", err)
		}
		c.WaitReady()
	}
	if done < 12 {
		t.Errorf("only %d of 18 writes were done", done)
	}
}

func TestPropose_tooLarge(t *testing.T) {
	c := clustertest.New(t, 1, clustertest.Options{})
	c.WaitReady()
	_, err := c.Node(0).Propose(t.Context(), clustertest.RenameOrganization(1, strings.Repeat("x", 2<<20)))
	if directory.KindOf(err) != directory.KindTooLarge {
		t.Errorf("a command of 2 MiB: %v, want too large", err)
	}
}

func TestPropose_clientThatHangsUpDoesNotStopTheWrite(t *testing.T) {
	c := clustertest.New(t, 3, clustertest.Options{})
	c.WaitReady()
	ctx, hangUp := context.WithCancel(t.Context())
	hangUp()
	if _, err := c.Node(c.Followers()[0]).Propose(ctx, clustertest.CreateOrganization(1)); err != nil {
		t.Errorf("write of a client that has hung up: %v", err)
	}
}

func TestRestart_fromSnapshotAndCompactedLog(t *testing.T) {
	c := clustertest.New(t, 3, clustertest.Options{Configure: func(_ int, config *cluster.Config) {
		config.SnapshotThreshold = 20
		config.SnapshotInterval = 50 * time.Millisecond
		config.TrailingLogs = 5
	}})
	c.WaitReady()
	absent := c.Followers()[0]
	c.Stop(absent)
	node := c.Node(c.Leader())
	for i := range 120 {
		propose(t, node, clustertest.CreateOrganization(i))
	}
	clustertest.Eventually(t, "a snapshot is taken", func() bool {
		found, _ := filepath.Glob(filepath.Join(c.DataDir(c.Leader()), "snapshots", "*"))
		return len(found) > 0
	}, nil)
	c.Start(absent) // too far behind for the log: gets the snapshot
	c.WaitReady()
	if !has(t, c.Node(absent), 119) {
		t.Error("the node that was away did not catch up")
	}
	c.SameDigests()
	for _, i := range c.Running() { // and everything at once from disk
		c.Kill(i)
	}
	for i := range 3 {
		c.Start(i)
	}
	c.WaitReady()
	for i := range 3 {
		if !has(t, c.Node(i), 0) || !has(t, c.Node(i), 119) {
			t.Errorf("node %d lost writes over the restart", i)
		}
	}
	c.SameDigests()
}

func TestMembership_joinPromoteWipeRemove(t *testing.T) {
	c := clustertest.New(t, 3, clustertest.Options{})
	c.WaitReady()
	propose(t, c.Node(0), clustertest.CreateOrganization(1))

	joined := c.Add()
	voters := func(want int) {
		t.Helper()
		clustertest.Eventually(t, "the vote is given", func() bool {
			n := 0
			for _, member := range c.Node(0).Members() {
				if member.Voter {
					n++
				}
			}
			return n == want
		}, func() any { return c.Node(0).Members() })
	}
	voters(4)
	c.WaitReady()
	if !has(t, c.Node(joined), 1) {
		t.Error("the new member does not hold the ledger")
	}

	// A node that lost its disk comes back as somebody else; its former self is gone from the list.
	former := c.Node(joined).Status().ID
	c.Stop(joined)
	c.Wipe(joined)
	c.Start(joined)
	voters(4)
	c.WaitReady()
	for _, member := range c.Node(0).Members() {
		if member.ID == former {
			t.Errorf("the lost incarnation %s is still a member", former)
		}
	}

	if err := c.Node(0).Remove(t.Context(), c.Name(joined)); err != nil {
		t.Fatalf("remove: %v", err)
	}
	voters(3)
	if err := c.Node(0).Remove(t.Context(), "nobody"); err == nil {
		t.Error("removed a member that never was")
	}
	propose(t, c.Node(0), clustertest.CreateOrganization(2))
}

// A follower may apply a committed entry before the leader does, and show it to a reader; the leader must then not answer a
// read index from a state without it. It waits while a command may be on its way to its own state, and no longer.
func TestReadIndex_leaderBehindItsCommitIndex(t *testing.T) {
	c := clustertest.New(t, 1, clustertest.Options{})
	c.WaitReady()
	propose(t, c.Node(0), clustertest.CreateOrganization(1))

	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := c.Node(0).LeadBehind(short, func() bool { return true }); err == nil {
		t.Error("the leader answered from a state that lacks what is committed")
	}
	looks := 0
	underWay := func() bool { looks++; return looks < 3 }
	if err := c.Node(0).LeadBehind(t.Context(), underWay); err != nil || looks != 3 {
		t.Errorf("with nothing under way any more: %v after %d looks", err, looks)
	}
}

// A survey tells a member that runs from one that does not, and a node that was removed says so.
func TestSurvey(t *testing.T) {
	c := clustertest.New(t, 3, clustertest.Options{})
	c.WaitReady()
	leader, down := c.Leader(), c.Followers()[0]
	states := func() map[string]string {
		states := make(map[string]string)
		for _, member := range c.Node(leader).Survey(t.Context()) {
			states[member.Node] = member.State
		}
		return states
	}
	c.Stop(down)
	clustertest.Eventually(t, "the survey shows who is down", func() bool {
		found := states()
		return found[c.Name(down)] == directory.MemberDown && found[c.Name(leader)] == directory.MemberUp &&
			found[c.Name(3-leader-down)] == directory.MemberUp
	}, func() any { return states() })
	c.Start(down)
	c.WaitReady()
	gone := c.Followers()[0]
	if err := c.Node(leader).Remove(t.Context(), c.Name(gone)); err != nil {
		t.Fatalf("remove: %v", err)
	}
	clustertest.Eventually(t, "the removed node says so", func() bool {
		err := c.Node(gone).Ready()
		return err != nil && (strings.Contains(err.Error(), "removed") || strings.Contains(err.Error(), "nothing confirmed"))
	}, func() any { return c.Node(gone).Ready() })
}

// The leader removes itself by handing over first.
func TestMembership_removeTheLeader(t *testing.T) {
	c := clustertest.New(t, 3, clustertest.Options{})
	c.WaitReady()
	leader := c.Leader()
	if err := c.Node(leader).Remove(t.Context(), c.Name(leader)); err != nil {
		t.Fatalf("remove the leader: %v", err)
	}
	other := (leader + 1) % 3
	propose(t, c.Node(other), clustertest.CreateOrganization(1))
	if n := len(c.Node(other).Members()); n != 2 {
		t.Errorf("%d members are left, want 2", n)
	}
}

// Law 8: a node of another region gets nothing but a refusal, whatever its seeds say.
func TestRegion_wrongRegionIsRefused(t *testing.T) {
	eu := clustertest.New(t, 1, clustertest.Options{Region: "eu"})
	eu.WaitReady()
	us := clustertest.New(t, 1, clustertest.Options{Region: "us", Configure: func(_ int, config *cluster.Config) {
		config.BootstrapExpect = 0
		config.Seeds = []string{eu.Node(0).Status().Address}
		config.Dial = func(ctx context.Context, address string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", address)
		}
	}})
	clustertest.Eventually(t, "the eu node refuses the us node", func() bool {
		return counter(t, eu.Node(0), "domicile_cluster_refused_peers_total") > 0
	}, nil)
	if n := len(us.Node(0).Members()); n != 0 {
		t.Errorf("the us node became a member: %d", n)
	}
	if n := len(eu.Node(0).Members()); n != 1 {
		t.Errorf("the eu cluster has %d members, want 1", n)
	}
}

func TestRegion_foreignDataDirectoryIsRefused(t *testing.T) {
	eu := clustertest.New(t, 1, clustertest.Options{Region: "eu"})
	us := clustertest.New(t, 1, clustertest.Options{Region: "us"})
	eu.WaitReady()
	eu.Stop(0)
	us.Stop(0)
	config := us.Config(0)
	config.DataDir = eu.DataDir(0)
	if _, err := cluster.Start(t.Context(), config); err == nil || !strings.Contains(err.Error(), `region "eu"`) {
		t.Errorf("start on another region's data: %v, want a refusal that names the region", err)
	}
}

func TestBackup_holdsNoPlainText(t *testing.T) {
	c := clustertest.New(t, 1, clustertest.Options{})
	c.WaitReady()
	propose(t, c.Node(0), clustertest.CreateOrganization(0))
	propose(t, c.Node(0), clustertest.RenameOrganization(0, "canary-7f3a"))
	var backup bytes.Buffer
	if err := c.Node(0).Backup(&backup, view(t, c.Node(0))); err != nil {
		t.Fatalf("backup: %v", err)
	}
	c.Stop(0)
	for what, content := range map[string][]byte{"backup": backup.Bytes(), "log": readFile(t, filepath.Join(c.DataDir(0), "raft.db"))} {
		if bytes.Contains(content, []byte("canary-7f3a")) {
			t.Errorf("the %s holds plain text", what)
		}
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	return content
}
