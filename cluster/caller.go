package cluster

import (
	"bufio"
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// errLink wraps whatever kept a call from being answered: the request may or may not have been carried out.
var errLink = errors.New("peer link")

// silence is after how long without any answer a connection is given up.
const silence = time.Second

// callers holds one call connection per peer, opened when first needed.
type callers struct {
	link *link
	done sync.WaitGroup

	mu    sync.Mutex
	conns map[string]*callConn // by address; guarded by mu
}

func newCallers(link *link) *callers { return &callers{link: link, conns: make(map[string]*callConn)} }

// call sends a request to a peer and waits for the answer until ctx ends or stop is closed (nil: never). The parts of the
// body are copied before call waits.
func (c *callers) call(ctx context.Context, to address, stop <-chan struct{}, kind callKind, parts ...[]byte) ([]byte, error) {
	conn := c.conn(to)
	select {
	case <-conn.ready:
	case <-stop:
		return nil, errLeaderChanged
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if conn.err != nil {
		return nil, conn.err
	}
	return conn.call(ctx, stop, kind, parts...)
}

// conn gives the open connection to a peer, or one that is being opened.
func (c *callers) conn(to address) *callConn {
	key := to.String()
	c.mu.Lock()
	defer c.mu.Unlock()
	if conn, ok := c.conns[key]; ok {
		return conn
	}
	conn := &callConn{ready: make(chan struct{}), outbox: newOutbox(), pending: make(map[uint32]chan answer)}
	c.conns[key] = conn
	c.done.Go(func() {
		conn.run(c.link, to)
		c.mu.Lock()
		if c.conns[key] == conn {
			delete(c.conns, key)
		}
		c.mu.Unlock()
		conn.fail()
	})
	return conn
}

// wait returns once every connection has ended; call it after the link's fence.
func (c *callers) wait() { c.done.Wait() }

type answer struct {
	body []byte
	err  error
}

// callConn is one connection for calls.
type callConn struct {
	ready  chan struct{} // closed once opened or failed to
	err    error         // why it could not be opened; set before ready is closed
	conn   net.Conn      // set before ready is closed
	outbox *outbox

	received atomic.Uint64 // frames

	mu      sync.Mutex
	next    uint32
	closed  error
	pending map[uint32]chan answer
}

// run opens the connection and reads answers until it fails. Not bound to a caller's context: others share it.
func (c *callConn) run(link *link, to address) {
	conn, err := link.dial(context.Background(), protocolCall, to)
	if err != nil {
		c.err = errors.Join(errLink, err)
		close(c.ready)
		return
	}
	c.conn = conn.NetConn()
	close(c.ready)

	var writer sync.WaitGroup
	writer.Go(func() {
		c.outbox.run(conn)
		_ = c.conn.Close()
	})
	reader := bufio.NewReaderSize(conn, 64<<10)
	f, err := readFrame(reader)
	for ; err == nil; f, err = readFrame(reader) {
		c.received.Add(1)
		c.deliver(f)
	}
	_ = c.conn.Close()
	c.outbox.close(errors.Join(errLink, err))
	writer.Wait()
}

func (c *callConn) deliver(f frame) {
	c.mu.Lock()
	waiting, ok := c.pending[f.number]
	delete(c.pending, f.number)
	c.mu.Unlock()
	if ok {
		waiting <- answer{body: f.body}
	}
}

// fail answers everything that still waits.
func (c *callConn) fail() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = errLink
	for number, waiting := range c.pending {
		waiting <- answer{err: c.closed}
		delete(c.pending, number)
	}
}

func (c *callConn) call(ctx context.Context, stop <-chan struct{}, kind callKind, parts ...[]byte) ([]byte, error) {
	waiting := make(chan answer, 1)
	c.mu.Lock()
	if c.closed != nil {
		c.mu.Unlock()
		return nil, c.closed
	}
	c.next++
	number := c.next
	c.pending[number] = waiting
	c.mu.Unlock()

	received, began := c.received.Load(), time.Now()
	err := c.outbox.put(kind, number, parts...)
	if err == nil {
		select {
		case got := <-waiting:
			return got.body, got.err
		case <-stop:
			err = errLeaderChanged
		case <-ctx.Done():
			err = context.Cause(ctx)
			if c.received.Load() == received && time.Since(began) > silence {
				// Nothing at all came back: the path is dead, and the next call should not wait on it again.
				_ = c.conn.Close()
			}
		}
	}
	c.mu.Lock()
	delete(c.pending, number)
	c.mu.Unlock()
	return nil, err
}
