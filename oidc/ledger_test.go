package oidc

import (
	"testing"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/fsmtest"
	"domicile/fsm/state"
	"domicile/seal"
)

// ledger is a ledger of the first level with one organization: acme, of the domains acme.example and acme.test.
type ledger struct {
	*fsmtest.Ledger
	tb testing.TB
}

const (
	acme       directory.OrganizationID = "acme"
	connection directory.ConnectionID   = "connection"
	testIssuer                          = "https://idp.example"
)

func testIdentity() state.Identity { return state.Identity{Region: "eu", Cluster: "cluster-1"} }

func newLedger(tb testing.TB) *ledger {
	tb.Helper()
	l := &ledger{tb: tb, Ledger: fsmtest.New(tb, testIdentity(), 1)}
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

func (l *ledger) must(p command.Payload) {
	l.tb.Helper()
	l.Must(acme, p)
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
	held, _ := l.FSM.View().Connection(connection)
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
