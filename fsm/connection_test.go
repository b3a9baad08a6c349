package fsm

import (
	"slices"
	"testing"

	"domicile/directory"
	"domicile/fsm/command"
)

// A domain leads to one connection: activation puts the request's domains on it, and no second one that is on may name them.
func TestConnection_domains(t *testing.T) {
	l := newLedger(t).acme(0).raised()
	l.activate(putRequestCommand("request", "first"))
	first, _ := l.directory("acme").Connection("first")
	if !slices.Equal(first.Domains, []string{"acme.example", "more.example"}) {
		t.Fatalf("%+v", first)
	}
	put := func(enabled bool, domains ...string) *command.PutConnection {
		return &command.PutConnection{ID: "second", Issuer: "https://b.example", ClientID: "b", Enabled: enabled, Domains: domains}
	}
	l.refuse("acme", put(true, "other.example", "more.example"), directory.KindConflict)
	l.refuse("acme", put(false, "acme.example", "acme.example"), directory.KindInvalid)
	l.refuse("acme", put(false, "Acme.example"), directory.KindInvalid)
	l.refuse("acme", put(false, make([]string, directory.MaxDomains+1)...), directory.KindTooLarge)
	l.do("acme", put(true, "other.example"))
	l.do("acme", put(false, "more.example")) // while it is off

	l.do("acme", putRequestCommand("another", "third", func(p *command.PutRequest) { p.Domains, p.BreakGlass = []string{"acme.example"}, nil }))
	l.steps("another", directory.RequestSubmitted, directory.RequestApproved)
	activate := &command.StepRequest{ID: "another", To: directory.RequestActive}
	l.refuse("acme", activate, directory.KindConflict)
	l.steps("request", directory.RequestDisabled)
	l.do("acme", activate)
	l.refuse("acme", &command.StepRequest{ID: "request", To: directory.RequestActive}, directory.KindConflict) // on again
	l.steps("another", directory.RequestDisabled)
	l.steps("request", directory.RequestActive)
	l.refuse("acme", put(true, "more.example"), directory.KindConflict)

	l.do("acme", put(false))
	if row := l.audit()[0]; row != "connection.changed second domains" {
		t.Errorf("audit %q", row)
	}
	l.sound()
}
