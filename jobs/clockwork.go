package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/jobs/post"
	"domicile/seal"
)

// Deps is what the duties need. All of it is required but where zero is stated.
type Deps struct {
	Viewer   state.Viewer
	Proposer command.Proposer
	Leads    func() bool  // whether this node leads its region now; must not block
	Post     *post.Sender // nil: no mail is sent
	Region   directory.Region
	Now      func() time.Time
	Logger   *slog.Logger
	Metrics  *Metrics
}

// Clockwork runs the duties.
type Clockwork struct {
	Deps
	duties []duty
}

// duty is one thing that the leader does again and again.
type duty struct {
	name  string
	every time.Duration // a pause in between, give or take a tenth
	run   func(context.Context) error
}

// tick is the pause between runs of a duty that looks whether there is something to do.
const tick = 10 * time.Second

// New makes the clockwork; nothing runs before Run.
func New(deps Deps) *Clockwork {
	c := &Clockwork{Deps: deps}
	if deps.Post != nil {
		mails := failureMails{Deps: deps}
		c.duties = append(c.duties, duty{"failure mails", tick, mails.run})
	}
	return c
}

// Run runs each duty in its own time until ctx ends, and waits for those that are under way.
func (c *Clockwork) Run(ctx context.Context) {
	var work sync.WaitGroup
	for _, d := range c.duties {
		work.Go(func() { c.repeat(ctx, d) })
	}
	work.Wait()
}

func (c *Clockwork) repeat(ctx context.Context, d duty) {
	timer := time.NewTimer(jitter(d.every))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if c.Leads() {
			c.once(ctx, d)
		}
		timer.Reset(jitter(d.every))
	}
}

// once runs a duty. What fails is tried again at its next turn.
func (c *Clockwork) once(ctx context.Context, d duty) {
	err := guard(ctx, d.run)
	c.Metrics.ran(d.name, err)
	if err != nil && !errors.Is(err, context.Canceled) {
		c.Logger.LogAttrs(ctx, slog.LevelWarn, "a duty of the leader failed", slog.String("duty", d.name), slog.Any("error", err))
	}
}

// guard makes an error of a panic: a duty that cannot go on must not take down one leader after the other.
func guard(ctx context.Context, run func(context.Context) error) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("panic of type %T\n%s", fault, debug.Stack()) // its text could quote a person's data
		}
	}()
	return run(ctx)
}

// jitter gives d, up to a tenth shorter or longer, so that duties do not march in step.
func jitter(d time.Duration) time.Duration {
	const parts = 256
	part := time.Duration(seal.NewRequestID()[0])
	return d - d/10 + d/5*part/parts
}
