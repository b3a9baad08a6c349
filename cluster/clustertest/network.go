package clustertest

import (
	"context"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

// Network stands between the nodes: every connection is dialled through it. Nodes are numbered as in the cluster.
type Network struct {
	mu      sync.Mutex
	hosts   map[string]int           // address → node; guarded by mu
	blocked map[[2]int]bool          // from, to; guarded by mu
	changed chan struct{}            // closed and replaced when blocked changes; guarded by mu
	conns   map[*faultyConn]struct{} // guarded by mu
}

func newNetwork() *Network {
	return &Network{
		hosts:   make(map[string]int),
		blocked: make(map[[2]int]bool),
		changed: make(chan struct{}),
		conns:   make(map[*faultyConn]struct{}),
	}
}

// Block holds back everything that node from sends to node to, without an error to either: a partition in one direction.
func (n *Network) Block(from, to int) { n.block([2]int{from, to}) }

// Cut blocks both directions between two nodes.
func (n *Network) Cut(a, b int) { n.block([2]int{a, b}, [2]int{b, a}) }

// Isolate cuts a node off from all others.
func (n *Network) Isolate(node int) {
	n.mu.Lock()
	others := make([]int, 0, len(n.hosts))
	for _, other := range n.hosts {
		if other != node {
			others = append(others, other)
		}
	}
	n.mu.Unlock()
	for _, other := range others {
		n.Cut(node, other)
	}
}

// Heal lets everything flow again; what was held back arrives.
func (n *Network) Heal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.blocked)
	n.broadcast()
}

// Reset closes the connections between two nodes; what was held back is lost.
func (n *Network) Reset(a, b int) {
	n.mu.Lock()
	var hit []*faultyConn
	for conn := range n.conns {
		if conn.from == a && conn.to == b || conn.from == b && conn.to == a {
			hit = append(hit, conn)
		}
	}
	n.mu.Unlock()
	for _, conn := range hit {
		_ = conn.Close()
	}
}

func (n *Network) block(links ...[2]int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, link := range links {
		n.blocked[link] = true
	}
	n.broadcast()
}

func (n *Network) broadcast() {
	close(n.changed)
	n.changed = make(chan struct{})
}

// state tells whether a direction is blocked, and gives a channel that closes when to ask again.
func (n *Network) state(from, to int) (bool, <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.blocked[[2]int{from, to}], n.changed
}

// dialer gives node from its way to the others.
func (n *Network) dialer(from int) func(context.Context, string) (net.Conn, error) {
	return func(ctx context.Context, address string) (net.Conn, error) {
		n.mu.Lock()
		to, known := n.hosts[address]
		n.mu.Unlock()
		if !known {
			return nil, fmt.Errorf("no node of this network is at %s", address)
		}
		for _, link := range [][2]int{{from, to}, {to, from}} {
			for {
				blocked, again := n.state(link[0], link[1])
				if !blocked {
					break
				}
				select {
				case <-again:
				case <-ctx.Done():
					return nil, ctx.Err()
				}
			}
		}
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			return nil, err
		}
		faulty := &faultyConn{Conn: conn, network: n, from: from, to: to, closed: make(chan struct{})}
		n.mu.Lock()
		n.conns[faulty] = struct{}{}
		n.mu.Unlock()
		return faulty, nil
	}
}

// faultyConn is the dialling end of a connection: both directions pass through it.
type faultyConn struct {
	net.Conn
	network  *Network
	from, to int

	once   sync.Once
	closed chan struct{}

	mu    sync.Mutex
	read  time.Time // deadline; guarded by mu
	write time.Time // deadline; guarded by mu
}

// Read implements net.Conn.
func (c *faultyConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil {
		return n, err
	}
	c.mu.Lock()
	deadline := c.read
	c.mu.Unlock()
	return n, c.hold(c.to, c.from, deadline)
}

// Write implements net.Conn.
func (c *faultyConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	deadline := c.write
	c.mu.Unlock()
	if err := c.hold(c.from, c.to, deadline); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// hold waits while a direction is blocked.
func (c *faultyConn) hold(from, to int, deadline time.Time) error {
	var timeout <-chan time.Time
	for {
		blocked, again := c.network.state(from, to)
		if !blocked {
			return nil
		}
		if timeout == nil && !deadline.IsZero() {
			timer := time.NewTimer(time.Until(deadline))
			defer timer.Stop()
			timeout = timer.C
		}
		select {
		case <-again:
		case <-timeout:
			return os.ErrDeadlineExceeded
		case <-c.closed:
			return net.ErrClosed
		}
	}
}

// Close implements net.Conn.
func (c *faultyConn) Close() error {
	c.once.Do(func() {
		close(c.closed)
		c.network.mu.Lock()
		delete(c.network.conns, c)
		c.network.mu.Unlock()
	})
	return c.Conn.Close()
}

// SetDeadline implements net.Conn.
func (c *faultyConn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	c.read, c.write = t, t
	c.mu.Unlock()
	return c.Conn.SetDeadline(t)
}

// SetReadDeadline implements net.Conn.
func (c *faultyConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	c.read = t
	c.mu.Unlock()
	return c.Conn.SetReadDeadline(t)
}

// SetWriteDeadline implements net.Conn.
func (c *faultyConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	c.write = t
	c.mu.Unlock()
	return c.Conn.SetWriteDeadline(t)
}
