package jobs

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// eventually polls until ok, for at most ten seconds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within ten seconds", what)
		}
	}
}

// Duties run while this node leads, each in its own time: neither one that hangs nor one that panics holds up another.
func TestClockwork(t *testing.T) {
	var leads, hangs atomic.Bool
	var good atomic.Int64
	var log strings.Builder
	c := New(Deps{
		Leads: leads.Load, Logger: slog.New(slog.NewTextHandler(&log, nil)), Metrics: NewMetrics(prometheus.NewRegistry()),
	})
	for _, d := range c.duties {
		if d.name != "errands" && d.name != "secret reminders" {
			t.Errorf("there is a duty %q without the means for it", d.name)
		}
	}
	c.duties = []duty{
		{"hangs", time.Millisecond, func(ctx context.Context) error { hangs.Store(true); <-ctx.Done(); return ctx.Err() }, nil},
		{"panics", time.Millisecond, func(context.Context) error { panic("rosa@acme.example") }, nil},
		{"fails", time.Millisecond, func(context.Context) error { return errors.New("no") }, nil},
		{"good", time.Millisecond, func(context.Context) error { good.Add(1); return nil }, nil},
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { c.Run(ctx); close(done) }()
	leads.Store(true)
	eventually(t, "all duties run", func() bool {
		return hangs.Load() && good.Load() > 10 && counted(t, c.Metrics.runs.WithLabelValues("panics", "failed")) > 2 &&
			counted(t, c.Metrics.runs.WithLabelValues("fails", "failed")) > 2
	})
	leads.Store(false)
	cancel()
	<-done
	if text := log.String(); strings.Contains(text, "rosa") || !strings.Contains(text, "panic of type string") {
		t.Errorf("the log says\n%.2000s", text)
	}
}

func TestClockwork_followersRest(t *testing.T) {
	var asked, ran atomic.Int64
	c := New(Deps{Leads: func() bool { asked.Add(1); return false }, Metrics: NewMetrics(prometheus.NewRegistry())})
	c.duties = []duty{{"good", time.Millisecond, func(context.Context) error { ran.Add(1); return nil }, nil}}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { c.Run(ctx); close(done) }()
	eventually(t, "the follower was asked", func() bool { return asked.Load() > 5 })
	cancel()
	<-done
	if ran.Load() != 0 {
		t.Errorf("a follower ran a duty %d times", ran.Load())
	}
}

// Whoever begins to lead does everything at once, whatever the pauses, and again when it leads again.
func TestClockwork_atOnceWithTheLead(t *testing.T) {
	var leads atomic.Bool
	var ran, waited, looks atomic.Int64
	c := New(Deps{Leads: func() bool { looks.Add(1); return leads.Load() }, Metrics: NewMetrics(prometheus.NewRegistry())})
	c.glance = time.Millisecond
	c.duties = []duty{{"rare", 24 * time.Hour, func(context.Context) error { ran.Add(1); return nil }, func() { waited.Add(1) }}}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { c.Run(ctx); close(done) }()
	for turn := range int64(2) {
		leads.Store(true)
		eventually(t, "the duty runs", func() bool { return ran.Load() == turn+1 })
		leads.Store(false)
		before := looks.Load()
		eventually(t, "the node sees that it does not lead", func() bool { return looks.Load() > before+1 })
	}
	cancel()
	<-done
	if ran.Load() != 2 || waited.Load() != 1 {
		t.Errorf("ran %d times and was waited for %d times", ran.Load(), waited.Load())
	}
}

func TestJitter(t *testing.T) {
	seen := make(map[time.Duration]bool)
	for range 1000 {
		d := jitter(10 * time.Second)
		if d < 9*time.Second || d > 11*time.Second {
			t.Fatalf("%v is more than a tenth off", d)
		}
		seen[d] = true
	}
	if len(seen) < 100 {
		t.Errorf("%d different pauses of 1000", len(seen))
	}
}
