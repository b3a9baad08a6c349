package fsm

import (
	"fmt"
	"testing"

	"domicile/directory"
	"domicile/fsm/command"
)

// local makes a sign-in of an address whose session and challenge have the number n.
func (l *ledger) local(n int, address string) *command.OpenLocalSession {
	return &command.OpenLocalSession{
		ID: directory.SessionID(fmt.Sprint("session-", n)), Hash: number(n), Email: address, User: "root-1", Challenge: number(20_000 + n),
		ChallengeExpiry: l.now + 300_000_000, Lifetime: 7200_000_000, SessionDetails: command.SessionDetails{Idle: 600_000_000, Agent: "Safari"},
	}
}

// invite adds an invited person whose user name is the address.
func (l *ledger) invite(id directory.ResourceID, address string) {
	l.do("acme", &command.CreateUser{ID: id, Source: directory.SourceInvited, UserFields: command.UserFields{
		Active: true, UserName: address, UserNameKey: address, Emails: []string{address}, Attributes: "{}",
	}})
}

// reorganize updates the organization.
func (l *ledger) reorganize(change func(*command.OrganizationFields)) {
	fields := command.OrganizationFields{
		Slug: "acme", Name: "Acme", Domains: []string{"acme.example"}, Profile: directory.ProfileInterop, RootEmail: "root@acme.example",
	}
	change(&fields)
	l.do("acme", &command.UpdateOrganization{OrganizationFields: fields})
}

func TestOpenLocalSession_root(t *testing.T) {
	l := second(t, 1)
	if _, ok := l.directory("acme").RootUser(); ok {
		t.Fatal("there is a root user before anybody signed in")
	}
	taken := l.local(0, "root@acme.example")
	taken.User = userID(0)
	l.refuse("acme", taken, directory.KindConflict)
	l.do("acme", l.local(0, "root@acme.example"))
	root, _ := l.directory("acme").RootUser()
	if root.ID != "root-1" || root.UserName != "root@acme.example" || root.UserNameKey != rootKey || !root.Active || root.DisplayName != "Root user" {
		t.Errorf("the root user is %+v", root)
	}
	second := l.local(1, "root@acme.example")
	second.User = "root-2"
	l.do("acme", second)
	if again, _ := l.directory("acme").RootUser(); again.ID != root.ID || l.directory("acme").UserCount(directory.SourceRoot) != 1 {
		t.Error("there is a second root user")
	}
	session, _ := l.fsm.View().Session(number(1))
	if session.Kind != directory.SessionLocal || session.User != "root-1" || session.Connection != "" || session.Email != "" ||
		session.Expires != l.now+7200_000_000 || session.Idle != 600_000_000 || session.Agent != "Safari" || session.Seq == 0 {
		t.Errorf("session %+v", session)
	}
	l.reorganize(func(f *command.OrganizationFields) { f.RootEmail = "boss@acme.example" })
	l.refuse("acme", l.local(2, "root@acme.example"), directory.KindForbidden)
	l.do("acme", l.local(2, "boss@acme.example"))
	if moved, _ := l.directory("acme").RootUser(); moved.Email() != "boss@acme.example" || moved.ID != root.ID || moved.Version == root.Version {
		t.Errorf("the root user is %+v", moved)
	}
	l.sound()
}

// A user who took the root user's key cannot keep it out.
func TestOpenLocalSession_rootKeyTaken(t *testing.T) {
	l := second(t, 0)
	squatter := fields(0, true)
	squatter.UserName, squatter.UserNameKey = rootKey, rootKey
	l.do("acme", &command.CreateUser{ID: "squatter", Source: directory.SourceSCIM, UserFields: squatter})
	l.do("acme", l.local(0, "root@acme.example"))
	if root, ok := l.directory("acme").RootUser(); !ok || root.UserNameKey == rootKey {
		t.Errorf("the root user is %+v", root)
	}
	l.sound()
}

// The root user stays as it is, whatever is done to users.
func TestRootUser_stays(t *testing.T) {
	l := second(t, 1)
	l.do("acme", l.local(0, "root@acme.example"))
	root, _ := l.directory("acme").RootUser()
	l.refuse("acme", &command.DeleteUser{ID: root.ID}, directory.KindForbidden)
	l.refuse("acme", &command.ConvertUsers{IDs: []directory.ResourceID{root.ID}, To: directory.SourceSCIM}, directory.KindInvalid)
	l.do("acme", &command.RenameUsers{})
	if after, _ := l.directory("acme").RootUser(); after != root {
		t.Errorf("the root user is %+v", after)
	}
	deactivated := command.UserFields{UserName: "root", UserNameKey: rootKey, Attributes: "{}"}
	l.do("acme", &command.ReplaceUser{ID: root.ID, UserFields: deactivated})
	l.refuse("acme", l.local(1, "root@acme.example"), directory.KindForbidden)
	l.sound()
}

func TestOpenLocalSession_refuses(t *testing.T) {
	l := second(t, 1)
	l.invite("ann", "ann@acme.example")
	l.do("acme", l.local(0, "root@acme.example"))
	l.do("acme", &command.PutRecovery{Email: "ann@acme.example", Handle: "h", Hashes: []directory.Hash{number(500)}})
	for name, c := range map[string]struct {
		change func(*command.OpenLocalSession)
		want   directory.Kind
	}{
		"used challenge":        {func(p *command.OpenLocalSession) { p.Challenge = number(20_000) }, directory.KindReplayed},
		"late challenge":        {func(p *command.OpenLocalSession) { p.ChallengeExpiry = l.now - 1 }, directory.KindUnauthenticated},
		"hash of another":       {func(p *command.OpenLocalSession) { p.Hash = number(0) }, directory.KindConflict},
		"stranger":              {func(p *command.OpenLocalSession) { p.Email = "eve@acme.example" }, directory.KindForbidden},
		"nobody":                {func(p *command.OpenLocalSession) { p.Email = "" }, directory.KindForbidden},
		"provisioned":           {func(p *command.OpenLocalSession) { p.Email, p.User = "user.0@acme.example", userID(0) }, directory.KindForbidden},
		"invited as another":    {func(p *command.OpenLocalSession) { p.Email, p.User = "ann@acme.example", userID(0) }, directory.KindForbidden},
		"unknown recovery code": {func(p *command.OpenLocalSession) { p.Recovery = number(501) }, directory.KindForbidden},
		"another's code":        {func(p *command.OpenLocalSession) { p.Recovery = number(500) }, directory.KindForbidden},
		"unknown passkey":       {func(p *command.OpenLocalSession) { p.Passkey = "key" }, directory.KindForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			p := l.local(1, "root@acme.example")
			c.change(p)
			l.refuse("acme", p, c.want)
		})
	}
	l.refuse("nowhere", l.local(1, "root@acme.example"), directory.KindNotFound)
	l.do("acme", l.local(1, "root@acme.example")) // no refusal consumed the challenge
}

func TestOpenLocalSession_invited(t *testing.T) {
	l := second(t, 0)
	l.invite("ann", "ann@acme.example")
	l.invite("bob", "bob@elsewhere.example")
	enter := func(n int, id directory.ResourceID, address string) *command.OpenLocalSession {
		p := l.local(n, address)
		p.User = id
		return p
	}
	l.do("acme", enter(0, "ann", "ann@acme.example"))
	if s, _ := l.fsm.View().Session(number(0)); s.User != "ann" || s.Kind != directory.SessionLocal {
		t.Errorf("session %+v", s)
	}
	l.reorganize(func(f *command.OrganizationFields) { f.SignIn.RequireSSO = true })
	l.refuse("acme", enter(1, "ann", "ann@acme.example"), directory.KindForbidden)
	l.do("acme", enter(2, "bob", "bob@elsewhere.example"))
	l.do("acme", l.local(3, "root@acme.example"))
	l.do("acme", &command.PutConnection{
		ID: "connection", Issuer: "https://idp.example", ClientID: "client",
		ConnectionSettings: directory.ConnectionSettings{AuthMethod: directory.AuthBasic},
	})
	l.do("acme", enter(4, "ann", "ann@acme.example")) // nothing is required while no connection is on
	l.sound()
}

func TestOpenLocalSession_breakGlass(t *testing.T) {
	l := second(t, 0)
	l.reorganize(func(f *command.OrganizationFields) { f.RootEmail, f.BreakGlass = "", []string{"glass@acme.example"} })
	l.do("acme", l.local(0, "glass@acme.example"))
	root, _ := l.directory("acme").RootUser()
	session, _ := l.fsm.View().Session(number(0))
	if root.UserName != "root" || len(root.Emails) != 0 {
		t.Errorf("the root user without address is %+v", root)
	}
	if session.Kind != directory.SessionBreakGlass || session.Email != "glass@acme.example" || session.User != root.ID ||
		session.Idle != 0 || session.Expires != l.now+directory.BreakGlassLifetime {
		t.Errorf("session %+v", session)
	}
	if got := l.errands(directory.ErrandBreakGlass); got != "acme  glass@acme.example " {
		t.Errorf("errands %q", got)
	}
	short := l.local(1, "glass@acme.example")
	short.Lifetime = 60_000_000
	l.do("acme", short)
	if s, _ := l.fsm.View().Session(number(1)); s.Expires != l.now+60_000_000 {
		t.Error("a shorter life was made longer")
	}
	l.sound()
}

func TestOpenLocalSession_credentials(t *testing.T) {
	l := second(t, 0)
	codes := []directory.Hash{number(500), number(501)}
	l.do("acme", &command.PutRecovery{Email: "root@acme.example", Handle: "h", Hashes: codes})
	l.do("acme", &command.PutPasskey{Email: "root@acme.example", Handle: "other", Passkey: directory.Passkey{ID: "key", PublicKey: "cose", SignCount: 3}})
	p := l.local(0, "root@acme.example")
	p.Recovery = number(500)
	l.do("acme", p)
	again := l.local(1, "root@acme.example")
	again.Recovery = number(500)
	l.refuse("acme", again, directory.KindForbidden)
	again.Recovery, again.Passkey, again.SignCount = directory.Hash{}, "key", 9
	l.now++
	l.do("acme", again)
	c, _ := l.directory("acme").Credentials("root@acme.example")
	if len(c.Recovery) != 1 || c.Recovery[0] != number(501) || c.Handle != "h" {
		t.Errorf("credentials %+v", c)
	}
	if key := c.Passkeys[0]; key.SignCount != 9 || key.LastUsed != l.now || key.Created == l.now || key.PublicKey != "cose" {
		t.Errorf("passkey %+v", key)
	}
	if _, ok := l.fsm.View().CredentialsByRecovery(number(500)); ok {
		t.Error("the used code still finds its owner")
	}
	l.sound()
}
