package httpapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/oidc"
	"domicile/oidc/oidctest"
	"domicile/seal"
)

// subsidiary adds a second connection to a tenant's organization, with a provider of its own, for one of its domains.
func (x *tenant) subsidiary(domain string) *tenant {
	w := x.world
	w.t.Helper()
	sub := &tenant{world: w, id: x.id, slug: "subsidiary", connection: directory.ConnectionID(seal.NewID())}
	var err error
	sub.provider, err = oidctest.New(oidctest.Config{
		TLS: w.tls, Now: w.ledger.Now, Outbound: w.client.HTTP(), Clients: []oidctest.Client{{
			ID: "client-subsidiary", Secret: "hush", RedirectURIs: []string{w.server.URL + "/signin-oidc/" + string(sub.connection)},
		}},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(sub.provider.Close)
	place := oidc.SecretPlace(state.Identity{Region: testRegion, Cluster: testCluster}, x.id, sub.connection)
	secret, err := w.ring.Seal(place, seal.NewSecret("hush"))
	if err != nil {
		w.t.Fatal(err)
	}
	sub.propose(&command.PutConnection{
		ID: sub.connection, Issuer: sub.provider.Issuer(), ClientID: "client-subsidiary", ClientSecret: secret, Enabled: true,
		Domains: []string{domain}, ConnectionSettings: directory.ConnectionSettings{AuthMethod: directory.AuthBasic, JustInTime: true},
	})
	return sub
}

// TestSignIn_domains: of an organization with two providers everybody comes to the right one, and neither speaks for the other's
// people.
func TestSignIn_domains(t *testing.T) {
	w := newWorld(t, false)
	acme := w.tenant("acme", "acme.example", "sub.example")
	sub := acme.subsidiary("sub.example")
	acme.both("sub-alice", "alice@acme.example")
	sub.both("sub-bob", "bob@sub.example")
	guest := acme.user(directory.SourceInvited, "guest@acme.example", "guest@acme.example")
	for _, test := range []struct {
		provider *oidctest.Provider
		form     url.Values
	}{
		{acme.provider, url.Values{"email": {"alice@acme.example"}}},
		{sub.provider, url.Values{"email": {"Bob@Sub.example"}}},
		{acme.provider, url.Values{"organization": {"acme"}}},
		{sub.provider, url.Values{"organization": {"acme"}, "email": {"bob@sub.example"}}},
	} {
		if at, _ := w.start(w.browser(), test.form); !strings.HasPrefix(at, test.provider.Issuer()) {
			t.Errorf("%v leads to %s", test.form, at)
		}
	}
	page := w.get(w.browser(), "/login/acme?login_hint=bob@sub.example")
	if !strings.Contains(page.body, `<input type="hidden" name="email" value="bob@sub.example">`) {
		t.Errorf("the organization's own link forgets the address:\n%s", page.body)
	}

	for _, email := range []string{"alice@acme.example", "bob@sub.example"} {
		b := w.browser()
		w.get(b, w.callback(b, email, "/"))
		if status, session := w.session(b); status != http.StatusOK {
			t.Errorf("%s: %d %v", email, status, session)
		}
	}

	// Whoever administers the subsidiary's provider can write down any address there.
	for _, test := range []struct {
		email  string
		claims map[string]any
		want   oidc.Reason
	}{
		{"guest@acme.example", nil, oidc.ReasonNewcomerEmail},
		{"nobody@acme.example", nil, oidc.ReasonNewcomerEmail},
		{"carol@sub.example", map[string]any{"preferred_username": "alice@acme.example"}, oidc.ReasonNewcomerTaken},
	} {
		sub.person("sub-of-"+test.email, test.email, test.claims)
		b := w.browser()
		at := w.initiate(b, http.MethodGet, "/login/initiate/"+string(sub.connection), nil).header.Get("Location")
		w.refused(b, w.get(b, w.authorize(b, at, test.email)), test.want)
	}
	view := w.ledger.FSM.View()
	d, _ := view.Directory(acme.id)
	for link := range d.LinksOf(guest) {
		t.Errorf("the guest has the identity %+v", link)
	}
}
