package cluster

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"domicile/fsm/command"
)

// A frame on a call connection is: body length (4 bytes, big endian) · kind (1) · request number (4) · body. An answer
// carries the number of its request and the kind answerKind; many requests are under way at once and answers come in any
// order. Kinds are append-only.
type callKind byte

const (
	answerKind   callKind = 0
	callHello    callKind = 1 // who are you, and what do you know of a cluster → introduction
	callPropose  callKind = 2 // remaining milliseconds, trace, command → verdict
	callIndex    callKind = 3 // read index → readIndex
	callTerm     callKind = 4 // → the current term
	callLost     callKind = 5 // have you, too, lost this leader → bool, last index
	callJoin     callKind = 6 // make me a member → empty
	callRemove   callKind = 7 // remove a member → empty
	callProgress callKind = 8 // → last index, applied seq, newest level supported
	callHandOver callKind = 9 // hand leadership over → empty
)

const (
	frameHeader = 9
	// maxFrame bounds a frame's body: a command of the largest size and its preamble.
	maxFrame = command.MaxCommandBytes + 4096
	// maxOutbox bounds what may wait for a peer that does not read.
	maxOutbox = 32 << 20
)

var errOutboxFull = errors.New("the peer does not read")

// outbox collects frames and writes them in as few calls as the peer's pace allows: whatever gathers while one write is
// under way leaves with the next.
type outbox struct {
	wake chan struct{} // of capacity 1

	mu      sync.Mutex
	buf     []byte // guarded by mu
	spare   []byte // memory of an earlier buf; guarded by mu
	writing bool   // somebody writes what buf was; guarded by mu
	closed  error  // guarded by mu
}

func newOutbox() *outbox { return &outbox{wake: make(chan struct{}, 1)} }

// put queues one frame and never waits; its body is the parts in a row, which are copied.
func (o *outbox) put(kind callKind, number uint32, parts ...[]byte) error {
	o.mu.Lock()
	err := o.append(kind, number, parts)
	o.mu.Unlock()
	o.rouse()
	return err
}

// send is put for the one who reads this peer's requests and may well wait until it takes the answers: while nobody else
// writes, it writes itself, which saves the way through another goroutine.
func (o *outbox) send(w io.Writer, kind callKind, number uint32, parts ...[]byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	err := o.append(kind, number, parts)
	if err == nil && !o.writing {
		o.flush(w)
		err = o.closed
	}
	if len(o.buf) > 0 || o.closed != nil {
		o.rouse()
	}
	return err
}

// append adds a frame to the buffer; mu is held.
func (o *outbox) append(kind callKind, number uint32, parts [][]byte) error {
	size := 0
	for _, part := range parts {
		size += len(part)
	}
	if o.closed != nil {
		return o.closed
	}
	if len(o.buf)+size > maxOutbox {
		return errOutboxFull
	}
	o.buf = binary.BigEndian.AppendUint32(o.buf, uint32(size)) //nolint:gosec // bounded by maxOutbox
	o.buf = append(o.buf, byte(kind))
	o.buf = binary.BigEndian.AppendUint32(o.buf, number)
	for _, part := range parts {
		o.buf = append(o.buf, part...)
	}
	return nil
}

// flush writes what is in the buffer; mu is held, but not while writing.
func (o *outbox) flush(w io.Writer) {
	const keep = 1 << 20 // a larger buffer, grown in a burst, is given back
	full := o.buf
	o.buf, o.spare, o.writing = o.spare[:0], nil, true
	o.mu.Unlock()
	_, err := w.Write(full)
	o.mu.Lock()
	o.writing = false
	if cap(full) <= keep {
		o.spare = full
	}
	if err != nil && o.closed == nil {
		o.closed = err
	}
}

// run writes to w until a write fails or close is called.
func (o *outbox) run(w io.Writer) {
	for range o.wake {
		o.mu.Lock()
		for len(o.buf) > 0 && !o.writing && o.closed == nil {
			o.flush(w)
		}
		closed := o.closed
		o.mu.Unlock()
		if closed != nil {
			return
		}
	}
}

func (o *outbox) rouse() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// close makes put and run end with err.
func (o *outbox) close(err error) {
	o.mu.Lock()
	if o.closed == nil {
		o.closed = err
	}
	o.mu.Unlock()
	o.rouse()
}

// frame is one frame as it was read. The body is the reader's to keep.
type frame struct {
	kind   callKind
	number uint32
	body   []byte
}

func readFrame(r *bufio.Reader) (frame, error) {
	var header [frameHeader]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return frame{}, err
	}
	size := binary.BigEndian.Uint32(header[:])
	if size > maxFrame {
		return frame{}, fmt.Errorf("frame of %d bytes", size)
	}
	f := frame{kind: callKind(header[4]), number: binary.BigEndian.Uint32(header[5:]), body: make([]byte, size)}
	_, err := io.ReadFull(r, f.body)
	return f, err
}
