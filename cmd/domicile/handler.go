package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"domicile/apps"
	"domicile/cluster"
	"domicile/cmd/domicile/config"
	"domicile/console"
	"domicile/egress"
	"domicile/fsm"
	"domicile/fsm/state"
	"domicile/httpapi"
	"domicile/oidc"
	"domicile/oidc/local"
	"domicile/scim"
	"domicile/scim/oauth"
	"domicile/seal"
	"domicile/telemetry"
)

// house is the doors over a node and the hallway before them. The recorder and the sign-in have to run.
type house struct {
	hallway  http.Handler
	recorder *scim.Recorder
	signIn   *oidc.Service
	operator *console.Service
	apps     *apps.Service
	local    *local.Service
}

// newHouse builds the doors over a node, and the hallway.
func newHouse(cfg config.Config, k keys, o *observability, node *cluster.Node) (house, error) {
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
	resolver, err := egress.NewResolver(egress.DNSConfig{Servers: cfg.DNS.Servers})
	if err != nil {
		return house{}, err
	}
	operator, err := console.New(console.Deps{
		Proposer: node, Viewer: node, Operator: node, Keyring: k.keyring, Identity: identity, Region: region, Egress: out,
		DNS: resolver, NewID: seal.NewID, Now: time.Now,
	})
	if err != nil {
		return house{}, fmt.Errorf("open the operator's door: %w", err)
	}
	toApplications := egress.New(egress.Config{
		AllowPrivate: cfg.Applications.AllowPrivate, AllowPorts: cfg.Applications.AllowPorts, AllowLoopback: cfg.Dev, AllowHTTP: cfg.Dev,
	})
	applications := apps.New(apps.Deps{
		Proposer: node, Viewer: node, Keyring: k.keyring, Identity: place, Region: region, HTTP: toApplications.HTTP(),
		Resolve: whoFor(signIn), NewID: seal.NewID, Now: time.Now, Registry: o.registry,
	})
	withoutProvider, err := newLocal(cfg, k, o, node, signIn)
	if err != nil {
		return house{}, fmt.Errorf("open the door of people without an identity provider: %w", err)
	}
	hallway, err := httpapi.New(httpapi.Deps{
		SCIM: engine, SignIn: signIn, Console: operator, OAuth: authority, Apps: applications, Local: withoutProvider,
		Limiter: httpapi.NewLimiter(time.Now, o.registry),
		Region:  region, Regions: regions,
		OperatorTokenHash: k.operatorHash, TrustedProxies: cfg.TrustedProxies, Dev: cfg.Dev, Ready: node.Ready,
		Logger: o.logger, Metrics: telemetry.NewHTTPMetrics(o.registry), Tracing: o.tracing, Now: time.Now,
	})
	return house{hallway, recorder, signIn, operator, applications, withoutProvider}, err
}

// whoFor lets the applications' door ask the person's who is signed in.
func whoFor(signIn *oidc.Service) func(context.Context, string) (apps.Who, error) {
	return func(ctx context.Context, cookie string) (apps.Who, error) {
		who, err := signIn.Resolve(ctx, cookie)
		return apps.Who{User: who.User, Organization: who.Organization, Session: who.Session}, err
	}
}
