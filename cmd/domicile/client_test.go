package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"domicile/console"
	"domicile/console/consoletest"
	"domicile/directory"
	"domicile/egress"
	"domicile/egress/dnstest"
	"domicile/fsm"
	"domicile/fsm/fsmtest"
	"domicile/fsm/state"
	"domicile/httpapi"
	"domicile/oidc"
	"domicile/scim"
	"domicile/scim/oauth"
	"domicile/seal"
	"domicile/telemetry"
)

const testToken = "dom_us_operator"

// shell runs command lines against a region on loopback.
type shell struct {
	t      *testing.T
	ledger *fsmtest.Ledger
	dns    *dnstest.Server
	url    string
	file   string // with the operator's token
}

func newShell(t *testing.T) *shell {
	t.Helper()
	t.Setenv("DOMICILE_URL", "")
	t.Setenv("DOMICILE_TOKEN_FILE", "")
	ledger, crew, keyring := consoletest.NewLedger(t), consoletest.NewCrew("us-1", "us-2", "us-3"), seal.GenerateKeyring()
	region := directory.Region{ID: "us", Name: "United States", URL: "https://us.example.com", LoginURL: "https://us.example.com/login"}
	client := egress.New(egress.Config{AllowLoopback: true, AllowHTTP: true})
	names := dnstest.New(t)
	resolver, err := egress.NewResolver(egress.DNSConfig{Servers: []string{names.Address}})
	if err != nil {
		t.Fatal(err)
	}
	desk, err := console.New(console.Deps{
		Proposer: ledger, Viewer: ledger, Operator: crew, Keyring: keyring, Identity: consoletest.Identity, Region: region,
		Egress: client, DNS: resolver, NewID: seal.NewID, Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.DiscardHandler)
	handler, err := httpapi.New(httpapi.Deps{
		SCIM: scim.New(scim.Deps{
			Proposer: ledger, Viewer: ledger, Rehearse: fsm.Rehearse, Region: region, Cursors: keyring.Box("scim cursor", "us"),
			NewID: seal.NewID, Now: time.Now,
		}),
		SignIn: oidc.New(oidc.Deps{
			Proposer: ledger, Viewer: ledger, Keyring: keyring, Region: region, HTTP: client.HTTP(),
			Identity: state.Identity{Region: "us", Cluster: consoletest.Identity.Cluster},
		}),
		OAuth: oauth.New(oauth.Deps{
			Proposer: ledger, Viewer: ledger, Keyring: keyring, Region: region, NewID: seal.NewID, Now: time.Now,
			Identity: state.Identity{Region: "us", Cluster: consoletest.Identity.Cluster},
		}),
		Console: desk, Region: region, OperatorTokenHash: seal.HashToken(testToken),
		Logger: logger, Metrics: telemetry.NewHTTPMetrics(prometheus.NewRegistry()), Tracing: new(telemetry.Tracing), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	s := &shell{t: t, ledger: ledger, dns: names, url: server.URL, file: writeFile(t, "token", testToken+"\n")}
	s.run("settings", "set", "--new-scim", "active", "--request-rate", "-1") // as in development
	return s
}

// writeFile makes a file that only its owner reads.
func writeFile(t *testing.T, name, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// bare runs a command line as it is and gives its output, its complaint and its exit status.
func (s *shell) bare(stdin string, args ...string) (string, string, int) {
	s.t.Helper()
	var out bytes.Buffer
	root := newRootCommand()
	root.SetArgs(args)
	root.SetIn(strings.NewReader(stdin))
	root.SetOut(&out)
	root.SetErr(&out)
	err := root.ExecuteContext(s.t.Context())
	if err == nil {
		return out.String(), "", exitCode(nil)
	}
	return out.String(), err.Error(), exitCode(err)
}

// run adds where the region is. The command must succeed.
func (s *shell) run(args ...string) string {
	s.t.Helper()
	out, complaint, code := s.bare("", append(args, "--url", s.url, "--token-file", s.file)...)
	if code != 0 {
		s.t.Fatalf("domicile %s: exit %d: %s", strings.Join(args, " "), code, complaint)
	}
	return out
}

// fails checks exit status and a part of the complaint.
func (s *shell) fails(code int, part string, args ...string) {
	s.t.Helper()
	out, complaint, got := s.bare("", append(args, "--url", s.url, "--token-file", s.file)...)
	if got != code || !strings.Contains(complaint, part) {
		s.t.Fatalf("domicile %s: exit %d %q, want %d %q\n%s", strings.Join(args, " "), got, complaint, code, part, out)
	}
}

// json is run with -o json, read.
func (s *shell) json(v any, args ...string) {
	s.t.Helper()
	if err := json.Unmarshal([]byte(s.run(append(args, "-o", "json")...)), v); err != nil {
		s.t.Fatal(err)
	}
}

func TestOrg(t *testing.T) {
	s := newShell(t)
	if out := s.run("org", "list"); out != "No organizations.\n" {
		t.Fatalf("an empty list is %q", out)
	}
	made := s.run("org", "create", "acme", "--name", "Acme <Inc.>", "--domain", "acme.example,acme.test", "--root-email", "root@acme.example")
	for _, row := range []string{"slug           acme\n", "domains        acme.example, acme.test\n", "root           root@acme.example\n", "scim           active\n"} {
		if !strings.Contains(made, row) {
			t.Fatalf("no %q in\n%s", row, made)
		}
	}
	s.run("org", "create", "beta")
	var org organization
	s.json(&org, "org", "get", "acme")
	if org.Name != "Acme <Inc.>" || org.Profile != "interop" {
		t.Fatalf("got %+v", org)
	}
	s.json(&org, "org", "update", org.ID, "--scim-profile", "entra", "--domain=")
	if org.Profile != "entra" || len(org.Domains) != 0 || org.Name != "Acme <Inc.>" || org.Root == nil {
		t.Fatalf("updated to %+v", org)
	}
	lines := strings.Split(strings.TrimSpace(s.run("org", "list")), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "SLUG  NAME         DOMAINS  SCIM    SCIM PROFILE") {
		t.Fatalf("listed\n%s", strings.Join(lines, "\n"))
	}
	var all []organization
	if s.json(&all, "org", "list"); len(all) != 2 {
		t.Fatalf("listed %+v", all)
	}
	s.fails(1, `slug "acme" is taken`, "org", "create", "acme")
	s.fails(1, "slug must be", "org", "create", "Acme")
	s.fails(1, `there is no organization "nobody"`, "org", "get", "nobody")
	s.fails(1, `there is no organization "../x"`, "org", "get", "../x")
	s.fails(2, "empty", "org", "get", "")
	s.fails(2, "say what to change", "org", "update", "acme")
	s.fails(2, "add --yes", "org", "delete", "acme")
	if out := s.run("org", "delete", "acme", "--yes"); out != "Organization acme is deleted.\n" {
		t.Fatalf("deleted: %q", out)
	}
	s.fails(1, "there is no organization", "org", "delete", "acme", "--yes")
}

func TestToken(t *testing.T) {
	s := newShell(t)
	s.run("org", "create", "acme")
	var made scimToken
	s.json(&made, "token", "create", "acme", "--name", "Okta", "--expires-in", "24h")
	if !strings.HasPrefix(made.Token, "dom_us_") || made.SCIMBase == "" || made.Expires == nil ||
		time.Until(*made.Expires) > 24*time.Hour || time.Until(*made.Expires) < 23*time.Hour {
		t.Fatalf("made %+v", made)
	}
	if out := s.run("token", "create", "acme"); !strings.HasPrefix(out, "token      dom_us_") || !strings.Contains(out, "expires    never") {
		t.Fatalf("made\n%s", out)
	}
	list := s.run("token", "list", "acme")
	if strings.Contains(list, made.Token) || !strings.Contains(list, "Okta  "+made.Hint) {
		t.Fatalf("listed\n%s", list)
	}
	s.run("token", "revoke", "acme", made.ID)
	s.fails(1, "there is no token", "token", "revoke", "acme", made.ID)
	s.fails(1, "there is no organization", "token", "list", "nobody")
	s.fails(2, "--expires-in must be", "token", "create", "acme", "--expires-in", "-1h")
	s.fails(2, "--expires-in must be", "token", "create", "acme", "--expires-in", "0")
}

func TestConnection(t *testing.T) {
	s, issuer := newShell(t), consoletest.NewIssuer(t)
	s.run("org", "create", "acme")
	if out := s.run("connection", "list", "acme"); out != "No connections.\n" {
		t.Fatalf("an empty list is %q", out)
	}
	secret := writeFile(t, "secret", "hush\n")
	base := []string{"connection", "set", "acme", "--issuer", issuer.URL, "--client-id", "domicile"}
	s.fails(1, "client_secret is required", base...)
	var made, again connection
	s.json(&made, append(base, "--client-secret-file", secret, "--scope", "groups")...)
	if made.RedirectURI == "" || !made.Enabled || made.Discovery["token_endpoint"] != issuer.URL+"/token" {
		t.Fatalf("made %+v", made)
	}
	s.json(&again, append(base, "--disabled")...)
	if again.ID != made.ID || again.Enabled {
		t.Fatalf("set again to %+v", again)
	}
	out, complaint, code := s.bare("other secret\n", append(base, "--id", made.ID, "--client-secret-file", "-", "--url", s.url, "--token-file", s.file)...)
	if code != 0 || !strings.Contains(out, "token endpoint  ") && !strings.Contains(out, "token endpoint") {
		t.Fatalf("exit %d: %s\n%s", code, complaint, out)
	}
	list := s.run("connection", "list", "acme")
	if !strings.Contains(list, issuer.URL+"  domicile   enabled") || strings.Contains(list, "hush") {
		t.Fatalf("listed\n%s", list)
	}
	s.fails(1, "issuer", "connection", "set", "acme", "--issuer", "https://10.0.0.1", "--client-id", "x", "--client-secret-file", secret)
	s.fails(2, "--issuer and --client-id", "connection", "set", "acme")
	s.run("connection", "delete", "acme", made.ID)
	s.fails(1, "there is no connection", "connection", "delete", "acme", made.ID)
}

func TestTarget(t *testing.T) {
	s := newShell(t)
	open := writeFile(t, "open", testToken)
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(writeFile(t, "dev.json", `{"regions":[{"id":"eu","url":"http://127.0.0.1:1","operator_token":"x"},`+
		`{"id":"us","url":"`+s.url+`/","operator_token":"`+testToken+`"}]}`))
	for name, test := range map[string]struct {
		args []string
		code int
		part string
	}{
		"nowhere":         {[]string{"org", "list"}, 2, "say which region"},
		"no token":        {[]string{"org", "list", "--url", s.url}, 2, "say which region"},
		"odd address":     {[]string{"org", "list", "--url", "us.example.com", "--token-file", s.file}, 2, "--url must look like"},
		"missing file":    {[]string{"org", "list", "--url", s.url, "--token-file", "/nonexistent"}, 1, "no such file"},
		"open file":       {[]string{"org", "list", "--url", s.url, "--token-file", open}, 1, "open to every user"},
		"wrong token":     {[]string{"org", "list", "--url", s.url, "--token-file", writeFile(t, "wrong", "x")}, 1, "not the operator's token"},
		"nobody there":    {[]string{"org", "list", "--url", "http://127.0.0.1:1", "--token-file", s.file}, 1, "refused"},
		"dev":             {[]string{"org", "list", "--dev", dir, "--region", "us"}, 0, ""},
		"dev, no region":  {[]string{"org", "list", "--dev", dir, "--region", "ap"}, 2, `no region "ap", only eu, us`},
		"dev, first":      {[]string{"org", "list", "--dev", dir}, 1, "127.0.0.1:1"},
		"dev and address": {[]string{"org", "list", "--dev", dir, "--url", s.url}, 2, "in place of"},
		"no dev there":    {[]string{"org", "list", "--dev", t.TempDir()}, 1, "no such file"},
		"region alone":    {[]string{"org", "list", "--region", "us"}, 2, "goes with --dev"},
		"odd output":      {[]string{"org", "list", "-o", "xml", "--dev", dir}, 2, "table or json"},
		"unknown flag":    {[]string{"org", "list", "--colour"}, 2, "unknown flag"},
		"unknown command": {[]string{"org", "destroy"}, 2, "no command"},
		"unknown group":   {[]string{"frobnicate"}, 2, "no command"},
		"flag of nobody":  {[]string{"--frobnicate"}, 2, "unknown flag"},
		"extra argument":  {[]string{"dev", "stop"}, 2, "accepts 1 arg"},
		"no argument":     {[]string{"org", "get"}, 2, "usage: domicile org get SLUG|ID"},
		"unknown PKI":     {[]string{"pki", "frobnicate"}, 2, "no command"},
		"required flag":   {[]string{"pki", "init"}, 2, `required flag(s) "region" not set; usage: domicile pki init`},
		"two of them":     {[]string{"pki", "node", "--dir", dir}, 2, `"host", "node" not set`},
		"flag's value":    {[]string{"dev", "--base-port", "many"}, 2, "invalid argument"},
		"no such port":    {[]string{"dev", "--base-port", "70000", "--data", dir}, 2, "must be 1 to"},
		"long path":       {[]string{"dev", "--data", strings.Repeat("x", 200)}, 2, "choose a shorter directory"},
		"no file":         {[]string{"serve", "--config", "/nonexistent"}, 1, "no such file"},
		"help":            {[]string{"org"}, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, complaint, code := s.bare("", test.args...)
			if code != test.code || !strings.Contains(complaint, test.part) {
				t.Fatalf("exit %d %q, want %d %q", code, complaint, test.code, test.part)
			}
		})
	}
	t.Run("environment", func(t *testing.T) {
		t.Setenv("DOMICILE_URL", s.url)
		t.Setenv("DOMICILE_TOKEN_FILE", s.file)
		if _, complaint, code := s.bare("", "org", "list"); code != 0 {
			t.Fatal(complaint)
		}
	})
}

// TestExitStatus_everyCommand: whichever command it is, a wrong number of arguments and an unknown flag are usage errors.
func TestExitStatus_everyCommand(t *testing.T) {
	s := newShell(t)
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		words := strings.Fields(cmd.CommandPath())[1:]
		for _, more := range [][]string{{"a", "b", "c", "d"}, {"--frobnicate"}} {
			if _, complaint, code := s.bare("", append(words, more...)...); code != 2 {
				t.Errorf("domicile %s %s: exit %d %q, want 2", strings.Join(words, " "), strings.Join(more, " "), code, complaint)
			}
		}
		for _, child := range cmd.Commands() {
			walk(child)
		}
	}
	walk(newRootCommand())
	help, _, code := s.bare("", "--help")
	if code != 0 || !strings.Contains(help, "Exit status: 0") || !strings.Contains(help, "2 for a command line that cannot be meant") {
		t.Errorf("exit %d; the help does not tell what an exit status means:\n%s", code, help)
	}
}
