package dev

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"syscall"
	"time"
)

// maxReplay is the largest request body that is kept so that the request can go to another node, in bytes.
const maxReplay = 16 << 20

// balancer sends each request to the next ready node of a region. A request that no node has received (its connection was
// refused) goes to the next one; so does a read whose node died under it.
type balancer struct {
	targets   []*target
	next      atomic.Uint64
	transport *http.Transport
}

type target struct {
	node  string
	url   *url.URL
	ready string // its /readyz
	up    atomic.Bool
}

func newBalancer(p place) *balancer {
	b := &balancer{transport: &http.Transport{
		DialContext:         (&net.Dialer{Timeout: time.Second}).DialContext,
		MaxIdleConnsPerHost: 256,
		IdleConnTimeout:     time.Minute,
		DisableCompression:  true,
	}}
	for n := 1; n <= nodesPerRegion; n++ {
		b.targets = append(b.targets, &target{
			node:  p.node(n),
			url:   &url.URL{Scheme: "http", Host: p.public(n)},
			ready: "http://" + p.ops(n) + "/readyz",
		})
	}
	return b
}

// handler serves the region.
func (b *balancer) handler(logger *slog.Logger) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", "region"
			r.Out.Host = r.In.Host
			r.Out.URL.RawQuery = r.In.URL.RawQuery // as it came: what is wrong with it is for the node to say
			r.SetXForwarded()
		},
		Transport:     b,
		FlushInterval: -1,
		ErrorLog:      slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, _ error) {
			w.Header().Set("Retry-After", "1")
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, `{"title":"Service Unavailable","status":503,"detail":"no node could answer; try again"}`)
		},
	}
}

// RoundTrip implements http.RoundTripper: it tries every node once, ready ones first.
func (b *balancer) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		kept, err := io.ReadAll(io.LimitReader(r.Body, maxReplay+1))
		if err != nil {
			return nil, err
		}
		if len(kept) > maxReplay {
			r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(kept), r.Body))
			t := b.order()[0]
			return b.send(r, t)
		}
		body = kept
	}
	var last error
	for _, t := range b.order() {
		attempt := r.Clone(r.Context())
		if body != nil {
			attempt.Body = io.NopCloser(bytes.NewReader(body))
			attempt.ContentLength = int64(len(body))
		}
		resp, err := b.send(attempt, t)
		if err == nil {
			return resp, nil
		}
		last = err
		if r.Context().Err() != nil || !neverArrived(err) && r.Method != http.MethodGet && r.Method != http.MethodHead {
			return nil, err
		}
		t.up.Store(false)
	}
	return nil, last
}

func (b *balancer) send(r *http.Request, t *target) (*http.Response, error) {
	r.URL.Host = t.url.Host
	return b.transport.RoundTrip(r)
}

// order lists the targets for one request: the ready ones in turn, then the others.
func (b *balancer) order() []*target {
	turn := int(b.next.Add(1) % uint64(len(b.targets)))
	var ready, others []*target
	for i := range b.targets {
		t := b.targets[(turn+i)%len(b.targets)]
		if t.up.Load() {
			ready = append(ready, t)
		} else {
			others = append(others, t)
		}
	}
	return append(ready, others...)
}

func neverArrived(err error) bool {
	var op *net.OpError
	return errors.Is(err, syscall.ECONNREFUSED) || errors.As(err, &op) && op.Op == "dial"
}

// watch keeps the targets' readiness until ctx ends.
func (b *balancer) watch(ctx context.Context) {
	probe := &http.Client{Timeout: 500 * time.Millisecond}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		for _, t := range b.targets {
			t.up.Store(isReady(ctx, probe, t.ready))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (b *balancer) allReady() bool {
	for _, t := range b.targets {
		if !t.up.Load() {
			return false
		}
	}
	return true
}

func isReady(ctx context.Context, client *http.Client, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := client.Do(request)
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}
