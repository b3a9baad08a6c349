package httpapi

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"domicile/directory"
)

// Limiter bounds how many SCIM requests of one organization this node lets in: a rate, and bursts of up to burstTime times
// that rate after a pause. Organizations do not share anything, so that one that asks without end slows only itself. It
// holds what the organizations of the last seconds have used, and no more.
//
// A refusal is not answered at once but after a second. A polite client loses nothing, since it would have waited as long; a
// client that repeats what was refused without waiting would otherwise keep the processors busy with refusals, and slow its
// neighbours more than without a limit (make bench, "neighbour").
type Limiter struct {
	now     func() time.Time
	born    time.Time
	pause   time.Duration // before a refusal is answered
	held    atomic.Int64  // refusals that wait for it
	limited prometheus.Counter

	mu      sync.Mutex // guards what follows
	paid    map[directory.OrganizationID]time.Duration
	sweepAt int
}

// paid is a token bucket in one number: the time, since the limiter was born, at which all that was let in will have been
// paid for, at the price of 1/rate seconds a request. Who has paid for burstTime ahead has to wait. A time that has passed is
// a full bucket, which need not be kept.

const (
	burstTime = 2 * time.Second
	sweepMin  = 1024 // organizations
	pauseTime = time.Second
	maxHeld   = 10_000 // refusals; further ones are answered at once
)

// NewLimiter makes a limiter and registers its metric.
func NewLimiter(now func() time.Time, reg prometheus.Registerer) *Limiter {
	l := &Limiter{
		now: now, born: now(), pause: pauseTime, paid: make(map[directory.OrganizationID]time.Duration), sweepAt: sweepMin,
		limited: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "domicile_scim_limited_total",
			Help: "SCIM requests answered with 429 because their organization asked too often.",
		}),
	}
	reg.MustRegister(l.limited)
	return l
}

// admit lets one request of an organization in, or refuses it with 429 and when to come back. rate is in requests per second;
// 0 is unlimited. A nil limiter lets everybody in.
func (l *Limiter) admit(ctx context.Context, org directory.OrganizationID, rate int) error {
	if l == nil || rate <= 0 {
		return nil
	}
	wait := l.take(org, time.Second/time.Duration(rate))
	if wait <= 0 {
		return nil
	}
	l.limited.Inc()
	l.hold(ctx)
	return &refusal{
		status: http.StatusTooManyRequests, title: http.StatusText(http.StatusTooManyRequests), retryAfter: wait,
		detail: "this organization sends more requests than it may; nothing is lost, repeat the request after the seconds in Retry-After",
	}
}

// hold waits before a refusal, for as long as the client does.
func (l *Limiter) hold(ctx context.Context) {
	defer l.held.Add(-1)
	if l.held.Add(1) > maxHeld {
		return
	}
	timer := time.NewTimer(l.pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// take pays the price of a request, or says how long to wait until that is possible.
func (l *Limiter) take(org directory.OrganizationID, price time.Duration) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now().Sub(l.born)
	paid, known := l.paid[org]
	paid = max(paid, now) + price
	if wait = paid - now - burstTime; wait > 0 {
		return wait
	}
	if !known && len(l.paid) >= l.sweepAt {
		l.sweep(now)
	}
	l.paid[org] = paid
	return 0
}

// sweep forgets full buckets. It comes when the table has doubled, which makes it cheap on average.
func (l *Limiter) sweep(now time.Duration) {
	for org, paid := range l.paid {
		if paid <= now {
			delete(l.paid, org)
		}
	}
	l.sweepAt = max(sweepMin, 2*len(l.paid))
}
