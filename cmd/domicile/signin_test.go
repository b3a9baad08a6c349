package main

import (
	"strings"
	"testing"
	"time"

	"domicile/console/consoletest"
	"domicile/directory"
	"domicile/egress/dnstest"
	"domicile/fsm/command"
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

	// Another request for the connection begins with what is in force.
	var next connectionRequest
	s.json(&next, "request", "create", "acme", "--connection", made.Connection, "--just-in-time", "--break-glass", "it@corp.example,ops@corp.example")
	if next.Connection != made.Connection || next.ClientSecret != "kept" || next.MaxAge != 3600 || len(next.Scopes) != 1 || !next.Phone.MayChange ||
		len(next.Domains) != 1 || len(next.Changes) != 3 || next.Changes[0].Field != "just_in_time" || next.Changes[2].Field != "break_glass" {
		t.Fatalf("made %+v", next)
	}
	s.fails(1, "(--client-secret-file, or --auth-method private_key_jwt)", "request", "edit", "acme", next.ID, "--client-id", "another")
	s.json(&next, "request", "edit", "acme", next.ID, "--client-id", "another", "--client-secret-file", secret, "--shared-redirect")
	s.run("request", "submit", "acme", next.ID)
	s.json(&next, "request", "get", "acme", next.ID)
	s.fails(1, "trust_shared_callback is required", "request", "approve", "acme", next.ID, "--version", cell(next.Version))
	s.json(&next, "request", "approve", "acme", next.ID, "--version", cell(next.Version), "--trust-shared-callback", "--note", "fine")
	if !strings.HasPrefix(next.Note, "Trusted at") || !strings.HasSuffix(next.Note, "\nfine") {
		t.Fatalf("note %q", next.Note)
	}
	s.run("request", "delete", "acme", next.ID)
	s.fails(1, "there is no connection", "request", "create", "acme", "--connection", "nothing")

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
	wanted := "wanted is the TXT record " + made.Record.Name + " with the value " + made.Record.Value + ", and found was: "
	s.fails(1, "corp.example is not proved (missing): "+wanted+"no record", "domain", "verify", "acme", "corp.example")
	s.dns.Set(made.Record.Name, "v=spf1 -all", "domicile-verification=wrong")
	s.fails(1, wanted+"v=spf1 -all | domicile-verification=wrong", "domain", "verify", "acme", "corp.example")
	s.dns.Set(made.Record.Name, made.Record.Value)
	if out := squeezed(s.run("domain", "verify", "acme", "corp.example")); !strings.Contains(out, "state verified") {
		t.Fatalf("verified\n%s", out)
	}
	s.dns.Feel(dnstest.Refusing)
	s.fails(1, "corp.example is not proved (unclear)", "domain", "verify", "acme", "corp.example")
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

func TestSignInLog(t *testing.T) {
	s := newShell(t)
	s.run("org", "create", "acme")
	if out := s.run("sign-in", "list", "acme"); out != "Nothing.\n" {
		t.Fatalf("an empty list is %q", out)
	}
	var org organization
	s.json(&org, "org", "get", "acme")
	s.ledger.Must(directory.OrganizationID(org.ID), &command.RecordRefusals{Rows: []directory.SignIn{
		{At: directory.Time(time.Now().UnixMicro()), Way: directory.WayProvider, Reason: "not_provisioned", Reference: "4F2A9C01", Agent: "Firefox on Linux", Address: "192.0.2.7"},
		{At: directory.Time(time.Now().UnixMicro()), Way: directory.WayLocal, Reason: "code_wrong", Reference: "00000000", More: 7},
	}})
	out := squeezed(s.run("sign-in", "list", "acme", "--refused"))
	for _, row := range []string{"provider - not_provisioned 4F2A9C01 Firefox on Linux 192.0.2.7", "local - code_wrong, and 7 more 00000000 - -"} {
		if !strings.Contains(out, row) {
			t.Fatalf("no %q in\n%s", row, out)
		}
	}
	var rows []signInRow
	s.json(&rows, "sign-in", "list", "acme", "--reference", "4f2a9c01", "--limit", "0")
	if len(rows) != 1 || rows[0].Reason != "not_provisioned" || rows[0].Outcome != "refused" {
		t.Fatalf("rows %+v", rows)
	}
	if out := s.run("sign-in", "list", "acme", "--user", "nobody"); out != "Nothing.\n" {
		t.Fatalf("of nobody %q", out)
	}
	s.fails(2, "--limit", "sign-in", "list", "acme", "--limit", "-1")
	s.fails(2, "no command", "sign-in", "lost")
}
