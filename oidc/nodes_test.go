package oidc

import (
	"strings"
	"testing"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/oidc/oidctest"
)

// region is a flow of several nodes that share a ledger; the first leads.
type region struct {
	*flow
	nodes []*Service
}

func newRegion(t *testing.T, nodes int) *region {
	t.Helper()
	r := &region{flow: newFlow(t, command.SecondLevel)}
	r.alice(nil)
	r.Stop(time.Unix(2e9, 0))
	for range nodes {
		r.serve()
		r.nodes = append(r.nodes, r.service)
	}
	return r
}

// at has node n speak from now on.
func (r *region) at(n int) *region {
	r.service = r.nodes[n]
	return r
}

// job runs the leader's.
func (r *region) job() {
	r.t.Helper()
	if err := r.nodes[0].RefreshProviders(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	r.settleAll()
}

func (r *region) settleAll() {
	for n := range r.nodes {
		r.at(n).settle()
	}
}

// asked gives how often discovery document and keys were asked for since it was called last.
func (r *region) asked() (discovery, keys int) {
	discovery, keys = r.provider.Count(oidctest.EndpointDiscovery), r.provider.Count(oidctest.EndpointKeys)
	r.provider.ResetRequests()
	return discovery, keys
}

func (r *region) wantAsked(what string, discovery, keys int) {
	r.t.Helper()
	if d, k := r.asked(); d != discovery || k != keys {
		r.t.Errorf("%s: the provider was asked %d times for its discovery document and %d for its keys, want %d and %d", what, d, k, discovery, keys)
	}
}

// TestNodes_askOnce: what one node had the others take from the ledger, also when keys rotate.
func TestNodes_askOnce(t *testing.T) {
	r := newRegion(t, 3)
	for n := range r.nodes {
		r.at(n).succeeds("alice@acme.example")
		r.settleAll()
	}
	r.wantAsked("the first sign-ins of three nodes", 1, 1)

	if err := r.provider.Rotate(); err != nil {
		t.Fatal(err)
	}
	r.Advance(time.Minute)
	for n := range r.nodes {
		r.at(n).succeeds("alice@acme.example")
		r.settleAll()
	}
	r.wantAsked("a key that nobody knew", 0, 1)

	r.Advance(keysFresh + time.Second)
	for n := range r.nodes {
		r.at(n).succeeds("alice@acme.example")
		r.settleAll()
	}
	r.wantAsked("keys that are no longer fresh", 0, 1)
}

// TestNodes_aDay: in a region at rest the leader alone asks, and writes as often.
func TestNodes_aDay(t *testing.T) {
	r := newRegion(t, 2)
	r.job()
	start, writes := r.FSM.View().Seq(), 0
	for minute := 0; minute < 24*60; minute += 5 {
		r.Advance(5 * time.Minute)
		if minute%15 == 0 {
			before := r.FSM.View().Seq()
			r.job()
			writes += int(r.FSM.View().Seq() - before)
		}
		if minute%20 == 0 {
			r.at(minute / 20 % 2).succeeds("alice@acme.example")
			r.settleAll()
		}
	}
	d, k := r.asked()
	if k < 96 || k > 98 || d < 23 || d > 26 {
		t.Errorf("in a day the provider was asked %d times for its discovery document and %d for its keys", d, k)
	}
	if writes < 118 || writes > 124 {
		t.Errorf("%d writes", writes)
	}
	// One pin and 72 sessions are all that was written besides.
	if rest := int(r.FSM.View().Seq()-start) - writes; rest != 72 {
		t.Errorf("%d other writes", rest)
	}
}

// TestNodes_maxAge: the region asks as often as the provider says, whichever node is asked.
func TestNodes_maxAge(t *testing.T) {
	r := newRegion(t, 2)
	r.provider.SetCacheControl(oidctest.EndpointKeys, "public, max-age=21600")
	r.provider.SetCacheControl(oidctest.EndpointDiscovery, "max-age=1") // five minutes, that is
	r.job()
	r.at(1).succeeds("alice@acme.example")
	r.wantAsked("at first", 1, 1)
	if p, _ := r.FSM.View().Provider(r.provider.Issuer()); p.Keys.Life != 21600_000_000 || p.Metadata.Life != 300_000_000 {
		t.Fatalf("the ledger has %+v, %+v", p.Metadata.Life, p.Keys.Life)
	}
	for range 3 {
		r.Advance(6 * time.Minute)
		r.at(1).succeeds("alice@acme.example")
		r.at(1).settle()
		r.at(0).succeeds("alice@acme.example")
	}
	r.wantAsked("a discovery document of five minutes", 3, 0)
	for range 20 {
		r.Advance(15 * time.Minute)
		r.job()
	}
	r.wantAsked("keys of six hours, after five", 20, 0)
	r.Advance(45 * time.Minute)
	r.job()
	r.at(1).succeeds("alice@acme.example")
	r.wantAsked("before they are over", 1, 1)
}

// TestNodes_newLeader: whoever begins to lead asks for nothing that the leader before it has had.
func TestNodes_newLeader(t *testing.T) {
	r := newRegion(t, 1)
	r.job()
	r.asked()
	r.Advance(time.Minute)
	r.serve()
	r.nodes = []*Service{r.service}
	r.job()
	r.wantAsked("a minute later", 0, 0)
}

// TestNodes_moved: a move is kept once, whichever nodes see it, and said by whoever saw it.
func TestNodes_moved(t *testing.T) {
	r := newRegion(t, 3)
	for n := range r.nodes {
		r.at(n).succeeds("alice@acme.example")
		r.settleAll()
	}
	r.provider.Script(oidctest.Faults{Lasting: []oidctest.Fault{oidctest.DiscoveryForeign}})
	r.Advance(2 * time.Hour)
	for _, node := range r.nodes { // all ask before one writes
		if _, err := node.providers.of(r.provider.Issuer()).meta.getNewer(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	r.settleAll()
	p, _ := r.FSM.View().Provider(r.provider.Issuer())
	host := strings.TrimPrefix(r.provider.Issuer(), "http://")
	want := directory.ProviderMove{Endpoint: "authorization_endpoint", From: host, To: "foreign.example", At: directory.Time(r.Now().UnixMicro())}
	if len(p.Moves) != 1 || p.Moves[0] != want {
		t.Fatalf("moves %+v", p.Moves)
	}
	r.provider.Script(oidctest.Faults{})
	r.Advance(2 * time.Hour)
	r.job()
	if p, _ = r.FSM.View().Provider(r.provider.Issuer()); len(p.Moves) != 2 || p.Moves[1].To != host {
		t.Errorf("moves %+v", p.Moves)
	}
}

// TestShelf_differ: of documents that two nodes write at once the later one is kept, with what it moved from the other.
func TestShelf_differ(t *testing.T) {
	r := newRegion(t, 2)
	r.job()
	issuer := r.provider.Issuer()
	place := shelfPlace{issuer, directory.ProviderMetadata}
	document := func(host string) kept {
		r.Advance(time.Second)
		return kept{`{"issuer":"` + issuer + `","jwks_uri":"https://` + host + `/keys"}`, r.Now(), 0}
	}
	one, two := document("one.example"), document("two.example")
	meanwhile := true
	r.Before(func(c command.Command) error {
		if put, puts := c.Payload.(*command.PutProvider); puts && meanwhile {
			meanwhile = false
			r.Must("", &command.PutProvider{
				Issuer: issuer, Document: place.document, Seen: put.Seen, Text: one.text, Fetched: directory.Time(one.fetched.UnixMicro()),
			})
		}
		return nil
	})
	r.nodes[1].shelf.keep(t.Context(), place, two)
	r.at(1).settle()
	p, _ := r.FSM.View().Provider(issuer)
	if p.Metadata.Text != two.text || len(p.Moves) != 1 || p.Moves[0].From != "one.example" || p.Moves[0].To != "two.example" {
		t.Errorf("the ledger has %+v, moves %+v", p.Metadata, p.Moves)
	}
	r.nodes[0].shelf.keep(t.Context(), place, one) // late, and older
	r.settleAll()
	if again, _ := r.FSM.View().Provider(issuer); again.Version != p.Version {
		t.Errorf("an older document took the newer one's place: %+v", again)
	}
}
