package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
)

// book is what must be true of one organization.
type book struct {
	organization, token string
	group               string // id of the group that all writers share
	counters            []*counter
	links               []*link

	mu    sync.Mutex
	lives []*life // guarded by mu
}

// counter is a user whose displayName counts.
type counter struct {
	register
	id, userName string
}

func (*counter) shows(displayName string) func(int64) bool {
	return func(version int64) bool { return displayName == strconv.FormatInt(version, 10) }
}

// link is the membership of a user in the shared group: odd versions are members.
type link struct {
	register
	member string
}

func (*link) shows(member bool) func(int64) bool {
	return func(version int64) bool { return member == (version%2 == 1) }
}

// life is a user who is created, and perhaps deleted: version 0 is nobody yet, 1 is there, 2 is gone.
type life struct {
	register
	userName, externalID string
	id                   string // known once version 1 is acknowledged; guarded by the register's mutex
}

func (*life) shows(present bool) func(int64) bool {
	return func(version int64) bool { return present == (version == 1) }
}

// born is the acknowledgement of version 1.
func (l *life) born(id string) {
	l.mu.Lock()
	l.id = id
	l.mu.Unlock()
	l.ack(1)
}

func (l *life) identity() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.id
}

// begin makes the next life of a writer.
func (b *book) begin(writer string) *life {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := len(b.lives)
	l := &life{userName: fmt.Sprintf("%s-life-%d@chaos.example", writer, n), externalID: fmt.Sprintf("%s-%d", writer, n)}
	b.lives = append(b.lives, l)
	return l
}

// recently is among how many of the newest lives a reader looks mostly: they change.
const recently = 64

// someLife is a random one, nil when there is none.
func (b *book) someLife(rng *rand.Rand) *life {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := len(b.lives)
	if n == 0 {
		return nil
	}
	if rng.IntN(4) > 0 {
		return b.lives[n-1-rng.IntN(min(n, recently))]
	}
	return b.lives[rng.IntN(n)]
}

func (b *book) allLives() []*life {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lives[:len(b.lives):len(b.lives)]
}
