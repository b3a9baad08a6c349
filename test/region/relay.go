package region

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// relays lead the peer link of every node over a listener of ours, so that a test can cut one node off: no byte passes to it
// or from it, on connections that are there and on new ones, and nobody is told. Who calls is known by the caller's socket,
// because all nodes have the same address. What was on its way arrives when the cut is mended, as it does where a network
// lost packets for a while.
type relays struct {
	nodes []*Node
	ends  []net.Listener
	done  chan struct{}
	work  sync.WaitGroup

	mu      sync.Mutex
	cut     map[*Node]bool        // guarded by mu, as all below
	changed chan struct{}         // closed when cut changes
	open    map[net.Conn]struct{} // nil once closed
}

// openRelays puts a relay before each node. From then on the node's Peer is the address that others dial; the node listens
// at its PeerListen.
func openRelays(nodes []*Node) (*relays, error) {
	r := &relays{
		nodes: nodes, done: make(chan struct{}), cut: make(map[*Node]bool), changed: make(chan struct{}), open: make(map[net.Conn]struct{}),
	}
	for _, node := range nodes {
		end, err := listenBeside(nodes)
		if err != nil {
			return nil, errors.Join(err, r.close())
		}
		r.ends = append(r.ends, end)
		node.Peer = end.Addr().String()
		r.work.Go(func() { r.serve(end, node) })
	}
	return r, nil
}

// listenBeside listens at a port that none of the nodes is going to listen at: theirs are free until they start.
func listenBeside(nodes []*Node) (net.Listener, error) {
	for {
		end, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		taken := slices.ContainsFunc(nodes, func(n *Node) bool {
			at := end.Addr().String()
			return n.PeerListen == at || n.Peer == at || strings.HasSuffix(n.URL, at) || strings.HasSuffix(n.Ops, at)
		})
		if !taken {
			return end, nil
		}
		defer end.Close() // not at once, so that it does not come again
	}
}

func (r *relays) close() error {
	close(r.done)
	var err error
	for _, end := range r.ends {
		err = errors.Join(err, end.Close())
	}
	r.mu.Lock()
	for conn := range r.open {
		_ = conn.Close()
	}
	r.open = nil
	r.mu.Unlock()
	r.work.Wait()
	return err
}

// set cuts a node off, or mends the cut.
func (r *relays) set(node *Node, cut bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cut[node] = cut
	close(r.changed)
	r.changed = make(chan struct{})
}

// pass waits until nothing is cut between two nodes; false: the relays were closed.
func (r *relays) pass(a, b *Node) bool {
	for {
		r.mu.Lock()
		cut, changed := r.cut[a] || r.cut[b], r.changed
		r.mu.Unlock()
		if !cut {
			return true
		}
		select {
		case <-changed:
		case <-r.done:
			return false
		}
	}
}

// keep notes a connection that close has to end; false: it is too late.
func (r *relays) keep(conn net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open == nil {
		return false
	}
	r.open[conn] = struct{}{}
	return true
}

func (r *relays) drop(conn net.Conn) {
	_ = conn.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, conn)
}

func (r *relays) serve(end net.Listener, to *Node) {
	for {
		conn, err := end.Accept()
		if err != nil {
			return
		}
		r.work.Go(func() {
			defer r.drop(conn)
			if r.keep(conn) {
				r.relay(conn, to)
			}
		})
	}
}

// relay leads one connection on, once it can be made.
func (r *relays) relay(conn net.Conn, to *Node) {
	from := r.caller(conn)
	if from == nil || !r.pass(from, to) {
		return
	}
	onward, err := net.Dial("tcp4", to.PeerListen)
	if err != nil {
		return
	}
	defer r.drop(onward)
	if !r.keep(onward) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { r.pump(onward, conn, from, to) })
	both.Go(func() { r.pump(conn, onward, from, to) })
	both.Wait()
}

// pump carries bytes one way until the connection ends, and then ends it both ways.
func (r *relays) pump(to, from net.Conn, a, b *Node) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if !r.pass(a, b) { // an end is no news either while the network is cut
			return
		}
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// caller finds the node at the other end of a connection: the one whose process has the socket. nil: none has it any more.
func (r *relays) caller(conn net.Conn) *Node {
	socket, err := socketOf(conn.RemoteAddr(), conn.LocalAddr())
	if err != nil {
		return nil
	}
	for _, node := range r.nodes {
		files := fmt.Sprintf("/proc/%d/fd", node.PID())
		entries, err := os.ReadDir(files)
		if err != nil {
			continue
		}
		for _, entry := range entries {
			if target, err := os.Readlink(filepath.Join(files, entry.Name())); err == nil && target == socket {
				return node
			}
		}
	}
	return nil
}

// socketOf gives the name that Linux has for the socket of the connection from one local address to another (proc(5)).
func socketOf(from, to net.Addr) (string, error) {
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		return "", err
	}
	ends := inTable(from) + " " + inTable(to)
	for line := range strings.Lines(string(table)) {
		if fields := strings.Fields(line); len(fields) > 9 && fields[1]+" "+fields[2] == ends {
			return "socket:[" + fields[9] + "]", nil
		}
	}
	return "", fmt.Errorf("no socket goes from %s to %s", from, to)
}

// inTable writes an address on loopback as /proc/net/tcp does.
func inTable(address net.Addr) string {
	tcp := address.(*net.TCPAddr)
	ip := tcp.IP.To4()
	return fmt.Sprintf("%02X%02X%02X%02X:%04X", ip[3], ip[2], ip[1], ip[0], tcp.Port)
}
