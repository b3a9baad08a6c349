package fsm

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"domicile/directory"
	"domicile/fsm/command"
)

// second makes acme on a ledger of level 2, with a root address and two applications, the first of which wants to hear of
// logouts.
func second(t testing.TB, users int) *ledger {
	l := newLedger(t)
	l.do("", &command.RaiseLevel{Level: 2})
	l.acme(users)
	l.do("acme", &command.UpdateOrganization{OrganizationFields: command.OrganizationFields{
		Slug: "acme", Name: "Acme", Domains: []string{"acme.example"}, Profile: directory.ProfileInterop, RootEmail: "root@acme.example",
	}})
	redirects := []string{"https://app.example/callback"}
	l.do("", &command.PutApplication{ID: "told", Name: "Told", RedirectURIs: redirects, BackChannelURI: "https://app.example/logout"})
	l.do("", &command.PutApplication{ID: "quiet", Name: "Quiet", RedirectURIs: redirects})
	return l
}

func (l *ledger) join(session int, application directory.ApplicationID, code int) *command.JoinSession {
	return &command.JoinSession{Session: number(session), Application: application, Code: number(10_000 + code), CodeExpiry: l.now + 60_000_000}
}

// errands gives what waits for delivery as text, without what was left by the time before.
func (l *ledger) errands(kind directory.ErrandKind) string {
	var list []string
	for errand := range l.fsm.View().Errands() {
		if errand.Kind == kind {
			list = append(list, fmt.Sprint(errand.Organization, " ", errand.Application, " ", errand.Subject, " ", errand.Detail))
		}
	}
	return strings.Join(list, "; ")
}

func (l *ledger) sessions() string {
	var list []string
	for d := range l.fsm.View().Directories() {
		for session := range d.Sessions() {
			list = append(list, string(session.ID))
		}
	}
	return strings.Join(list, " ")
}

// sound checks the ledger, and goes on with a restored one.
func (l *ledger) sound() {
	l.Helper()
	if err := l.fsm.View().Check(); err != nil {
		l.Error(err)
	}
	l.fsm = reborn(l, l.fsm)
}

// detailed is a sign-in that the provider told much about.
func (l *ledger) detailed(i, n int) *command.OpenSession {
	p := l.signIn(i, n)
	p.ProviderSID, p.Context, p.Authed = fmt.Sprint("sid-", n), "urn:mfa", l.now-1
	p.SessionDetails = command.SessionDetails{Idle: 600_000_000, Methods: []string{"pwd", "mfa"}, Agent: "Firefox", Address: "192.0.2.7"}
	return p
}

func TestOpenSession_keepsDetails(t *testing.T) {
	l := second(t, 1)
	p := l.detailed(0, 0)
	p.Methods = append(p.Methods, make([]string, 20)...)
	p.Agent, p.Address = strings.Repeat("x", 300), strings.Repeat("é", 200)
	r := l.do("acme", p)
	l.sound()
	got, _ := l.fsm.View().Session(number(0))
	if got.Seq != r.Seq || got.Subject != string(userID(0)) || got.ProviderSID != "sid-0" || got.Context != "urn:mfa" ||
		got.Authed != l.now-1 || got.Idle != 600_000_000 || got.Kind != directory.SessionSSO {
		t.Errorf("session %+v", got)
	}
	if len(got.Methods) != directory.MaxSessionMethods || len(got.Agent) > directory.MaxSessionText || len(got.Address) > directory.MaxSessionText {
		t.Errorf("the session is not cut to its bounds: %+v", got)
	}
	if byID, ok := l.fsm.View().SessionByID("session-0"); !ok || byID != got {
		t.Errorf("by id: %+v", byID)
	}
	if _, ok := l.fsm.View().SessionByID("session-"); ok {
		t.Error("a part of an id finds a session")
	}
}

// On a ledger of level 1 a sign-in leaves what the first release left, whatever it carries.
func TestOpenSession_levelOne(t *testing.T) {
	plain, detailed := newLedger(t).acme(1), newLedger(t).acme(1)
	plain.do("acme", plain.signIn(0, 0))
	detailed.do("acme", detailed.detailed(0, 0))
	if plain.fsm.View().Digest() != detailed.fsm.View().Digest() {
		t.Error("the details show in the digest of level 1")
	}
}

func TestEndSessions(t *testing.T) {
	for name, c := range map[string]struct {
		end  command.EndSessions
		left string
	}{
		"by id":                      {command.EndSessions{ID: "session-1"}, "session-0 session-2 session-3"},
		"by user":                    {command.EndSessions{User: userID(0)}, "session-2 session-3"},
		"by connection":              {command.EndSessions{Connection: "connection"}, "session-3"},
		"by subject":                 {command.EndSessions{Connection: "connection", Subject: string(userID(0))}, "session-2 session-3"},
		"by the provider's":          {command.EndSessions{Connection: "connection", ProviderSID: "sid-2"}, "session-0 session-1 session-3"},
		"by both":                    {command.EndSessions{Connection: "connection", ProviderSID: "sid-1", Subject: string(userID(0))}, "session-0 session-2 session-3"},
		"by both, which differ":      {command.EndSessions{Connection: "connection", ProviderSID: "sid-2", Subject: string(userID(0))}, "session-0 session-1 session-2 session-3"},
		"by id and user":             {command.EndSessions{ID: "session-0", User: userID(0)}, "session-1 session-2 session-3"},
		"by id, of another user":     {command.EndSessions{ID: "session-0", User: userID(1)}, "session-0 session-1 session-2 session-3"},
		"by user and the provider's": {command.EndSessions{User: userID(0), Connection: "connection", ProviderSID: "sid-1"}, "session-0 session-2 session-3"},
		"all":                        {command.EndSessions{All: true}, ""},
		"of nobody":                  {command.EndSessions{User: "nobody"}, "session-0 session-1 session-2 session-3"},
		"through nothing":            {command.EndSessions{Connection: "other"}, "session-0 session-1 session-2 session-3"},
	} {
		t.Run(name, func(t *testing.T) {
			l := second(t, 2)
			l.do("acme", l.detailed(0, 0))
			l.now++
			l.do("acme", l.detailed(0, 1))
			l.do("acme", l.detailed(1, 2))
			l.do("acme", l.local(3, "root@acme.example"))
			r := l.do("acme", &c.end)
			if got := l.sessions(); got != c.left {
				t.Errorf("left are %q, want %q", got, c.left)
			}
			if r.Changed != (strings.Count(c.left, " ") < 3) {
				t.Errorf("result %+v", r)
			}
			l.sound()
		})
	}
}

func TestEndSessions_rules(t *testing.T) {
	l := second(t, 1)
	l.do("acme", l.detailed(0, 0))
	l.do("other", &command.CreateOrganization{OrganizationFields: command.OrganizationFields{Slug: "other"}})
	l.refuse("nowhere", &command.EndSessions{All: true}, directory.KindNotFound)
	for name, p := range map[string]command.EndSessions{
		"nothing named":      {Cause: "owner"},
		"all and one":        {All: true, ID: "session-0"},
		"subject of nothing": {User: userID(0), Subject: "subject"},
		"sid of nothing":     {All: true, ProviderSID: "sid-0"},
	} {
		t.Run(name, func(t *testing.T) { l.refuse("acme", &p, directory.KindInvalid) })
	}
	for _, p := range []command.EndSessions{{All: true}, {ID: "session-0"}, {Connection: "connection"}} {
		if r := l.do("other", &p); r.Changed {
			t.Errorf("another organization ended a session with %+v", p)
		}
	}
	once := command.EndSessions{Connection: "connection", ProviderSID: "sid-0", Once: number(77), OnceExpiry: l.now - 1}
	l.refuse("acme", &once, directory.KindUnauthenticated)
	once.OnceExpiry = l.now + 120_000_000
	if r := l.do("acme", &once); !r.Changed || l.sessions() != "" {
		t.Errorf("result %+v, left are %q", r, l.sessions())
	}
	l.refuse("acme", &once, directory.KindReplayed)
	once.ProviderSID = ""
	once.Subject, once.Connection = "x", ""
	l.refuse("acme", &once, directory.KindReplayed) // whatever else is wrong
	once.Once, once.Connection, once.Subject = number(78), "connection", "nobody"
	if r := l.do("acme", &once); !r.Changed {
		t.Error("a logout that ends nothing is used up, too")
	}
}

func TestTouchSessions(t *testing.T) {
	l := second(t, 1)
	l.do("acme", l.detailed(0, 0))
	opened := l.now
	touch := func(n int, at directory.Time) bool {
		return l.do("", &command.TouchSessions{Uses: []command.SessionUse{{Hash: number(n), At: at}}}).Changed
	}
	l.now += 500_000_000
	for name, c := range map[string]bool{
		"unknown": touch(9, l.now), "before it was opened": touch(0, opened-1), "when it was opened": touch(0, opened),
	} {
		if c {
			t.Errorf("%s: noted", name)
		}
	}
	if !touch(0, l.now+5_000_000) || touch(0, l.now) || touch(0, l.now-1) {
		t.Error("a use is noted once, and older ones are not")
	}
	if s, _ := l.fsm.View().Session(number(0)); s.Seen != l.now || s.End() != l.now+600_000_000 {
		t.Errorf("session %+v", s)
	}
	l.sound()
	l.now += 599_999_999
	l.do("", &command.TouchSessions{})
	if l.sessions() == "" {
		t.Fatal("the session is gone before its idleness ends")
	}
	late := l.command("", &command.TouchSessions{Uses: []command.SessionUse{{Hash: number(0), At: l.now}}})
	l.send(late)
	l.now += 600_000_000
	l.do("", &command.TouchSessions{})
	if l.sessions() != "" {
		t.Error("an idle session is still there")
	}
	l.refuse("", &command.TouchSessions{Uses: make([]command.SessionUse, command.MaxSessionUses+1)}, directory.KindTooLarge)
	l.sound()
}

// A use that came before the end counts, even if it is written down after it; one after the end does not.
func TestTouchSessions_nearTheEnd(t *testing.T) {
	for at, want := range map[directory.Time]bool{599_999_999: true, 600_000_000: false} {
		l := second(t, 1)
		l.do("acme", l.detailed(0, 0))
		opened := l.now
		session, _ := l.fsm.View().Session(number(0))
		l.now += 700_000_000
		fork := l.fsm.View().Fork() // the sweep is late there
		tx := newTransaction(fork, &command.Command{})
		tx.now = l.now
		if got := touchSession(tx, &command.SessionUse{Hash: session.Hash, At: opened + at}); got != want {
			t.Errorf("a use at %d counts: %v, want %v", at, got, want)
		}
	}
}

func TestJoinSession(t *testing.T) {
	l := second(t, 1)
	l.do("acme", l.detailed(0, 0))
	l.do("other", &command.CreateOrganization{OrganizationFields: command.OrganizationFields{Slug: "other"}})
	l.refuse("nowhere", l.join(0, "told", 0), directory.KindNotFound)
	l.refuse("other", l.join(0, "told", 0), directory.KindUnauthenticated)
	l.refuse("acme", l.join(1, "told", 0), directory.KindUnauthenticated)
	l.refuse("acme", l.join(0, "nothing", 0), directory.KindNotFound)
	late := l.join(0, "told", 0)
	late.CodeExpiry = l.now - 1
	l.refuse("acme", late, directory.KindUnauthenticated)
	l.do("acme", l.join(0, "told", 0))
	l.refuse("acme", l.join(0, "quiet", 0), directory.KindReplayed)
	l.do("acme", l.join(0, "told", 1))
	l.do("acme", l.join(0, "quiet", 2))
	session, _ := l.fsm.View().Session(number(0))
	if want := []directory.ApplicationID{"told", "quiet"}; !slices.Equal(session.Applications, want) {
		t.Errorf("applications %v, want %v", session.Applications, want)
	}
	for i := range directory.MaxSessionApplications {
		id := directory.ApplicationID(fmt.Sprint("app-", i))
		l.do("", &command.PutApplication{ID: id, Name: "x", RedirectURIs: []string{"https://app.example/callback"}})
		l.do("acme", l.join(0, id, 10+i))
	}
	session, _ = l.fsm.View().Session(number(0))
	if n := len(session.Applications); n != directory.MaxSessionApplications || slices.Contains(session.Applications, "quiet") {
		t.Errorf("%d applications, the oldest among them: %v", n, session.Applications)
	}
	l.sound()
}

// However a session ends, the applications that know of it hear of it.
func TestSessions_endTellsApplications(t *testing.T) {
	for name, end := range map[string]command.Payload{
		"deactivated":          &command.ReplaceUser{ID: userID(0), UserFields: fields(0, false)},
		"deleted":              &command.DeleteUser{ID: userID(0)},
		"connection deleted":   &command.DeleteConnection{ID: "connection"},
		"connection disabled":  &command.PutConnection{ID: "connection", Issuer: "https://idp.example", ClientID: "client"},
		"organization deleted": &command.DeleteOrganization{},
		"signed out":           &command.CloseSession{Hash: number(0)},
		"ended":                &command.EndSessions{User: userID(0)},
		"untied":               &command.DeleteLink{Connection: "connection", Issuer: "https://idp.example", Subject: string(userID(0))},
		"swept":                nil,
	} {
		t.Run(name, func(t *testing.T) {
			l := second(t, 1)
			l.do("acme", l.detailed(0, 0))
			l.do("acme", l.join(0, "told", 0))
			l.do("acme", l.join(0, "quiet", 1))
			if end == nil {
				l.now += 600_000_000
				end = &command.CloseSession{}
			}
			l.do("acme", end)
			if got, want := l.errands(directory.ErrandLogout), "acme told user-0 session-0"; got != want || l.fsm.View().Sessions() != 0 {
				t.Errorf("errands %q, want %q; %d sessions", got, want, l.fsm.View().Sessions())
			}
			l.sound()
		})
	}
}

func TestDeleteLink(t *testing.T) {
	l := second(t, 2)
	l.do("acme", l.detailed(0, 0))
	l.do("acme", l.detailed(1, 1))
	p := command.DeleteLink{Connection: "connection", Issuer: "https://idp.example", Subject: "nobody"}
	l.refuse("nowhere", &p, directory.KindNotFound)
	l.refuse("acme", &p, directory.KindNotFound)
	p.Subject = string(userID(0))
	l.do("acme", &p)
	l.refuse("acme", &p, directory.KindNotFound)
	if got := l.sessions(); got != "session-1" {
		t.Errorf("left are %q", got)
	}
	again := l.detailed(0, 2)
	again.Subject = "another name"
	l.do("acme", again) // the user may be tied anew
	l.sound()
}
