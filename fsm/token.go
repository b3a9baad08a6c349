package fsm

import (
	"domicile/directory"
	"domicile/fsm/command"
)

func createToken(tx *transaction, p *command.CreateToken) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	_, idTaken := d.Token(p.ID)
	_, hashTaken := tx.state.TokenByHash(p.Hash)
	if idTaken || hashTaken {
		return command.Result{}, directory.Errorf(directory.KindConflict, "token", "the token exists")
	}
	tx.state.PutToken(d, &directory.Token{
		ID: p.ID, Organization: tx.organization, Hash: p.Hash, Name: p.Name, Hint: p.Hint,
		Created: tx.now, Expires: p.Expires,
	})
	return tx.changed(tx.now), nil
}

func revokeToken(tx *transaction, p *command.RevokeToken) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	token, ok := d.Token(p.ID)
	if !ok {
		return command.Result{}, directory.Errorf(directory.KindNotFound, "", "there is no token %q", p.ID)
	}
	tx.state.DeleteToken(d, token)
	return tx.changed(token.Created), nil
}
