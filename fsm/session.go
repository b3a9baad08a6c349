package fsm

import (
	"slices"

	"domicile/directory"
	"domicile/fsm/command"
)

func openSession(tx *transaction, p *command.OpenSession) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	if tx.state.TransactionUsed(p.Transaction) {
		return command.Result{}, directory.Errorf(directory.KindReplayed, "", "this sign-in was already finished")
	}
	if p.TransactionExpiry < tx.now {
		return command.Result{}, directory.Errorf(directory.KindUnauthenticated, "", "the sign-in took too long; start again")
	}
	if _, taken := tx.state.Session(p.Hash); taken {
		return command.Result{}, directory.Errorf(directory.KindConflict, "session", "the session exists")
	}
	connection, ok := d.Connection(p.Connection)
	if !ok || !connection.Enabled || connection.Version != p.ConnectionVersion {
		return command.Result{}, directory.Errorf(directory.KindForbidden, "connection", "the connection changed during the sign-in")
	}
	user, ok := d.User(p.User)
	if !ok || !user.Active || user.Source == directory.SourceRoot {
		return command.Result{}, directory.Errorf(directory.KindForbidden, "user", "the user may not sign in")
	}
	link, linked := d.Link(p.Connection, p.Issuer, p.Subject)
	if linked && link.User != p.User {
		return command.Result{}, directory.Errorf(directory.KindConflict, "subject", "the identity belongs to another user")
	}
	if !linked {
		for other := range d.LinksOf(p.User) {
			if other.Connection == p.Connection {
				return command.Result{}, directory.Errorf(directory.KindConflict, "user", "the user is tied to another identity of this provider")
			}
		}
		tx.state.PutLink(d, &directory.Link{
			Connection: p.Connection, Issuer: p.Issuer, Subject: p.Subject, User: p.User, Created: tx.now,
		})
	}
	sessions := slices.Collect(d.SessionsOf(user.Number))
	for i := 0; len(sessions)-i >= directory.MaxSessionsPerUser; i++ {
		tx.state.DeleteSession(sessions[i])
	}
	tx.state.UseTransaction(p.Transaction, p.TransactionExpiry)
	tx.state.PutSession(d, &directory.Session{
		ID: p.ID, Hash: p.Hash, Organization: tx.organization, User: p.User, UserNumber: user.Number,
		Connection: p.Connection, Created: tx.now, Expires: tx.now + directory.Time(p.Lifetime),
	})
	return tx.changed(tx.now), nil
}

func closeSession(tx *transaction, p *command.CloseSession) (command.Result, *directory.Error) {
	session, ok := tx.state.Session(p.Hash)
	if !ok || session.Organization != tx.organization {
		return command.Result{}, nil
	}
	tx.state.DeleteSession(session)
	return tx.changed(session.Created), nil
}
