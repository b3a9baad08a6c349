package simulate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// pace spreads requests over time; nil is no limit.
type pace struct {
	mu       sync.Mutex
	interval time.Duration
	next     time.Time // guarded by mu
}

func newPace(perSecond float64) *pace {
	if perSecond <= 0 {
		return nil
	}
	return &pace{interval: time.Duration(float64(time.Second) / perSecond)}
}

// await waits for the next turn.
func (p *pace) await(ctx context.Context) error {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	now := time.Now()
	turn := p.next
	if turn.Before(now) {
		turn = now
	}
	p.next = turn.Add(p.interval)
	p.mu.Unlock()
	return sleep(ctx, time.Until(turn))
}

// Count is how often a method was answered with a status; status 0 is no answer.
type Count struct {
	Method string `json:"method"`
	Status int    `json:"status"`
	Count  int    `json:"count"`
}

// Latency is how long requests took, from the first byte sent to the last byte read.
type Latency struct {
	P50 time.Duration `json:"p50_ns"`
	P99 time.Duration `json:"p99_ns"`
	Max time.Duration `json:"max_ns"`
}

type counter struct {
	method string
	status int
}

// tally counts what goes over the wire.
type tally struct {
	mu      sync.Mutex
	counts  map[counter]int // all guarded by mu
	took    []time.Duration
	retries int
}

func (t *tally) count(method string, status int, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts[counter{method, status}]++
	t.took = append(t.took, took)
}

func (t *tally) retry() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.retries++
}

// requests is how many were sent so far.
func (t *tally) requests() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.took)
}

// fill writes the figures into a report.
func (t *tally) fill(r *Report) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r.Requests, r.Retries = len(t.took), t.retries
	r.Counts = []Count{}
	for k, n := range t.counts {
		r.Counts = append(r.Counts, Count{k.method, k.status, n})
	}
	slices.SortFunc(r.Counts, func(a, b Count) int {
		return strings.Compare(fmt.Sprintf("%s %03d", a.Method, a.Status), fmt.Sprintf("%s %03d", b.Method, b.Status))
	})
	if len(t.took) == 0 {
		return
	}
	slices.Sort(t.took)
	at := func(share float64) time.Duration { return t.took[int(share*float64(len(t.took)-1))] }
	r.Latency = Latency{P50: at(0.5), P99: at(0.99), Max: at(1)}
}
