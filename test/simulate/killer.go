package main

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"domicile/scim/simulate"
	"domicile/test/region"
)

// kill is one leader that was killed.
type kill struct {
	node, phase string
	gap         time.Duration // until another node led
}

// killer kills leaders while a provider is at work.
type killer struct {
	region  *region.Region
	planned int
	wg      sync.WaitGroup

	mu    sync.Mutex
	kills []kill // all guarded by mu
	busy  bool
	err   error
}

func newKiller(r *region.Region, planned int) *killer { return &killer{region: r, planned: planned} }

// watch gives what follows the progress of a run: it strikes in the middle of users, of memberships, and of whatever else
// the provider writes, until all planned kills are done.
func (k *killer) watch(ctx context.Context) func(simulate.Progress) {
	struck := make(map[string]bool)
	return func(p simulate.Progress) {
		if !strings.HasSuffix(p.Phase, ": users") && !strings.HasSuffix(p.Phase, ": memberships") ||
			strings.HasPrefix(p.Phase, "verify") || struck[p.Phase] || p.Done < p.Total/3 {
			return
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.busy || k.err != nil || len(k.kills) == k.planned {
			return
		}
		struck[p.Phase], k.busy = true, true
		k.wg.Go(func() { k.strike(ctx, p.Phase) })
	}
}

// strike kills the leader, waits for the next one, and starts the node again.
func (k *killer) strike(ctx context.Context, phase string) {
	done, err := k.once(ctx, phase)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.busy = false
	if err != nil {
		k.err = errors.Join(k.err, err)
		return
	}
	k.kills = append(k.kills, done)
}

func (k *killer) once(ctx context.Context, phase string) (kill, error) {
	leader, err := k.region.Leader(ctx)
	if err != nil {
		return kill{}, err
	}
	began := time.Now()
	if err := leader.Kill(); err != nil {
		return kill{}, err
	}
	if _, err := k.region.Leader(ctx); err != nil {
		return kill{}, err
	}
	gap := time.Since(began)
	if err := leader.Start(); err != nil {
		return kill{}, err
	}
	return kill{leader.Name, phase, gap}, leader.AwaitReady(ctx)
}

// wait waits for what is under way and gives all kills.
func (k *killer) wait() ([]kill, error) {
	k.wg.Wait()
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.kills, k.err
}
