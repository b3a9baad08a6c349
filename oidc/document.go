package oidc

import (
	"context"
	"sync"
	"time"
)

const (
	retryPause    = 30 * time.Second // between two attempts of one kind that did not help
	renewPatience = 3 * time.Second  // for a renewal while an older copy can serve
)

// document is a provider's document that is fetched when it is needed, by one caller at a time, and served stale while
// the provider is down. Failures are never kept.
type document[T any] struct {
	fetch func(context.Context) (T, error)
	now   func() time.Time
	fresh time.Duration // how old a copy may be before it is renewed
	stale time.Duration // how old a copy may be at all

	turn chan struct{} // held by the one that fetches

	mu     sync.Mutex
	copy   dated[T]  // guarded by mu, as all below
	failed time.Time // the last attempt that failed
	forced time.Time // the last renewal that somebody asked for although the copy was fresh
}

// dated is a value with the time at which it was fetched; a zero time: never.
type dated[T any] struct {
	value   T
	fetched time.Time
}

func newDocument[T any](now func() time.Time, fresh, stale time.Duration, fetch func(context.Context) (T, error)) *document[T] {
	return &document[T]{fetch: fetch, now: now, fresh: fresh, stale: stale, turn: make(chan struct{}, 1)}
}

// get gives a copy that is fresh, or a stale one if the provider cannot be asked.
func (d *document[T]) get(ctx context.Context) (T, error) {
	held, usable := d.peek()
	age := d.now().Sub(held.fetched)
	if usable && (age <= d.fresh || d.recently(&d.failed)) {
		return held.value, nil
	}
	return d.renew(ctx, held.fetched, false)
}

// getNewer gives a newer copy than the one that a caller found wanting. The provider is asked at most once in 30 seconds,
// however many callers are not content; in between they get the copy that is there.
func (d *document[T]) getNewer(ctx context.Context) (T, error) {
	held, _ := d.peek()
	return d.renew(ctx, held.fetched, true)
}

// peek gives the copy and whether it may still be served.
func (d *document[T]) peek() (dated[T], bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.copy, !d.copy.fetched.IsZero() && d.now().Sub(d.copy.fetched) <= d.stale
}

func (d *document[T]) recently(moment *time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now().Sub(*moment) < retryPause
}

// renew waits for its turn and fetches, unless another caller has brought a copy newer than the one known.
func (d *document[T]) renew(ctx context.Context, known time.Time, force bool) (T, error) {
	var none T
	select {
	case d.turn <- struct{}{}:
	case <-ctx.Done():
		return none, ctx.Err()
	}
	defer func() { <-d.turn }()
	held, usable := d.peek()
	if usable && (held.fetched.After(known) || (force && d.recently(&d.forced))) {
		return held.value, nil
	}
	if usable {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, renewPatience)
		defer cancel()
	}
	value, err := d.fetch(ctx)

	d.mu.Lock()
	defer d.mu.Unlock()
	if force {
		d.forced = d.now()
	}
	if err == nil {
		d.copy = dated[T]{value, d.now()}
		return value, nil
	}
	d.failed = d.now()
	if usable {
		return held.value, nil
	}
	return none, err
}
