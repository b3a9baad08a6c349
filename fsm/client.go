package fsm

import (
	"domicile/directory"
	"domicile/fsm/command"
)

func createClient(tx *transaction, p *command.CreateClient) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	if _, taken := tx.state.Client(p.ID); taken {
		return command.Result{}, directory.Errorf(directory.KindConflict, "id", "client %s exists", p.ID)
	}
	if d.ClientCount() >= directory.MaxClients {
		return command.Result{}, directory.Errorf(directory.KindTooLarge, "",
			"an organization has at most %d OAuth clients; delete one first", directory.MaxClients)
	}
	if len(p.RedirectURIs) > directory.MaxRedirectURIs {
		return command.Result{}, directory.Errorf(directory.KindTooLarge, "redirect_uris",
			"at most %d redirect URIs", directory.MaxRedirectURIs)
	}
	tx.state.PutClient(d, &directory.Client{
		ID: p.ID, Organization: tx.organization, Name: p.Name, SecretHash: p.SecretHash, RedirectURIs: p.RedirectURIs,
		Created: tx.now, Version: tx.seq,
	})
	return tx.changed(tx.now), nil
}

func deleteClient(tx *transaction, p *command.DeleteClient) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	client, ok := d.Client(p.ID)
	if !ok {
		return command.Result{}, noClient(p.ID)
	}
	tx.state.DeleteClient(d, client)
	return tx.changed(client.Created), nil
}

func noClient(id directory.ClientID) *directory.Error {
	return directory.Errorf(directory.KindNotFound, "", "there is no OAuth client %q", id)
}
