package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"domicile/directory"
	"domicile/fsm/wire"
	"domicile/seal"
)

const (
	// maxVoters bounds the electorate: every further vote makes writes slower and hardly safer. Members beyond it follow
	// without a vote.
	maxVoters = 7
	// promoteLag is how many entries a member may lag behind and still count as keeping up.
	promoteLag = 1_000

	formPause   = 100 * time.Millisecond // between two looks at the seeds
	tendPause   = 250 * time.Millisecond // between two looks at the members without a vote
	askPatience = 2 * time.Second
	// changePatience bounds a change of the configuration, which needs a commit.
	changePatience = 10 * time.Second
)

// membership founds the cluster or joins it, lets others join, and gives members their vote.
type membership struct {
	config     Config
	identity   seal.Identity
	raft       *raft.Raft
	self       address
	callers    *callers
	leadership *leadership
	logger     *slog.Logger

	steady map[raft.ServerID]time.Time // members without a vote that keep up, since when; tend's own
}

// introduction answers callHello: who this is and what it knows of a cluster.
type introduction struct {
	self     address
	members  int    // servers in the configuration; 0 for a node without data
	expect   int    // BootstrapExpect
	founders string // the founders' addresses, as this node's configuration has them
	leader   address
}

func (s *session) hello(_ context.Context, _ *wire.Reader, w *wire.Writer) error {
	m := s.node.members
	i := m.introduce()
	w.Text(string(i.self.server()))
	w.Uint(uint64(i.members)) //nolint:gosec // a count
	w.Uint(uint64(i.expect))  //nolint:gosec // not negative
	w.Text(i.founders)
	w.Text(string(i.leader.server()))
	return nil
}

func (m *membership) introduce() introduction {
	return introduction{
		self:     m.self,
		members:  len(m.servers()),
		expect:   m.config.BootstrapExpect,
		founders: strings.Join(m.founders(), ","),
		leader:   m.leadership.current.Load().address,
	}
}

func decodeIntroduction(r *wire.Reader) (introduction, error) {
	i := introduction{
		self:     parseAddress(raft.ServerAddress(r.Text())),
		members:  int(r.Uint()), //nolint:gosec // a count
		expect:   int(r.Uint()), //nolint:gosec // a count
		founders: r.Text(),
		leader:   parseAddress(raft.ServerAddress(r.Text())),
	}
	return i, r.Done()
}

func (m *membership) servers() []raft.Server {
	return m.raft.GetConfiguration().Configuration().Servers
}

// place gives this node's entry in the configuration.
func (m *membership) place() (raft.Server, bool) {
	servers := m.servers()
	i := slices.IndexFunc(servers, func(s raft.Server) bool { return s.ID == m.self.id })
	if i < 0 {
		return raft.Server{}, false
	}
	return servers[i], true
}

// founders gives the addresses that may found the cluster: they depend on the configuration alone, never on who happens
// to answer, so that no two sets of nodes can found two clusters.
func (m *membership) founders() []string {
	all := slices.Concat(m.config.Seeds, []string{m.self.host})
	slices.Sort(all)
	all = slices.Compact(all)
	return all[:min(m.config.BootstrapExpect, len(all))]
}

// form makes this node a member, by founding or by joining, and returns then. A node that was removed from the cluster
// finds no place in its own configuration and stays aside: only an emptied data directory may join again.
func (m *membership) form(ctx context.Context) {
	level := slog.LevelInfo
	for {
		place, member := m.place()
		if member && parseAddress(place.Address) == m.self {
			return
		}
		if !member && len(m.servers()) > 0 {
			m.logger.Warn("this node was removed from the cluster; empty its data directory to let it join again")
			return
		}
		err := m.formOnce(ctx, member)
		if err != nil {
			m.logger.Log(ctx, level, "not a member yet", "reason", err)
			level = slog.LevelDebug // once is enough for an operator who is not looking for trouble
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(formPause):
		}
	}
}

// formOnce asks the seeds and acts on what they say. A member comes here when its address has changed.
func (m *membership) formOnce(ctx context.Context, member bool) error {
	met := map[string]introduction{}
	var failed error
	for _, seed := range m.config.Seeds {
		if seed == m.self.host {
			continue
		}
		i, err := m.meet(ctx, seed)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		if i.self.id != m.self.id {
			met[seed] = i
		}
	}
	for _, i := range met {
		if i.members > 0 {
			return m.askToJoin(ctx, i)
		}
	}
	if member {
		return errors.Join(errors.New("no seed could take this node's new address"), failed)
	}
	if failed != nil && m.config.BootstrapExpect > 0 {
		return fmt.Errorf("founding nothing while a seed is silent, because it may hold the region's data: %w", failed)
	}
	return errors.Join(m.found(met), failed)
}

func (m *membership) meet(ctx context.Context, seed string) (introduction, error) {
	ctx, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	body, err := m.callers.call(ctx, address{host: seed}, nil, callHello)
	if err != nil {
		return introduction{}, fmt.Errorf("seed %s: %w", seed, err)
	}
	r, err := openAnswer(body)
	if err != nil {
		return introduction{}, fmt.Errorf("seed %s: %w", seed, err)
	}
	return decodeIntroduction(r)
}

// found bootstraps raft once every seed has answered, and so every founder, and none holds data: no set of emptied nodes
// founds a second cluster beside one that is down, or that was restored from a backup. Every founder writes the same
// configuration, so it does not matter who is first.
func (m *membership) found(met map[string]introduction) error {
	founders := m.founders()
	if !slices.Contains(founders, m.self.host) {
		return errors.New("waiting for a cluster to join")
	}
	if len(founders) < m.config.BootstrapExpect {
		return fmt.Errorf("%d founders are expected, but only %d addresses are configured", m.config.BootstrapExpect, len(founders))
	}
	var configuration raft.Configuration
	for _, host := range founders {
		self := m.self
		if host != m.self.host {
			i, ok := met[host]
			switch {
			case !ok:
				return fmt.Errorf("waiting for founder %s", host)
			case i.expect != m.config.BootstrapExpect || i.founders != strings.Join(founders, ","):
				return fmt.Errorf("founder %s expects %d founders (%s), this node %d (%s): configure them alike",
					host, i.expect, i.founders, m.config.BootstrapExpect, strings.Join(founders, ","))
			}
			self = i.self
		}
		configuration.Servers = append(configuration.Servers, raft.Server{Suffrage: raft.Voter, ID: self.id, Address: self.server()})
	}
	for _, i := range met {
		if i.members > 0 {
			return fmt.Errorf("%s is already a member of a cluster", i.self.host)
		}
	}
	err := m.raft.BootstrapCluster(configuration).Error()
	if err != nil && !errors.Is(err, raft.ErrCantBootstrap) {
		return fmt.Errorf("found the cluster: %w", err)
	}
	m.logger.Info("founded the cluster", "members", len(configuration.Servers))
	return nil
}

// askToJoin asks the leader that a member names, or the member itself.
func (m *membership) askToJoin(ctx context.Context, i introduction) error {
	to := i.self
	if i.leader.id != "" {
		to = i.leader
	}
	ctx, cancel := context.WithTimeout(ctx, changePatience)
	defer cancel()
	var w wire.Writer
	w.Text(string(m.self.server()))
	body, err := m.callers.call(ctx, to, nil, callJoin, w.Bytes())
	if err == nil {
		_, err = openAnswer(body)
	}
	if err != nil {
		return fmt.Errorf("join through %s: %w", to.host, err)
	}
	return nil
}

// join serves callJoin: region and cluster were checked in the handshake, the name against the certificate in the hello.
func (s *session) join(ctx context.Context, r *wire.Reader, _ *wire.Writer) error {
	joiner := parseAddress(raft.ServerAddress(r.Text()))
	if err := r.Done(); err != nil {
		return err
	}
	if joiner.id != s.peer.address.id || joiner.host == "" {
		return fmt.Errorf("%s asks to join as %s", s.peer.address.id, joiner.id)
	}
	return s.node.members.admit(ctx, joiner)
}

// admit makes a node a member without a vote. A node that lost its data directory comes as another incarnation; its former
// self is removed first, unless that still answers: then two machines use one certificate.
func (m *membership) admit(ctx context.Context, joiner address) error {
	if term, _ := m.leadership.term(); term == 0 {
		return errNotLeader
	}
	ctx, cancel := context.WithTimeout(ctx, changePatience)
	defer cancel()
	for _, server := range m.servers() {
		present := parseAddress(server.Address)
		switch {
		case present == joiner:
			return nil
		case present.id == joiner.id:
			m.logger.Info("a member has a new address", "node", nodeName(joiner.id), "address", joiner.host)
			return m.put(ctx, server.Suffrage, joiner)
		case nodeName(present.id) == nodeName(joiner.id):
			if _, err := m.ask(ctx, present, callTerm); err == nil {
				return fmt.Errorf("node name %q is in use by a member at %s: give each node its own certificate", nodeName(joiner.id), present.host)
			}
			m.logger.Info("a member came back without its data; removing its former self", "node", nodeName(joiner.id))
			if err := await(ctx, m.raft.RemoveServer(present.id, 0, 0)); err != nil {
				return fmt.Errorf("remove the former incarnation: %w", err)
			}
		}
	}
	m.logger.Info("a node joins", "node", nodeName(joiner.id), "address", joiner.host)
	return m.put(ctx, raft.Nonvoter, joiner)
}

func (m *membership) put(ctx context.Context, suffrage raft.ServerSuffrage, member address) error {
	if suffrage == raft.Voter {
		return await(ctx, m.raft.AddVoter(member.id, member.server(), 0, 0))
	}
	return await(ctx, m.raft.AddNonvoter(member.id, member.server(), 0, 0))
}

func (m *membership) ask(ctx context.Context, to address, kind callKind) (*wire.Reader, error) {
	ctx, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	body, err := m.callers.call(ctx, to, nil, kind)
	if err != nil {
		return nil, err
	}
	return openAnswer(body)
}

// tend gives a vote to members that have kept up for Timing.Promote, while this node leads, until ctx ends. raft itself
// would count a new voter at once, however far behind, and so endanger the quorum.
func (m *membership) tend(ctx context.Context) {
	ticker := time.NewTicker(tendPause)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if term, _ := m.leadership.term(); term == 0 {
			clear(m.steady)
			continue
		}
		servers := m.servers()
		voters := 0
		for _, server := range servers {
			if server.Suffrage == raft.Voter {
				voters++
			}
		}
		for _, server := range servers {
			if server.Suffrage == raft.Voter || voters >= maxVoters || !m.keepsUp(ctx, server) {
				continue
			}
			change, cancel := context.WithTimeout(ctx, changePatience)
			err := await(change, m.raft.AddVoter(server.ID, server.Address, 0, 0))
			cancel()
			m.logger.Info("a member gets a vote", "node", nodeName(server.ID), "error", err)
			delete(m.steady, server.ID)
			break // one change at a time
		}
	}
}

// keepsUp tells whether a member without a vote has kept up for long enough.
func (m *membership) keepsUp(ctx context.Context, server raft.Server) bool {
	if !m.isCurrent(ctx, server) {
		delete(m.steady, server.ID)
		return false
	}
	since, ok := m.steady[server.ID]
	if !ok {
		m.steady[server.ID] = time.Now()
		return false
	}
	return time.Since(since) >= m.config.Timing.Promote
}

// handOver makes another voter the leader, if this node is it.
func (m *membership) handOver(ctx context.Context) error {
	if m.raft.State() != raft.Leader {
		return errNotLeader
	}
	if len(m.voters()) < 2 {
		return directory.Errorf(directory.KindConflict, "", "no other member has a vote, so none can take the leadership over")
	}
	return await(ctx, m.raft.LeadershipTransfer())
}

func (m *membership) voters() []raft.Server {
	return slices.DeleteFunc(slices.Clone(m.servers()), func(s raft.Server) bool { return s.Suffrage != raft.Voter })
}

// remove takes a member out of the configuration; id is a node's name or a server id.
func (m *membership) remove(ctx context.Context, id string) error {
	if term, _ := m.leadership.term(); term == 0 {
		return errNotLeader
	}
	servers := m.servers()
	i := slices.IndexFunc(servers, func(s raft.Server) bool { return string(s.ID) == id || nodeName(s.ID) == id })
	if i < 0 {
		return directory.Errorf(directory.KindNotFound, "", "there is no member %q", id)
	}
	if servers[i].Suffrage == raft.Voter {
		if err := m.goesOnWithout(ctx, servers[i]); err != nil {
			return err
		}
	}
	if servers[i].ID == m.self.id {
		// The leader hands over first; its successor is asked again.
		if err := m.handOver(ctx); err != nil {
			return fmt.Errorf("hand over before leaving: %w", err)
		}
		return errNotLeader
	}
	if err := await(ctx, m.raft.RemoveServer(servers[i].ID, 0, 0)); err != nil {
		return fmt.Errorf("remove %q: %w", id, err)
	}
	m.logger.Info("a member was removed", "node", nodeName(servers[i].ID))
	return nil
}

// goesOnWithout refuses the loss of a voter that the others need: of those that would remain, a majority must answer and
// keep up, or nothing could be committed any more, not even their return.
func (m *membership) goesOnWithout(ctx context.Context, leaving raft.Server) error {
	others := slices.DeleteFunc(m.voters(), func(s raft.Server) bool { return s.ID == leaving.ID })
	if len(others) == 0 {
		return directory.Errorf(directory.KindConflict, "", "%s has the only vote: the region would end with it", nodeName(leaving.ID))
	}
	var healthy atomic.Int64
	var asked sync.WaitGroup
	for _, voter := range others {
		asked.Go(func() {
			if voter.ID == m.self.id || m.isCurrent(ctx, voter) {
				healthy.Add(1)
			}
		})
	}
	asked.Wait()
	if majority := len(others)/2 + 1; int(healthy.Load()) < majority {
		return directory.Errorf(directory.KindConflict, "", "%d of the %d voters that would remain are healthy, and a majority "+
			"is %d: remove those that are down first, or bring them back", healthy.Load(), len(others), majority)
	}
	return nil
}

// isCurrent tells whether a member answers and its log is not far behind.
func (m *membership) isCurrent(ctx context.Context, server raft.Server) bool {
	answer, err := m.ask(ctx, parseAddress(server.Address), callProgress)
	if err != nil {
		return false
	}
	index := answer.Uint()
	return answer.Err() == nil && index+promoteLag >= m.raft.LastIndex()
}
