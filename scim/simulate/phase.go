package simulate

import (
	"context"
	"errors"
	"sync"
	"time"
)

// task brings one object up to date. It can be done again after it failed.
type task struct {
	object string
	do     func(context.Context) error
}

// refusal is an error that no further try will change: it becomes a difference.
type refusal struct{ kind, detail string }

func (r *refusal) Error() string { return r.kind + ": " + r.detail }

// refused words the refusal of a request.
func refused(r *request, a *answer) error {
	return &refusal{Refused, r.String() + " was answered " + statusText(a)}
}

// rounds is how often an object that failed gets another turn. Providers do that with each of their cycles, which are 40
// minutes apart; here the first turn comes after firstTurn, and each later one after twice the time.
const (
	rounds    = 8
	firstTurn = 500 * time.Millisecond
)

// phase does the tasks, and what failed once more at the end, as often as there are rounds.
func (s *session) phase(ctx context.Context, name string, tasks []task) error {
	if len(tasks) == 0 {
		return nil
	}
	p := Phase{Name: name, Objects: len(tasks)}
	began, requests, done := time.Now(), s.wire.tally.requests(), 0
	s.Progress(Progress{name, 0, len(tasks)})
	turns := rounds
	if !s.connected { // a connection test fails at once, as the button of the provider does
		turns = 1
	}
	for round := 0; len(tasks) > 0; round++ {
		failed := s.parallel(ctx, tasks, func() {
			done++
			s.Progress(Progress{name, done, p.Objects})
		})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		tasks = nil
		for _, f := range failed {
			if round+1 == turns {
				s.found.add(Failed, f.object, f.err.Error())
				continue
			}
			s.wire.tally.retry()
			tasks = append(tasks, f.task)
		}
		if len(tasks) > 0 {
			if err := sleep(ctx, min(firstTurn<<round, s.MaxWait)); err != nil {
				return err
			}
		}
	}
	p.Duration, p.Requests = time.Since(began), s.wire.tally.requests()-requests
	s.report.Phases = append(s.report.Phases, p)
	return nil
}

type failure struct {
	task
	err error
}

// parallel does all tasks and gives those that are worth another turn. settled is called for each of the others.
func (s *session) parallel(ctx context.Context, tasks []task, settled func()) []failure {
	var (
		mu     sync.Mutex
		failed []failure // guarded by mu
		wg     sync.WaitGroup
	)
	queue := make(chan task)
	for range s.Concurrency {
		wg.Go(func() {
			for t := range queue {
				err := t.do(ctx)
				again := errors.Is(err, errUnavailable)
				if err != nil && !again && ctx.Err() == nil {
					s.blame(t.object, err)
				}
				mu.Lock()
				if again {
					failed = append(failed, failure{t, err})
				} else {
					settled()
				}
				mu.Unlock()
			}
		})
	}
	for _, t := range tasks {
		queue <- t
	}
	close(queue)
	wg.Wait()
	return failed
}

// blame notes an error that will not go away.
func (s *session) blame(object string, err error) {
	if r, ok := errors.AsType[*refusal](err); ok {
		s.found.add(r.kind, object, r.detail)
		return
	}
	s.found.add(Answer, object, err.Error())
}
