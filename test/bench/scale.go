package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"domicile/test/region"
)

// scale is what a large directory costs.
type scale struct {
	people      int
	fill        float64 // creates per second while filling
	heapPerUser float64 // bytes, document included, the largest of the nodes
	resident    int64   // bytes, the largest of the nodes
	rows        []largeRow
	restart     time.Duration
}

// measureScale fills a fresh region, weighs it, kills every node and waits for the first acknowledged write.
func measureScale(ctx context.Context, binary, dir string, people int) (s scale, err error) {
	p, err := startProduct(ctx, binary, filepath.Join(dir, "scale"), 100)
	if p != nil {
		defer func() { _ = p.Close() }()
	}
	if err != nil {
		return s, err
	}
	s.people = people
	before, err := heaps(ctx, p.Region)
	if err != nil {
		return s, err
	}
	began := time.Now()
	more, err := p.fill(people - len(p.users))
	if err != nil {
		return s, err
	}
	p.users = append(p.users, more...)
	made := float64(len(more))
	s.fill = made / time.Since(began).Seconds()
	// Results are remembered for some seconds, and forgotten as later writes come; what stays is what a user costs.
	time.Sleep(25 * time.Second)
	for i := range 8 {
		if _, err := p.create(&conn{address: p.host(0)}, "after"+strconv.Itoa(i)); err != nil {
			return s, err
		}
	}
	after, err := heaps(ctx, p.Region)
	if err != nil {
		return s, err
	}
	for i, node := range p.Nodes {
		s.heapPerUser = max(s.heapPerUser, (after[i]-before[i])/made)
		s.resident = max(s.resident, residentOf(node.PID()))
	}
	if s.rows, err = measureLarge(ctx, p, 2*time.Second); err != nil {
		return s, err
	}
	s.restart, err = restart(ctx, p)
	return s, err
}

// restart kills all nodes at once, starts them again and measures until the first acknowledged write.
func restart(ctx context.Context, p *product) (time.Duration, error) {
	if err := p.Close(); err != nil {
		return 0, err
	}
	began := time.Now()
	for _, node := range p.Nodes {
		if err := node.Start(); err != nil {
			return 0, err
		}
	}
	c := &conn{address: p.host(0)}
	var last error
	for time.Since(began) < time.Minute {
		if _, last = p.create(c, fmt.Sprintf("restart-%d", time.Since(began))); last == nil {
			return time.Since(began), nil
		}
		pause(ctx)
	}
	return 0, fmt.Errorf("no write a minute after the restart: %w", last)
}

// heaps asks every node to collect garbage and gives its live heap in bytes.
func heaps(ctx context.Context, r *region.Region) ([]float64, error) {
	if _, err := metric(ctx, r, "/debug/pprof/heap?gc=1", ""); err != nil {
		return nil, err
	}
	return metric(ctx, r, "/metrics", "go_memstats_heap_alloc_bytes")
}

// metric reads a path of every node's operations listener, and gives the value of the metric of this name on each; with no
// name it reads only.
func metric(ctx context.Context, r *region.Region, path, name string) ([]float64, error) {
	var values []float64
	for _, node := range r.Nodes {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, node.Ops+path, nil)
		if err != nil {
			return nil, err
		}
		resp, err := r.Client.Do(request)
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(body)) {
			if text, ok := strings.CutPrefix(line, name+" "); ok && name != "" {
				value, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
				if err != nil {
					return nil, err
				}
				values = append(values, value)
			}
		}
	}
	if name != "" && len(values) != len(r.Nodes) {
		return nil, fmt.Errorf("%d of %d nodes told their %s", len(values), len(r.Nodes), name)
	}
	return values, nil
}

func pause(ctx context.Context) {
	select {
	case <-time.After(5 * time.Millisecond):
	case <-ctx.Done():
	}
}
