package fsm

import (
	"slices"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
)

// rootKey is the folded user name of the root user, which is no address. Should somebody have it, the root user's id, which
// nobody knows beforehand, is added to it.
const rootKey = "\x00root"

func openLocalSession(tx *transaction, p *command.OpenLocalSession) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	if refusal := tx.unused(p.Challenge, p.ChallengeExpiry, "sign-in"); refusal != nil {
		return command.Result{}, refusal
	}
	if refusal := tx.sessionFree(p.Hash); refusal != nil {
		return command.Result{}, refusal
	}
	standing, refusal := stands(d, p)
	if refusal != nil {
		return command.Result{}, refusal
	}
	used, refusal := useCredentials(tx, d, p)
	if refusal != nil {
		return command.Result{}, refusal
	}
	user, _ := d.User(p.User)
	if standing != directory.StandingInvited {
		if user, refusal = rootUser(tx, d, p.User); refusal != nil {
			return command.Result{}, refusal
		}
	}
	if used != nil {
		tx.state.PutCredentials(d, used)
	}
	tx.state.UseTransaction(p.Challenge, p.ChallengeExpiry)
	session := directory.Session{ID: p.ID, Hash: p.Hash, Kind: directory.SessionLocal, Expires: tx.now + directory.Time(p.Lifetime)}
	detail(&session, &p.SessionDetails)
	if standing == directory.StandingBreakGlass {
		session.Kind, session.Email, session.Idle = directory.SessionBreakGlass, p.Email, 0
		session.Expires = min(session.Expires, tx.now+directory.BreakGlassLifetime)
		tx.errand(directory.Errand{Kind: directory.ErrandBreakGlass, Subject: p.Email})
	}
	address := ""
	if standing != directory.StandingInvited {
		address = p.Email
	}
	tx.signedIn(d, tx.open(d, user, session), address, false)
	return tx.changed(tx.now), nil
}

func freeRootKey(d *state.Directory, id directory.ResourceID) string {
	if _, taken := d.UserByName(rootKey); taken {
		return rootKey + string(id)
	}
	return rootKey
}

// stands says what the address is to the organization; strangers are refused, and invited people who must use the identity
// provider.
func stands(d *state.Directory, p *command.OpenLocalSession) (directory.Standing, *directory.Error) {
	standing, user := d.Stands(p.Email)
	if standing == directory.StandingRoot || standing == directory.StandingBreakGlass {
		return standing, nil
	}
	if standing == directory.StandingNone || user.ID != p.User || !user.Active {
		return 0, directory.Errorf(directory.KindForbidden, "email", "this address may not sign in here")
	}
	if d.MustUseProvider(p.Email) {
		return 0, directory.Errorf(directory.KindForbidden, "email", "this address signs in through the identity provider")
	}
	return directory.StandingInvited, nil
}

// useCredentials gives the credentials after their use, nil where none was named.
func useCredentials(tx *transaction, d *state.Directory, p *command.OpenLocalSession) (*directory.Credentials, *directory.Error) {
	recovery := p.Recovery != directory.Hash{}
	if !recovery && p.Passkey == "" {
		return nil, nil
	}
	next := directory.Credentials{}
	if present, ok := d.Credentials(p.Email); ok {
		next = *present
	}
	next.Modified, next.Version = tx.now, tx.seq
	if recovery {
		place := slices.Index(next.Recovery, p.Recovery)
		if place < 0 {
			return nil, directory.Errorf(directory.KindForbidden, "recovery", "this is none of the recovery codes")
		}
		next.Recovery = slices.Delete(slices.Clone(next.Recovery), place, place+1)
	}
	if p.Passkey != "" {
		place := passkeyPlace(&next, p.Passkey)
		if place < 0 {
			return nil, directory.Errorf(directory.KindForbidden, "passkey", "this is none of the passkeys")
		}
		next.Passkeys = slices.Clone(next.Passkeys)
		next.Passkeys[place].SignCount, next.Passkeys[place].LastUsed = p.SignCount, tx.now
	}
	return &next, nil
}

// rootUser gives the organization's root user at its present address; it is made with the id where there is none.
func rootUser(tx *transaction, d *state.Directory, id directory.ResourceID) (*directory.User, *directory.Error) {
	address := d.Organization().RootEmail
	old, had := d.RootUser()
	switch {
	case had && !old.Active:
		return nil, directory.Errorf(directory.KindForbidden, "user", "the root user is not active")
	case had && old.Email() == address:
		return old, nil
	case !had && (id == "" || d.Taken(id)):
		return nil, directory.Errorf(directory.KindConflict, "user", "id %q is taken", id)
	}
	next := directory.User{
		ID: id, Source: directory.SourceRoot, Active: true, DisplayName: "Root user", Attributes: "{}", Created: tx.now,
	}
	if had {
		next = *old
	} else {
		next.Number, next.UserNameKey = d.NextNumber(), freeRootKey(d, id)
	}
	next.UserName, next.Emails, next.Modified, next.Version = "root", nil, tx.now, tx.seq
	if address != "" {
		next.UserName, next.Emails = address, []string{address}
	}
	d.PutUser(old, &next)
	return &next, nil
}
