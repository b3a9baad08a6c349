package telemetry

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func startOps(t *testing.T, cfg OpsConfig) string {
	t.Helper()
	cfg.Addr = "127.0.0.1:0"
	ops, err := NewOps(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- ops.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return "http://" + ops.Addr().String()
}

func ask(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}

func TestOps(t *testing.T) {
	var ready atomic.Bool
	level := new(slog.LevelVar)
	url := startOps(t, OpsConfig{
		Registry: NewRegistry(),
		Live:     []Check{{"raft", func() error { return nil }}},
		Ready: []Check{
			{"storage", func() error { return nil }},
			{"leader", func() error {
				if ready.Load() {
					return nil
				}
				return errors.New("none\nknown")
			}},
		},
		Status: func() any { return map[string]string{"role": "follower"} },
		Level:  level,
	})
	tests := []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/healthz", "", 200, "[+]raft ok\n"},
		{"GET", "/readyz", "", 503, "[+]storage ok\n[-]leader none known\n"},
		{"GET", "/status", "", 200, `"role": "follower"`},
		{"GET", "/metrics", "", 200, "domicile_build_info"},
		{"GET", "/debug/pprof/", "", 200, "goroutine"},
		{"GET", "/debug/pprof/goroutine?debug=1", "", 200, "goroutine profile"},
		{"GET", "/debug/loglevel", "", 200, "info\n"},
		{"PUT", "/debug/loglevel", "debug\n", 200, "debug\n"},
		{"PUT", "/debug/loglevel", "loud", 400, "level expected"},
		{"PUT", "/debug/loglevel", strings.Repeat("x", 100), 400, "level expected"},
		{"POST", "/debug/loglevel", "error", 405, ""},
		{"POST", "/healthz", "", 405, ""},
		{"GET", "/", "", 404, ""},
	}
	for _, tt := range tests {
		status, body := ask(t, tt.method, url+tt.path, tt.body)
		if status != tt.status || !strings.Contains(body, tt.want) {
			t.Errorf("%s %s = %d %.200q, want %d %q", tt.method, tt.path, status, body, tt.status, tt.want)
		}
	}
	if level.Level() != slog.LevelDebug {
		t.Errorf("level %v", level.Level())
	}
	ready.Store(true)
	if status, _ := ask(t, "GET", url+"/readyz", ""); status != 200 {
		t.Errorf("ready = %d", status)
	}
}

func TestOps_minimal(t *testing.T) {
	url := startOps(t, OpsConfig{})
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/status": 404, "/metrics": 404, "/debug/loglevel": 404} {
		if got, _ := ask(t, "GET", url+path, ""); got != want {
			t.Errorf("%s = %d, want %d", path, got, want)
		}
	}
}

func TestOps_busyPort(t *testing.T) {
	first, err := NewOps(OpsConfig{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Millisecond)
	defer stop()
	if _, err := NewOps(OpsConfig{Addr: first.Addr().String()}); err == nil {
		t.Error("two listeners on one port")
	}
	if err := first.Serve(ctx); err != nil {
		t.Errorf("serve: %v", err)
	}
}
