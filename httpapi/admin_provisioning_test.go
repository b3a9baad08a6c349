package httpapi_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

const settingsPath = "/api/v1/settings"

func TestSettings(t *testing.T) {
	o := newOffice(t)
	first := o.must(http.StatusOK, ask{method: "GET", path: settingsPath})
	if !sameJSON(first, map[string]any{
		"plans": []any{}, "default_plan": "", "new_scim": "off", "scim_without_sign_in": false, "request_rate": 0, "version": 0,
	}) {
		t.Fatalf("at first %v", first)
	}
	body := `{"plans":[{"name":"basic","sign_in":true,"scim":false},{"name":"business","sign_in":true,"scim":true}],` +
		`"default_plan":"basic","new_scim":"requested","scim_without_sign_in":true,"request_rate":-1,"version":0}`
	put := o.must(http.StatusOK, ask{method: "PUT", path: settingsPath, body: body})
	if got := o.must(http.StatusOK, ask{method: "GET", path: settingsPath}); !sameJSON(got, put) || put["version"] == 0.0 || put["request_rate"] != -1.0 {
		t.Fatalf("put %v, got %v", put, got)
	}
	// What was read may be put back; it is the same, and keeps its version.
	if again := o.must(http.StatusOK, ask{method: "PUT", path: settingsPath, body: o.do(ask{method: "GET", path: settingsPath}).body}); !sameJSON(again, put) {
		t.Fatalf("put back as %v", again)
	}
	for body, field := range map[string]string{
		`{"request_rate":-2}`:       "request_rate",
		`{"request_rate":1000001}`:  "request_rate",
		`{"request_rate":1e400}`:    "",
		`{"request_rate":1.5}`:      "request_rate",
		`{"new_scim":"on"}`:         "new_scim",
		`{"plans":[{"name":"x"}]}`:  "plans[0].sign_in",
		`{"default_plan":"nobody"}`: "default_plan",
		`{"version":-1}`:            "",
	} {
		o.refused(ask{method: "PUT", path: settingsPath, body: body}, http.StatusBadRequest, field)
	}
	o.refused(ask{method: "PUT", path: settingsPath, body: `{"version":999999}`}, http.StatusPreconditionFailed, "")
}

func TestOrganizations_provisioning(t *testing.T) {
	o := newOffice(t)
	made := o.must(http.StatusCreated, ask{method: "POST", path: organizationsPath, body: `{"slug":"acme","name":"Acme","scim":"active",` +
		`"scim_paused":true,"scim_principal":"Acme Okta","scim_token_mode":"single","delete_policy":"deactivate"}`})
	path := organizationsPath + "/" + made["id"].(string)
	for member, want := range map[string]any{
		"scim": "active", "scim_paused": true, "scim_principal": "Acme Okta", "scim_token_mode": "single",
		"delete_policy": "deactivate", "plan": "", "scim_base": "https://us.example.com/scim/v2/" + made["id"].(string),
	} {
		if made[member] != want {
			t.Errorf("%s is %v, want %v", member, made[member], want)
		}
	}
	changed := o.must(http.StatusOK, ask{method: "PATCH", path: path, body: `{"scim":"off","scim_paused":false,"scim_principal":""}`})
	if _, there := changed["scim_base"]; there || changed["scim"] != "off" || changed["scim_principal"] != "SCIM provisioning" ||
		changed["scim_token_mode"] != "single" {
		t.Fatalf("changed to %v", changed)
	}
	problem := o.refused(ask{method: "PATCH", path: path, body: `{"scim":"active"}`}, http.StatusConflict, "scim")
	if !strings.Contains(problem["detail"].(string), "sign-in is live") {
		t.Fatalf("refused with %v", problem["detail"])
	}
	o.must(http.StatusOK, ask{method: "PUT", path: settingsPath, body: `{"plans":[{"name":"basic","sign_in":true,"scim":false}],"scim_without_sign_in":true}`})
	o.refused(ask{method: "PATCH", path: path, body: `{"scim":"requested"}`}, http.StatusForbidden, "scim")
	o.refused(ask{method: "PATCH", path: path, body: `{"plan":"gold"}`}, http.StatusBadRequest, "plan")
	o.refused(ask{method: "PATCH", path: path, body: `{"scim":"on"}`}, http.StatusBadRequest, "scim")
	o.refused(ask{method: "PATCH", path: path, body: `{"scim_token_mode":"none"}`}, http.StatusBadRequest, "scim_token_mode")
	o.refused(ask{method: "POST", path: path + "/scim-tokens", body: `{"name":"x"}`}, http.StatusForbidden, "")
}

func TestTokens_single(t *testing.T) {
	o := newOffice(t)
	path := o.organization("acme")
	first := o.must(http.StatusCreated, ask{method: "POST", path: path + "/scim-tokens", body: `{"name":"a"}`})
	o.must(http.StatusOK, ask{method: "PATCH", path: path, body: `{"scim_token_mode":"single"}`})
	second := o.must(http.StatusCreated, ask{method: "POST", path: path + "/scim-tokens", body: `{"name":"b"}`})
	if !sameJSON(second["voided"], []any{first["id"]}) || second["kind"] != "bearer" || second["last_used_at"] != nil {
		t.Fatalf("made %v after %v", second, first["id"])
	}
	old := ask{method: "GET", path: "/scim/v2/" + strings.TrimPrefix(path, organizationsPath+"/") + "/Users", token: "Bearer " + first["token"].(string)}
	if got := o.do(old); got.status != http.StatusUnauthorized {
		t.Fatalf("a void token is answered %d", got.status)
	}
}

func TestTokens_singleAtTheSameTime(t *testing.T) {
	o := newOffice(t)
	path := o.organization("acme")
	o.must(http.StatusOK, ask{method: "PATCH", path: path, body: `{"scim_token_mode":"single"}`})
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() { o.do(ask{method: "POST", path: path + "/scim-tokens", body: `{"name":"x"}`}) })
	}
	group.Wait()
	list := o.must(http.StatusOK, ask{method: "GET", path: path + "/scim-tokens"})
	if left := list["scim_tokens"].([]any); len(left) != 1 {
		t.Fatalf("%d tokens live", len(left))
	}
}

func TestScimClients(t *testing.T) {
	o := newOffice(t)
	path := o.organization("acme") + "/scim-clients"
	made := o.must(http.StatusCreated, ask{method: "POST", path: path, body: `{"name":"Okta","redirect_uris":["https://idp.example/back"]}`})
	secret := made["client_secret"].(string)
	if !strings.HasPrefix(secret, "dom_us_client_") || made["token_url"] != "https://us.example.com/oauth/token" {
		t.Fatalf("made %v", made)
	}
	own := path + "/" + made["id"].(string)
	approval := o.must(http.StatusCreated, ask{method: "POST", path: own + "/approvals"})
	if approval["code"] == "" || approval["expires_at"] == nil {
		t.Fatalf("approved %v", approval)
	}
	for _, path := range []string{path, own} {
		got := o.do(ask{method: "GET", path: path})
		if got.status != http.StatusOK || strings.Contains(got.body, secret) || strings.Contains(got.body, approval["code"].(string)) {
			t.Fatalf("%d: %s", got.status, got.body)
		}
	}
	machine := o.must(http.StatusCreated, ask{method: "POST", path: path, body: `{"name":"machine"}`})
	o.refused(ask{method: "POST", path: path + "/" + machine["id"].(string) + "/approvals"}, http.StatusConflict, "redirect_uris")
	o.refused(ask{method: "POST", path: path + "/nobody/approvals"}, http.StatusNotFound, "")
	o.refused(ask{method: "POST", path: path, body: `{"name":"x","redirect_uris":["http://idp.example"]}`}, http.StatusBadRequest, "redirect_uris")
	o.refused(ask{method: "POST", path: own + "/approvals", body: `{"code":"x"}`}, http.StatusBadRequest, "")
	if strings.Contains(o.logs.String(), secret) || strings.Contains(o.logs.String(), approval["code"].(string)) {
		t.Fatal("a secret is in the log")
	}
	o.must(http.StatusNoContent, ask{method: "DELETE", path: own})
	o.refused(ask{method: "GET", path: own}, http.StatusNotFound, "")
}

func TestExtensionSchemas(t *testing.T) {
	o := newOffice(t)
	path := o.organization("acme") + "/schemas"
	const urn = "urn:example:scim:schemas:Badge:1.0:User"
	own := path + "/" + urn
	document := `{"resource":"User","schemas":["urn:ietf:params:scim:schemas:core:2.0:Schema"],"id":"` + urn + `","name":"Badge",` +
		`"attributes":[{"name":"number","type":"string","multiValued":false}]}`
	made := o.do(ask{method: "PUT", path: own, body: document})
	if made.status != http.StatusCreated || made.header.Get("Location") != own {
		t.Fatalf("%d at %q: %s", made.status, made.header.Get("Location"), made.body)
	}
	got := o.do(ask{method: "GET", path: own})
	again := o.do(ask{method: "PUT", path: own, body: got.body}) // what was read may be put back
	if again.status != http.StatusOK || again.body != got.body || !strings.Contains(got.body, `"resource":"User"`) {
		t.Fatalf("%d: %s\n%s", again.status, got.body, again.body)
	}
	if list := o.must(http.StatusOK, ask{method: "GET", path: path}); len(list["schemas"].([]any)) != 1 {
		t.Fatalf("listed %v", list)
	}
	for name, test := range map[string]struct {
		body   string
		status int
		field  string
	}{
		"narrower":    {strings.Replace(document, `"number"`, `"other"`, 1), http.StatusConflict, "number"},
		"other id":    {strings.Replace(document, "Badge:1.0", "Badge:2.0", 1), http.StatusBadRequest, "id"},
		"resource":    {strings.Replace(document, `"User",`, `"Device",`, 1), http.StatusBadRequest, "resource"},
		"no resource": {strings.Replace(document, `"resource":"User",`, ``, 1), http.StatusBadRequest, "resource"},
		"type":        {strings.Replace(document, `"string"`, `"text"`, 1), http.StatusBadRequest, "attributes[0].type"},
		"doubled":     {strings.Replace(document, `"name":"Badge"`, `"name":"Badge","name":"x"`, 1), http.StatusBadRequest, "name"},
		"list":        {"[]", http.StatusBadRequest, ""},
		"deep":        {`{"resource":"User","id":"x","attributes":[` + strings.Repeat(`{"a":[`, 20000), http.StatusBadRequest, ""},
		"oversized":   {strings.Repeat(" ", 2<<20) + document, http.StatusRequestEntityTooLarge, ""},
	} {
		t.Run(name, func(*testing.T) { o.refused(ask{method: "PUT", path: own, body: test.body}, test.status, test.field) })
	}
	for _, id := range []string{"x", "urn:", "urn:a:b", "urn:example:%22", "urn:example:" + strings.Repeat("x", 300), "urn:example:a%2fb"} {
		o.refused(ask{method: "GET", path: path + "/" + id}, http.StatusNotFound, "")
	}
	o.must(http.StatusNoContent, ask{method: "DELETE", path: own})
	o.refused(ask{method: "DELETE", path: own}, http.StatusNotFound, "")
}

// syncing is an organization with SCIM, as its IdP sees it.
type syncing struct {
	*office
	path, base, token string
}

func newSyncing(t *testing.T) *syncing {
	o := newOffice(t)
	s := &syncing{office: o, path: o.organization("acme")}
	made := o.must(http.StatusCreated, ask{method: "POST", path: s.path + "/scim-tokens", body: `{"name":"IdP"}`})
	s.token, s.base = "Bearer "+made["token"].(string), strings.TrimPrefix(made["scim_base"].(string), "https://us.example.com")
	return s
}

// scim asks as the IdP does.
func (s *syncing) scim(method, path, body string) reply {
	s.t.Helper()
	return s.do(ask{method: method, path: s.base + path, body: body, contentType: "application/scim+json", token: s.token})
}

// provision makes a user as the IdP does and gives the id.
func (s *syncing) provision(name string) string {
	s.t.Helper()
	made := s.scim("POST", "/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"`+name+`","emails":[{"value":"`+name+`","primary":true}]}`)
	location := made.header.Get("Location")
	if made.status != http.StatusCreated || location == "" {
		s.t.Fatalf("%d: %s", made.status, made.body)
	}
	return location[strings.LastIndex(location, "/")+1:]
}

func TestUsers(t *testing.T) {
	s := newSyncing(t)
	idp := s.provision("idp@acme.example")
	ann := s.must(http.StatusCreated, ask{method: "POST", path: s.path + "/users", body: `{"email":"ann@acme.example","display_name":"Ann"}`})
	id := ann["id"].(string)
	if got := s.scim("GET", "/Users/"+id, ""); got.status != http.StatusNotFound {
		t.Fatalf("the IdP sees a hand-made user: %d %s", got.status, got.body)
	}
	s.refused(ask{method: "POST", path: s.path + "/users", body: `{"email":"IDP@acme.example"}`}, http.StatusConflict, "userName")
	for query, want := range map[string]int{
		"": 2, "?source=scim": 1, "?source=invited&active=true": 1, "?active=false": 0, "?prefix=AN": 1, "?page_size=1": 1,
	} {
		list := s.must(http.StatusOK, ask{method: "GET", path: s.path + "/users" + query})
		if n := len(list["users"].([]any)); n != want {
			t.Errorf("%q lists %d users, want %d", query, n, want)
		}
	}
	for query, field := range map[string]string{
		"?source=all": "source", "?active=1": "active", "?page_size=0x1": "page_size", "?page_token=%00": "page_token",
	} {
		s.refused(ask{method: "GET", path: s.path + "/users" + query}, http.StatusBadRequest, field)
	}

	convert := ask{method: "POST", path: s.path + "/users/convert", body: `{"ids":["` + id + `"],"to":"scim"}`}
	if done := s.must(http.StatusOK, convert); done["converted"] != 1.0 {
		t.Fatalf("converted %v", done)
	}
	if again := s.must(http.StatusOK, convert); again["converted"] != 0.0 {
		t.Fatalf("converted again %v", again)
	}
	if got := s.scim("GET", "/Users/"+id, ""); got.status != http.StatusOK || !strings.Contains(got.body, `"displayName":"Ann"`) {
		t.Fatalf("the IdP does not see what was handed over: %d %s", got.status, got.body)
	}
	s.refused(ask{method: "POST", path: s.path + "/users/convert", body: `{"ids":[],"to":"scim"}`}, http.StatusBadRequest, "ids")
	s.refused(ask{method: "POST", path: s.path + "/users/convert", body: `{"ids":["x"],"to":"root"}`}, http.StatusBadRequest, "to")
	s.refused(ask{method: "DELETE", path: s.path + "/users/" + idp}, http.StatusConflict, "")
	s.refused(ask{method: "DELETE", path: s.path + "/users/" + idp + "?erase=yes"}, http.StatusBadRequest, "erase")

	// What the IdP deletes is out of its sight, and the owner may bring it back.
	if got := s.scim("DELETE", "/Users/"+idp, ""); got.status != http.StatusNoContent {
		t.Fatalf("%d: %s", got.status, got.body)
	}
	whole := s.must(http.StatusOK, ask{method: "GET", path: s.path + "/users/" + idp})
	if whole["deleted"] == nil {
		t.Fatalf("deleted as %v", whole)
	}
	if list := s.must(http.StatusOK, ask{method: "GET", path: s.path + "/deleted-users"}); len(list["deleted_users"].([]any)) != 1 {
		t.Fatalf("listed %v", list)
	}
	restore := ask{method: "POST", path: s.path + "/deleted-users/" + idp + "/restore"}
	if back := s.must(http.StatusOK, restore); back["deleted"] != nil || back["source"] != "scim" {
		t.Fatalf("restored as %v", back)
	}
	s.refused(restore, http.StatusNotFound, "")
	s.refused(ask{method: "DELETE", path: s.path + "/deleted-users/" + idp}, http.StatusNotFound, "")
	if got := s.scim("GET", "/Users/"+idp, ""); got.status != http.StatusOK {
		t.Fatalf("%d: %s", got.status, got.body)
	}
}

func TestUsers_rename(t *testing.T) {
	s := newSyncing(t)
	for _, name := range []string{"ann", "bob"} {
		body := `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"` + name + `","emails":[{"value":"` + name + `@acme.example","primary":true}]}`
		if made := s.scim("POST", "/Users", body); made.status != http.StatusCreated {
			t.Fatalf("%d: %s", made.status, made.body)
		}
	}
	keeper := s.must(http.StatusCreated, ask{method: "POST", path: s.path + "/users", body: `{"email":"bob@acme.example"}`})
	rename := s.path + "/users/rename"
	plan := s.must(http.StatusOK, ask{method: "POST", path: rename, body: `{"dry_run":true}`})
	if plan["count"] != 1.0 || plan["collision_count"] != 1.0 || plan["collisions"].([]any)[0].(map[string]any)["with"] != keeper["id"] {
		t.Fatalf("planned %v", plan)
	}
	s.refused(ask{method: "POST", path: rename, body: `{"dry_run":false}`}, http.StatusConflict, "userName")
	s.refused(ask{method: "POST", path: rename, body: `{}`}, http.StatusBadRequest, "dry_run")
	s.must(http.StatusNoContent, ask{method: "DELETE", path: s.path + "/users/" + keeper["id"].(string) + "?erase=true"})
	if done := s.must(http.StatusOK, ask{method: "POST", path: rename, body: `{"dry_run":false}`}); done["count"] != 2.0 {
		t.Fatalf("renamed %v", done)
	}
	if got := s.scim("GET", `/Users?filter=userName+eq+"bob@acme.example"`, ""); !strings.Contains(got.body, `"totalResults":1`) {
		t.Fatalf("found %s", got.body)
	}
}

func TestSyncLog(t *testing.T) {
	s := newSyncing(t)
	id := s.provision("ann@acme.example")
	patch := `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"displayName","value":"Ann"}]}`
	for range 2 { // the second changes nothing
		if got := s.scim("PATCH", "/Users/"+id, patch); got.status != http.StatusOK {
			t.Fatalf("%d: %s", got.status, got.body)
		}
	}
	list := s.must(http.StatusOK, ask{method: "GET", path: s.path + "/sync-log?user=ann@acme.example"})
	var outcomes []string
	rows := list["sync_log"].([]any)
	for _, row := range rows {
		outcomes = append(outcomes, row.(map[string]any)["method"].(string)+" "+row.(map[string]any)["outcome"].(string))
	}
	if !slices.Contains(outcomes, "PATCH ok") || outcomes[len(outcomes)-1] != "POST ok" {
		t.Fatalf("logged %v", outcomes)
	}
	first := rows[len(rows)-1].(map[string]any)
	if first["request_id"] == "" || !strings.HasPrefix(first["actor"].(string), "token:") || first["document"] != nil {
		t.Fatalf("listed %v", first)
	}
	own := s.path + "/sync-log/" + first["id"].(string)
	if whole := s.must(http.StatusOK, ask{method: "GET", path: own}); whole["document"] == nil {
		t.Fatalf("row %v", whole)
	}
	s.refused(ask{method: "GET", path: s.path + "/sync-log?outcome=good"}, http.StatusBadRequest, "outcome")
	s.refused(ask{method: "GET", path: s.path + "/sync-log?page_token=AAAA"}, http.StatusBadRequest, "page_token")
	s.refused(ask{method: "GET", path: s.path + "/sync-log/1.2.3"}, http.StatusNotFound, "")

	// The name is taken by now, by the user that the row is about.
	replayed := s.must(http.StatusOK, ask{method: "POST", path: own + "/replay"})
	if replayed["status"] != 409.0 || len(replayed["effects"].([]any)) != 0 {
		t.Fatalf("replayed %v", replayed)
	}
	s.refused(ask{method: "POST", path: s.path + "/sync-log/999.9/replay"}, http.StatusNotFound, "")
	s.refused(ask{method: "POST", path: s.path + "/sync-log/x/replay"}, http.StatusNotFound, "")
}

func TestDryRun(t *testing.T) {
	s := newSyncing(t)
	id := s.provision("ann@acme.example")
	try := s.path + "/scim/dry-run"
	patch := `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"Replace","path":"active","value":"False"}]}`
	would := s.must(http.StatusOK, ask{method: "POST", path: try, body: `{"method":"PATCH","path":"/Users/` + id + `","body":` + patch + `}`})
	effects := would["effects"].([]any)
	if would["status"] != 200.0 || len(effects) != 1 || effects[0].(map[string]any)["changed"] != true || len(would["courtesies"].([]any)) == 0 {
		t.Fatalf("it would %v", would)
	}
	if got := s.scim("GET", "/Users/"+id, ""); !strings.Contains(got.body, `"active":true`) {
		t.Fatalf("a dry run changed %s", got.body)
	}
	if log := s.must(http.StatusOK, ask{method: "GET", path: s.path + "/sync-log"}); len(log["sync_log"].([]any)) != 1 {
		t.Fatalf("a dry run is logged: %v", log)
	}
	list := s.must(http.StatusOK, ask{method: "POST", path: try, body: `{"method":"GET","path":"/Users?filter=userName eq \"ann@acme.example\""}`})
	if list["status"] != 200.0 || list["body"].(map[string]any)["totalResults"] != 1.0 {
		t.Fatalf("listed %v", list)
	}
	if gone := s.must(http.StatusOK, ask{method: "POST", path: try, body: `{"method":"DELETE","path":"/Users/nobody"}`}); gone["status"] != 404.0 {
		t.Fatalf("deleted %v", gone)
	}
	s.refused(ask{method: "POST", path: try, body: `{"method":"HEAD","path":"/Users"}`}, http.StatusBadRequest, "method")
	s.refused(ask{method: "POST", path: organizationsPath + "/nobody/scim/dry-run", body: `{"method":"GET","path":"/Users"}`}, http.StatusNotFound, "")
}
