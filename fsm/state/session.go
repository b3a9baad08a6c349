package state

import (
	"iter"
	"math"
	"slices"

	"domicile/directory"
	"domicile/fsm/wire"
)

// Session finds a session by the hash of its cookie. The caller checks Expired against a clock; a session of a
// deactivated or deleted user is not there.
func (t *tables) Session(hash directory.Hash) (*directory.Session, bool) {
	row, ok := t.sessions.Get(hashRow[directory.Session]{hash: hash})
	return row.record, ok
}

// SessionByID finds a session of any organization by its id.
func (t *tables) SessionByID(id directory.SessionID) (*directory.Session, bool) {
	for session := range t.sessionsID.from(&directory.Session{ID: id}) {
		return session, session.ID == id
	}
	return nil, false
}

// Sessions counts the live and not yet swept sessions.
func (t *tables) Sessions() int { return t.sessions.Len() }

// Sessions iterates over the organization's sessions, by user and then oldest first.
func (d *Directory) Sessions() iter.Seq[*directory.Session] { return d.sessionsUser.all() }

// SessionCount counts the organization's sessions.
func (d *Directory) SessionCount() int { return d.sessionsUser.Len() }

// SessionsOf iterates over a user's sessions, oldest first.
func (d *Directory) SessionsOf(user directory.Number) iter.Seq[*directory.Session] {
	return while(d.sessionsUser.from(&directory.Session{UserNumber: user}),
		func(s *directory.Session) bool { return s.UserNumber == user })
}

// SessionsThrough lists the sessions that came through a connection: all of them, or those of a subject, of a session of the
// provider's, or of both (OpenID Connect Back-Channel Logout §2.4). Empty texts stand for any. Sessions that were opened
// under level 1 have no subject.
func (d *Directory) SessionsThrough(id directory.ConnectionID, subject, providerSID string) []*directory.Session {
	subject, providerSID = directory.Cut(subject, directory.MaxSessionText), directory.Cut(providerSID, directory.MaxSessionText)
	through := while(d.sessionsThrough.from(&directory.Session{Connection: id, Subject: subject}), func(s *directory.Session) bool {
		return s.Connection == id && (subject == "" || s.Subject == subject)
	})
	if providerSID != "" {
		through = while(d.sessionsSID.from(&directory.Session{Connection: id, ProviderSID: providerSID}), func(s *directory.Session) bool {
			return s.Connection == id && s.ProviderSID == providerSID
		})
	}
	var list []*directory.Session
	for session := range through {
		if subject == "" || session.Subject == subject {
			list = append(list, session)
		}
	}
	return list
}

func lessSession(a, b *directory.Session) bool {
	if a.UserNumber != b.UserNumber {
		return a.UserNumber < b.UserNumber
	}
	if a.Created != b.Created {
		return a.Created < b.Created
	}
	return less(a.Hash, b.Hash)
}

// lessSessionID lets several sessions have one id: doors make it random, but level 1 did not insist.
func lessSessionID(a, b *directory.Session) bool {
	return a.ID < b.ID || a.ID == b.ID && less(a.Hash, b.Hash)
}

func lessSessionEnd(a, b *directory.Session) bool {
	x, y := a.End(), b.End()
	return x < y || x == y && less(a.Hash, b.Hash)
}

func lessSessionThrough(a, b *directory.Session) bool {
	if a.Connection != b.Connection {
		return a.Connection < b.Connection
	}
	return a.Subject < b.Subject || a.Subject == b.Subject && less(a.Hash, b.Hash)
}

func lessSessionSID(a, b *directory.Session) bool {
	if a.Connection != b.Connection {
		return a.Connection < b.Connection
	}
	return a.ProviderSID < b.ProviderSID || a.ProviderSID == b.ProviderSID && less(a.Hash, b.Hash)
}

// PutSession opens a session, or replaces the one with its hash, which differs in its use and its applications.
func (s *State) PutSession(d *Directory, session *directory.Session) {
	if old, ok := s.Session(session.Hash); ok {
		s.sessionsEnd.Delete(old)
	}
	s.sessions.Set(hashRow[directory.Session]{session.Hash, session})
	s.sessionsID.Set(session)
	s.sessionsEnd.Set(session)
	d.sessionsUser.Set(session)
	if session.Connection != "" {
		d.sessionsThrough.Set(session)
	}
	if session.ProviderSID != "" {
		d.sessionsSID.Set(session)
	}
}

// DeleteSession ends a session, and leaves an errand for each application that knows of it.
func (s *State) DeleteSession(session *directory.Session) {
	s.dropSession(session)
	if d, ok := s.Write(session.Organization); ok {
		d.sessionsUser.Delete(session)
		d.sessionsThrough.Delete(session)
		d.sessionsSID.Delete(session)
	}
}

// dropSession removes a session from the region's trees, and leaves the errands.
func (s *State) dropSession(session *directory.Session) {
	s.sessions.Delete(hashRow[directory.Session]{hash: session.Hash})
	s.sessionsID.Delete(session)
	s.sessionsEnd.Delete(session)
	for _, id := range session.Applications {
		if application, ok := s.Application(id); ok && application.BackChannelURI != "" {
			s.AddErrand(directory.Errand{
				Kind: directory.ErrandLogout, Organization: session.Organization, Application: application.ID,
				Subject: string(session.User), Detail: string(session.ID),
			})
		}
	}
}

// DeleteSessionsOf ends all sessions of a user.
func (s *State) DeleteSessionsOf(d *Directory, user directory.Number) {
	for _, session := range slices.Collect(d.SessionsOf(user)) {
		s.DeleteSession(session)
	}
}

// DeleteSessionsThrough ends the sessions that came through a connection.
func (s *State) DeleteSessionsThrough(d *Directory, id directory.ConnectionID) {
	for _, session := range d.SessionsThrough(id, "", "") {
		s.DeleteSession(session)
	}
}

// DeleteAllSessions ends every session of an organization and tells how many there were. Its own trees are begun anew,
// because that is much cheaper than to empty them.
func (s *State) DeleteAllSessions(d *Directory) int {
	ended := d.SessionCount()
	for session := range d.sessionsUser.all() {
		s.dropSession(session)
	}
	d.sessionsUser, d.sessionsThrough, d.sessionsSID = newTree(lessSession), newTree(lessSessionThrough), newTree(lessSessionSID)
	return ended
}

func (s *State) sweepSessions(limit int) {
	for range limit {
		session, ok := s.sessionsEnd.Min()
		if !ok || !session.Expired(s.at) {
			return
		}
		s.DeleteSession(session)
	}
}

func encodeSession(w *wire.Writer, s *directory.Session) {
	w.Text(string(s.ID))
	w.Fixed(s.Hash[:])
	w.Text(string(s.Organization))
	w.Text(string(s.User))
	w.Uint(uint64(s.UserNumber))
	w.Text(string(s.Connection))
	w.Int(int64(s.Created))
	w.Int(int64(s.Expires))
	w.Later(func(w *wire.Writer) {
		w.Uint(uint64(s.Kind))
		w.Text(s.Email)
		w.Int(int64(s.Idle))
		w.Int(int64(s.Seen))
		w.Text(s.Subject)
		w.Text(s.ProviderSID)
		wire.Texts(w, s.Methods)
		w.Text(s.Context)
		w.Int(int64(s.Authed))
		w.Text(s.Agent)
		w.Text(s.Address)
		wire.Texts(w, s.Applications)
		w.Uint(s.Seq)
	})
}

func decodeSession(r *wire.Reader) *directory.Session {
	s := &directory.Session{ID: directory.SessionID(r.Text())}
	r.Fixed(s.Hash[:])
	s.Organization = directory.OrganizationID(r.Text())
	s.User = directory.ResourceID(r.Text())
	s.UserNumber = directory.Number(r.Uint())
	s.Connection = directory.ConnectionID(r.Text())
	s.Created = directory.Time(r.Int())
	s.Expires = directory.Time(r.Int())
	s.Kind = directory.SessionKind(min(r.Uint(), math.MaxUint8))
	s.Email = r.Text()
	s.Idle = directory.Time(r.Int())
	s.Seen = directory.Time(r.Int())
	s.Subject = r.Text()
	s.ProviderSID = r.Text()
	s.Methods = wire.ReadTexts[string](r)
	s.Context = r.Text()
	s.Authed = directory.Time(r.Int())
	s.Agent = r.Text()
	s.Address = r.Text()
	s.Applications = wire.ReadTexts[directory.ApplicationID](r)
	s.Seq = r.Uint()
	return s
}

func (c *checker) sessions(v *View, d *Directory) {
	var user directory.Number
	held, through, named := 0, 0, 0
	for s := range d.sessionsUser.all() {
		found, ok := v.Session(s.Hash)
		c.holds(ok && found == s, "sessions by hash holds another record or none")
		same(c, "sessions by id", v.sessionsID, s)
		same(c, "sessions by end", v.sessionsEnd, s)
		c.holds(s.Organization == d.org.ID, "session %s is filed under another organization", s.ID)
		u, ok := d.User(s.User)
		c.holds(ok && u.Active && u.Number == s.UserNumber, "session %s is of nobody who may have one", s.ID)
		if s.Connection != "" {
			through++
			same(c, "sessions by connection", d.sessionsThrough, s)
		}
		if s.ProviderSID != "" {
			named++
			same(c, "sessions by the provider's id", d.sessionsSID, s)
		}
		c.origin(d, s)
		c.holds(s.Seq <= v.seq, "session %s was opened in the future", s.ID)
		c.holds(len(s.Applications) <= directory.MaxSessionApplications, "too many applications know of session %s", s.ID)
		if s.UserNumber != user {
			user, held = s.UserNumber, 0
		}
		held++
		c.holds(held <= directory.MaxSessionsPerUser, "user %s holds too many sessions", s.User)
	}
	c.equal("sessions by connection", d.sessionsThrough.Len(), through)
	c.equal("sessions by the provider's id", d.sessionsSID.Len(), named)
}

// origin checks that a session came from where its kind says.
func (c *checker) origin(d *Directory, s *directory.Session) {
	_, connection := d.Connection(s.Connection)
	u, _ := d.User(s.User)
	root := u != nil && u.Source == directory.SourceRoot
	switch s.Kind {
	case directory.SessionSSO:
		c.holds(connection, "session %s came through no connection", s.ID)
	case directory.SessionLocal:
		c.holds(s.Connection == "" && s.Email == "", "session %s is local and came through a connection", s.ID)
	case directory.SessionBreakGlass:
		c.holds(s.Connection == "" && s.Email != "" && root, "session %s is not one of break glass", s.ID)
	default:
		c.holds(false, "session %s is of kind %d", s.ID, s.Kind)
	}
}
