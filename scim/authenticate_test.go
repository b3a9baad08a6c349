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
	w.write(t, w.org, &command.CreateToken{
		ID: "expiring", Hash: directory.Hash(hash), Name: "n", Hint: "h",
		Expires: directory.Time(time.Now().Add(time.Hour).UnixMicro()),
	})

	for _, header := range []string{"Bearer " + w.token, "bearer  " + w.token + " ", "Bearer " + expiring.Reveal()} {
		actor, err := w.Authenticate(t.Context(), w.org, header)
		if err != nil || actor.Organization != w.org || actor.Profile != directory.ProfileInterop || actor.Token == "" {
			t.Errorf("%.10s…: %+v, %v", header, actor, err)
		}
	}
	if actor, err := w.Authenticate(t.Context(), other, "Bearer "+otherToken); err != nil || actor.Profile != directory.ProfileStrict {
		t.Errorf("the other organization: %+v, %v", actor, err)
	}

	w.clock.Store(3601)
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
		"unknown region":        {w.org, "Bearer " + strange.Reveal(), ""},
		"another region":        {w.org, "Bearer " + foreign.Reveal(), "https://eu.example.com/scim/v2/"},
		"another region's name": {w.org, "Bearer " + foreign.Reveal(), "European Union"},
	} {
		actor, err := w.Authenticate(t.Context(), c.org, c.header)
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

	w.write(t, w.org, &command.RevokeToken{ID: "expiring"})
	down := error(directory.Unavailable(time.Second, nil, "cut off"))
	w.ledger.fail.Store(&down)
	if _, err := w.Authenticate(t.Context(), w.org, "Bearer "+w.token); scim.FaultOf(err).Status != 503 {
		t.Errorf("a node that is cut off answers %v, which would make identity providers stop", err)
	}
}
