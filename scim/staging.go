package scim

import (
	"context"
	"errors"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/seal"
)

// isLarge tells whether a change of so many members has to be staged.
func isLarge(members int) bool { return members > directory.MaxStagedIDs }

// withMembers proposes a command that changes members, all in one step. Those of a large change are brought to the ledger
// in parts before; the command then names the change instead of the members. A change that did not wait long enough is
// brought once more.
func (r *request) withMembers(ctx context.Context, add, remove []directory.ResourceID,
	propose func(add, remove []directory.ResourceID, staged directory.ChangeID) (command.Result, error)) (command.Result, error) {
	if !isLarge(len(add) + len(remove)) {
		return propose(add, remove, directory.ChangeID{})
	}
	for again := false; ; again = true {
		change, err := r.stage(ctx, add, remove)
		if err != nil {
			return command.Result{}, err
		}
		result, err := propose(nil, nil, change)
		if again || !wasForgotten(err) {
			return result, err
		}
	}
}

// stage brings a change of members to the ledger, where it does nothing by itself.
func (r *request) stage(ctx context.Context, add, remove []directory.ResourceID) (directory.ChangeID, error) {
	change, all := directory.ChangeID(seal.NewRequestID()), len(add)+len(remove)
	for len(add)+len(remove) > 0 {
		part := command.StageMembers{Change: change}
		part.Add, add = cut(add, directory.MaxStagedIDs)
		part.Remove, remove = cut(remove, directory.MaxStagedIDs-len(part.Add))
		if err := r.prepare(ctx, &part); err != nil {
			return change, crowded(err, all)
		}
	}
	return change, nil
}

// wasForgotten tells that the ledger does not have a staged change any more.
func wasForgotten(err error) bool {
	refusal, ok := errors.AsType[*directory.Error](err)
	return ok && refusal.Kind == directory.KindStale && refusal.Field == "members"
}

// crowded tells a client to come back when its change would fit, were it not for others that wait.
func crowded(err error, members int) error {
	if directory.KindOf(err) == directory.KindTooLarge && members <= directory.MaxStagedNumbers {
		return directory.Unavailable(time.Duration(directory.StagedLife)*time.Microsecond/4, err, "too many large changes of members wait")
	}
	return err
}

// cut splits a list after at most n items.
func cut[T any](list []T, n int) (head, tail []T) {
	n = min(n, len(list))
	return list[:n], list[n:]
}
