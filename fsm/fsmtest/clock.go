package fsmtest

import (
	"sync"
	"time"
)

// Clock is a time that a test moves. The zero value goes with the real time. It is safe for all.
type Clock struct {
	mu    sync.Mutex
	still time.Time // where it stands; zero: it goes
	ahead time.Duration
}

// Now gives the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.still.IsZero() {
		return time.Now().Add(c.ahead)
	}
	return c.still.Add(c.ahead)
}

// Advance moves the time.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

// Stop sets the time; from now on it stands still but for Advance. The zero time lets it go with the real time again.
func (c *Clock) Stop(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.still, c.ahead = at, 0
}
