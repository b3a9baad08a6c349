package main

import (
	"fmt"
	"sync"
)

// register is one thing that one writer changes version by version: a counter, a membership, an existence. The writer
// attempts versions in order and one at a time, and repeats each until it is acknowledged; readers observe it on any node.
// With one writer the rules below are what linearizability asks for.
type register struct {
	mu        sync.Mutex
	attempted int64 // newest version that may have been applied
	acked     int64 // newest version that was acknowledged
	seen      int64 // newest version that some finished read must have shown
}

// attempt begins the next version.
func (r *register) attempt() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.attempted++
	return r.attempted
}

// ack says that a version was acknowledged.
func (r *register) ack(version int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.acked = max(r.acked, version)
}

// floor is the oldest version that a read which begins now may show.
func (r *register) floor() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return max(r.acked, r.seen)
}

// observe judges a read that began at floor and ends now; shows tells whether what it saw is what a version looks like.
func (r *register) observe(floor int64, shows func(version int64) bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for version := floor; version <= r.attempted; version++ {
		if shows(version) {
			r.seen = max(r.seen, version) // of several that look alike, the oldest: never a floor that is too high
			return nil
		}
	}
	return fmt.Errorf("is not what any version from %d (acknowledged or seen before the read) to %d (newest attempted) looks like", floor, r.attempted)
}
