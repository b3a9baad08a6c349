package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/wire"
	"domicile/seal"
	"domicile/telemetry"
)

const (
	// maxPreamble bounds what stands before the command in a forwarded frame.
	maxPreamble = 64
	// forwardMargin is how much earlier than the receiving node the leader gives up, so that its accurate answer arrives.
	forwardMargin = 100 * time.Millisecond
)

// errUnavailable marks the causes of a KindUnavailable.
var (
	errNoLeader = errors.New("the region has no leader")
	errDraining = errors.New("this node is shutting down")
)

// Propose implements command.Proposer. It stamps RequestID and Deadline where they are zero, and puts the command through
// the log on whichever node leads. While there is no leader, or its answer is lost, it tries the same request again until
// Timing.WriteWait has passed or ctx's deadline is reached; that ctx is cancelled does not stop a write. The error is the
// ledger's refusal (also in the result), KindTooLarge, or KindUnavailable, after which the command may still be applied
// until its deadline.
func (n *Node) Propose(ctx context.Context, c command.Command) (command.Result, error) {
	began := time.Now()
	until := began.Add(n.config.Timing.WriteWait)
	lifetime := requestLifetime
	if deadline, ok := ctx.Deadline(); ok {
		lifetime = min(lifetime, time.Until(deadline))
		if deadline.Before(until) {
			until = deadline
		}
	}
	if !n.proposals.enter() {
		return command.Result{}, unavailable(errDraining, "this node is shutting down")
	}
	defer n.proposals.leave()

	ctx, span := n.config.Tracer.Start(ctx, "cluster.propose", trace.WithSpanKind(trace.SpanKindInternal))
	defer span.End()
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), until)
	defer cancel()
	r := &request{command: c, lifetime: lifetime, until: until, stamped: c.Deadline == 0}
	if r.command.RequestID == (command.RequestID{}) {
		r.command.RequestID = command.RequestID(seal.NewRequestID())
	}
	n.stamp(r)
	if len(r.encoded) > command.MaxCommandBytes {
		return command.Result{}, directory.Errorf(directory.KindTooLarge, "", "the change takes %d bytes, more than %d", len(r.encoded), command.MaxCommandBytes)
	}
	if err := n.awaitLevel(ctx, r.level); err != nil {
		return command.Result{}, err
	}
	result, err := n.proposeUntil(ctx, r)
	n.metrics.proposed(time.Since(began), err)
	telemetry.EventFrom(ctx).SetSeq(result.Seq)
	if err != nil {
		span.SetStatus(codes.Error, directory.KindOf(err).String())
		return result, err
	}
	return result, result.Err()
}

// request is one write on its way, through all tries.
type request struct {
	command  command.Command
	encoded  []byte
	level    uint64        // that the ledger must have
	until    time.Time     // when its caller gets an answer at the latest
	lifetime time.Duration // from the stamp to the deadline
	stamped  bool          // the deadline is this node's to set
	unknown  bool          // a try may have been applied without an answer
	late     int           // how often the ledger found the deadline passed, or too far ahead
}

// stamp sets the deadline, if the caller did not, and encodes the command.
func (n *Node) stamp(r *request) {
	if r.stamped {
		r.command.Deadline = n.ledgerTime() + directory.Time(r.lifetime.Microseconds())
	}
	r.encoded, r.level = r.command.EncodeWithLevel()
}

// ledgerTime is the time that the leader would stamp now: by this node's clock, corrected by what the leader last said, so
// that deadlines hold where clocks differ.
func (n *Node) ledgerTime() directory.Time {
	if n.leadership.current.Load().self {
		return n.batcher.time()
	}
	return directory.Time(n.config.Now().UnixMicro() + n.clockOffset.Load())
}

// proposeUntil tries until there is an answer or ctx ends.
func (n *Node) proposeUntil(ctx context.Context, r *request) (command.Result, error) {
	pause := minRetryPause
	last := errNoLeader
	for try := 0; ; try++ {
		if try > 0 {
			n.metrics.retries.Inc()
		}
		leader := n.leadership.current.Load()
		if leader.known() {
			result, err := n.proposeTo(ctx, leader, r)
			if err == nil && !r.misdated(result) {
				return result, nil
			}
			if err == nil {
				if err = n.restamp(ctx, r); err == nil {
					continue
				}
			}
			if refusal := final(err); refusal != nil {
				return command.Result{}, refusal
			}
			r.unknown = r.unknown || verdictOf(err) != verdictRetry
			last = err
		}
		if err := leader.settle(ctx, n.stopped, &pause); err != nil {
			return command.Result{}, unavailable(last, "the region could not take the write in time; try again")
		}
	}
}

// misdated tells whether the ledger found this node's stamp passed, or too far ahead: a new leader's clock differs.
func (r *request) misdated(result command.Result) bool {
	return r.stamped && result.Error != nil && result.Error.Kind == directory.KindExpired
}

// restamp sets a new deadline by the new leader's time. A request that may have been applied cannot get one, because the
// ledger forgets results after their deadlines and would apply it again.
func (n *Node) restamp(ctx context.Context, r *request) error {
	const enough = 2
	if r.late++; r.unknown || r.late > enough {
		return unavailable(nil, "the clocks of the region's nodes differ; it is not known whether the write was done")
	}
	if _, err := n.reads.confirm(ctx); err != nil { // brings the leader's time
		return unavailable(err, "the region could not take the write in time; try again")
	}
	n.stamp(r)
	return nil
}

// final gives the error that ends the tries, or nil if trying again may help.
func final(err error) error {
	if own, ok := errors.AsType[*directory.Error](err); ok {
		return own
	}
	if errors.Is(err, errBusy) || errors.Is(err, errLate) {
		return unavailable(err, "the region has more writes than it can take; come back later")
	}
	return nil
}

// proposeTo makes one try: here if this node leads, else with one hop.
func (n *Node) proposeTo(ctx context.Context, leader *leader, r *request) (command.Result, error) {
	if !leader.self {
		telemetry.EventFrom(ctx).SetForwarded()
		return n.forward(ctx, leader, r)
	}
	answer := localAnswer(make(chan localResult, 1))
	p := &proposal{command: r.encoded, deadline: r.until, answer: answer}
	if trace.SpanContextFromContext(ctx).IsSampled() {
		_, p.span = n.config.Tracer.Start(ctx, "cluster.commit")
	}
	if err := n.admit(p, false); err != nil {
		return command.Result{}, err
	}
	select {
	case got := <-answer:
		return got.result, got.err
	case <-ctx.Done():
		return command.Result{}, ctx.Err()
	}
}

type localResult struct {
	result command.Result
	err    error
}

// localAnswer hands a result to the goroutine that proposes; it has room for the one answer.
type localAnswer chan localResult

func (a localAnswer) answer(result command.Result, err error) { a <- localResult{result, err} }

// forward sends the command to the leader. If the leader changes meanwhile, the answer may never come, so it stops waiting.
func (n *Node) forward(ctx context.Context, leader *leader, r *request) (command.Result, error) {
	n.metrics.forwardedOut.Inc()
	var buffer [maxPreamble]byte
	w := wire.NewWriter(buffer[:0])
	w.Uint(uint64(max(time.Until(r.until)-forwardMargin, forwardMargin) / time.Millisecond)) //nolint:gosec // positive
	span := trace.SpanContextFromContext(ctx)
	w.Bool(span.IsSampled())
	if span.IsSampled() {
		traceID, spanID := span.TraceID(), span.SpanID()
		w.Fixed(traceID[:])
		w.Fixed(spanID[:])
	}
	body, err := n.callers.call(ctx, leader.address, leader.changed, callPropose, w.Bytes(), r.encoded)
	if err != nil {
		return command.Result{}, err
	}
	answer, err := openAnswer(body)
	if err != nil {
		return command.Result{}, err
	}
	result := command.DecodeResult(answer)
	if err := answer.Done(); err != nil {
		return command.Result{}, fmt.Errorf("answer of the leader: %w", err)
	}
	return result, nil
}

// admit gives a command to this node's batcher, unless the node takes none now.
func (n *Node) admit(p *proposal, forwarded bool) error {
	if forwarded && n.leaving.Load() {
		return fmt.Errorf("%w: it is shutting down", errNotLeader)
	}
	return n.batcher.put(p)
}

// refuseWrites tells why this node, leading, takes no writes: its disk, or a state that lags behind the log.
func (n *Node) refuseWrites() error {
	if err := n.storage.Healthy(); err != nil {
		return fmt.Errorf("%w: it hands over, because its disk cannot take writes now: %w", errNotLeader, err)
	}
	return lagging(n.raft.CommitIndex(), n.fsm.Index(), n.leadership.settled.Load())
}

// lagging refuses writes while the state lags too far behind the log: more of them would only make the wait longer. The
// state's index counts commands alone, so barriers and the like up to settled, when this leader was elected, do not count.
func lagging(commit, applied, settled uint64) error {
	if reached := max(applied, settled); commit > reached+maxLag {
		return unavailable(nil, "the leader is %d entries behind with applying; come back later", commit-reached)
	}
	return nil
}
