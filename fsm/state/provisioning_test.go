package state

import (
	"bytes"
	"fmt"
	"testing"

	"domicile/directory"
)

// provision adds what an IdP's connection needs: settings, a client, a token of each kind, a schema.
func provision(s *State, d *Directory) {
	s.PutSettings(&directory.Settings{
		Plans: []directory.Plan{{Name: "basic", SignIn: true}, {Name: "full", SCIM: true}}, DefaultPlan: "basic",
		NewSCIM: directory.SCIMRequested, SCIMWithoutSignIn: true, RequestRate: -5, Modified: 900, Version: 1,
	})
	s.PutClient(d, &directory.Client{
		ID: "client", Organization: "acme", Name: "Okta", SecretHash: directory.Hash{7}, RedirectURIs: []string{"https://idp/a"},
		Created: 900, Version: 1,
	})
	s.PutToken(d, &directory.Token{ID: "token", Organization: "acme", Hash: directory.Hash{1}})
	s.PutToken(d, &directory.Token{
		ID: "access", Organization: "acme", Hash: directory.Hash{4}, Kind: directory.TokenAccess, Client: "client", Expires: 5000,
		LastUsed: 950, LastIP: "192.0.2.1",
	})
	s.PutToken(d, &directory.Token{
		ID: "refresh", Organization: "acme", Hash: directory.Hash{5}, Kind: directory.TokenRefresh, Client: "client", Created: 1,
	})
	d.PutSchema(&directory.Schema{URN: "urn:acme:a", Resource: "User", Document: "{}", Created: 900, Modified: 950, Version: 1})
}

func TestProvisioning_queries(t *testing.T) {
	s, d := small(t)
	s.PutToken(d, &directory.Token{
		ID: "older", Organization: "acme", Hash: directory.Hash{6}, Kind: directory.TokenRefresh, Client: "client",
	})
	tokens := func(kind directory.TokenKind, client directory.ClientID) (ids []directory.TokenID) {
		for token := range d.TokensOf(kind, client) {
			ids = append(ids, token.ID)
		}
		return ids
	}
	client, _ := s.Client("client")
	own, _ := d.Client("client")
	schema, _ := d.Schema("urn:acme:a")
	_, missing := d.Schema("urn:acme:A")
	for name, c := range map[string]struct{ got, want string }{
		"bearer tokens":      {fmt.Sprint(tokens(directory.TokenBearer, "")), "[token]"},
		"access tokens":      {fmt.Sprint(tokens(directory.TokenAccess, "client")), "[access]"},
		"refresh tokens":     {fmt.Sprint(tokens(directory.TokenRefresh, "client")), "[older refresh]"},
		"tokens of nobody":   {fmt.Sprint(tokens(directory.TokenRefresh, "clien")), "[]"},
		"counts":             {fmt.Sprint(d.TokenCount(), d.ClientCount(), d.SchemaCount(), d.SchemasVersion()), "1 1 1 1"},
		"client":             {fmt.Sprintln(client.Name, client == own), "Okta true\n"},
		"schema":             {fmt.Sprintln(schema.Document, missing), "{} false\n"},
		"settings of nobody": {fmt.Sprint(*New(home).Publish().Settings()), fmt.Sprint(directory.Settings{})},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", name, c.got, c.want)
		}
	}
}

func TestCheck_findsProvisioningFaults(t *testing.T) {
	token := func(d *Directory, id directory.TokenID) *directory.Token { found, _ := d.Token(id); return found }
	for name, sabotage := range map[string]func(*State, *Directory){
		"token by kind":       func(_ *State, d *Directory) { d.tokensKind.Delete(token(d, "token")) },
		"stale token by kind": func(_ *State, d *Directory) { d.tokensKind.Set(&directory.Token{ID: "old"}) },
		"token by end":        func(s *State, d *Directory) { s.tokensEnd.Delete(token(d, "access")) },
		"endless token by end": func(s *State, d *Directory) {
			s.tokensEnd.Set(token(d, "refresh"))
		},
		"token of nobody": func(s *State, d *Directory) {
			s.PutToken(d, &directory.Token{ID: "x", Organization: "acme", Kind: directory.TokenAccess, Client: "old"})
		},
		"bearer token of a client": func(s *State, d *Directory) {
			s.PutToken(d, &directory.Token{ID: "x", Organization: "acme", Client: "client"})
		},
		"too many tokens": func(s *State, d *Directory) {
			for n := range directory.MaxClientTokens {
				s.PutToken(d, &directory.Token{
					ID: directory.TokenID(fmt.Sprint(n)), Organization: "acme", Hash: directory.Hash{9, byte(n)},
					Kind: directory.TokenAccess, Client: "client",
				})
			}
		},
		"OAuth client by id":    func(s *State, _ *Directory) { s.oauthClients.Clear() },
		"stale OAuth client":    func(s *State, _ *Directory) { s.oauthClients.Set(&directory.Client{ID: "old"}) },
		"client of another":     func(s *State, d *Directory) { s.PutClient(d, &directory.Client{ID: "x", Organization: "other"}) },
		"schema newer than all": func(_ *State, d *Directory) { d.schemasVersion = 0 },
		"schemas of the future": func(_ *State, d *Directory) { d.schemasVersion = 99 },
		"too many schemas": func(_ *State, d *Directory) {
			for n := range directory.MaxSchemas {
				d.PutSchema(&directory.Schema{URN: fmt.Sprint("urn:acme:", n)})
			}
		},
		"settings of the future": func(s *State, _ *Directory) { s.PutSettings(&directory.Settings{Version: 99}) },
		"no settings":            func(s *State, _ *Directory) { s.settings = nil },
	} {
		s, _ := small(t)
		d, _ := s.Write("acme")
		sabotage(s, d)
		if s.Publish().Check() == nil {
			t.Errorf("%s: not found", name)
		}
	}
}

func TestRestore_provisioning(t *testing.T) {
	s, d := small(t)
	org := *d.Organization()
	org.SCIM, org.SCIMPaused, org.Principal = directory.SCIMActive, true, "Okta"
	org.DeletePolicy, org.SingleToken, org.Plan = directory.PolicyDeactivate, true, "full"
	s.PutOrganization(&org)
	schema, _ := d.Schema("urn:acme:a")
	s.NextSeq()
	d.DeleteSchema(schema, 2)
	restored, err := Restore(bytes.NewReader(snapshotOf(t, s)), home, 1)
	if err != nil {
		t.Fatal(err)
	}
	view := restored.Publish()
	back, _ := view.Directory("acme")
	token, _ := view.TokenByHash(directory.Hash{4})
	settings := view.Settings()
	for name, c := range map[string]struct{ got, want string }{
		"organization": {fmt.Sprint(*back.Organization()), fmt.Sprint(org)},
		"schemas":      {fmt.Sprint(back.SchemaCount(), back.SchemasVersion()), "0 2"},
		"access token": {fmt.Sprintln(token.Kind, token.Client, token.LastUsed, token.LastIP), "1 client 950 192.0.2.1\n"},
		"settings":     {fmt.Sprint(*settings), fmt.Sprint(*s.Settings())},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", name, c.got, c.want)
		}
	}
	restored.Begin(5000)
	if _, ok := restored.TokenByHash(directory.Hash{4}); ok {
		t.Error("a restored token outlives its end")
	}
	if err := restored.Publish().Check(); err != nil {
		t.Error(err)
	}
}
