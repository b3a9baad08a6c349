package httpapi_test

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"domicile/console"
	"domicile/directory"
	"domicile/egress"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/httpapi"
	"domicile/oidc"
	"domicile/scim"
	"domicile/scim/scimtest"
	"domicile/seal"
	"domicile/telemetry"
)

// scimWorld is one node on loopback, for an identity provider to talk to.
type scimWorld struct {
	server *httptest.Server
	ledger *ledger
	org    directory.OrganizationID
	token  string
}

func newSCIMWorld(t *testing.T) *scimWorld {
	t.Helper()
	w := &scimWorld{ledger: newLedger(t, &clock{})}
	w.server = httptest.NewUnstartedServer(nil)
	region := directory.Region{ID: testRegion, Name: "European Union", URL: "http://" + w.server.Listener.Addr().String()}
	region.LoginURL = region.URL + "/login"
	other := directory.Region{ID: "us", Name: "United States", URL: "https://us.example", LoginURL: "https://us.example/login"}
	ring, registry := seal.GenerateKeyring(), prometheus.NewRegistry()
	logger := slog.New(slog.DiscardHandler)
	client := egress.New(egress.Config{AllowLoopback: true, AllowHTTP: true})
	identity := seal.Identity{Region: testRegion, Cluster: testCluster}
	admin, err := console.New(console.Deps{
		Proposer: w.ledger, Viewer: w.ledger, Keyring: ring, Identity: identity,
		Region: region, Egress: client, NewID: seal.NewID, Now: w.ledger.clock.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	tracing, err := telemetry.NewTracing(context.Background(), telemetry.TraceConfig{})
	if err != nil {
		t.Fatal(err)
	}
	handler, err := httpapi.New(httpapi.Deps{
		SCIM: scim.New(scim.Deps{
			Proposer: w.ledger, Viewer: w.ledger, Region: region, Regions: []directory.Region{region, other},
			Cursors: ring.Box("scim cursor", testRegion, testCluster), NewID: seal.NewID, Now: w.ledger.clock.now,
			Metrics: scim.NewMetrics(registry),
		}),
		SignIn: oidc.New(oidc.Deps{
			Proposer: w.ledger, Viewer: w.ledger, Keyring: ring, Identity: state.Identity{Region: testRegion, Cluster: testCluster}, Region: region,
			HTTP: client.HTTP(), Now: w.ledger.clock.now, Logger: logger, Metrics: oidc.NewMetrics(registry), Dev: true,
		}),
		Console: admin, Region: region, Regions: []directory.Region{region, other}, Dev: true,
		Logger: logger, Metrics: telemetry.NewHTTPMetrics(registry), Tracing: tracing, Now: w.ledger.clock.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.server.Config.Handler = handler
	w.server.Start()
	t.Cleanup(w.server.Close)
	w.org, w.token = w.organization(t, directory.ProfileInterop)
	return w
}

// organization makes an organization and a token of it.
func (w *scimWorld) organization(t *testing.T, profile directory.Profile) (directory.OrganizationID, string) {
	t.Helper()
	org := directory.OrganizationID(seal.NewID())
	secret, hash := seal.MintToken("dom_" + testRegion + "_")
	for _, p := range []command.Payload{
		&command.CreateOrganization{OrganizationFields: command.OrganizationFields{
			Slug: "o-" + string(org[:8]), Name: "Organization", Profile: profile,
		}},
		&command.CreateToken{ID: directory.TokenID(seal.NewID()), Hash: directory.Hash(hash), Name: "test", Hint: "test"},
	} {
		if _, err := w.ledger.Propose(context.Background(), command.Command{Organization: org, Actor: "operator", Payload: p}); err != nil {
			t.Fatal(err)
		}
	}
	return org, secret.Reveal()
}

func (w *scimWorld) base(org directory.OrganizationID) string {
	return w.server.URL + "/scim/v2/" + string(org)
}

// TestSCIMConversations replays what identity providers say, over real HTTP.
func TestSCIMConversations(t *testing.T) {
	w := newSCIMWorld(t)
	conversations, err := scimtest.Conversations()
	if err != nil {
		t.Fatal(err)
	}
	runner := scimtest.Runner{Tenant: func(_ context.Context, profile string) (scimtest.Tenant, error) {
		as := map[string]directory.Profile{"entra": directory.ProfileEntra, "strict": directory.ProfileStrict}[profile]
		if as == "" {
			as = directory.ProfileInterop
		}
		org, token := w.organization(t, as)
		return scimtest.Tenant{Base: w.base(org), Token: token}, nil
	}}
	report := runner.RunAll(t.Context(), conversations)
	for _, failure := range report.Failures() {
		t.Error(failure)
	}
	var table strings.Builder
	if err := report.Tally().Print(&table); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + table.String())
}
