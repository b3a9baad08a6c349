package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
)

// signingKeys makes a signing key where there is none, or where the newest is old. The ledger takes one of those that are made for
// the same turn.
type signingKeys struct{ Deps }

func (k signingKeys) run(ctx context.Context) error {
	view, err := k.Viewer.View(ctx, state.Local())
	if err != nil {
		return fmt.Errorf("look for signing keys: %w", err)
	}
	if view.Level() < command.SecondLevel {
		return nil // members of an older release could not apply it
	}
	var faults []error
	for _, use := range directory.KeyUses() {
		newest, due := keyDue(view.SigningKeys(use), k.Now())
		if !due {
			continue
		}
		if err := k.add(ctx, use, newest); err != nil {
			faults = append(faults, fmt.Errorf("make a signing key for %s: %w", use, err))
		}
	}
	return errors.Join(faults...)
}

// keyDue tells whether another key is due, beside the id of the newest. The oldest key stands first.
func keyDue(keys []*directory.SigningKey, now time.Time) (newest string, due bool) {
	if len(keys) == 0 {
		return "", true
	}
	last := keys[len(keys)-1]
	return last.ID, stamp(now) >= last.Created+last.Use.Life()
}

func (k signingKeys) add(ctx context.Context, use directory.KeyUse, newest string) error {
	key, err := k.NewKey(use, newest)
	if err != nil {
		return err
	}
	err = k.propose(ctx, "", key)
	if directory.KindOf(err) == directory.KindStale {
		return nil // another leader was first
	}
	return err
}
