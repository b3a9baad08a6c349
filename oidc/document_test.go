package oidc

import (
	"context"
	"errors"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// origin is where a document comes from; it can be down or changed. The shelf is what the ledger has.
type origin struct {
	now     time.Time
	value   int
	life    time.Duration
	down    bool
	shelf   kept
	offered []string
	fetches atomic.Int32
}

func (o *origin) document() *document[int] {
	return newDocument(func() time.Time { return o.now }, time.Hour, 10*time.Hour, source[int]{
		fetch: func(context.Context) ([]byte, time.Duration, error) {
			o.fetches.Add(1)
			if o.down {
				return nil, 0, errors.New("down")
			}
			return []byte(strconv.Itoa(o.value)), o.life, nil
		},
		parse:  func(text []byte) (int, error) { return strconv.Atoi(string(text)) },
		recall: func(context.Context) kept { return o.shelf },
		keep: func(_ context.Context, old, made kept) {
			o.offered = append(o.offered, old.text+">"+made.text)
		},
	})
}

// gets wants a value, or 0 for an error, and how often the provider was asked for it.
func (o *origin) gets(t *testing.T, name string, get func(context.Context) (int, error), want int, fetches int32) {
	t.Helper()
	before := o.fetches.Load()
	got, err := get(t.Context())
	if got != want || (err != nil) != (want == 0) || o.fetches.Load()-before != fetches {
		t.Errorf("%s: %d, %v, %d fetches; want %d, %d", name, got, err, o.fetches.Load()-before, want, fetches)
	}
}

func TestDocument(t *testing.T) {
	s := &origin{now: time.Unix(1e9, 0), value: 1, down: true}
	d := s.document()
	s.gets(t, "down from the start", d.get, 0, 1)
	s.gets(t, "who waited meanwhile does not ask again", d.get, 0, 0)
	s.gets(t, "nor does who wants a newer one", d.getNewer, 0, 0)
	s.now = s.now.Add(failPause - time.Second)
	s.gets(t, "a moment later", d.get, 0, 0)
	s.now = s.now.Add(time.Second)
	s.gets(t, "failures are not kept", d.get, 0, 1)
	s.down = false
	s.now = s.now.Add(failPause)
	s.gets(t, "back", d.get, 1, 1)
	s.value = 2
	s.gets(t, "fresh", d.get, 1, 0)
	s.gets(t, "asked for a newer one", d.getNewer, 2, 1)
	s.value = 3
	s.gets(t, "asked again too soon", d.getNewer, 2, 0)
	s.now = s.now.Add(31 * time.Second)
	s.gets(t, "asked again later", d.getNewer, 3, 1)
	s.now, s.value = s.now.Add(2*time.Hour), 4
	s.gets(t, "no longer fresh", d.get, 4, 1)
	s.now, s.down = s.now.Add(2*time.Hour), true
	s.gets(t, "stale while down", d.get, 4, 1)
	s.gets(t, "not asked again at once", d.get, 4, 0)
	s.now = s.now.Add(time.Minute)
	s.gets(t, "asked again after a while", d.get, 4, 1)
	s.now = s.now.Add(9 * time.Hour)
	s.gets(t, "too old", d.get, 0, 1)
}

// TestDocument_whoeverLeft: a fetch that has begun is done for everybody, also when the caller that began it goes away.
func TestDocument_whoeverLeft(t *testing.T) {
	o := &origin{now: time.Unix(1e9, 0), value: 1}
	d := o.document()
	fetch := d.fetch
	var leave context.CancelFunc
	d.fetch = func(ctx context.Context) ([]byte, time.Duration, error) {
		leave()
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		return fetch(ctx)
	}
	leaving := func(get func(context.Context) (int, error)) func(context.Context) (int, error) {
		return func(ctx context.Context) (int, error) {
			ctx, leave = context.WithCancel(ctx)
			return get(ctx)
		}
	}
	o.gets(t, "the first leaves", leaving(d.get), 1, 1)
	o.gets(t, "the next one has it", leaving(d.get), 1, 0)
	o.value = 2
	o.gets(t, "one that wants a newer one leaves", leaving(d.getNewer), 2, 1)
	o.gets(t, "the next one has that", leaving(d.get), 2, 0)
}

// TestDocument_life: a copy is good for as long as its provider says.
func TestDocument_life(t *testing.T) {
	o := &origin{now: time.Unix(1e9, 0), value: 1, life: 5 * time.Minute}
	d := o.document()
	o.gets(t, "first", d.get, 1, 1)
	o.now = o.now.Add(5 * time.Minute)
	o.gets(t, "just good", d.get, 1, 0)
	o.now, o.life, o.value = o.now.Add(time.Second), 5*time.Hour, 2
	o.gets(t, "over", d.get, 2, 1)
	o.now = o.now.Add(4 * time.Hour)
	o.gets(t, "good for longer than usual", d.get, 2, 0)
	refresh := func(ctx context.Context) (int, error) { return 2, d.refresh(ctx, time.Minute, 59*time.Minute) }
	o.gets(t, "the job goes by it", refresh, 2, 0)
	o.now, o.life = o.now.Add(time.Minute), 0
	o.gets(t, "it would be over before the next turn", refresh, 2, 1)
	o.now = o.now.Add(time.Minute)
	o.gets(t, "the provider says nothing any more", refresh, 2, 1)
}

// TestDocument_ledger: what another node left in the ledger serves before the provider is asked, as long as it is fresh, and
// where the provider does not answer, as long as it is not too old.
func TestDocument_ledger(t *testing.T) {
	now := time.Unix(1e9, 0)
	at := func(text string, age, life time.Duration) kept { return kept{text, now.Add(-age), life} }
	for _, test := range []struct {
		name    string
		shelf   kept
		down    bool
		want    int
		fetches int32
	}{
		{"fresh", at("2", time.Minute, 0), false, 2, 0},
		{"stale", at("2", 61*time.Minute, 0), false, 1, 1},
		{"said to be good for longer", at("2", 61*time.Minute, 2*time.Hour), false, 2, 0},
		{"said to be good for less", at("2", 6*time.Minute, 5*time.Minute), false, 1, 1},
		{"the provider is down", at("2", 9*time.Hour, 0), true, 2, 1},
		{"too old", at("2", 11*time.Hour, 0), true, 0, 1},
		{"not acceptable", at("x", time.Minute, 0), true, 0, 1},
		{"nothing there", kept{}, true, 0, 1},
	} {
		o := &origin{now: now, value: 1, down: test.down, shelf: test.shelf}
		o.gets(t, test.name, o.document().get, test.want, test.fetches)
	}
	o := &origin{now: now, value: 1, shelf: at("9", 20*time.Hour, 0)}
	d := o.document()
	o.gets(t, "nothing of use in the ledger", d.get, 1, 1)
	o.now, o.down, o.shelf = now.Add(time.Minute), true, kept{"3", now.Add(30 * time.Second), 0}
	o.gets(t, "another node has a newer copy", d.getNewer, 3, 1)
	if err := d.refresh(t.Context(), time.Second, 0); err == nil {
		t.Error("a refresh that failed looks well")
	}
	o.down, o.value = false, 4
	if err := d.refresh(t.Context(), time.Hour, 0); err != nil || o.offered[len(o.offered)-1] != ">1" {
		t.Errorf("a copy that is young was renewed: %v, %v", err, o.offered)
	}
	o.now, o.shelf = o.now.Add(time.Minute), kept{"5", o.now, 0}
	if err := d.refresh(t.Context(), 65*time.Second, 0); err != nil || o.offered[len(o.offered)-1] != ">1" {
		t.Errorf("a job that has just begun asks for what another had: %v, %v", err, o.offered)
	}
	o.gets(t, "the other's copy serves", d.get, 5, 0)
	if err := d.refresh(t.Context(), time.Second, 0); err != nil || o.offered[len(o.offered)-1] != "5>4" {
		t.Errorf("%v, %v", err, o.offered)
	}
}

// TestDocument_adopt: the ledger's copy takes the place of an older one, without a question.
func TestDocument_adopt(t *testing.T) {
	o := &origin{now: time.Unix(1e9, 0), value: 1}
	d := o.document()
	o.gets(t, "first", d.get, 1, 1)
	adopt := func(ctx context.Context) (int, error) {
		if value, ok := d.adopt(ctx); ok {
			return value, nil
		}
		return 0, errors.New("nothing newer")
	}
	o.shelf = kept{"2", o.now, 0}
	o.gets(t, "as old", adopt, 0, 0)
	o.shelf.fetched = o.now.Add(time.Second)
	o.gets(t, "newer", adopt, 2, 0)
	o.gets(t, "again", adopt, 0, 0)
	o.gets(t, "it serves", d.get, 2, 0)
}

func TestDocument_oneFetchForMany(t *testing.T) {
	var fetches atomic.Int32
	started, release := make(chan struct{}), make(chan struct{})
	o := origin{value: 7}
	d := o.document()
	d.now = time.Now
	d.fetch = func(context.Context) ([]byte, time.Duration, error) {
		if fetches.Add(1) == 1 {
			close(started)
		}
		<-release
		return []byte("7"), 0, nil
	}
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if got, err := d.get(t.Context()); got != 7 || err != nil {
				t.Errorf("%d, %v", got, err)
			}
		})
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	select {
	case <-started:
	case <-time.After(10 * time.Second):
		t.Fatal("nobody asks")
	}
	if _, err := d.get(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("who waits does not notice that its caller has gone: %v", err)
	}
	close(release)
	group.Wait()
	if fetches.Load() != 1 {
		t.Errorf("%d fetches", fetches.Load())
	}
}

// TestDocument_oneFailureForMany: whoever waited for a provider that does not answer does not wait for it in turn.
func TestDocument_oneFailureForMany(t *testing.T) {
	o := &origin{now: time.Unix(1e9, 0), down: true}
	d := o.document()
	var fetches, waiting atomic.Int32
	release := make(chan struct{})
	d.fetch = func(context.Context) ([]byte, time.Duration, error) {
		fetches.Add(1)
		<-release
		return nil, 0, errors.New("down")
	}
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			waiting.Add(1)
			if _, err := d.get(t.Context()); err == nil {
				t.Error("a document came out of nowhere")
			}
		})
	}
	for deadline := time.Now().Add(10 * time.Second); waiting.Load() < 50 || fetches.Load() == 0; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d wait, %d fetches", waiting.Load(), fetches.Load())
		}
	}
	close(release)
	group.Wait()
	if fetches.Load() != 1 {
		t.Errorf("%d fetches", fetches.Load())
	}
}
