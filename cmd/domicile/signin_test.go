package main

import (
	"strings"
	"testing"

	"domicile/console/consoletest"
)

// squeezed makes one space of each run of them.
func squeezed(out string) string { return strings.Join(strings.Fields(out), " ") }

func TestRequest(t *testing.T) {
	s, issuer := newShell(t), consoletest.NewIssuer(t)
	secret := writeFile(t, "secret", "canary-51c2\n")
	s.run("org", "create", "acme", "--root-email", "root@acme.example")
	if out := s.run("request", "list", "acme"); out != "No requests.\n" {
		t.Fatalf("an empty list is %q", out)
	}
	s.fails(2, "--issuer and --client-id", "request", "create", "acme")
	var made connectionRequest
	s.json(&made, "request", "create", "acme", "--issuer", issuer.URL, "--client-id", "domicile", "--client-secret-file", secret,
		"--secret-expires-in", "8760h", "--domain", "corp.example", "--break-glass", "it@corp.example", "--max-age", "1h", "--acr", "phr")
	if made.State != "draft" || made.ClientSecret != "given" || made.MaxAge != 3600 || made.SecretExpires == nil || len(made.Discovery) == 0 {
		t.Fatalf("made %+v", made)
	}
	out := squeezed(s.run("request", "edit", "acme", made.ID, "--scope", "groups", "--phone-may-change"))
	for _, row := range []string{"scopes openid profile email groups", "acr values phr", "client secret given",
		"domain corp.example, pending", "phone may be changed", "warning The provider"} {
		if !strings.Contains(out, row) {
			t.Fatalf("no %q in\n%s", row, out)
		}
	}
	s.run("request", "submit", "acme", made.ID)
	s.fails(2, "--version is required", "request", "approve", "acme", made.ID)
	s.fails(1, "changed meanwhile", "request", "return", "acme", made.ID, "--version", "1", "--note", "x")
	s.json(&made, "request", "get", "acme", made.ID)
	s.json(&made, "request", "approve", "acme", made.ID, "--version", cell(made.Version))
	if list := squeezed(s.run("request", "list", "--state", "approved")); !strings.Contains(list, "acme approved "+issuer.URL) {
		t.Fatalf("listed\n%s", list)
	}
	s.run("request", "activate", "acme", made.ID)
	s.fails(1, "is in force", "request", "delete", "acme", made.ID)
	if out := s.run("request", "check", "acme", made.ID); !strings.Contains(out, issuer.URL+"/token") || strings.Contains(out, "canary") {
		t.Fatalf("checked\n%s", out)
	}

	var conn connection
	newer := writeFile(t, "newer", "canary-51c3\n")
	s.json(&conn, "connection", "rotate-secret", "acme", made.Connection, "--client-secret-file", newer, "--expires-in", "24h")
	s.fails(1, "a rotation is under way", "connection", "rotate-secret", "acme", made.Connection, "--client-secret-file", secret)
	s.json(&conn, "connection", "rotate-secret", "acme", made.Connection, "--client-secret-file", secret, "--expires-in", "24h", "--replace-newest")
	if !conn.Rotating || conn.SecretExpires == nil {
		t.Fatalf("rotated %+v", conn)
	}
	s.run("connection", "drop-previous-secret", "acme", made.Connection)
	s.fails(2, "--client-secret-file is required", "connection", "rotate-secret", "acme", made.Connection)
	if out := squeezed(s.run("connection", "get", "acme", made.Connection)); !strings.Contains(out, "initiate login uri https://us.example.com/login/initiate/"+made.Connection) ||
		!strings.Contains(out, "domains corp.example ") {
		t.Fatalf("got\n%s", out)
	}
	set := []string{"connection", "set", "acme", "--issuer", issuer.URL, "--client-id", "subsidiary", "--client-secret-file", secret, "--domain"}
	s.fails(1, "leads to connection "+made.Connection, append(set, "Corp.example")...)
	s.json(&conn, append(set, "Sub.example")...)
	if len(conn.Domains) != 1 || conn.Domains[0] != "sub.example" {
		t.Fatalf("set %+v", conn)
	}
	s.run("request", "disable", "acme", made.ID)
	s.run("request", "delete", "acme", made.ID)
	if out := s.run("audit", "list", "acme", "--limit", "0"); !strings.Contains(out, "request.active") || !strings.Contains(out, "operator") {
		t.Fatalf("audit\n%s", out)
	}
}

func TestDomain(t *testing.T) {
	s := newShell(t)
	s.run("org", "create", "acme")
	if out := s.run("domain", "list", "acme"); out != "No domains.\n" {
		t.Fatalf("an empty list is %q", out)
	}
	var made domain
	s.json(&made, "domain", "claim", "acme", "corp.example")
	if made.Record == nil || made.Record.Name != "_domicile-challenge.corp.example" || made.State != "pending" {
		t.Fatalf("made %+v", made)
	}
	if out := squeezed(s.run("domain", "get", "acme", "corp.example")); !strings.Contains(out, "record value "+made.Record.Value) {
		t.Fatalf("got\n%s", out)
	}
	s.fails(1, "open to everybody", "domain", "claim", "acme", "gmail.com")
	s.fails(1, "there is no domain", "domain", "verify", "acme", "other.example")
	s.run("domain", "delete", "acme", "corp.example")
	s.fails(1, "there is no domain", "domain", "get", "acme", "corp.example")
}

func TestSessionAndLink(t *testing.T) {
	s := newShell(t)
	s.run("org", "create", "acme", "--session-lifetime", "1h", "--session-idle", "10m", "--require-sso", "--phone-may-change")
	if out := s.run("org", "update", "acme", "--phone-must-confirm"); !strings.Contains(out, "at most 1h0m0s, unused 10m0s\n") ||
		!strings.Contains(out, "may be changed, and is confirmed then\n") {
		t.Fatalf("updated to\n%s", out)
	}
	if out := s.run("session", "list", "acme"); out != "Nobody is signed in.\n" {
		t.Fatalf("an empty list is %q", out)
	}
	if out := s.run("link", "list", "acme"); out != "No links.\n" {
		t.Fatalf("an empty list is %q", out)
	}
	s.run("session", "end", "acme", "--all")
	s.fails(1, "there is no session", "session", "end", "acme", "nothing")
	s.fails(1, "there is no user", "session", "end", "acme", "--user", "nobody")
	for _, args := range [][]string{{"acme"}, {"acme", "x", "--all"}, {"acme", "--user", "x", "--all"}} {
		s.fails(2, "name a session", append([]string{"session", "end"}, args...)...)
	}
	s.fails(1, "there is no user", "link", "delete", "acme", "nobody", "nothing")
	s.fails(2, "--limit", "audit", "list", "acme", "--limit", "-1")
}
