package state

import (
	"bytes"
	"fmt"
	"testing"

	"domicile/directory"
)

// signed adds what signing in leaves: a session of the root user and one that the provider named, credentials, tries and an
// errand.
func signed(s *State, d *Directory) {
	root := &directory.User{ID: "root", Number: d.NextNumber(), Source: directory.SourceRoot, Active: true, UserNameKey: "\x00root"}
	d.PutUser(nil, root)
	s.PutSession(d, &directory.Session{
		ID: "glass", Hash: directory.Hash{20}, Organization: "acme", User: "root", UserNumber: root.Number, Expires: 9999,
		Kind: directory.SessionBreakGlass, Email: "glass@acme.example", Seq: 1,
	})
	s.PutSession(d, &directory.Session{
		ID: "named", Hash: directory.Hash{21}, Organization: "acme", User: "user-1", UserNumber: 2, Connection: "connection",
		Created: 900, Expires: 9999, Idle: 500, Seen: 950, Subject: "subject", ProviderSID: "sid", Methods: []string{"pwd"}, Context: "acr",
		Authed: 899, Agent: "Firefox", Address: "192.0.2.7", Applications: []directory.ApplicationID{"gone", "told"}, Seq: 1,
	})
	s.PutCredentials(d, &directory.Credentials{
		Organization: "acme", Email: "glass@acme.example", Handle: "handle", Created: 900, Modified: 901, Version: 1,
		Passkeys: []directory.Passkey{
			{ID: "key", PublicKey: "cose", SignCount: 7, Flags: 0x45, AAGUID: "model", Name: "laptop", Created: 900, LastUsed: 950}, {ID: "second"},
		},
		Recovery: []directory.Hash{{22}, {23}}, Links: []directory.SetupLink{{Hash: directory.Hash{24}, Expires: 9999}},
	})
	s.PutAttempt(&directory.Attempt{Key: directory.Hash{24}, Tries: 2, Expires: 3000})
	s.AddErrand(directory.Errand{Kind: directory.ErrandCredentials, Organization: "acme", Subject: "glass@acme.example", Detail: "passkey added"})
}

func TestSession_queries(t *testing.T) {
	s, d := small(t)
	through := func(subject, sid string) (ids string) {
		for _, session := range d.SessionsThrough("connection", subject, sid) {
			ids += string(session.ID) + " "
		}
		return ids
	}
	var all []directory.SessionID
	for session := range d.Sessions() {
		all = append(all, session.ID)
	}
	byID, _ := s.SessionByID("named")
	handle, _ := s.CredentialsByHandle("handle")
	key, _ := s.CredentialsByPasskey("second")
	code, _ := s.CredentialsByRecovery(directory.Hash{23})
	held, _ := d.Credentials("glass@acme.example")
	attempt, _ := s.Attempt(directory.Hash{24})
	root, _ := d.RootUser()
	for name, c := range map[string]struct{ got, want string }{
		"sessions":          {fmt.Sprint(all, d.SessionCount()), "[session named glass] 3"},
		"through all":       {through("", ""), "session named "},
		"through subject":   {through("subject", ""), "named "},
		"through sid":       {through("", "sid"), "named "},
		"through both":      {through("subject", "sid"), "named "},
		"through other":     {through("other", "sid"), ""},
		"through other sid": {through("subject", "other"), ""},
		"by id":             {fmt.Sprint(byID.Hash == directory.Hash{21}), "true"},
		"credentials":       {fmt.Sprint(handle == held, key == held, code == held, d.CredentialsCount()), "true true true 1"},
		"attempt":           {fmt.Sprint(attempt.Tries, s.AttemptCount()), "2 1"},
		"root":              {string(root.ID), "root"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", name, c.got, c.want)
		}
	}
}

func TestCheck_findsSessionFaults(t *testing.T) {
	session := func(s *State) *directory.Session { found, _ := s.SessionByID("named"); return found }
	change := func(change func(*directory.Session)) func(*State, *Directory) {
		return func(s *State, d *Directory) {
			next := *session(s)
			change(&next)
			s.PutSession(d, &next)
		}
	}
	credentials := func(change func(*directory.Credentials)) func(*State, *Directory) {
		return func(s *State, d *Directory) {
			found, _ := d.Credentials("glass@acme.example")
			next := *found
			change(&next)
			s.PutCredentials(d, &next)
		}
	}
	for name, sabotage := range map[string]func(*State, *Directory){
		"session by id":          func(s *State, _ *Directory) { s.sessionsID.Clear() },
		"session by connection":  func(_ *State, d *Directory) { d.sessionsThrough.Clear() },
		"session by sid":         func(_ *State, d *Directory) { d.sessionsSID.Clear() },
		"stale sid":              func(_ *State, d *Directory) { d.sessionsSID.Set(&directory.Session{ProviderSID: "old"}) },
		"session of the future":  change(func(s *directory.Session) { s.Seq = 2 }),
		"session of no kind":     change(func(s *directory.Session) { s.Kind = 9 }),
		"local through one":      change(func(s *directory.Session) { s.Kind = directory.SessionLocal }),
		"break glass of another": change(func(s *directory.Session) { s.Kind = directory.SessionBreakGlass }),
		"through nothing": func(s *State, d *Directory) {
			s.PutSession(d, &directory.Session{ID: "x", Hash: directory.Hash{30}, Organization: "acme", User: "user-1", UserNumber: 2})
		},
		"too many applications":     change(func(s *directory.Session) { s.Applications = make([]directory.ApplicationID, 51) }),
		"credentials by handle":     func(s *State, _ *Directory) { s.credentialsHandle.Clear() },
		"credentials by passkey":    func(s *State, _ *Directory) { s.passkeys.Clear() },
		"stale recovery code":       func(s *State, _ *Directory) { s.recovery.Set(hashRow[directory.Credentials]{hash: directory.Hash{99}}) },
		"credentials by code":       func(s *State, _ *Directory) { s.recovery.Clear() },
		"credentials elsewhere":     credentials(func(c *directory.Credentials) { c.Organization = "other" }),
		"credentials of the future": credentials(func(c *directory.Credentials) { c.Version = 9 }),
		"empty credentials": func(_ *State, d *Directory) {
			d.credentials.Set(&directory.Credentials{Email: "x", Organization: "acme"})
		},
		"credentials of nobody": func(_ *State, d *Directory) { d.org.BreakGlass = nil },
		"too many codes":        credentials(func(c *directory.Credentials) { c.Recovery = make([]directory.Hash, 11) }),
		"attempt by end":        func(s *State, _ *Directory) { s.attemptsEnd.Clear() },
		"no tries":              func(s *State, _ *Directory) { s.PutAttempt(&directory.Attempt{Expires: 9000}) },
		"errand of the future":  func(s *State, _ *Directory) { s.errands.Set(&directory.Errand{Seq: 9, Kind: 1}) },
		"errand of no kind":     func(s *State, _ *Directory) { s.AddErrand(directory.Errand{}) },
	} {
		s, _ := small(t)
		if err := s.Publish().Check(); err != nil {
			t.Fatal(err)
		}
		d, _ := s.Write("acme")
		sabotage(s, d)
		if s.Publish().Check() == nil {
			t.Errorf("%s: not found", name)
		}
	}
}

// A snapshot of the first release has no fields and frames of the second.
func TestSnapshot_levelOneIsAsItWas(t *testing.T) {
	s := New(home)
	s.PutOrganization(&directory.Organization{ID: "acme", Slug: "acme"})
	session := directory.Session{ID: "s", Hash: directory.Hash{2}, Organization: "acme", User: "u", UserNumber: 1, Connection: "c", Created: 5, Expires: 9}
	d, _ := s.Write("acme")
	s.PutSession(d, &session)
	want := append([]byte{frameSession, 51, 1, 's'}, session.Hash[:]...)
	want = append(want, 4, 'a', 'c', 'm', 'e', 1, 'u', 1, 1, 'c', 10, 18)
	want[1] = byte(len(want) - 2)
	data := snapshotOf(t, s)
	if !bytes.Contains(data, want) {
		t.Errorf("the session's frame changed: %x", data)
	}
	restored, err := Restore(bytes.NewReader(data), home, 1)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := restored.Session(session.Hash); fmt.Sprint(*got) != fmt.Sprint(session) {
		t.Errorf("restored %+v", got)
	}
}

func TestBegin_sweepsSigning(t *testing.T) {
	s, _ := small(t)
	for _, c := range []struct {
		at                          directory.Time
		sessions, attempts, errands int
	}{{1449, 3, 1, 1}, {1450, 2, 1, 1}, {2999, 2, 1, 1}, {3000, 2, 0, 1}, {9999, 0, 0, 1}} {
		s.Begin(c.at)
		view := s.Publish()
		if view.Sessions() != c.sessions || view.AttemptCount() != c.attempts || view.ErrandCount() != c.errands {
			t.Errorf("at %d: %d sessions, %d attempts, %d errands", c.at, view.Sessions(), view.AttemptCount(), view.ErrandCount())
		}
		if err := view.Check(); err != nil {
			t.Error(err)
		}
	}
	s.Begin(1000 + directory.ErrandLife)
	if s.ErrandCount() != 1 {
		t.Error("the newest command's errands go before another command came")
	}
	s.NextSeq()
	s.Begin(999 + directory.ErrandLife)
	if s.ErrandCount() != 0 {
		t.Error("an errand is there after its time")
	}
}

func TestErrands_bounded(t *testing.T) {
	s := New(home)
	for range directory.MaxErrands/2 + 5 {
		s.NextSeq()
		s.AddErrand(directory.Errand{Kind: directory.ErrandLogout})
		s.AddErrand(directory.Errand{Kind: directory.ErrandLogout})
	}
	if oldest, _ := s.errands.Min(); s.ErrandCount() != directory.MaxErrands || oldest.Seq != 6 || oldest.Ordinal != 0 {
		t.Errorf("%d errands from %d.%d on", s.ErrandCount(), oldest.Seq, oldest.Ordinal)
	}
	if newest, _ := s.errands.Max(); newest.Ordinal != 1 {
		t.Errorf("the newest errand is at %d.%d", newest.Seq, newest.Ordinal)
	}
}
