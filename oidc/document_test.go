package oidc

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// source is a document's origin that can be slow, down or changed.
type source struct {
	now     time.Time
	value   int
	down    bool
	fetches atomic.Int32
}

func (s *source) document() *document[int] {
	return newDocument(func() time.Time { return s.now }, time.Hour, 10*time.Hour, func(context.Context) (int, error) {
		s.fetches.Add(1)
		if s.down {
			return 0, errors.New("down")
		}
		return s.value, nil
	})
}

func TestDocument(t *testing.T) {
	s := &source{now: time.Unix(1e9, 0), value: 1, down: true}
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

func TestDocument_oneFetchForMany(t *testing.T) {
	var fetches atomic.Int32
	started, release := make(chan struct{}), make(chan struct{})
	d := newDocument(time.Now, time.Hour, time.Hour, func(context.Context) (int, error) {
		if fetches.Add(1) == 1 {
			close(started)
		}
		<-release
		return 7, nil
	})
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
