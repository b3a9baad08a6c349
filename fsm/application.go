package fsm

import (
	"domicile/directory"
	"domicile/fsm/command"
)

func putApplication(tx *transaction, p *command.PutApplication) (command.Result, *directory.Error) {
	next := &directory.Application{
		ID: p.ID, Name: p.Name, SecretHash: p.SecretHash, PreviousHash: p.PreviousHash, RedirectURIs: p.RedirectURIs,
		LogoutURIs: p.LogoutURIs, BackChannelURI: p.BackChannelURI, Created: tx.now, Modified: tx.now, Version: tx.seq,
	}
	if refusal := asRefusal(next.Fits()); refusal != nil {
		return command.Result{}, refusal
	}
	old, had := tx.state.Application(p.ID)
	switch {
	case had && p.ExpectVersion == 0:
		return command.Result{}, directory.Errorf(directory.KindConflict, "id", "application %s exists", p.ID)
	case had && p.ExpectVersion != old.Version:
		return command.Result{}, stale(p.ExpectVersion, old.Version)
	case had:
		next.Created = old.Created
	case p.ExpectVersion != 0:
		return command.Result{}, noApplication(p.ID)
	case p.ID == "":
		return command.Result{}, directory.Errorf(directory.KindInvalid, "id", "an application needs an id")
	case tx.state.ApplicationCount() >= directory.MaxApplications:
		return command.Result{}, directory.Errorf(directory.KindTooLarge, "",
			"a region has at most %d applications; delete one first", directory.MaxApplications)
	}
	tx.state.PutApplication(next)
	return tx.changed(next.Created), nil
}

func deleteApplication(tx *transaction, p *command.DeleteApplication) (command.Result, *directory.Error) {
	application, ok := tx.state.Application(p.ID)
	if !ok {
		return command.Result{}, noApplication(p.ID)
	}
	tx.state.DeleteApplication(application)
	return tx.changed(application.Created), nil
}

func noApplication(id directory.ApplicationID) *directory.Error {
	return directory.Errorf(directory.KindNotFound, "", "there is no application %q", id)
}

func putSigningKey(tx *transaction, p *command.PutSigningKey) (command.Result, *directory.Error) {
	if !p.Use.Valid() {
		return command.Result{}, directory.Errorf(directory.KindInvalid, "use", "there is no key use %q", p.Use)
	}
	if p.ID == "" || p.Public == "" || len(p.Private) == 0 ||
		max(len(p.ID), len(p.Public), len(p.Private)) > directory.MaxSigningKeyText {
		return command.Result{}, directory.Errorf(directory.KindInvalid, "key",
			"a signing key has an id and two halves of at most %d bytes each", directory.MaxSigningKeyText)
	}
	keys := tx.state.SigningKeys(p.Use)
	newest := new(directory.SigningKey)
	if len(keys) > 0 {
		newest = keys[len(keys)-1]
	}
	if p.Expect != newest.ID {
		return command.Result{}, directory.Errorf(directory.KindStale, "", "the newest key is %q, not %q", newest.ID, p.Expect)
	}
	for _, use := range directory.KeyUses() {
		for _, key := range tx.state.SigningKeys(use) {
			if key.ID == p.ID {
				return command.Result{}, directory.Errorf(directory.KindConflict, "id", "signing key %s exists", p.ID)
			}
		}
	}
	// Later than the key before it, even where one stamp makes both: the time is their order.
	created := max(tx.now, newest.Created+1)
	tx.state.PutSigningKey(&directory.SigningKey{ID: p.ID, Use: p.Use, Private: p.Private, Public: p.Public, Created: created})
	return tx.changed(created), nil
}
