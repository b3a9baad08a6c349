package scim_test

import (
	"strings"
	"testing"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/scim"
	"domicile/seal"
)

func TestAuthenticate(t *testing.T) {
	w := newWorld(t)
	other, otherToken := w.organization(t, directory.ProfileStrict)
	foreign, _ := seal.MintToken("dom_eu_")
	strange, _ := seal.MintToken("dom_moon_")
	unknown, _ := seal.MintToken("dom_us_")
	expiring, hash := seal.MintToken("dom_us_")
	w.ledger.Must(w.org, &command.CreateToken{Tokens: []command.NewToken{{
		ID: "expiring", Hash: directory.Hash(hash), Name: "n", Hint: "h",
		Expires: directory.Time(time.Now().Add(time.Hour).UnixMicro()),
	}}})
	access, accessHash := seal.MintToken("dom_us_")
	refresh, refreshHash := seal.MintToken("dom_us_")
	w.ledger.Must(w.org, &command.CreateClient{ID: "client", Name: "Okta"})
	w.ledger.Must(w.org, &command.CreateToken{Tokens: []command.NewToken{
		{ID: "access", Hash: directory.Hash(accessHash), Kind: directory.TokenAccess, Client: "client"},
		{ID: "refresh", Hash: directory.Hash(refreshHash), Kind: directory.TokenRefresh, Client: "client"},
	}})

	for _, header := range []string{"Bearer " + access.Reveal(), "Bearer " + w.token, "bearer  " + w.token + " ", "Bearer " + expiring.Reveal()} {
		actor, err := w.Authenticate(t.Context(), w.org, scim.Caller{Authorization: header})
		if err != nil || actor.Organization != w.org || actor.Profile != directory.ProfileInterop || actor.Token == "" {
			t.Errorf("%.10s…: %+v, %v", header, actor, err)
		}
	}
	if actor, err := w.Authenticate(t.Context(), other, bearer(otherToken)); err != nil || actor.Profile != directory.ProfileStrict {
		t.Errorf("the other organization: %+v, %v", actor, err)
	}

	w.ledger.Advance(time.Hour + time.Second)
	var plain string
	for name, c := range map[string]struct {
		org    directory.OrganizationID
		header string
		names  string // what the detail must tell
	}{
		"nothing":               {w.org, "", "Authorization"},
		"basic":                 {w.org, "Basic dGVzdDp0ZXN0", "Authorization"},
		"empty":                 {w.org, "Bearer ", "Authorization"},
		"nonsense":              {w.org, "Bearer nonsense", ""},
		"never made":            {w.org, "Bearer " + unknown.Reveal(), ""},
		"another organization":  {w.org, "Bearer " + otherToken, ""},
		"unknown organization":  {"nowhere", "Bearer " + w.token, ""},
		"expired":               {w.org, "Bearer " + expiring.Reveal(), ""},
		"refresh token":         {w.org, "Bearer " + refresh.Reveal(), ""},
		"unknown region":        {w.org, "Bearer " + strange.Reveal(), ""},
		"another region":        {w.org, "Bearer " + foreign.Reveal(), "https://eu.example.com/scim/v2/"},
		"another region's name": {w.org, "Bearer " + foreign.Reveal(), "European Union"},
	} {
		actor, err := w.Authenticate(t.Context(), c.org, scim.Caller{Authorization: c.header})
		fault := scim.FaultOf(err)
		if err == nil || actor != (scim.Actor{}) || fault.Status != 401 || !strings.HasPrefix(fault.Challenge, "Bearer") {
			t.Errorf("%s: %+v, %+v", name, actor, fault)
			continue
		}
		if c.names != "" {
			if !strings.Contains(fault.Detail, c.names) {
				t.Errorf("%s: the detail is %q", name, fault.Detail)
			}
			continue
		}
		if plain == "" {
			plain = fault.Detail
		}
		if fault.Detail != plain {
			t.Errorf("%s can be told apart: %q", name, fault.Detail)
		}
	}

	w.ledger.Cut(true)
	if _, err := w.Authenticate(t.Context(), w.org, bearer(w.token)); scim.FaultOf(err).Status != 503 {
		t.Errorf("a node that is cut off answers %v, which would make identity providers stop", err)
	}
}

// A good token of an organization that is not served is told why, by the newest that any node knows.
func TestAuthenticate_served(t *testing.T) {
	w := newWorld(t)
	w.ledger.Must("", &command.PutSettings{SettingsFields: command.SettingsFields{
		Plans: []directory.Plan{{Name: "free", SignIn: true}, {Name: "pro", SignIn: true, SCIM: true}}, DefaultPlan: "pro",
	}})
	for _, c := range []struct {
		change func(*command.OrganizationFields)
		status int
		retry  int
		detail string
	}{
		{func(*command.OrganizationFields) {}, 0, 0, ""},
		{func(f *command.OrganizationFields) { f.Plan = "free" }, 403, 0, `plan "free"`},
		{func(f *command.OrganizationFields) { f.SCIMPaused = true }, 503, 300, "paused"},
		{func(f *command.OrganizationFields) { f.SCIM, f.SCIMPaused = directory.SCIMOff, true }, 404, 0, "it is off"},
		{func(f *command.OrganizationFields) { f.SCIM = directory.SCIMRequested }, 404, 0, "it is requested"},
		{func(f *command.OrganizationFields) { f.SCIM = directory.SCIMApproved }, 404, 0, "it is approved"},
	} {
		org, token := w.organizationWith(t, func(f *command.OrganizationFields) { f.Profile = directory.ProfileStrict; c.change(f) })
		_, err := w.Authenticate(t.Context(), org, bearer(token))
		if c.status == 0 {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		fault := wantFault(t, err, c.status, "")
		if fault.RetryAfter != c.retry || !strings.Contains(fault.Detail, c.detail) {
			t.Errorf("%+v", fault)
		}
		if _, err := w.Authenticate(t.Context(), org, bearer(w.token)); scim.FaultOf(err).Status != 401 {
			t.Errorf("another organization's token learns %v", err)
		}
	}
}

// Each use of a token is told once, with where it came from; a refused one is not.
func TestAuthenticate_used(t *testing.T) {
	w := newWorld(t)
	w.Recorder = scim.NewRecorder(w.ledger, w.Now, nil)
	for _, c := range []struct{ agent, client string }{
		{"Okta SCIM Client 1.0.0", "Okta SCIM Client 1.0.0"},
		{"python-requests/2.31 (Linux; x64)", "python-requests/2.31"},
		{"", ""},
		{"bad\xff", ""},
		{strings.Repeat("x", 200), strings.Repeat("x", 80)},
	} {
		actor, err := w.Authenticate(t.Context(), w.org, scim.Caller{
			Authorization: "Bearer " + w.token, UserAgent: c.agent, RequestID: "r1", IP: "192.0.2.7",
		})
		if err != nil || actor.Client != c.client || actor.RequestID != "r1" {
			t.Errorf("%q gives %+v, %v", c.agent, actor, err)
		}
	}
	_, _ = w.Authenticate(t.Context(), w.org, scim.Caller{Authorization: "Bearer nonsense", IP: "192.0.2.8"})
	w.Recorder.Flush(t.Context())
	token, _ := w.directory().Token(w.actor.Token)
	if token.LastIP != "192.0.2.7" || token.LastUsed == 0 {
		t.Errorf("the token was used at %d from %q", token.LastUsed, token.LastIP)
	}
}
