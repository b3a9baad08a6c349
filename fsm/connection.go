package fsm

import (
	"domicile/directory"
	"domicile/fsm/command"
)

func putConnection(tx *transaction, p *command.PutConnection) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	created, version := tx.now, uint64(0)
	if old, ok := tx.state.Connection(p.ID); ok {
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
	tx.state.PutConnection(d, &directory.Connection{
		ID: p.ID, Organization: tx.organization, Issuer: p.Issuer, ClientID: p.ClientID, ClientSecret: p.ClientSecret,
		AuthMethod: p.AuthMethod, Scopes: p.Scopes, Enabled: p.Enabled,
		Created: created, Modified: tx.now, Version: tx.seq,
	})
	return tx.changed(created), nil
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
