package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"time"

	"domicile/cmd/domicile/config"
	"domicile/test/region"
)

// side is one region with its clients.
type side struct {
	region *region.Region
	places []*place
	books  []*book
	score  *score

	gate    sync.RWMutex // held for reading during each step of a client; audit takes it whole
	running sync.WaitGroup
}

// organizationsPerSide spreads the load of a region.
const organizationsPerSide = 2

// openSide starts a region, each node in a namespace of its own.
func openSide(ctx context.Context, n *network, s settings, id string) (*side, error) {
	o := region.Options{
		Binary: s.binary, Dir: filepath.Join(s.dir, id), ID: id, Size: 3,
		Launcher:  func(node int) []string { return launcher(hostName(id, node)) },
		Configure: func(_ int, c *config.Config) { c.DataDir = filepath.Join(filepath.Dir(c.DataDir), diskDir, "data") },
	}
	for node := range o.Size {
		host, err := n.addHost(hostName(id, node))
		if err != nil {
			return nil, err
		}
		o.Hosts = append(o.Hosts, host)
	}
	r, err := region.Start(ctx, o)
	if err != nil {
		return nil, err
	}
	sd := &side{region: r}
	for i, node := range r.Nodes {
		sd.places = append(sd.places, newPlace(i, node))
	}
	if sd.score, err = newScore(filepath.Join(s.dir, "history-"+id)); err != nil {
		return nil, err
	}
	return sd, nil
}

func hostName(region string, node int) string { return fmt.Sprintf("%s-%d", region, node+1) }

// found makes the organizations and follows the nodes' readiness until ctx ends.
func (s *side) found(ctx context.Context) error {
	for n := range organizationsPerSide {
		slug := fmt.Sprintf("chaos-%s-%d", s.region.ID, n)
		o, err := s.region.NewOrganization(ctx, s.region.Nodes[n%len(s.region.Nodes)], slug, "")
		if err != nil {
			return err
		}
		s.books = append(s.books, &book{organization: o.ID, token: o.Token})
	}
	for _, p := range s.places {
		s.running.Go(func() { p.probe(ctx) })
	}
	return nil
}

// load makes what the writers own, and lets the clients loose until ctx ends.
func (s *side) load(ctx context.Context, writers, readers int, think time.Duration, seed uint64) error {
	var owners []*writer
	for i := range writers {
		w, err := newWriter(s, i, think, seed)
		if err != nil {
			return err
		}
		owners = append(owners, w)
	}
	for _, w := range owners {
		s.running.Go(func() { w.run(ctx) })
	}
	for i := range readers {
		s.running.Go(func() { newReader(s, i, 5*think, seed).run(ctx) })
	}
	return nil
}

// route is where a balancer sends a client whose turn begins at home, the nth time that it tries.
func (s *side) route(home, try int) int {
	var healthy, all []int
	for i := range s.places {
		n := (home + i) % len(s.places)
		all = append(all, n)
		if s.places[n].healthy.Load() {
			healthy = append(healthy, n)
		}
	}
	if len(healthy) == 0 {
		healthy = all
	}
	return healthy[try%len(healthy)]
}

// settleTimeout bounds how long a region may take to be whole again after a strike.
const settleTimeout = 40 * time.Second

// settle waits until every node is ready, names the same leader, and has caught up with it.
func (s *side) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	for {
		why := s.unsettled(ctx)
		if why == "" {
			return nil
		}
		if rest(ctx, 30*time.Millisecond) != nil {
			return fmt.Errorf("not whole again after %s: %s", settleTimeout, why)
		}
	}
}

// maxBehind is by how many commands a settled follower may be behind while the load goes on.
const maxBehind = 500

func (s *side) unsettled(ctx context.Context) string {
	var states []region.Status
	var newest uint64
	for _, p := range s.places {
		state, err := p.node.Status(ctx)
		if err != nil {
			return err.Error()
		}
		if !p.node.Ready(ctx) {
			return p.node.Name + " is not ready"
		}
		newest = max(newest, state.Seq)
		states = append(states, state)
	}
	for _, state := range states {
		if state.Leader == "" || state.Leader != states[0].Leader {
			return fmt.Sprintf("%s follows %q, %s follows %q", state.Node, state.Leader, states[0].Node, states[0].Leader)
		}
		if state.Seq+maxBehind < newest {
			return fmt.Sprintf("%s is %d commands behind", state.Node, newest-state.Seq)
		}
	}
	return ""
}

// leader gives the place that leads.
func (s *side) leader(ctx context.Context) (*place, error) {
	node, err := s.region.Leader(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range s.places {
		if p.node == node {
			return p, nil
		}
	}
	return nil, fmt.Errorf("%s is nobody's node", node.Name)
}

// others are all places but one.
func (s *side) others(not *place) []*place {
	var all []*place
	for _, p := range s.places {
		if p != not {
			all = append(all, p)
		}
	}
	return all
}

// close ends everything.
func (s *side) close() error {
	s.running.Wait()
	err := s.region.Close()
	if scoreErr := s.score.close(); err == nil {
		err = scoreErr
	}
	return err
}

// random gives a client its own source, the same for the same seed.
func random(seed uint64, role string, i int) *rand.Rand {
	name := uint64(i)
	for _, c := range role {
		name = name*131 + uint64(c)
	}
	return rand.New(rand.NewPCG(seed, name))
}
