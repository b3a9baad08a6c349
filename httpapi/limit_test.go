package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"domicile/directory"
)

// hand is a clock that is moved by hand.
type hand struct{ at atomic.Int64 }

func (h *hand) now() time.Time       { return time.Unix(1_800_000_000, h.at.Load()) }
func (h *hand) pass(d time.Duration) { h.at.Add(int64(d)) }

func newTestLimiter() (*Limiter, *hand) {
	h := new(hand)
	l := NewLimiter(h.now, prometheus.NewRegistry())
	l.pause = 0
	return l, h
}

// admitted counts how many of n requests are let in.
func admitted(l *Limiter, org directory.OrganizationID, rate, n int) int {
	in := 0
	for range n {
		if l.admit(context.Background(), org, rate) == nil {
			in++
		}
	}
	return in
}

func TestLimiter_rateAndBurst(t *testing.T) {
	l, clock := newTestLimiter()
	steps := []struct {
		pass time.Duration
		rate int
		send int
		want int
	}{
		{0, 100, 1000, 200},                      // a burst
		{0, 100, 1000, 0},                        // and then nothing
		{10 * time.Millisecond, 100, 10, 1},      // but the rate
		{time.Second, 100, 1000, 100},            //
		{time.Hour, 100, 1000, 200},              // and a burst again after a pause
		{time.Second, 50, 1000, 50},              // another rate holds at once
		{time.Second, 0, 5000, 5000},             // none is none
		{time.Hour, 1_000_000, 10_000, 10_000},   // the highest
		{time.Hour, 1, 10, 2},                    // the lowest
		{999 * time.Millisecond, 1, 10, 0},       //
		{time.Millisecond, 1, 10, 1},             //
		{-time.Hour, 1, 10, 0},                   // a clock that goes back lets nobody in for free
		{time.Hour + 2*time.Second, 1, 10, 2},    //
		{time.Nanosecond, 3, 100, 0},             //
		{time.Second / 3, 3, 100, 1},             //
		{365 * 24 * time.Hour, 3, 100, 6},        //
		{365 * 24 * time.Hour, 100, 10_000, 200}, //
	}
	for i, s := range steps {
		clock.pass(s.pass)
		if got := admitted(l, "acme", s.rate, s.send); got != s.want {
			t.Errorf("step %d: %d of %d let in, want %d", i, got, s.send, s.want)
		}
	}
}

func TestLimiter_organizationsShareNothing(t *testing.T) {
	l, _ := newTestLimiter()
	admitted(l, "noisy", 10, 10_000)
	if got := admitted(l, "quiet", 10, 20); got != 20 {
		t.Errorf("%d of 20 let in beside a noisy neighbour", got)
	}
}

func TestLimiter_saysWhenToComeBack(t *testing.T) {
	l, clock := newTestLimiter()
	admitted(l, "acme", 2, 4)
	refused, ok := errors.AsType[*refusal](l.admit(context.Background(), "acme", 2))
	if !ok || refused.status != 429 || refused.retryAfter <= 0 || retrySeconds(refused.retryAfter) != 1 {
		t.Fatalf("refused with %+v", refused)
	}
	clock.pass(refused.retryAfter)
	if err := l.admit(context.Background(), "acme", 2); err != nil {
		t.Errorf("refused after waiting as told: %v", err)
	}
}

func TestLimiter_tableIsBounded(t *testing.T) {
	l, clock := newTestLimiter()
	for i := range 200_000 {
		if i%1000 == 0 {
			clock.pass(time.Second)
		}
		_ = l.admit(context.Background(), directory.OrganizationID(fmt.Sprint("org-", i)), 100)
	}
	if n := len(l.paid); n > 3*sweepMin {
		t.Errorf("%d organizations in the table, when 1,000 are busy", n)
	}
	var none *Limiter
	if err := none.admit(context.Background(), "acme", 1); err != nil {
		t.Errorf("no limiter refuses: %v", err)
	}
}

// Who comes back at once is held, but not for longer than it waits, and not without bound.
func TestLimiter_holdsRefusals(t *testing.T) {
	l, _ := newTestLimiter()
	l.pause = time.Hour
	admitted(l, "acme", 1, 2)
	ctx, cancel := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	for range 100 {
		wait.Go(func() {
			if l.admit(ctx, "acme", 1) == nil {
				t.Error("let in over the limit")
			}
		})
	}
	for deadline := time.Now().Add(10 * time.Second); l.held.Load() < 100; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d of 100 refusals are held", l.held.Load())
		}
	}
	cancel()
	wait.Wait()
	l.held.Add(maxHeld)
	if l.admit(t.Context(), "acme", 1) == nil { // does not wait
		t.Error("let in over the limit")
	}
	if n := l.held.Load(); n != maxHeld {
		t.Errorf("%d refusals are held at the end", n-maxHeld)
	}
}

func TestLimiter_manyAtOnce(t *testing.T) {
	l, _ := newTestLimiter()
	var in atomic.Int64
	var wait sync.WaitGroup
	for range 32 {
		wait.Go(func() { in.Add(int64(admitted(l, "acme", 100, 1000))) })
	}
	wait.Wait()
	if in.Load() != 200 {
		t.Errorf("%d let in by a clock that stands still, want 200", in.Load())
	}
}

func BenchmarkLimiter(b *testing.B) {
	l := NewLimiter(time.Now, prometheus.NewRegistry())
	b.ReportAllocs()
	for b.Loop() {
		_ = l.admit(context.Background(), "acme", 1_000_000)
	}
}

// What strangers may do is bounded by where they come from; addresses of one IPv6 customer are one place.
func TestLimiter_throttle(t *testing.T) {
	l, clock := newTestLimiter()
	from := func(address string) *gin.Context {
		c, _ := gin.CreateTestContext(httptest.NewRecorder())
		c.Request = httptest.NewRequest(http.MethodPost, "/login/start", nil)
		c.Request.RemoteAddr = net.JoinHostPort(address, "1234")
		return c
	}
	crowd := func(address string) (in int) {
		for range 2 * throttleStart.burst {
			if l.charge(from(address), throttleStart) == 0 {
				in++
			}
		}
		return in
	}
	if in := crowd("192.0.2.1"); in != throttleStart.burst {
		t.Errorf("%d of a crowd let in, want %d", in, throttleStart.burst)
	}
	if in := crowd("192.0.2.2"); in != throttleStart.burst {
		t.Errorf("%d let in from another address", in)
	}
	crowd("2001:db8::1")
	if l.charge(from("2001:db8::2"), throttleStart) == 0 {
		t.Error("one customer is two places")
	}
	for network := range siteShare {
		crowd(fmt.Sprintf("2001:db8:0:%x::1", network+1))
	}
	if l.charge(from("2001:db8:0:ffff::1"), throttleStart) == 0 {
		t.Error("one site has as many places as it likes")
	}
	if l.spent(from("2001:db8:0:ffff::1"), throttleStart) <= 0 {
		t.Error("a site that has spent all is told otherwise")
	}
	if l.charge(from("2001:db8:1::1"), throttleStart) != 0 {
		t.Error("one site pays for another")
	}
	if l.charge(from("192.0.2.1"), throttleFailure) != 0 {
		t.Error("one throttle pays for another")
	}
	clock.pass(throttleStart.price)
	if l.charge(from("192.0.2.1"), throttleStart) != 0 {
		t.Error("refused after a pause")
	}
}
