package main

import (
	"fmt"
	"net/http"
	"time"

	"domicile/cluster"
	"domicile/cmd/domicile/config"
	"domicile/console"
	"domicile/egress"
	"domicile/fsm"
	"domicile/fsm/state"
	"domicile/httpapi"
	"domicile/oidc"
	"domicile/scim"
	"domicile/scim/oauth"
	"domicile/seal"
	"domicile/telemetry"
)

// newHandler builds the doors over a node and the hallway before them. The recorder that it gives as well has to run.
func newHandler(cfg config.Config, k keys, o *observability, node *cluster.Node) (http.Handler, *scim.Recorder, error) {
	identity := k.credentials.Identity()
	region, regions := cfg.Directory()
	out := egress.New(egress.Config{AllowPrivate: cfg.IdP.AllowPrivate, AllowLoopback: cfg.Dev, AllowHTTP: cfg.Dev})
	place := state.Identity{Region: identity.Region, Cluster: identity.Cluster}

	recorder := scim.NewRecorder(node, time.Now, o.registry)
	engine := scim.New(scim.Deps{
		Proposer: node, Viewer: node, Recorder: recorder, Rehearse: fsm.Rehearse,
		Region: region, Regions: regions, NewID: seal.NewID, Now: time.Now,
		Cursors: k.keyring.Box("scim-cursor", identity.Region, identity.Cluster),
		Metrics: scim.NewMetrics(o.registry),
	})
	signIn := oidc.New(oidc.Deps{
		Proposer: node, Viewer: node, Keyring: k.keyring, Region: region, HTTP: out.HTTP(), Now: time.Now, Dev: cfg.Dev,
		Identity: place, Logger: o.logger, Metrics: oidc.NewMetrics(o.registry),
	})
	authority := oauth.New(oauth.Deps{
		Proposer: node, Viewer: node, Keyring: k.keyring, Identity: place, Region: region, NewID: seal.NewID, Now: time.Now,
		Registry: o.registry,
	})
	operator, err := console.New(console.Deps{
		Proposer: node, Viewer: node, Operator: node, Keyring: k.keyring, Identity: identity, Region: region, Egress: out,
		NewID: seal.NewID, Now: time.Now,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("open the operator's door: %w", err)
	}
	handler, err := httpapi.New(httpapi.Deps{
		SCIM: engine, SignIn: signIn, Console: operator, OAuth: authority, Limiter: httpapi.NewLimiter(time.Now, o.registry),
		Region: region, Regions: regions,
		OperatorTokenHash: k.operatorHash, TrustedProxies: cfg.TrustedProxies, Dev: cfg.Dev, Ready: node.Ready,
		Logger: o.logger, Metrics: telemetry.NewHTTPMetrics(o.registry), Tracing: o.tracing, Now: time.Now,
	})
	return handler, recorder, err
}
