package oidc

import (
	"cmp"
	"context"
	"sync"
	"time"
)

const (
	retryPause    = 30 * time.Second // between two attempts of one kind that did not help, while an older copy can serve
	failPause     = 5 * time.Second  // for which a failure answers for the provider where no copy can serve
	renewPatience = 3 * time.Second  // for a renewal while an older copy can serve
)

// source is where a document comes from, and where it is kept besides this node's memory.
type source[T any] struct {
	fetch  func(context.Context) (text []byte, life time.Duration, err error) // asks the provider
	parse  func([]byte) (T, error)                                            // refuses what is not acceptable
	recall func(context.Context) kept                                         // what the ledger has of it
	keep   func(context.Context, kept, kept)                                  // told of a new copy, after the one before; it must not block
}

// kept is a document as it came; a zero time: none.
type kept struct {
	text    string
	fetched time.Time
	life    time.Duration // how long it may be used without asking again, as the provider said; 0: it did not say
}

// document is a provider's document that is fetched when it is needed, by one caller at a time, and served stale while
// the provider is down: this node's own copy, or the one that another node left in the ledger. The ledger is looked at before
// the provider is asked. A failure is remembered for the moment that callers who waited for it need, never longer.
type document[T any] struct {
	source[T]
	now   func() time.Time
	fresh time.Duration // how old a copy may be before it is renewed, where the provider did not say
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

// get gives a copy that is fresh, or a stale one if the provider cannot be asked. The ledger's comes first where it is newer: what a
// provider took back on one node is taken back on all.
func (d *document[T]) get(ctx context.Context) (T, error) {
	d.adopt(ctx)
	held, usable := d.peek()
	if usable && (d.isFresh(held.kept) || d.recently(&d.failed)) {
		return held.value, nil
	}
	return d.renew(ctx, held.fetched, d.isFresh)
}

// getNewer gives a newer copy than the one that a caller found wanting. The provider is asked at most once in 30 seconds,
// however many callers are not content; in between they get the copy that is there.
func (d *document[T]) getNewer(ctx context.Context) (T, error) {
	held, _ := d.peek()
	return d.renew(ctx, held.fetched, nil)
}

// adopt takes over the ledger's copy where it is newer than this node's, and gives it; false where there is none. The provider
// is not asked.
func (d *document[T]) adopt(ctx context.Context) (T, bool) {
	held, _ := d.peek()
	left, ok := d.left(ctx, held.fetched)
	if !ok {
		var none T
		return none, false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if left.fetched.After(d.copy.fetched) {
		d.copy = left
	}
	return left.value, true
}

// refresh asks the provider, unless a copy of this node's or the ledger's is younger than age, or will outlive the next turn
// where the provider said how long it lives. Unlike the others it gives an error where the provider does not answer and an older
// copy can serve.
func (d *document[T]) refresh(ctx context.Context, age, turn time.Duration) error {
	young := func(k kept) bool {
		limit := age
		if k.life > 0 {
			limit = k.life - turn
		}
		return d.now().Sub(k.fetched) < limit
	}
	held, usable := d.peek()
	if usable && young(held.kept) {
		return nil
	}
	if _, err := d.renew(ctx, held.fetched, young); err != nil {
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

func (d *document[T]) isFresh(k kept) bool {
	return d.now().Sub(k.fetched) <= cmp.Or(k.life, d.fresh)
}

func (d *document[T]) recently(moment *time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now().Sub(*moment) < retryPause
}

// failedNow gives the failure of an attempt a moment ago.
func (d *document[T]) failedNow() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.now().Sub(d.failed) < failPause {
		return d.failure
	}
	return nil
}

// renew waits for its turn and fetches, unless another caller has brought a copy newer than the one known, or the ledger has one
// that is enough; without enough none is, and the caller is not content with what it knows.
func (d *document[T]) renew(ctx context.Context, known time.Time, enough func(kept) bool) (T, error) {
	var none T
	select {
	case d.turn <- struct{}{}:
	case <-ctx.Done():
		return none, ctx.Err()
	}
	defer func() { <-d.turn }()
	held, usable := d.peek()
	if usable && (held.fetched.After(known) || (enough == nil && d.recently(&d.forced))) {
		return held.value, nil
	}
	if left, ok := d.left(ctx, held.fetched); ok {
		held, usable = left, true
		if enough != nil && enough(left.kept) {
			d.settle(left, nil)
			return left.value, nil
		}
	}
	if !usable {
		if err := d.failedNow(); err != nil {
			return none, err
		}
	}
	made, err := d.ask(ctx, usable)
	if enough == nil {
		d.mu.Lock()
		d.forced = d.now()
		d.mu.Unlock()
	}
	if err == nil {
		d.settle(made, nil)
		d.keep(ctx, held.kept, made.kept)
		return made.value, nil
	}
	d.settle(held, err)
	if usable {
		return held.value, nil
	}
	return none, err
}

// settle notes how an attempt ended: with a copy to serve, or why there is no newer one than that.
func (d *document[T]) settle(made copied[T], failure error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failure = failure
	if failure != nil {
		d.failed = d.now()
	}
	if failure == nil || made.fetched.After(d.copy.fetched) {
		d.copy = made
	}
}

// left gives the ledger's copy, if it is newer than the one held and may be served.
func (d *document[T]) left(ctx context.Context, held time.Time) (copied[T], bool) {
	left := d.recall(ctx)
	if !d.serves(left) || !left.fetched.After(held) {
		return copied[T]{}, false
	}
	value, err := d.parse([]byte(left.text))
	return copied[T]{value, left}, err == nil
}

// ask fetches and reads the document, with less patience where an older copy can serve. It goes on for the others when whoever
// asked first has gone.
func (d *document[T]) ask(ctx context.Context, hurried bool) (copied[T], error) {
	ctx = context.WithoutCancel(ctx)
	if hurried {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, renewPatience)
		defer cancel()
	}
	text, life, err := d.fetch(ctx)
	if err != nil {
		return copied[T]{}, err
	}
	value, err := d.parse(text)
	if err != nil {
		return copied[T]{}, err
	}
	return copied[T]{value, kept{string(text), d.now(), life}}, nil
}
