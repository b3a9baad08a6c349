package cluster

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/hashicorp/raft"
	"go.opentelemetry.io/otel/trace"

	"domicile/fsm/command"
	"domicile/fsm/wire"
)

// session serves one peer's calls.
type session struct {
	node   *Node
	peer   peer
	outbox *outbox
}

// slowHandlers answer calls that may wait, each on a goroutine of its own. The quick ones are in session.handle.
var slowHandlers = map[callKind]func(*session, context.Context, *wire.Reader, *wire.Writer) error{
	callHello:    (*session).hello,
	callIndex:    (*session).index,
	callLost:     (*session).lost,
	callJoin:     (*session).join,
	callRemove:   (*session).remove,
	callProgress: (*session).progress,
	callHandOver: (*session).handOver,
}

// maxSlowCalls bounds how many slow calls one peer may have under way.
const maxSlowCalls = 256

// serveCalls reads requests until the connection ends.
func (n *Node) serveCalls(ctx context.Context, from peer) {
	s := &session{node: n, peer: from, outbox: newOutbox()}
	ctx, cancel := context.WithCancel(ctx)
	var work sync.WaitGroup
	work.Go(func() {
		s.outbox.run(from.conn)
		_ = from.conn.Close()
	})
	slots := make(chan struct{}, maxSlowCalls)
	reader := bufio.NewReaderSize(from.conn, 64<<10)
	for {
		f, err := readFrame(reader)
		if err != nil {
			break
		}
		if s.handle(f) {
			continue
		}
		slots <- struct{}{}
		work.Go(func() {
			s.handleSlow(ctx, f)
			<-slots
		})
	}
	cancel()
	s.outbox.close(io.EOF)
	work.Wait()
}

// handle answers, or puts on its way, what needs no waiting: the calls that come by the thousand.
func (s *session) handle(f frame) bool {
	switch f.kind {
	case callPropose:
		s.propose(f)
	case callTerm:
		var w wire.Writer
		w.Uint(s.node.raft.CurrentTerm())
		_ = s.outbox.send(s.peer.conn, answerKind, f.number, []byte{byte(verdictDone)}, w.Bytes())
	case callIndex:
		index, ok := s.node.reads.leadNow()
		if !ok {
			return false
		}
		w := wire.NewWriter([]byte{byte(verdictDone)})
		index.encode(w)
		_ = s.outbox.send(s.peer.conn, answerKind, f.number, w.Bytes())
	default:
		return false
	}
	return true
}

func (s *session) handleSlow(ctx context.Context, f frame) {
	w := wire.NewWriter([]byte{byte(verdictDone)})
	handler, ok := slowHandlers[f.kind]
	err := fmt.Errorf("call %d is unknown to this release", f.kind)
	if ok {
		err = handler(s, ctx, wire.NewReader(string(f.body)), w)
	}
	if err != nil {
		_ = s.outbox.put(answerKind, f.number, encodeFailure(err))
		return
	}
	_ = s.outbox.put(answerKind, f.number, w.Bytes())
}

// propose queues a forwarded command. A node that does not lead refuses it: no command makes a second hop.
func (s *session) propose(f frame) {
	r := wire.NewReader(string(f.body[:min(len(f.body), maxPreamble)]))
	remaining := time.Duration(r.Uint()) * time.Millisecond
	traced := r.Bool()
	var parent trace.SpanContextConfig
	if traced {
		r.Fixed(parent.TraceID[:])
		r.Fixed(parent.SpanID[:])
		parent.TraceFlags, parent.Remote = trace.FlagsSampled, true
	}
	if r.Err() != nil {
		_ = s.outbox.put(answerKind, f.number, encodeFailure(r.Err()))
		return
	}
	preamble := min(len(f.body), maxPreamble) - r.Len()
	p := &proposal{
		command:  f.body[preamble:],
		deadline: time.Now().Add(remaining),
		answer:   &remoteAnswer{outbox: s.outbox, number: f.number},
	}
	if traced {
		ctx := trace.ContextWithSpanContext(context.Background(), trace.NewSpanContext(parent))
		_, p.span = s.node.config.Tracer.Start(ctx, "cluster.commit", trace.WithSpanKind(trace.SpanKindServer))
	}
	s.node.metrics.forwardedIn.Inc()
	if err := s.node.admit(p, true); err != nil {
		_ = s.outbox.put(answerKind, f.number, encodeFailure(err))
	}
}

// remoteAnswer sends a command's result back to the node that forwarded it.
type remoteAnswer struct {
	outbox *outbox
	number uint32
}

func (a *remoteAnswer) answer(result command.Result, err error) {
	if err != nil {
		_ = a.outbox.put(answerKind, a.number, encodeFailure(err))
		return
	}
	w := wire.NewWriter(make([]byte, 0, 64))
	w.Fixed([]byte{byte(verdictDone)})
	result.Encode(w)
	_ = a.outbox.put(answerKind, a.number, w.Bytes())
}

func (s *session) index(ctx context.Context, _ *wire.Reader, w *wire.Writer) error {
	index, err := s.node.reads.lead(ctx)
	if err != nil {
		return err
	}
	index.encode(w)
	return nil
}

// progress tells how far this node has come, for the leader that considers giving it a vote, and what it supports.
func (s *session) progress(_ context.Context, _ *wire.Reader, w *wire.Writer) error {
	w.Uint(s.node.raft.LastIndex())
	w.Uint(s.node.fsm.View().Seq())
	w.Uint(command.MaxLevel)
	return nil
}

// lost answers whether this node, too, finds the leader's process gone, and how far its log reaches.
func (s *session) lost(ctx context.Context, r *wire.Reader, w *wire.Writer) error {
	server := raft.ServerAddress(r.Text())
	if err := r.Done(); err != nil {
		return err
	}
	w.Bool(s.node.watch.gone(ctx, parseAddress(server)))
	w.Uint(s.node.watch.tip(ctx))
	return nil
}

func (s *session) remove(ctx context.Context, r *wire.Reader, _ *wire.Writer) error {
	id := r.Text()
	if err := r.Done(); err != nil {
		return err
	}
	return s.node.members.remove(ctx, id)
}
