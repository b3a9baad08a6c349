package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// The cells of the neighbour: what a small organization gets while another one sends as much as it can. Its get and create
// are measured apart, each with a few clients, at one number of noisy clients that never wait: they come back at once when
// they are told to come back later.
const (
	noisyClients     = 64
	neighbourClients = 4
	neighbourPause   = 20 * time.Millisecond // keeps it within its own limit, in all cells alike
	neighbourPeople  = 200
	unlimited        = -1
	usualLimit       = 0 // the default of the settings
)

var neighbourCells = []struct {
	name  string
	noisy int
	rate  int // request_rate of the settings
	work  workload
}{
	{"neighbour get, alone", 0, unlimited, (*product).gets},
	{"neighbour get, limits", noisyClients, usualLimit, (*product).gets},
	{"neighbour get, no limits", noisyClients, unlimited, (*product).gets},
	{"neighbour create, alone", 0, unlimited, (*product).creates},
	{"neighbour create, limits", noisyClients, usualLimit, (*product).creates},
	{"neighbour create, no limits", noisyClients, unlimited, (*product).creates},
}

// neighbours makes the cells, with an organization of their own beside the noisy one, which is that of all other cells.
func (p *product) neighbours(ctx context.Context) ([]cell, error) {
	quiet := &product{Region: p.Region}
	var err error
	if quiet.org, err = p.NewOrganization(ctx, p.Nodes[0], "neighbour", "", "neighbour.example"); err != nil {
		return nil, err
	}
	if quiet.users, err = quiet.fill(neighbourPeople); err != nil {
		return nil, fmt.Errorf("fill the neighbour: %w", err)
	}
	var cells []cell
	for _, n := range neighbourCells {
		cells = append(cells, cell{n.name, func(_ int, d time.Duration) sample {
			if err := p.limit(ctx, n.rate); err != nil {
				return sample{err: err}
			}
			quieten := p.noise(n.noisy)
			s := runPaced(n.work(quiet, neighbourClients), d, neighbourPause, noCPU)
			quieten()
			if err := p.limit(ctx, unlimited); err != nil {
				return sample{err: err}
			}
			return s
		}})
	}
	return cells, nil
}

// limit sets the requests per second that a node takes of one organization, and waits until all nodes have heard of it.
func (p *product) limit(ctx context.Context, rate int) error {
	settings := map[string]any{"new_scim": "active", "request_rate": rate}
	if err := p.Admin(ctx, p.Nodes[0], http.MethodPut, "/settings", settings, nil); err != nil {
		return err
	}
	for _, node := range p.Nodes { // a confirmed read brings a node up to date
		if err := p.Admin(ctx, node, http.MethodGet, "/organizations/"+p.org.ID, nil, nil); err != nil {
			return err
		}
	}
	return nil
}

// noise starts clients that create and read in turns as fast as they are answered, whatever the answer.
func (p *product) noise(count int) (stop func()) {
	var done atomic.Bool
	var wait sync.WaitGroup
	for i := range count {
		wait.Go(func() {
			c := &conn{address: p.host(i)}
			for !done.Load() {
				name := fmt.Sprintf("noise%09d", p.unique.Add(1))
				_, _, _ = c.do(request(http.MethodPost, c.address, p.path("/Users"), p.org.Token, document(name)))
				_, _, _ = c.do(request(http.MethodGet, c.address, p.path("/Users/"+p.users[i%len(p.users)]), p.org.Token, nil))
			}
		})
	}
	return func() { done.Store(true); wait.Wait() }
}
