package telemetry

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/embedded"
)

// maxLateAttributes bounds what an unsampled span remembers.
const maxLateAttributes = 32

// provider and tracer put the sampling decision in front of the SDK, because
// the SDK allocates a full span for everything that might be exported later.
type provider struct {
	embedded.TracerProvider
	tracing *Tracing
}

func (p provider) Tracer(name string, options ...trace.TracerOption) trace.Tracer {
	t := &tracer{tracing: p.tracing}
	if p.tracing.provider != nil {
		t.sdk = p.tracing.provider.Tracer(name, options...)
	}
	return t
}

type tracer struct {
	embedded.Tracer
	tracing *Tracing
	sdk     trace.Tracer // nil: nothing is exported
}

func (t *tracer) Start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	if ctx == nil {
		ctx = context.Background()
	}
	parent := trace.SpanContextFromContext(ctx)
	if len(options) > 0 {
		if cfg := trace.NewSpanStartConfig(options...); cfg.NewRoot() {
			parent = trace.SpanContext{}
		}
	}
	ids := trace.SpanContextConfig{TraceID: parent.TraceID(), SpanID: newSpanID()}
	sampled := parent.IsSampled()
	if !parent.IsValid() {
		ids.TraceID = newTraceID()
		sampled = traceNumber(ids.TraceID) < t.tracing.keep
	}
	if sampled && t.sdk != nil {
		ids.TraceFlags = trace.FlagsSampled
		ctx = context.WithValue(ctx, idsKey{}, ids)
		return t.sdk.Start(ctx, name, options...)
	}
	span := &lateSpan{
		tracer:  t,
		name:    name,
		context: trace.NewSpanContext(ids),
		parent:  parent,
		options: options,
		start:   time.Now(),
	}
	return trace.ContextWithSpan(ctx, span), span
}

// lateSpan is a span of a trace that is not sampled. It becomes an SDK span at
// its end, with its own ids and times, if it ends with an error.
type lateSpan struct {
	embedded.Span
	tracer  *tracer
	context trace.SpanContext
	parent  trace.SpanContext
	options []trace.SpanStartOption
	start   time.Time

	mu         sync.Mutex
	name       string               // guarded by mu
	attributes []attribute.KeyValue // guarded by mu
	errorTypes []string             // guarded by mu
	reason     string               // guarded by mu
	failed     bool                 // guarded by mu
	ended      bool                 // guarded by mu
}

// End forgets the span, or exports it if it failed.
func (s *lateSpan) End(options ...trace.SpanEndOption) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	s.ended = true
	if !s.failed || s.tracer.sdk == nil {
		return
	}
	ids := trace.SpanContextConfig{TraceID: s.context.TraceID(), SpanID: s.context.SpanID(), TraceFlags: trace.FlagsSampled}
	ctx := context.WithValue(context.Background(), idsKey{}, ids)
	if s.parent.IsValid() {
		ctx = trace.ContextWithSpanContext(ctx, s.parent)
	}
	start := append([]trace.SpanStartOption{trace.WithTimestamp(s.start)}, s.options...)
	_, span := s.tracer.sdk.Start(ctx, s.name, start...)
	span.SetAttributes(s.attributes...)
	for _, name := range s.errorTypes {
		span.AddEvent("exception", trace.WithAttributes(attribute.String("exception.type", name)))
	}
	span.SetStatus(codes.Error, s.reason)
	span.End(options...)
}

// SpanContext returns the ids of the span; its sampled flag is off.
func (s *lateSpan) SpanContext() trace.SpanContext { return s.context }

// IsRecording is false: callers may skip work that only feeds a span.
func (s *lateSpan) IsRecording() bool { return false }

// SetStatus remembers an error, as the SDK would.
func (s *lateSpan) SetStatus(code codes.Code, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch code {
	case codes.Error:
		s.failed, s.reason = true, reason
	case codes.Ok:
		s.failed, s.reason = false, ""
	}
}

// RecordError remembers the type of the error; its text may name a person.
func (s *lateSpan) RecordError(err error, _ ...trace.EventOption) {
	if err == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.errorTypes) < maxLateAttributes {
		s.errorTypes = append(s.errorTypes, fmt.Sprintf("%T", err))
	}
}

// SetAttributes remembers up to 32 attributes.
func (s *lateSpan) SetAttributes(attrs ...attribute.KeyValue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	room := maxLateAttributes - len(s.attributes)
	s.attributes = append(s.attributes, attrs[:min(room, len(attrs))]...)
}

// SetName renames the span.
func (s *lateSpan) SetName(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.name = name
}

// AddEvent is not kept for a span that is not sampled.
func (s *lateSpan) AddEvent(string, ...trace.EventOption) {}

// AddLink is not kept for a span that is not sampled.
func (s *lateSpan) AddLink(trace.Link) {}

// TracerProvider returns the provider that made the span.
func (s *lateSpan) TracerProvider() trace.TracerProvider {
	return provider{tracing: s.tracer.tracing}
}

// idsKey carries a trace.SpanContextConfig to givenIDs.
type idsKey struct{}

// givenIDs lets the SDK use the ids that the tracer decided on.
type givenIDs struct{}

func (givenIDs) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	if ids, ok := ctx.Value(idsKey{}).(trace.SpanContextConfig); ok {
		return ids.TraceID, ids.SpanID
	}
	return newTraceID(), newSpanID()
}

func (givenIDs) NewSpanID(ctx context.Context, id trace.TraceID) trace.SpanID {
	if ids, ok := ctx.Value(idsKey{}).(trace.SpanContextConfig); ok && ids.TraceID == id {
		return ids.SpanID
	}
	return newSpanID()
}
