package fsm

import (
	"slices"
	"strings"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
)

const (
	maxAddress = 320 // bytes of an e-mail address, RFC 3696 errata 1690 and generously so
	maxHandle  = 64  // bytes of a WebAuthn user handle
	maxAAGUID  = 16
)

func putSetupLink(tx *transaction, p *command.PutSetupLink) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	switch {
	case p.Hash == directory.Hash{}:
		return command.Result{}, directory.Errorf(directory.KindInvalid, "hash", "a set-up link needs a hash")
	case p.Expires <= tx.now || p.Expires > tx.now+directory.MaxLinkLife:
		return command.Result{}, directory.Errorf(directory.KindInvalid, "expires", "a set-up link works for a week at the most")
	}
	next, refusal := credentialsOf(tx, d, p.Email, p.Handle)
	if refusal != nil {
		return command.Result{}, refusal
	}
	works := slices.DeleteFunc(slices.Clone(next.Links), func(l directory.SetupLink) bool {
		return l.Hash == p.Hash || l.Expires <= tx.now
	})
	works = append(works, directory.SetupLink{Hash: p.Hash, Expires: p.Expires})
	next.Links = works[max(0, len(works)-directory.MaxSetupLinks):]
	next.Modified, next.Version = tx.now, tx.seq
	tx.state.PutCredentials(d, &next)
	return tx.changed(next.Created), nil
}

// follow uses up the set-up link by which credentials are changed. The others are void then: what they were mailed for has been
// done.
func follow(c *directory.Credentials, by command.Setup, now directory.Time) *directory.Error {
	link, works := c.SetupLink(by.Link, now)
	if by.Link != (directory.Hash{}) && !works {
		return directory.Errorf(directory.KindStale, "link", "the set-up link was used, has expired, or newer ones were mailed")
	}
	c.Links = nil
	if works && by.Next != (directory.Hash{}) {
		c.Links = []directory.SetupLink{{Hash: by.Next, Expires: link.Expires}}
	}
	return nil
}

func putPasskey(tx *transaction, p *command.PutPasskey) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	if refusal := passkeyFits(p); refusal != nil {
		return command.Result{}, refusal
	}
	next, refusal := credentialsOf(tx, d, p.Email, p.Handle)
	if refusal != nil {
		return command.Result{}, refusal
	}
	if refusal := follow(&next, p.Setup, tx.now); refusal != nil {
		return command.Result{}, refusal
	}
	if _, taken := tx.state.CredentialsByPasskey(p.ID); taken {
		return command.Result{}, directory.Errorf(directory.KindConflict, "passkey", "the passkey is registered already")
	}
	if len(next.Passkeys) >= directory.MaxPasskeys {
		return command.Result{}, directory.Errorf(directory.KindTooLarge, "passkey",
			"at most %d passkeys; delete one first", directory.MaxPasskeys)
	}
	passkey := p.Passkey
	passkey.Created, passkey.LastUsed = tx.now, 0
	next.Passkeys = append(slices.Clone(next.Passkeys), passkey)
	return tx.keep(d, &next, "passkey added"), nil
}

func passkeyFits(p *command.PutPasskey) *directory.Error {
	switch {
	case p.ID == "" || len(p.ID) > directory.MaxPasskeyID:
		return directory.Errorf(directory.KindInvalid, "passkey", "a passkey's id has 1 to %d bytes", directory.MaxPasskeyID)
	case p.PublicKey == "" || len(p.PublicKey) > directory.MaxPasskeyKey:
		return directory.Errorf(directory.KindInvalid, "passkey", "a passkey's public key has 1 to %d bytes", directory.MaxPasskeyKey)
	case len(p.Name) > directory.MaxPasskeyName:
		return directory.Errorf(directory.KindInvalid, "name", "a passkey's name has at most %d characters", directory.MaxPasskeyName)
	case len(p.AAGUID) > maxAAGUID:
		return directory.Errorf(directory.KindInvalid, "aaguid", "an AAGUID has %d bytes", maxAAGUID)
	}
	return nil
}

func deletePasskey(tx *transaction, p *command.DeletePasskey) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	var next directory.Credentials
	if present, ok := d.Credentials(p.Email); ok {
		next = *present
	}
	place := passkeyPlace(&next, p.ID)
	if place < 0 {
		return command.Result{}, directory.Errorf(directory.KindNotFound, "", "there is no such passkey")
	}
	next.Passkeys = slices.Delete(slices.Clone(next.Passkeys), place, place+1)
	next.Links = nil
	return tx.keep(d, &next, "passkey deleted"), nil
}

// passkeyPlace finds a passkey by its raw id; -1: there is none.
func passkeyPlace(c *directory.Credentials, id string) int {
	return slices.IndexFunc(c.Passkeys, func(p directory.Passkey) bool { return p.ID == id })
}

func putRecovery(tx *transaction, p *command.PutRecovery) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	if refusal := recoveryFits(tx, p); refusal != nil {
		return command.Result{}, refusal
	}
	next, refusal := credentialsOf(tx, d, p.Email, p.Handle)
	if refusal != nil {
		return command.Result{}, refusal
	}
	if refusal := follow(&next, p.Setup, tx.now); refusal != nil {
		return command.Result{}, refusal
	}
	next.Recovery = p.Hashes
	return tx.keep(d, &next, "recovery codes replaced"), nil
}

// recoveryFits wants few codes, each once and nobody else's.
func recoveryFits(tx *transaction, p *command.PutRecovery) *directory.Error {
	if len(p.Hashes) > directory.MaxRecoveryCodes {
		return directory.Errorf(directory.KindTooLarge, "recovery", "at most %d recovery codes", directory.MaxRecoveryCodes)
	}
	for i, hash := range p.Hashes {
		if hash == (directory.Hash{}) || slices.Contains(p.Hashes[:i], hash) {
			return directory.Errorf(directory.KindInvalid, "recovery", "recovery codes must differ")
		}
	}
	for _, hash := range p.Hashes {
		holder, taken := tx.state.CredentialsByRecovery(hash)
		if taken && (holder.Organization != tx.organization || holder.Email != p.Email) {
			return directory.Errorf(directory.KindConflict, "recovery", "make other recovery codes")
		}
	}
	return nil
}

func deleteCredentials(tx *transaction, p *command.DeleteCredentials) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	present, ok := d.Credentials(p.Email)
	if !ok {
		return command.Result{}, directory.Errorf(directory.KindNotFound, "", "this address has neither passkey nor recovery code")
	}
	endLocalSessions(tx, d, present)
	next := directory.Credentials{Organization: present.Organization, Email: present.Email, Created: present.Created}
	return tx.keep(d, &next, "passkeys and recovery codes deleted"), nil
}

// endLocalSessions ends the sessions that an address opened here: as what it is, and as the invited person that it was.
func endLocalSessions(tx *transaction, d *state.Directory, held *directory.Credentials) {
	end := func(user *directory.User, opened func(*directory.Session) bool) {
		for _, session := range slices.Collect(d.SessionsOf(user.Number)) {
			if opened(session) {
				tx.state.DeleteSession(session)
			}
		}
	}
	local := func(s *directory.Session) bool { return s.Kind == directory.SessionLocal }
	if invited, ok := d.User(held.User); ok {
		end(invited, local)
	}
	switch standing, user := d.Stands(held.Email); {
	case user == nil:
	case standing == directory.StandingBreakGlass:
		end(user, func(s *directory.Session) bool { return s.Kind == directory.SessionBreakGlass && s.Email == held.Email })
	default:
		end(user, local)
	}
}

// forget drops the credentials of addresses that are nothing to the organization any more, or another person's, so that whoever
// gets an address next begins anew.
func (tx *transaction) forget(d *state.Directory, addresses ...string) {
	for _, address := range addresses {
		if held, ok := d.Credentials(address); ok && !d.Holds(held) {
			tx.state.PutCredentials(d, &directory.Credentials{Organization: held.Organization, Email: held.Email})
		}
	}
}

// forgetName is forget for the name that a user had.
func (tx *transaction) forgetName(d *state.Directory, old *directory.User) {
	if old.Source == directory.SourceInvited {
		tx.forget(d, old.UserNameKey)
	}
}

// credentialsOf gives an address's credentials, or what new ones begin with.
func credentialsOf(tx *transaction, d *state.Directory, email, handle string) (directory.Credentials, *directory.Error) {
	if local, domain, _ := strings.Cut(email, "@"); local == "" || domain == "" || len(email) > maxAddress {
		return directory.Credentials{}, directory.Errorf(directory.KindInvalid, "email", "this is not an e-mail address")
	}
	standing, user := d.Stands(email)
	if standing == directory.StandingNone {
		return directory.Credentials{}, directory.Errorf(directory.KindForbidden, "email", "this address is nothing to the organization")
	}
	if present, ok := d.Credentials(email); ok {
		return *present, nil
	}
	next := directory.Credentials{Organization: tx.organization, Email: email, Handle: handle, Created: tx.now}
	if standing == directory.StandingInvited {
		next.User = directory.ResourceID(strings.Clone(string(user.ID))) // not to keep the whole record alive
	}
	if handle == "" || len(handle) > maxHandle {
		return directory.Credentials{}, directory.Errorf(directory.KindInvalid, "handle", "a user handle has 1 to %d bytes", maxHandle)
	}
	if _, taken := tx.state.CredentialsByHandle(handle); taken {
		return directory.Credentials{}, directory.Errorf(directory.KindConflict, "handle", "the user handle is taken")
	}
	if d.CredentialsCount() >= directory.MaxCredentials {
		return directory.Credentials{}, directory.Errorf(directory.KindTooLarge, "",
			"at most %d addresses of an organization have credentials", directory.MaxCredentials)
	}
	return next, nil
}

// keep writes changed credentials and lets their owner know.
func (tx *transaction) keep(d *state.Directory, next *directory.Credentials, what string) command.Result {
	next.Modified, next.Version = tx.now, tx.seq
	tx.state.PutCredentials(d, next)
	tx.errand(directory.Errand{Kind: directory.ErrandCredentials, Subject: next.Email, Detail: what})
	return tx.changed(next.Created)
}
