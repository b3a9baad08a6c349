package telemetry

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// scrubber removes error texts from spans before they leave the process and
// turns export failures into log lines instead of the SDK's global handler.
type scrubber struct {
	next sdktrace.SpanExporter
	log  *slog.Logger
}

func (s *scrubber) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	clean := make([]sdktrace.ReadOnlySpan, len(spans))
	for i, span := range spans {
		clean[i] = scrubbed{span}
	}
	if err := s.next.ExportSpans(ctx, clean); err != nil {
		s.log.Warn("spans not exported", "count", len(spans), "error", err)
	}
	return nil
}

func (s *scrubber) Shutdown(ctx context.Context) error { return s.next.Shutdown(ctx) }

// scrubbed hides the message of recorded errors, which may quote a request.
type scrubbed struct{ sdktrace.ReadOnlySpan }

func (s scrubbed) Events() []sdktrace.Event {
	events := s.ReadOnlySpan.Events()
	if len(events) == 0 {
		return events
	}
	clean := make([]sdktrace.Event, len(events))
	for i, e := range events {
		kept := make([]attribute.KeyValue, 0, len(e.Attributes))
		for _, a := range e.Attributes {
			if a.Key != "exception.message" {
				kept = append(kept, a)
			}
		}
		e.Attributes = kept
		clean[i] = e
	}
	return clean
}

// lineExporter writes one JSON object per span.
type lineExporter struct{ out *bufio.Writer }

func newLineExporter(w io.Writer) *lineExporter { return &lineExporter{out: bufio.NewWriter(w)} }

// spanLine is the shape of a line of TraceConfig.File.
type spanLine struct {
	Name       string         `json:"name"`
	Room       string         `json:"room"`
	Kind       string         `json:"kind"`
	TraceID    string         `json:"trace_id"`
	SpanID     string         `json:"span_id"`
	ParentID   string         `json:"parent_id,omitempty"`
	Start      time.Time      `json:"start"`
	Ms         float64        `json:"ms"`
	Error      bool           `json:"error,omitempty"`
	Reason     string         `json:"reason,omitempty"`
	Attributes map[string]any `json:"attributes,omitempty"`
	Resource   map[string]any `json:"resource,omitempty"`
	Events     []string       `json:"events,omitempty"`
}

// ExportSpans appends the batch. The SDK never calls it concurrently.
func (x *lineExporter) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	enc := json.NewEncoder(x.out)
	for _, span := range spans {
		if err := enc.Encode(lineOf(span)); err != nil {
			return err
		}
	}
	return x.out.Flush()
}

func (x *lineExporter) Shutdown(context.Context) error { return x.out.Flush() }

func lineOf(span sdktrace.ReadOnlySpan) spanLine {
	line := spanLine{
		Name:       span.Name(),
		Room:       span.InstrumentationScope().Name,
		Kind:       span.SpanKind().String(),
		TraceID:    span.SpanContext().TraceID().String(),
		SpanID:     span.SpanContext().SpanID().String(),
		Start:      span.StartTime().UTC(),
		Ms:         milliseconds(span.EndTime().Sub(span.StartTime())),
		Error:      span.Status().Code == codes.Error,
		Reason:     span.Status().Description,
		Attributes: mapOf(span.Attributes()),
		Resource:   mapOf(span.Resource().Attributes()),
	}
	if span.Parent().HasSpanID() {
		line.ParentID = span.Parent().SpanID().String()
	}
	for _, e := range span.Events() {
		line.Events = append(line.Events, e.Name)
	}
	return line
}

func mapOf(attrs []attribute.KeyValue) map[string]any {
	if len(attrs) == 0 {
		return nil
	}
	m := make(map[string]any, len(attrs))
	for _, a := range attrs {
		m[string(a.Key)] = a.Value.AsInterface()
	}
	return m
}
