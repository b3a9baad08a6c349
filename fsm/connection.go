package fsm

import (
	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
)

func putConnection(tx *transaction, p *command.PutConnection) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	created, version := tx.now, uint64(0)
	old, ok := tx.state.Connection(p.ID)
	if ok {
		if old.Organization != tx.organization {
			return command.Result{}, directory.Errorf(directory.KindConflict, "id", "connection %s exists", p.ID)
		}
		created, version = old.Created, old.Version
	} else if p.ExpectVersion != 0 {
		return command.Result{}, noConnection(p.ID)
	}
	if refusal := stale(p.ExpectVersion, version); refusal != nil {
		return command.Result{}, refusal
	}
	if holder, taken := tx.state.ConnectionByClient(p.Issuer, p.ClientID); taken && holder.ID != p.ID {
		return command.Result{}, directory.Errorf(directory.KindConflict, "client_id",
			"another connection of this region uses this client id at this issuer")
	}
	if ok {
		retire(tx, d, old, p)
	}
	tx.state.PutConnection(d, &directory.Connection{
		ID: p.ID, Organization: tx.organization, Issuer: p.Issuer, ClientID: p.ClientID, ClientSecret: p.ClientSecret,
		AuthMethod: p.AuthMethod, Scopes: p.Scopes, Enabled: p.Enabled,
		Created: created, Modified: tx.now, Version: tx.seq,
	})
	return tx.changed(created), nil
}

// retire ends what a change of a connection makes void: the sessions that came through it, when it is turned off or speaks
// with another provider or as another client; in the latter case also its links, because subjects mean nothing elsewhere.
func retire(tx *transaction, d *state.Directory, old *directory.Connection, p *command.PutConnection) {
	elsewhere := old.Issuer != p.Issuer || old.ClientID != p.ClientID
	if elsewhere {
		d.DeleteLinksThrough(old.ID)
	}
	if elsewhere || !p.Enabled {
		tx.state.DeleteSessionsThrough(d, old.ID)
	}
}

func deleteConnection(tx *transaction, p *command.DeleteConnection) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	connection, ok := d.Connection(p.ID)
	if !ok {
		return command.Result{}, noConnection(p.ID)
	}
	tx.state.DeleteConnection(d, connection)
	return tx.changed(connection.Created), nil
}

func noConnection(id directory.ConnectionID) *directory.Error {
	return directory.Errorf(directory.KindNotFound, "", "there is no connection %q", id)
}
