package fsm

import (
	"fmt"
	"strings"
	"testing"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/seal"
)

// raised takes the ledger to level 2.
func (l *ledger) raised() *ledger {
	l.do("", &command.RaiseLevel{Level: 2})
	return l
}

func (l *ledger) record() *directory.Organization { return l.directory("acme").Organization() }

// waiting gives what waits for delivery, as "kind subject detail".
func (l *ledger) waiting() (list []string) {
	for errand := range l.fsm.View().Errands() {
		list = append(list, fmt.Sprint(errand.Kind, " ", errand.Subject, " ", errand.Detail))
	}
	return list
}

// audit gives the audit log, newest first, as "event subject detail".
func (l *ledger) audit() (list []string) {
	for row := range l.directory("acme").Audit() {
		list = append(list, strings.TrimSpace(row.Event+" "+row.Subject+" "+row.Detail))
	}
	return list
}

func wantList(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// putRequestCommand asks for a connection with a secret and a break-glass address.
func putRequestCommand(id, connection string, change ...func(*command.PutRequest)) *command.PutRequest {
	p := &command.PutRequest{
		ID: directory.ConnectionRequestID(id), Connection: directory.ConnectionID(connection), RequestChoices: directory.RequestChoices{
			Issuer: "https://new.example", ClientID: connection, ClientSecret: seal.Sealed("secret of " + id), SecretExpires: dawn + 1000,
			ConnectionSettings: directory.ConnectionSettings{AuthMethod: directory.AuthPost, Prompt: "login"},
			Domains:            []string{"acme.example", "more.example"}, BreakGlass: []string{"glass@mail.more.example"},
			Phone: directory.PhonePolicy{MayChange: true},
		},
	}
	for _, change := range change {
		change(p)
	}
	return p
}

// steps takes a request through states.
func (l *ledger) steps(id string, states ...directory.RequestState) {
	l.Helper()
	for _, state := range states {
		l.do("acme", &command.StepRequest{ID: directory.ConnectionRequestID(id), To: state, Note: "note"})
	}
}

// activate takes a new request into force.
func (l *ledger) activate(p *command.PutRequest) {
	l.Helper()
	l.do("acme", p)
	l.steps(string(p.ID), directory.RequestSubmitted, directory.RequestApproved, directory.RequestActive)
}

func TestPutRequest_rules(t *testing.T) {
	l := newLedger(t).acme(0).raised()
	l.do("other", &command.CreateOrganization{OrganizationFields: command.OrganizationFields{Slug: "other"}})
	for name, c := range map[string]struct {
		change func(*command.PutRequest)
		want   directory.Kind
	}{
		"gone":                {func(p *command.PutRequest) { p.ExpectVersion = 1 }, directory.KindNotFound},
		"no id":               {func(p *command.PutRequest) { p.ID = "" }, directory.KindInvalid},
		"no connection":       {func(p *command.PutRequest) { p.Connection = "" }, directory.KindInvalid},
		"no issuer":           {func(p *command.PutRequest) { p.Issuer = "" }, directory.KindInvalid},
		"unknown method":      {func(p *command.PutRequest) { p.AuthMethod = "none" }, directory.KindInvalid},
		"no domain":           {func(p *command.PutRequest) { p.Domains = []string{"example"} }, directory.KindInvalid},
		"too many domains":    {func(p *command.PutRequest) { p.Domains = make([]string, 101) }, directory.KindTooLarge},
		"glass from anywhere": {func(p *command.PutRequest) { p.BreakGlass = []string{"a@else.example"} }, directory.KindInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			l.TB = t
			l.refuse("acme", putRequestCommand("request", "new", c.change), c.want)
		})
	}
	l.TB = t
	l.refuse("other", putRequestCommand("request", "connection"), directory.KindConflict)
	l.do("other", putRequestCommand("request", "new")) // ids and free connections are each organization's own
	first := l.do("acme", putRequestCommand("request", "new"))
	l.refuse("acme", putRequestCommand("request", "new"), directory.KindConflict)
	l.refuse("acme", putRequestCommand("another", "new"), directory.KindConflict)
	expecting := func(version uint64) *command.PutRequest {
		return putRequestCommand("request", "new", func(p *command.PutRequest) { p.ExpectVersion, p.ClientID = version, "changed" })
	}
	l.refuse("acme", expecting(first.Version+1), directory.KindStale)
	l.steps("request", directory.RequestSubmitted, directory.RequestReturned)
	q, _ := l.directory("acme").Request("request")
	if q.Note != "note" || q.Reviewer != "operator" || q.Author != "operator" {
		t.Errorf("a returned request: %+v", q)
	}
	l.do("acme", expecting(q.Version))
	if q, _ = l.directory("acme").Request("request"); q.State != directory.RequestDraft || q.Note != "note" || q.ClientID != "changed" || q.Created != l.now {
		t.Errorf("a changed request: %+v", q)
	}
	for i := range directory.MaxRequests - 1 {
		l.do("acme", putRequestCommand(fmt.Sprint(i), fmt.Sprint("connection", i)))
	}
	l.refuse("acme", putRequestCommand("last", "last"), directory.KindTooLarge)
	l.do("acme", &command.DeleteRequest{ID: "0"})
	l.refuse("acme", &command.DeleteRequest{ID: "0"}, directory.KindNotFound)
}

func TestStepRequest_activates(t *testing.T) {
	l := newLedger(t).acme(0).raised()
	l.activate(putRequestCommand("request", "new"))
	d := l.directory("acme")
	c, _ := d.Connection("new")
	if !c.Enabled || c.Issuer != "https://new.example" || c.Prompt != "login" || string(c.ClientSecret) != "secret of request" || c.SecretExpires != dawn+1000 {
		t.Errorf("connection %+v", c)
	}
	q, _ := d.Request("request")
	if q.State != directory.RequestActive || len(q.ClientSecret) != 0 || q.SecretExpires != 0 || q.Version <= c.Version-1 {
		t.Errorf("request %+v", q)
	}
	if org := d.Organization(); org.Stands("glass@mail.more.example") != directory.StandingBreakGlass || !org.Phone.MayChange || org.Version != q.Version {
		t.Errorf("organization %+v", org)
	}
	wantList(t, "errands", l.waiting(), "1 request submitted", "1 request approved", "8 glass@mail.more.example ", "4  ", "1 request active")
	wantList(t, "audit", l.audit(), "request.active request note", "request.approved request note", "request.submitted request note", "request.changed request")

	l.refuse("acme", &command.DeleteRequest{ID: "request"}, directory.KindConflict)
	l.refuse("acme", putRequestCommand("request", "new", func(p *command.PutRequest) { p.ExpectVersion = q.Version }), directory.KindConflict)
	l.steps("request", directory.RequestDisabled)
	if c, _ := l.directory("acme").Connection("new"); c.Enabled {
		t.Error("a disabled request's connection is enabled")
	}
	l.steps("request", directory.RequestActive) // with the connection's own secret
	if c, _ := l.directory("acme").Connection("new"); !c.Enabled || string(c.ClientSecret) != "secret of request" || c.SecretExpires != dawn+1000 {
		t.Errorf("connection %+v", c)
	}
}

func TestStepRequest_refuses(t *testing.T) {
	l := newLedger(t).acme(0).raised()
	l.refuse("acme", &command.StepRequest{ID: "request", To: directory.RequestSubmitted}, directory.KindNotFound)
	first := l.do("acme", putRequestCommand("request", "new", func(p *command.PutRequest) { p.ClientSecret = nil }))
	step := func(version uint64, to directory.RequestState, note string) *command.StepRequest {
		return &command.StepRequest{ID: "request", ExpectVersion: version, To: to, Note: note}
	}
	l.refuse("acme", step(first.Version+1, directory.RequestSubmitted, ""), directory.KindStale)
	l.refuse("acme", step(0, directory.RequestActive, ""), directory.KindConflict)
	l.refuse("acme", step(0, 77, ""), directory.KindConflict)
	l.refuse("acme", step(0, directory.RequestSubmitted, strings.Repeat("n", directory.MaxNote+1)), directory.KindTooLarge)
	l.steps("request", directory.RequestSubmitted, directory.RequestApproved)
	l.refuse("acme", step(0, directory.RequestActive, ""), directory.KindInvalid) // no secret
	l.do("acme", &command.PutConnection{ID: "rival", Issuer: "https://new.example", ClientID: "new"})
	l.refuse("acme", step(0, directory.RequestActive, ""), directory.KindConflict) // taken by another connection
	l.do("acme", &command.DeleteConnection{ID: "rival"})
	l.do("other", &command.CreateOrganization{OrganizationFields: command.OrganizationFields{Slug: "other"}})
	l.do("other", &command.PutConnection{ID: "new", Issuer: "https://other.example", ClientID: "new"})
	l.refuse("acme", step(0, directory.RequestActive, ""), directory.KindConflict) // the connection is another's by now
	l.do("other", &command.DeleteOrganization{})
	if q, _ := l.directory("acme").Request("request"); q.State != directory.RequestApproved || l.record().Phone.MayChange {
		t.Error("a refusal wrote")
	}
	// A secret where none is needed.
	version := l.do("acme", step(0, directory.RequestDraft, "")).Version
	l.do("acme", putRequestCommand("request", "new", func(p *command.PutRequest) {
		p.ExpectVersion, p.ClientSecret, p.AuthMethod = version, nil, directory.AuthPrivateKey
	}))
	l.steps("request", directory.RequestSubmitted, directory.RequestApproved, directory.RequestActive)
}

// A newer request for a connection takes the place of the one in force, rotates the secret, and ends what it makes void.
func TestStepRequest_supersedes(t *testing.T) {
	l := newLedger(t).acme(1).raised()
	same := func(p *command.PutRequest) { p.Issuer, p.ClientID = "https://idp.example", "client" }
	l.activate(putRequestCommand("first", "connection", same))
	l.do("acme", l.signIn(0, 0))
	l.activate(putRequestCommand("second", "connection", same))
	d := l.directory("acme")
	c, _ := d.Connection("connection")
	if string(c.ClientSecret) != "secret of second" || string(c.PreviousSecret) != "secret of first" {
		t.Errorf("secrets %q and %q", c.ClientSecret, c.PreviousSecret)
	}
	if q, _ := d.Request("first"); q.State != directory.RequestDisabled {
		t.Errorf("the first request is %s", q.State)
	}
	if l.fsm.View().Sessions() != 1 {
		t.Error("a rotation ended a session")
	}
	l.activate(putRequestCommand("third", "connection", same, func(p *command.PutRequest) { p.ClientSecret, p.SecretExpires = nil, 0 }))
	if c, _ := l.directory("acme").Connection("connection"); string(c.ClientSecret) != "secret of second" || string(c.PreviousSecret) != "secret of first" || c.SecretExpires != dawn+1000 {
		t.Errorf("without a new secret: %+v", c)
	}
	l.activate(putRequestCommand("fourth", "connection"))
	d = l.directory("acme")
	if c, _ := d.Connection("connection"); string(c.PreviousSecret) != "" || l.fsm.View().Sessions() != 0 {
		t.Errorf("another provider's connection is %+v, with %d sessions", c, l.fsm.View().Sessions())
	}
	if _, linked := d.Link("connection", "https://idp.example", string(userID(0))); linked {
		t.Error("a subject of another provider is still tied")
	}
	l.do("acme", &command.DeleteConnection{ID: "connection"})
	if q, _ := l.directory("acme").Request("fourth"); q.State != directory.RequestDisabled {
		t.Errorf("the request of a deleted connection is %s", q.State)
	}
	if err := l.fsm.View().Check(); err != nil {
		t.Error(err)
	}
}

// What a connection keeps when a request changes the method: a secret and its end are not those of a certificate, nor the other
// way round.
func TestStepRequest_changesMethod(t *testing.T) {
	for name, c := range map[string]struct {
		from, to directory.AuthMethod
		secret   string // that the request brings
		want     string // secret, secret before, end
	}{
		"another method with the secret": {directory.AuthBasic, directory.AuthPost, "", "old older 1000"},
		"and another secret":             {directory.AuthBasic, directory.AuthPost, "new", "new old 0"},
		"to a certificate":               {directory.AuthPost, directory.AuthPrivateKey, "", "  0"},
		"of a certificate to a secret":   {directory.AuthPrivateKey, directory.AuthPost, "new", "new  0"},
		"with the certificate":           {directory.AuthPrivateKey, directory.AuthPrivateKey, "", "  1000"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLedger(t).acme(0).raised()
			put := &command.PutConnection{
				ID: "connection", Issuer: "https://idp.example", ClientID: "client", Enabled: true, SecretExpires: 1000,
				ConnectionSettings: directory.ConnectionSettings{AuthMethod: c.from},
			}
			if c.from.NeedsSecret() {
				put.ClientSecret, put.PreviousSecret = seal.Sealed("old"), seal.Sealed("older")
			}
			l.do("acme", put)
			l.activate(putRequestCommand("request", "connection", func(p *command.PutRequest) {
				p.Issuer, p.ClientID, p.ClientSecret, p.SecretExpires = put.Issuer, put.ClientID, seal.Sealed(c.secret), 0
				p.AuthMethod = c.to
			}))
			got, _ := l.directory("acme").Connection("connection")
			if text := fmt.Sprint(string(got.ClientSecret), " ", string(got.PreviousSecret), " ", got.SecretExpires); text != c.want {
				t.Errorf("%q, want %q", text, c.want)
			}
		})
	}
	l := newLedger(t).acme(0).raised()
	l.do("acme", &command.PutConnection{
		ID: "connection", Issuer: "https://idp.example", ClientID: "client",
		ConnectionSettings: directory.ConnectionSettings{AuthMethod: directory.AuthPrivateKey},
	})
	l.do("acme", putRequestCommand("request", "connection", func(p *command.PutRequest) {
		p.Issuer, p.ClientID, p.ClientSecret = "https://idp.example", "client", nil
	}))
	l.steps("request", directory.RequestSubmitted, directory.RequestApproved)
	l.refuse("acme", &command.StepRequest{ID: "request", To: directory.RequestActive}, directory.KindInvalid) // no secret
}

func TestPutConnection_reminders(t *testing.T) {
	l := newLedger(t).acme(0).raised()
	put := func(expires directory.Time, scopes ...string) *directory.Connection {
		l.do("acme", &command.PutConnection{
			ID: "connection", Issuer: "https://idp.example", ClientID: "client", Enabled: true, SecretExpires: expires,
			ConnectionSettings: directory.ConnectionSettings{AuthMethod: directory.AuthBasic, Scopes: scopes},
		})
		c, _ := l.directory("acme").Connection("connection")
		return c
	}
	put(dawn + 1)
	l.do("acme", &command.RemindSecret{Connection: "connection", Stage: 3})
	if c := put(dawn+1, "groups"); c.Reminded != 3 {
		t.Errorf("%d reminders are noted after a change, want 3", c.Reminded)
	}
	if c := put(dawn + 2); c.Reminded != 0 {
		t.Errorf("%d reminders are noted for another end", c.Reminded)
	}
	wantList(t, "audit", l.audit(),
		"connection.changed connection secret_expires, scopes", "connection.changed connection scopes", "connection.changed connection secret_expires")
}

// Whoever is no more a break-glass address, or the root user's, is signed out at once.
func TestOrganizations_breakGlass(t *testing.T) {
	l := newLedger(t).acme(0).raised()
	fields := command.OrganizationFields{
		Slug: "acme", Name: "Acme", Domains: []string{"acme.example"}, Profile: directory.ProfileInterop, RootEmail: "root@acme.example",
		BreakGlass: []string{"a@acme.example", "b@sub.acme.example"},
	}
	l.do("acme", &command.UpdateOrganization{OrganizationFields: fields})
	for i, address := range []string{"root@acme.example", "a@acme.example", "b@sub.acme.example"} {
		l.do("acme", &command.OpenLocalSession{
			ID: directory.SessionID(fmt.Sprint(i)), Hash: number(i), Email: address, User: "root", Challenge: number(i),
			ChallengeExpiry: l.now, Lifetime: 3600_000_000,
		})
	}
	there := func() (text string) {
		for s := range l.directory("acme").Sessions() {
			text += string(s.ID)
		}
		return text
	}
	fields.BreakGlass = fields.BreakGlass[1:]
	l.do("acme", &command.UpdateOrganization{OrganizationFields: fields})
	if got := there(); got != "02" {
		t.Errorf("after an address left the list, sessions %q stay", got)
	}
	fields.RootEmail = ""
	l.do("acme", &command.UpdateOrganization{OrganizationFields: fields})
	if got := there(); got != "2" {
		t.Errorf("after the root user's address went, sessions %q stay", got)
	}
	fields.Domains = nil // the addresses stay, although they are in no domain any more
	l.do("acme", &command.UpdateOrganization{OrganizationFields: fields})
	bad := fields
	bad.BreakGlass = []string{"c@acme.example"}
	l.refuse("acme", &command.UpdateOrganization{OrganizationFields: bad}, directory.KindInvalid)
	bad = fields
	bad.SignIn.SessionIdle = 5
	l.refuse("acme", &command.UpdateOrganization{OrganizationFields: bad}, directory.KindInvalid)
	bad.Slug = "new"
	l.refuse("new", &command.CreateOrganization{OrganizationFields: bad}, directory.KindInvalid)
	wantList(t, "errands", l.waiting(), "8 root@acme.example ", "8 a@acme.example ", "8 b@sub.acme.example ", "4  ", "3 a@acme.example ", "3 b@sub.acme.example ", "4  a@acme.example, b@sub.acme.example")
}
