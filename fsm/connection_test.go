package fsm

import (
	"fmt"
	"slices"
	"strings"
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

// pins gives what the connection keeps to, what was offered, and how its version moved since it was asked last.
func (l *ledger) pins(seen *uint64) string {
	l.Helper()
	c, _ := l.directory("acme").Connection("connection")
	moved := "same"
	if c.Version != *seen {
		moved = "moved"
	}
	*seen = c.Version
	return fmt.Sprintf("%q %q %s", c.Algorithm, c.AlgorithmOffered, moved)
}

func TestConnection_algorithm(t *testing.T) {
	l := second(t, 2)
	delivered(l)
	var version uint64
	l.pins(&version)
	n := 0
	signIn := func(algorithm string) *command.OpenSession {
		n++
		p := l.signIn(0, n)
		p.Algorithm = algorithm
		return p
	}
	offer := func(algorithm string) *command.OfferAlgorithm {
		return &command.OfferAlgorithm{Connection: "connection", Algorithm: algorithm}
	}
	pin := func(algorithm string) *command.PinAlgorithm {
		return &command.PinAlgorithm{Connection: "connection", Algorithm: algorithm}
	}
	put := &command.PutConnection{
		ID: "connection", Issuer: "https://idp.example", ClientID: "client", Enabled: true,
		ConnectionSettings: directory.ConnectionSettings{AuthMethod: directory.AuthPost},
	}
	elsewhere := *put
	elsewhere.ClientID = "another"
	for i, step := range []struct {
		what    command.Payload
		want    string
		changed bool
		audit   string // the newest row, where the step wrote one
		mail    string
	}{
		{offer("ES256"), `"" "" same`, false, "", ""}, // it keeps to none
		{pin(""), `"" "" same`, false, "", ""},
		{signIn(""), `"" "" same`, true, "", ""}, // of a door that does not tell
		{signIn("RS256"), `"RS256" "" moved`, true, "connection.algorithm connection RS256", ""},
		{signIn("RS256"), `"RS256" "" same`, true, "", ""},
		{offer("RS256"), `"RS256" "" same`, false, "", ""},
		{offer("ES256"), `"RS256" "ES256" same`, true, "", "algorithm_offered"},
		{offer("ES256"), `"RS256" "ES256" same`, false, "", ""},
		{signIn("RS256"), `"RS256" "ES256" same`, true, "", ""},
		{put, `"RS256" "ES256" moved`, true, "connection.changed connection auth_method", "auth_method"},
		{pin("RS256"), `"RS256" "" moved`, true, "connection.algorithm connection RS256", ""}, // declined
		{offer("ES256"), `"RS256" "ES256" same`, true, "", "algorithm_offered"},
		{pin("ES256"), `"ES256" "" moved`, true, "connection.algorithm connection ES256, before RS256", "algorithm"},
		{pin("ES256"), `"ES256" "" same`, false, "", ""},
		{offer("RS256"), `"ES256" "RS256" same`, true, "", "algorithm_offered"},
		{offer("EdDSA"), `"ES256" "EdDSA" same`, true, "", ""},
		{signIn("EdDSA"), `"EdDSA" "" moved`, true, "connection.algorithm connection EdDSA, before ES256", "algorithm_moved"},
		{pin(""), `"" "" moved`, true, "connection.algorithm connection none, before EdDSA", "algorithm"},
		{signIn("PS512"), `"PS512" "" moved`, true, "connection.algorithm connection PS512", ""},
		{&elsewhere, `"" "" moved`, true, "connection.changed connection client_id", "client_id"},
	} {
		delivered(l)
		rows := l.directory("acme").AuditCount()
		if p, ok := step.what.(*command.OpenSession); ok {
			p.ConnectionVersion = version
		}
		r := l.do("acme", step.what)
		if got := l.pins(&version); got != step.want || r.Changed != step.changed {
			t.Fatalf("step %d: %s, changed %v, want %s", i, got, r.Changed, step.want)
		}
		audit := ""
		if l.directory("acme").AuditCount() > rows {
			audit = l.audit()[0]
		}
		if audit != step.audit {
			t.Errorf("step %d: audit %q, want %q", i, audit, step.audit)
		}
		mail := ""
		if step.mail != "" {
			mail = "acme  connection " + step.mail
		}
		if got := l.errands(directory.ErrandConnection); got != mail {
			t.Errorf("step %d: errands %q, want %q", i, got, mail)
		}
		l.sound()
	}
	l.do("acme", signIn("RS256"))
	l.refuse("acme", pin("ES256"), directory.KindConflict)
	l.refuse("acme", offer(""), directory.KindInvalid)
	l.refuse("acme", offer(strings.Repeat("x", directory.MaxAlgorithm+1)), directory.KindInvalid)
	for _, p := range []command.Payload{
		&command.OfferAlgorithm{Connection: "other", Algorithm: "ES256"}, &command.PinAlgorithm{Connection: "other"},
	} {
		l.refuse("acme", p, directory.KindNotFound)
	}
	l.refuse("nowhere", pin(""), directory.KindNotFound)
}

// Of two first sign-ins one decides; the other was judged by another version.
func TestConnection_algorithmOfTwo(t *testing.T) {
	l := second(t, 2)
	one, two := l.signIn(0, 0), l.signIn(1, 1)
	one.Algorithm, two.Algorithm = "RS256", "ES256"
	l.do("acme", one)
	l.refuse("acme", two, directory.KindForbidden)
	two = l.signIn(1, 1)
	two.Algorithm = "RS256"
	l.do("acme", two)
	l.sound()
}

// On a ledger of level 1 a connection keeps to no algorithm.
func TestConnection_algorithmLevelOne(t *testing.T) {
	l := newLedger(t).acme(1)
	p := l.signIn(0, 0)
	p.Algorithm = "RS256"
	l.do("acme", p)
	if c, _ := l.directory("acme").Connection("connection"); c.Algorithm != "" {
		t.Errorf("connection %+v", c)
	}
}
