package main

import (
	"strings"
	"testing"
)

func TestApp(t *testing.T) {
	s := newShell(t)
	if out := s.run("app", "list"); out != "No applications.\n" {
		t.Fatalf("an empty list is %q", out)
	}
	s.fails(2, "--redirect-uri", "app", "create", "--name", "Billing")
	s.fails(1, "must be https", "app", "create", "--name", "Billing", "--redirect-uri", "http://billing.example/")
	var made, changed, rotated application
	s.json(&made, "app", "create", "--name", "Billing", "--redirect-uri", "https://billing.example/callback",
		"--post-logout-uri", "https://billing.example/")
	if made.Secret == "" || made.Issuer != "https://us.example.com/oidc" {
		t.Fatalf("made %+v", made)
	}
	if list := s.run("app", "list"); strings.Contains(list, made.Secret) || !strings.Contains(list, "Billing  https://billing.example/callback") {
		t.Fatalf("listed\n%s", list)
	}
	s.json(&changed, "app", "update", made.ID, "--backchannel-logout-uri", "https://billing.example/logout")
	if changed.Name != "Billing" || len(changed.LogoutURIs) != 1 || changed.BackChannelURI == "" {
		t.Fatalf("what no flag names has changed: %+v", changed)
	}
	s.json(&rotated, "app", "rotate-secret", made.ID)
	if rotated.Secret == "" || rotated.Secret == made.Secret || !rotated.Rotating {
		t.Fatalf("rotated %+v", rotated)
	}
	s.fails(1, "is not finished", "app", "rotate-secret", made.ID)
	if out := s.run("app", "rotate-secret", made.ID, "--finish"); !strings.Contains(out, "rotating          no") || strings.Contains(out, "client secret") {
		t.Fatalf("finished\n%s", out)
	}
	if out := s.run("app", "get", made.ID); !strings.Contains(out, "https://billing.example/logout") || strings.Contains(out, "client secret") {
		t.Fatalf("shown\n%s", out)
	}
	s.run("app", "delete", made.ID)
	s.fails(1, "there is no application", "app", "get", made.ID)
	var public application
	s.json(&public, "app", "create", "--name", "SPA", "--redirect-uri", "https://spa.example/", "--public")
	if public.Secret != "" || !public.Public {
		t.Fatalf("public %+v", public)
	}
}
