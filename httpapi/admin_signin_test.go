package httpapi_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"domicile/console/consoletest"
	"domicile/directory"
	"domicile/fsm/command"
	"domicile/httpapi/admin"
	"domicile/seal"
)

// TestAPI_badBodies sends every operation that reads a body what it must refuse.
func TestAPI_badBodies(t *testing.T) {
	o := newOffice(t)
	e := o.estate("acme")
	for _, r := range admin.Routes(admin.Deps{}) {
		if r.Doc.Request == nil {
			continue
		}
		t.Run(r.Doc.ID, func(t *testing.T) {
			o.t = t
			defer o.unchanged(e)()
			for name, test := range map[string]struct {
				ask
				want int
			}{
				"no JSON":        {ask{body: `{"a":`}, http.StatusBadRequest},
				"nothing":        {ask{contentType: "application/json"}, http.StatusBadRequest},
				"a list":         {ask{body: `[]`}, http.StatusBadRequest},
				"unknown member": {ask{body: `{"colour":"blue"}`}, http.StatusBadRequest},
				"not UTF-8":      {ask{body: "{\"\xff\":1}"}, http.StatusBadRequest},
				"two values":     {ask{body: `{}{}`}, http.StatusBadRequest},
				"a form":         {ask{body: "a=b", contentType: "application/x-www-form-urlencoded"}, http.StatusUnsupportedMediaType},
				"too large":      {ask{body: `{"a":"` + strings.Repeat("x", 2<<20) + `"}`}, http.StatusRequestEntityTooLarge},
			} {
				test.method, test.path = r.Method, e.at(r.Path)
				if got := o.do(test.ask); got.status != test.want {
					t.Errorf("%s: status %d, want %d: %s", name, got.status, test.want, got.body)
				}
			}
		})
	}
}

// TestConnectionRequests_wholeWay connects an organization as its owner and the operator do it.
func TestConnectionRequests_wholeWay(t *testing.T) {
	o := newOffice(t)
	e, issuer := o.estate("acme"), consoletest.NewIssuer(t)
	const canary = "canary-3f9a"
	as := func(session string, a ask) ask { a.session, a.site = session, "same-origin"; return a }
	made := o.must(http.StatusCreated, as(e.owner, ask{method: "POST", path: e.path + "/connection-requests", body: `{` +
		`"issuer":"` + issuer.URL + `/.well-known/openid-configuration","client_id":"second","client_secret":"` + canary + `",` +
		`"client_secret_expires_at":"2099-01-31T12:00:00Z","auth_method":"client_secret_post","response_mode":"form_post","prompt":"login",` +
		`"max_age":600,"acr_values":["phr"],"scopes":["groups"],"shared_redirect":true,"just_in_time":true,` +
		`"domains":["corp.example"],"break_glass":["it@corp.example"],"phone":{"may_change":true,"must_confirm":true}}`}))
	path := e.path + "/connection-requests/" + made["id"].(string)
	if made["state"] != "draft" || made["issuer"] != issuer.URL || made["client_secret_state"] != "given" || made["response_mode"] != "form_post" ||
		made["redirect_uri"] != "https://us.example.com/signin-oidc" || made["note"] != "" {
		t.Fatalf("made %v", made)
	}
	discovery := made["discovery"].(map[string]any)
	if discovery["token_endpoint"] != issuer.URL+"/token" || len(discovery["warnings"].([]any)) != 4 {
		t.Fatalf("discovered %v", discovery)
	}
	if domains := made["domains"]; !sameJSON(domains, []map[string]any{{"name": "corp.example", "state": "pending", "belongs": false}}) {
		t.Fatalf("domains %v", domains)
	}
	step := func(session, step, body string, status int) map[string]any {
		t.Helper()
		a := ask{method: "POST", path: path + "/" + step, body: body}
		if session != "" {
			a = as(session, a)
		}
		return o.must(status, a)
	}
	step(e.owner, "activate", `{}`, http.StatusConflict)
	submitted := step(e.owner, "submit", `{}`, http.StatusOK)
	step(e.owner, "submit", `{}`, http.StatusConflict) // replayed
	queue := o.must(http.StatusOK, ask{method: "GET", path: "/api/v1/connection-requests?state=submitted"})["connection_requests"].([]any)
	if !slices.ContainsFunc(queue, func(r any) bool { return r.(map[string]any)["id"] == made["id"] }) {
		t.Fatalf("the queue has %v", queue)
	}
	var fields []string
	for _, change := range submitted["changes"].([]any) {
		fields = append(fields, change.(map[string]any)["field"].(string))
	}
	want := []string{
		"issuer", "client_id", "client_secret", "client_secret_expires_at", "auth_method", "scopes", "response_mode", "prompt", "max_age",
		"acr_values", "shared_redirect", "just_in_time", "domains", "enabled", "organization.domains", "break_glass", "phone.may_change", "phone.must_confirm",
	}
	if !slices.Equal(fields, want) {
		t.Fatalf("changes are of %v", fields)
	}
	o.refused(ask{method: "POST", path: path + "/approve", body: `{}`}, http.StatusBadRequest, "version")
	o.refused(ask{method: "POST", path: path + "/approve", body: `{"version":1}`}, http.StatusPreconditionFailed, "version")
	o.refused(ask{method: "POST", path: path + "/return", body: `{}`}, http.StatusBadRequest, "note")
	step("", "approve", fmt.Sprintf(`{"version":%.0f,"trust_shared_callback":true}`, submitted["version"]), http.StatusOK)
	active := step(e.breakGlass, "activate", `{}`, http.StatusOK)
	if active["state"] != "active" || len(active["changes"].([]any)) != 0 || active["client_secret_state"] != "kept" {
		t.Fatalf("in force %v", active)
	}
	conn := o.must(http.StatusOK, as(e.owner, ask{method: "GET", path: e.path + "/connections/" + active["connection"].(string)}))
	if conn["enabled"] != true || conn["rotating"] != false || conn["client_secret_expires_at"] != "2099-01-31T12:00:00Z" || conn["just_in_time"] != true ||
		!sameJSON(conn["domains"], []string{"corp.example"}) {
		t.Fatalf("connection %v", conn)
	}
	org := o.must(http.StatusOK, as(e.owner, ask{method: "GET", path: e.path}))
	if !sameJSON(org["break_glass"], []string{"it@corp.example"}) || !sameJSON(org["domains"], []string{"acme.example"}) {
		t.Fatalf("the organization is %v", org)
	}
	for _, text := range []string{o.logs.String(), o.do(ask{method: "GET", path: path}).body, fmt.Sprint(conn), fmt.Sprint(active), o.do(ask{method: "GET", path: e.path + "/audit"}).body} {
		if strings.Contains(text, canary) {
			t.Fatal("the secret is shown")
		}
	}
	step("", "disable", `{}`, http.StatusOK)
	step("", "enable", `{}`, http.StatusOK)
	o.refused(ask{method: "DELETE", path: path}, http.StatusConflict, "state")
}

func TestConnectionRequests_editedAtOnce(t *testing.T) {
	o := newOffice(t)
	e, issuer := o.estate("acme"), consoletest.NewIssuer(t)
	path := e.path + "/connection-requests/" + e.names["request"]
	version := o.must(http.StatusOK, ask{method: "GET", path: path})["version"].(float64)
	edit := func(client, method string, version float64) ask {
		return ask{method: "PUT", path: path, body: fmt.Sprintf(`{"issuer":%q,"client_id":%q,"auth_method":%q,"version":%.0f}`, issuer.URL, client, method, version)}
	}
	o.refused(edit("c", "client_secret_basic", version), http.StatusBadRequest, "client_secret")
	statuses := make([]int, 6)
	var group sync.WaitGroup
	for i := range statuses {
		group.Go(func() {
			statuses[i] = o.do(edit(fmt.Sprint("c", i), "private_key_jwt", version)).status
		})
	}
	group.Wait()
	slices.Sort(statuses)
	if statuses[0] != http.StatusOK || statuses[1] != http.StatusPreconditionFailed {
		t.Fatalf("statuses %v", statuses)
	}
	edited := o.must(http.StatusOK, ask{method: "GET", path: path})
	if edited["state"] != "draft" || edited["client_secret_state"] != "not_needed" {
		t.Fatalf("edited %v", edited)
	}
	if edited = o.must(http.StatusOK, edit("c", "client_secret_basic", 0)); edited["client_secret_state"] != "missing" {
		t.Fatalf("edited %v", edited)
	}
	o.refused(ask{method: "POST", path: path + "/submit", body: `{}`}, http.StatusBadRequest, "client_secret")
	o.must(http.StatusNoContent, ask{method: "DELETE", path: path})
	o.refused(ask{method: "DELETE", path: path}, http.StatusNotFound, "")
	o.refused(ask{method: "GET", path: "/api/v1/connection-requests?state=lost"}, http.StatusBadRequest, "state")
	o.refused(ask{method: "GET", path: "/api/v1/connection-requests?page_token=AAAA"}, http.StatusBadRequest, "page_token")
}

// What an owner types is not a way to reach machines inside, nor to learn of them (cases 26, 38 and 39).
func TestConnectionRequests_authorities(t *testing.T) {
	o := newOffice(t)
	e := o.estate("acme")
	inside := consoletest.NewIssuer(t)
	moved := consoletest.NewIssuer(t)
	moved.Redirect(inside.URL + "/.well-known/openid-configuration")
	for _, authority := range []string{
		"http://169.254.169.254/latest", "http://10.0.0.1", "http://[64:ff9b::a9fe:a9fe]", "http://0.0.0.0", "file:///etc/passwd",
		"gopher://x.example", "https://user:password@idp.example", "https://idp.example?x=1", "https://idp.example#x", "http://[fe80::1%25eth0]",
		"https://login.microsoftonline.com/common/v2.0", "https://login.microsoftonline.com/organizations/v2.0", "nonsense", "//idp.example",
		moved.URL,
	} {
		problem := o.refused(ask{method: "POST", path: e.path + "/connection-requests", session: e.owner,
			body: fmt.Sprintf(`{"issuer":%q,"client_id":"x"}`, authority)}, http.StatusBadRequest, "issuer")
		for _, word := range []string{"refused", "169.254", "dial", "connect:"} {
			if strings.Contains(problem["detail"].(string), word) {
				t.Errorf("%s: the owner reads %q", authority, problem["detail"])
			}
		}
	}
	if inside.Asked() != 0 {
		t.Fatal("a redirect was followed")
	}
}

func TestDomains(t *testing.T) {
	o := newOffice(t)
	e := o.estate("acme")
	made := o.must(http.StatusCreated, ask{method: "POST", path: e.path + "/domains", body: `{"name":"Corp.Example"}`, session: e.owner})
	record := made["record"].(map[string]any)
	path := e.path + "/domains/corp.example"
	if made["state"] != "pending" || record["name"] != "_domicile-challenge.corp.example" || record["type"] != "TXT" {
		t.Fatalf("made %v", made)
	}
	verify := func() map[string]any {
		t.Helper()
		return o.must(http.StatusOK, ask{method: "POST", path: path + "/verify", session: e.breakGlass, contentType: "application/json"})
	}
	o.dns.Set(record["name"].(string), "something <else>")
	if got := verify(); !sameJSON(got["look"], map[string]any{
		"outcome": "missing", "resolvers": []any{map[string]any{"records": []string{"something <else>"}}},
	}) || got["checked_at"] == nil {
		t.Fatalf("verified %v", got)
	}
	o.dns.Set(record["name"].(string), record["value"].(string))
	if got := verify(); got["state"] != "verified" || got["belongs"] != true {
		t.Fatalf("verified %v", got)
	}
	list := o.must(http.StatusOK, ask{method: "GET", path: e.path + "/domains"})["domains"].([]any)
	states := make(map[string]any)
	for _, domain := range list {
		states[domain.(map[string]any)["name"].(string)] = domain.(map[string]any)["state"]
	}
	if !sameJSON(states, map[string]any{"acme.example": "accepted", "claimed.acme.example": "pending", "corp.example": "verified"}) {
		t.Fatalf("listed %v", states)
	}
	o.refused(ask{method: "DELETE", path: e.path + "/domains/acme.example", session: e.owner, contentType: "application/json"}, http.StatusConflict, "")
	o.refused(ask{method: "POST", path: e.path + "/domains", body: `{"name":"gmail.com"}`}, http.StatusBadRequest, "name")
	for _, name := range []string{"nothing.example", "Corp.example", "..", "a%2Fb", strings.Repeat("x", 300)} {
		o.refused(ask{method: "GET", path: e.path + "/domains/" + name}, http.StatusNotFound, "")
		o.refused(ask{method: "POST", path: e.path + "/domains/" + name + "/verify"}, http.StatusNotFound, "")
	}
	other := o.estate("other")
	o.refused(ask{method: "POST", path: other.path + "/domains", body: `{"name":"corp.example"}`, session: other.owner}, http.StatusConflict, "name")
	o.must(http.StatusNoContent, ask{method: "DELETE", path: path})
	o.must(http.StatusCreated, ask{method: "POST", path: other.path + "/domains", body: `{"name":"corp.example"}`, session: other.owner})
}

func TestSessionsAndLinks(t *testing.T) {
	o := newOffice(t)
	e := o.estate("acme")
	list := func(query string) []any {
		t.Helper()
		return o.must(http.StatusOK, ask{method: "GET", path: e.path + "/sessions" + query})["sessions"].([]any)
	}
	if all := list(""); len(all) != 4 {
		t.Fatalf("sessions %v", all)
	}
	if hers := list("?user=" + url.QueryEscape(e.names["user"])); len(hers) != 2 || hers[0].(map[string]any)["kind"] != "local" || hers[1].(map[string]any)["kind"] != "sso" {
		t.Fatalf("hers %v", hers)
	}
	o.refused(ask{method: "GET", path: e.path + "/sessions?user=nobody"}, http.StatusNotFound, "")
	o.refused(ask{method: "GET", path: e.path + "/sessions?page_token=AAAA"}, http.StatusBadRequest, "page_token")
	o.refused(ask{method: "GET", path: e.path + "/links?page_size=0x"}, http.StatusBadRequest, "page_size")

	links := o.must(http.StatusOK, ask{method: "GET", path: e.path + "/users/" + e.names["user"] + "/links"})["links"].([]any)
	if len(links) != 1 || links[0].(map[string]any)["subject"] != "subject of ann" || links[0].(map[string]any)["user_name"] != "ann@acme.example" {
		t.Fatalf("links %v", links)
	}
	link := e.path + "/users/" + e.names["user"] + "/links/" + e.names["link"]
	o.must(http.StatusNoContent, ask{method: "DELETE", path: link, session: e.owner, contentType: "application/json"})
	o.refused(ask{method: "DELETE", path: link}, http.StatusNotFound, "")
	if hers := list("?user=" + e.names["user"]); len(hers) != 1 {
		t.Fatalf("the session through the link is still there: %v", hers)
	}
	o.must(http.StatusNoContent, ask{method: "DELETE", path: e.path + "/users/" + e.names["user"] + "/sessions"})
	o.must(http.StatusNoContent, ask{method: "DELETE", path: e.path + "/users/" + e.names["user"] + "/sessions"})
	if got := o.do(ask{method: "GET", path: "/api/v1/session", session: e.person}); got.status != http.StatusUnauthorized {
		t.Fatalf("a session that was ended is answered %d", got.status)
	}
	o.must(http.StatusNoContent, ask{method: "DELETE", path: e.path + "/sessions/" + e.names["session"]})
	o.refused(ask{method: "DELETE", path: e.path + "/sessions/" + e.names["session"]}, http.StatusNotFound, "")
	again, _ := e.signInLocal("root@acme.example", "")
	o.must(http.StatusNoContent, ask{method: "DELETE", path: e.path + "/sessions", session: again, contentType: "application/json"})
	if all := list(""); len(all) != 0 {
		t.Fatalf("sessions %v", all)
	}
}

func TestConnections_secretRotation(t *testing.T) {
	o := newOffice(t)
	e := o.estate("acme")
	path := e.path + "/connections/" + e.names["connection"]
	got := o.must(http.StatusOK, ask{method: "POST", path: path + "/secret", session: e.owner, body: `{"client_secret":"newer","expires_at":"2099-01-31T12:00:00Z"}`})
	if got["rotating"] != true || got["client_secret_expires_at"] != "2099-01-31T12:00:00Z" || strings.Contains(fmt.Sprint(got), "newer") {
		t.Fatalf("rotated %v", got)
	}
	o.refused(ask{method: "POST", path: path + "/secret", body: `{"client_secret":""}`}, http.StatusBadRequest, "client_secret")
	o.refused(ask{method: "POST", path: path + "/secret", body: `{"client_secret":"x","expires_at":"2001-01-31T12:00:00Z"}`}, http.StatusBadRequest, "expires_at")
	o.must(http.StatusNoContent, ask{method: "DELETE", path: path + "/previous-secret", session: e.breakGlass, contentType: "application/json"})
	o.refused(ask{method: "DELETE", path: path + "/previous-secret"}, http.StatusNotFound, "")
	put := o.must(http.StatusOK, ask{method: "PUT", path: path, body: fmt.Sprintf(`{"issuer":%q,"client_id":"acme","auth_method":"private_key_jwt"}`, got["issuer"])})
	if !strings.HasPrefix(put["jwks_uri"].(string), "https://us.example.com/") || put["response_mode"] != "query" {
		t.Fatalf("put %v", put)
	}
	o.refused(ask{method: "POST", path: path + "/secret", body: `{"client_secret":"x"}`}, http.StatusConflict, "")
}

// Every address that a connection's answer gives to be registered somewhere is one of ours.
func TestConnections_addressesAreRoutes(t *testing.T) {
	o := newOffice(t)
	e := o.estate("acme")
	path := e.path + "/connections/" + e.names["connection"]
	issuer := o.must(http.StatusOK, ask{method: "GET", path: path})["issuer"]
	for _, shared := range []bool{false, true} {
		conn := o.must(http.StatusOK, ask{method: "PUT", path: path, body: fmt.Sprintf(
			`{"issuer":%q,"client_id":"acme","auth_method":"private_key_jwt","shared_redirect":%t,"trust_shared_callback":true}`, issuer, shared)})
		for member, method := range map[string]string{
			"redirect_uri": "GET", "post_logout_redirect_uri": "GET", "initiate_login_uri": "GET", "backchannel_logout_uri": "POST",
			"frontchannel_logout_uri": "GET", "revocation_uri": "POST", "jwks_uri": "GET",
		} {
			below, ok := strings.CutPrefix(conn[member].(string), "https://us.example.com")
			if !ok {
				t.Fatalf("%s is %v", member, conn[member])
			}
			if got := o.do(ask{method: method, path: below, token: "-", host: "us.example.com"}); strings.Contains(strings.ToLower(got.body), "nothing at this address") || got.status == http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %d %s", member, below, got.status, got.body)
			}
		}
	}
}

// Where the provider wants a certificate uploaded, the answer says where it is.
func TestConnections_certificate(t *testing.T) {
	o := newOffice(t)
	e := o.estate("acme")
	e.propose(&command.PutConnection{
		ID: "entra", Issuer: entraIssuer(tenantA), ClientID: "acme", Enabled: true,
		ConnectionSettings: directory.ConnectionSettings{AuthMethod: directory.AuthPrivateKey},
	})
	conn := o.must(http.StatusOK, ask{method: "GET", path: e.path + "/connections/entra"})
	if conn["certificate_uri"] != "https://us.example.com"+pathCertificate || conn["jwks_uri"] != nil {
		t.Errorf("%v", conn)
	}
}

// A user who came by signing in is shown like any other.
func TestUsers_justInTime(t *testing.T) {
	o := newOffice(t)
	e := o.estate("acme")
	e.propose(&command.CreateUser{ID: directory.ResourceID(seal.NewID()), Source: directory.SourceJIT, UserFields: fields("jo@acme.example", true, "jo@acme.example")})
	users := o.must(http.StatusOK, ask{method: "GET", path: e.path + "/users?source=jit"})["users"].([]any)
	if len(users) != 1 || users[0].(map[string]any)["source"] != "jit" {
		t.Fatalf("users %v", users)
	}
}
