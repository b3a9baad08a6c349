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

	watchPause    = 25 * time.Millisecond // between two tries
	watchTries    = 20
	watchCourtesy = 4                      // tries that are left to a voter with a better claim
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
	for {
		conn, err := w.link.dial(ctx, protocolWatch, to)
		if err == nil {
			_ = conn.NetConn().Close()
			return false
		}
		// A dying process may lose its listener last: until then the kernel takes a connection and resets it.
		if refused(err) || !pause(ctx, time.Millisecond) {
			return refused(err)
		}
	}
}

// refused tells a closed door from a silent one.
func refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

// succeed stands for election, if another voter agrees that the leader is gone, until somebody leads. A split vote would
// cost a whole election timeout, because a candidate cannot be made to try again sooner. So the voter with the best claim
// goes alone; another one only when that did not happen for several rounds, and then one after the other.
func (w *watch) succeed(ctx context.Context, lost *leader) {
	term := w.raft.CurrentTerm()
	for try := range watchTries {
		poll := w.consult(ctx, lost)
		if !poll.seconded {
			return
		}
		if try == 0 {
			w.logger.Warn("the leader's process is gone", "leader", nodeName(lost.address.id), "voters_ahead", poll.ahead)
		}
		now := w.leadership.current.Load()
		if now.known() && now.address != lost.address || w.raft.State() == raft.Leader {
			return
		}
		switch seen := w.raft.CurrentTerm(); {
		case seen > term:
			term = seen // somebody else is trying
		case poll.ahead == 0, try >= watchCourtesy+poll.rank:
			w.stand()
			term++ // by this node's own candidacy
		}
		if !pause(ctx, watchPause) {
			return
		}
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

// opinion is what consulting the other voters gave.
type opinion struct {
	seconded bool // another voter finds the leader gone; alone, this node might be the one that is cut off
	ahead    int  // voters with a better claim
	rank     int  // voters with a smaller id
}

// consult asks the other voters. A node without a vote asks nobody.
func (w *watch) consult(ctx context.Context, lost *leader) opinion {
	ctx, cancel := context.WithTimeout(ctx, watchQuestion)
	defer cancel()
	var voters []address
	for _, server := range w.raft.GetConfiguration().Configuration().Servers {
		if server.Suffrage == raft.Voter && server.ID != lost.address.id {
			voters = append(voters, parseAddress(server.Address))
		}
	}
	own := slices.Index(voters, w.self)
	if own < 0 {
		return opinion{}
	}
	others := slices.Delete(voters, own, own+1)
	var question wire.Writer
	question.Text(string(lost.address.server()))
	answers := make(chan claim, len(others))
	for _, voter := range others {
		go func() { answers <- w.ask(ctx, lost, voter, question.Bytes()) }()
	}
	mine := claim{last: w.tip(ctx), id: w.self.id}
	var got opinion
	for range others {
		theirs := <-answers
		got.seconded = got.seconded || theirs.gone
		if theirs.betterThan(mine) {
			got.ahead++
		}
		if theirs.id < mine.id {
			got.rank++
		}
	}
	return got
}

// tip gives the newest entry of this node's log, once raft's main loop has stored what it is at: the lost leader's last
// entries may just be arriving, and claims must not change while they are compared.
func (w *watch) tip(ctx context.Context) uint64 {
	_ = await(ctx, knockOn(w.raft))
	return w.raft.LastIndex()
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
