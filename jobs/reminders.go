package jobs

import (
	"context"
	"errors"
	"fmt"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
)

// reminders notes that client secrets expire soon, which makes the errands that tell their owners. Where several reminders
// came due since the last look, one is sent.
type reminders struct{ Deps }

func (r reminders) run(ctx context.Context) error {
	view, err := r.Viewer.View(ctx, state.Local()) // one that was noted before is noted once
	if err != nil {
		return fmt.Errorf("look for expiring secrets: %w", err)
	}
	now := stamp(r.Now())
	var faults []error
	for connection := range view.AllConnections() {
		due := connection.RemindersDue(now)
		if !connection.Enabled || due <= connection.Reminded {
			continue
		}
		if !r.Leads() {
			return nil // whoever leads now goes on
		}
		err := r.propose(ctx, connection.Organization, &command.RemindSecret{Connection: connection.ID, Stage: due})
		switch directory.KindOf(err) {
		case 0, directory.KindNotFound: // not found: the connection went meanwhile
		case directory.KindUnavailable, directory.KindExpired:
			return fmt.Errorf("remind of an expiring secret: %w", err)
		default:
			faults = append(faults, fmt.Errorf("remind of the secret of connection %s: %w", connection.ID, err))
		}
	}
	return errors.Join(faults...)
}
