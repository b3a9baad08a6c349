package state

import (
	"domicile/directory"
	"domicile/fsm/wire"
)

// Attempt finds how often something was tried. The caller checks Expired.
func (t *tables) Attempt(key directory.Hash) (*directory.Attempt, bool) {
	return t.attempts.Get(&directory.Attempt{Key: key})
}

// AttemptCount counts the keys whose tries are counted.
func (t *tables) AttemptCount() int { return t.attempts.Len() }

func lessAttempt(a, b *directory.Attempt) bool { return less(a.Key, b.Key) }

func lessAttemptEnd(a, b *directory.Attempt) bool {
	return a.Expires < b.Expires || a.Expires == b.Expires && less(a.Key, b.Key)
}

// PutAttempt adds a count of tries, or replaces the one of its key.
func (s *State) PutAttempt(attempt *directory.Attempt) {
	if old, ok := s.Attempt(attempt.Key); ok {
		s.attemptsEnd.Delete(old)
	}
	s.attempts.Set(attempt)
	s.attemptsEnd.Set(attempt)
}

func (s *State) sweepAttempts(limit int) {
	for range limit {
		attempt, ok := s.attemptsEnd.Min()
		if !ok || !attempt.Expired(s.at) {
			return
		}
		s.attempts.Delete(attempt)
		s.attemptsEnd.Delete(attempt)
	}
}

func encodeAttempt(w *wire.Writer, a *directory.Attempt) {
	w.Fixed(a.Key[:])
	w.Int(int64(a.Tries))
	w.Int(int64(a.Expires))
}

func decodeAttempt(r *wire.Reader) *directory.Attempt {
	a := new(directory.Attempt)
	r.Fixed(a.Key[:])
	a.Tries = int(r.Int())
	a.Expires = directory.Time(r.Int())
	return a
}

func (c *checker) attempts(v *View) {
	for attempt := range v.attempts.all() {
		same(c, "attempts by end", v.attemptsEnd, attempt)
		c.holds(attempt.Tries > 0 && attempt.Tries <= directory.MaxAttemptLimit, "%d tries are counted", attempt.Tries)
	}
	c.equal("attempts by end", v.attemptsEnd.Len(), v.attempts.Len())
	c.holds(v.attempts.Len() <= directory.MaxAttempts, "too many attempts are counted")
}
