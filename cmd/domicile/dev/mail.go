package dev

import (
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/emersion/go-smtp"

	"domicile/cmd/domicile/config"
	"domicile/jobs/posttest"
)

// The mail sink takes every mail of both regions and shows it on a page.
func (o *Options) mailServer() string { return loopback(o.BasePort + 225) }
func (o *Options) mailInbox() string  { return loopback(o.BasePort + 226) }

// mail is what the nodes of a region are told about the mail sink.
func (o *Options) mail(p place) config.Mail {
	return config.Mail{
		SMTP: o.mailServer(), TLS: "none", From: fmt.Sprintf("Domicile <no-reply@%s.domicile.example>", p.id),
		Operators: []string{fmt.Sprintf("operator@%s.domicile.example", p.id)},
	}
}

func (in *installation) startMail() error {
	sink := new(posttest.Sink)
	letters, err := net.Listen("tcp", in.mailServer())
	if err != nil {
		return fmt.Errorf("start the mail sink: %w", err)
	}
	inbox, err := net.Listen("tcp", in.mailInbox())
	if err != nil {
		return fmt.Errorf("start the mail sink: %w", err)
	}
	server := sink.Server()
	go func() { in.fail(server.Serve(letters)) }()
	in.servers = append(in.servers, func() { _ = server.Close() })
	in.serve(inbox, sink.Handler())
	in.manifest.Mail = MailManifest{SMTP: letters.Addr().String(), Inbox: "http://" + inbox.Addr().String()}
	return nil
}

// ignoreClosed drops the error that a listener gives when it was closed on purpose.
func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) || errors.Is(err, http.ErrServerClosed) || errors.Is(err, smtp.ErrServerClosed) {
		return nil
	}
	return err
}
