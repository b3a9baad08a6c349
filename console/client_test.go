package console_test

import (
	"fmt"
	"strings"
	"testing"

	"domicile/console"
	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/seal"
)

func TestClient(t *testing.T) {
	h := newHouse(t)
	org, other := h.organization(t, "acme"), h.organization(t, "other")
	made, secret, err := h.CreateClient(t.Context(), actor, org, console.NewClient{Name: " Okta ", RedirectURIs: []string{"https://idp.example/back"}})
	if err != nil {
		t.Fatal(err)
	}
	view, err := h.ledger.View(t.Context(), state.Local())
	if err != nil {
		t.Fatal(err)
	}
	stored, ok := view.Client(made.ID)
	if !ok || stored.Name != "Okta" || stored.Organization != org || !seal.EqualHash(stored.SecretHash, seal.HashToken(secret.Reveal())) {
		t.Fatalf("the ledger has %+v", stored)
	}
	_, hash := seal.MintToken("dom_us_")
	h.ledger.Must(org, &command.CreateToken{Tokens: []command.NewToken{
		{ID: "access", Hash: hash, Kind: directory.TokenAccess, Client: made.ID},
	}})
	all, err := h.ListClients(t.Context(), org)
	if err != nil || len(all) != 1 || len(all[0].Tokens) != 1 || all[0].Tokens[0].ID != "access" {
		t.Fatalf("listed %+v, %v", all, err)
	}
	if bearer, err := h.ListTokens(t.Context(), org); err != nil || len(bearer) != 0 {
		t.Fatalf("a client's token is listed as %+v, %v", bearer, err)
	}
	_, err = h.GetClient(t.Context(), other, made.ID)
	wantError(t, err, directory.KindNotFound, "")
	wantError(t, h.DeleteClient(t.Context(), actor, other, made.ID), directory.KindNotFound, "")
	if err := h.DeleteClient(t.Context(), actor, org, made.ID); err != nil {
		t.Fatal(err)
	}
	wantError(t, h.DeleteClient(t.Context(), actor, org, made.ID), directory.KindNotFound, "")
	view, _ = h.ledger.View(t.Context(), state.Local())
	if _, ok := view.TokenByHash(hash); ok {
		t.Fatal("a token outlives its client")
	}
}

func TestClient_refusals(t *testing.T) {
	h := newHouse(t)
	org := h.organization(t, "acme")
	for name, test := range map[string]struct {
		org   directory.OrganizationID
		in    console.NewClient
		kind  directory.Kind
		field string
	}{
		"no name":      {org, console.NewClient{Name: " "}, directory.KindInvalid, "name"},
		"control":      {org, console.NewClient{Name: "a\tb"}, directory.KindInvalid, "name"},
		"long name":    {org, console.NewClient{Name: strings.Repeat("x", 201)}, directory.KindInvalid, "name"},
		"plain http":   {org, console.NewClient{Name: "x", RedirectURIs: []string{"http://idp.example/"}}, directory.KindInvalid, "redirect_uris"},
		"many":         {org, console.NewClient{Name: "x", RedirectURIs: make([]string, 11)}, directory.KindTooLarge, "redirect_uris"},
		"organization": {"nobody", console.NewClient{Name: "x"}, directory.KindNotFound, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := h.CreateClient(t.Context(), actor, test.org, test.in)
			wantError(t, err, test.kind, test.field)
		})
	}
	for i := range directory.MaxClients {
		if _, _, err := h.CreateClient(t.Context(), actor, org, console.NewClient{Name: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err := h.CreateClient(t.Context(), actor, org, console.NewClient{Name: "one more"})
	wantError(t, err, directory.KindTooLarge, "")
}

func TestCredentials_wantAPlanWithSCIM(t *testing.T) {
	h := newHouse(t)
	org := h.organization(t, "acme")
	h.settle(t, directory.Settings{Plans: []directory.Plan{basic}, DefaultPlan: "basic"})
	_, err := h.CreateToken(t.Context(), actor, org, console.NewToken{Name: "x"})
	wantError(t, err, directory.KindForbidden, "")
	_, _, err = h.CreateClient(t.Context(), actor, org, console.NewClient{Name: "x"})
	wantError(t, err, directory.KindForbidden, "")
}

func TestToken_singleVoidsTheOthers(t *testing.T) {
	h := newHouse(t)
	org := h.organization(t, "acme")
	var old []*console.CreatedToken
	for i := range 2 {
		token, err := h.CreateToken(t.Context(), actor, org, console.NewToken{Name: fmt.Sprint(i)})
		if err != nil || len(token.Voided) != 0 {
			t.Fatalf("%+v, %v", token, err)
		}
		old = append(old, token)
	}
	single := true
	if _, err := h.UpdateOrganization(t.Context(), actor, org, console.OrganizationChange{SingleToken: &single}); err != nil {
		t.Fatal(err)
	}
	token, err := h.CreateToken(t.Context(), actor, org, console.NewToken{Name: "new"})
	if err != nil || len(token.Voided) != 2 || token.Voided[0] != old[0].ID || token.Voided[1] != old[1].ID {
		t.Fatalf("voided %v, %v", token.Voided, err)
	}
	left, err := h.ListTokens(t.Context(), org)
	if err != nil || len(left) != 1 || left[0].ID != token.ID {
		t.Fatalf("left %v, %v", left, err)
	}
}
