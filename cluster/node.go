package cluster

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hashicorp/raft"

	"domicile/cluster/storage"
	"domicile/directory"
	"domicile/fsm"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/seal"
)

// Exit codes of a node that cannot go on. A supervisor restarts it after either.
const (
	// ExitStalled is a disk that hangs, or a fault of the library that only a restart mends.
	ExitStalled = 75
	// ExitHalted is an entry that this node must not apply: of another region, or of a newer release.
	ExitHalted = 78
)

// Node is one raft node of a region. It is safe for concurrent use. It satisfies command.Proposer and state.Viewer.
type Node struct {
	config   Config
	identity seal.Identity
	self     address
	logger   *slog.Logger
	metrics  *metrics

	storage    *storage.Storage
	fsm        *fsm.FSM
	link       *link
	callers    *callers
	raft       *raft.Raft
	transport  *transport
	leadership *leadership
	batcher    *batcher
	reads      *reads
	watch      *watch
	members    *membership
	guard      *guard

	proposals   gate
	installing  installing
	clockOffset atomic.Int64 // microseconds that the ledger's time is ahead of this node's clock
	clockWarned atomic.Int64 // when the log said so last, unix nanoseconds
	draining    atomic.Bool
	leaving     atomic.Bool

	stopped  chan struct{} // closed when the node stops for good
	stopOnce sync.Once
	cancel   context.CancelFunc
	work     sync.WaitGroup
	notify   chan bool
}

var (
	_ command.Proposer = (*Node)(nil)
	_ state.Viewer     = (*Node)(nil)
)

// Start opens the data directory and takes up the node's place in its cluster in the background: it founds a cluster, joins
// one, or goes on where it stopped. It refuses a data directory of another region, cluster or node. ctx bounds the start
// only; Shutdown ends the node.
func Start(ctx context.Context, config Config) (*Node, error) {
	return start(ctx, config, storage.DefaultSettings())
}

func start(ctx context.Context, config Config, settings storage.Settings) (_ *Node, err error) {
	config, err = config.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("start node: %w", err)
	}
	n := &Node{
		config:   config,
		identity: config.Credentials.Identity(),
		logger:   config.Logger,
		stopped:  make(chan struct{}),
		notify:   make(chan bool, 16),
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("start node: %w", err), n.close())
		}
	}()
	incarnation, _, err := storage.LoadNodeFile(config.DataDir, n.identity)
	if err != nil {
		return nil, err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", config.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen for peers: %w", err)
	}
	if config.Advertise == "" {
		config.Advertise = listener.Addr().String()
	}
	n.self = address{id: newServerID(n.identity.Node, incarnation), host: config.Advertise}
	n.metrics = newMetrics(n)
	n.link = &link{
		self:     n.self,
		creds:    config.Credentials,
		dialTCP:  config.Dial,
		listener: listener,
		logger:   n.logger,
		metrics:  n.metrics,
		streams:  make(chan net.Conn),
		stopped:  make(chan struct{}),
		conns:    make(map[net.Conn]struct{}),
	}
	n.storage, err = storage.Open(storage.Config{
		Dir: config.DataDir, Keyring: config.Keyring, Identity: n.identity, OnStall: n.onStall, Stall: config.Timing.DiskStall,
		Logger: n.logger, Settings: settings,
	})
	if err != nil {
		return nil, err
	}
	n.fsm = fsm.New(state.Identity{Region: n.identity.Region, Cluster: n.identity.Cluster}, n.onHalt)
	if err := n.startRaft(); err != nil {
		return nil, err
	}
	n.assemble()
	n.run()
	return n, nil
}

func (n *Node) startRaft() error {
	logger := hclogger(n.logger)
	n.transport = &transport{NetworkTransport: raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
		Stream:          streamLayer{n.link},
		MaxPool:         maxPool,
		MaxRPCsInFlight: 1, // no pipeline: it can deadlock (raft issues 611, 612)
		Timeout:         10 * time.Second,
		Logger:          logger,
	})}
	var err error
	memory := restoringFSM{FSM: n.fsm, installing: &n.installing}
	snapshots := receivingSnapshots{SnapshotStore: n.storage.Snapshots, installing: &n.installing}
	n.raft, err = raft.NewRaft(n.raftConfig(), memory, n.storage.Logs, n.storage.Stable, snapshots, n.transport)
	if err != nil {
		return fmt.Errorf("start raft: %w", err)
	}
	return nil
}

// transport counts the heartbeats that are being handled. They bypass raft's main loop, so raft's shutdown does not wait
// for them, and one that meets a closed disk panics.
type transport struct {
	*raft.NetworkTransport
	heartbeats gate
}

// RequestVote implements raft.Transport.
func (t *transport) RequestVote(id raft.ServerID, to raft.ServerAddress, args *raft.RequestVoteRequest, resp *raft.RequestVoteResponse) error {
	return fresh(func() error { return t.NetworkTransport.RequestVote(id, to, args, resp) })
}

// RequestPreVote implements raft.WithPreVote.
func (t *transport) RequestPreVote(id raft.ServerID, to raft.ServerAddress, args *raft.RequestPreVoteRequest, resp *raft.RequestPreVoteResponse) error {
	return fresh(func() error { return t.NetworkTransport.RequestPreVote(id, to, args, resp) })
}

// fresh repeats a call that met a pooled connection to a process that is no more: raft does not ask for a vote twice, and
// a vote that is not heard costs an election timeout. Each such call takes one dead connection out of the pool.
func fresh(call func() error) error {
	began := time.Now()
	err := call()
	for try := 0; try < maxPool && dead(err) && time.Since(began) < 100*time.Millisecond; try++ {
		err = call()
	}
	return err
}

func dead(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// maxPool is how many idle connections raft keeps to each peer.
const maxPool = 3

// SetHeartbeatHandler implements raft.Transport.
func (t *transport) SetHeartbeatHandler(handle func(raft.RPC)) {
	t.NetworkTransport.SetHeartbeatHandler(func(rpc raft.RPC) {
		if t.heartbeats.enter() {
			defer t.heartbeats.leave()
			handle(rpc)
		}
	})
}

func (n *Node) raftConfig() *raft.Config {
	config := raft.DefaultConfig()
	config.LocalID = n.self.id
	config.HeartbeatTimeout = n.config.Timing.Heartbeat
	config.ElectionTimeout = n.config.Timing.Election
	config.LeaderLeaseTimeout = n.config.Timing.Lease
	config.CommitTimeout = n.config.Timing.Commit
	config.SnapshotThreshold = n.config.SnapshotThreshold
	config.SnapshotInterval = n.config.SnapshotInterval
	config.TrailingLogs = n.config.TrailingLogs
	config.ShutdownOnRemove = false // a removed node stays aside and says so
	config.NoLegacyTelemetry = true
	config.NotifyCh = n.notify
	config.Logger = hclogger(n.logger)
	// RestoreCommittedLogs stays off: it hangs NewRaft when more than 8,192 entries follow the snapshot.
	return config
}

// assemble makes the parts that stand on raft.
func (n *Node) assemble() {
	timing := n.config.Timing
	n.callers = newCallers(n.link)
	n.leadership = newLeadership(n.self, n.logger, n.metrics)
	n.leadership.raft = n.raft
	n.batcher = &batcher{
		raft: n.raft, identity: n.identity, limits: n.config.Limits, now: n.config.Now,
		stamped: func() directory.Time { return n.fsm.View().At() },
		refuse:  n.refuseWrites,
		leads:   func() bool { return n.raft.State() == raft.Leader },
		stuck: func(since time.Duration) {
			n.fail(ExitStalled, "a transfer of leadership never ended", "since", since)
		},
		stuckMax: 3 * timing.Election,
		logger:   n.logger, metrics: n.metrics,
		wake: make(chan struct{}, 1), slots: make(chan struct{}, inFlight),
	}
	n.reads = &reads{
		raft: n.raft, fsm: n.fsm, self: n.self, leadership: n.leadership, callers: n.callers,
		underWay: func() bool { return n.batcher.open.Load() > 0 }, ledgerTime: n.batcher.time,
		onTime: func(at directory.Time) {
			n.clockOffset.Store(int64(at) - n.config.Now().UnixMicro())
			n.warnOfClock()
		},
		wait: timing.ReadWait, stopped: n.stopped, metrics: n.metrics, born: time.Now(),
	}
	n.watch = &watch{
		raft: n.raft, transport: n.transport, link: n.link, callers: n.callers, leadership: n.leadership,
		self: n.self, logger: n.logger, metrics: n.metrics, watchers: make(map[*tls.Conn]struct{}),
	}
	n.members = &membership{
		config: n.config, identity: n.identity, raft: n.raft, self: n.self, callers: n.callers,
		leadership: n.leadership, logger: n.logger, steady: make(map[raft.ServerID]time.Time),
	}
	n.guard = newGuard(n)
}

// run starts the node's goroutines; close waits for them.
func (n *Node) run() {
	ctx, cancel := context.WithCancel(context.Background())
	n.cancel = cancel
	n.work.Go(func() { n.leadership.run(ctx, n.notify) })
	n.work.Go(func() { n.batcher.run(ctx) })
	n.work.Go(func() { n.watch.run(ctx) })
	n.work.Go(func() { n.members.form(ctx) })
	n.work.Go(func() { n.members.tend(ctx) })
	n.work.Go(func() { n.keepLevel(ctx) })
	n.work.Go(func() { n.refresh(ctx) })
	n.guard.run(ctx, &n.work)
	n.link.serve(func(from peer) { n.serveCalls(ctx, from) }, n.watch.hold)
}

const (
	// maxClockOffset is tolerated in silence. Identity providers' tokens and our own are judged with a minute's tolerance.
	maxClockOffset    = 5 * time.Second
	clockWarningPause = time.Minute
)

// warnOfClock says in the log, once a minute, that this node's clock and the leader's differ: only one of the two is wrong,
// and which one a node cannot know, so it goes on.
func (n *Node) warnOfClock() {
	offset := n.offset()
	if offset.Abs() <= maxClockOffset {
		return
	}
	now, last := time.Now().UnixNano(), n.clockWarned.Load()
	if now-last < int64(clockWarningPause) || !n.clockWarned.CompareAndSwap(last, now) {
		return
	}
	n.logger.Warn("the clocks of this node and of the leader differ; sign-ins are refused where a clock is a minute off",
		"offset", offset.Round(time.Millisecond))
}

// refresh keeps this node's confirmation young while nobody reads, and with it the right to give local views.
func (n *Node) refresh(ctx context.Context) {
	every := min(500*time.Millisecond, n.config.Timing.Cutoff/4)
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		if n.reads.age() >= every/2 {
			bounded, cancel := context.WithTimeout(ctx, 2*time.Second)
			_, _ = n.confirmedView(bounded, 0) // its age tells how it went
			cancel()
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (n *Node) onStall(op string, d time.Duration) {
	n.fail(ExitStalled, "the disk hangs", "op", op, "running", d)
}

func (n *Node) onHalt(err error) { n.fail(ExitHalted, "the ledger cannot go on", "error", err) }

// fail cuts the node off from its peers, so that they go on without it, and ends the process. It may be called from
// anywhere, raft's own goroutines included, and does not return before Exit does.
func (n *Node) fail(code int, reason string, args ...any) {
	n.link.Fence()
	n.logger.Error("this node stops: "+reason, args...)
	if code == ExitStalled {
		stacks := make([]byte, 256<<10)
		n.logger.Error("goroutines of the stalled node", "stacks", string(stacks[:runtime.Stack(stacks, true)]))
	}
	n.config.Exit(code)
}

// gate counts who is inside, and can be shut.
type gate struct {
	mu     sync.Mutex
	inside int
	shut   bool
	empty  chan struct{} // closed when shut and nobody is inside; nil until shut
}

func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		return false
	}
	g.inside++
	return true
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	if g.shut && g.inside == 0 {
		close(g.empty)
	}
}

// close lets nobody in any more and gives a channel that closes when the last one has left.
func (g *gate) close() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		return g.empty
	}
	g.shut = true
	g.empty = make(chan struct{})
	if g.inside == 0 {
		close(g.empty)
	}
	return g.empty
}
