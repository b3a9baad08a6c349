package telemetry

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// open starts tracing into a file; the returned function shuts it down and
// reads the spans by name.
func openTracing(t *testing.T, sample float64) (*Tracing, func() map[string]spanLine) {
	t.Helper()
	file := t.TempDir() + "/spans.jsonl"
	tracing, err := NewTracing(t.Context(), TraceConfig{File: file, Sample: sample, Region: "eu", Node: "n1", Version: "v1"})
	if err != nil {
		t.Fatal(err)
	}
	return tracing, func() map[string]spanLine {
		t.Helper()
		if err := tracing.Shutdown(context.Background()); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		spans := map[string]spanLine{}
		for scan := bufio.NewScanner(f); scan.Scan(); {
			var line spanLine
			if err := json.Unmarshal(scan.Bytes(), &line); err != nil {
				t.Fatalf("line %q: %v", scan.Text(), err)
			}
			spans[line.Name] = line
		}
		return spans
	}
}

func TestTracing_sampled(t *testing.T) {
	tracing, read := openTracing(t, 1)
	ctx, root := tracing.Tracer("httpapi").Start(t.Context(), "root", trace.WithSpanKind(trace.SpanKindServer))
	_, child := tracing.Tracer("scim").Start(ctx, "child", trace.WithAttributes(attribute.Int("count", 3)))
	child.RecordError(errors.New("for ada@acme.example"))
	child.SetStatus(codes.Error, "conflict")
	child.End()
	root.End()

	spans := read()
	if len(spans) != 2 {
		t.Fatalf("spans %v", spans)
	}
	got, parent := spans["child"], spans["root"]
	if got.ParentID != parent.SpanID || got.TraceID != parent.TraceID || parent.ParentID != "" {
		t.Errorf("child %+v of %+v", got, parent)
	}
	if parent.SpanID != root.SpanContext().SpanID().String() || !root.SpanContext().IsSampled() {
		t.Errorf("root %+v", parent)
	}
	if !got.Error || got.Reason != "conflict" || got.Attributes["count"] != 3.0 || got.Room != "scim" || len(got.Events) != 1 {
		t.Errorf("child %+v", got)
	}
	if parent.Kind != "server" || parent.Resource["domicile.region"] != "eu" || parent.Resource["service.name"] != "domicile" {
		t.Errorf("root %+v", parent)
	}
}

func TestTracing_unsampledErrorIsExported(t *testing.T) {
	tracing, read := openTracing(t, 0)
	ctx, root := tracing.Tracer("httpapi").Start(t.Context(), "root")
	_, fine := tracing.Tracer("scim").Start(ctx, "fine")
	fine.SetAttributes(attribute.Bool("x", true))
	fine.End()
	_, healed := tracing.Tracer("scim").Start(ctx, "healed")
	healed.SetStatus(codes.Error, "x")
	healed.SetStatus(codes.Ok, "")
	healed.End()
	ctx2, bad := tracing.Tracer("cluster").Start(ctx, "bad", trace.WithAttributes(attribute.String("a", "start")))
	bad.SetAttributes(attribute.String("b", "late"))
	bad.RecordError(errors.New("for ada@acme.example"))
	bad.SetStatus(codes.Error, "no_leader")
	bad.SetName("renamed")
	bad.End()
	bad.End()
	_, below := tracing.Tracer("cluster").Start(ctx2, "below", trace.WithNewRoot())
	below.SetStatus(codes.Error, "x")
	below.End()
	root.End()
	if root.SpanContext().IsSampled() || root.IsRecording() {
		t.Error("root is sampled")
	}

	spans := read()
	if len(spans) != 2 {
		t.Fatalf("spans %v", spans)
	}
	got := spans["renamed"]
	if got.TraceID != root.SpanContext().TraceID().String() || got.ParentID != root.SpanContext().SpanID().String() ||
		got.SpanID != bad.SpanContext().SpanID().String() {
		t.Errorf("ids %+v", got)
	}
	if !got.Error || got.Reason != "no_leader" || got.Attributes["a"] != "start" || got.Attributes["b"] != "late" || len(got.Events) != 1 {
		t.Errorf("span %+v", got)
	}
	if free := spans["below"]; free.ParentID != "" || free.TraceID == got.TraceID {
		t.Errorf("new root %+v", free)
	}
}

func TestTracing_ratio(t *testing.T) {
	tracing, read := openTracing(t, 0.25)
	sampled := 0
	for range 2000 {
		ctx, root := tracing.Tracer("x").Start(t.Context(), "root")
		_, child := tracing.Tracer("x").Start(ctx, "child")
		if root.SpanContext().IsSampled() != child.SpanContext().IsSampled() {
			t.Fatal("child decides for itself")
		}
		if root.SpanContext().IsSampled() {
			sampled++
		}
	}
	read()
	if sampled < 350 || sampled > 650 {
		t.Errorf("%d of 2000 sampled, want about 500", sampled)
	}
}

func TestTracing_nowhere(t *testing.T) {
	tracing, err := NewTracing(t.Context(), TraceConfig{Sample: 1})
	if err != nil {
		t.Fatal(err)
	}
	_, span := tracing.Tracer("x").Start(t.Context(), "root")
	span.SetStatus(codes.Error, "x")
	span.End()
	if !span.SpanContext().IsValid() || span.TracerProvider() == nil {
		t.Error("no trace id for logs")
	}
	if err := errors.Join(tracing.Flush(t.Context()), tracing.Shutdown(t.Context())); err != nil {
		t.Error(err)
	}
}

func TestTracing_collector(t *testing.T) {
	var received atomic.Pointer[[]byte]
	var status atomic.Int32
	status.Store(200)
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		received.Store(&body)
		w.WriteHeader(int(status.Load()))
	}))
	t.Cleanup(collector.Close)
	var logged bytes.Buffer
	tracing, err := NewTracing(t.Context(), TraceConfig{
		Endpoint: collector.URL + "/v1/traces", Sample: 0, Node: "n7",
		Log: slog.New(slog.NewTextHandler(&logged, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	fail := func(name string) {
		_, span := tracing.Tracer("x").Start(t.Context(), name)
		span.RecordError(errors.New("for ada@acme.example"))
		span.SetStatus(codes.Error, "internal")
		span.End()
		if err := tracing.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	fail("first-failure")
	body := received.Load()
	if body == nil || !bytes.Contains(*body, []byte("first-failure")) || !bytes.Contains(*body, []byte("n7")) {
		t.Fatalf("collector got %v", body)
	}
	if bytes.Contains(*body, []byte("ada@")) {
		t.Error("error text was exported")
	}
	status.Store(400)
	fail("second-failure")
	if !strings.Contains(logged.String(), "spans not exported") {
		t.Errorf("log %q", logged.String())
	}
	if err := tracing.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestSampledSpanScrubbed is the SDK's own RecordError, which keeps the text.
func TestSampledSpanScrubbed(t *testing.T) {
	var body atomic.Pointer[[]byte]
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		body.Store(&b)
	}))
	t.Cleanup(collector.Close)
	tracing, err := NewTracing(t.Context(), TraceConfig{Endpoint: collector.URL + "/v1/traces", Sample: 1})
	if err != nil {
		t.Fatal(err)
	}
	_, span := tracing.Tracer("x").Start(t.Context(), "root")
	span.RecordError(errors.New("for ada@acme.example"))
	span.End()
	if err := tracing.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := *body.Load(); bytes.Contains(got, []byte("ada@")) || !bytes.Contains(got, []byte("exception.type")) {
		t.Errorf("exported %q", got)
	}
}

func TestNewTracing_badFile(t *testing.T) {
	if _, err := NewTracing(t.Context(), TraceConfig{File: t.TempDir() + "/no/such/dir"}); err == nil {
		t.Error("no error")
	}
}
