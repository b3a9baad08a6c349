package jobs

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"domicile/directory"
	"domicile/fsm/state"
	"domicile/jobs/post"
)

// Metrics counts what the duties do. Labels are words of this package, never data.
type Metrics struct {
	runs    *prometheus.CounterVec
	mails   *prometheus.CounterVec
	errands *prometheus.CounterVec
}

// The outcomes of mails and errands.
const (
	kindSyncFailures = "sync_failures"

	outcomeSent    = "sent"
	outcomeRefused = "refused" // by the mail server, for good: mostly an address that is not there
	outcomeFailed  = "failed"  // the receiver could not be reached, or wants us to come back

	outcomeDelivered = "delivered"
	outcomeGivenUp   = "given_up" // refused once too often
	outcomeNotSent   = "not_sent" // there is nobody to tell, or no way to
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
		errands: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "domicile_errands_total",
			Help: "Tries to deliver errands, by kind and outcome (delivered, refused, failed, given_up, not_sent).",
		}, []string{"kind", "outcome"}),
	}
	m.zero()
	reg.MustRegister(m.runs, m.mails, m.errands)
	return m
}

// zero makes every series of mails and errands that there can be, so that an alert on an increase sees the first one too.
func (m *Metrics) zero() {
	for _, kind := range append(errandKinds(), kindSyncFailures) {
		for _, outcome := range []string{outcomeSent, outcomeRefused, outcomeFailed} {
			m.mails.WithLabelValues(kind, outcome)
		}
	}
	for _, kind := range errandKinds() {
		for _, outcome := range []string{outcomeDelivered, outcomeRefused, outcomeFailed, outcomeGivenUp, outcomeNotSent} {
			m.errands.WithLabelValues(kind, outcome)
		}
	}
}

func (m *Metrics) ran(duty string, err error) {
	outcome := "ok"
	if err != nil {
		outcome = outcomeFailed
	}
	m.runs.WithLabelValues(duty, outcome).Inc()
}

func (m *Metrics) mail(kind, outcome string) { m.mails.WithLabelValues(kind, outcome).Inc() }

func (m *Metrics) errand(kind, outcome string) { m.errands.WithLabelValues(kind, outcome).Inc() }

func outcomeOf(err error) string {
	switch {
	case err == nil:
		return outcomeSent
	case errors.Is(err, post.ErrRefused):
		return outcomeRefused
	}
	return outcomeFailed
}

// Gauges measures what waits in the ledger for the duties. It looks at each scrape, on whichever node.
type Gauges struct {
	viewer state.Viewer
	now    func() time.Time

	waiting, oldest, secrets *prometheus.Desc
}

// NewGauges makes the collector; the caller registers it.
func NewGauges(viewer state.Viewer, now func() time.Time) *Gauges {
	return &Gauges{
		viewer: viewer, now: now,
		waiting: prometheus.NewDesc("domicile_errands_waiting", "Errands that wait to be delivered, by kind.", []string{"kind"}, nil),
		oldest: prometheus.NewDesc("domicile_errand_oldest_seconds",
			"Age of the oldest errand that waits to be delivered, by kind; 0 if none waits.", []string{"kind"}, nil),
		secrets: prometheus.NewDesc("domicile_oidc_client_secret_expires_in_seconds",
			"Time until the client secret of a connection, or our certificate at it, expires, for those that are enabled and of which it is known.",
			[]string{"connection"}, nil),
	}
}

// Describe implements prometheus.Collector.
func (g *Gauges) Describe(descriptions chan<- *prometheus.Desc) {
	descriptions <- g.waiting
	descriptions <- g.oldest
	descriptions <- g.secrets
}

// Collect implements prometheus.Collector. A node that has nothing to show shows nothing.
func (g *Gauges) Collect(metrics chan<- prometheus.Metric) {
	view, err := g.viewer.View(context.Background(), state.Local())
	if err != nil {
		return
	}
	gauge := func(desc *prometheus.Desc, value float64, label string) {
		metrics <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, label)
	}
	now := stamp(g.now())
	waiting, oldest := make(map[string]float64), make(map[string]float64)
	for errand := range view.Errands() {
		kind := kindOf(errand)
		waiting[kind]++
		oldest[kind] = max(oldest[kind], seconds(now-errand.At))
	}
	for _, kind := range errandKinds() {
		gauge(g.waiting, waiting[kind], kind)
		gauge(g.oldest, oldest[kind], kind)
	}
	for connection := range view.AllConnections() {
		if connection.Enabled && connection.SecretExpires != 0 {
			gauge(g.secrets, seconds(connection.SecretExpires-now), string(connection.ID))
		}
	}
}

func seconds(t directory.Time) float64 { return float64(t) / 1e6 }
