package fsm

import (
	"domicile/directory"
	"domicile/fsm/command"
)

func countAttempt(tx *transaction, p *command.CountAttempt) (command.Result, *directory.Error) {
	switch {
	case p.Limit < 1 || p.Limit > directory.MaxAttemptLimit:
		return command.Result{}, directory.Errorf(directory.KindInvalid, "limit", "a limit is 1 to %d tries", directory.MaxAttemptLimit)
	case p.Expires <= tx.now || p.Expires > tx.now+directory.MaxAttemptLife:
		return command.Result{}, directory.Errorf(directory.KindInvalid, "expires", "tries are counted for a day at the most")
	}
	next := directory.Attempt{Key: p.Key, Expires: p.Expires}
	present, ok := tx.state.Attempt(p.Key)
	if ok && !present.Expired(tx.now) {
		next = *present
	}
	if next.Tries >= p.Limit || !ok && tx.state.AttemptCount() >= directory.MaxAttempts {
		return command.Result{}, directory.Errorf(directory.KindTooLarge, "attempts", "too many attempts")
	}
	next.Tries++
	tx.state.PutAttempt(&next)
	return tx.changed(tx.now), nil
}
