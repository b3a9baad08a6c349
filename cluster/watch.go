package cluster

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/raft"

	"domicile/fsm/wire"
)

// The crash watch replaces a killed leader within milliseconds instead of after an election timeout. Every follower keeps
// a connection to the leader open on which nothing is sent. The kernel of a killed process resets it; when a redial is
// then refused, and another voter finds the same, the follower sends itself TimeoutNow, which makes it stand for election
// at once. Whether it is elected is still for raft's vote rules to decide, so this can cost an election, never safety. A
// power loss, a partition or a pause resets nothing: there the timers rule.

const (
	// watchGoodbye is what a leader that leaves in order writes before it closes.
	watchGoodbye = 'b'

	watchStagger  = 15 * time.Millisecond // head start of a voter with a better claim, so that votes are not split
	watchPause    = 25 * time.Millisecond // at least, between two tries
	watchTries    = 20
	watchQuestion = 150 * time.Millisecond // longest wait for another voter's word
)

type watch struct {
	raft       *raft.Raft
	transport  raft.Transport
	link       *link
	callers    *callers
	leadership *leadership
	self       address
	logger     *slog.Logger
	metrics    *metrics

	mu       sync.Mutex
	watchers map[*tls.Conn]struct{} // of this node; guarded by mu
}

// hold is the watched side: it keeps the connection until the other end lets go.
func (w *watch) hold(from peer) {
	conn, ok := from.conn.(*tls.Conn)
	if !ok {
		return
	}
	w.mu.Lock()
	w.watchers[conn] = struct{}{}
	w.mu.Unlock()
	_, _ = io.Copy(io.Discard, conn)
	w.mu.Lock()
	delete(w.watchers, conn)
	w.mu.Unlock()
}

// goodbye tells the watchers that this node leaves in order.
func (w *watch) goodbye() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for conn := range w.watchers {
		_ = conn.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
		_, _ = conn.Write([]byte{watchGoodbye})
	}
}

// run watches whoever leads, until ctx ends.
func (w *watch) run(ctx context.Context) {
	for ctx.Err() == nil {
		leader := w.leadership.current.Load()
		if !leader.known() || leader.self {
			select {
			case <-leader.changed:
			case <-ctx.Done():
			}
			continue
		}
		if w.crashed(ctx, leader) {
			w.succeed(ctx, leader)
		}
		// Whatever it was, do not redial in a tight loop while raft still names this leader.
		select {
		case <-leader.changed:
		case <-ctx.Done():
		case <-time.After(maxRetryPause):
		}
	}
}

// crashed watches one leader. It returns true when the leader's process is gone, false when watching it has ended for any
// other reason.
func (w *watch) crashed(ctx context.Context, leader *leader) bool {
	conn, err := w.link.dial(ctx, protocolWatch, leader.address)
	if err != nil {
		// It may have crashed before it could be watched.
		return refused(err) && w.leadership.current.Load() == leader
	}
	defer func() { _ = conn.NetConn().Close() }()
	ended := make(chan error, 1)
	go func() {
		var goodbye [1]byte
		_, err := io.ReadFull(conn, goodbye[:])
		ended <- err
	}()
	select {
	case <-leader.changed:
		return false
	case <-ctx.Done():
		return false
	case err := <-ended:
		return err != nil && w.leadership.current.Load() == leader && w.gone(ctx, leader.address)
	}
}

// gone tells whether nobody listens at an address any more: the kernel is there and the process is not.
func (w *watch) gone(ctx context.Context, to address) bool {
	ctx, cancel := context.WithTimeout(ctx, watchQuestion)
	defer cancel()
	conn, err := w.link.dial(ctx, protocolWatch, to)
	if err != nil {
		return refused(err)
	}
	_ = conn.NetConn().Close()
	return false
}

// refused tells a closed door from a silent one.
func refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

// succeed stands for election until somebody leads. Of those who noticed, the one with the most complete log goes first,
// since no other could win; the rest stand back for as long as they see somebody trying.
func (w *watch) succeed(ctx context.Context, lost *leader) {
	seconded, ahead := w.consult(ctx, lost)
	if !seconded {
		return
	}
	w.logger.Warn("the leader's process is gone", "leader", nodeName(lost.address.id), "ahead_of_this_node", ahead)
	wait := time.Duration(ahead) * watchStagger
	term := w.raft.CurrentTerm()
	for range watchTries {
		if !pause(ctx, wait) {
			return
		}
		now := w.leadership.current.Load()
		if now.known() && now.address != lost.address || w.raft.State() == raft.Leader {
			return
		}
		wait = watchPause + time.Duration(ahead)*watchPause/2
		if seen := w.raft.CurrentTerm(); seen > term {
			term = seen // somebody else is trying
			continue
		}
		w.stand()
		term++ // by this node's own candidacy
	}
}

// stand makes raft's main loop start an election, as the leader would to hand over.
func (w *watch) stand() {
	w.metrics.crashTakeovers.Inc()
	request := &raft.TimeoutNowRequest{RPCHeader: raft.RPCHeader{
		ProtocolVersion: raft.ProtocolVersionMax,
		ID:              []byte(w.self.id),
		Addr:            []byte(w.self.server()),
	}}
	if err := w.transport.TimeoutNow(w.self.id, w.self.server(), request, new(raft.TimeoutNowResponse)); err != nil {
		w.logger.Warn("stand for election", "error", err)
	}
}

// consult asks the other voters whether they, too, find the leader gone; alone, this node might be the one that is cut
// off. It returns at the first that does, with the number of voters that answered and have a better claim. A node without
// a vote asks nobody.
func (w *watch) consult(ctx context.Context, lost *leader) (seconded bool, ahead int) {
	ctx, cancel := context.WithTimeout(ctx, 2*watchQuestion)
	defer cancel()
	var voters []address
	for _, server := range w.raft.GetConfiguration().Configuration().Servers {
		if server.Suffrage == raft.Voter && server.ID != lost.address.id {
			voters = append(voters, parseAddress(server.Address))
		}
	}
	own := slices.Index(voters, w.self)
	if own < 0 {
		return false, 0
	}
	others := slices.Delete(voters, own, own+1)
	var question wire.Writer
	question.Text(string(lost.address.server()))
	answers := make(chan claim, len(others))
	for _, voter := range others {
		go func() { answers <- w.ask(ctx, lost, voter, question.Bytes()) }()
	}
	mine := claim{last: w.raft.LastIndex(), id: w.self.id}
	for range others {
		theirs := <-answers
		if theirs.betterThan(mine) {
			ahead++
		}
		if theirs.gone {
			return true, ahead
		}
	}
	return false, ahead
}

// claim is what a voter answers to callLost.
type claim struct {
	id   raft.ServerID
	gone bool   // it finds the leader gone
	last uint64 // newest entry in its log; 0 when it did not answer
}

func (c claim) betterThan(other claim) bool {
	return c.last > other.last || c.last == other.last && c.id < other.id
}

func (w *watch) ask(ctx context.Context, lost *leader, voter address, question []byte) claim {
	body, err := w.callers.call(ctx, voter, lost.changed, callLost, question)
	if err != nil {
		return claim{id: voter.id}
	}
	answer, err := openAnswer(body)
	if err != nil {
		return claim{id: voter.id}
	}
	return claim{id: voter.id, gone: answer.Bool(), last: answer.Uint()}
}
