package telemetry

import (
	"context"
	"log/slog"
	"math"
	"math/rand/v2"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// Outcome is the verdict on a request, in three words an alert can use.
type Outcome string

// The outcomes. Refused is the caller's fault (4xx), Failed is ours (5xx).
const (
	OutcomeOK      Outcome = "ok"
	OutcomeRefused Outcome = "refused"
	OutcomeFailed  Outcome = "failed"
)

// Event is the one log line of a request, filled along the way by the rooms
// that learn something about it. It holds ids and codes only; there is no
// setter for anything that names a person. It belongs to the request's
// goroutine. All methods accept a nil receiver, so a room need not ask whether
// there is an event.
type Event struct {
	method       string
	route        string
	organization string
	outcome      Outcome
	errorKind    string
	seq          uint64
	status       int
	forwarded    bool
}

type eventKey struct{}

// NewEvent starts the event of a request. The route is the pattern
// ("/scim/v2/Users/:id"), never the path.
func NewEvent(method, route string) *Event {
	return &Event{method: method, route: route}
}

// WithEvent puts the event in the request's context.
func WithEvent(ctx context.Context, e *Event) context.Context {
	return context.WithValue(ctx, eventKey{}, e)
}

// EventFrom returns the request's event, or nil, on which every method is a
// no-op.
func EventFrom(ctx context.Context) *Event {
	e, _ := ctx.Value(eventKey{}).(*Event)
	return e
}

// SetOrganization records the id of the organization that the request acts for.
func (e *Event) SetOrganization(id string) {
	if e != nil {
		e.organization = id
	}
}

// SetStatus records the HTTP status that was sent.
func (e *Event) SetStatus(status int) {
	if e != nil {
		e.status = status
	}
}

// SetOutcome overrides the outcome that would follow from the status, for
// protocols that answer a refusal with a redirect or a page.
func (e *Event) SetOutcome(o Outcome) {
	if e != nil {
		e.outcome = o
	}
}

// SetError records the kind of error: a code from a fixed list, never an error
// text.
func (e *Event) SetError(kind string) {
	if e != nil {
		e.errorKind = kind
	}
}

// SetSeq records the place in the ledger of the request's write, the last of several.
func (e *Event) SetSeq(seq uint64) {
	if e != nil {
		e.seq = seq
	}
}

// SetForwarded records that a write went to the leader over the peer link.
func (e *Event) SetForwarded() {
	if e != nil {
		e.forwarded = true
	}
}

// Outcome is the verdict so far.
func (e *Event) Outcome() Outcome {
	switch {
	case e == nil:
		return OutcomeOK
	case e.outcome != "":
		return e.outcome
	case e.status >= 500:
		return OutcomeFailed
	case e.status >= 400:
		return OutcomeRefused
	default:
		return OutcomeOK
	}
}

// EventLogConfig says which events are written; the zero value writes all.
type EventLogConfig struct {
	// Sample is the fraction (0, 1] of successful requests that are logged;
	// 0 means 1. Requests that were refused, failed or slow are always logged.
	Sample float64
	// Slow is the latency from which a request is always logged; 0 = 1 s.
	Slow time.Duration
}

// EventLog writes request events.
type EventLog struct {
	log  *slog.Logger
	keep uint64 // successful events whose 63-bit number is below this are written
	slow time.Duration
}

// NewEventLog returns a log that writes to logger at level info.
func NewEventLog(logger *slog.Logger, cfg EventLogConfig) *EventLog {
	if cfg.Sample <= 0 || cfg.Sample > 1 {
		cfg.Sample = 1
	}
	if cfg.Slow <= 0 {
		cfg.Slow = time.Second
	}
	return &EventLog{log: logger, keep: ratioBound(cfg.Sample), slow: cfg.Slow}
}

// Finish writes the event, once, at the end of the request. Sampling follows
// the trace id, so that a sampled trace also has its log line when the two
// fractions are equal.
func (l *EventLog) Finish(ctx context.Context, e *Event, latency time.Duration) {
	if e == nil || !l.wanted(ctx, e, latency) || !l.log.Enabled(ctx, slog.LevelInfo) {
		return
	}
	attrs := make([]slog.Attr, 0, 12)
	attrs = append(attrs,
		slog.String("method", e.method),
		slog.String("route", e.route),
		slog.Int("status", e.status),
		slog.String("outcome", string(e.Outcome())),
		slog.Float64("ms", milliseconds(latency)),
	)
	attrs = appendText(attrs, "organization", e.organization)
	attrs = appendText(attrs, "error", e.errorKind)
	if e.seq != 0 {
		attrs = append(attrs, slog.Uint64("seq", e.seq))
	}
	if e.forwarded {
		attrs = append(attrs, slog.Bool("forwarded", true))
	}
	l.log.LogAttrs(ctx, slog.LevelInfo, "request", attrs...)
}

func (l *EventLog) wanted(ctx context.Context, e *Event, latency time.Duration) bool {
	if e.Outcome() != OutcomeOK || e.errorKind != "" || latency >= l.slow {
		return true
	}
	if l.keep > math.MaxInt64 {
		return true
	}
	if sc := trace.SpanContextFromContext(ctx); sc.HasTraceID() {
		return traceNumber(sc.TraceID()) < l.keep
	}
	return rand.Uint64()>>1 < l.keep
}

func appendText(attrs []slog.Attr, key, value string) []slog.Attr {
	if value == "" {
		return attrs
	}
	return append(attrs, slog.String(key, value))
}

// milliseconds keeps microseconds and drops the digits below.
func milliseconds(d time.Duration) float64 {
	return float64(d.Microseconds()) / 1000
}
