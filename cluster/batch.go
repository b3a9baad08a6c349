package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"domicile/directory"
	"domicile/fsm"
	"domicile/fsm/command"
	"domicile/seal"
)

// inFlight is how many raft entries may be under way at once. One would leave the leader idle while followers write; more
// than a few only make smaller batches.
const inFlight = 4

// Why a command was not put through here. All but errBusy pass when leadership has settled: the node that received the
// request tries again, with the same request id.
var (
	errNotLeader     = errors.New("this node does not lead") // certainly not applied
	errUnknown       = errors.New("leadership was lost with the command under way")
	errLeaderChanged = errors.New("the leader changed")
	errBusy          = errors.New("the leader's queue is full")
	errLate          = errors.New("the command waited in the leader's queue for too long")
)

// proposal is one encoded command in the leader's queue.
type proposal struct {
	command  []byte
	deadline time.Time // nobody waits for the answer after this
	queued   time.Time
	span     trace.Span // nil when the trace is not sampled
	answer   answerer
}

// answerer takes the answer to a proposal. It must not block.
type answerer interface {
	answer(result command.Result, err error)
}

// batcher turns commands into raft entries: it closes an entry at its bounds, or at once when nothing is under way, so
// that a lone write never waits for company and many writes share flushes.
type batcher struct {
	raft     *raft.Raft
	identity seal.Identity
	limits   Limits
	now      func() time.Time
	stamped  func() directory.Time // newest stamp in the state
	refuse   func() error          // why this node takes no writes, or nil
	leads    func() bool
	stuck    func(since time.Duration)
	stuckMax time.Duration
	logger   *slog.Logger
	metrics  *metrics

	wake         chan struct{} // of capacity 1
	slots        chan struct{}
	open         atomic.Int64  // commands taken on and not answered
	last         atomic.Int64  // newest stamp given
	transferTerm atomic.Uint64 // the term that transfer was seen in
	transfer     atomic.Int64  // since when (Unix nanoseconds) raft says that a transfer is in progress; 0: it does not

	mu     sync.Mutex
	queue  []*proposal // guarded by mu
	bytes  int         // of the queue; guarded by mu
	closed bool        // guarded by mu
}

// put takes a command on. Its answer comes through p.answer, unless put returns an error.
func (b *batcher) put(p *proposal) error {
	if err := b.refuse(); err != nil {
		return err
	}
	p.queued = time.Now()
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return errNotLeader
	}
	if len(b.queue) >= b.limits.QueueCommands || b.bytes+len(p.command) > b.limits.QueueBytes {
		b.mu.Unlock()
		b.metrics.queueFull.Inc()
		return errBusy
	}
	b.queue = append(b.queue, p)
	b.bytes += len(p.command)
	b.open.Add(1)
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
	return nil
}

// run proposes until ctx ends, then answers what is left. Entries under way are answered by their own goroutines, which
// ctx ends too.
func (b *batcher) run(ctx context.Context) {
	var entries sync.WaitGroup
	defer entries.Wait()
	defer b.abandon()
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.wake:
		}
		for {
			select {
			case <-ctx.Done():
				return
			case b.slots <- struct{}{}:
			}
			batch := b.take()
			if len(batch) == 0 {
				<-b.slots
				break
			}
			future := b.raft.Apply(b.encode(batch), 0)
			entries.Go(func() {
				b.settle(ctx, batch, future)
				<-b.slots
			})
		}
	}
}

// take removes the next entry's commands from the queue. A command larger than an entry travels alone.
func (b *batcher) take() []*proposal {
	now := time.Now()
	b.mu.Lock()
	size, n := 0, 0
	for n < len(b.queue) && n < command.MaxEntryCommands {
		if size += len(b.queue[n].command); n > 0 && size > command.MaxEntryBytes {
			break
		}
		n++
	}
	batch := make([]*proposal, n)
	copy(batch, b.queue)
	rest := copy(b.queue, b.queue[n:])
	clear(b.queue[rest:])
	b.queue = b.queue[:rest]
	for _, p := range batch {
		b.bytes -= len(p.command)
	}
	b.mu.Unlock()

	live := batch[:0]
	for _, p := range batch {
		if now.After(p.deadline) {
			b.reply(p, command.Result{}, errLate)
			continue
		}
		live = append(live, p)
	}
	if n > 0 && len(live) == 0 {
		return b.take()
	}
	return live
}

func (b *batcher) encode(batch []*proposal) []byte {
	commands := make([][]byte, len(batch))
	for i, p := range batch {
		commands[i] = p.command
		b.metrics.queueSeconds.Observe(time.Since(p.queued).Seconds())
	}
	b.metrics.batchCommands.Observe(float64(len(batch)))
	entry := command.Entry{Region: b.identity.Region, Cluster: b.identity.Cluster, At: b.stamp(), Commands: commands}
	return entry.Encode()
}

// stamp gives the next entry its time: the clock, but always after every earlier entry, this leader's and its
// predecessors'. Only run calls it.
func (b *batcher) stamp() directory.Time {
	at := b.time()
	b.last.Store(int64(at))
	return at
}

// time is the ledger's time as this node would stamp it now.
func (b *batcher) time() directory.Time {
	return max(directory.Time(b.now().UnixMicro()), directory.Time(b.last.Load())+1, b.stamped()+1)
}

// settle answers the commands of one entry.
func (b *batcher) settle(ctx context.Context, batch []*proposal, future raft.ApplyFuture) {
	err := await(ctx, future)
	b.watchTransfer(err, b.raft.CurrentTerm())
	if err != nil {
		b.failed(batch, err)
		return
	}
	applied, ok := future.Response().(fsm.Applied)
	if !ok || applied.Err != nil || len(applied.Results) != len(batch) {
		b.failed(batch, errors.Join(errUnknown, applied.Err)) // the state machine has stopped, and the node with it
		return
	}
	for i, p := range batch {
		b.reply(p, applied.Results[i], nil)
	}
}

// failed answers a whole entry. If it may be applied yet, the request ids make trying again safe.
func (b *batcher) failed(batch []*proposal, err error) {
	kind := errUnknown
	if errors.Is(err, raft.ErrNotLeader) || errors.Is(err, raft.ErrLeadershipTransferInProgress) {
		kind = errNotLeader
	}
	for _, p := range batch {
		b.reply(p, command.Result{}, fmt.Errorf("%w: %w", kind, err))
	}
}

func (b *batcher) reply(p *proposal, result command.Result, err error) {
	if p.span != nil {
		if err != nil {
			p.span.RecordError(err)
		}
		p.span.SetAttributes(attribute.Int64("domicile.seq", int64(result.Seq))) //nolint:gosec // a count
		p.span.End()
	}
	p.answer.answer(result, err)
	b.open.Add(-1)
}

// watchTransfer notices a transfer of leadership that never ends: raft can forget to clear its mark when a transfer is
// interrupted by a step-down, and would then refuse every write when it leads again (raft issue 696). What was seen in an
// earlier term is over.
func (b *batcher) watchTransfer(err error, term uint64) {
	if !errors.Is(err, raft.ErrLeadershipTransferInProgress) || !b.leads() {
		b.transfer.Store(0)
		return
	}
	now := time.Now().UnixNano()
	if b.transferTerm.Swap(term) != term {
		b.transfer.Store(0)
	}
	if b.transfer.CompareAndSwap(0, now) {
		return
	}
	if since := time.Duration(now - b.transfer.Load()); since > b.stuckMax {
		b.stuck(since)
	}
}

// abandon answers what is still in the queue when the node stops.
func (b *batcher) abandon() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	for batch := b.take(); len(batch) > 0; batch = b.take() {
		b.failed(batch, raft.ErrNotLeader)
	}
}
