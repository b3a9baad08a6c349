package main

import (
	"context"
	"time"

	"domicile/cluster"
	"domicile/cmd/domicile/config"
	"domicile/fsm/state"
	"domicile/jobs/post"
	"domicile/oidc"
	"domicile/oidc/local"
)

// newLocal opens the door of people who sign in without an identity provider. Its sessions are like those of signIn.
func newLocal(cfg config.Config, k keys, o *observability, node *cluster.Node, signIn *oidc.Service) (*local.Service, error) {
	sender, err := newSender(cfg, k)
	if err != nil {
		return nil, err
	}
	region, _ := cfg.Directory()
	identity := k.credentials.Identity()
	deps := local.Deps{
		Proposer: node, Viewer: node, Keyring: k.keyring, Identity: state.Identity{Region: identity.Region, Cluster: identity.Cluster},
		Region: region, SessionPrefix: signIn.SessionPrefix(), Now: time.Now, Logger: o.logger, Metrics: local.NewMetrics(o.registry),
		Dev: cfg.Dev, Record: signIn.Record,
	}
	if sender != nil {
		deps.Mail = func(ctx context.Context, letter local.Letter) error { return sender.Send(ctx, post.Letter(letter)) }
	}
	return local.New(deps)
}
