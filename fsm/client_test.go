package fsm

import (
	"fmt"
	"testing"

	"domicile/directory"
	"domicile/fsm/command"
)

func TestClients_rules(t *testing.T) {
	l := withClient(t)
	l.do("other", &command.CreateOrganization{OrganizationFields: command.OrganizationFields{Slug: "other"}})
	for name, c := range map[string]struct {
		org  directory.OrganizationID
		p    command.Payload
		want directory.Kind
	}{
		"taken":                  {"acme", &command.CreateClient{ID: "client"}, directory.KindConflict},
		"taken elsewhere":        {"other", &command.CreateClient{ID: "client"}, directory.KindConflict},
		"no organization":        {"nowhere", &command.CreateClient{ID: "new"}, directory.KindNotFound},
		"too many redirect URIs": {"acme", &command.CreateClient{ID: "new", RedirectURIs: make([]string, 11)}, directory.KindTooLarge},
		"another's":              {"other", &command.DeleteClient{ID: "client"}, directory.KindNotFound},
		"unknown":                {"acme", &command.DeleteClient{ID: "new"}, directory.KindNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			l.TB = t
			l.refuse(c.org, c.p, c.want)
		})
	}
	l.TB = t
	client, ok := l.fsm.View().Client("client")
	if !ok || client.Organization != "acme" || client.Name != "Okta" || client.SecretHash != number(9) || client.Version == 0 {
		t.Errorf("client %+v", client)
	}
	l.do("acme", &command.CreateClient{ID: "stays"})
	for n := range directory.MaxClients - 2 {
		l.do("acme", &command.CreateClient{ID: directory.ClientID(fmt.Sprint("client-", n))})
	}
	l.refuse("acme", &command.CreateClient{ID: "one-more"}, directory.KindTooLarge)
	l.check()
}

func TestDeleteClient_takesItsTokens(t *testing.T) {
	l := withClient(t)
	l.do("acme", &command.CreateClient{ID: "stays"})
	l.do("acme", grant(1))
	l.do("acme", grant(2))
	l.do("acme", bearer("bearer", 100))
	others := grant(3)
	others.Tokens[0].Client, others.Tokens[1].Client = "stays", "stays"
	l.do("acme", others)
	l.do("acme", &command.DeleteClient{ID: "client"})
	l.refuse("acme", grant(4), directory.KindNotFound)
	left := 0
	for range l.directory("acme").Tokens() {
		left++
	}
	if _, ok := l.fsm.View().TokenByHash(number(2)); ok || left != 3 {
		t.Errorf("%d tokens are left, want those of the other client and the bearer token", left)
	}
	if _, ok := l.fsm.View().Client("client"); ok {
		t.Error("the client is still there")
	}
	l.do("acme", &command.DeleteOrganization{})
	if _, ok := l.fsm.View().Client("stays"); ok {
		t.Error("a client survived its organization")
	}
	l.check()
}
