package scim_test

import (
	"context"
	"slices"
	"testing"

	"domicile/directory"
	"domicile/fsm"
	"domicile/fsm/command"
	"domicile/fsm/fsmtest"
	"domicile/fsm/state"
	"domicile/scim"
	"domicile/seal"
)

var regions = []directory.Region{
	{ID: "us", Name: "United States", URL: "https://us.example.com", LoginURL: "https://us.example.com/login"},
	{ID: "eu", Name: "European Union", URL: "https://eu.example.com", LoginURL: "https://eu.example.com/login"},
}

// world is an engine over a ledger, with one organization and its actor.
type world struct {
	*scim.Engine
	ledger *fsmtest.Ledger
	org    directory.OrganizationID
	token  string
	actor  scim.Actor
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{ledger: fsmtest.New(t, state.Identity{Region: "us", Cluster: "test"}, command.MaxLevel)}
	w.Engine = scim.New(scim.Deps{
		Proposer: w.ledger, Viewer: w.ledger, Rehearse: fsm.Rehearse, Region: regions[0], Regions: regions,
		Cursors: seal.GenerateKeyring().Box("scim cursor", "us", "test"), NewID: seal.NewID, Now: w.ledger.Now,
	})
	w.org, w.token = w.organization(t, directory.ProfileInterop)
	var err error
	w.actor, err = w.Authenticate(t.Context(), w.org, bearer(w.token))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// organization makes an organization and a token of it.
func (w *world) organization(t testing.TB, profile directory.Profile) (directory.OrganizationID, string) {
	t.Helper()
	return w.organizationWith(t, func(f *command.OrganizationFields) { f.Profile = profile })
}

// organizationWith is organization with other fields.
func (w *world) organizationWith(t testing.TB, change func(*command.OrganizationFields)) (directory.OrganizationID, string) {
	t.Helper()
	org := directory.OrganizationID(seal.NewID())
	fields := command.OrganizationFields{Slug: "o-" + string(org[:8]), Name: "Organization", SCIM: directory.SCIMActive}
	change(&fields)
	w.ledger.Must(org, &command.CreateOrganization{OrganizationFields: fields})
	secret, hash := seal.MintToken("dom_us_")
	w.ledger.Must(org, &command.CreateToken{Tokens: []command.NewToken{{
		ID: directory.TokenID(seal.NewID()), Hash: directory.Hash(hash), Name: "test", Hint: "test",
	}}})
	return org, secret.Reveal()
}

func bearer(token string) scim.Caller { return scim.Caller{Authorization: "Bearer " + token} }

// directory gives the organization as it is now.
func (w *world) directory() *state.Directory {
	d, _ := w.ledger.FSM.View().Directory(w.org)
	return d
}

// hide adds a user whom the identity provider did not bring.
func (w *world) hide(t testing.TB, source directory.Source, userName string) directory.ResourceID {
	t.Helper()
	id := directory.ResourceID(seal.NewID())
	w.ledger.Must(w.org, &command.CreateUser{ID: id, Source: source, UserFields: command.UserFields{
		Active: true, UserName: userName, UserNameKey: directory.Fold(userName),
		Attributes: `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"` + userName + `","active":true}`,
	}})
	return id
}

// members gives the ids of a group's members, sorted.
func (w *world) members(t testing.TB, group string) []string {
	t.Helper()
	d := w.directory()
	g, ok := d.Group(directory.ResourceID(group))
	if !ok {
		t.Fatalf("there is no group %s", group)
	}
	var ids []string
	for n := range d.MembersOf(g.Number) {
		u, _ := d.UserByNumber(n)
		ids = append(ids, string(u.ID))
	}
	slices.Sort(ids)
	return ids
}

const (
	userURN  = "urn:ietf:params:scim:schemas:core:2.0:User"
	groupURN = "urn:ietf:params:scim:schemas:core:2.0:Group"
)

// create posts a body and gives the new id.
func (w *world) create(t testing.TB, kind scim.Kind, body string) string {
	t.Helper()
	r, err := w.Create(context.Background(), w.actor, kind, []byte(body), scim.Query{})
	if err != nil {
		t.Fatalf("create %s: %v", body[:min(len(body), 200)], err)
	}
	defer r.Release()
	return r.Location[len(r.Location)-36:]
}

// patch sends operations, separated by commas, and gives the answer.
func (w *world) patch(t testing.TB, kind scim.Kind, id, operations string) scim.Response {
	t.Helper()
	r, err := w.tryPatch(kind, id, operations, scim.Conditions{})
	if err != nil {
		t.Fatalf("patch %s: %v", operations, err)
	}
	return r
}

func (w *world) tryPatch(kind scim.Kind, id, operations string, c scim.Conditions) (scim.Response, error) {
	body := `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[` + operations + `]}`
	return w.Patch(context.Background(), w.actor, kind, id, []byte(body), scim.Query{}, c)
}
