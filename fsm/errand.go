package fsm

import (
	"time"

	"domicile/directory"
	"domicile/fsm/command"
)

// errand leaves something to be delivered; place and time are the command's, and the organization where none is named.
func (tx *transaction) errand(e directory.Errand) {
	if e.Organization == "" {
		e.Organization = tx.organization
	}
	tx.state.AddErrand(e)
}

func finishErrands(tx *transaction, p *command.FinishErrands) (command.Result, *directory.Error) {
	if len(p.IDs) > command.MaxErrandIDs {
		return command.Result{}, directory.Errorf(directory.KindTooLarge, "ids", "at most %d errands at once", command.MaxErrandIDs)
	}
	changed := false
	for _, id := range p.IDs {
		changed = tx.state.FinishErrand(id) || changed
	}
	return command.Result{Changed: changed}, nil
}

// remindSecret leaves the connection's version as it is, because sign-ins under way count on it.
func remindSecret(tx *transaction, p *command.RemindSecret) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	connection, ok := d.Connection(p.Connection)
	if !ok {
		return command.Result{}, noConnection(p.Connection)
	}
	result := command.Result{Version: connection.Version, Created: connection.Created, Modified: connection.Modified}
	if p.Stage <= connection.Reminded || p.Stage > connection.RemindersDue(tx.now) { // sent before, or of the secret before
		return result, nil
	}
	next := *connection
	next.Reminded = p.Stage
	tx.state.PutConnection(d, &next)
	expires := time.UnixMicro(int64(connection.SecretExpires)).UTC()
	tx.errand(directory.Errand{
		Kind: directory.ErrandSecret, Subject: string(connection.ID), Detail: expires.Format(time.RFC3339),
	})
	result.Changed = true
	return result, nil
}
