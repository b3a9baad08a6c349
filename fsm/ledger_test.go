package fsm

import (
	"encoding/binary"
	"fmt"
	"testing"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
)

// ledger is an FSM under test that is written command by command.
type ledger struct {
	testing.TB
	fsm   *FSM
	now   directory.Time
	index uint64
}

func newLedger(t testing.TB) *ledger { return &ledger{TB: t, fsm: newFSM(t), now: dawn} }

// command stamps a fresh request id and a deadline in ten seconds.
func (l *ledger) command(org directory.OrganizationID, p command.Payload) command.Command {
	l.index++
	c := command.Command{Deadline: l.now + 10_000_000, Organization: org, Actor: "operator", Payload: p}
	binary.BigEndian.PutUint64(c.RequestID[:], l.index)
	return c
}

// send applies one entry with the commands.
func (l *ledger) send(commands ...command.Command) []command.Result {
	l.Helper()
	return apply(l, l.fsm, l.index, l.encode(commands...))
}

func (l *ledger) encode(commands ...command.Command) []byte {
	entry := command.Entry{Region: home.Region, Cluster: home.Cluster, At: l.now}
	for i := range commands {
		entry.Commands = append(entry.Commands, commands[i].Encode())
	}
	return entry.Encode()
}

// do applies a command that must succeed.
func (l *ledger) do(org directory.OrganizationID, p command.Payload) command.Result {
	l.Helper()
	r := l.send(l.command(org, p))[0]
	if r.Error != nil {
		l.Fatalf("%s: %v", p.Kind(), r.Error)
	}
	return r
}

// refuse applies a command that must be refused so.
func (l *ledger) refuse(org directory.OrganizationID, p command.Payload, kind directory.Kind) {
	l.Helper()
	before := l.fsm.View()
	r := l.send(l.command(org, p))[0]
	if r.Error == nil || r.Error.Kind != kind {
		l.Errorf("%s: result %+v, want %s", p.Kind(), r, kind)
	}
	if r.Changed || r.Version != 0 {
		l.Errorf("%s: a refusal says that it changed something: %+v", p.Kind(), r)
	}
	if before.Sessions() != l.fsm.View().Sessions() || before.Organizations() != l.fsm.View().Organizations() {
		l.Errorf("%s: a refusal wrote", p.Kind())
	}
}

func (l *ledger) directory(org directory.OrganizationID) *state.Directory {
	l.Helper()
	d, ok := l.fsm.View().Directory(org)
	if !ok {
		l.Fatalf("no organization %s", org)
	}
	return d
}

// acme makes an organization with a connection and n active users user-0, user-1, …
func (l *ledger) acme(n int) *ledger {
	l.do("acme", &command.CreateOrganization{OrganizationFields: command.OrganizationFields{
		Slug: "acme", Name: "Acme", Domains: []string{"acme.example"}, Profile: directory.ProfileInterop,
	}})
	l.do("acme", &command.PutConnection{
		ID: "connection", Issuer: "https://idp.example", ClientID: "client", Enabled: true,
		ConnectionSettings: directory.ConnectionSettings{AuthMethod: directory.AuthBasic},
	})
	for i := range n {
		l.do("acme", createUserCommand(i))
	}
	return l
}

func createUserCommand(i int) *command.CreateUser {
	return &command.CreateUser{ID: userID(i), Source: directory.SourceSCIM, UserFields: fields(i, true)}
}

func userID(i int) directory.ResourceID { return directory.ResourceID(fmt.Sprintf("user-%d", i)) }

func fields(i int, active bool) command.UserFields {
	name := fmt.Sprintf("user.%d@acme.example", i)
	return command.UserFields{
		Active: active, UserName: name, UserNameKey: name, DisplayName: "User", Emails: []string{name}, Attributes: "{}",
	}
}

// signIn makes a sign-in of user i whose session and transaction have the number n.
func (l *ledger) signIn(i, n int) *command.OpenSession {
	connection, _ := l.directory("acme").Connection("connection")
	return &command.OpenSession{
		ID: directory.SessionID(fmt.Sprint("session-", n)), Hash: number(n), User: userID(i), Connection: "connection",
		ConnectionVersion: connection.Version, Transaction: number(n), TransactionExpiry: l.now + 600_000_000,
		Lifetime: 3600_000_000, Issuer: "https://idp.example", Subject: string(userID(i)),
	}
}

func number(n int) (hash directory.Hash) {
	binary.BigEndian.PutUint64(hash[:], uint64(n)+1)
	return hash
}
