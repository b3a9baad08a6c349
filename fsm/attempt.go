package fsm

import (
	"domicile/directory"
	"domicile/fsm/command"
)

func countAttempt(tx *transaction, p *command.CountAttempt) (command.Result, *directory.Error) {
	if refusal := attemptFits(tx, p); refusal != nil {
		return command.Result{}, refusal
	}
	if p.Void {
		return command.Result{}, nil
	}
	counted := make([]directory.Attempt, len(p.Counts))
	fresh := 0
	for i, count := range p.Counts {
		next := directory.Attempt{Key: count.Key, Expires: p.Expires}
		if present, ok := tx.state.Attempt(count.Key); !ok {
			fresh++
		} else if !present.Expired(tx.now) {
			next = *present
		}
		if next.Tries >= count.Limit {
			return command.Result{}, tooManyAttempts()
		}
		next.Tries++
		counted[i] = next
	}
	if fresh > 0 && tx.state.AttemptCount()+fresh > directory.MaxAttempts {
		return command.Result{}, tooManyAttempts()
	}
	for i := range counted {
		tx.state.PutAttempt(&counted[i])
	}
	return tx.changed(tx.now), nil
}

func tooManyAttempts() *directory.Error {
	return directory.Errorf(directory.KindTooLarge, "attempts", "too many attempts")
}

// attemptFits wants few keys, each once.
func attemptFits(tx *transaction, p *command.CountAttempt) *directory.Error {
	if len(p.Counts) < 1 || len(p.Counts) > directory.MaxAttemptCounts {
		return directory.Errorf(directory.KindInvalid, "counts", "a try counts for 1 to %d keys", directory.MaxAttemptCounts)
	}
	if p.Expires <= tx.now || p.Expires > tx.now+directory.MaxAttemptLife {
		return directory.Errorf(directory.KindInvalid, "expires", "tries are counted for a day at the most")
	}
	for i, count := range p.Counts {
		if count.Limit < 1 || count.Limit > directory.MaxAttemptLimit {
			return directory.Errorf(directory.KindInvalid, "limit", "a limit is 1 to %d tries", directory.MaxAttemptLimit)
		}
		for _, other := range p.Counts[:i] {
			if other.Key == count.Key {
				return directory.Errorf(directory.KindInvalid, "counts", "a try counts once for a key")
			}
		}
	}
	return nil
}
