package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// arena is the two regions: one is struck, the other must not notice.
type arena struct {
	settings
	rng      *rand.Rand
	struck   *side
	other    *side
	stopLoad context.CancelFunc
}

// bystanders are the clients of the other region.
const bystanders = 3

// openArena starts both regions and their load.
func openArena(ctx context.Context, s settings) (*arena, error) {
	n, err := openNetwork()
	if err != nil {
		return nil, err
	}
	a := &arena{settings: s, rng: random(s.seed, "strikes", 0)}
	if a.struck, err = openSide(ctx, n, s, "us"); err != nil {
		return nil, err
	}
	if a.other, err = openSide(ctx, n, s, "eu"); err != nil {
		return nil, errors.Join(err, a.struck.region.Close())
	}
	loading, stop := context.WithCancel(ctx)
	a.stopLoad = stop
	err = errors.Join(a.struck.found(loading), a.other.found(loading))
	if err == nil {
		err = errors.Join(
			a.struck.load(loading, s.writers, s.readers, s.think, s.seed),
			a.other.load(loading, bystanders, bystanders, 20*time.Millisecond, s.seed),
		)
	}
	if err != nil {
		return nil, errors.Join(err, a.close())
	}
	return a, nil
}

func (a *arena) close() error {
	a.stopLoad()
	return errors.Join(a.struck.close(), a.other.close(), unmount(a.struck.places))
}

// row is the outcome of one kind of strike.
type row struct {
	name   string
	goal   goal
	limit  time.Duration
	trials int
	gaps   []time.Duration // of the measured times
	whole  time.Duration   // the longest in whole trials, restarts included
	tally  *tally
	err    error // what kept it from running, or from being whole again
}

// failures are the reasons why the row fails.
func (r *row) failures() []string {
	var all []string
	if r.err != nil {
		all = append(all, r.err.Error())
	}
	if r.tally.faults > 0 {
		all = append(all, fmt.Sprintf("%d broken promises", r.tally.faults))
	}
	if r.whole > r.limit {
		all = append(all, fmt.Sprintf("a gap of %s, above the limit of %s", r.whole.Round(time.Millisecond), r.limit))
	}
	return all
}

func (r *row) median() time.Duration {
	if len(r.gaps) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(r.gaps))
	return sorted[len(sorted)/2]
}

func (r *row) worst() time.Duration {
	if len(r.gaps) == 0 {
		return 0
	}
	return slices.Max(r.gaps)
}

// strikeAll runs the table. A region that does not become whole again ends it: what follows would only repeat that.
func (a *arena) strikeAll(ctx context.Context) []row {
	var rows []row
	for _, n := range nemeses(a.kills) {
		if !a.only.MatchString(n.name) {
			continue
		}
		if a.short {
			n.trials = n.short
		}
		rows = append(rows, a.strike(ctx, n))
		printProgress(&rows[len(rows)-1])
		if err := a.struck.settle(ctx); err != nil || ctx.Err() != nil {
			break
		}
	}
	return rows
}

// strike runs the trials of one kind and the audit after them.
func (a *arena) strike(ctx context.Context, n nemesis) row {
	r := row{name: n.name, goal: n.goal, limit: n.limit}
	if n.prepare != nil {
		r.err = n.prepare(ctx, a)
	}
	var trials []*trial
	for len(trials) < n.trials && r.err == nil {
		t := &trial{side: a.struck, rng: a.rng}
		trials = append(trials, t)
		r.err = a.try(ctx, n, t)
	}
	if ctx.Err() == nil {
		a.struck.audit(ctx)
	}
	r.tally = a.struck.score.turn()
	for _, t := range trials {
		if len(t.measured) == 0 {
			continue
		}
		r.trials++
		worst := time.Duration(0)
		for _, m := range t.measured {
			worst = max(worst, gap(r.tally.acks, m, n.everyone))
		}
		r.gaps = append(r.gaps, worst)
		r.whole = max(r.whole, gap(r.tally.acks, span{t.measured[0].from, t.ended}, n.everyone))
	}
	return r
}

// try is one trial, from a whole region to a whole region: whatever the strike ended is started again.
func (a *arena) try(ctx context.Context, n nemesis, t *trial) error {
	settling := time.Duration(300+a.rng.IntN(400)) * time.Millisecond // so that strikes meet every phase of the heartbeats
	if err := errors.Join(a.struck.settle(ctx), rest(ctx, settling)); err != nil {
		return err
	}
	err := n.do(ctx, t)
	for _, p := range a.struck.places {
		if p.node.PID() == 0 && ctx.Err() == nil {
			err = errors.Join(err, t.restart(p))
		}
	}
	err = errors.Join(err, a.struck.settle(ctx))
	t.ended = time.Now()
	t.observed()
	for _, p := range a.struck.places {
		p.pardon()
	}
	return err
}

// bystander audits the region that nobody struck, and gives its row.
func (a *arena) bystander(ctx context.Context) row {
	if ctx.Err() == nil {
		a.other.audit(ctx)
	}
	r := row{name: "the other region", limit: gateGap, trials: 1, tally: a.other.score.turn()}
	if acks := r.tally.acks; len(acks) > 0 {
		r.whole = gap(acks, span{acks[0].at, acks[len(acks)-1].at}, false)
		r.gaps = []time.Duration{r.whole}
	}
	if r.tally.refused > 0 {
		r.err = fmt.Errorf("%d requests were refused", r.tally.refused)
	}
	return r
}
