package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"domicile/directory"
	"domicile/fsm"
	"domicile/fsm/state"
	"domicile/fsm/wire"
)

// View implements state.Viewer. A confirmed view costs at most one round trip, shared by all that ask at the same time. A
// local view costs nothing, but is refused unless this node's state was confirmed within Timing.Cutoff. The error is a
// KindUnavailable *directory.Error.
func (n *Node) View(ctx context.Context, f state.Freshness) (*state.View, error) {
	seq := f.Seq()
	if f.IsConfirmed() {
		return n.confirmedView(ctx, seq)
	}
	if seq == 0 {
		if age := n.reads.age(); age > n.config.Timing.Cutoff {
			return nil, unavailable(nil, "this node is cut off from its region")
		}
		return n.fsm.View(), nil
	}
	return n.viewAt(ctx, seq)
}

func (n *Node) confirmedView(ctx context.Context, seq uint64) (*state.View, error) {
	round, err := n.reads.confirm(ctx)
	if err != nil {
		return nil, unavailable(err, "this node could not confirm what it knows; try again")
	}
	view, err := n.viewAt(ctx, max(seq, round.seq))
	if err != nil {
		return nil, err
	}
	n.reads.caughtUp(round)
	return view, nil
}

// viewAt waits until the command with this seq is applied here.
func (n *Node) viewAt(ctx context.Context, seq uint64) (*state.View, error) {
	if view := n.fsm.View(); view.Seq() >= seq {
		return view, nil
	}
	ctx, cancel := context.WithTimeout(ctx, n.config.Timing.ReadWait)
	defer cancel()
	if err := n.fsm.WaitSeq(ctx, seq); err != nil {
		return nil, unavailable(err, "this node is behind its region; try again")
	}
	return n.fsm.View(), nil
}

// reads confirms how new this node's state must be to reflect every acknowledged write.
//
// A leader of term T that has applied an entry of T knows every write acknowledged in T or before. A follower may apply an
// entry sooner than the leader itself, and show it to somebody; so the leader answers with the seq of a view that holds
// whatever is committed by now, of which alone followers can know. That seq is enough, as long as nobody leads in a later
// term. For that a majority of voters would have had to enter the later
// term; so if a majority of voters is seen in T after the read began, there was none. raft's own VerifyLeader would not
// do: it may count an acknowledgement that was sent before the read began. Nor would the lease, which is only a timer.
type reads struct {
	raft       *raft.Raft
	fsm        *fsm.FSM
	self       address
	leadership *leadership
	callers    *callers
	underWay   func() bool // commands were proposed here and are not yet answered
	ledgerTime func() directory.Time
	onTime     func(directory.Time) // told the leader's ledger time
	wait       time.Duration
	stopped    <-chan struct{}
	metrics    *metrics

	born time.Time
	work sync.WaitGroup

	mu      sync.Mutex
	running bool          // a round is under way; guarded by mu
	next    *round        // for those who came during it; guarded by mu
	fresh   time.Duration // since born, when the newest round began that the state has caught up with; guarded by mu
}

// round is one confirmation, shared by all who asked for it before it began.
type round struct {
	done  chan struct{}
	asked time.Time // by the first; the round ends a wait later at the latest, so that nobody needs a timer
	began time.Time
	seq   uint64
	err   error
}

// confirm returns a round that began after the call.
func (r *reads) confirm(ctx context.Context) (*round, error) {
	r.mu.Lock()
	if r.next == nil {
		r.next = &round{done: make(chan struct{}), asked: time.Now()}
	} else {
		r.metrics.readsShared.Inc()
	}
	mine := r.next
	if !r.running {
		r.running = true
		r.work.Go(r.run)
	}
	r.mu.Unlock()
	select {
	case <-mine.done:
		return mine, mine.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// run does one round after the other while anybody asks.
func (r *reads) run() {
	for {
		r.mu.Lock()
		current := r.next
		r.next = nil
		if current == nil {
			r.running = false
			r.mu.Unlock()
			return
		}
		r.mu.Unlock()
		current.began = time.Now()
		ctx, cancel := context.WithDeadline(context.Background(), current.asked.Add(r.wait))
		current.seq, current.err = r.confirmUntil(ctx)
		cancel()
		r.metrics.readIndexSeconds.Observe(time.Since(current.began).Seconds())
		close(current.done)
	}
}

// never is an age beyond all others: nothing was confirmed since the node started.
const never = 365 * 24 * time.Hour

// age is how long ago the newest confirmation began that this node's state has caught up with.
func (r *reads) age() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fresh == 0 {
		return never + 1
	}
	return time.Since(r.born) - r.fresh
}

// caughtUp notes that the state reflects a round.
func (r *reads) caughtUp(done *round) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fresh = max(r.fresh, done.began.Sub(r.born))
}

// confirmUntil tries until a majority confirms or ctx ends.
func (r *reads) confirmUntil(ctx context.Context) (uint64, error) {
	pause := minRetryPause
	for {
		leader := r.leadership.current.Load()
		err := errNoLeader
		if leader.known() {
			var seq uint64
			if seq, err = r.ask(ctx, leader); err == nil {
				return seq, nil
			}
		}
		if waitErr := leader.settle(ctx, r.stopped, &pause); waitErr != nil {
			return 0, fmt.Errorf("%w: %w", waitErr, err)
		}
	}
}

// readIndex is the leader's answer: its term, the seq of its view, its time, and who votes.
type readIndex struct {
	term   uint64
	seq    uint64
	at     directory.Time
	voters []string // server addresses
}

func (i *readIndex) encode(w *wire.Writer) {
	w.Uint(i.term)
	w.Uint(i.seq)
	w.Int(int64(i.at))
	wire.Texts(w, i.voters)
}

func decodeReadIndex(r *wire.Reader) (readIndex, error) {
	i := readIndex{term: r.Uint(), seq: r.Uint(), at: directory.Time(r.Int()), voters: wire.ReadTexts[string](r)}
	return i, r.Done()
}

// leadNow answers for this node as the leader, if it may at once.
func (r *reads) leadNow() (readIndex, bool) {
	term, _ := r.leadership.term()
	if term == 0 || !r.appliedCommitted() {
		return readIndex{}, false
	}
	index := readIndex{term: term, seq: r.fsm.View().Seq(), at: r.ledgerTime()}
	for _, server := range r.raft.GetConfiguration().Configuration().Servers {
		if server.Suffrage == raft.Voter {
			index.voters = append(index.voters, string(server.Address))
		}
	}
	return index, true
}

// appliedCommitted tells that the view of this leader holds every command that is committed. What raft commits for itself
// never comes to the state machine; with no command under way there is nothing else.
func (r *reads) appliedCommitted() bool {
	commit := r.raft.CommitIndex()
	return r.fsm.Index() >= commit || !r.underWay()
}

// applyPause is between two looks at whether the leader has applied what it committed.
const applyPause = 200 * time.Microsecond

// lead answers for this node as the leader; it waits until it may.
func (r *reads) lead(ctx context.Context) (readIndex, error) {
	for {
		index, ok := r.leadNow()
		if ok {
			return index, nil
		}
		term, again := r.leadership.term()
		if term != 0 {
			if !pause(ctx, applyPause) {
				return readIndex{}, errNotLeader
			}
			continue
		}
		if r.raft.State() != raft.Leader {
			return readIndex{}, errNotLeader
		}
		select {
		case <-again:
		case <-r.stopped:
			return readIndex{}, errNotLeader
		case <-ctx.Done():
			return readIndex{}, errNotLeader
		}
	}
}

// ask makes one try with one leader.
func (r *reads) ask(ctx context.Context, from *leader) (uint64, error) {
	if from.self {
		index, err := r.lead(ctx)
		if err != nil {
			return 0, err
		}
		if err := r.poll(ctx, from, index); err != nil {
			return 0, err
		}
		r.onTime(index.at) // or a new leader would keep what its predecessor said
		return index.seq, nil
	}
	body, err := r.callers.call(ctx, from.address, from.changed, callIndex)
	if err != nil {
		return 0, err
	}
	answer, err := openAnswer(body)
	if err != nil {
		return 0, err
	}
	index, err := decodeReadIndex(answer)
	if err != nil {
		return 0, err
	}
	if err := r.poll(ctx, from, index); err != nil {
		return 0, err
	}
	r.onTime(index.at)
	return index.seq, nil
}

// errNewerTerm says that a voter has left the leader's term.
var errNewerTerm = errors.New("a voter is in another term than the leader")

// poll returns nil once a majority of the voters was seen in the leader's term. The leader's own answer counts, and this
// node's own term does; with three voters and a follower asking, that is already a majority.
func (r *reads) poll(ctx context.Context, from *leader, index readIndex) error {
	need := len(index.voters)/2 + 1
	var others []address
	for _, voter := range index.voters {
		switch to := parseAddress(raft.ServerAddress(voter)); to.id {
		case r.self.id:
			if r.raft.CurrentTerm() != index.term {
				return errNewerTerm
			}
			need--
		case from.address.id:
			need--
		default:
			others = append(others, to)
		}
	}
	if need <= 0 {
		return nil
	}
	if need > len(others) {
		return fmt.Errorf("%d voters cannot be asked", need)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan error, len(others))
	for _, to := range others {
		go func() { answers <- r.probe(ctx, from, to, index.term) }()
	}
	var failed error
	for range others {
		if err := <-answers; err != nil {
			failed = err
			continue
		}
		if need--; need == 0 {
			return nil
		}
	}
	return failed
}

// probe asks one voter for its term.
func (r *reads) probe(ctx context.Context, from *leader, to address, term uint64) error {
	body, err := r.callers.call(ctx, to, from.changed, callTerm)
	if err != nil {
		return err
	}
	answer, err := openAnswer(body)
	if err != nil {
		return err
	}
	if got := answer.Uint(); got != term {
		return fmt.Errorf("%w: %d, not %d", errNewerTerm, got, term)
	}
	return answer.Done()
}
