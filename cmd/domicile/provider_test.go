package main

import (
	"strings"
	"testing"
	"time"

	"domicile/console/consoletest"
	"domicile/directory"
	"domicile/fsm/command"
)

func TestProvider(t *testing.T) {
	s, issuer := newShell(t), consoletest.NewIssuer(t)
	if out := s.run("provider", "list"); out != "No providers.\n" {
		t.Fatalf("an empty list is %q", out)
	}
	s.run("org", "create", "acme")
	var made connection
	s.json(&made, "connection", "set", "acme", "--issuer", issuer.URL, "--client-id", "x", "--auth-method", "private_key_jwt")
	fetched := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, put := range []*command.PutProvider{
		{Document: directory.ProviderKeys, Text: "{}", Fetched: directory.Time(fetched.UnixMicro())},
		{
			Document: directory.ProviderMetadata, Text: "{}", Fetched: directory.Time(fetched.UnixMicro()),
			Moves: []directory.ProviderMove{{Endpoint: "jwks_uri", From: "one.example", To: "two.example"}},
		},
	} {
		put.Issuer = issuer.URL
		s.ledger.Must("", put)
	}
	const move = "2026-11-22 12:00 jwks_uri: one.example to two.example"
	if out := squeezed(s.run("provider", "list")); !strings.Contains(out, issuer.URL+" 1 2026-11-22 12:00 2026-11-22 12:00 "+move) {
		t.Fatalf("listed\n%s", out)
	}
	out := squeezed(s.run("provider", "show", issuer.URL))
	for _, row := range []string{"issuer " + issuer.URL, "keys 2026-11-22 12:00", "connections 1", "connection " + made.ID + " of ", ", enabled", "moved " + move} {
		if !strings.Contains(out, row) {
			t.Errorf("no %q in\n%s", row, out)
		}
	}
	var shown provider
	if s.json(&shown, "provider", "show", issuer.URL); len(shown.Moves) != 1 || shown.ConnectionCount != 1 {
		t.Errorf("shown %+v", shown)
	}
	s.fails(1, "keeps nothing of https://unknown.example", "provider", "show", "https://unknown.example")
	s.fails(2, "usage", "provider", "show")
}

func TestConnection_algorithm(t *testing.T) {
	s, issuer := newShell(t), consoletest.NewIssuer(t)
	s.run("org", "create", "acme")
	var made connection
	s.json(&made, "connection", "set", "acme", "--issuer", issuer.URL, "--client-id", "x", "--auth-method", "private_key_jwt")
	s.fails(2, "either --accept or --any", "connection", "algorithm", "acme", made.ID)
	s.fails(2, "either --accept or --any", "connection", "algorithm", "acme", made.ID, "--any", "--accept", "ES256")
	s.fails(1, "has not offered ES256", "connection", "algorithm", "acme", made.ID, "--accept", "ES256")
	if out := squeezed(s.run("connection", "algorithm", "acme", made.ID, "--any")); !strings.Contains(out, "algorithm - algorithm offered - ") {
		t.Fatalf("shown\n%s", out)
	}
}
