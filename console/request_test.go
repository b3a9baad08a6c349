package console_test

import (
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"domicile/console"
	"domicile/console/consoletest"
	"domicile/directory"
	"domicile/seal"
)

const owner = "user:root"

func wish(issuer *consoletest.Issuer) console.RequestFields {
	return console.RequestFields{
		Registration: fields(issuer).Registration, Domains: []string{"Acme.Example"}, BreakGlass: []string{"Help@it.acme.example"},
		Phone: directory.PhonePolicy{MayChange: true},
	}
}

// request makes a draft.
func (h *house) request(t *testing.T, org directory.OrganizationID, in console.RequestFields) console.Request {
	t.Helper()
	r, _, err := h.CreateRequest(t.Context(), owner, org, in)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// steps takes a request through steps that must be allowed.
func (h *house) steps(t *testing.T, r console.Request, steps ...console.RequestStep) console.Request {
	t.Helper()
	for _, step := range steps {
		next, err := h.StepRequest(t.Context(), actor, r.Organization, r.ID, step, console.StepNote{Version: r.Version, Note: "look again"})
		if err != nil {
			t.Fatalf("%s: %v", step, err)
		}
		r = next
	}
	return r
}

var intoForce = []console.RequestStep{console.StepSubmit, console.StepApprove, console.StepActivate}

func TestRequest_fromDraftToForce(t *testing.T) {
	h, issuer := newHouse(t), consoletest.NewIssuer(t)
	org := h.organization(t, "acme")
	r, discovery, err := h.CreateRequest(t.Context(), owner, org, wish(issuer))
	if err != nil {
		t.Fatal(err)
	}
	if discovery.Issuer != issuer.URL || r.State != directory.RequestDraft || r.Secret != console.SecretGiven || r.Author != owner {
		t.Fatalf("made %+v with %+v", r, discovery)
	}
	if len(r.Claims) != 1 || r.Claims[0].Name != "acme.example" || r.Claims[0].Domain == nil || r.Claims[0].Belongs {
		t.Fatalf("claims %+v", r.Claims)
	}
	if _, err := h.GetConnection(t.Context(), org, r.Connection); directory.KindOf(err) != directory.KindNotFound {
		t.Fatal("a draft has a connection")
	}
	r = h.steps(t, r, console.StepSubmit, console.StepReturn)
	if r.Note != "look again" || r.Reviewer != actor || r.State != directory.RequestReturned {
		t.Fatalf("returned %+v", r)
	}
	r = h.steps(t, r, intoForce...)
	connection, err := h.GetConnection(t.Context(), org, r.Connection)
	if err != nil || !connection.Enabled || connection.Issuer != issuer.URL || h.secretOf(t, connection) != "hush" {
		t.Fatalf("in force: %+v, %v", connection, err)
	}
	got, err := h.GetOrganization(t.Context(), org)
	if err != nil || !slices.Equal(got.BreakGlass, []string{"help@it.acme.example"}) || !got.Phone.MayChange || len(got.Domains) != 0 {
		t.Fatalf("the organization is %+v, %v", got, err)
	}
	if r.Changes != nil || r.Secret != console.SecretKept {
		t.Fatalf("in force and %+v, secret %s", r.Changes, r.Secret)
	}
	r = h.steps(t, r, console.StepDisable)
	if connection, err = h.GetConnection(t.Context(), org, r.Connection); err != nil || connection.Enabled {
		t.Fatalf("disabled: %+v, %v", connection, err)
	}
	wantError(t, h.DeleteRequest(t.Context(), owner, org, h.steps(t, r, console.StepEnable).ID), directory.KindConflict, "state")
	if connection, err = h.GetConnection(t.Context(), org, r.Connection); err != nil || !connection.Enabled || h.secretOf(t, connection) != "hush" {
		t.Fatalf("enabled: %+v, %v", connection, err)
	}
}

// Every step from every state: what is not on the list is refused and changes nothing.
func TestStepRequest_states(t *testing.T) {
	paths := map[directory.RequestState][]console.RequestStep{
		directory.RequestDraft: nil, directory.RequestSubmitted: intoForce[:1],
		directory.RequestReturned: {console.StepSubmit, console.StepReturn}, directory.RequestApproved: intoForce[:2],
		directory.RequestActive: intoForce, directory.RequestDisabled: append(slices.Clone(intoForce), console.StepDisable),
	}
	allowed := map[directory.RequestState][]console.RequestStep{
		directory.RequestDraft:     {console.StepSubmit},
		directory.RequestSubmitted: {console.StepWithdraw, console.StepReturn, console.StepApprove},
		directory.RequestReturned:  {console.StepSubmit, console.StepWithdraw},
		directory.RequestApproved:  {console.StepWithdraw, console.StepActivate},
		directory.RequestActive:    {console.StepDisable},
		directory.RequestDisabled:  {console.StepEnable},
	}
	all := []console.RequestStep{
		console.StepSubmit, console.StepWithdraw, console.StepReturn, console.StepApprove, console.StepActivate, console.StepDisable,
		console.StepEnable,
	}
	for from, path := range paths {
		for _, step := range all {
			t.Run(from.String()+" "+string(step), func(t *testing.T) {
				h, issuer := newHouse(t), consoletest.NewIssuer(t)
				r := h.steps(t, h.request(t, h.organization(t, "acme"), wish(issuer)), path...)
				if r.State != from {
					t.Fatalf("the request is %s", r.State)
				}
				_, err := h.StepRequest(t.Context(), actor, r.Organization, r.ID, step, console.StepNote{Version: r.Version, Note: "x"})
				if slices.Contains(allowed[from], step) {
					if err != nil {
						t.Fatal(err)
					}
					return
				}
				wantError(t, err, directory.KindConflict, "state")
				if now, err := h.GetRequest(t.Context(), r.Organization, r.ID); err != nil || now.Version != r.Version {
					t.Fatalf("a refused step made %+v, %v", now, err)
				}
			})
		}
	}
}

func TestStepRequest_refusals(t *testing.T) {
	h, issuer := newHouse(t), consoletest.NewIssuer(t)
	org := h.organization(t, "acme")
	r := h.steps(t, h.request(t, org, wish(issuer)), console.StepSubmit)
	for name, test := range map[string]struct {
		step  console.RequestStep
		note  console.StepNote
		kind  directory.Kind
		field string
	}{
		"return without a note":     {console.StepReturn, console.StepNote{Note: " \r\n"}, directory.KindInvalid, "note"},
		"long note":                 {console.StepReturn, console.StepNote{Note: strings.Repeat("x", directory.MaxNote+1)}, directory.KindInvalid, "note"},
		"note with control":         {console.StepReturn, console.StepNote{Note: "a\x00b"}, directory.KindInvalid, "note"},
		"approve without a version": {console.StepApprove, console.StepNote{}, directory.KindInvalid, "version"},
		"approve another version":   {console.StepApprove, console.StepNote{Version: r.Version - 1}, directory.KindStale, "version"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.StepRequest(t.Context(), actor, org, r.ID, test.step, test.note)
			wantError(t, err, test.kind, test.field)
		})
	}
	_, err := h.StepRequest(t.Context(), actor, h.organization(t, "other"), r.ID, console.StepWithdraw, console.StepNote{})
	wantError(t, err, directory.KindNotFound, "")
	if _, err := h.StepRequest(t.Context(), actor, org, r.ID, console.StepReturn, console.StepNote{Note: "one\r\n\ttwo"}); err != nil {
		t.Fatal(err)
	}
	if r, err = h.GetRequest(t.Context(), org, r.ID); err != nil || r.Note != "one\n\ttwo" {
		t.Fatalf("note %q, %v", r.Note, err)
	}
}

// What was reviewed is what is activated: an edit takes an approved request back to a draft.
func TestEditRequest_undoesTheReview(t *testing.T) {
	h, issuer := newHouse(t), consoletest.NewIssuer(t)
	r := h.steps(t, h.request(t, h.organization(t, "acme"), wish(issuer)), intoForce[:2]...)
	edit := wish(issuer)
	edit.ClientID = "another"
	edited, _, err := h.EditRequest(t.Context(), owner, r.Organization, r.ID, 0, edit)
	if err != nil || edited.State != directory.RequestDraft || edited.Connection != r.Connection {
		t.Fatalf("edited %+v, %v", edited, err)
	}
	_, err = h.StepRequest(t.Context(), owner, r.Organization, r.ID, console.StepActivate, console.StepNote{})
	wantError(t, err, directory.KindConflict, "state")
	_, _, err = h.EditRequest(t.Context(), owner, r.Organization, r.ID, r.Version, edit)
	wantError(t, err, directory.KindStale, "version")
	edited = h.steps(t, edited, intoForce...)
	_, _, err = h.EditRequest(t.Context(), owner, r.Organization, r.ID, 0, edit)
	wantError(t, err, directory.KindConflict, "state")
}

// A secret is never shown to another party than the one it was given for.
func TestAttack44_requestKeepsNoSecretForAnother(t *testing.T) {
	h, issuer, other := newHouse(t), consoletest.NewIssuer(t), consoletest.NewIssuer(t)
	org := h.organization(t, "acme")
	r := h.request(t, org, wish(issuer))
	keep := wish(issuer)
	keep.ClientSecret, keep.Issuer = seal.Secret{}, issuer.URL+"/"
	r, _, err := h.EditRequest(t.Context(), owner, org, r.ID, 0, keep)
	if err != nil || r.Secret != console.SecretGiven {
		t.Fatalf("kept: %s, %v", r.Secret, err)
	}
	for name, change := range map[string]func(*console.RequestFields){
		"another issuer":    func(f *console.RequestFields) { f.Issuer = other.URL },
		"another client id": func(f *console.RequestFields) { f.ClientID = "other" },
	} {
		t.Run(name, func(t *testing.T) {
			moved := keep
			change(&moved)
			_, _, err := h.EditRequest(t.Context(), owner, org, r.ID, 0, moved)
			wantError(t, err, directory.KindInvalid, "client_secret")
			if now, err := h.GetRequest(t.Context(), org, r.ID); err != nil || now.Secret != console.SecretGiven || now.Issuer != r.Issuer || now.ClientID != r.ClientID {
				t.Fatalf("refused, and now %+v, %v", now, err)
			}
			moved.AuthMethod = directory.AuthPrivateKey
			r, _, err := h.EditRequest(t.Context(), owner, org, r.ID, 0, moved)
			if err != nil || r.Secret != console.SecretNotNeeded || len(r.ClientSecret) != 0 {
				t.Fatalf("moved: %s, %v", r.Secret, err)
			}
			back, _, err := h.EditRequest(t.Context(), owner, org, r.ID, 0, keep)
			if err != nil || back.Secret != console.SecretMissing {
				t.Fatalf("back, a secret is there again: %s, %v", back.Secret, err)
			}
			_, err = h.StepRequest(t.Context(), owner, org, r.ID, console.StepSubmit, console.StepNote{})
			wantError(t, err, directory.KindInvalid, "client_secret")
			if _, _, err := h.EditRequest(t.Context(), owner, org, r.ID, 0, wish(issuer)); err != nil {
				t.Fatal(err)
			}
		})
	}
	t.Run("of the connection", func(t *testing.T) {
		r, err := h.GetRequest(t.Context(), org, r.ID)
		if err != nil {
			t.Fatal(err)
		}
		r = h.steps(t, r, intoForce...)
		change := wish(other)
		change.Connection, change.ClientSecret = r.Connection, seal.Secret{}
		next := h.request(t, org, change)
		if next.Secret != console.SecretMissing {
			t.Fatalf("secret %s", next.Secret)
		}
		same := wish(issuer)
		same.ClientSecret = seal.Secret{}
		next, _, err = h.EditRequest(t.Context(), owner, org, next.ID, 0, same)
		if err != nil || next.Secret != console.SecretKept {
			t.Fatalf("as the connection is: %s, %v", next.Secret, err)
		}
		_, _, err = h.EditRequest(t.Context(), owner, org, next.ID, 0, change)
		wantError(t, err, directory.KindInvalid, "client_secret")
		if next, _, err = h.EditRequest(t.Context(), owner, org, next.ID, 0, wish(other)); err != nil || next.Secret != console.SecretGiven {
			t.Fatalf("with a secret: %s, %v", next.Secret, err)
		}
		change.AuthMethod = directory.AuthPrivateKey
		if next, _, err = h.EditRequest(t.Context(), owner, org, next.ID, 0, change); err != nil || next.Secret != console.SecretNotNeeded {
			t.Fatalf("without need: %s, %v", next.Secret, err)
		}
		change.AuthMethod = ""
		if next, _, err = h.EditRequest(t.Context(), owner, org, next.ID, 0, change); err != nil {
			t.Fatal(err)
		}
		_, err = h.StepRequest(t.Context(), owner, org, next.ID, console.StepSubmit, console.StepNote{})
		wantError(t, err, directory.KindInvalid, "client_secret")
	})
}

// A client that another connection of the region has is refused before anybody reviews it, and whose it is is not said.
func TestRequest_clientOfAnother(t *testing.T) {
	h, issuer := newHouse(t), consoletest.NewIssuer(t)
	org, other := h.organization(t, "acme"), h.organization(t, "other")
	in := wish(issuer)
	in.Issuer += "/"
	early := h.request(t, org, wish(issuer))
	late := h.steps(t, h.request(t, org, wish(issuer)), console.StepSubmit)
	ready := h.steps(t, h.request(t, org, wish(issuer)), intoForce[:2]...)
	taken := wish(issuer)
	taken.Domains, taken.BreakGlass = nil, nil
	holder := h.steps(t, h.request(t, other, taken), intoForce...)
	refused := func(what string, err error) {
		t.Helper()
		wantError(t, err, directory.KindConflict, "client_id")
		if text := err.Error(); strings.Contains(text, "other") && strings.Contains(text, string(other)) || strings.Contains(text, string(holder.Connection)) {
			t.Errorf("%s: %s", what, text)
		}
	}
	_, _, err := h.CreateRequest(t.Context(), owner, org, in)
	refused("create", err)
	_, _, err = h.EditRequest(t.Context(), owner, org, early.ID, 0, in)
	refused("edit", err)
	for step, r := range map[console.RequestStep]console.Request{
		console.StepSubmit: early, console.StepApprove: late, console.StepActivate: ready,
	} {
		_, err := h.StepRequest(t.Context(), actor, org, r.ID, step, console.StepNote{Version: r.Version})
		refused(string(step), err)
	}
	in.ClientID = "our own"
	if _, _, err := h.EditRequest(t.Context(), owner, org, early.ID, 0, in); err != nil {
		t.Error(err)
	}
	// In the organization itself it is said which connection that is; a request for it may go on.
	_, _, err = h.CreateRequest(t.Context(), owner, other, taken)
	wantError(t, err, directory.KindConflict, "client_id")
	if !strings.Contains(err.Error(), string(holder.Connection)) {
		t.Errorf("at home: %v", err)
	}
	taken.Connection, taken.JustInTime = holder.Connection, true
	h.steps(t, h.request(t, other, taken), intoForce...)
}

// A provider at the shared redirect address that does not say who it is takes the operator's word, which the log keeps.
func TestRequest_trustSharedCallback(t *testing.T) {
	h, issuer := newHouse(t), consoletest.NewIssuer(t)
	org := h.organization(t, "acme")
	in := wish(issuer)
	in.SharedRedirect = true
	r := h.steps(t, h.request(t, org, in), console.StepSubmit)
	_, err := h.StepRequest(t.Context(), actor, org, r.ID, console.StepApprove, console.StepNote{Version: r.Version})
	wantError(t, err, directory.KindConflict, "trust_shared_callback")
	given := console.StepNote{Version: r.Version, TrustSharedCallback: true, Note: strings.Repeat("x", directory.MaxNote)}
	_, err = h.StepRequest(t.Context(), actor, org, r.ID, console.StepApprove, given)
	wantError(t, err, directory.KindInvalid, "note")
	given.Note = " We know them. "
	r, err = h.StepRequest(t.Context(), actor, org, r.ID, console.StepApprove, given)
	if err != nil || !strings.HasPrefix(r.Note, "Trusted at the shared redirect address") || !strings.HasSuffix(r.Note, "\nWe know them.") {
		t.Fatalf("note %q, %v", r.Note, err)
	}
	page, err := h.ListAudit(t.Context(), org, console.Paging{Size: 1})
	if err != nil || page.Rows[0].Event != "request.approved" || page.Rows[0].Detail != r.Note {
		t.Errorf("audit %+v, %v", page.Rows, err)
	}
	h.steps(t, r, console.StepActivate)

	// Where it says who it is, or has an address of its own, nobody's trust is wanted, and none is noted.
	issuer.Set("authorization_response_iss_parameter_supported", true)
	in.ClientID = "second"
	if r := h.steps(t, h.request(t, org, in), console.StepSubmit, console.StepApprove); r.Note != "look again" {
		t.Errorf("note %q", r.Note)
	}
}

// So does the operator who puts such a connection.
func TestPutConnection_trustSharedCallback(t *testing.T) {
	h, issuer := newHouse(t), consoletest.NewIssuer(t)
	org := h.organization(t, "acme")
	f := fields(issuer)
	f.SharedRedirect = true
	_, _, err := h.PutConnection(t.Context(), actor, org, "", f)
	wantError(t, err, directory.KindConflict, "trust_shared_callback")
	f.TrustSharedCallback = true
	made, _, err := h.PutConnection(t.Context(), actor, org, "", f)
	if err != nil {
		t.Fatal(err)
	}
	detail := func() string {
		t.Helper()
		page, err := h.ListAudit(t.Context(), org, console.Paging{Size: 1})
		if err != nil || page.Rows[0].Event != "connection.changed" {
			t.Fatalf("audit %+v, %v", page.Rows, err)
		}
		return page.Rows[0].Detail
	}
	if got := detail(); got != "created, shared_callback_trusted" {
		t.Errorf("audit %q", got)
	}
	f.ClientSecret = seal.Secret{}
	for _, step := range []struct {
		shared bool
		want   string
	}{{false, "shared_redirect"}, {true, "shared_redirect, shared_callback_trusted"}} {
		f.SharedRedirect = step.shared
		if _, _, err := h.PutConnection(t.Context(), actor, org, made.ID, f); err != nil {
			t.Fatal(err)
		}
		if got := detail(); got != step.want {
			t.Errorf("audit %q, want %q", got, step.want)
		}
	}
}

func TestRequest_changesAConnection(t *testing.T) {
	h, issuer := newHouse(t), consoletest.NewIssuer(t)
	org := h.organization(t, "acme")
	first := h.steps(t, h.request(t, org, wish(issuer)), intoForce...)
	change := wish(issuer)
	change.Connection, change.ClientSecret, change.Scopes, change.JustInTime = first.Connection, seal.NewSecret("newer"), nil, true
	change.BreakGlass, change.Domains = nil, []string{"acme.test"}
	second := h.request(t, org, change)
	want := []console.Change{
		{Field: "client_secret", From: nil, To: "changed"},
		{Field: "scopes", From: []string{"groups"}, To: nil},
		{Field: "just_in_time", From: false, To: true},
		{Field: "domains", From: []string{"acme.example"}, To: []string{"acme.test"}},
		{Field: "organization.domains", From: nil, To: []string{"acme.test"}},
		{Field: "break_glass", From: []string{"help@it.acme.example"}, To: nil},
	}
	if !reflect.DeepEqual(second.Changes, want) {
		t.Fatalf("changes %+v", second.Changes)
	}
	_, _, err := h.CreateRequest(t.Context(), owner, org, change)
	wantError(t, err, directory.KindConflict, "connection")
	h.steps(t, second, intoForce...)
	connection, err := h.GetConnection(t.Context(), org, first.Connection)
	if err != nil || h.secretOf(t, connection) != "newer" || len(connection.PreviousSecret) == 0 || !connection.JustInTime ||
		!slices.Equal(connection.Domains, []string{"acme.test"}) {
		t.Fatalf("changed to %+v, %v", connection, err)
	}
	all, err := h.ListRequests(t.Context(), org)
	if err != nil || len(all) != 2 || all[0].State != directory.RequestDisabled || all[1].State != directory.RequestActive {
		t.Fatalf("requests %+v, %v", all, err)
	}
}

// A connection that gives up its secret has none any more, nor its end; the reviewer sees that.
func TestRequest_changesMethod(t *testing.T) {
	h, issuer := newHouse(t), consoletest.NewIssuer(t)
	org := h.organization(t, "acme")
	in, end := wish(issuer), time.Now().Add(24*time.Hour)
	in.SecretExpires = &end
	first := h.steps(t, h.request(t, org, in), intoForce...)
	in.Connection, in.ClientSecret, in.SecretExpires, in.AuthMethod = first.Connection, seal.Secret{}, nil, directory.AuthPrivateKey
	second := h.request(t, org, in)
	if len(second.Changes) == 0 || second.Changes[0].Field != "client_secret_expires_at" || second.Changes[0].To != nil {
		t.Errorf("changes %+v", second.Changes)
	}
	h.steps(t, second, intoForce...)
	c, err := h.GetConnection(t.Context(), org, first.Connection)
	if err != nil || len(c.ClientSecret) != 0 || len(c.PreviousSecret) != 0 || c.SecretExpires != 0 {
		t.Errorf("%+v, %v", c, err)
	}
	in.AuthMethod = directory.AuthPost
	if third := h.request(t, org, in); third.Secret != console.SecretMissing {
		t.Errorf("back without a secret: %s", third.Secret)
	}
}

func TestCreateRequest_refusals(t *testing.T) {
	h, issuer := newHouse(t), consoletest.NewIssuer(t)
	org, other := h.organization(t, "acme"), h.organization(t, "other")
	domains := []string{"taken.example"}
	if _, err := h.UpdateOrganization(t.Context(), actor, other, console.OrganizationChange{Domains: &domains}); err != nil {
		t.Fatal(err)
	}
	past := time.Now().Add(-time.Hour)
	for name, test := range map[string]struct {
		change func(*console.RequestFields)
		kind   directory.Kind
		field  string
	}{
		"issuer missing":        {func(f *console.RequestFields) { f.Issuer = "" }, directory.KindInvalid, "issuer"},
		"issuer a file":         {func(f *console.RequestFields) { f.Issuer = "file:///etc/passwd" }, directory.KindInvalid, "issuer"},
		"multi-tenant":          {func(f *console.RequestFields) { f.Issuer = "https://login.microsoftonline.com/common/v2.0" }, directory.KindInvalid, "issuer"},
		"client id missing":     {func(f *console.RequestFields) { f.ClientID = "" }, directory.KindInvalid, "client_id"},
		"secret that ended":     {func(f *console.RequestFields) { f.SecretExpires = &past }, directory.KindInvalid, "client_secret_expires_at"},
		"secret without need":   {func(f *console.RequestFields) { f.AuthMethod = directory.AuthPrivateKey }, directory.KindInvalid, "client_secret"},
		"response mode":         {func(f *console.RequestFields) { f.ResponseMode = "fragment" }, directory.KindInvalid, "response_mode"},
		"prompt":                {func(f *console.RequestFields) { f.Prompt = "none" }, directory.KindInvalid, "prompt"},
		"max age":               {func(f *console.RequestFields) { f.MaxAge = -1 }, directory.KindInvalid, "max_age"},
		"public suffix":         {func(f *console.RequestFields) { f.Domains, f.BreakGlass = []string{"co.uk"}, nil }, directory.KindInvalid, "domains"},
		"free mail":             {func(f *console.RequestFields) { f.Domains, f.BreakGlass = []string{"gmail.com"}, nil }, directory.KindInvalid, "domains"},
		"twice":                 {func(f *console.RequestFields) { f.Domains = []string{"a.example", "A.example"} }, directory.KindInvalid, "domains"},
		"another's domain":      {func(f *console.RequestFields) { f.Domains = []string{"acme.example", "taken.example"} }, directory.KindConflict, "domains"},
		"break-glass elsewhere": {func(f *console.RequestFields) { f.BreakGlass = []string{"a@evil.example"} }, directory.KindInvalid, "break_glass"},
		"break-glass suffix":    {func(f *console.RequestFields) { f.BreakGlass = []string{"a@evilacme.example"} }, directory.KindInvalid, "break_glass"},
		"break-glass many": {func(f *console.RequestFields) {
			f.BreakGlass = []string{"a@acme.example", "b@acme.example", "c@acme.example", "d@acme.example", "e@acme.example", "f@acme.example"}
		}, directory.KindTooLarge, "break_glass"},
		"no such connection": {func(f *console.RequestFields) { f.Connection = "nothing" }, directory.KindInvalid, "connection"},
	} {
		t.Run(name, func(t *testing.T) {
			in := wish(issuer)
			test.change(&in)
			_, _, err := h.CreateRequest(t.Context(), owner, org, in)
			wantError(t, err, test.kind, test.field)
		})
	}
	if issuer.Asked() != 0 {
		t.Fatal("the network was asked for a request that could be refused without it")
	}
	if claims, err := h.ListDomains(t.Context(), org); err != nil || len(claims) != 0 {
		t.Fatalf("refused requests left %+v, %v", claims, err)
	}
	_, _, err := h.CreateRequest(t.Context(), owner, "nobody", wish(issuer))
	wantError(t, err, directory.KindNotFound, "")
}

// Whoever makes many at once gets as many as there may be.
func TestCreateRequest_bound(t *testing.T) {
	h, issuer := newHouse(t), consoletest.NewIssuer(t)
	org := h.organization(t, "acme")
	var group sync.WaitGroup
	errs := make([]error, directory.MaxRequests+5)
	for i := range errs {
		group.Go(func() { _, _, errs[i] = h.CreateRequest(t.Context(), owner, org, wish(issuer)) })
	}
	group.Wait()
	refused := 0
	for _, err := range errs {
		if err != nil {
			wantError(t, err, directory.KindTooLarge, "")
			refused++
		}
	}
	if all, err := h.ListRequests(t.Context(), org); err != nil || len(all) != directory.MaxRequests || refused != 5 {
		t.Fatalf("%d requests, %d refused, %v", len(all), refused, err)
	}
}

// Of many activations at once one counts; the others find the request in force.
func TestStepRequest_atOnce(t *testing.T) {
	h, issuer := newHouse(t), consoletest.NewIssuer(t)
	r := h.steps(t, h.request(t, h.organization(t, "acme"), wish(issuer)), intoForce[:2]...)
	errs := make([]error, 8)
	var group sync.WaitGroup
	for i := range errs {
		group.Go(func() {
			_, errs[i] = h.StepRequest(t.Context(), owner, r.Organization, r.ID, console.StepActivate, console.StepNote{})
		})
	}
	group.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		wantError(t, err, directory.KindConflict, "state")
	}
	if won != 1 {
		t.Fatalf("%d activations", won)
	}
}

func TestReviewRequests(t *testing.T) {
	h, issuer := newHouse(t), consoletest.NewIssuer(t)
	for _, slug := range []string{"a", "b", "c"} {
		org := h.organization(t, slug)
		in := wish(issuer)
		in.Domains, in.BreakGlass = nil, nil
		h.request(t, org, in)
		in.ClientID = slug
		h.steps(t, h.request(t, org, in), console.StepSubmit)
	}
	submitted := directory.RequestSubmitted
	seen, token := map[string]bool{}, ""
	for {
		page, err := h.ReviewRequests(t.Context(), console.RequestQuery{State: &submitted, Paging: console.Paging{Size: 2, Token: token}})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Requests {
			if r.State != submitted || seen[r.Owner.Slug] || len(r.Changes) == 0 {
				t.Fatalf("listed %+v", r)
			}
			seen[r.Owner.Slug] = true
		}
		if token = page.NextPageToken; token == "" {
			break
		}
	}
	if len(seen) != 3 {
		t.Fatalf("seen %v", seen)
	}
	all, err := h.ReviewRequests(t.Context(), console.RequestQuery{})
	if err != nil || len(all.Requests) != 6 {
		t.Fatalf("all are %d, %v", len(all.Requests), err)
	}
	_, err = h.ReviewRequests(t.Context(), console.RequestQuery{Paging: console.Paging{Token: "AAAA"}})
	wantError(t, err, directory.KindInvalid, "page_token")
}

func TestRequest_plan(t *testing.T) {
	h, issuer := newHouse(t), consoletest.NewIssuer(t)
	org := h.organization(t, "acme")
	r := h.request(t, org, wish(issuer))
	if _, err := h.PutSettings(t.Context(), actor, directory.Settings{
		Plans: []directory.Plan{{Name: "sync", SCIM: true}}, DefaultPlan: "sync",
	}); err != nil {
		t.Fatal(err)
	}
	_, _, err := h.CreateRequest(t.Context(), owner, org, wish(issuer))
	wantError(t, err, directory.KindForbidden, "")
	_, err = h.StepRequest(t.Context(), owner, org, r.ID, console.StepSubmit, console.StepNote{})
	wantError(t, err, directory.KindForbidden, "")
}

func TestCheckRequest(t *testing.T) {
	h, issuer := newHouse(t), consoletest.NewIssuer(t)
	org := h.organization(t, "acme")
	r := h.request(t, org, wish(issuer))
	discovery, err := h.CheckRequest(t.Context(), org, r.ID)
	if err != nil || discovery.TokenEndpoint != issuer.URL+"/token" {
		t.Fatalf("%+v, %v", discovery, err)
	}
	issuer.Set("issuer", "https://evil.example")
	_, err = h.CheckRequest(t.Context(), org, r.ID)
	wantError(t, err, directory.KindInvalid, "issuer")
	_, err = h.CheckRequest(t.Context(), h.organization(t, "other"), r.ID)
	wantError(t, err, directory.KindNotFound, "")
}
