package fsm

import (
	"slices"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
)

func openSession(tx *transaction, p *command.OpenSession) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	if refusal := tx.unused(p.Transaction, p.TransactionExpiry, "sign-in"); refusal != nil {
		return command.Result{}, refusal
	}
	if refusal := tx.sessionFree(p.Hash); refusal != nil {
		return command.Result{}, refusal
	}
	connection, ok := d.Connection(p.Connection)
	if !ok || !connection.Enabled || connection.Version != p.ConnectionVersion {
		return command.Result{}, directory.Errorf(directory.KindForbidden, "connection", "the connection changed during the sign-in")
	}
	user, ok := d.User(p.User)
	if !ok || !user.Active || user.Source == directory.SourceRoot {
		return command.Result{}, directory.Errorf(directory.KindForbidden, "user", "the user may not sign in")
	}
	linked, refusal := tie(tx, d, p)
	if refusal != nil {
		return command.Result{}, refusal
	}
	tx.state.UseTransaction(p.Transaction, p.TransactionExpiry)
	pin(tx, d, connection, p.Algorithm)
	session := directory.Session{ID: p.ID, Hash: p.Hash, Connection: p.Connection, Expires: tx.now + directory.Time(p.Lifetime)}
	if tx.state.Level() >= command.SecondLevel {
		detail(&session, &p.SessionDetails)
		session.Subject, session.ProviderSID, session.Context, session.Authed = p.Subject, p.ProviderSID, p.Context, p.Authed
	}
	tx.signedIn(d, tx.open(d, user, session), "", linked)
	return tx.changed(tx.now), nil
}

// unused refuses what may be used once, but was used already or came too late.
func (tx *transaction) unused(hash directory.Hash, expires directory.Time, what string) *directory.Error {
	if tx.state.TransactionUsed(hash) {
		return directory.Errorf(directory.KindReplayed, "", "this %s was already used", what)
	}
	if expires < tx.now {
		return directory.Errorf(directory.KindUnauthenticated, "", "the %s took too long; start again", what)
	}
	return nil
}

func (tx *transaction) sessionFree(hash directory.Hash) *directory.Error {
	if _, taken := tx.state.Session(hash); taken {
		return directory.Errorf(directory.KindConflict, "session", "the session exists")
	}
	return nil
}

// tie ties the identity to the user where it is not tied yet, and tells whether it was not.
func tie(tx *transaction, d *state.Directory, p *command.OpenSession) (bool, *directory.Error) {
	link, linked := d.Link(p.Connection, p.Issuer, p.Subject)
	if linked && link.User != p.User {
		return false, directory.Errorf(directory.KindConflict, "subject", "the identity belongs to another user")
	}
	if linked {
		return false, nil
	}
	for other := range d.LinksOf(p.User) {
		if other.Connection == p.Connection {
			return false, directory.Errorf(directory.KindConflict, "user", "the user is tied to another identity of this provider")
		}
	}
	tx.state.PutLink(d, &directory.Link{
		Connection: p.Connection, Issuer: p.Issuer, Subject: p.Subject, User: p.User, Created: tx.now,
	})
	return true, nil
}

func detail(session *directory.Session, details *command.SessionDetails) {
	session.Idle, session.Methods = details.Idle, details.Methods
	session.Agent, session.Address = details.Agent, details.Address
}

// open opens a user's session, which it gives, and ends the oldest ones over the bound.
func (tx *transaction) open(d *state.Directory, user *directory.User, session directory.Session) *directory.Session {
	sessions := slices.Collect(d.SessionsOf(user.Number))
	for i := 0; len(sessions)-i >= directory.MaxSessionsPerUser; i++ {
		tx.state.DeleteSession(sessions[i])
	}
	session.Organization, session.User, session.UserNumber, session.Created = tx.organization, user.ID, user.Number, tx.now
	if tx.state.Level() >= command.SecondLevel {
		session = session.Fit()
		session.Seq = tx.seq
	}
	tx.state.PutSession(d, &session)
	return &session
}

func closeSession(tx *transaction, p *command.CloseSession) (command.Result, *directory.Error) {
	session, ok := tx.state.Session(p.Hash)
	if !ok || session.Organization != tx.organization {
		return command.Result{}, nil
	}
	tx.state.DeleteSession(session)
	return tx.changed(session.Created), nil
}

func endSessions(tx *transaction, p *command.EndSessions) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	once := p.Once != directory.Hash{}
	if once {
		if refusal := tx.unused(p.Once, p.OnceExpiry, "logout"); refusal != nil {
			return command.Result{}, refusal
		}
	}
	if refusal := selects(p); refusal != nil {
		return command.Result{}, refusal
	}
	if once {
		tx.state.UseTransaction(p.Once, p.OnceExpiry)
	}
	ended := end(tx, d, p)
	if !once && ended == 0 {
		return command.Result{}, nil
	}
	return tx.changed(tx.now), nil
}

// selects wants a command that says whose sessions it means.
func selects(p *command.EndSessions) *directory.Error {
	some := p.ID != "" || p.User != "" || p.Connection != ""
	switch {
	case p.Connection == "" && (p.Subject != "" || p.ProviderSID != ""):
		return directory.Errorf(directory.KindInvalid, "connection", "a subject and a provider's session are of a connection")
	case p.All == some:
		return directory.Errorf(directory.KindInvalid, "", "name a session, a user or a connection, or all sessions")
	}
	return nil
}

// end ends the sessions that are meant and counts them.
func end(tx *transaction, d *state.Directory, p *command.EndSessions) int {
	if p.All {
		return tx.state.DeleteAllSessions(d)
	}
	ended := matching(tx, d, p)
	for _, session := range ended {
		tx.state.DeleteSession(session)
	}
	return len(ended)
}

// matching collects the sessions that match every field that is set, by the narrowest index.
func matching(tx *transaction, d *state.Directory, p *command.EndSessions) []*directory.Session {
	var candidates []*directory.Session
	switch {
	case p.ID != "":
		if session, ok := tx.state.SessionByID(p.ID); ok {
			candidates = append(candidates, session)
		}
	case p.User != "":
		if user, ok := d.User(p.User); ok {
			candidates = slices.Collect(d.SessionsOf(user.Number))
		}
	default:
		return d.SessionsThrough(p.Connection, p.Subject, p.ProviderSID)
	}
	differs := func(want, got string) bool { return want != "" && directory.Cut(want, directory.MaxSessionText) != got }
	return slices.DeleteFunc(candidates, func(s *directory.Session) bool {
		return s.Organization != tx.organization || p.User != "" && s.User != p.User ||
			p.Connection != "" && s.Connection != p.Connection ||
			differs(p.Subject, s.Subject) || differs(p.ProviderSID, s.ProviderSID)
	})
}

func touchSessions(tx *transaction, p *command.TouchSessions) (command.Result, *directory.Error) {
	if len(p.Uses) > command.MaxSessionUses {
		return command.Result{}, directory.Errorf(directory.KindTooLarge, "", "at most %d uses at once", command.MaxSessionUses)
	}
	changed := false
	for i := range p.Uses {
		changed = touchSession(tx, &p.Uses[i]) || changed
	}
	return command.Result{Changed: changed}, nil
}

// touchSession notes one use and tells whether it was news. A door's clock may be ahead of the ledger's, a use may not; and
// a use after the session's end is none.
func touchSession(tx *transaction, use *command.SessionUse) bool {
	session, ok := tx.state.Session(use.Hash)
	at := min(use.At, tx.now)
	if !ok || at <= max(session.Seen, session.Created) || session.Expired(at) {
		return false
	}
	d, ok := tx.state.Write(session.Organization)
	if !ok {
		return false
	}
	next := *session
	next.Seen = at
	tx.state.PutSession(d, &next)
	return true
}

func joinSession(tx *transaction, p *command.JoinSession) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	if refusal := tx.unused(p.Code, p.CodeExpiry, "authorization code"); refusal != nil {
		return command.Result{}, refusal
	}
	session, ok := tx.state.Session(p.Session)
	if !ok || session.Organization != tx.organization || session.Expired(tx.now) {
		return command.Result{}, directory.Errorf(directory.KindUnauthenticated, "session", "the session has ended")
	}
	application, ok := tx.state.Application(p.Application)
	if !ok {
		return command.Result{}, noApplication(p.Application)
	}
	tx.state.UseTransaction(p.Code, p.CodeExpiry)
	if !slices.Contains(session.Applications, p.Application) {
		next := *session
		next.Applications = append(slices.Clone(session.Applications), application.ID)
		if over := len(next.Applications) - directory.MaxSessionApplications; over > 0 {
			next.Applications = next.Applications[over:]
		}
		tx.state.PutSession(d, &next)
	}
	return tx.changed(session.Created), nil
}

func deleteLink(tx *transaction, p *command.DeleteLink) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	link, ok := d.Link(p.Connection, p.Issuer, p.Subject)
	if !ok {
		return command.Result{}, directory.Errorf(directory.KindNotFound, "", "the identity is tied to nobody")
	}
	d.DeleteLink(link)
	if user, ok := d.User(link.User); ok {
		for _, session := range slices.Collect(d.SessionsOf(user.Number)) {
			if session.Connection == link.Connection {
				tx.state.DeleteSession(session)
			}
		}
	}
	return tx.changed(link.Created), nil
}
