package scim_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"domicile/directory"
	"domicile/fsm"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/scim"
	"domicile/seal"
)

// ledger is the real memory without raft: proposals are batched, encoded, applied in order, and visible at once.
type ledger struct {
	fsm       *fsm.FSM
	identity  state.Identity
	proposals chan proposal
	index     uint64
	// before, if set, sees every command before it is proposed; tests write in between here.
	before atomic.Pointer[func(command.Command)]
	// fail, if set, decides that a view or a proposal fails.
	fail     atomic.Pointer[error]
	proposed atomic.Int64
}

type proposal struct {
	command command.Command
	result  chan command.Result
}

func newLedger(t testing.TB) *ledger {
	t.Helper()
	l := &ledger{identity: state.Identity{Region: "us", Cluster: "test"}, proposals: make(chan proposal, 256)}
	l.fsm = fsm.New(l.identity, func(err error) { t.Errorf("the memory stopped: %v", err) })
	var done sync.WaitGroup
	done.Go(l.run)
	t.Cleanup(func() { close(l.proposals); done.Wait() })
	return l
}

func (l *ledger) run() {
	for first := range l.proposals {
		batch := []proposal{first}
		for len(l.proposals) > 0 && len(batch) < command.MaxEntryCommands {
			batch = append(batch, <-l.proposals)
		}
		entry := command.Entry{Region: l.identity.Region, Cluster: l.identity.Cluster, At: directory.Time(time.Now().UnixMicro())}
		for _, p := range batch {
			entry.Commands = append(entry.Commands, p.command.Encode())
		}
		l.index++
		applied := l.fsm.Apply(&raft.Log{Index: l.index, Type: raft.LogCommand, Data: entry.Encode()}).(fsm.Applied)
		for i, p := range batch {
			p.result <- applied.Results[i]
		}
	}
}

// Propose implements command.Proposer.
func (l *ledger) Propose(_ context.Context, c command.Command) (command.Result, error) {
	if err := l.fail.Load(); err != nil {
		return command.Result{}, *err
	}
	if before := l.before.Load(); before != nil {
		(*before)(c)
	}
	l.proposed.Add(1)
	return l.propose(c)
}

func (l *ledger) propose(c command.Command) (command.Result, error) {
	c.RequestID = seal.NewRequestID()
	c.Deadline = directory.Time(time.Now().Add(5 * time.Second).UnixMicro())
	result := make(chan command.Result, 1)
	l.proposals <- proposal{c, result}
	answer := <-result
	return answer, answer.Err()
}

// View implements state.Viewer.
func (l *ledger) View(ctx context.Context, f state.Freshness) (*state.View, error) {
	if err := l.fail.Load(); err != nil {
		return nil, *err
	}
	return l.fsm.View(), l.fsm.WaitSeq(ctx, f.Seq())
}

var regions = []directory.Region{
	{ID: "us", Name: "United States", URL: "https://us.example.com", LoginURL: "https://us.example.com/login"},
	{ID: "eu", Name: "European Union", URL: "https://eu.example.com", LoginURL: "https://eu.example.com/login"},
}

// world is an engine over a ledger, with one organization and its actor.
type world struct {
	*scim.Engine
	ledger *ledger
	org    directory.OrganizationID
	token  string
	actor  scim.Actor
	clock  *atomic.Int64 // seconds to add to the wall clock
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{ledger: newLedger(t), clock: new(atomic.Int64)}
	w.Engine = scim.New(scim.Deps{
		Proposer: w.ledger, Viewer: w.ledger, Rehearse: fsm.Rehearse, Region: regions[0], Regions: regions,
		Cursors: seal.GenerateKeyring().Box("scim cursor", "us", "test"), NewID: seal.NewID,
		Now: func() time.Time { return time.Now().Add(time.Duration(w.clock.Load()) * time.Second) },
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
	w.write(t, org, &command.CreateOrganization{OrganizationFields: fields})
	secret, hash := seal.MintToken("dom_us_")
	w.write(t, org, &command.CreateToken{Tokens: []command.NewToken{{
		ID: directory.TokenID(seal.NewID()), Hash: directory.Hash(hash), Name: "test", Hint: "test",
	}}})
	return org, secret.Reveal()
}

func bearer(token string) scim.Caller { return scim.Caller{Authorization: "Bearer " + token} }

// write puts a command into the ledger behind the engine's back.
func (w *world) write(t testing.TB, org directory.OrganizationID, p command.Payload) command.Result {
	t.Helper()
	result, err := w.ledger.propose(command.Command{Organization: org, Actor: "test", Payload: p})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// directory gives the organization as it is now.
func (w *world) directory() *state.Directory {
	d, _ := w.ledger.fsm.View().Directory(w.org)
	return d
}

// hide adds a user whom the identity provider did not bring.
func (w *world) hide(t testing.TB, source directory.Source, userName string) directory.ResourceID {
	t.Helper()
	id := directory.ResourceID(seal.NewID())
	w.write(t, w.org, &command.CreateUser{ID: id, Source: source, UserFields: command.UserFields{
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
