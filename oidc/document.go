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

// source is where a document comes from, and where it is kept besides this node's memory.
type source[T any] struct {
	fetch  func(context.Context) ([]byte, error) // asks the provider
	parse  func([]byte) (T, error)               // refuses what is not acceptable
	recall func(context.Context) kept            // what the ledger has of it
	keep   func(context.Context, kept, kept)     // told of a new copy, after the one before; it must not block
}

// kept is a document as it came; a zero time: none.
type kept struct {
	text    []byte
	fetched time.Time
}

// document is a provider's document that is fetched when it is needed, by one caller at a time, and served stale while
// the provider is down: this node's own copy, or the one that another node left in the ledger. Failures are never kept.
type document[T any] struct {
	source[T]
	now   func() time.Time
	fresh time.Duration // how old a copy may be before it is renewed
	stale time.Duration // how old a copy may be at all

	turn chan struct{} // held by the one that fetches

	mu      sync.Mutex
	copy    copied[T] // guarded by mu, as all below
	failure error     // of the last attempt
	failed  time.Time // the last attempt that failed
	forced  time.Time // the last renewal that somebody asked for although the copy was fresh
}

// copied is a document that was read.
type copied[T any] struct {
	value T
	kept
}

func newDocument[T any](now func() time.Time, fresh, stale time.Duration, from source[T]) *document[T] {
	return &document[T]{source: from, now: now, fresh: fresh, stale: stale, turn: make(chan struct{}, 1)}
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

// refresh asks the provider, unless the copy that is there is younger than age. Unlike the others it gives an error where
// the provider does not answer and an older copy can serve.
func (d *document[T]) refresh(ctx context.Context, age time.Duration) error {
	held, usable := d.peek()
	if usable && d.now().Sub(held.fetched) < age {
		return nil
	}
	if _, err := d.renew(ctx, held.fetched, false); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.failure
}

// peek gives the copy and whether it may still be served.
func (d *document[T]) peek() (copied[T], bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.copy, d.serves(d.copy.kept)
}

func (d *document[T]) serves(k kept) bool {
	return !k.fetched.IsZero() && d.now().Sub(k.fetched) <= d.stale
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
	if left, ok := d.left(ctx, held.fetched); ok {
		held, usable = left, true
	}
	made, err := d.ask(ctx, usable)

	d.mu.Lock()
	if force {
		d.forced = d.now()
	}
	d.failure = err
	if err != nil {
		d.failed = d.now()
		if usable {
			d.copy, made, err = held, held, nil
		}
		d.mu.Unlock()
		return made.value, err
	}
	d.copy = made
	d.mu.Unlock()
	d.keep(ctx, held.kept, made.kept)
	return made.value, nil
}

// left gives the ledger's copy, if it is newer than the one held and may be served.
func (d *document[T]) left(ctx context.Context, held time.Time) (copied[T], bool) {
	left := d.recall(ctx)
	if !d.serves(left) || !left.fetched.After(held) {
		return copied[T]{}, false
	}
	value, err := d.parse(left.text)
	return copied[T]{value, left}, err == nil
}

// ask fetches and reads the document, with less patience where an older copy can serve.
func (d *document[T]) ask(ctx context.Context, hurried bool) (copied[T], error) {
	if hurried {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, renewPatience)
		defer cancel()
	}
	text, err := d.fetch(ctx)
	if err != nil {
		return copied[T]{}, err
	}
	value, err := d.parse(text)
	if err != nil {
		return copied[T]{}, err
	}
	return copied[T]{value, kept{text, d.now()}}, nil
}
