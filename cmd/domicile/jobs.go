package main

import (
	"context"
	"slices"
	"time"

	"domicile/cluster"
	"domicile/cmd/domicile/config"
	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/jobs"
	"domicile/jobs/post"
	"domicile/oidc"
)

// newSender gives the way to the mail server, nil where the configuration names none.
func newSender(cfg config.Config, k keys) (*post.Sender, error) {
	if cfg.Mail.SMTP == "" {
		return nil, nil
	}
	return post.New(post.Config{
		Server: cfg.Mail.SMTP, Security: post.Security(cfg.Mail.TLS), From: cfg.Mail.From,
		Username: cfg.Mail.Username, Password: k.mailPassword, Now: time.Now,
	})
}

// newClockwork makes the duties of the leader over a node and its doors; they have to run.
func newClockwork(cfg config.Config, k keys, o *observability, node *cluster.Node, h house) (*jobs.Clockwork, error) {
	sender, err := newSender(cfg, k)
	if err != nil {
		return nil, err
	}
	region, _ := cfg.Directory()
	identity := k.credentials.Identity()
	place := state.Identity{Region: identity.Region, Cluster: identity.Cluster}
	o.registry.MustRegister(jobs.NewGauges(node, time.Now))
	return jobs.New(jobs.Deps{
		Viewer: node, Proposer: node, Leads: func() bool { return leads(node) }, Post: sender, Operators: cfg.Mail.Operators,
		Region: region, Now: time.Now, Logger: o.logger, Metrics: jobs.NewMetrics(o.registry),
		Logout: h.apps.DeliverLogout,
		Setup: func(ctx context.Context, organization directory.OrganizationID, address string) error {
			return h.local.MailSetup(ctx, organization, address, "jobs")
		},
		Recheck: h.operator.RecheckDomains,
		Refresh: h.signIn.RefreshProviders,
		NewKey: func(use directory.KeyUse, expect string) (*command.PutSigningKey, error) {
			key, err := oidc.NewSigningKey(k.keyring, place, time.Now(), use, expect)
			return &key, err
		},
	}), nil
}

func leads(node *cluster.Node) bool {
	return slices.ContainsFunc(node.Members(), func(m directory.Member) bool { return m.Self && m.Leader })
}
