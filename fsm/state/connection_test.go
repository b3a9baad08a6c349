package state

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"domicile/directory"
	"domicile/seal"
)

// choices are a connection's, with something in each field.
var choices = directory.ConnectionSettings{
	AuthMethod: directory.AuthPost, Scopes: []string{"groups"}, ResponseMode: directory.ResponseFormPost, Prompt: "login",
	MaxAge: 60, ACRValues: []string{"urn:acr"}, SharedRedirect: true, NamesIssuer: true, JustInTime: true,
}

// connect adds what an owner does about connections, with something in each field: requests, domains, and the region's
// applications, keys and providers.
func connect(s *State, d *Directory) {
	s.PutConnection(d, &directory.Connection{
		ID: "second", Organization: "acme", Issuer: "https://idp", ClientID: "second", ClientSecret: seal.Sealed("sealed"),
		ConnectionSettings: choices, Enabled: true, Created: 900, Modified: 950, Version: 1,
		SecretExpires: 9000, PreviousSecret: seal.Sealed("before"), Reminded: 2, Domains: []string{"acme.example"},
		Algorithm: "RS256", AlgorithmOffered: "ES256",
	})
	d.PutRequest(&directory.ConnectionRequest{
		ID: "request", Organization: "acme", Connection: "second", State: directory.RequestActive, Note: "fine", Author: "user:1",
		Reviewer: "operator", Created: 900, Modified: 950, Version: 1, RequestChoices: directory.RequestChoices{
			Issuer: "https://idp", ClientID: "second", ClientSecret: seal.Sealed("sealed"), SecretExpires: 9000, ConnectionSettings: choices,
			Domains: []string{"acme.example"}, BreakGlass: []string{"glass@acme.example"}, Phone: directory.PhonePolicy{MayChange: true, MustConfirm: true},
		},
	})
	d.PutRequest(&directory.ConnectionRequest{ID: "later", Organization: "acme", Connection: "second"})
	d.PutDomain(&directory.Domain{
		Organization: "acme", Name: "acme.example", Challenge: "challenge", State: directory.DomainVerified, Created: 800, Verified: 850,
		Checked: 950, Missing: 900, Misses: 2, Version: 1,
	})
	d.PutDomain(&directory.Domain{Organization: "acme", Name: "new.example", Challenge: "challenge"})
	d.AppendAudit(&directory.AuditRow{Seq: 1, At: 900, Actor: "user:1", Event: "domain.claimed", Subject: "new.example", Detail: "detail"})
	d.AppendAudit(&directory.AuditRow{Seq: 1, Ordinal: 1, At: 900, Event: "domain.verified"})
	s.PutProvider(&directory.Provider{
		Issuer: "https://idp", Metadata: directory.ProviderCopy{Text: "{}", Fetched: 800, Life: 3600},
		Keys:  directory.ProviderCopy{Text: "[]", Fetched: 850, Life: 1800},
		Moves: []directory.ProviderMove{{Endpoint: "jwks_uri", From: "old.example", To: "idp", At: 800}}, Version: 1,
	})
	s.PutProvider(&directory.Provider{Issuer: "https://unused"})
	s.PutApplication(&directory.Application{
		ID: "application", Name: "Portal", SecretHash: directory.Hash{1}, PreviousHash: directory.Hash{2}, RedirectURIs: []string{"https://a/b"},
		LogoutURIs: []string{"https://a/c"}, BackChannelURI: "https://a/d", Created: 800, Modified: 900, Version: 1,
	})
	for i, id := range []string{"b", "a"} {
		s.PutSigningKey(&directory.SigningKey{
			ID: id, Use: directory.KeyIDToken, Private: seal.Sealed("sealed"), Public: "{}", Created: directory.Time(800 + i),
		})
	}
	s.PutSigningKey(&directory.SigningKey{ID: "c", Use: directory.KeyClientAssertion, Created: 700})
}

func names[T any](list []T, name func(T) string) (found []string) {
	for _, item := range list {
		found = append(found, name(item))
	}
	return found
}

func TestConnection_queries(t *testing.T) {
	s, d := small(t)
	kid := func(k *directory.SigningKey) string { return k.ID }
	request, _ := d.Request("request")
	_, missing := d.Request("old")
	domain, _ := d.Domain("acme.example")
	provider, _ := s.Provider("https://idp")
	application, _ := s.Application("application")
	for name, c := range map[string]struct{ got, want string }{
		"connections":     {fmt.Sprint(names(slices.Collect(s.AllConnections()), func(c *directory.Connection) string { return string(c.ID) })), "[connection second]"},
		"requests":        {fmt.Sprint(names(slices.Collect(d.Requests()), func(q *directory.ConnectionRequest) string { return string(q.ID) })), "[later request]"},
		"request":         {fmt.Sprint(request.State, missing, d.RequestCount()), "active false 2"},
		"domains":         {fmt.Sprint(names(slices.Collect(d.Domains()), func(d *directory.Domain) string { return d.Name })), "[acme.example new.example]"},
		"domain":          {fmt.Sprint(domain.State, d.DomainCount()), "verified 2"},
		"audit":           {fmt.Sprint(names(slices.Collect(d.Audit()), func(r *directory.AuditRow) string { return r.Event })), "[domain.verified domain.claimed]"},
		"providers":       {fmt.Sprint(names(slices.Collect(s.Providers()), func(p *directory.Provider) string { return p.Issuer })), "[https://idp https://unused]"},
		"provider":        {fmt.Sprint(provider.Keys.Text, s.ProviderCount(), s.ProviderUsed("https://idp"), s.ProviderUsed("https://id")), "[]2 true false"},
		"providers after": {fmt.Sprint(names(slices.Collect(s.ProvidersFrom("https://idp")), func(p *directory.Provider) string { return p.Issuer })), "[https://unused]"},
		"connections to": {fmt.Sprint(names(slices.Collect(s.ConnectionsTo("https://idp")), func(c *directory.Connection) string { return string(c.ID) }),
			len(slices.Collect(s.ConnectionsTo("https://id")))), "[connection second] 0"},
		"applications":     {fmt.Sprint(application.Name, s.ApplicationCount(), len(slices.Collect(s.Applications()))), "Portal1 1"},
		"keys":             {fmt.Sprint(names(s.SigningKeys(directory.KeyIDToken), kid)), "[b a]"},
		"assertion keys":   {fmt.Sprint(names(s.SigningKeys(directory.KeyClientAssertion), kid)), "[c]"},
		"keys for nothing": {fmt.Sprint(names(s.SigningKeys("id"), kid)), "[]"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", name, c.got, c.want)
		}
	}
	s.DropUnusedProviders()
	if _, ok := s.Provider("https://unused"); ok || s.ProviderCount() != 1 {
		t.Error("a provider of no connection is still kept, or one of a connection is not")
	}
}

// Whose sign-in goes where, and who stands for whom: acme has the domains a to d.
func TestConnections_ofDomains(t *testing.T) {
	s := New(home)
	s.Begin(1000)
	s.PutOrganization(&directory.Organization{ID: "acme", Slug: "acme", Domains: []string{"a.example", "b.example", "c.example", "d.example"}})
	d, _ := s.Write("acme")
	put := func(id directory.ConnectionID, created directory.Time, enabled bool, domains ...string) {
		s.PutConnection(d, &directory.Connection{
			ID: id, Organization: "acme", ClientID: string(id), Created: created, Enabled: enabled, Domains: domains,
		})
	}
	finds := func(what string, want map[string]string) {
		t.Helper()
		for domain, want := range want {
			got := "nothing"
			if c, ok := d.ConnectionFor(domain); ok {
				got = string(c.ID)
			}
			var vouching string
			for c := range d.Connections() {
				if c.Enabled && d.Vouches(c, domain) {
					vouching += " " + string(c.ID)
				}
			}
			if got += " by" + vouching; got != want {
				t.Errorf("%s: %q leads to %s, want %s", what, domain, got, want)
			}
		}
	}
	put("off", 0, false, "a.example", "d.example")
	finds("none is on", map[string]string{"a.example": "nothing by", "": "nothing by"})
	put("z-first", 1, true, "b.example", "else.example")
	put("y-second", 2, true, "a.example")
	finds("all are named", map[string]string{
		"a.example": "y-second by y-second", "b.example": "z-first by z-first", "c.example": "z-first by", "d.example": "z-first by",
		"else.example": "z-first by", "sub.a.example": "z-first by", "": "z-first by",
	})
	put("x-third", 3, true)
	put("a-fourth", 4, true)
	finds("two name none", map[string]string{
		"a.example": "y-second by y-second", "b.example": "z-first by z-first", "c.example": "x-third by a-fourth x-third",
		"else.example": "z-first by", "": "z-first by",
	})
}

func TestCheck_findsConnectionFaults(t *testing.T) {
	for name, sabotage := range map[string]func(*State, *Directory){
		"request of another": func(_ *State, d *Directory) { d.PutRequest(&directory.ConnectionRequest{ID: "x", Connection: "x"}) },
		"request of the future": func(_ *State, d *Directory) {
			d.PutRequest(&directory.ConnectionRequest{ID: "x", Organization: "acme", Connection: "x", Version: 9})
		},
		"request in no state": func(_ *State, d *Directory) {
			d.PutRequest(&directory.ConnectionRequest{ID: "x", Organization: "acme", Connection: "x", State: 99})
		},
		"in force for nothing": func(_ *State, d *Directory) {
			d.PutRequest(&directory.ConnectionRequest{ID: "x", Organization: "acme", Connection: "x", State: directory.RequestActive})
		},
		"two in force": func(_ *State, d *Directory) {
			d.PutRequest(&directory.ConnectionRequest{ID: "x", Organization: "acme", Connection: "second", State: directory.RequestActive})
		},
		"two under way": func(_ *State, d *Directory) {
			d.PutRequest(&directory.ConnectionRequest{ID: "x", Organization: "acme", Connection: "second"})
		},
		"two for a domain": func(s *State, d *Directory) {
			s.PutConnection(d, &directory.Connection{ID: "x", Organization: "acme", Domains: []string{"acme.example"}, Enabled: true})
		},
		"too many requests": func(_ *State, d *Directory) {
			for n := range directory.MaxRequests {
				id := fmt.Sprint(n)
				d.PutRequest(&directory.ConnectionRequest{
					ID: directory.ConnectionRequestID(id), Organization: "acme", Connection: directory.ConnectionID(id),
				})
			}
		},
		"domain of another":    func(_ *State, d *Directory) { d.PutDomain(&directory.Domain{Name: "x.example"}) },
		"domain of the future": func(_ *State, d *Directory) { d.PutDomain(&directory.Domain{Organization: "acme", Version: 9}) },
		"domain of nobody": func(_ *State, d *Directory) {
			d.PutDomain(&directory.Domain{Organization: "acme", Name: "x.example", State: directory.DomainVerified})
		},
		"too many domains": func(_ *State, d *Directory) {
			for n := range directory.MaxDomains {
				d.PutDomain(&directory.Domain{Organization: "acme", Name: fmt.Sprint(n)})
			}
		},
		"audit of the future":    func(_ *State, d *Directory) { d.AppendAudit(&directory.AuditRow{Seq: 9}) },
		"provider of the future": func(s *State, _ *Directory) { s.PutProvider(&directory.Provider{Version: 9}) },
		"large provider": func(s *State, _ *Directory) {
			s.PutProvider(&directory.Provider{Keys: directory.ProviderCopy{Text: string(make([]byte, 65<<10))}})
		},
		"many moves": func(s *State, _ *Directory) {
			s.PutProvider(&directory.Provider{Moves: make([]directory.ProviderMove, 11)})
		},
		"application of the future": func(s *State, _ *Directory) { s.PutApplication(&directory.Application{Version: 9}) },
		"too many applications": func(s *State, _ *Directory) {
			for n := range directory.MaxApplications {
				s.PutApplication(&directory.Application{ID: directory.ApplicationID(fmt.Sprint(n))})
			}
		},
		"key for nothing": func(s *State, _ *Directory) { s.PutSigningKey(&directory.SigningKey{ID: "x"}) },
		"key twice": func(s *State, _ *Directory) {
			s.PutSigningKey(&directory.SigningKey{ID: "c", Use: directory.KeyIDToken, Created: 900})
		},
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

func TestRestore_connections(t *testing.T) {
	s, d := small(t)
	org := *d.Organization()
	org.SignIn = directory.SignInPolicy{SessionLifetime: 60_000_000, SessionIdle: 70_000_000, RequireSSO: true}
	org.BreakGlass, org.Phone = []string{"glass@acme.example"}, directory.PhonePolicy{MayChange: true, MustConfirm: true}
	s.PutOrganization(&org)
	restored, err := Restore(bytes.NewReader(snapshotOf(t, s)), home, 1)
	if err != nil {
		t.Fatal(err)
	}
	back, _ := restored.Directory("acme")
	all := func(v *tables, d *Directory) string {
		text := fmt.Sprintf("%+v", *d.Organization())
		for c := range v.AllConnections() {
			text += fmt.Sprintf("\n%+v %q %q", *c, string(c.ClientSecret), string(c.PreviousSecret))
		}
		for q := range d.Requests() {
			text += fmt.Sprintf("\n%+v %q", *q, string(q.ClientSecret))
		}
		for domain := range d.Domains() {
			text += fmt.Sprintf("\n%+v", *domain)
		}
		for row := range d.Audit() {
			text += fmt.Sprintf("\n%+v", *row)
		}
		for p := range v.Providers() {
			text += fmt.Sprintf("\n%+v", *p)
		}
		for a := range v.Applications() {
			text += fmt.Sprintf("\n%+v", *a)
		}
		for _, key := range append(v.SigningKeys(directory.KeyIDToken), v.SigningKeys(directory.KeyClientAssertion)...) {
			text += fmt.Sprintf("\n%+v %q", *key, string(key.Private))
		}
		return text
	}
	if got, want := all(&restored.tables, back), all(&s.tables, d); got != want {
		t.Errorf("restored\n%s\nwant\n%s", got, want)
	}
}

// What is kept in a bounded number forgets the oldest.
func TestConnections_bounded(t *testing.T) {
	s, d := small(t)
	for i := range directory.MaxSigningKeys + 2 {
		s.PutSigningKey(&directory.SigningKey{ID: fmt.Sprint(i), Use: directory.KeyIDToken, Created: directory.Time(1000 + i)})
	}
	keys := s.SigningKeys(directory.KeyIDToken)
	if len(keys) != directory.MaxSigningKeys || keys[0].ID != "2" || len(s.SigningKeys(directory.KeyClientAssertion)) != 1 {
		t.Errorf("%d keys from %s on", len(keys), keys[0].ID)
	}
	for i := range directory.MaxAuditRows + 5 {
		d.AppendAudit(&directory.AuditRow{Seq: uint64(2 + i)})
	}
	rows := slices.Collect(d.Audit())
	if len(rows) != directory.MaxAuditRows || d.AuditCount() != len(rows) || rows[len(rows)-1].Seq != 7 {
		t.Errorf("%d audit rows from %d on", len(rows), rows[len(rows)-1].Seq)
	}
}
