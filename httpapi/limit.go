package httpapi

import (
	"context"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"domicile/directory"
	"domicile/httpapi/openapi"
)

// buckets are token buckets by key. Each is one number: the time, since the buckets were made, at which all that was let in
// will have been paid for, at a price for each. Who has paid for more than the burst ahead has to wait. A time that has
// passed is a full bucket, which need not be kept.
type buckets struct {
	now  func() time.Time
	born time.Time

	mu      sync.Mutex // guards what follows
	paid    map[string]time.Duration
	sweepAt int
}

const sweepMin = 1024 // keys

func newBuckets(now func() time.Time) *buckets {
	return &buckets{now: now, born: now(), paid: make(map[string]time.Duration), sweepAt: sweepMin}
}

// take pays the price, or says how long to wait until that is possible.
func (b *buckets) take(key string, price, burst time.Duration) (wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now().Sub(b.born)
	paid, known := b.paid[key]
	paid = max(paid, now) + price
	if wait = paid - now - burst; wait > 0 {
		return wait
	}
	if !known && len(b.paid) >= b.sweepAt {
		b.sweep(now)
	}
	b.paid[key] = paid
	return 0
}

// wait says how long it takes until the price can be paid, without paying it.
func (b *buckets) wait(key string, price, burst time.Duration) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now().Sub(b.born)
	return max(b.paid[key], now) + price - now - burst
}

// sweep forgets full buckets. It comes when the table has doubled, which makes it cheap on average.
func (b *buckets) sweep(now time.Duration) {
	for key, paid := range b.paid {
		if paid <= now {
			delete(b.paid, key)
		}
	}
	b.sweepAt = max(sweepMin, 2*len(b.paid))
}

// Limiter bounds how many requests this node lets in. SCIM requests of one organization have a rate, and bursts of up to
// burstTime times that rate after a pause: organizations do not share anything, so that one that asks without end slows only
// itself. What strangers may do at the sign-in doors is bounded by throttles.
//
// A refusal is not answered at once but after a second. A polite client loses nothing, since it would have waited as long; a
// client that repeats what was refused without waiting would otherwise keep the processors busy with refusals, and slow its
// neighbours more than without a limit (make bench, "neighbour").
type Limiter struct {
	*buckets
	pause    time.Duration // before a refusal is answered
	held     atomic.Int64  // refusals that wait for it
	limited  prometheus.Counter
	throttle *prometheus.CounterVec
}

const (
	burstTime = 2 * time.Second
	pauseTime = time.Second
	maxHeld   = 10_000 // refusals; further ones are answered at once
)

// NewLimiter makes a limiter and registers its metrics.
func NewLimiter(now func() time.Time, reg prometheus.Registerer) *Limiter {
	l := &Limiter{
		buckets: newBuckets(now), pause: pauseTime,
		limited: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "domicile_scim_limited_total",
			Help: "SCIM requests answered with 429 because their organization asked too often.",
		}),
		throttle: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "domicile_signin_limited_total",
			Help: "Requests answered with 429 because too many came from one address, or made by one organization, by what they wanted.",
		}, []string{"what"}),
	}
	reg.MustRegister(l.limited, l.throttle)
	return l
}

// admit lets one request of an organization in, or refuses it with 429 and when to come back. rate is in requests per second;
// 0 is unlimited. A nil limiter lets everybody in.
func (l *Limiter) admit(ctx context.Context, org directory.OrganizationID, rate int) error {
	if l == nil || rate <= 0 {
		return nil
	}
	wait := l.take(string(org), time.Second/time.Duration(rate), burstTime)
	if wait <= 0 {
		return nil
	}
	l.limited.Inc()
	l.hold(ctx)
	return tooMany(wait, "this organization sends more requests than it may; nothing is lost, repeat the request after the "+
		"seconds in Retry-After")
}

func tooMany(wait time.Duration, detail string) error {
	return &refusal{
		status: http.StatusTooManyRequests, title: http.StatusText(http.StatusTooManyRequests), retryAfter: wait, detail: detail,
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

// throttle bounds what may come from one network: price for each, after a burst of so many.
type throttle struct {
	name  string
	price time.Duration
	burst int
}

// The throttles. A whole office may sit behind one address, so they let a crowd in and stop only what no crowd does; guessing
// is bounded where it happens, for each account and across all nodes (command.CountAttempt). None of these is for a connection
// or an organization: a stranger could use it up and keep everybody out.
var (
	throttleStart    = &throttle{"start", 100 * time.Millisecond, 300}
	throttleCallback = &throttle{"callback", 100 * time.Millisecond, 300}
	throttleFailure  = &throttle{"failure", 3 * time.Second, 60}       // callbacks that were refused
	throttleCode     = &throttle{"code", 2 * time.Second, 30}          // mailed codes, recovery codes, passkeys
	throttleLogout   = &throttle{"logout", 5 * time.Millisecond, 2000} // providers; whole organizations leave at once
	throttleClient   = &throttle{"client", 5 * time.Millisecond, 1000} // applications at their endpoints
)

// throttleOutgoing is for what an organization lets the region ask of hosts that it names: identity providers and DNS. It is by
// organization, since only those who administer it can use it up.
var throttleOutgoing = &throttle{"outgoing", 2 * time.Second, 30}

// sparing is a handler that an organization's owner reaches only so often. The operator always does.
func (a *api) sparing(next openapi.Handler) openapi.Handler {
	return func(c *gin.Context) error {
		if a.Limiter == nil || openapi.CallerOf(c).Role == openapi.Operator {
			return next(c)
		}
		t := throttleOutgoing
		if wait := a.Limiter.take(t.name+" "+c.Param("id"), t.price, t.price*time.Duration(t.burst)); wait > 0 {
			a.Limiter.throttle.WithLabelValues(t.name).Inc()
			return tooMany(wait, "identity providers and DNS are asked only so often; wait a little and try again")
		}
		return next(c)
	}
}

// networks names where a request comes from: an IPv4 address; or the 64 bits that one IPv6 customer has, and the site of 48 bits
// that they belong to: some customers have all of one, with 65,536 networks. What comes from this machine itself is no place: a
// proxy here that is not trusted stands for everybody.
func networks(c *gin.Context) (network, site string) {
	address, err := netip.ParseAddr(c.ClientIP())
	switch address = address.Unmap().WithZone(""); {
	case err != nil:
		return "unknown", ""
	case address.IsLoopback():
		return "", ""
	case address.Is4():
		return address.String(), ""
	}
	prefix := func(bits int) string {
		masked, _ := address.Prefix(bits) // an IPv6 address has as many
		return masked.String()
	}
	return prefix(64), prefix(48)
}

// siteShare is how many networks' share a whole site gets.
const siteShare = 16

// charges pays, or asks about, a throttle for the networks that a request comes from.
func (l *Limiter) charges(c *gin.Context, t *throttle, pay func(key string, price, burst time.Duration) time.Duration) time.Duration {
	network, site := networks(c)
	if network == "" {
		return 0
	}
	burst := t.price * time.Duration(t.burst)
	wait := pay(t.name+" "+network, t.price, burst)
	if site != "" && wait <= 0 {
		wait = pay(t.name+" "+site, t.price/siteShare, burst)
	}
	return wait
}

// charge counts one more from the request's place, or says how long it has to wait.
func (l *Limiter) charge(c *gin.Context, t *throttle) time.Duration {
	if l == nil {
		return 0
	}
	wait := l.charges(c, t, l.take)
	if wait > 0 {
		l.throttle.WithLabelValues(t.name).Inc()
	}
	return wait
}

// spent tells how long the request's place has to wait for something that is charged only when it turns out to be due.
func (l *Limiter) spent(c *gin.Context, t *throttle) time.Duration {
	if l == nil {
		return 0
	}
	return l.charges(c, t, l.wait)
}

// throttled is a handler that only so many requests from one place reach.
func (a *api) throttled(t *throttle, next handler) handler {
	return func(c *gin.Context) error {
		if wait := a.Limiter.charge(c, t); wait > 0 {
			return tooMany(wait, "too many attempts came from your network; wait a little and try again")
		}
		return next(c)
	}
}
