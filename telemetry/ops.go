package telemetry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Check is one named condition of a probe. Its error text is shown to whoever
// can reach the private listener.
type Check struct {
	Name  string
	Probe func() error // must not block; nil error is healthy
}

// OpsConfig describes the private listener. It has no authentication: bind it
// to loopback or to a network that only operators and their tools reach.
type OpsConfig struct {
	Addr     string // "127.0.0.1:9464"; ":0" forms are for tests
	Registry *prometheus.Registry
	Live     []Check        // /healthz: failing means "restart me"
	Ready    []Check        // /readyz: failing means "send me no requests"
	Status   func() any     // /status: rendered as JSON; nil answers 404
	Digest   func() any     // /digest: likewise; may take a while
	Level    *slog.LevelVar // /debug/loglevel; nil answers 404
}

// Ops serves /metrics, /healthz, /readyz, /status, /digest, /debug/pprof and
// /debug/loglevel.
type Ops struct {
	cfg      OpsConfig
	listener net.Listener
	server   *http.Server
}

// NewOps binds the listener, so that Addr is known and a busy port is an error
// here; Serve answers requests.
func NewOps(cfg OpsConfig) (*Ops, error) {
	listener, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("listen for operations: %w", err)
	}
	o := &Ops{cfg: cfg, listener: listener}
	o.server = &http.Server{
		Handler:           o.routes(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      2 * time.Minute, // a CPU profile or trace takes its time
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	return o, nil
}

// Addr is the bound address.
func (o *Ops) Addr() net.Addr { return o.listener.Addr() }

// Serve answers until ctx ends, then lets running requests finish for up to
// 2 s. It returns nil after an orderly end.
func (o *Ops) Serve(ctx context.Context) error {
	stopped := make(chan struct{})
	release := context.AfterFunc(ctx, func() {
		defer close(stopped)
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if o.server.Shutdown(grace) != nil {
			_ = o.server.Close() // a profile still running is cut off
		}
	})
	err := o.server.Serve(o.listener)
	if !release() {
		<-stopped
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve operations: %w", err)
}

func (o *Ops) routes() http.Handler {
	mux := http.NewServeMux()
	if o.cfg.Registry != nil {
		mux.Handle("GET /metrics", promhttp.HandlerFor(o.cfg.Registry, promhttp.HandlerOpts{Registry: o.cfg.Registry}))
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answerChecks(w, o.cfg.Live) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { answerChecks(w, o.cfg.Ready) })
	for path, report := range map[string]func() any{"/status": o.cfg.Status, "/digest": o.cfg.Digest} {
		if report != nil {
			mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { answerReport(w, report()) })
		}
	}
	if o.cfg.Level != nil {
		mux.HandleFunc("GET /debug/loglevel", o.level)
		mux.HandleFunc("PUT /debug/loglevel", o.setLevel)
	}
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

// answerChecks writes one line per check and 503 if any failed.
func answerChecks(w http.ResponseWriter, checks []Check) {
	status := http.StatusOK
	var lines strings.Builder
	for _, c := range checks {
		err := c.Probe()
		if err == nil {
			fmt.Fprintf(&lines, "[+]%s ok\n", c.Name)
			continue
		}
		status = http.StatusServiceUnavailable
		fmt.Fprintf(&lines, "[-]%s %s\n", c.Name, strings.ReplaceAll(err.Error(), "\n", " "))
	}
	if len(checks) == 0 {
		lines.WriteString("[+]process ok\n")
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, lines.String())
}

func answerReport(w http.ResponseWriter, report any) {
	body, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		http.Error(w, "the report cannot be rendered", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(append(body, '\n'))
}

func (o *Ops) level(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = fmt.Fprintln(w, strings.ToLower(o.cfg.Level.Level().String()))
}

// setLevel takes the level as the body: debug, info, warn or error.
func (o *Ops) setLevel(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64))
	if err != nil {
		http.Error(w, "level expected: debug, info, warn or error", http.StatusBadRequest)
		return
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(strings.TrimSpace(string(body)))); err != nil {
		http.Error(w, "level expected: debug, info, warn or error", http.StatusBadRequest)
		return
	}
	o.cfg.Level.Set(level)
	o.level(w, r)
}
