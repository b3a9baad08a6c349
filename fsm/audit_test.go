package fsm

import (
	"fmt"
	"strings"
	"testing"

	"domicile/directory"
	"domicile/fsm/command"
)

// The audit log tells who did what; refusals, no-ops and what is no person's doing leave no row.
func TestAudit(t *testing.T) {
	l := newLedger(t).raised().acme(2)
	fields := command.OrganizationFields{
		Slug: "acme", Name: "Acme Corporation", Domains: []string{"acme.example"}, Profile: directory.ProfileInterop, Plan: "enterprise",
	}
	l.do("acme", &command.UpdateOrganization{OrganizationFields: fields})
	l.do("acme", &command.UpdateOrganization{OrganizationFields: fields})
	l.refuse("acme", &command.UpdateOrganization{ExpectVersion: 1, OrganizationFields: fields}, directory.KindStale)
	l.do("acme", bearer("token", 1))
	l.do("acme", &command.CreateClient{ID: "client", Name: "Okta"})
	l.do("acme", &command.CreateToken{Tokens: []command.NewToken{
		{ID: "access", Hash: number(7), Kind: directory.TokenAccess, Client: "client"},
	}})
	l.do("acme", &command.RevokeToken{ID: "token"})
	l.do("acme", &command.DeleteClient{ID: "client"})
	l.do("acme", &command.PutSchema{URN: "urn:acme:a", Resource: "User", Document: "{}"})
	l.do("acme", &command.DeleteSchema{URN: "urn:acme:a"})
	l.do("acme", l.signIn(0, 0))
	l.do("acme", &command.EndSessions{User: userID(0), Cause: "owner"})
	l.do("acme", &command.EndSessions{All: true, Cause: "owner"}) // none is left
	l.do("acme", &command.DeleteLink{Connection: "connection", Issuer: "https://idp.example", Subject: string(userID(0))})
	l.do("acme", &command.ConvertUsers{IDs: []directory.ResourceID{userID(0), userID(1)}, To: directory.SourceInvited})
	l.do("acme", &command.DeleteUser{ID: userID(0)})
	l.do("acme", &command.RestoreUser{ID: userID(0)})
	l.do("acme", &command.DeleteUser{ID: userID(0)})
	l.do("acme", &command.EraseUser{ID: userID(0)})
	l.do("acme", &command.DeleteConnection{ID: "connection"})
	got := l.audit()
	for i, want := range []string{
		"connection.deleted connection", "user.erased user-0", "user.restored user-0", "users.converted  2", "link.deleted connection",
		"sessions.ended user-0 owner", "schema.deleted urn:acme:a", "schema.changed urn:acme:a", "client.deleted client",
		"token.revoked token", "client.created client", "token.created token n", "organization.changed acme name, plan",
		"connection.changed connection created", "organization.created acme Acme",
	} {
		if i >= len(got) || got[i] != want {
			t.Fatalf("row %d of %q is not %q", i, got, want)
		}
	}
	for row := range l.directory("acme").Audit() {
		if row.Actor != "operator" || row.At != l.now || row.Seq == 0 {
			t.Errorf("row %+v", row)
		}
	}
}

// A ledger of level 1 is as the first release left it.
func TestAudit_notInLevelOne(t *testing.T) {
	l := newLedger(t).acme(0)
	if n := l.directory("acme").AuditCount(); n != 0 {
		t.Errorf("%d rows in a ledger of level 1", n)
	}
	l.refuse("acme", &command.CreateUser{ID: "new", Source: directory.SourceJIT, UserFields: fields(5, true)}, directory.KindInvalid)
	l.raised()
	l.do("acme", &command.CreateUser{ID: "new", Source: directory.SourceJIT, UserFields: fields(5, true)})
	group := &command.CreateGroup{ID: "group", Source: directory.SourceJIT, GroupFields: command.GroupFields{DisplayNameKey: "group"}}
	l.refuse("acme", group, directory.KindInvalid)
	if d := l.directory("acme"); d.UserCount(directory.SourceJIT) != 1 || d.UserCount(directory.SourceSCIM) != 0 {
		t.Error("the just-in-time user is not one")
	}
	l.do("acme", &command.ConvertUsers{IDs: []directory.ResourceID{"new"}, To: directory.SourceSCIM})
	if l.directory("acme").UserCount(directory.SourceSCIM) != 1 {
		t.Error("the just-in-time user did not become the IdP's")
	}
}

func TestAudit_bounded(t *testing.T) {
	l := newLedger(t).raised().acme(0)
	long := strings.Repeat("x", 5000)
	for i := range directory.MaxAuditRows {
		name := fmt.Sprintf("d%d.example", i%90)
		l.do("acme", &command.PutDomain{Name: name, Challenge: fmt.Sprint("challenge", i)})
	}
	l.do("acme", putRequestCommand("request", "new"))
	l.steps("request", directory.RequestSubmitted)
	l.do("acme", &command.EndSessions{All: true, Cause: long})
	l.do("acme", &command.PutDomain{Name: "more.example", Challenge: "challenge"})
	if d := l.directory("acme"); d.AuditCount() != directory.MaxAuditRows {
		t.Errorf("%d rows, want %d", d.AuditCount(), directory.MaxAuditRows)
	}
	wide := directory.AuditRow{Actor: long, Subject: long, Detail: long}.Fit()
	if len(wide.Detail) > directory.MaxAuditDetail || len(wide.Subject) > 320 || len(wide.Actor) > 200 {
		t.Errorf("a wide row has %d, %d and %d bytes", len(wide.Actor), len(wide.Subject), len(wide.Detail))
	}
	if err := l.fsm.View().Check(); err != nil {
		t.Error(err)
	}
}
