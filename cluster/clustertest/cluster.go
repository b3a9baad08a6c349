package clustertest

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"domicile/cluster"
	"domicile/seal"
)

// Patience is how long the helpers wait before they fail the test.
const Patience = 20 * time.Second

// Options change the cluster that New makes. The zero value is a cluster with the product's own timing.
type Options struct {
	Region string // default "test"
	// Founders is how many of the nodes found the cluster; default all. The others join.
	Founders int
	// Configure changes a node's configuration before each of its starts.
	Configure func(node int, config *cluster.Config)
	// Start starts a node; default cluster.Start.
	Start func(ctx context.Context, config cluster.Config) (*cluster.Node, error)
}

// Cluster is a number of nodes in this process.
type Cluster struct {
	Network *Network
	Keyring *seal.Keyring

	t       testing.TB
	options Options
	nodes   []*slot
	caPEM   []byte
	caKey   seal.Secret
}

// slot is the place of one node, through all its restarts.
type slot struct {
	name    string
	dir     string // of certificate, key and authority
	data    string
	address string
	node    atomic.Pointer[cluster.Node]
	exits   chan int
}

// New starts n nodes and stops what is running of them at the end of the test.
func New(t testing.TB, n int, options Options) *Cluster {
	t.Helper()
	if options.Region == "" {
		options.Region = "test"
	}
	if options.Founders == 0 {
		options.Founders = n
	}
	if options.Start == nil {
		options.Start = cluster.Start
	}
	c := &Cluster{t: t, options: options, Network: newNetwork(), Keyring: seal.GenerateKeyring()}
	var err error
	c.caPEM, c.caKey, err = seal.NewAuthority(options.Region, time.Now())
	if err != nil {
		t.Fatalf("make an authority: %v", err)
	}
	for _, address := range freeAddresses(t, n) {
		c.add(address)
	}
	t.Cleanup(c.stopAll)
	for i := range n {
		c.Start(i)
	}
	return c
}

// Add makes one more node, which joins the others, and starts it. It gives the node's number.
func (c *Cluster) Add() int {
	c.t.Helper()
	c.add(freeAddresses(c.t, 1)[0])
	c.Start(len(c.nodes) - 1)
	return len(c.nodes) - 1
}

func (c *Cluster) add(address string) {
	c.t.Helper()
	i := len(c.nodes)
	s := &slot{name: fmt.Sprintf("node-%d", i), dir: c.t.TempDir(), data: c.t.TempDir(), address: address, exits: make(chan int, 16)}
	c.nodes = append(c.nodes, s)
	c.Network.mu.Lock()
	c.Network.hosts[address] = i
	c.Network.mu.Unlock()
	cert, key, err := seal.IssueNode(c.caPEM, c.caKey, s.name, nil, time.Now(), time.Hour)
	if err != nil {
		c.t.Fatalf("issue a certificate: %v", err)
	}
	for name, content := range map[string][]byte{"node.crt": cert, "node.key": []byte(key.Reveal()), "ca.crt": c.caPEM} {
		if err := os.WriteFile(filepath.Join(s.dir, name), content, 0o600); err != nil {
			c.t.Fatalf("write %s: %v", name, err)
		}
	}
}

// Config gives the configuration with which a node starts.
func (c *Cluster) Config(i int) cluster.Config {
	c.t.Helper()
	s := c.nodes[i]
	credentials, err := seal.PeerTLS(filepath.Join(s.dir, "node.crt"), filepath.Join(s.dir, "node.key"), filepath.Join(s.dir, "ca.crt"))
	if err != nil {
		c.t.Fatalf("read credentials: %v", err)
	}
	founders := min(c.options.Founders, len(c.nodes))
	seeds := make([]string, 0, founders)
	for _, founder := range c.nodes[:founders] {
		seeds = append(seeds, founder.address)
	}
	config := cluster.Config{
		DataDir:     s.data,
		Listen:      s.address,
		Advertise:   s.address,
		Seeds:       seeds,
		Credentials: credentials,
		Keyring:     c.Keyring,
		Timing:      cluster.Timing{Promote: 300 * time.Millisecond},
		Logger:      slog.New(slog.NewTextHandler(testWriter{c.t}, &slog.HandlerOptions{Level: slog.LevelInfo})).With("node", s.name),
		Exit:        func(code int) { s.exits <- code },
		Dial:        c.Network.dialer(i),
	}
	if i < founders {
		config.BootstrapExpect = founders
	}
	if c.options.Configure != nil {
		c.options.Configure(i, &config)
	}
	return config
}

// Start starts a node that is not running, on the data that it has.
func (c *Cluster) Start(i int) *cluster.Node {
	c.t.Helper()
	config := c.Config(i)
	var node *cluster.Node
	var err error
	// The port of a node that has just stopped may take a moment to be free.
	Eventually(c.t, "the node starts", func() bool {
		node, err = c.options.Start(context.Background(), config)
		return err == nil
	}, func() any { return err })
	c.nodes[i].node.Store(node)
	return node
}

// Stop shuts a node down in order.
func (c *Cluster) Stop(i int) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	if err := c.nodes[i].node.Swap(nil).Shutdown(ctx); err != nil {
		c.t.Errorf("shut node %d down: %v", i, err)
	}
}

// Kill drops a node's connections at once and closes its files: to the others its process is gone.
func (c *Cluster) Kill(i int) {
	c.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := c.nodes[i].node.Swap(nil).Shutdown(ctx); err != nil {
		c.t.Errorf("kill node %d: %v", i, err)
	}
}

// Wipe empties the data directory of a node that is not running.
func (c *Cluster) Wipe(i int) {
	c.t.Helper()
	if err := os.RemoveAll(c.nodes[i].data); err != nil {
		c.t.Fatalf("wipe node %d: %v", i, err)
	}
}

// Node gives a running node, nil if it does not run.
func (c *Cluster) Node(i int) *cluster.Node { return c.nodes[i].node.Load() }

// Name gives the name in a node's certificate.
func (c *Cluster) Name(i int) string { return c.nodes[i].name }

// DataDir gives a node's data directory.
func (c *Cluster) DataDir(i int) string { return c.nodes[i].data }

// Exits gives the codes with which a node wanted to end its process.
func (c *Cluster) Exits(i int) <-chan int { return c.nodes[i].exits }

// Running lists the numbers of the running nodes.
func (c *Cluster) Running() []int {
	var running []int
	for i, s := range c.nodes {
		if s.node.Load() != nil {
			running = append(running, i)
		}
	}
	return running
}

// WaitReady waits until all running nodes are ready.
func (c *Cluster) WaitReady() {
	c.t.Helper()
	for _, i := range c.Running() {
		Eventually(c.t, c.nodes[i].name+" is ready", func() bool { return c.Node(i).Ready() == nil }, func() any { return c.Node(i).Ready() })
	}
}

// Leader waits until one of the running nodes leads and a majority of the others say so, and gives its number.
func (c *Cluster) Leader() int {
	c.t.Helper()
	leader := -1
	Eventually(c.t, "there is a leader", func() bool {
		for _, i := range c.Running() {
			status := c.Node(i).Status()
			if status.Role == "leader" && c.agree(status) {
				leader = i
				return true
			}
		}
		return false
	}, nil)
	return leader
}

func (c *Cluster) agree(leader cluster.Status) bool {
	votes := 0
	for _, i := range c.Running() {
		if status := c.Node(i).Status(); status.Leader == leader.Node && status.Term == leader.Term {
			votes++
		}
	}
	return votes > len(leader.Members)/2
}

// Followers lists the running nodes that do not lead.
func (c *Cluster) Followers() []int {
	leader := c.Leader()
	return slices.DeleteFunc(c.Running(), func(i int) bool { return i == leader })
}

// SameDigests waits until all running nodes have the same digest. Nothing may be written meanwhile.
func (c *Cluster) SameDigests() {
	c.t.Helper()
	digests := func() map[string][]string {
		found := map[string][]string{}
		for _, i := range c.Running() {
			seq, digest := c.Node(i).Digest()
			found[digest] = append(found[digest], fmt.Sprintf("%s at seq %d", c.nodes[i].name, seq))
		}
		return found
	}
	Eventually(c.t, "all nodes have the same digest", func() bool { return len(digests()) == 1 }, func() any { return digests() })
}

func (c *Cluster) stopAll() {
	c.Network.Heal()
	for _, i := range c.Running() {
		c.Kill(i)
	}
}

// Eventually polls until is true, and fails the test after Patience. state, if given, tells how things stand.
func Eventually(t testing.TB, what string, is func() bool, state func() any) {
	t.Helper()
	for deadline := time.Now().Add(Patience); !is(); {
		if time.Now().After(deadline) {
			if state != nil {
				t.Fatalf("waited %s in vain: %s; now: %v", Patience, what, state())
			}
			t.Fatalf("waited %s in vain: %s", Patience, what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// freeAddresses picks ports below the range from which systems take them for outgoing connections, so that a port stays
// free while its node is down.
func freeAddresses(t testing.TB, n int) []string {
	t.Helper()
	addresses := make([]string, 0, n)
	for range 1000 {
		if len(addresses) == n {
			return addresses
		}
		address := fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000)) //nolint:gosec // any port will do
		listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
		if err != nil || slices.Contains(addresses, address) {
			continue
		}
		_ = listener.Close()
		addresses = append(addresses, address)
	}
	t.Fatal("found no free ports")
	return nil
}

// testWriter writes log lines to the test's own log, which shows them when it fails.
type testWriter struct{ t testing.TB }

func (w testWriter) Write(line []byte) (int, error) {
	w.t.Logf("%s", line[:max(len(line)-1, 0)])
	return len(line), nil
}
