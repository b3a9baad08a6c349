package oidc

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"domicile/fsm/state"
)

const (
	refreshes   = 4                // providers that are asked at a time
	metadataAge = time.Hour        // of a discovery document that is worth asking for again
	keysAge     = keysFresh / 2    // of a key set
	refreshTurn = 17 * time.Minute // until the next run of the job, at the latest
)

// RefreshProviders asks every provider that an enabled connection signs in at for its documents, a few at a time, so that
// the ledger's copies are young when a provider fails, and no other node need ask. One node of the region does it, every 15
// minutes, and leaves alone what its provider said is good for longer; it writes nothing itself, Run does. The error tells how many did not answer, or that ctx ended.
func (s *Service) RefreshProviders(ctx context.Context) error {
	view, err := s.deps.Viewer.View(ctx, state.Local())
	if err != nil {
		return err
	}
	issuers := make(map[string]bool)
	for connection := range view.AllConnections() {
		if connection.Enabled {
			issuers[connection.Issuer] = true
		}
	}
	var group sync.WaitGroup
	var failed atomic.Int32
	turns := make(chan struct{}, refreshes)
	for issuer := range issuers {
		select {
		case turns <- struct{}{}:
		case <-ctx.Done():
			group.Wait()
			return ctx.Err()
		}
		group.Go(func() {
			defer func() { <-turns }()
			if !s.refreshProvider(ctx, issuer) {
				failed.Add(1)
			}
		})
	}
	group.Wait()
	if n := failed.Load(); n > 0 {
		return fmt.Errorf("%d of %d identity providers did not answer", n, len(issuers))
	}
	return ctx.Err()
}

func (s *Service) refreshProvider(ctx context.Context, issuer string) bool {
	p := s.providers.of(issuer)
	err := p.meta.refresh(ctx, metadataAge, refreshTurn)
	if keysErr := p.keys.refresh(ctx, keysAge, refreshTurn); err == nil {
		err = keysErr
	}
	s.deps.Metrics.refreshed(err == nil)
	return err == nil
}
