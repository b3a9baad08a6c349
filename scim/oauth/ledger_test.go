package oauth_test

import (
	"context"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"domicile/directory"
	"domicile/fsm"
	"domicile/fsm/command"
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

// house is a real FSM without raft, with two organizations and their clients, and the service over it.
type house struct {
	*oauth.Service
	t      testing.TB
	fsm    *fsm.FSM
	offset atomic.Int64 // of its clock
	cut    atomic.Bool

	mu    sync.Mutex
	index uint64
}

func identity() state.Identity { return state.Identity{Region: "eu", Cluster: "cluster-1"} }

func newHouse(t testing.TB) *house {
	h := &house{t: t, fsm: fsm.New(identity(), func(err error) { t.Error(err) })}
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
		Proposer: h, Viewer: h, Keyring: ring, Identity: identity(), NewID: seal.NewID, Now: h.now,
		Region: directory.Region{ID: "eu", Name: "European Union", URL: issuer},
	})
}

func (h *house) now() time.Time { return time.Now().Add(time.Duration(h.offset.Load())) }

func (h *house) wait(d time.Duration) { h.offset.Add(int64(d)) }

func (h *house) View(context.Context, state.Freshness) (*state.View, error) {
	if h.cut.Load() {
		return nil, directory.Unavailable(time.Second, nil, "this node is cut off")
	}
	return h.fsm.View(), nil
}

func (h *house) Propose(_ context.Context, c command.Command) (command.Result, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	c.RequestID = seal.NewRequestID()
	c.Deadline = directory.Time(now.Add(10 * time.Second).UnixMicro())
	entry := command.Entry{Region: "eu", Cluster: "cluster-1", At: directory.Time(now.UnixMicro()), Commands: [][]byte{c.Encode()}}
	h.index++
	applied := h.fsm.Apply(&raft.Log{Index: h.index, Type: raft.LogCommand, Data: entry.Encode()}).(fsm.Applied)
	if applied.Err != nil {
		return command.Result{}, applied.Err
	}
	return applied.Results[0], applied.Results[0].Err()
}

func (h *house) must(org directory.OrganizationID, p command.Payload) {
	h.t.Helper()
	if _, err := h.Propose(h.t.Context(), command.Command{Organization: org, Actor: "operator", Payload: p}); err != nil {
		h.t.Fatal(err)
	}
}

// organization creates or changes an organization whose SCIM is active, but for what change does.
func (h *house) organization(id directory.OrganizationID, change func(*command.OrganizationFields), create bool) {
	h.t.Helper()
	fields := command.OrganizationFields{
		Slug: string(id), Name: "The " + string(id) + " company", RootEmail: "root@" + string(id) + ".example",
		Profile: directory.ProfileInterop, SCIM: directory.SCIMActive,
	}
	change(&fields)
	if create {
		h.must(id, &command.CreateOrganization{OrganizationFields: fields})
		return
	}
	d, _ := h.fsm.View().Directory(id)
	h.must(id, &command.UpdateOrganization{ExpectVersion: d.Organization().Version, OrganizationFields: fields})
}

func (h *house) client(org directory.OrganizationID, id directory.ClientID, uris ...string) {
	h.t.Helper()
	h.must(org, &command.CreateClient{ID: id, Name: "Client " + string(id), SecretHash: seal.HashToken(secret), RedirectURIs: uris})
}

// opens tells whether a token authenticates SCIM requests.
func (h *house) opens(token seal.Secret) bool {
	row, ok := h.fsm.View().TokenByHash(seal.HashToken(token.Reveal()))
	return ok && row.Opens(directory.Time(h.now().UnixMicro()))
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
