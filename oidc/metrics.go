package oidc

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics measures the door. Labels come from fixed lists; nothing names a person, an organization or a connection.
type Metrics struct {
	starts  *prometheus.CounterVec
	signins *prometheus.CounterVec
	logouts *prometheus.CounterVec
	latency *prometheus.HistogramVec

	refreshes          *prometheus.CounterVec
	previousSecret     prometheus.Counter
	olderCertificate   prometheus.Counter
	moved              prometheus.Counter
	created            prometheus.Counter
	touched, untouched prometheus.Counter
	recorded           *prometheus.CounterVec

	checkOK, checkRefused, checkUnavailable prometheus.Counter
}

// NewMetrics registers the door's metrics.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	checks := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "domicile_session_checks_total",
		Help: "Session checks, by outcome: ok, refused (unknown, expired or ended) or unavailable (node cut off).",
	}, []string{"outcome"})
	touches := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "domicile_session_uses_total",
		Help: "Uses of sessions to note in the ledger, by outcome: written or dropped.",
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
		logouts: newLogouts(),
		refreshes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "domicile_oidc_provider_refreshes_total",
			Help: "Identity providers asked for their documents in the background, by outcome: ok or failed.",
		}, []string{"outcome"}),
		previousSecret: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "domicile_oidc_previous_secret_total",
			Help: "Exchanges of a code that succeeded with the previous client secret only: a rotation that is not finished.",
		}),
		olderCertificate: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "domicile_oidc_older_certificate_total",
			Help: "Exchanges of a code with the older of two certificates of ours, which the provider still takes.",
		}),
		moved: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "domicile_oidc_endpoints_moved_total",
			Help: "Discovery documents that name another host for an endpoint than the one before.",
		}),
		created: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "domicile_oidc_just_in_time_users_total",
			Help: "Users that were made when they signed in.",
		}),
		recorded: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "domicile_signin_refusals_recorded_total",
			Help: "Refused sign-ins for the organizations' logs, by outcome: written, folded (counted in the row of one alike) or dropped.",
		}, []string{"outcome"}),
		touched:          touches.WithLabelValues("written"),
		untouched:        touches.WithLabelValues("dropped"),
		checkOK:          checks.WithLabelValues("ok"),
		checkRefused:     checks.WithLabelValues("refused"),
		checkUnavailable: checks.WithLabelValues("unavailable"),
	}
	m.zero()
	reg.MustRegister(checks, touches, m.starts, m.signins, m.logouts, m.latency, m.refreshes, m.previousSecret, m.olderCertificate,
		m.moved, m.created, m.recorded)
	return m
}

// zero makes every series that there can be, so that an alert on an increase sees the first one too.
func (m *Metrics) zero() {
	m.starts.WithLabelValues("ok")
	for _, reason := range []Reason{
		ReasonNoConnection, ReasonPlan, ReasonProviderDown, ReasonProviderBusy, ReasonUnavailable, ReasonInternal,
	} {
		m.starts.WithLabelValues(string(reason))
	}
	m.signins.WithLabelValues("ok")
	for reason := range classes {
		if reason.Class() != ClassUnknown { // such are of starts and of revocations
			m.signins.WithLabelValues(string(reason))
		}
	}
	for _, outcome := range []string{recordWritten, recordFolded, recordDropped} {
		m.recorded.WithLabelValues(outcome)
	}
	for _, result := range []string{"ok", "failed"} {
		m.refreshes.WithLabelValues(result)
	}
	for _, e := range []endpoint{endpointDiscovery, endpointKeys, endpointToken, endpointUserinfo} {
		m.latency.WithLabelValues(string(e))
	}
}

func (m *Metrics) observe(e endpoint, took time.Duration) {
	m.latency.WithLabelValues(string(e)).Observe(took.Seconds())
}

func (m *Metrics) refreshed(ok bool) {
	if ok {
		m.refreshes.WithLabelValues("ok").Inc()
	} else {
		m.refreshes.WithLabelValues("failed").Inc()
	}
}

// outcome gives the label of an error: "ok" without one.
func outcome(refusal *Refusal) string {
	if refusal == nil {
		return "ok"
	}
	return string(refusal.Reason)
}
