package fsm

import (
	"slices"

	"domicile/directory"
	"domicile/fsm/command"
)

// signing makes a command about sessions, sign-in without an identity provider, tries or errands.
func (w *world) signing(org directory.OrganizationID) command.Payload {
	user, _ := w.aim(org, w.resource(), w.group())
	switch n := w.IntN(44); {
	case n < 5:
		return w.endSessions(org, user)
	case n < 9:
		return w.touchSessions(org)
	case n < 14:
		return &command.JoinSession{
			Session: w.anySession(org), Application: w.application(), Code: w.hash(250),
			CodeExpiry: w.now + directory.Time(w.IntN(20_000_000)) - 1_000_000,
		}
	case n < 16:
		return w.countAttempt()
	case n < 20:
		p := &command.PutPasskey{Email: w.address(org), Handle: w.name("handle", 12), Passkey: directory.Passkey{
			ID: w.name("key", 20), PublicKey: w.name("public", 9), SignCount: uint32(w.IntN(9)), Name: "key",
		}}
		p.Setup = w.setup(org, p.Email)
		return p
	case n < 21:
		return &command.PutSetupLink{
			Email: w.address(org), Handle: w.name("handle", 12), Hash: w.hash(60), Expires: w.now + directory.Time(w.IntN(60_000_000)) - 1_000_000,
		}
	case n < 22:
		return w.deletePasskey(org)
	case n < 23 && w.IntN(4) == 0:
		return &command.DeleteCredentials{Email: w.address(org)}
	case n < 25:
		p := &command.PutRecovery{Email: w.address(org), Handle: w.name("handle", 12)}
		p.Setup = w.setup(org, p.Email)
		for range w.IntN(4) {
			p.Hashes = append(p.Hashes, w.hash(40))
		}
		return p
	case n < 34:
		return w.openLocal(org)
	case n < 35:
		return w.deleteLink(org, user)
	case n < 36:
		return w.pin(org)
	case n < 37:
		return &command.RemindSecret{Connection: directory.ConnectionID(w.name(string(org)+"-connection", 2)), Stage: uint8(w.IntN(5))}
	case n < 38:
		return w.putApplication()
	case n < 39 && w.IntN(3) == 0:
		return &command.DeleteApplication{ID: w.application()}
	case n < 40:
		return w.finishErrands()
	default:
		return w.recordRefusals(org)
	}
}

func (w *world) application() directory.ApplicationID {
	return directory.ApplicationID(w.name("application", 3))
}

func (w *world) putApplication() *command.PutApplication {
	p := &command.PutApplication{ID: w.application(), Name: w.name("App ", 3), RedirectURIs: []string{"https://app.example/callback"}}
	if w.IntN(3) > 0 {
		p.BackChannelURI = "https://app.example/logout"
	}
	if present, ok := w.view.Application(p.ID); ok {
		p.ExpectVersion = w.expect(present.Version)
	}
	return p
}

// anySession gives the hash of some session, mostly of the organization, sometimes of none.
func (w *world) anySession(org directory.OrganizationID) directory.Hash {
	for d := range w.view.Directories() {
		for s := range d.Sessions() {
			if d.Organization().ID == org && w.IntN(2) == 0 || w.IntN(9) == 0 {
				return s.Hash
			}
		}
	}
	return w.hash(120)
}

// address gives one that means something to the organization, or anybody's.
func (w *world) address(org directory.OrganizationID) string {
	if d, ok := w.view.Directory(org); ok && w.IntN(4) > 0 {
		known := slices.Clone(d.Organization().BreakGlass)
		for credentials := range d.AllCredentials() {
			known = append(known, credentials.Email)
		}
		if root := d.Organization().RootEmail; root != "" {
			known = append(known, root, root)
		}
		if len(known) > 0 {
			return known[w.IntN(len(known))]
		}
	}
	return w.name("mail", 6) + "@d0.example"
}

// setup follows an address's link, mostly, or none.
func (w *world) setup(org directory.OrganizationID, email string) (by command.Setup) {
	if d, ok := w.view.Directory(org); ok && w.IntN(3) > 0 {
		if credentials, ok := d.Credentials(email); ok && len(credentials.Links) > 0 {
			by.Link = credentials.Links[w.IntN(len(credentials.Links))].Hash
		}
	}
	if w.IntN(9) == 0 {
		by.Link = w.hash(60)
	}
	if w.IntN(2) == 0 {
		by.Next = w.hash(60)
	}
	return by
}

func (w *world) countAttempt() *command.CountAttempt {
	p := &command.CountAttempt{Expires: w.now + directory.Time(w.IntN(60_000_000)) - 1_000_000, Void: w.IntN(2) == 0}
	for range w.IntN(3) {
		p.Counts = append(p.Counts, command.AttemptCount{Key: w.hash(6), Limit: w.IntN(6)})
	}
	return p
}

func (w *world) endSessions(org directory.OrganizationID, user directory.ResourceID) *command.EndSessions {
	p := &command.EndSessions{Cause: "test"}
	session, ok := w.view.Session(w.anySession(org))
	if !ok {
		session = &directory.Session{ID: "session1", User: user, Subject: "subject"}
	}
	for range 1 + w.IntN(2) {
		switch w.IntN(6) {
		case 0:
			p.ID = session.ID
		case 1:
			p.User = session.User
		case 2:
			p.Connection = session.Connection
		case 3:
			p.Connection, p.Subject = session.Connection, session.Subject
		case 4:
			p.Connection, p.ProviderSID = session.Connection, session.ProviderSID
		case 5:
			p.All = w.IntN(3) == 0
		}
	}
	if w.IntN(3) == 0 {
		p.Once, p.OnceExpiry = w.hash(250), w.now+directory.Time(w.IntN(20_000_000))-1_000_000
	}
	return p
}

func (w *world) touchSessions(org directory.OrganizationID) *command.TouchSessions {
	p := new(command.TouchSessions)
	for range w.IntN(4) {
		p.Uses = append(p.Uses, command.SessionUse{Hash: w.anySession(org), At: w.now + directory.Time(w.IntN(4_000_000)) - 3_000_000})
	}
	return p
}

// details are those of a new session.
func (w *world) details() command.SessionDetails {
	details := command.SessionDetails{Methods: []string{"pwd", w.name("amr", 3)}, Agent: "Firefox", Address: w.name("192.0.2.", 9)}
	if w.IntN(2) == 0 {
		details.Idle = directory.Time(w.IntN(20_000_000))
	}
	return details
}

func (w *world) openLocal(org directory.OrganizationID) *command.OpenLocalSession {
	p := &command.OpenLocalSession{
		ID: directory.SessionID(w.name("session", 99)), Hash: w.hash(120), Email: w.address(org), User: w.resource(),
		Challenge: w.hash(250), ChallengeExpiry: w.now + directory.Time(w.IntN(20_000_000)) - 1_000_000,
		Lifetime: int64(w.IntN(60_000_000)), SessionDetails: w.details(),
	}
	d, ok := w.view.Directory(org)
	if !ok {
		return p
	}
	credentials, ok := d.Credentials(p.Email)
	switch n := w.IntN(8); {
	case n == 0:
		p.Recovery = w.hash(40)
	case n == 1:
		p.Passkey = "key0"
	case n == 2 && ok && len(credentials.Recovery) > 0:
		p.Recovery = credentials.Recovery[0]
	case n == 3 && ok && len(credentials.Passkeys) > 0:
		p.Passkey, p.SignCount = credentials.Passkeys[0].ID, uint32(w.IntN(9))
	case n > 5:
		for invited := range d.Users(directory.SourceInvited, 0) {
			p.Email, p.User = invited.UserNameKey, invited.ID
		}
	}
	return p
}

func (w *world) deletePasskey(org directory.OrganizationID) *command.DeletePasskey {
	p := &command.DeletePasskey{Email: w.address(org), ID: w.name("key", 20)}
	if d, ok := w.view.Directory(org); ok && w.IntN(4) > 0 {
		if credentials, ok := d.Credentials(p.Email); ok && len(credentials.Passkeys) > 0 {
			p.ID = credentials.Passkeys[w.IntN(len(credentials.Passkeys))].ID
		}
	}
	return p
}

func (w *world) deleteLink(org directory.OrganizationID, user directory.ResourceID) *command.DeleteLink {
	p := &command.DeleteLink{Connection: "org0-connection0", Issuer: "https://idp0", Subject: w.subject(user)}
	if d, ok := w.view.Directory(org); ok {
		for link := range d.LinksOf(user) {
			p.Connection, p.Issuer, p.Subject = link.Connection, link.Issuer, link.Subject
		}
	}
	return p
}

// finishErrands strikes off what waits, and what does not.
func (w *world) finishErrands() *command.FinishErrands {
	p := new(command.FinishErrands)
	for errand := range w.view.Errands() {
		if w.IntN(3) == 0 {
			p.IDs = append(p.IDs, directory.ErrandID{Seq: errand.Seq, Ordinal: errand.Ordinal})
		}
	}
	if w.IntN(3) == 0 {
		p.IDs = append(p.IDs, directory.ErrandID{Seq: 1 + w.Uint64N(w.view.Seq()+1), Ordinal: 7})
	}
	return p
}
