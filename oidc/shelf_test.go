package oidc

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/oidc/oidctest"
)

var down = oidctest.Faults{Lasting: []oidctest.Fault{oidctest.DiscoveryFails, oidctest.KeysFail}}

// TestAttack43_coldNode: a node that has just started signs people in while the provider's discovery and keys are down, with what
// another node left in the ledger, for as long as that is not too old.
func TestAttack43_coldNode(t *testing.T) {
	f := newFlow(t, command.SecondLevel)
	f.alice(nil)
	f.succeeds("alice@acme.example")
	f.settle()
	f.provider.Script(down)
	f.serve()
	f.succeeds("alice@acme.example")

	f.Advance(keysStale - time.Minute)
	f.serve()
	f.succeeds("alice@acme.example")
	f.Advance(2 * time.Minute)
	f.serve()
	f.fails("alice@acme.example", ReasonProviderDown) // the keys are too old
	f.Advance(metadataStale - keysStale)
	f.serve()
	_, err := f.service.Start(t.Context(), StartRequest{Connection: connection})
	f.refused(err, ReasonProviderDown)

	f.provider.Script(oidctest.Faults{})
	f.serve()
	f.succeeds("alice@acme.example")
}

// TestAttack43_coldNodeHangs: a provider that does not answer at all costs a moment.
func TestAttack43_coldNodeHangs(t *testing.T) {
	f := newFlow(t, command.SecondLevel)
	f.alice(nil)
	f.succeeds("alice@acme.example")
	f.settle()
	f.provider.Script(oidctest.Faults{Lasting: []oidctest.Fault{oidctest.DiscoveryHang}})
	f.serve()
	ctx, cancel := context.WithTimeout(t.Context(), 2*renewPatience)
	defer cancel()
	if _, err := f.service.Start(ctx, StartRequest{Connection: connection}); err != nil {
		t.Error(err)
	}
}

// TestFlow_rotatedElsewhere: keys that another node has seen are good here, while the provider cannot be asked for them.
func TestFlow_rotatedElsewhere(t *testing.T) {
	f := newFlow(t, command.SecondLevel)
	f.alice(nil)
	f.succeeds("alice@acme.example")
	here := f.service
	if err := f.provider.Rotate(); err != nil {
		t.Fatal(err)
	}
	f.Advance(time.Minute)
	f.serve()
	f.succeeds("alice@acme.example")
	f.settle()
	f.provider.Script(down)
	f.service = here
	f.succeeds("alice@acme.example")
}

func TestShelf_writesWhatIsNews(t *testing.T) {
	f := newFlow(t, command.SecondLevel)
	f.alice(nil)
	issuer := f.provider.Issuer()
	seq := func() uint64 {
		t.Helper()
		f.settle()
		return f.FSM.View().Seq()
	}
	refresh := func() {
		t.Helper()
		if err := f.service.RefreshProviders(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	refresh()
	start := seq()
	kept, ok := f.FSM.View().Provider(issuer)
	if !ok || !strings.Contains(kept.Metadata.Text, issuer) || !strings.Contains(kept.Keys.Text, `"keys"`) || kept.Metadata.Fetched == 0 ||
		kept.Keys.Fetched == 0 {
		t.Fatalf("the ledger keeps %+v", kept)
	}
	f.serve()
	refresh() // another node, a moment later
	if got := seq(); got != start {
		t.Errorf("the same documents were written again: %d after %d", got, start)
	}
	f.Advance(61 * time.Minute)
	refresh()
	if got := seq(); got != start+2 {
		t.Errorf("an hour later: %d after %d", got, start)
	}
	if err := f.provider.Rotate(); err != nil {
		t.Fatal(err)
	}
	f.Advance(15 * time.Minute)
	refresh()
	if got := seq(); got != start+3 {
		t.Errorf("after a rotation: %d after %d", got, start)
	}
	if f.counted("domicile_oidc_endpoints_moved_total") != 0 {
		t.Error("an endpoint moved")
	}
	f.provider.Script(oidctest.Faults{Lasting: []oidctest.Fault{oidctest.DiscoveryForeign}})
	f.Advance(2 * time.Hour)
	f.serve() // it knows the ledger's copy only
	refresh()
	if f.counted("domicile_oidc_endpoints_moved_total") != 1 || !strings.Contains(f.logs.String(), "authorization_endpoint") ||
		strings.Contains(f.logs.String(), "foreign.example") || strings.Contains(f.logs.String(), issuer) {
		t.Errorf("logs %s", f.logs)
	}
}

// TestShelf_bounds: one document waits once, and what is over the bound is let go.
func TestShelf_bounds(t *testing.T) {
	f := newFlow(t, command.SecondLevel)
	shelf := f.service.shelf
	text := kept{"text", f.Now(), 0}
	for range 3 {
		shelf.keep(t.Context(), shelfPlace{"one", directory.ProviderMetadata}, text)
	}
	if len(shelf.queue) != 1 {
		t.Errorf("%d wait", len(shelf.queue))
	}
	shelf.keep(t.Context(), shelfPlace{"large", directory.ProviderKeys}, kept{strings.Repeat("x", directory.MaxProviderDocument+1), f.Now(), 0})
	if len(shelf.queue) != 1 {
		t.Error("a document that the ledger does not take waits")
	}
	for i := range 2 * maxKeeping {
		shelf.keep(t.Context(), shelfPlace{fmt.Sprint(i), directory.ProviderKeys}, text)
	}
	if len(shelf.queue) != maxKeeping || len(shelf.waiting) != maxKeeping {
		t.Errorf("%d wait, %d are noted", len(shelf.queue), len(shelf.waiting))
	}
	f.settle()
	if len(shelf.waiting) != 0 {
		t.Errorf("%d are noted after all were written", len(shelf.waiting))
	}
	f.Cut(true)
	shelf.keep(t.Context(), shelfPlace{"cut off", directory.ProviderKeys}, text)
	if len(shelf.queue) != 0 {
		t.Error("a node that is cut off writes")
	}
}

func TestRefreshProviders(t *testing.T) {
	f := newFlow(t, command.SecondLevel)
	f.must(&command.PutConnection{
		ID: "off", Issuer: "https://off.example", ClientID: "x", ClientSecret: f.seal("x"), ConnectionSettings: f.settings,
	})
	if err := f.service.RefreshProviders(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(f.provider.Requests()); n != 2 {
		t.Errorf("%d requests", n)
	}
	f.Advance(15 * time.Minute)
	f.provider.Script(down)
	if err := f.service.RefreshProviders(t.Context()); err == nil || !strings.Contains(err.Error(), "1 of 1") {
		t.Errorf("%v", err)
	}
	if f.counted("domicile_oidc_provider_refreshes_total") != 2 {
		t.Error("not counted")
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.service.RefreshProviders(gone); !errors.Is(err, context.Canceled) && err == nil {
		t.Errorf("%v", err)
	}
	f.Cut(true)
	if err := f.service.RefreshProviders(t.Context()); directory.KindOf(err) != directory.KindUnavailable {
		t.Errorf("%v", err)
	}
}

// TestRun: what waits is written, and Run ends with its context.
func TestRun(t *testing.T) {
	f := newFlow(t, command.SecondLevel)
	f.alice(nil)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.service.Run(ctx)
	}()
	if err := f.service.RefreshProviders(t.Context()); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for {
		if kept, ok := f.FSM.View().Provider(f.provider.Issuer()); ok && kept.Keys.Text != "" && kept.Metadata.Text != "" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing was kept")
		}
		time.Sleep(time.Millisecond)
	}
	cancel()
	<-ended
}
