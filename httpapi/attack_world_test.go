package httpapi_test

import (
	"net"
	"net/http"
	"net/url"
	"testing"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/oidc/oidctest"
	"domicile/seal"
)

// detour stands for the name service: what is asked of a known host goes to a listener on loopback.
type detour struct {
	hosts map[string]string // host:port by host
	seen  func(*http.Request)
	next  http.RoundTripper
}

func (d *detour) RoundTrip(r *http.Request) (*http.Response, error) {
	if d.seen != nil {
		d.seen(r)
	}
	if to, known := d.hosts[r.URL.Host]; known {
		r = r.Clone(r.Context())
		r.Host, r.URL.Host = r.URL.Host, to
	}
	return d.next.RoundTrip(r)
}

// through makes the nodes anew, so that what they ask of providers takes a detour.
func (w *world) through(d *detour) {
	w.t.Helper()
	outbound := *w.client.HTTP()
	d.next, outbound.Transport = outbound.Transport, d
	w.outbound = &outbound
	w.doors, w.nodes = nil, nil
	w.nodes = []http.Handler{w.node(), w.node()}
	w.turn.Store(0)
}

// cloud is a world in which one provider has a name that the product knows.
type cloud struct {
	*world
	*tenant
	hosts map[string]string
}

// newCloud makes a world whose only organization has its provider at an issuer of a known host.
func newCloud(t *testing.T, issuer string, domains ...string) *cloud {
	t.Helper()
	w := newWorld(t, false)
	at, err := url.Parse(issuer)
	if err != nil {
		t.Fatal(err)
	}
	x := &tenant{world: w, id: "acme", slug: "acme", connection: "cloud"}
	x.settings.AuthMethod = directory.AuthPost
	address := ""
	for range 10 { // another process may take the port in between
		address = freeAddress(t)
		x.provider, err = oidctest.New(oidctest.Config{
			Addr: address, Issuer: issuer, TLS: w.tls, Now: w.ledger.Now, Outbound: w.client.HTTP(),
			Clients: []oidctest.Client{{ID: "client-acme", Secret: "client secret of acme"}},
		})
		if err == nil {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.provider.Close)
	c := &cloud{w, x, map[string]string{at.Host: address}}
	w.through(&detour{hosts: c.hosts})
	x.propose(&command.CreateOrganization{OrganizationFields: command.OrganizationFields{
		Slug: x.slug, Name: "Acme", Domains: domains, RootEmail: "root@" + domains[0], Profile: directory.ProfileInterop,
	}})
	x.connect(true)
	return c
}

// browser knows the same hosts.
func (c *cloud) browser() *oidctest.Browser {
	plain := &http.Transport{TLSClientConfig: c.world.trusting(), DisableKeepAlives: true}
	return oidctest.NewBrowser(&detour{hosts: c.hosts, next: plain})
}

// enter walks all the way by the organization's own link, whoever authenticates at the provider.
func (c *cloud) enter(b *oidctest.Browser, login string) visit {
	c.world.t.Helper()
	at, page := c.start(b, url.Values{"organization": {c.slug}})
	if at == "" {
		c.world.t.Fatalf("the sign-in did not start: %d\n%s", page.status, page.body)
	}
	return c.get(b, c.authorize(b, at, login))
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// token gives a tenant a SCIM bearer token.
func (x *tenant) token() string {
	x.world.t.Helper()
	d, _ := x.world.ledger.FSM.View().Directory(x.id)
	org := d.Organization()
	x.propose(&command.UpdateOrganization{ExpectVersion: org.Version, OrganizationFields: command.OrganizationFields{
		Slug: org.Slug, Name: org.Name, Domains: org.Domains, RootEmail: org.RootEmail, Profile: org.Profile,
		BreakGlass: org.BreakGlass, SCIM: directory.SCIMActive,
	}})
	secret, hash := seal.MintToken("dom_" + testRegion + "_")
	x.propose(&command.CreateToken{Tokens: []command.NewToken{{
		ID: directory.TokenID(seal.NewID()), Hash: directory.Hash(hash), Name: "test", Hint: "test",
	}}})
	return secret.Reveal()
}

// scim asks as a tenant's identity provider does.
func (x *tenant) scim(token, method, path, body string) visit {
	x.world.t.Helper()
	return x.world.send(method, x.world.server.URL+"/scim/v2/"+string(x.id)+path, "application/scim+json", body, "Authorization", "Bearer "+token)
}
