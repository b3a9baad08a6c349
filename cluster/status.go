package cluster

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"domicile/cluster/storage"
	"domicile/directory"
)

// maxReadyAge is how old the newest confirmation of a ready node may be.
const maxReadyAge = 2 * time.Second

// maxLoopSilence is for how long raft's main loop of a live node may not answer.
const maxLoopSilence = 30 * time.Second

// Status is what an operator wants to know of a node at a glance.
type Status struct {
	Node        string             `json:"node"`
	ID          string             `json:"id"`
	Region      string             `json:"region"`
	Cluster     string             `json:"cluster"`
	Address     string             `json:"address"`
	Role        string             `json:"role"`   // leader, follower, candidate or shutdown
	Leader      string             `json:"leader"` // the leader's node name, "" when none is known
	Term        uint64             `json:"term"`
	Last        uint64             `json:"last"`    // newest entry in the log
	Commit      uint64             `json:"commit"`  // newest entry known to be committed
	Applied     uint64             `json:"applied"` // newest command entry in the state
	Seq         uint64             `json:"seq"`     // newest command in the state
	At          time.Time          `json:"at"`      // newest stamp in the state
	Level       uint64             `json:"level"`
	ClockOffset time.Duration      `json:"clock_offset"` // that the ledger's time is ahead of this node's clock, nanoseconds
	LastContact time.Duration      `json:"last_contact"` // since this node was last confirmed, nanoseconds; -1 for never
	Draining    bool               `json:"draining"`
	Removed     bool               `json:"removed"` // this node is no longer a member
	Ready       string             `json:"ready"`   // "" when ready, or why not
	Certificate time.Time          `json:"certificate_expires"`
	Members     []directory.Member `json:"members"`
}

// Status describes the node as it is now. It never waits.
func (n *Node) Status() Status {
	view := n.fsm.View()
	s := Status{
		Node:        n.identity.Node,
		ID:          string(n.self.id),
		Region:      n.identity.Region,
		Cluster:     n.identity.Cluster,
		Address:     n.self.host,
		Role:        roleNames[n.raft.State()],
		Leader:      nodeName(n.leadership.current.Load().address.id),
		Term:        n.raft.CurrentTerm(),
		Last:        n.raft.LastIndex(),
		Commit:      n.raft.CommitIndex(),
		Applied:     n.fsm.Index(),
		Seq:         view.Seq(),
		At:          time.UnixMicro(int64(view.At())).UTC(),
		Level:       view.Level(),
		ClockOffset: n.offset(),
		LastContact: n.reads.age(),
		Draining:    n.draining.Load(),
		Certificate: n.config.Credentials.NotAfter(),
		Members:     n.Members(),
	}
	if s.LastContact > never {
		s.LastContact = -1
	}
	if err := n.Ready(); err != nil {
		s.Ready = err.Error()
	}
	s.Removed = n.removed()
	return s
}

// offset is how far the ledger's time is ahead of this node's clock, as of the newest word of the leader.
func (n *Node) offset() time.Duration { return time.Duration(n.clockOffset.Load()) * time.Microsecond }

// removed tells that there is a cluster which this node was taken out of.
func (n *Node) removed() bool {
	_, member := n.members.place()
	return !member && len(n.members.servers()) > 0
}

var roleNames = map[raft.RaftState]string{
	raft.Follower: "follower", raft.Candidate: "candidate", raft.Leader: "leader", raft.Shutdown: "shutdown",
}

// Members lists the cluster as this node knows it; empty until the node has become a member.
func (n *Node) Members() []directory.Member {
	leader := n.leadership.current.Load().address.id
	members := []directory.Member{}
	for _, server := range n.members.servers() {
		members = append(members, directory.Member{
			ID:      string(server.ID),
			Node:    nodeName(server.ID),
			Address: parseAddress(server.Address).host,
			Voter:   server.Suffrage == raft.Voter,
			Leader:  server.ID == leader,
			Self:    server.ID == n.self.id,
		})
	}
	return members
}

// surveyPatience is how long a member has for answering a survey.
const surveyPatience = 500 * time.Millisecond

// Survey is Members with their State: each is asked at once, and one that does not answer within half a second is down.
func (n *Node) Survey(ctx context.Context) []directory.Member {
	ctx, cancel := context.WithTimeout(ctx, surveyPatience)
	defer cancel()
	members := n.Members()
	var asked sync.WaitGroup
	for i := range members {
		asked.Go(func() {
			m := &members[i]
			m.State = directory.MemberUp
			if m.Self {
				return
			}
			to := address{id: raft.ServerID(m.ID), host: m.Address}
			if _, err := n.callers.call(ctx, to, nil, callTerm); err != nil {
				m.State = directory.MemberDown
			}
		})
	}
	asked.Wait()
	return members
}

// Digest gives the seq of this node's state and the SHA-256 over all of it, in hex. Nodes that have applied the same log
// have equal digests: compare at equal seq and equal Status.At, because a repeated request moves only the ledger's time. It
// reads the whole ledger.
func (n *Node) Digest() (seq uint64, digest string) {
	view := n.fsm.View()
	sum := view.Digest()
	return view.Seq(), hex.EncodeToString(sum[:])
}

// Ready returns nil when this node should get requests, or why not: it is draining, it has not caught up since its start,
// it lost its leader for more than two seconds, or its disk is in trouble.
func (n *Node) Ready() error {
	if n.draining.Load() {
		return errors.New("draining")
	}
	if err := n.storage.Healthy(); err != nil {
		return err
	}
	if n.removed() {
		return errors.New("removed from the region; empty its data directory to let it join again, or stop it for good")
	}
	switch age := n.reads.age(); {
	case age > never:
		return errors.New("not caught up with the cluster since start")
	case age > min(maxReadyAge, n.config.Timing.Cutoff):
		return fmt.Errorf("nothing confirmed by a leader for %s", age.Round(100*time.Millisecond))
	}
	return nil
}

// Live returns nil unless only a restart can help: raft's main loop has not answered for 30 s, or the disk hangs. Having
// no leader, or being slow to restore, is no reason.
func (n *Node) Live() error {
	if silence := n.guard.silence(); silence > maxLoopSilence && n.installing.count.Load() == 0 {
		return fmt.Errorf("raft has not answered for %s", silence.Round(time.Second))
	}
	if err := n.storage.Healthy(); errors.Is(err, storage.ErrStalled) {
		return err
	}
	return nil
}

// TransferLeadership makes another voter the leader if this node leads, and does nothing otherwise. Writes that arrive
// meanwhile wait for the new leader.
func (n *Node) TransferLeadership(ctx context.Context) error {
	var err error
	for range transferTries {
		if n.raft.State() != raft.Leader || n.count(raft.Voter) < 2 {
			return nil
		}
		if err = await(ctx, n.raft.LeadershipTransfer()); err == nil || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("transfer leadership: %w", err)
	}
	return nil
}
