package oidc

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/oidc/oidctest"
)

// held is the connection as the ledger has it.
func (f *flow) held() *directory.Connection {
	f.t.Helper()
	held, ok := f.FSM.View().Connection(connection)
	if !ok {
		f.t.Fatal("the connection is gone")
	}
	return held
}

// signs has the provider sign with an algorithm and announce some; none announces that one alone.
func (f *flow) signs(with jose.SignatureAlgorithm, announced ...jose.SignatureAlgorithm) {
	f.t.Helper()
	if err := f.provider.SetAlgorithm(with); err != nil {
		f.t.Fatal(err)
	}
	f.provider.Announce(announced...)
	f.Advance(time.Minute) // so that documents may be asked for again
}

// keeps wants what the connection keeps to and what was offered.
func (f *flow) keeps(algorithm, offered string) {
	f.t.Helper()
	if held := f.held(); held.Algorithm != algorithm || held.AlgorithmOffered != offered {
		f.t.Errorf("the connection keeps to %q, and %q was offered; want %q, %q", held.Algorithm, held.AlgorithmOffered, algorithm, offered)
	}
}

// mails counts the errands about the connection with a detail.
func (f *flow) mails(detail string) (n int) {
	for errand := range f.FSM.View().Errands() {
		if errand.Kind == directory.ErrandConnection && errand.Detail == detail {
			n++
		}
	}
	return n
}

// TestAlgorithm: a connection keeps to the algorithm of its first sign-in while the provider announces it.
func TestAlgorithm(t *testing.T) {
	f := newFlow(t, command.SecondLevel)
	f.alice(nil)
	f.signs(jose.RS256, jose.RS256, jose.ES256, jose.PS256)
	f.succeeds("alice@acme.example")
	f.keeps("RS256", "")

	f.signs(jose.ES256, jose.RS256, jose.ES256, jose.PS256)
	before := f.held().Version
	f.fails("alice@acme.example", ReasonAlgorithmChanged)
	f.fails("alice@acme.example", ReasonAlgorithmChanged)
	f.keeps("RS256", "ES256")
	if f.mails(directory.DetailAlgorithmOffered) != 1 || f.held().Version != before {
		t.Errorf("%d mails, version %d of %d", f.mails(directory.DetailAlgorithmOffered), f.held().Version, before)
	}
	f.signs(jose.RS256, jose.RS256, jose.ES256, jose.PS256)
	f.succeeds("alice@acme.example")
	f.keeps("RS256", "ES256") // it stays on offer

	f.signs(jose.ES256, jose.RS256, jose.ES256, jose.PS256)
	f.must(&command.PinAlgorithm{Connection: connection, Algorithm: "ES256"})
	f.succeeds("alice@acme.example")
	f.keeps("ES256", "")

	f.signs(jose.PS256, jose.PS256, jose.RS256) // the provider no longer announces what the connection keeps to
	f.succeeds("alice@acme.example")
	f.keeps("PS256", "")
	if f.mails(directory.DetailAlgorithmMoved) != 1 {
		t.Errorf("%d mails", f.mails(directory.DetailAlgorithmMoved))
	}
	f.connect(flowSecret, "")
	f.keeps("PS256", "")
	var rows []string
	for row := range f.directory().Audit() {
		if row.Event == "connection.algorithm" {
			rows = append(rows, row.Detail)
		}
	}
	if want := []string{"PS256, before ES256", "ES256, before RS256", "RS256"}; !slices.Equal(rows, want) {
		t.Errorf("audit %q", rows)
	}
}

// TestAlgorithm_all: every algorithm that is accepted can be kept to, and left for every other.
func TestAlgorithm_all(t *testing.T) {
	f := newFlow(t, command.SecondLevel)
	f.alice(nil)
	all := []jose.SignatureAlgorithm{
		jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
	}
	for i, algorithm := range all {
		other := all[(i+1)%len(all)]
		f.must(&command.PinAlgorithm{Connection: connection})
		f.signs(algorithm, all...)
		f.succeeds("alice@acme.example")
		f.keeps(string(algorithm), "")
		f.signs(other, all...)
		f.fails("alice@acme.example", ReasonAlgorithmChanged)
		f.keeps(string(algorithm), string(other))
	}
}

// TestAlgorithm_announcedNow: a provider that signs otherwise from one moment to the next is believed as soon as it says so.
func TestAlgorithm_announcedNow(t *testing.T) {
	f := newFlow(t, command.SecondLevel)
	f.alice(nil)
	f.signs(jose.RS256)
	f.succeeds("alice@acme.example")
	f.signs(jose.ES256)
	f.provider.ResetRequests()
	f.succeeds("alice@acme.example")
	f.keeps("ES256", "")
	if n := f.provider.Count(oidctest.EndpointDiscovery); n != 1 {
		t.Errorf("the discovery document was asked for %d times", n)
	}
	// It signs otherwise without saying so.
	if err := f.provider.SetAlgorithm(jose.RS256); err != nil {
		t.Fatal(err)
	}
	f.provider.Announce(jose.ES256)
	f.provider.ResetRequests()
	for range 3 {
		f.fails("alice@acme.example", ReasonTokenAlgorithm)
	}
	if n := f.provider.Count(oidctest.EndpointDiscovery); n > 1 {
		t.Errorf("the discovery document was asked for %d times", n)
	}
	f.keeps("ES256", "")
}

// TestAlgorithm_refusedOtherwise: a token that is not good is no offer.
func TestAlgorithm_refusedOtherwise(t *testing.T) {
	f := newFlow(t, command.SecondLevel)
	f.alice(nil)
	f.signs(jose.RS256, jose.RS256, jose.ES256)
	f.succeeds("alice@acme.example")
	f.signs(jose.ES256, jose.RS256, jose.ES256)
	for fault, want := range map[oidctest.Fault]Reason{
		oidctest.SigBad: ReasonTokenSignature, oidctest.NonceOther: ReasonTokenNonce, oidctest.AudOther: ReasonTokenAudience,
		oidctest.AlgHS256Public: ReasonTokenAlgorithm, oidctest.AlgNone: ReasonTokenAlgorithm,
	} {
		f.provider.Script(oidctest.Faults{Lasting: []oidctest.Fault{fault}})
		f.fails("alice@acme.example", want)
		f.keeps("RS256", "")
	}
}

// TestAlgorithm_notNoted: where the ledger does not take the offer the sign-in is refused nevertheless.
func TestAlgorithm_notNoted(t *testing.T) {
	f := newFlow(t, command.SecondLevel)
	f.alice(nil)
	f.signs(jose.RS256, jose.RS256, jose.ES256)
	f.succeeds("alice@acme.example")
	f.signs(jose.ES256, jose.RS256, jose.ES256)
	f.Before(func(c command.Command) error {
		if _, offers := c.Payload.(*command.OfferAlgorithm); offers {
			return directory.Unavailable(time.Second, nil, "out of reach")
		}
		return nil
	})
	f.fails("alice@acme.example", ReasonAlgorithmChanged)
	if !strings.Contains(f.logs.String(), "was not noted") {
		t.Errorf("logs %s", f.logs)
	}
	f.Before(nil)
	f.fails("alice@acme.example", ReasonAlgorithmChanged)
	f.keeps("RS256", "ES256")
}

// TestAlgorithm_logout: a logout token is held to the same, and is no offer.
func TestAlgorithm_logout(t *testing.T) {
	f := newFlow(t, command.SecondLevel)
	f.alice(nil)
	f.signs(jose.RS256, jose.RS256, jose.ES256)
	session := f.succeeds("alice@acme.example")
	logout := func() error {
		t.Helper()
		token, err := f.provider.LogoutToken("client", "", session.ProviderSID)
		if err != nil {
			t.Fatal(err)
		}
		return f.service.BackchannelLogout(t.Context(), connection, token)
	}
	f.signs(jose.ES256, jose.RS256, jose.ES256)
	f.refused(logout(), ReasonAlgorithmChanged)
	f.keeps("RS256", "")
	if n := len(slices.Collect(f.directory().Sessions())); n != 1 {
		t.Errorf("%d sessions", n)
	}
	f.signs(jose.RS256, jose.RS256, jose.ES256)
	if err := logout(); err != nil {
		t.Error(err)
	}
	if n := len(slices.Collect(f.directory().Sessions())); n != 0 {
		t.Errorf("%d sessions", n)
	}
}

// TestAlgorithm_twoAtOnce: of first sign-ins that end at the same moment one decides what the connection keeps to, and the others
// are judged by it.
func TestAlgorithm_twoAtOnce(t *testing.T) {
	for name, second := range map[string]jose.SignatureAlgorithm{"of one algorithm": jose.RS256, "of two": jose.ES256} {
		t.Run(name, func(t *testing.T) {
			f := newFlow(t, command.SecondLevel)
			f.alice(nil)
			f.person("sub-bob", "bob@acme.example", nil)
			f.user(directory.SourceSCIM, "bob@acme.example", "", true, "bob@acme.example")
			f.signs(jose.RS256, jose.RS256, jose.ES256)
			_, alice := f.walk(StartRequest{Connection: connection}, "alice@acme.example")
			_, bob := f.walk(StartRequest{Connection: connection}, "bob@acme.example")

			// Both have been judged when the first command reaches the ledger.
			arrived, both := make(chan directory.ResourceID, 2), make(chan struct{})
			var once sync.Map
			f.Before(func(c command.Command) error {
				if open, opens := c.Payload.(*command.OpenSession); opens {
					if _, again := once.LoadOrStore(open.User, true); !again {
						arrived <- open.User
						<-both
					}
				}
				return nil
			})
			ended := make(chan error, 2)
			finish := func(callback Callback) {
				go func() {
					_, err := f.service.Finish(context.Background(), callback)
					ended <- err
				}()
				select {
				case <-arrived:
				case err := <-ended:
					close(both)
					t.Fatalf("refused at once: %v", err)
				}
			}
			finish(alice)
			if err := f.provider.SetAlgorithm(second); err != nil {
				t.Fatal(err)
			}
			finish(bob)
			close(both)
			errs := []error{<-ended, <-ended}
			refused := 0
			for _, err := range errs {
				if err != nil {
					refused++
					f.refused(err, ReasonAlgorithmChanged)
				}
			}
			if want := map[bool]int{true: 0, false: 1}[second == jose.RS256]; refused != want {
				t.Errorf("%d refused, want %d: %v", refused, want, errs)
			}
			if n := len(slices.Collect(f.directory().Sessions())); n != 2-refused {
				t.Errorf("%d sessions", n)
			}
			if held := f.held(); held.Algorithm == "" || (held.AlgorithmOffered != "") != (refused > 0) {
				t.Errorf("the connection keeps to %q, %q was offered", held.Algorithm, held.AlgorithmOffered)
			}
		})
	}
}
