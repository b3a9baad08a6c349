package oidc

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/oidc/oidctest"
)

// TestFlow_rotation: while a client secret is being replaced, the one that the provider still has is good enough.
func TestFlow_rotation(t *testing.T) {
	const previous = "domicile_oidc_previous_secret_total"
	f := newFlow(t, command.SecondLevel)
	f.alice(nil)
	f.connect("a newer secret", flowSecret)
	f.succeeds("alice@acme.example")
	if f.counted(previous) != 1 || !strings.Contains(f.logs.String(), `"connection":"connection"`) || strings.Contains(f.logs.String(), "secret\"") {
		t.Errorf("counted %v, logs %s", f.counted(previous), f.logs)
	}
	if n := f.provider.Count(oidctest.EndpointToken); n != 2 {
		t.Errorf("%d requests to the token endpoint", n)
	}
	f.succeeds("alice@acme.example")
	if n := f.provider.Count(oidctest.EndpointToken); n != 3 {
		t.Errorf("%d requests: the secret that works does not come first", n)
	}
	// The provider has the new one at last.
	f.provider.SetClient(oidctest.Client{ID: "client", Secret: "a newer secret"})
	f.succeeds("alice@acme.example")
	f.provider.ResetRequests()
	f.succeeds("alice@acme.example")
	if n := f.provider.Count(oidctest.EndpointToken); n != 1 || f.counted(previous) != 2 {
		t.Errorf("%d requests, counted %v", n, f.counted(previous))
	}
	f.provider.SetClient(oidctest.Client{ID: "client", Secret: "a third one"})
	f.fails("alice@acme.example", ReasonClientSecret)
	f.provider.ResetRequests()
	f.connect("wrong", "")
	f.fails("alice@acme.example", ReasonClientSecret)
	if n := f.provider.Count(oidctest.EndpointToken); n != 1 {
		t.Errorf("%d requests with one secret", n)
	}
}

// TestFlow_rotationBurnsCode: a provider that spends the code on a client that it does not let in costs one sign-in, not all.
func TestFlow_rotationBurnsCode(t *testing.T) {
	f := newFlow(t, command.SecondLevel)
	f.alice(nil)
	f.connect("a newer secret", flowSecret)
	f.provider.Script(oidctest.Faults{Lasting: []oidctest.Fault{oidctest.CodeBurnt}})
	f.fails("alice@acme.example", ReasonCodeSpent)
	if ReasonCodeSpent.Class() != ClassExpired {
		t.Error("the person is not told to start again")
	}
	f.succeeds("alice@acme.example")
	f.serve() // another node learns it for itself
	f.fails("alice@acme.example", ReasonCodeSpent)
	f.succeeds("alice@acme.example")
}

// TestFlow_rotationNeedsRefusal: the second secret is for a provider that refuses the first, not for one that is down or
// refuses the code.
func TestFlow_rotationNeedsRefusal(t *testing.T) {
	f := newFlow(t, command.SecondLevel)
	f.alice(nil)
	f.connect(flowSecret, "the old one")
	for fault, want := range map[oidctest.Fault]Reason{
		oidctest.TokenFails: ReasonProviderDown, oidctest.TokenError: ReasonExchange,
	} {
		f.provider.ResetRequests()
		f.provider.Script(oidctest.Faults{Lasting: []oidctest.Fault{fault}})
		f.fails("alice@acme.example", want)
		if n := f.provider.Count(oidctest.EndpointToken); n != 1 {
			t.Errorf("%s: %d requests", fault, n)
		}
	}
}

func TestProofOrder_bound(t *testing.T) {
	order := newProofOrder()
	for i := range 3 * maxProofOrders {
		order.took(&directory.Connection{ID: directory.ConnectionID(fmt.Sprint(i))}, proof{previous: true})
	}
	if len(order.taken) > maxProofOrders {
		t.Errorf("%d connections are remembered", len(order.taken))
	}
}

func TestRefusalOfExchange(t *testing.T) {
	answer := func(status int, code, description string) error {
		return fmt.Errorf("exchange: %w", &oauth2.RetrieveError{
			Response: &http.Response{StatusCode: status}, ErrorCode: code, ErrorDescription: description,
		})
	}
	const entra = "https://login.microsoftonline.com/7a9b1c1e-0000-4000-8000-000000000001/v2.0"
	for _, test := range []struct {
		issuer string
		err    error
		want   Reason
	}{
		{entra, answer(401, "invalid_client", "AADSTS7000222: The provided client secret keys for app are expired."), ReasonClientSecretExpired},
		{entra, answer(401, "invalid_client", "AADSTS7000215: Invalid client secret provided."), ReasonClientSecret},
		{testIssuer, answer(401, "invalid_client", "AADSTS7000222: copied"), ReasonClientSecret},
		{testIssuer, answer(400, "invalid_grant", ""), ReasonExchange},
		{testIssuer, answer(500, "invalid_client", ""), ReasonProviderDown},
		{testIssuer, errors.New("no route"), ReasonProviderDown},
	} {
		refusal := refusalOfExchange(&directory.Connection{Issuer: test.issuer}, test.err)
		if refusal == nil || refusal.Reason != test.want {
			t.Errorf("%v: %v, want %s", test.err, refusal, test.want)
		}
	}
	if refusalOfExchange(&directory.Connection{}, nil) != nil {
		t.Error("no error is a refusal")
	}
}

// TestJudgeResponse_providerCodes: a provider's own code is looked for at the beginning of its words, and only in the words
// of a provider that has such codes.
func TestJudgeResponse_providerCodes(t *testing.T) {
	entra := &metadata{Issuer: "https://sts.windows.net/7a9b1c1e-0000-4000-8000-000000000001/"}
	for _, test := range []struct {
		meta        *metadata
		description string
		want        Reason
	}{
		{entra, "AADSTS50105: The signed in user is not assigned to a role.", ReasonProviderNotAssigned},
		{entra, "AADSTS53003: Access has been blocked.", ReasonProviderAccount},
		{entra, "AADSTS65001: nobody consented.", ReasonProviderConsent},
		{entra, "<b>AADSTS50105:</b>", ReasonProviderRefused},
		{&metadata{Issuer: testIssuer}, "AADSTS50105: x", ReasonProviderRefused},
		{&metadata{Issuer: "https://acme.okta.com"}, "User is not assigned to the client application.", ReasonProviderNotAssigned},
	} {
		refusal := judgeResponse(map[string][]string{
			"error": {"access_denied"}, "error_description": {test.description},
		}, test.meta, false)
		if refusal == nil || refusal.Reason != test.want || refusal.Provider != "access_denied" {
			t.Errorf("%q: %+v, want %s", test.description, refusal, test.want)
		}
	}
}
