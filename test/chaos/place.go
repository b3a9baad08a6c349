package main

import (
	"context"
	"strings"
	"sync/atomic"
	"time"

	"domicile/test/region"
)

// excuse is what a strike allows the struck node's own clients to meet.
type excuse int32

const (
	none     excuse = iota // not struck
	refuses                // may answer 503 at any time, but must answer: it is cut off, not gone
	closes                 // stops in order: refuses connections; only those who stay with it against /readyz may lose one
	vanishes               // is gone or frozen without a word
)

// place is a node as its clients see it.
type place struct {
	index   int
	node    *region.Node
	address string // of the public listener, host:port

	healthy atomic.Bool  // what a balancer thinks
	struck  atomic.Int32 // an excuse
	last    atomic.Int32 // the excuse before it became none
	until   atomic.Int64 // when the last strike ended, Unix nanoseconds
	vanish  atomic.Int64 // when the process was last known to be another one, Unix nanoseconds
}

func newPlace(index int, node *region.Node) *place {
	p := &place{index: index, node: node, address: strings.TrimPrefix(node.URL, "http://")}
	p.healthy.Store(true)
	return p
}

// strike begins an excuse; pardon ends it.
func (p *place) strike(e excuse) { p.struck.Store(int32(e)) }

func (p *place) pardon() {
	if was := p.struck.Swap(int32(none)); was != int32(none) {
		p.last.Store(was)
		p.until.Store(time.Now().UnixNano())
	}
}

// excused is what the node's clients were allowed to meet in a request that began then and ends now.
func (p *place) excused(began time.Time) excuse {
	if e := excuse(p.struck.Load()); e != none {
		return e
	}
	if began.UnixNano() < p.until.Load() {
		return excuse(p.last.Load())
	}
	return none
}

// started notes that a new process serves the node's address.
func (p *place) started() { p.vanish.Store(time.Now().UnixNano()) }

// restarted tells that a connection from then leads to a process that is no more.
func (p *place) restarted(born time.Time) bool { return born.UnixNano() < p.vanish.Load() }

// probeEvery is how often a balancer asks; much less than the harness's drain delay.
const probeEvery = 60 * time.Millisecond

// probe follows /readyz until ctx ends.
func (p *place) probe(ctx context.Context) {
	for rest(ctx, probeEvery) == nil {
		asking, cancel := context.WithTimeout(ctx, 250*time.Millisecond)
		p.healthy.Store(p.node.Ready(asking))
		cancel()
	}
}

// rest waits, or gives ctx's error.
func rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
