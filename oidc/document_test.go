package oidc

import (
	"context"
	"errors"
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
	down    bool
	shelf   kept
	offered []string
	fetches atomic.Int32
}

func (o *origin) document() *document[int] {
	return newDocument(func() time.Time { return o.now }, time.Hour, 10*time.Hour, source[int]{
		fetch: func(context.Context) ([]byte, error) {
			o.fetches.Add(1)
			if o.down {
				return nil, errors.New("down")
			}
			return []byte(strconv.Itoa(o.value)), nil
		},
		parse:  func(text []byte) (int, error) { return strconv.Atoi(string(text)) },
		recall: func(context.Context) kept { return o.shelf },
		keep: func(_ context.Context, old, made kept) {
			o.offered = append(o.offered, string(old.text)+">"+string(made.text))
		},
	})
}

func TestDocument(t *testing.T) {
	s := &origin{now: time.Unix(1e9, 0), value: 1, down: true}
	d := s.document()
	step := func(name string, get func(context.Context) (int, error), want int, wantErr bool, fetches int32) {
		t.Helper()
		before := s.fetches.Load()
		got, err := get(t.Context())
		if got != want || (err != nil) != wantErr || s.fetches.Load()-before != fetches {
			t.Errorf("%s: %d, %v, %d fetches", name, got, err, s.fetches.Load()-before)
		}
	}
	step("down from the start", d.get, 0, true, 1)
	step("failures are not kept", d.get, 0, true, 1)
	s.down = false
	step("back", d.get, 1, false, 1)
	s.value = 2
	step("fresh", d.get, 1, false, 0)
	step("asked for a newer one", d.getNewer, 2, false, 1)
	s.value = 3
	step("asked again too soon", d.getNewer, 2, false, 0)
	s.now = s.now.Add(31 * time.Second)
	step("asked again later", d.getNewer, 3, false, 1)
	s.now, s.value = s.now.Add(2*time.Hour), 4
	step("no longer fresh", d.get, 4, false, 1)
	s.now, s.down = s.now.Add(2*time.Hour), true
	step("stale while down", d.get, 4, false, 1)
	step("not asked again at once", d.get, 4, false, 0)
	s.now = s.now.Add(time.Minute)
	step("asked again after a while", d.get, 4, false, 1)
	s.now = s.now.Add(9 * time.Hour)
	step("too old", d.get, 0, true, 1)
}

// TestDocument_ledger: what another node left in the ledger serves where the provider does not answer, as long as it is not
// too old.
func TestDocument_ledger(t *testing.T) {
	now := time.Unix(1e9, 0)
	at := func(text string, age time.Duration) kept { return kept{[]byte(text), now.Add(-age)} }
	for _, test := range []struct {
		name    string
		shelf   kept
		down    bool
		want    int
		wantErr bool
	}{
		{"the provider comes first", at("2", time.Minute), false, 1, false},
		{"the provider is down", at("2", 9*time.Hour), true, 2, false},
		{"too old", at("2", 11*time.Hour), true, 0, true},
		{"not acceptable", at("x", time.Minute), true, 0, true},
		{"nothing there", kept{}, true, 0, true},
	} {
		o := &origin{now: now, value: 1, down: test.down, shelf: test.shelf}
		if got, err := o.document().get(t.Context()); got != test.want || (err != nil) != test.wantErr {
			t.Errorf("%s: %d, %v", test.name, got, err)
		}
	}
	o := &origin{now: now, value: 1, shelf: at("9", 20*time.Hour)}
	d := o.document()
	if _, err := d.get(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.now, o.down, o.shelf = now.Add(time.Minute), true, kept{[]byte("3"), now.Add(30 * time.Second)}
	if got, err := d.getNewer(t.Context()); got != 3 || err != nil {
		t.Errorf("another node has a newer copy: %d, %v", got, err)
	}
	if err := d.refresh(t.Context(), time.Second); err == nil {
		t.Error("a refresh that failed looks well")
	}
	o.down, o.value = false, 4
	if err := d.refresh(t.Context(), time.Hour); err != nil || o.offered[len(o.offered)-1] != ">1" {
		t.Errorf("a copy that is young was renewed: %v, %v", err, o.offered)
	}
	if err := d.refresh(t.Context(), time.Second); err != nil || o.offered[len(o.offered)-1] != "3>4" {
		t.Errorf("%v, %v", err, o.offered)
	}
}

func TestDocument_oneFetchForMany(t *testing.T) {
	var fetches atomic.Int32
	started, release := make(chan struct{}), make(chan struct{})
	o := origin{value: 7}
	d := o.document()
	d.now = time.Now
	d.fetch = func(context.Context) ([]byte, error) {
		if fetches.Add(1) == 1 {
			close(started)
		}
		<-release
		return []byte("7"), nil
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
	<-started
	if _, err := d.get(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("who waits does not notice that its caller has gone: %v", err)
	}
	close(release)
	group.Wait()
	if fetches.Load() != 1 {
		t.Errorf("%d fetches", fetches.Load())
	}
}
