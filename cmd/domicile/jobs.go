package main

import (
	"slices"
	"time"

	"domicile/cluster"
	"domicile/cmd/domicile/config"
	"domicile/directory"
	"domicile/jobs"
	"domicile/jobs/post"
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

// newClockwork makes the duties of the leader over a node; they have to run.
func newClockwork(cfg config.Config, k keys, o *observability, node *cluster.Node) (*jobs.Clockwork, error) {
	sender, err := newSender(cfg, k)
	if err != nil {
		return nil, err
	}
	region, _ := cfg.Directory()
	return jobs.New(jobs.Deps{
		Viewer: node, Proposer: node, Leads: func() bool { return leads(node) }, Post: sender, Region: region, Now: time.Now,
		Logger: o.logger, Metrics: jobs.NewMetrics(o.registry),
	}), nil
}

func leads(node *cluster.Node) bool {
	return slices.ContainsFunc(node.Members(), func(m directory.Member) bool { return m.Self && m.Leader })
}
