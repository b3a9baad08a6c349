package directory

// Attempts bound guessing across all nodes of a region: a key (the hash of what is guessed at) allows a number of tries
// until it expires.
const (
	// MaxAttemptLimit bounds the tries that a key may allow.
	MaxAttemptLimit = 100
	// MaxAttemptLife bounds for how long tries are counted.
	MaxAttemptLife = day
	// MaxAttempts bounds the keys that are counted at one time in a region; over it further keys are refused.
	MaxAttempts = 100_000
	// MaxAttemptCounts bounds the keys that one try counts for.
	MaxAttemptCounts = 4
)

// Attempt counts the tries of one key.
type Attempt struct {
	Key     Hash
	Tries   int
	Expires Time
}

// Expired tells whether the count is over at now.
func (a *Attempt) Expired(now Time) bool { return now >= a.Expires }
