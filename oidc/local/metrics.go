package local

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics measures the door. Labels come from fixed lists; nothing names a person or an organization.
type Metrics struct {
	signins *prometheus.CounterVec
	mails   *prometheus.CounterVec
}

// NewMetrics registers the door's metrics.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		signins: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "domicile_local_signins_total",
			Help: "Steps of sign-ins without an identity provider, by outcome: ok, next (a code was asked for) or the reason of the refusal.",
		}, []string{"outcome"}),
		mails: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "domicile_signin_mails_total",
			Help: "Mails with codes and links to people who sign in without an identity provider, by outcome: sent, failed, dropped (too many on their way) or limited (too many to the address).",
		}, []string{"outcome"}),
	}
	for _, outcome := range []string{outcomeOK, outcomeNext} {
		m.signins.WithLabelValues(outcome)
	}
	for reason := range classes {
		m.signins.WithLabelValues(string(reason))
	}
	for _, outcome := range []string{mailSent, mailFailed, mailDropped, mailLimited} {
		m.mails.WithLabelValues(outcome)
	}
	reg.MustRegister(m.signins, m.mails)
	return m
}

const (
	outcomeOK   = "ok"
	outcomeNext = "next"

	mailSent    = "sent"
	mailFailed  = "failed"
	mailDropped = "dropped"
	mailLimited = "limited"
)

// judged counts and logs how a step of a sign-in ended, and gives the refusal as an error.
func (s *Service) judged(ctx context.Context, step, outcome string, refusal *Refusal) error {
	if refusal != nil {
		outcome = string(refusal.Reason)
	}
	s.deps.Metrics.signins.WithLabelValues(outcome).Inc()
	return s.logged(ctx, step, refusal)
}

// logged logs a refusal and gives it as an error. Codes and ids only are logged.
func (s *Service) logged(ctx context.Context, step string, refusal *Refusal) error {
	if refusal == nil {
		return nil
	}
	s.deps.Logger.LogAttrs(ctx, slog.LevelWarn, "local sign-in refused", slog.String("step", step),
		slog.String("reason", string(refusal.Reason)), slog.String("reference", refusal.Reference))
	return refusal
}
