package oidc

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics measures the door. Labels come from fixed lists; nothing names a person, an organization or a connection.
type Metrics struct {
	starts  *prometheus.CounterVec
	signins *prometheus.CounterVec
	latency *prometheus.HistogramVec

	checkOK, checkRefused, checkUnavailable prometheus.Counter
}

// NewMetrics registers the door's metrics.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	checks := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "domicile_session_checks_total",
		Help: "Session checks, by outcome: ok, refused (unknown, expired or ended) or unavailable (node cut off).",
	}, []string{"outcome"})
	m := &Metrics{
		starts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "domicile_signin_starts_total",
			Help: "Sign-ins begun, by outcome: ok or the reason why not.",
		}, []string{"outcome"}),
		signins: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "domicile_signins_total",
			Help: "Callbacks of identity providers, by outcome: ok or the reason of the refusal.",
		}, []string{"outcome"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "domicile_idp_request_seconds",
			Help:    "Time that identity providers take to answer, by endpoint.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"endpoint"}),
		checkOK:          checks.WithLabelValues("ok"),
		checkRefused:     checks.WithLabelValues("refused"),
		checkUnavailable: checks.WithLabelValues("unavailable"),
	}
	m.zero()
	reg.MustRegister(checks, m.starts, m.signins, m.latency)
	return m
}

// zero makes every series that there can be, so that an alert on an increase sees the first one too.
func (m *Metrics) zero() {
	m.starts.WithLabelValues("ok")
	for _, reason := range []Reason{ReasonNoConnection, ReasonProviderDown, ReasonProviderBusy, ReasonUnavailable, ReasonInternal} {
		m.starts.WithLabelValues(string(reason))
	}
	m.signins.WithLabelValues("ok")
	for reason := range classes {
		if reason != ReasonNoConnection {
			m.signins.WithLabelValues(string(reason))
		}
	}
	for _, e := range []endpoint{endpointDiscovery, endpointKeys, endpointToken, endpointUserinfo} {
		m.latency.WithLabelValues(string(e))
	}
}

func (m *Metrics) observe(e endpoint, took time.Duration) {
	m.latency.WithLabelValues(string(e)).Observe(took.Seconds())
}

// outcome gives the label of an error: "ok" without one.
func outcome(refusal *Refusal) string {
	if refusal == nil {
		return "ok"
	}
	return string(refusal.Reason)
}
