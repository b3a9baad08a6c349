package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"domicile/seal"
)

// Config is what a node needs to start. Fields without "default" in their comment are required.
type Config struct {
	// DataDir holds node.json, the log and the snapshots; made at the first start.
	DataDir string
	// Listen is the address of the peer port, host:port.
	Listen string
	// Advertise is the address under which the other nodes reach the peer port, host:port; a DNS name is looked up again
	// at every dial. Default: the address that Listen was bound to.
	Advertise string
	// Seeds are peer addresses of nodes to found the cluster with, or to join it through. They may contain Advertise.
	Seeds []string
	// BootstrapExpect founds a new cluster once every seed has answered that it holds no data: with the nodes, this many,
	// whose addresses come first among Seeds and Advertise in alphabetical order. All founders need the same seeds. 1
	// founds a cluster of this node alone; 0, the default, only ever joins. A node that holds data ignores it.
	BootstrapExpect int

	Credentials *seal.PeerCredentials
	Keyring     *seal.Keyring

	Timing Timing
	Limits Limits

	// SnapshotThreshold is after how many log entries a snapshot is taken; default 65,536.
	SnapshotThreshold uint64
	// SnapshotBytes is after how many bytes of log a snapshot is taken; default 256 MiB.
	SnapshotBytes int64
	// SnapshotInterval is how often the two above are looked at; default 30 s.
	SnapshotInterval time.Duration
	// SnapshotMaxAge is after which time a snapshot is taken if anything was written at all; default 6 h.
	SnapshotMaxAge time.Duration
	// TrailingLogs is how many entries stay in the log behind a snapshot, for followers that lag; default 16,384.
	TrailingLogs uint64

	Logger *slog.Logger   // default: discards
	Tracer trace.Tracer   // default: none
	Exit   func(code int) // ends the process when the node cannot go on; default os.Exit
	// Now is the clock that stamps deadlines and entries; default time.Now.
	Now func() time.Time
	// Dial opens a TCP connection to a peer; default net.Dialer. Tests put faults in between.
	Dial func(ctx context.Context, address string) (net.Conn, error)
}

// Timing holds the node's durations; zero fields take the defaults, which are for nodes within one region.
type Timing struct {
	Heartbeat time.Duration // follower without contact starts an election after 1–2 times this; 200 ms
	Election  time.Duration // candidate without a majority tries again after 1–2 times this; 200 ms
	Lease     time.Duration // leader without a majority steps down after this; as Heartbeat. Nothing is read on it
	Commit    time.Duration // an idle leader tells followers the commit index every 1–2 times this; 2 ms
	Cutoff    time.Duration // local views are refused when nothing was confirmed for this long; 5 s
	WriteWait time.Duration // longest a write waits for a leader and its answer; 5 s
	ReadWait  time.Duration // longest a read waits to be confirmed and caught up with; 5 s
	DiskStall time.Duration // a disk call running longer fences the node and ends the process; 10 s
	Promote   time.Duration // how long a new member must keep up before it gets a vote; 2 s
	Drain     time.Duration // longest that Shutdown waits for writes under way; 10 s
}

// Limits bound the leader's queue; zero fields take the defaults.
type Limits struct {
	QueueCommands int // 4,096
	QueueBytes    int // 16 MiB
}

// requestLifetime is how far ahead a command's deadline is set. It exceeds WriteWait, so that every retry of a request
// still finds the remembered result of the first try.
const requestLifetime = 10 * time.Second

// maxLag is by how many entries the state may lag behind the commit index before writes are refused.
const maxLag = 5_000

// withDefaults checks the configuration and fills in what was left zero.
func (c Config) withDefaults() (Config, error) {
	switch {
	case c.DataDir == "":
		return c, errors.New("no data directory given")
	case c.Credentials == nil:
		return c, errors.New("no peer credentials given")
	case c.Keyring == nil:
		return c, errors.New("no key ring given")
	case c.BootstrapExpect < 0:
		return c, fmt.Errorf("bootstrap expectation %d is negative", c.BootstrapExpect)
	}
	for _, address := range append([]string{c.Listen}, c.Seeds...) {
		if _, _, err := net.SplitHostPort(address); err != nil {
			return c, fmt.Errorf("peer address %q: %w", address, err)
		}
	}
	c.Timing = c.Timing.withDefaults()
	setDefault(&c.Limits.QueueCommands, 4096)
	setDefault(&c.Limits.QueueBytes, 16<<20)
	setDefault(&c.SnapshotThreshold, 65_536)
	setDefault(&c.SnapshotBytes, 256<<20)
	setDefault(&c.SnapshotInterval, 30*time.Second)
	setDefault(&c.SnapshotMaxAge, 6*time.Hour)
	setDefault(&c.TrailingLogs, 16_384)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Tracer == nil {
		c.Tracer = noop.NewTracerProvider().Tracer("")
	}
	if c.Exit == nil {
		c.Exit = os.Exit
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Dial == nil {
		c.Dial = func(ctx context.Context, address string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", address)
		}
	}
	return c, c.Timing.validate()
}

func (t Timing) withDefaults() Timing {
	setDefault(&t.Heartbeat, 200*time.Millisecond)
	setDefault(&t.Election, 200*time.Millisecond)
	setDefault(&t.Lease, t.Heartbeat)
	setDefault(&t.Commit, 2*time.Millisecond)
	setDefault(&t.Cutoff, 5*time.Second)
	setDefault(&t.WriteWait, 5*time.Second)
	setDefault(&t.ReadWait, 5*time.Second)
	setDefault(&t.DiskStall, 10*time.Second)
	setDefault(&t.Promote, 2*time.Second)
	setDefault(&t.Drain, 10*time.Second)
	return t
}

func (t Timing) validate() error {
	switch {
	case t.Election < t.Heartbeat:
		return errors.New("timing: the election timeout is below the heartbeat timeout")
	case t.Lease > t.Heartbeat:
		return errors.New("timing: the lease is above the heartbeat timeout")
	case t.WriteWait >= requestLifetime:
		return fmt.Errorf("timing: the write wait must stay below %s, the life of a request", requestLifetime)
	}
	return nil
}

func setDefault[T int | int64 | uint64 | time.Duration](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}
