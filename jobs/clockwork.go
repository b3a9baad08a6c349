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
	Viewer    state.Viewer
	Proposer  command.Proposer
	Leads     func() bool  // whether this node leads its region now; must not block
	Post      *post.Sender // nil: no mail is sent
	Operators []string     // addresses of those who review connection requests; none: nobody is told that one waits
	Region    directory.Region
	Now       func() time.Time
	Logger    *slog.Logger
	Metrics   *Metrics

	// Logout tells an application that a session ended, see directory.ErrandLogout; nil: none is told.
	Logout func(context.Context, *directory.Errand) error
	// Setup mails an address of an organization how to set up its sign-in, see directory.ErrandSetup; nil: nobody is mailed.
	Setup func(ctx context.Context, organization directory.OrganizationID, address string) error
	// Recheck looks again at the proofs of domains that are due; nil: nobody does.
	Recheck func(context.Context) error
	// Refresh fetches anew what providers say about themselves, before it is too old; nil: nobody does.
	Refresh func(context.Context) error
	// NewKey makes a signing key for a use whose newest key is expect; nil: nobody does.
	NewKey func(use directory.KeyUse, expect string) (*command.PutSigningKey, error)
}

// Clockwork runs the duties.
type Clockwork struct {
	Deps
	duties []duty
	glance time.Duration // the longest pause between looks whether this node leads
}

// duty is one thing that the leader does again and again, and at once when it begins to lead.
type duty struct {
	name  string
	every time.Duration // a pause in between, give or take a tenth
	run   func(context.Context) error
	wait  func() // waits for what the runs left under way once their context has ended; nil: they leave nothing
}

// tick is the pause between runs of a duty that looks whether there is something to do.
const tick = 10 * time.Second

// New makes the clockwork; nothing runs before Run.
func New(deps Deps) *Clockwork {
	c := &Clockwork{Deps: deps, glance: time.Second}
	errands, failures := newErrands(deps), failureMails{Deps: deps}
	for _, row := range []struct {
		wanted bool
		duty
	}{
		{true, duty{"errands", errandPause, errands.run, errands.wait}},
		{deps.Post != nil, duty{"failure mails", tick, failures.run, nil}},
		{true, duty{"secret reminders", time.Hour, reminders{deps}.run, nil}},
		{deps.Recheck != nil, duty{"domain recheck", 10 * time.Minute, deps.Recheck, nil}},
		{deps.Refresh != nil, duty{"provider refresh", 15 * time.Minute, deps.Refresh, nil}},
		{deps.NewKey != nil, duty{"signing keys", time.Minute, signingKeys{deps}.run, nil}},
	} {
		if row.wanted {
			c.duties = append(c.duties, row.duty)
		}
	}
	return c
}

// Run runs each duty in its own time until ctx ends, and waits for those that are under way.
func (c *Clockwork) Run(ctx context.Context) {
	var work sync.WaitGroup
	for _, d := range c.duties {
		work.Go(func() {
			c.repeat(ctx, d)
			if d.wait != nil {
				d.wait()
			}
		})
	}
	work.Wait()
}

func (c *Clockwork) repeat(ctx context.Context, d duty) {
	pause := min(d.every, c.glance)
	slept := jitter(pause)
	timer := time.NewTimer(slept)
	defer timer.Stop()
	var left time.Duration // until the next run; none for whoever begins to lead
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		left -= slept
		if !c.Leads() {
			left = 0
		} else if left <= 0 {
			c.once(ctx, d)
			left = jitter(d.every) - pause/2 // the nearest glance counts
		}
		slept = jitter(pause)
		timer.Reset(slept)
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

// jobsActor is who tells the ledger what the clockwork did.
const jobsActor = "jobs"

// propose puts a command of the clockwork through the log; no organization for the region's own.
func (d *Deps) propose(ctx context.Context, org directory.OrganizationID, p command.Payload) error {
	_, err := d.Proposer.Propose(ctx, command.Command{Organization: org, Actor: jobsActor, Payload: p})
	return err
}

// mail hands one letter to the mail server and counts it; the errors are those of post.Sender.Send.
func (d *Deps) mail(ctx context.Context, kind string, l post.Letter) error {
	err := d.Post.Send(ctx, l)
	d.Metrics.mail(kind, outcomeOf(err))
	return err
}

func instant(t directory.Time) time.Time { return time.UnixMicro(int64(t)).UTC() }

func stamp(t time.Time) directory.Time { return directory.Time(t.UnixMicro()) }
