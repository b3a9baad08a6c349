package oidc

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
)

const (
	touchPause    = 10 * time.Second // between two writings
	touchPatience = 5 * time.Second  // for one
	maxTouches    = 50_000           // sessions whose use waits to be written on this node
)

// touches gathers when sessions were used, so that a use costs no write of its own. What it holds is lost with the process:
// the next use of the session is noted instead.
type touches struct {
	mu   sync.Mutex
	uses map[directory.Hash]directory.Time // guarded by mu
}

func newTouches() *touches { return &touches{uses: make(map[directory.Hash]directory.Time)} }

// note keeps the last use of a session; false over the bound.
func (t *touches) note(hash directory.Hash, at directory.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.uses[hash]; !known && len(t.uses) >= maxTouches {
		return false
	}
	t.uses[hash] = max(t.uses[hash], at)
	return true
}

// take gives what was gathered, in commands of a bounded size, and forgets it.
func (t *touches) take() []command.TouchSessions {
	t.mu.Lock()
	uses := t.uses
	t.uses = make(map[directory.Hash]directory.Time)
	t.mu.Unlock()
	var batches []command.TouchSessions
	for hash, at := range uses {
		if n := len(batches); n == 0 || len(batches[n-1].Uses) == command.MaxSessionUses {
			batches = append(batches, command.TouchSessions{})
		}
		last := &batches[len(batches)-1]
		last.Uses = append(last.Uses, command.SessionUse{Hash: hash, At: at})
	}
	return batches
}

// touch notes that a session is used, where that is worth a write.
func (s *Service) touch(session *directory.Session, now directory.Time) {
	if session.TouchDue(now) && !s.touches.note(session.Hash, now) {
		s.deps.Metrics.untouched.Inc()
	}
}

// writeTouches writes what was gathered, every ten seconds. While this node is cut off it waits; a write that fails is given up, because who
// still uses the session is noted again.
func (s *Service) writeTouches(ctx context.Context) {
	view, err := s.deps.Viewer.View(ctx, state.Local())
	if err != nil {
		return
	}
	for _, batch := range s.touches.take() {
		if view.Level() < command.SecondLevel {
			continue // the ledger does not take them yet
		}
		if err := s.writeBatch(ctx, &batch); err != nil {
			s.deps.Metrics.untouched.Add(float64(len(batch.Uses)))
			s.deps.Logger.WarnContext(ctx, "uses of sessions were not noted", slog.Any("error", err))
			continue
		}
		s.deps.Metrics.touched.Add(float64(len(batch.Uses)))
	}
}

func (s *Service) writeBatch(ctx context.Context, batch *command.TouchSessions) error {
	ctx, cancel := context.WithTimeout(ctx, touchPatience)
	defer cancel()
	_, err := propose(ctx, s.deps.Proposer, command.Command{Actor: doorActor, Payload: batch})
	return err
}
