package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
)

func TestEvent(t *testing.T) {
	tracing, err := NewTracing(t.Context(), TraceConfig{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, span := tracing.Tracer("test").Start(t.Context(), "request")
	ctx = WithEvent(ctx, NewEvent("PATCH", "/scim/v2/Users/:id"))
	e := EventFrom(ctx)
	e.SetOrganization("org-1")
	e.SetStatus(409)
	e.SetError("conflict")
	e.SetSeq(42)
	e.SetForwarded()

	var out bytes.Buffer
	logger := NewLogger(&out, new(slog.LevelVar), FormatJSON)
	NewEventLog(logger, EventLogConfig{}).Finish(ctx, e, 1234567*time.Nanosecond)

	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"level": "INFO", "msg": "request", "method": "PATCH", "route": "/scim/v2/Users/:id", "status": 409.0,
		"outcome": "refused", "ms": 1.234, "organization": "org-1", "error": "conflict", "seq": 42.0,
		"forwarded": true, "trace_id": span.SpanContext().TraceID().String(),
	}
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s = %v, want %v", k, got[k], v)
		}
	}
	if len(got) != len(want)+1 { // and time
		t.Errorf("line %s", out.String())
	}
}

func TestEvent_absent(t *testing.T) {
	e := EventFrom(context.Background())
	if e != nil {
		t.Fatal("event from nowhere")
	}
	e.SetOrganization("x")
	e.SetStatus(500)
	e.SetOutcome(OutcomeFailed)
	e.SetError("x")
	e.SetSeq(1)
	e.SetForwarded()
	var out bytes.Buffer
	log := NewEventLog(NewLogger(&out, new(slog.LevelVar), FormatText), EventLogConfig{})
	log.Finish(context.Background(), e, 0)
	if e.Outcome() != OutcomeOK || out.Len() != 0 {
		t.Errorf("outcome %s, log %q", e.Outcome(), out.String())
	}
}

func TestOutcome(t *testing.T) {
	tests := []struct {
		status int
		set    Outcome
		want   Outcome
	}{
		{200, "", OutcomeOK}, {303, "", OutcomeOK}, {404, "", OutcomeRefused}, {503, "", OutcomeFailed},
		{303, OutcomeRefused, OutcomeRefused}, {404, OutcomeOK, OutcomeOK},
	}
	for _, tt := range tests {
		e := NewEvent("GET", "/")
		e.SetStatus(tt.status)
		e.SetOutcome(tt.set)
		if got := e.Outcome(); got != tt.want {
			t.Errorf("status %d, set %q: %s, want %s", tt.status, tt.set, got, tt.want)
		}
	}
}

func TestEventSampling(t *testing.T) {
	count := func(cfg EventLogConfig, level slog.Level, change func(*Event), latency time.Duration) int {
		var out bytes.Buffer
		lv := new(slog.LevelVar)
		lv.Set(level)
		log := NewEventLog(NewLogger(&out, lv, FormatJSON), cfg)
		tracing, err := NewTracing(t.Context(), TraceConfig{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 2000 {
			ctx := t.Context()
			if i%2 == 0 {
				ctx, _ = tracing.Tracer("test").Start(ctx, "request")
			}
			e := NewEvent("GET", "/")
			e.SetStatus(200)
			change(e)
			log.Finish(ctx, e, latency)
		}
		return bytes.Count(out.Bytes(), []byte("\n"))
	}
	nothing := func(*Event) {}
	tenth := EventLogConfig{Sample: 0.1}
	tests := []struct {
		name     string
		got      int
		min, max int
	}{
		{"zero value is all", count(EventLogConfig{}, slog.LevelInfo, nothing, 0), 2000, 2000},
		{"all", count(EventLogConfig{Sample: 1}, slog.LevelInfo, nothing, 0), 2000, 2000},
		{"a tenth", count(tenth, slog.LevelInfo, nothing, 0), 100, 320},
		{"refused", count(tenth, slog.LevelInfo, func(e *Event) { e.SetStatus(404) }, 0), 2000, 2000},
		{"failed", count(tenth, slog.LevelInfo, func(e *Event) { e.SetStatus(500) }, 0), 2000, 2000},
		{"error kind", count(tenth, slog.LevelInfo, func(e *Event) { e.SetError("x") }, 0), 2000, 2000},
		{"slow", count(tenth, slog.LevelInfo, nothing, time.Second), 2000, 2000},
		{"level", count(EventLogConfig{}, slog.LevelWarn, nothing, 0), 0, 0},
	}
	for _, tt := range tests {
		if tt.got < tt.min || tt.got > tt.max {
			t.Errorf("%s: %d lines, want %d to %d", tt.name, tt.got, tt.min, tt.max)
		}
	}
}

// TestEventSampling_followsTraces: equal fractions keep the same requests.
func TestEventSampling_followsTraces(t *testing.T) {
	tracing, err := NewTracing(t.Context(), TraceConfig{File: t.TempDir() + "/spans", Sample: 0.2})
	if err != nil {
		t.Fatal(err)
	}
	defer tracing.Shutdown(context.Background())
	for range 500 {
		var out bytes.Buffer
		log := NewEventLog(NewLogger(&out, new(slog.LevelVar), FormatJSON), EventLogConfig{Sample: 0.2})
		ctx, span := tracing.Tracer("test").Start(t.Context(), "request")
		log.Finish(ctx, NewEvent("GET", "/"), 0)
		if logged := out.Len() > 0; logged != span.SpanContext().IsSampled() {
			t.Fatalf("logged %v, traced %v", logged, span.SpanContext().IsSampled())
		}
	}
}

func TestNewLogger(t *testing.T) {
	var out bytes.Buffer
	level := new(slog.LevelVar)
	logger := NewLogger(&out, level, FormatText).With("node", "n1").WithGroup("g")
	logger.Debug("hidden")
	level.Set(slog.LevelDebug)
	logger.Debug("shown", "k", "v")
	if got := out.String(); !bytes.Contains(out.Bytes(), []byte("msg=shown node=n1 g.k=v")) || bytes.Contains(out.Bytes(), []byte("hidden")) {
		t.Errorf("log %q", got)
	}
}

// BenchmarkRequest is the telemetry of one successful request that is neither
// traced nor logged: event, context, span, metrics.
func BenchmarkRequest(b *testing.B) {
	tracing, err := NewTracing(b.Context(), TraceConfig{File: b.TempDir() + "/spans"})
	if err != nil {
		b.Fatal(err)
	}
	defer tracing.Shutdown(context.Background())
	tracer := tracing.Tracer("bench")
	log := NewEventLog(NewLogger(io.Discard, new(slog.LevelVar), FormatJSON), EventLogConfig{Sample: 1e-9})
	class := NewHTTPMetrics(NewRegistry()).Class("scim")
	b.ReportAllocs()
	for b.Loop() {
		begin := time.Now()
		class.Begin()
		ctx, span := tracer.Start(context.Background(), "request")
		ctx = WithEvent(ctx, NewEvent("GET", "/scim/v2/Users/:id"))
		e := EventFrom(ctx)
		e.SetOrganization("org-1")
		e.SetStatus(200)
		took := time.Since(begin)
		log.Finish(ctx, e, took)
		class.Done("GET", 200, took)
		span.End()
	}
}

func BenchmarkEventLogged(b *testing.B) {
	w := NewBufferedWriter(io.Discard, WriterConfig{Bytes: 16 << 20})
	defer w.Close()
	log := NewEventLog(NewLogger(w, new(slog.LevelVar), FormatJSON), EventLogConfig{})
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		e := NewEvent("GET", "/scim/v2/Users/:id")
		e.SetOrganization("org-1")
		e.SetStatus(200)
		log.Finish(ctx, e, time.Millisecond)
	}
}

func BenchmarkSpan(b *testing.B) {
	for name, sample := range map[string]float64{"unsampled": 0, "sampled": 1} {
		for _, failed := range []bool{false, true} {
			b.Run(name+map[bool]string{false: "/ok", true: "/error"}[failed], func(b *testing.B) {
				tracing, err := NewTracing(b.Context(), TraceConfig{File: b.TempDir() + "/spans", Sample: sample})
				if err != nil {
					b.Fatal(err)
				}
				defer tracing.Shutdown(context.Background())
				tracer := tracing.Tracer("bench")
				b.ReportAllocs()
				for b.Loop() {
					_, span := tracer.Start(context.Background(), "request")
					if failed {
						span.SetStatus(codes.Error, "internal")
					}
					span.End()
				}
			})
		}
	}
}

func BenchmarkHTTPMetrics(b *testing.B) {
	class := NewHTTPMetrics(NewRegistry()).Class("scim")
	b.ReportAllocs()
	for b.Loop() {
		class.Begin()
		class.Done("GET", 200, time.Millisecond)
	}
}
