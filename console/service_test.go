package console_test

import (
	"errors"
	"testing"
	"time"

	"domicile/console"
	"domicile/console/consoletest"
	"domicile/directory"
	"domicile/egress"
	"domicile/egress/dnstest"
	"domicile/fsm/fsmtest"
	"domicile/seal"
)

const actor = "operator"

// house is a console over a real ledger.
type house struct {
	*console.Service
	ledger  *fsmtest.Ledger
	crew    *consoletest.Crew
	keyring *seal.Keyring
	dns     *dnstest.Server
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{
		ledger: consoletest.NewLedger(t), crew: consoletest.NewCrew("us-1", "us-2"), keyring: seal.GenerateKeyring(), dns: dnstest.New(t),
	}
	h.open(t, h.dns)
	return h
}

// open makes the door anew, with these resolvers.
func (h *house) open(t *testing.T, servers ...*dnstest.Server) {
	t.Helper()
	d := deps(h)
	cfg := egress.DNSConfig{Timeout: 500 * time.Millisecond}
	for _, server := range servers {
		cfg.Servers = append(cfg.Servers, server.Address)
	}
	var err error
	if d.DNS, err = egress.NewResolver(cfg); err != nil {
		t.Fatal(err)
	}
	if h.Service, err = console.New(d); err != nil {
		t.Fatal(err)
	}
}

func deps(h *house) console.Deps {
	return console.Deps{
		Proposer: h.ledger, Viewer: h.ledger, Operator: h.crew, Keyring: h.keyring, Identity: consoletest.Identity,
		Region: directory.Region{ID: "us", Name: "United States", URL: "https://us.example.com"},
		Egress: egress.New(egress.Config{AllowLoopback: true, AllowHTTP: true}),
		NewID:  seal.NewID, Now: h.ledger.Now,
	}
}

// organization makes one with this slug.
func (h *house) organization(t *testing.T, slug string) directory.OrganizationID {
	t.Helper()
	org, err := h.CreateOrganization(t.Context(), actor, console.NewOrganization{Slug: slug, Name: slug})
	if err != nil {
		t.Fatal(err)
	}
	return org.ID
}

// wantError checks kind and field.
func wantError(t *testing.T, err error, kind directory.Kind, field string) {
	t.Helper()
	e, ok := errors.AsType[*directory.Error](err)
	if !ok || e.Kind != kind || e.Field != field {
		t.Fatalf("error is %v, want %s about %q", err, kind, field)
	}
}

func TestNew_refusesHalfAHouse(t *testing.T) {
	whole := deps(&house{ledger: consoletest.NewLedger(t), crew: consoletest.NewCrew("us-1"), keyring: seal.GenerateKeyring()})
	for name, spoil := range map[string]func(*console.Deps){
		"no proposer":    func(d *console.Deps) { d.Proposer = nil },
		"no operator":    func(d *console.Deps) { d.Operator = nil },
		"no key ring":    func(d *console.Deps) { d.Keyring = nil },
		"no cluster":     func(d *console.Deps) { d.Identity.Cluster = "" },
		"another region": func(d *console.Deps) { d.Region.ID = "eu" },
		"no clock":       func(d *console.Deps) { d.Now = nil },
	} {
		t.Run(name, func(t *testing.T) {
			d := whole
			spoil(&d)
			if _, err := console.New(d); err == nil {
				t.Fatal("it was accepted")
			}
		})
	}
}
