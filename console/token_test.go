package console_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"domicile/console"
	"domicile/directory"
	"domicile/fsm/state"
	"domicile/seal"
)

func TestToken(t *testing.T) {
	h := newHouse(t)
	org := h.organization(t, "acme")
	soon := time.Now().Add(time.Hour)
	token, err := h.CreateToken(t.Context(), actor, org, console.NewToken{Name: "Okta", Expires: soon})
	if err != nil {
		t.Fatal(err)
	}
	text := token.Secret.Reveal()
	if region, ok := seal.TokenRegion(text); !ok || region != "us" || !strings.HasSuffix(text, token.Hint) {
		t.Fatalf("token of region %q with hint %q", region, token.Hint)
	}
	view, err := h.ledger.View(t.Context(), state.Local())
	if err != nil {
		t.Fatal(err)
	}
	stored, ok := view.TokenByHash(seal.HashToken(text))
	if !ok || stored.ID != token.ID || stored.Organization != org || stored.Expires != directory.Time(soon.UnixMicro()) {
		t.Fatalf("the ledger has %+v", stored)
	}
	if _, err := h.CreateToken(t.Context(), actor, org, console.NewToken{Name: "Second"}); err != nil {
		t.Fatal(err)
	}
	tokens, err := h.ListTokens(t.Context(), org)
	if err != nil || len(tokens) != 2 || tokens[0].Name != "Okta" || tokens[1].Name != "Second" {
		t.Fatalf("listed %v, %v", tokens, err)
	}
	if err := h.RevokeToken(t.Context(), actor, org, token.ID); err != nil {
		t.Fatal(err)
	}
	wantError(t, h.RevokeToken(t.Context(), actor, org, token.ID), directory.KindNotFound, "")
	view, _ = h.ledger.View(t.Context(), state.Local())
	if _, ok := view.TokenByHash(seal.HashToken(text)); ok {
		t.Fatal("a revoked token is still there")
	}
}

func TestToken_refusals(t *testing.T) {
	h := newHouse(t)
	org, other := h.organization(t, "acme"), h.organization(t, "other")
	for name, test := range map[string]struct {
		org   directory.OrganizationID
		in    console.NewToken
		kind  directory.Kind
		field string
	}{
		"no name":       {org, console.NewToken{Name: " "}, directory.KindInvalid, "name"},
		"long name":     {org, console.NewToken{Name: strings.Repeat("x", 201)}, directory.KindInvalid, "name"},
		"control":       {org, console.NewToken{Name: "a\nb"}, directory.KindInvalid, "name"},
		"past":          {org, console.NewToken{Name: "x", Expires: time.Now().Add(-time.Second)}, directory.KindInvalid, "expires_at"},
		"unknown owner": {"nobody", console.NewToken{Name: "x"}, directory.KindNotFound, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.CreateToken(t.Context(), actor, test.org, test.in)
			wantError(t, err, test.kind, test.field)
		})
	}
	token, err := h.CreateToken(t.Context(), actor, org, console.NewToken{Name: "x"})
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, h.RevokeToken(t.Context(), actor, other, token.ID), directory.KindNotFound, "")
}

func TestToken_bound(t *testing.T) {
	h := newHouse(t)
	org := h.organization(t, "acme")
	for i := range directory.MaxTokens {
		if _, err := h.CreateToken(t.Context(), actor, org, console.NewToken{Name: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	_, err := h.CreateToken(t.Context(), actor, org, console.NewToken{Name: "one more"})
	wantError(t, err, directory.KindTooLarge, "")
}
