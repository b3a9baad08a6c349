package oauth_test

import (
	"net/url"
	"testing"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/fsmtest"
	"domicile/fsm/state"
	"domicile/scim/oauth"
	"domicile/seal"
)

const (
	acme     directory.OrganizationID = "acme"
	globex   directory.OrganizationID = "globex"
	okta     directory.ClientID       = "okta"     // of acme
	daemon   directory.ClientID       = "daemon"   // of acme; client credentials only
	stranger directory.ClientID       = "stranger" // of globex
	callback                          = "https://idp.example/callback?tenant=1"
	secret                            = "s3cret"
	issuer                            = "https://eu.example.com"
)

// house is a ledger with two organizations and their clients, and the service over it.
type house struct {
	*oauth.Service
	*fsmtest.Ledger
	t testing.TB
}

func identity() state.Identity { return state.Identity{Region: "eu", Cluster: "cluster-1"} }

func newHouse(t testing.TB) *house {
	h := &house{t: t, Ledger: fsmtest.New(t, identity(), command.MaxLevel)}
	h.Service = h.node(seal.GenerateKeyring())
	for _, org := range []directory.OrganizationID{acme, globex} {
		h.organization(org, func(*command.OrganizationFields) {}, true)
	}
	h.client(acme, okta, callback, "https://idp.example/other")
	h.client(acme, daemon)
	h.client(globex, stranger, callback)
	return h
}

// node makes a service of the same region.
func (h *house) node(ring *seal.Keyring) *oauth.Service {
	return oauth.New(oauth.Deps{
		Proposer: h, Viewer: h, Keyring: ring, Identity: identity(), NewID: seal.NewID, Now: h.Now,
		Region: directory.Region{ID: "eu", Name: "European Union", URL: issuer},
	})
}

// Now is the ledger's, not the service's way to ask for it.
func (h *house) Now() time.Time { return h.Ledger.Now() }

// organization creates or changes an organization whose SCIM is active, but for what change does.
func (h *house) organization(id directory.OrganizationID, change func(*command.OrganizationFields), create bool) {
	h.t.Helper()
	fields := command.OrganizationFields{
		Slug: string(id), Name: "The " + string(id) + " company", RootEmail: "root@" + string(id) + ".example",
		Profile: directory.ProfileInterop, SCIM: directory.SCIMActive,
	}
	change(&fields)
	if create {
		h.Must(id, &command.CreateOrganization{OrganizationFields: fields})
		return
	}
	d, _ := h.FSM.View().Directory(id)
	h.Must(id, &command.UpdateOrganization{ExpectVersion: d.Organization().Version, OrganizationFields: fields})
}

func (h *house) client(org directory.OrganizationID, id directory.ClientID, uris ...string) {
	h.t.Helper()
	h.Must(org, &command.CreateClient{ID: id, Name: "Client " + string(id), SecretHash: seal.HashToken(secret), RedirectURIs: uris})
}

// opens tells whether a token authenticates SCIM requests.
func (h *house) opens(token seal.Secret) bool {
	row, ok := h.FSM.View().TokenByHash(seal.HashToken(token.Reveal()))
	return ok && row.Opens(directory.Time(h.Now().UnixMicro()))
}

// form is a form of pairs.
func form(pairs ...string) url.Values {
	values := make(url.Values)
	for i := 0; i < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	return values
}

// by adds the credentials of a client to a form.
func by(client directory.ClientID, pairs ...string) oauth.Request {
	return oauth.Request{Form: form(append(pairs, "client_id", string(client), "client_secret", secret)...)}
}
