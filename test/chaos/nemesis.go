package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"
)

// nemesis is one kind of strike.
type nemesis struct {
	name          string
	goal          goal
	limit         time.Duration // a gap above it fails the run
	everyone      bool          // strikes every node, so that all acknowledgements count
	trials, short int
	prepare       func(ctx context.Context, a *arena) error // once, before the trials; nil: nothing
	do            func(ctx context.Context, t *trial) error
}

// goal is what the gap should be; zero means that there is none.
type goal struct{ median, worst time.Duration }

const gateGap = 2 * time.Second

// nemeses is the table of strikes, in the order of the run. Disks come last: they move the data into small memory disks,
// whose fsync costs nothing.
func nemeses(kills int) []nemesis {
	second := time.Second
	handover := goal{median: 15 * time.Millisecond}
	return []nemesis{
		{name: "calm (no strike)", limit: gateGap, trials: 5, short: 2, do: calm},
		{name: "leader SIGKILL", goal: goal{25 * time.Millisecond, 150 * time.Millisecond}, limit: gateGap, trials: kills, short: min(kills, 10), do: killLeader},
		{name: "leader SIGSTOP 10 s", goal: goal{worst: second}, limit: gateGap, trials: 5, short: 1, do: pauseLeader},
		{name: "leader cut off", goal: goal{worst: second}, limit: gateGap, trials: 5, short: 2, do: cutOff(bothWays)},
		{name: "leader unheard", goal: goal{worst: second}, limit: gateGap, trials: 3, short: 1, do: cutOff(outOf)},
		{name: "leader deaf", goal: goal{worst: second}, limit: gateGap, trials: 3, short: 1, do: cutOff(into)},
		{name: "leader SIGTERM", goal: handover, limit: gateGap, trials: 10, short: 5, do: handOver},
		{name: "rolling SIGTERM", goal: handover, limit: gateGap, trials: 3, short: 2, do: rolling},
		{name: "all SIGKILL", limit: 30 * second, everyone: true, trials: 3, short: 1, do: killAll},
		{name: "leader disk low", limit: 6 * second, trials: 2, short: 1, prepare: rehouse, do: fillDisk(93)},
		{name: "leader disk full", limit: 6 * second, trials: 3, short: 1, prepare: rehouse, do: fillDisk(100)},
	}
}

// trial is one strike.
type trial struct {
	side     *side
	rng      *rand.Rand
	open     time.Time // when the span that is measured now began; zero: none is
	measured []span    // whose longest gap is reported beside the goal; the whole trial is judged by the limit
	ended    time.Time
}

// strike excuses a place and begins to measure. It comes just before the deed.
func (t *trial) strike(p *place, e excuse) {
	p.strike(e)
	t.observe()
}

// observe begins to measure, unless it does already.
func (t *trial) observe() {
	if t.open.IsZero() {
		t.open = time.Now()
	}
}

// observed ends what is measured.
func (t *trial) observed() {
	if !t.open.IsZero() {
		t.measured = append(t.measured, span{t.open, time.Now()})
		t.open = time.Time{}
	}
}

// restart starts a node that has ended.
func (t *trial) restart(p *place) error {
	if err := p.node.Start(); err != nil {
		return err
	}
	p.started()
	return nil
}

// succeeded waits until the others follow one of themselves.
func (t *trial) succeeded(ctx context.Context, struck *place) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for {
		follow := 0
		for _, p := range t.side.others(struck) {
			if state, err := p.node.Status(ctx); err == nil && state.Leader != "" && state.Leader != struck.node.Name {
				follow++
			}
		}
		if follow == len(t.side.places)-1 {
			return nil
		}
		if rest(ctx, 20*time.Millisecond) != nil {
			return fmt.Errorf("the others still follow %s after 5 s", struck.node.Name)
		}
	}
}

func calm(ctx context.Context, t *trial) error {
	t.observe()
	return rest(ctx, 2*time.Second)
}

func killLeader(ctx context.Context, t *trial) error {
	leader, err := t.side.leader(ctx)
	if err != nil {
		return err
	}
	t.strike(leader, vanishes)
	if err := leader.node.Kill(); err != nil {
		return err
	}
	err = errors.Join(t.succeeded(ctx, leader), rest(ctx, time.Second))
	t.observed()
	return err
}

func pauseLeader(ctx context.Context, t *trial) error {
	leader, err := t.side.leader(ctx)
	if err != nil {
		return err
	}
	t.strike(leader, vanishes)
	if err := leader.node.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	err = errors.Join(rest(ctx, 10*time.Second), t.succeeded(ctx, leader))
	return errors.Join(err, leader.node.Signal(syscall.SIGCONT))
}

// partition is how long a node is cut off: longer than the bounded wait.
const partition = 8 * time.Second

// cutOff drops what goes in some directions between the leader and the others. Its clients still reach it, so it must answer
// them all.
func cutOff(ways func(one string, others []string) []direction) func(context.Context, *trial) error {
	return func(ctx context.Context, t *trial) error {
		leader, err := t.side.leader(ctx)
		if err != nil {
			return err
		}
		var others []string
		for _, p := range t.side.others(leader) {
			others = append(others, t.side.region.Hosts[p.index])
		}
		directions := ways(t.side.region.Hosts[leader.index], others)
		t.strike(leader, refuses)
		if err := cut(directions); err != nil {
			return err
		}
		err = errors.Join(rest(ctx, partition), t.succeeded(ctx, leader))
		return errors.Join(err, heal(directions))
	}
}

func handOver(ctx context.Context, t *trial) error {
	leader, err := t.side.leader(ctx)
	if err != nil {
		return err
	}
	return t.stop(leader)
}

// stop ends a node in order. What is measured ends with it: restarting takes the machine's cores away from the others.
func (t *trial) stop(p *place) error {
	t.strike(p, closes)
	defer t.observed()
	if err := p.node.Stop(); err != nil {
		return fmt.Errorf("%s did not stop in order: %w", p.node.Name, err)
	}
	return nil
}

func rolling(ctx context.Context, t *trial) error {
	for _, i := range t.rng.Perm(len(t.side.places)) {
		p := t.side.places[i]
		if err := errors.Join(t.stop(p), t.restart(p)); err != nil {
			return err
		}
		if err := t.side.settle(ctx); err != nil {
			return err
		}
		p.pardon()
	}
	return nil
}

func killAll(_ context.Context, t *trial) error {
	for _, p := range t.side.places {
		t.strike(p, vanishes)
	}
	for _, p := range t.side.places {
		if err := p.node.Signal(syscall.SIGKILL); err != nil {
			return err
		}
	}
	for _, p := range t.side.places {
		if _, err := p.node.Wait(10 * time.Second); err != nil {
			return err
		}
	}
	return nil
}
