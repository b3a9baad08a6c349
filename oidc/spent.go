package oidc

import (
	"sync"
	"time"
)

// maxSpent bounds the sign-ins that one generation of spent remembers.
const maxSpent = 100_000

// spent remembers the sign-ins of which this node has sent a code to the provider, for as long as they could come again. The
// ledger knows only those that ended well: a stranger writes nothing into it. So a browser that keeps the cookie which it was
// told to delete gets one exchange from each node, with codes that the provider made for this very sign-in (PKCE, nonce).
type spent struct {
	mu     sync.Mutex
	young  map[string]struct{} // by the transaction's id; guarded by mu, as the rest
	old    map[string]struct{} // those of the generation before
	turned time.Time
}

func newSpent() *spent { return &spent{young: make(map[string]struct{})} }

// use notes a transaction; false when it was noted before.
func (s *spent) use(transaction string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.turned) >= transactionLifetime || len(s.young) >= maxSpent {
		s.young, s.old, s.turned = make(map[string]struct{}), s.young, now
	}
	if s.has(transaction) {
		return false
	}
	s.young[transaction] = struct{}{}
	return true
}

// holds tells whether a transaction was noted.
func (s *spent) holds(transaction string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.has(transaction)
}

func (s *spent) has(transaction string) bool {
	_, young := s.young[transaction]
	_, old := s.old[transaction]
	return young || old
}
