package cluster

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/raft"
	"golang.org/x/sys/unix"

	"domicile/fsm/wire"
	"domicile/seal"
)

// One listener serves three kinds of connection, told apart by ALPN.
const (
	protocolRaft  = "domicile-raft/1"  // raft's own RPCs
	protocolCall  = "domicile-call/1"  // frames, see frame.go
	protocolWatch = "domicile-watch/1" // nothing but being open, see watch.go
)

const (
	handshakeTimeout = 5 * time.Second
	// maxHandshakes bounds how many strangers may be at the door at once.
	maxHandshakes = 64
	maxHello      = 1024
)

var (
	errFenced = errors.New("this node has cut itself off from its peers")
	// errElse is a node that answers at the address of another one.
	errElse = errors.New("another node than the one called is at this address")
)

// peer is who is at the other end of an accepted connection, as its certificate and its hello say.
type peer struct {
	address address
	conn    net.Conn
}

// link is the node's side of every connection to its peers: one listener, mutual TLS 1.3 in which both ends check region
// and cluster before a byte is exchanged, and a fence that cuts everything at once.
type link struct {
	self     address
	creds    *seal.PeerCredentials
	dialTCP  func(ctx context.Context, address string) (net.Conn, error)
	listener net.Listener
	logger   *slog.Logger
	metrics  *metrics

	streams chan net.Conn // raft connections for the transport
	onCall  func(peer)
	onWatch func(peer)

	stopped chan struct{}
	done    sync.WaitGroup

	mu     sync.Mutex
	conns  map[net.Conn]struct{} // every TCP connection; guarded by mu
	fenced bool                  // guarded by mu
}

// serve accepts connections until Fence. onCall and onWatch own the connections given to them and return when those end.
func (l *link) serve(onCall, onWatch func(peer)) {
	l.onCall, l.onWatch = onCall, onWatch
	l.done.Go(l.accept)
}

func (l *link) accept() {
	slots := make(chan struct{}, maxHandshakes)
	for {
		conn, err := l.listener.Accept()
		if err != nil {
			select {
			case <-l.stopped:
				return
			case <-time.After(10 * time.Millisecond): // out of file descriptors, most likely
				l.logger.Warn("accept a peer connection", "error", err)
				continue
			}
		}
		select {
		case slots <- struct{}{}:
		default:
			_ = conn.Close()
			continue
		}
		tracked, err := l.track(conn, peerSilence)
		if err != nil {
			<-slots
			continue
		}
		l.done.Go(func() { l.admit(tracked, func() { <-slots }) })
	}
}

// admit proves who is calling and hands the connection to its protocol.
func (l *link) admit(conn net.Conn, admitted func()) {
	config := l.creds.ServerConfig()
	config.NextProtos = []string{protocolRaft, protocolCall, protocolWatch}
	secure := tls.Server(conn, config)
	from, err := l.welcome(secure)
	admitted()
	if err != nil {
		_ = conn.Close()
		if !errors.Is(err, io.EOF) {
			l.metrics.refusedPeers.Inc()
			l.logger.Warn("refused a peer connection", "remote", conn.RemoteAddr().String(), "error", err)
		}
		return
	}
	switch secure.ConnectionState().NegotiatedProtocol {
	case protocolRaft:
		select {
		case l.streams <- secure:
		case <-l.stopped:
			_ = conn.Close()
		}
	case protocolCall:
		l.onCall(from)
		_ = conn.Close()
	case protocolWatch:
		l.onWatch(from)
		_ = conn.Close()
	default:
		_ = conn.Close()
	}
}

// welcome shakes hands and reads the caller's hello: whom it calls, and who it is.
func (l *link) welcome(conn *tls.Conn) (peer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), handshakeTimeout)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		return peer{}, err
	}
	identity, err := seal.PeerIdentity(conn.ConnectionState())
	if err != nil {
		return peer{}, err
	}
	if err := conn.SetReadDeadline(time.Now().Add(handshakeTimeout)); err != nil {
		return peer{}, err
	}
	called, caller, err := readHello(conn)
	if err != nil {
		return peer{}, err
	}
	if called.id != "" && called.id != l.self.id {
		return peer{}, fmt.Errorf("%w: %s was called, this is %s", errElse, called.id, l.self.id)
	}
	if nodeName(caller.id) != identity.Node {
		return peer{}, fmt.Errorf("node %q calls itself %q", identity.Node, caller.id)
	}
	return peer{address: caller, conn: conn}, conn.SetReadDeadline(time.Time{})
}

// dial opens a connection of a protocol to a node.
func (l *link) dial(ctx context.Context, protocol string, to address) (*tls.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	conn, err := l.dialTCP(ctx, to.host)
	if err != nil {
		return nil, fmt.Errorf("dial peer: %w", err)
	}
	silence := peerSilence
	if protocol == protocolRaft {
		silence = streamSilence
	}
	tracked, err := l.track(conn, silence)
	if err != nil {
		return nil, err
	}
	node := ""
	if to.id != "" {
		node = nodeName(to.id)
	}
	config := l.creds.ClientConfig(node)
	config.NextProtos = []string{protocol}
	secure := tls.Client(tracked, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = tracked.Close()
		return nil, fmt.Errorf("meet peer %s: %w", to.host, err)
	}
	if secure.ConnectionState().NegotiatedProtocol != protocol {
		_ = tracked.Close()
		return nil, fmt.Errorf("meet peer %s: it does not speak %s", to.host, protocol)
	}
	if _, err := secure.Write(hello(to, l.self)); err != nil {
		_ = tracked.Close()
		return nil, fmt.Errorf("greet peer %s: %w", to.host, err)
	}
	return secure, nil
}

func hello(called, caller address) []byte {
	var w wire.Writer
	w.Text(string(called.id))
	w.Text(string(caller.id))
	w.Text(caller.host)
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(w.Bytes()))), w.Bytes()...) //nolint:gosec // names are short
}

func readHello(r io.Reader) (called, caller address, err error) {
	var size [2]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return called, caller, err
	}
	n := binary.BigEndian.Uint16(size[:])
	if n > maxHello {
		return called, caller, fmt.Errorf("hello of %d bytes", n)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return called, caller, err
	}
	fields := wire.NewReader(string(text))
	called.id = raft.ServerID(fields.Text())
	caller = address{id: raft.ServerID(fields.Text()), host: fields.Text()}
	return called, caller, fields.Done()
}

// Fence closes the listener and every connection, and refuses new ones: to the peers this node is gone. Only this makes
// them elect another leader when the disk hangs, for raft's own shutdown would wait for the disk.
func (l *link) Fence() {
	l.mu.Lock()
	if l.fenced {
		l.mu.Unlock()
		return
	}
	l.fenced = true
	conns := make([]net.Conn, 0, len(l.conns))
	for conn := range l.conns {
		conns = append(conns, conn)
	}
	close(l.stopped)
	l.mu.Unlock()
	_ = l.listener.Close()
	for _, conn := range conns {
		_ = conn.Close()
	}
}

// wait returns once no accepted connection is being served any more; call it after Fence.
func (l *link) wait() { l.done.Wait() }

// trackedConn is a TCP connection that the fence knows.
type trackedConn struct {
	net.Conn
	link *link
}

// Close implements net.Conn.
func (c *trackedConn) Close() error {
	c.link.mu.Lock()
	delete(c.link.conns, c)
	c.link.mu.Unlock()
	return c.Conn.Close()
}

// After how long without an acknowledgement, or with a peer that takes nothing, a connection is given up. TCP by itself
// doubles its pauses for minutes, and would go on waiting long after a partition has healed. raft sends snapshots on its
// connections, and a peer with a slow disk may be a while in taking them.
const (
	peerSilence   = time.Second
	streamSilence = 5 * time.Second
)

func giveUpAfter(conn net.Conn, silence time.Duration) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(silence.Milliseconds()))
	})
}

func (l *link) track(conn net.Conn, silence time.Duration) (net.Conn, error) {
	tracked := &trackedConn{Conn: conn, link: l}
	giveUpAfter(conn, silence)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fenced {
		_ = conn.Close()
		return nil, errFenced
	}
	l.conns[tracked] = struct{}{}
	return tracked, nil
}

// streamLayer gives raft's transport its connections.
type streamLayer struct{ *link }

// Accept implements net.Listener.
func (s streamLayer) Accept() (net.Conn, error) {
	select {
	case conn := <-s.streams:
		return conn, nil
	case <-s.stopped:
		return nil, errFenced
	}
}

// Close implements net.Listener. The fence closes the listener, which is not raft's alone.
func (s streamLayer) Close() error { return nil }

// Addr implements net.Listener: the address under which this node is a member.
func (s streamLayer) Addr() net.Addr { return s.self }

// Dial implements raft.StreamLayer. A node that calls itself, as the crash watch does, gets a pipe.
func (s streamLayer) Dial(server raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	to := parseAddress(server)
	if to.id == "" {
		return nil, fmt.Errorf("server address %q names no node", server)
	}
	if to.id != s.self.id {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		conn, err := s.dial(ctx, protocolRaft, to)
		if err != nil {
			return nil, err
		}
		return conn, nil
	}
	near, far := net.Pipe()
	tracked, err := s.track(near, peerSilence)
	if err != nil {
		return nil, err
	}
	select {
	case s.streams <- far:
		return tracked, nil
	case <-s.stopped:
		return nil, errFenced
	}
}
