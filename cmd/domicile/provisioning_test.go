package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"domicile/seal"
)

func TestSettings(t *testing.T) {
	s := newShell(t)
	s.run("org", "create", "acme")
	out := s.run("settings", "set", "--plan", "basic=sign-in", "--plan", "business=sign-in+scim", "--plan", "none=", "--default-plan", "basic")
	for _, row := range []string{"plans                 basic=sign-in, business=sign-in+scim, none=\n", "request rate          no limit\n", "new scim              active\n"} {
		if !strings.Contains(out, row) {
			t.Fatalf("no %q in\n%s", row, out)
		}
	}
	var got settings
	s.json(&got, "settings", "get")
	if len(got.Plans) != 3 || got.DefaultPlan != "basic" || got.RequestRate != -1 || got.Version == 0 {
		t.Fatalf("got %+v", got)
	}
	s.fails(1, `the plan "basic" does not include SCIM`, "token", "create", "acme")
	s.run("org", "update", "acme", "--plan", "business")
	s.run("token", "create", "acme")
	s.fails(1, "is the plan of organization acme", "settings", "set", "--plan", "basic=sign-in")
	s.fails(2, "--plan must be", "settings", "set", "--plan", "basic")
	s.fails(2, "--plan must be", "settings", "set", "--plan", "basic=mail")
	s.fails(1, "new_scim must be", "settings", "set", "--new-scim", "on")
	s.run("org", "update", "acme", "--plan", "")
	s.run("settings", "set", "--plan=", "--default-plan=")
	if s.json(&got, "settings", "get"); len(got.Plans) != 0 {
		t.Fatalf("left %+v", got)
	}
}

func TestOrg_provisioning(t *testing.T) {
	s := newShell(t)
	var org organization
	s.json(&org, "org", "create", "acme", "--scim", "off", "--scim-principal", "Okta", "--scim-token-mode", "single", "--delete-policy", "deactivate")
	if org.SCIM != "off" || org.SCIMBase != "" || org.Principal != "Okta" || org.TokenMode != "single" || org.DeletePolicy != "deactivate" {
		t.Fatalf("made %+v", org)
	}
	s.fails(1, "before sign-in is live", "org", "update", "acme", "--scim", "active")
	s.run("settings", "set", "--scim-without-sign-in")
	if out := s.run("org", "update", "acme", "--scim", "active", "--scim-paused"); !strings.Contains(out, "scim           active, paused\n") {
		t.Fatalf("updated to\n%s", out)
	}
	s.json(&org, "org", "update", "acme", "--scim-paused=false")
	if org.SCIMPaused || org.SCIMBase == "" {
		t.Fatalf("resumed as %+v", org)
	}
	var first, second scimToken
	s.json(&first, "token", "create", "acme")
	s.json(&second, "token", "create", "acme")
	if len(second.Voided) != 1 || second.Voided[0] != first.ID {
		t.Fatalf("voided %v", second.Voided)
	}
}

func TestScimClient(t *testing.T) {
	s := newShell(t)
	s.run("org", "create", "acme")
	if out := s.run("scim-client", "list", "acme"); out != "No clients.\n" {
		t.Fatalf("an empty list is %q", out)
	}
	var made scimClient
	s.json(&made, "scim-client", "create", "acme", "--name", "Okta", "--redirect-uri", "https://idp.example/back")
	if made.Secret == "" || made.TokenURL == "" {
		t.Fatalf("made %+v", made)
	}
	if list := s.run("scim-client", "list", "acme"); strings.Contains(list, made.Secret) || !strings.Contains(list, "Okta  https://idp.example/back") {
		t.Fatalf("listed\n%s", list)
	}
	if out := s.run("scim-client", "approve", "acme", made.ID); !strings.HasPrefix(out, "code     ") {
		t.Fatalf("approved\n%s", out)
	}
	s.fails(1, "redirect URI", "scim-client", "create", "acme", "--redirect-uri", "http://idp.example")
	s.run("scim-client", "delete", "acme", made.ID)
	s.fails(1, "there is no OAuth client", "scim-client", "delete", "acme", made.ID)
}

func TestSchema(t *testing.T) {
	s := newShell(t)
	s.run("org", "create", "acme")
	const urn = "urn:example:scim:schemas:Badge:1.0:User"
	file := writeFile(t, "badge.json", `{"id":"`+urn+`","name":"Badge","attributes":[{"name":"number","type":"string"}]}`)
	s.fails(1, "resource", "schema", "put", "acme", file)
	s.run("schema", "put", "acme", file, "--resource", "User")
	if list := s.run("schema", "list", "acme"); !strings.Contains(list, urn+"  Badge  User      1") {
		t.Fatalf("listed\n%s", list)
	}
	got := s.run("schema", "get", "acme", urn)
	if _, complaint, code := s.bare(got, "schema", "put", "acme", "-", "--url", s.url, "--token-file", s.file); code != 0 {
		t.Fatalf("what was read cannot be put back: %s\n%s", complaint, got)
	}
	s.fails(1, "has no id", "schema", "put", "acme", writeFile(t, "empty.json", "{}"))
	s.fails(1, "read ", "schema", "put", "acme", writeFile(t, "list.json", "[]"))
	s.fails(1, "no such file", "schema", "put", "acme", file+".none")
	s.run("schema", "delete", "acme", urn)
	s.fails(1, "there is no schema", "schema", "get", "acme", urn)
}

func TestUser(t *testing.T) {
	s := newShell(t)
	s.run("org", "create", "acme")
	var ann user
	s.json(&ann, "user", "invite", "acme", "ann@acme.example", "--name", "Ann")
	if list := s.run("user", "list", "acme", "--source", "invited", "--prefix", "AN"); !strings.Contains(list, "ann@acme.example  Ann           invited  yes") {
		t.Fatalf("listed\n%s", list)
	}
	if out := s.run("user", "list", "acme", "--active", "false"); out != "No users.\n" {
		t.Fatalf("an empty list is %q", out)
	}
	if out := s.run("user", "convert", "acme", ann.ID, "--to", "scim"); out != "converted  1\n" {
		t.Fatalf("converted %q", out)
	}
	s.fails(1, "identity provider provisions this user", "user", "delete", "acme", ann.ID)
	s.run("user", "convert", "acme", ann.ID, "--to", "invited")
	if out := s.run("user", "rename", "acme", "--dry-run"); out != "Every user has the address as name already.\n" {
		t.Fatalf("planned %q", out)
	}
	s.run("user", "rename", "acme", "--yes")
	s.fails(2, "--dry-run", "user", "rename", "acme")
	s.fails(2, "--to must be", "user", "convert", "acme", ann.ID)
	s.run("user", "delete", "acme", ann.ID)
	if list := s.run("user", "deleted", "acme"); !strings.Contains(list, "ann@acme.example  invited") {
		t.Fatalf("listed\n%s", list)
	}
	if out := s.run("user", "get", "acme", ann.ID); !strings.Contains(out, "by operator\n") {
		t.Fatalf("got\n%s", out)
	}
	s.run("user", "restore", "acme", ann.ID)
	s.run("user", "delete", "acme", ann.ID)
	s.run("user", "erase", "acme", ann.ID)
	s.fails(1, "there is no deleted user", "user", "erase", "acme", ann.ID)
	s.run("user", "invite", "acme", "bob@acme.example")
	s.fails(1, "is taken", "user", "invite", "acme", "BOB@acme.example")
}

func TestSyncLog(t *testing.T) {
	s := newShell(t)
	s.run("org", "create", "acme")
	s.run("user", "invite", "acme", "ann@acme.example")
	var rows []syncRow
	s.json(&rows, "sync-log", "list", "acme", "--user", "ann@acme.example", "--outcome", "ok")
	if len(rows) != 1 || rows[0].Method != "POST" || rows[0].Actor != "operator" {
		t.Fatalf("listed %+v", rows)
	}
	if out := s.run("sync-log", "get", "acme", rows[0].ID); !strings.Contains(out, "name         ann@acme.example\n") || !strings.Contains(out, "\ndocument ") {
		t.Fatalf("row\n%s", out)
	}
	if out := s.run("sync-log", "list", "acme", "--outcome", "failed"); out != "Nothing.\n" {
		t.Fatalf("an empty list is %q", out)
	}
	body := writeFile(t, "user.json", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"bob@acme.example"}`)
	out := s.run("sync-log", "try", "acme", "post", "/Users", "--body", body)
	if !strings.Contains(out, "would POST  User bob@acme.example: ") || !strings.HasPrefix(out, "status      201\n") {
		t.Fatalf("it would\n%s", out)
	}
	var again rehearsal
	s.json(&again, "sync-log", "replay", "acme", rows[0].ID)
	if again.Status != http.StatusConflict {
		t.Fatalf("replayed %+v", again)
	}
	s.fails(1, "no row", "sync-log", "replay", "acme", "x")
	s.fails(1, "no row", "sync-log", "get", "acme", "9.9")
	s.fails(2, "--limit", "sync-log", "list", "acme", "--limit", "-1")
}

func TestEvery_followsThePages(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		answer := map[string]string{"": `{"rows":[1,2],"next_page_token":"a"}`, "a": `{"rows":[3],"next_page_token":"b"}`, "b": `{"rows":[]}`}
		_, _ = w.Write([]byte(answer[r.URL.Query().Get("page_token")]))
	}))
	defer server.Close()
	c := newClient(server.URL, seal.NewSecret("x"))
	for limit, want := range map[int][2]int{0: {3, 3}, 2: {2, 1}, 3: {3, 2}} {
		asked = 0
		rows, err := every[int](t.Context(), c, "/list", "rows", url.Values{"q": {"x"}}, limit)
		if err != nil || len(rows) != want[0] || asked != want[1] {
			t.Errorf("limit %d: %v after %d requests, %v", limit, rows, asked, err)
		}
	}
}
