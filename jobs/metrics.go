package jobs

import "github.com/prometheus/client_golang/prometheus"

// Metrics counts what the duties do. Labels are words of this package, never data.
type Metrics struct {
	runs  *prometheus.CounterVec
	mails *prometheus.CounterVec
}

// The kinds and outcomes of mails.
const (
	kindSyncFailures = "sync_failures"

	outcomeSent    = "sent"
	outcomeRefused = "refused" // by the mail server, for good: mostly an address that is not there
	outcomeFailed  = "failed"  // the mail server could not be reached, or wants us to come back
)

// NewMetrics registers the metrics of the room.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		runs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "domicile_duty_runs_total",
			Help: "Runs of the leader's duties, by duty and outcome (ok, failed).",
		}, []string{"duty", "outcome"}),
		mails: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "domicile_mails_total",
			Help: "Mails handed to the mail server, by kind and outcome (sent, refused, failed).",
		}, []string{"kind", "outcome"}),
	}
	reg.MustRegister(m.runs, m.mails)
	return m
}

func (m *Metrics) ran(duty string, err error) {
	outcome := "ok"
	if err != nil {
		outcome = "failed"
	}
	m.runs.WithLabelValues(duty, outcome).Inc()
}

func (m *Metrics) mail(kind, outcome string) { m.mails.WithLabelValues(kind, outcome).Inc() }
