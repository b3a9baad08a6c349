package main

import (
	"fmt"
	"net/http"
	"time"

	"domicile/cluster"
	"domicile/cmd/domicile/config"
	"domicile/console"
	"domicile/egress"
	"domicile/fsm/state"
	"domicile/httpapi"
	"domicile/oidc"
	"domicile/scim"
	"domicile/seal"
	"domicile/telemetry"
)

// newHandler builds the doors over a node and the hallway before them.
func newHandler(cfg config.Config, k keys, o *observability, node *cluster.Node) (http.Handler, error) {
	identity := k.credentials.Identity()
	region, regions := cfg.Directory()
	out := egress.New(egress.Config{AllowPrivate: cfg.IdP.AllowPrivate, AllowLoopback: cfg.Dev, AllowHTTP: cfg.Dev})

	engine := scim.New(scim.Deps{
		Proposer: node, Viewer: node, Region: region, Regions: regions, NewID: seal.NewID, Now: time.Now,
		Cursors: k.keyring.Box("scim-cursor", identity.Region, identity.Cluster),
		Metrics: scim.NewMetrics(o.registry),
	})
	signIn := oidc.New(oidc.Deps{
		Proposer: node, Viewer: node, Keyring: k.keyring, Region: region, HTTP: out.HTTP(), Now: time.Now, Dev: cfg.Dev,
		Identity: state.Identity{Region: identity.Region, Cluster: identity.Cluster},
		Logger:   o.logger, Metrics: oidc.NewMetrics(o.registry),
	})
	operator, err := console.New(console.Deps{
		Proposer: node, Viewer: node, Operator: node, Keyring: k.keyring, Identity: identity, Region: region, Egress: out,
		NewID: seal.NewID, Now: time.Now,
	})
	if err != nil {
		return nil, fmt.Errorf("open the operator's door: %w", err)
	}
	return httpapi.New(httpapi.Deps{
		SCIM: engine, SignIn: signIn, Console: operator, Region: region, Regions: regions,
		OperatorTokenHash: k.operatorHash, TrustedProxies: cfg.TrustedProxies, Dev: cfg.Dev, Ready: node.Ready,
		Logger: o.logger, Metrics: telemetry.NewHTTPMetrics(o.registry), Tracing: o.tracing, Now: time.Now,
	})
}
