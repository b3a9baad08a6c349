package telemetry

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// TraceConfig says where spans go. With neither Endpoint nor File, trace ids
// are still made (logs use them) and no span is kept.
type TraceConfig struct {
	Endpoint string  // OTLP/HTTP collector, full URL: "https://collector:4318/v1/traces"
	Sample   float64 // fraction [0, 1] of new traces exported; error spans always are
	File     string  // development and tests: JSON lines, one span a line

	Service string // service.name; "" = "domicile"
	Version string // service.version
	Region  string
	Node    string

	// Log receives export failures; nil discards them.
	Log *slog.Logger
}

// Tracing owns the span pipeline of a process.
//
// The sampling decision is made once per trace from its id. Spans of sampled
// traces are the SDK's. Spans of other traces are small records that remember
// enough to be exported after all if they end with an error status, so an
// unsampled request that succeeds costs well under a microsecond.
type Tracing struct {
	provider *sdktrace.TracerProvider // nil: nothing is exported
	file     *os.File
	keep     uint64
}

// NewTracing builds the pipeline. The context bounds the set-up of the
// exporter only. Call Shutdown at the end.
func NewTracing(ctx context.Context, cfg TraceConfig) (*Tracing, error) {
	t := &Tracing{keep: ratioBound(cfg.Sample)}
	exporter, err := t.exporter(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if exporter == nil {
		return t, nil
	}
	log := cfg.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	t.provider = sdktrace.NewTracerProvider(
		sdktrace.WithSampler(sdktrace.AlwaysSample()), // tracer.Start decided already
		sdktrace.WithIDGenerator(givenIDs{}),
		sdktrace.WithResource(describe(cfg)),
		sdktrace.WithBatcher(&scrubber{next: exporter, log: log},
			sdktrace.WithBatchTimeout(time.Second),
			sdktrace.WithExportTimeout(5*time.Second),
		),
	)
	return t, nil
}

func (t *Tracing) exporter(ctx context.Context, cfg TraceConfig) (sdktrace.SpanExporter, error) {
	if cfg.File != "" {
		f, err := os.OpenFile(cfg.File, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, fmt.Errorf("open trace file: %w", err)
		}
		t.file = f
		return newLineExporter(f), nil
	}
	if cfg.Endpoint == "" {
		return nil, nil
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(cfg.Endpoint), otlptracehttp.WithTimeout(5*time.Second))
	if err != nil {
		return nil, fmt.Errorf("open trace exporter: %w", err)
	}
	return exporter, nil
}

func describe(cfg TraceConfig) *resource.Resource {
	service := cfg.Service
	if service == "" {
		service = "domicile"
	}
	return resource.NewSchemaless(
		attribute.String("service.name", service),
		attribute.String("service.version", cfg.Version),
		attribute.String("service.instance.id", cfg.Node),
		attribute.String("domicile.region", cfg.Region),
	)
}

// Provider is the OpenTelemetry tracer provider of the process, to be handed
// to rooms; it is not installed globally.
func (t *Tracing) Provider() trace.TracerProvider { return provider{tracing: t} }

// Tracer names the room that makes spans.
func (t *Tracing) Tracer(room string) trace.Tracer { return t.Provider().Tracer(room) }

// Flush exports what has ended so far.
func (t *Tracing) Flush(ctx context.Context) error {
	if t.provider == nil {
		return nil
	}
	return t.provider.ForceFlush(ctx)
}

// Shutdown exports what is left, until ctx ends, and closes the pipeline.
func (t *Tracing) Shutdown(ctx context.Context) error {
	if t.provider == nil {
		return nil
	}
	err := t.provider.Shutdown(ctx)
	if t.file == nil {
		return err
	}
	if closeErr := t.file.Close(); err == nil {
		err = closeErr
	}
	return err
}

// ratioBound maps a fraction to a bound on traceNumber: numbers below it are in.
func ratioBound(fraction float64) uint64 {
	switch {
	case fraction >= 1:
		return 1 << 63
	case fraction <= 0:
		return 0
	default:
		return uint64(fraction * (1 << 63))
	}
}

// traceNumber is the 63-bit number that OpenTelemetry's ratio sampler derives
// from a trace id, so that all services agree.
func traceNumber(id trace.TraceID) uint64 {
	return binary.BigEndian.Uint64(id[8:16]) >> 1
}

func newTraceID() (id trace.TraceID) {
	for !id.IsValid() {
		binary.NativeEndian.PutUint64(id[:8], rand.Uint64())
		binary.NativeEndian.PutUint64(id[8:], rand.Uint64())
	}
	return id
}

func newSpanID() (id trace.SpanID) {
	for !id.IsValid() {
		binary.NativeEndian.PutUint64(id[:], rand.Uint64())
	}
	return id
}
