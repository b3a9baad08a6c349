package telemetry

import (
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// NewRegistry returns a private registry with the Go runtime, the process and
// domicile_build_info. Rooms hand their metrics to cmd, which registers them
// here.
func NewRegistry() *prometheus.Registry {
	reg := prometheus.NewRegistry()
	reg.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		buildInfo(),
	)
	return reg
}

func buildInfo() prometheus.Collector {
	version, revision, goVersion := "unknown", "unknown", "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		version, goVersion = info.Main.Version, info.GoVersion
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = s.Value
			}
		}
	}
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name:        "domicile_build_info",
		Help:        "Always 1; the labels name the build.",
		ConstLabels: prometheus.Labels{"version": version, "revision": revision, "go": goVersion},
	}, func() float64 { return 1 })
}

// DroppedLines exports how many log lines w has dropped.
func DroppedLines(w *BufferedWriter) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "domicile_log_lines_dropped_total",
		Help: "Log lines lost because the log sink was too slow.",
	}, func() float64 { return float64(w.Dropped()) })
}

// HTTPMetrics measures requests by route class: a handful of names chosen by
// the hallway, never a path.
type HTTPMetrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight *prometheus.GaugeVec
}

// NewHTTPMetrics registers the request metrics.
func NewHTTPMetrics(reg prometheus.Registerer) *HTTPMetrics {
	m := &HTTPMetrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "domicile_http_requests_total",
			Help: "Requests answered, by route class, method and status class.",
		}, []string{"class", "method", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "domicile_http_request_seconds",
			Help:    "Time to answer a request, by route class.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"class"}),
		inFlight: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "domicile_http_requests_in_flight",
			Help: "Requests being answered now, by route class.",
		}, []string{"class"}),
	}
	reg.MustRegister(m.requests, m.duration, m.inFlight)
	return m
}

// Class resolves the handles of one route class. Resolve once per route, at
// start; the handle is safe for concurrent use.
func (m *HTTPMetrics) Class(name string) *HTTPClass {
	return &HTTPClass{
		name:     name,
		requests: m.requests,
		duration: m.duration.WithLabelValues(name),
		inFlight: m.inFlight.WithLabelValues(name),
	}
}

// HTTPClass holds the resolved handles of one route class.
type HTTPClass struct {
	name     string
	requests *prometheus.CounterVec
	duration prometheus.Observer
	inFlight prometheus.Gauge

	// cells are resolved on first use, so that a class exports only the
	// combinations that occur.
	cells [methodCount][statusCount]atomic.Pointer[prometheus.Counter]
}

// Begin counts a request in.
func (c *HTTPClass) Begin() { c.inFlight.Inc() }

// Done counts it out, with the status sent and the time it took.
func (c *HTTPClass) Done(method string, status int, took time.Duration) {
	c.inFlight.Dec()
	c.duration.Observe(took.Seconds())
	c.counter(methodIndex(method), statusIndex(status)).Inc()
}

func (c *HTTPClass) counter(method, status int) prometheus.Counter {
	cell := &c.cells[method][status]
	if resolved := cell.Load(); resolved != nil {
		return *resolved
	}
	counter := c.requests.WithLabelValues(c.name, methodNames()[method], statusNames()[status])
	cell.Store(&counter)
	return counter
}

const (
	methodCount = 8
	statusCount = 6
)

func methodNames() [methodCount]string {
	return [methodCount]string{"other", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
}

func statusNames() [statusCount]string {
	return [statusCount]string{"other", "1xx", "2xx", "3xx", "4xx", "5xx"}
}

// methodIndex bounds the method label: a client may send any word.
func methodIndex(method string) int {
	switch method {
	case http.MethodGet:
		return 1
	case http.MethodHead:
		return 2
	case http.MethodPost:
		return 3
	case http.MethodPut:
		return 4
	case http.MethodPatch:
		return 5
	case http.MethodDelete:
		return 6
	case http.MethodOptions:
		return 7
	default:
		return 0
	}
}

func statusIndex(status int) int {
	if class := status / 100; class >= 1 && class <= 5 {
		return class
	}
	return 0
}
