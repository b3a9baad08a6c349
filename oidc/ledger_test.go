package oidc

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"domicile/directory"
	"domicile/fsm"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/seal"
)

// ledger is a real FSM without raft, with one organization: acme, of the domains acme.example and acme.test.
type ledger struct {
	tb  testing.TB
	fsm *fsm.FSM
	cut bool

	mu    sync.Mutex
	index uint64
	ahead time.Duration // of the real time

	highest uint64                // level that a proposed command needs
	before  func(command.Payload) // called with each proposal; nil: not
}

func (l *ledger) now() time.Time { return time.Now().Add(l.ahead) }

const (
	acme       directory.OrganizationID = "acme"
	connection directory.ConnectionID   = "connection"
	testIssuer                          = "https://idp.example"
)

func testIdentity() state.Identity { return state.Identity{Region: "eu", Cluster: "cluster-1"} }

func newLedger(tb testing.TB) *ledger {
	l := &ledger{tb: tb, fsm: fsm.New(testIdentity(), func(err error) { tb.Error(err) })}
	l.must(&command.CreateOrganization{OrganizationFields: command.OrganizationFields{
		Slug: "acme", Name: "Acme", Domains: []string{"acme.example", "acme.test"}, RootEmail: "root@acme.example",
		Profile: directory.ProfileInterop,
	}})
	l.must(&command.PutConnection{
		ID: connection, Issuer: testIssuer, ClientID: "client", Enabled: true,
		ConnectionSettings: directory.ConnectionSettings{AuthMethod: directory.AuthBasic},
	})
	return l
}

func (l *ledger) Propose(_ context.Context, c command.Command) (command.Result, error) {
	if l.before != nil {
		l.before(c.Payload)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	c.RequestID = seal.NewRequestID()
	c.Deadline = directory.Time(now.Add(10 * time.Second).UnixMicro())
	encoded, level := c.EncodeWithLevel()
	l.highest = max(l.highest, level)
	entry := command.Entry{Region: "eu", Cluster: "cluster-1", At: directory.Time(now.UnixMicro()), Commands: [][]byte{encoded}}
	l.index++
	applied := l.fsm.Apply(&raft.Log{Index: l.index, Type: raft.LogCommand, Data: entry.Encode()}).(fsm.Applied)
	if applied.Err != nil {
		return command.Result{}, applied.Err
	}
	return applied.Results[0], applied.Results[0].Err()
}

func (l *ledger) View(context.Context, state.Freshness) (*state.View, error) {
	if l.cut {
		return nil, directory.Unavailable(time.Second, nil, "this node is cut off")
	}
	return l.fsm.View(), nil
}

func (l *ledger) must(p command.Payload) {
	l.tb.Helper()
	if _, err := l.Propose(context.Background(), command.Command{Organization: acme, Actor: "operator", Payload: p}); err != nil {
		l.tb.Fatal(err)
	}
}

// user adds a user whose id is its name.
func (l *ledger) user(source directory.Source, name, external string, active bool, emails ...string) {
	l.tb.Helper()
	l.must(&command.CreateUser{ID: directory.ResourceID(name), Source: source, UserFields: command.UserFields{
		Active: active, UserName: name, UserNameKey: directory.Fold(name), ExternalID: external, Emails: emails, Attributes: "{}",
	}})
}

// session signs a user in and gives the cookie.
func (l *ledger) session(user, subject string) string {
	l.tb.Helper()
	token, hash := seal.MintToken("dom_eu_session_")
	held, _ := l.fsm.View().Connection(connection)
	l.must(&command.OpenSession{
		ID: directory.SessionID(seal.NewID()), Hash: hash, User: directory.ResourceID(user), Connection: connection,
		ConnectionVersion: held.Version, Transaction: seal.HashToken(seal.NewID()), Lifetime: int64(directory.DefaultSessionLifetime),
		TransactionExpiry: directory.Time(time.Now().Add(time.Hour).UnixMicro()), Issuer: testIssuer, Subject: subject,
	})
	return token.Reveal()
}

func (l *ledger) service() *Service {
	return New(Deps{
		Proposer: l, Viewer: l, Keyring: seal.GenerateKeyring(), Identity: testIdentity(),
		Region: directory.Region{ID: "eu", LoginURL: "https://EU.example.com/login"},
	})
}
