package directory_test

import (
	"fmt"
	"strings"
	"testing"

	"domicile/directory"
)

func TestRequestState_May(t *testing.T) {
	steps := map[string]string{
		"draft": "submitted", "submitted": "draft changes_requested approved", "changes_requested": "draft submitted",
		"approved": "draft active", "active": "disabled", "disabled": "active", "unknown": "",
	}
	for state := directory.RequestDraft; state <= directory.RequestDisabled+1; state++ {
		var may []string
		for next := directory.RequestDraft; next <= directory.RequestDisabled+1; next++ {
			if state.May(next) {
				may = append(may, next.String())
			}
		}
		if got := strings.Join(may, " "); got != steps[state.String()] {
			t.Errorf("a request that is %s may become %q, want %q", state, got, steps[state.String()])
		}
		parsed, ok := directory.ParseRequestState(state.String())
		if ok != state.Valid() || ok && parsed != state {
			t.Errorf("%s is read as %s, %v", state, parsed, ok)
		}
		final := state == directory.RequestActive || state == directory.RequestDisabled
		if state.Valid() && state.Editable() == final {
			t.Errorf("a request that is %s may be edited: %v", state, !final)
		}
	}
}

func TestRequestChoices_Validate(t *testing.T) {
	good := directory.RequestChoices{
		Issuer: "https://idp.example", ClientID: "client", ConnectionSettings: directory.ConnectionSettings{AuthMethod: directory.AuthBasic},
		Domains: []string{"acme.example", "acme.test"}, BreakGlass: []string{"a@acme.test", "b@mail.acme.example"},
	}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*directory.RequestChoices)
		kind   directory.Kind
		field  string
	}{
		"no issuer":        {func(q *directory.RequestChoices) { q.Issuer = "" }, directory.KindInvalid, "issuer"},
		"long issuer":      {func(q *directory.RequestChoices) { q.Issuer += strings.Repeat("/", 2000) }, directory.KindInvalid, "issuer"},
		"no client":        {func(q *directory.RequestChoices) { q.ClientID = "" }, directory.KindInvalid, "client_id"},
		"unknown prompt":   {func(q *directory.RequestChoices) { q.Prompt = "x" }, directory.KindInvalid, "prompt"},
		"no domain":        {func(q *directory.RequestChoices) { q.Domains = []string{"acme"} }, directory.KindInvalid, "domains"},
		"domain twice":     {func(q *directory.RequestChoices) { q.Domains = []string{"a.example", "a.example"} }, directory.KindInvalid, "domains"},
		"too many domains": {func(q *directory.RequestChoices) { q.Domains = make([]string, 101) }, directory.KindTooLarge, "domains"},
		"glass elsewhere":  {func(q *directory.RequestChoices) { q.Domains = nil }, directory.KindInvalid, "break_glass"},
	} {
		q := good
		c.change(&q)
		wantError(t, name, q.Validate(), c.kind, c.field)
		wantError(t, name+", in the ledger", q.Fits(), c.kind, c.field)
	}
	relative := good
	relative.Issuer = "/issuer"
	wantError(t, "relative issuer", relative.Validate(), directory.KindInvalid, "issuer")
	if err := relative.Fits(); err != nil {
		t.Errorf("the ledger read a web address: %v", err)
	}
}

func TestValidateBreakGlass(t *testing.T) {
	domains := []string{"acme.example", "corp.acme.test"}
	many := make([]string, directory.MaxBreakGlass+1)
	for i := range many {
		many[i] = fmt.Sprintf("a%d@acme.example", i)
	}
	for name, c := range map[string]struct {
		addresses []string
		kind      directory.Kind
	}{
		"none":                  {nil, 0},
		"as many as may be":     {many[1:], 0},
		"subdomain":             {[]string{"a@deep.down.acme.example"}, 0},
		"too many":              {many, directory.KindTooLarge},
		"upper case":            {[]string{"A@acme.example"}, directory.KindInvalid},
		"twice":                 {[]string{"a@acme.example", "a@acme.example"}, directory.KindInvalid},
		"no address":            {[]string{"acme.example"}, directory.KindInvalid},
		"not ASCII":             {[]string{"\u0430@acme.example"}, directory.KindInvalid}, // a Cyrillic a
		"other domain":          {[]string{"a@other.example"}, directory.KindInvalid},
		"domain above":          {[]string{"a@acme.test"}, directory.KindInvalid},
		"domain with that end":  {[]string{"a@notacme.example"}, directory.KindInvalid},
		"domain that begins so": {[]string{"a@acme.example.evil.example"}, directory.KindInvalid},
	} {
		err := directory.ValidateBreakGlass(c.addresses, domains)
		if directory.KindOf(err) != c.kind {
			t.Errorf("%s: error is %v, want %s", name, err, c.kind)
		}
	}
}

func TestOrganization_signIn(t *testing.T) {
	const minute = directory.Time(60_000_000)
	for _, c := range []struct {
		policy directory.SignInPolicy
		field  string
	}{
		{directory.SignInPolicy{}, ""},
		{directory.SignInPolicy{SessionLifetime: minute, SessionIdle: 30 * aDay}, ""},
		{directory.SignInPolicy{SessionLifetime: minute - 1}, "session_lifetime"},
		{directory.SignInPolicy{SessionLifetime: 30*aDay + 1}, "session_lifetime"},
		{directory.SignInPolicy{SessionIdle: -1}, "session_idle"},
		{directory.SignInPolicy{SessionIdle: 30*aDay + 1}, "session_idle"},
	} {
		o := directory.Organization{Slug: "acme", Name: "Acme", Profile: directory.ProfileInterop, SignIn: c.policy}
		if err := o.Validate(); c.field == "" && err != nil {
			t.Errorf("%+v: %v", c.policy, err)
		} else if c.field != "" {
			wantError(t, fmt.Sprint(c.policy), err, directory.KindInvalid, c.field)
		}
	}
	if got := (directory.SignInPolicy{}).Lifetime(); got != directory.DefaultSessionLifetime {
		t.Errorf("a session lives for %d", got)
	}
	if got := (directory.SignInPolicy{SessionLifetime: minute}).Lifetime(); got != minute {
		t.Errorf("a session lives for %d", got)
	}
	o := directory.Organization{RootEmail: "root@acme.example", BreakGlass: []string{"glass@acme.example", "root@acme.example"}}
	for address, want := range map[string]directory.Standing{
		"": directory.StandingNone, "root@acme.example": directory.StandingRoot, "glass@acme.example": directory.StandingBreakGlass,
		"other@acme.example": directory.StandingNone,
	} {
		if got := o.Stands(address); got != want {
			t.Errorf("%q stands %d, want %d", address, got, want)
		}
	}
	if got := new(directory.Organization).Stands(""); got != directory.StandingNone {
		t.Errorf("nobody stands %d where there is no root address", got)
	}
}
