package fsm

import (
	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
)

// signedIn writes the row of a session that was just opened. The address is that of the root user or of break glass.
func (tx *transaction) signedIn(d *state.Directory, session *directory.Session, email string, linked bool) {
	if tx.state.Level() < command.SecondLevel {
		return
	}
	d.AppendSignIn(directory.SignIn{
		Seq: tx.seq, At: tx.now, Way: directory.WayOf(session.Kind), Connection: session.Connection, User: session.User,
		Session: session.ID, Email: email, Linked: linked, Agent: session.Agent, Address: session.Address,
	}.Fit(), tx.now)
}

func recordRefusals(tx *transaction, p *command.RecordRefusals) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	if len(p.Rows) > directory.MaxRefusalBatch {
		return command.Result{}, directory.Errorf(directory.KindTooLarge, "rows", "at most %d refusals at a time", directory.MaxRefusalBatch)
	}
	for i := range p.Rows {
		if !p.Rows[i].Refused() || !p.Rows[i].Way.Valid() {
			return command.Result{}, directory.Errorf(directory.KindInvalid, "rows", "a refusal has a reason and a way")
		}
	}
	written := false
	for i, row := range p.Rows {
		if row.User != "" && !remembered(d, row.User) {
			continue // erased meanwhile, and the row with it
		}
		if d.Organization().Stands(row.Email) == directory.StandingNone {
			row.Email = ""
		}
		row.Seq, row.Ordinal = tx.seq, uint32(i)
		row.At = min(max(row.At, tx.now-directory.MaxRefusalAge), tx.now)
		d.AppendSignIn(row.Fit(), tx.now)
		written = true
	}
	if !written {
		return command.Result{}, nil
	}
	return tx.changed(tx.now), nil
}

// remembered tells whether a user is there, or may be restored.
func remembered(d *state.Directory, id directory.ResourceID) bool {
	if _, there := d.User(id); there {
		return true
	}
	_, deleted := d.DeletedUser(id)
	return deleted
}
