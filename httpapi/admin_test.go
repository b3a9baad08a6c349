package httpapi_test

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"domicile/console/consoletest"
	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/seal"
)

func TestOrganizations(t *testing.T) {
	o := newOffice(t)
	made := o.do(ask{method: "POST", path: organizationsPath, body: `{"slug":"acme","name":"Acme","domains":["Acme.example"],` +
		`"root":{"email":"Root@acme.example"}}`})
	if made.status != http.StatusCreated {
		t.Fatalf("%d: %s", made.status, made.body)
	}
	path := made.header.Get("Location")
	got := o.must(http.StatusOK, ask{method: "GET", path: path})
	want := map[string]any{
		"id": got["id"], "slug": "acme", "name": "Acme", "domains": []string{"acme.example"},
		"root": map[string]string{"email": "root@acme.example"}, "scim_profile": "interop",
		"scim": "off", "scim_paused": false, "scim_principal": "SCIM provisioning", "scim_token_mode": "many",
		"delete_policy": "delete", "plan": "", "login_url": "https://us.example.com/login/acme",
		"sign_in":     map[string]any{"session_lifetime": 43200, "session_idle": 0, "require_sso": false},
		"break_glass": []string{}, "phone": map[string]any{"may_change": false, "must_confirm": false},
		"created_at": got["created_at"], "updated_at": got["created_at"],
	}
	if path != organizationsPath+"/"+got["id"].(string) || !sameJSON(got, want) {
		t.Fatalf("at %s: %v", path, got)
	}
	if _, err := time.Parse(time.RFC3339, got["created_at"].(string)); err != nil {
		t.Fatal(err)
	}

	changed := o.must(http.StatusOK, ask{method: "PATCH", path: path, body: `{"scim_profile":"entra"}`})
	if changed["scim_profile"] != "entra" || changed["name"] != "Acme" || !sameJSON(changed["domains"], []string{"acme.example"}) {
		t.Fatalf("changed to %v", changed)
	}
	changed = o.must(http.StatusOK, ask{method: "PATCH", path: path, body: `{"name":"Acme 2","domains":[],"root":{"email":""}}`})
	if changed["name"] != "Acme 2" || !sameJSON(changed["domains"], []string{}) || changed["root"] != nil || changed["scim_profile"] != "entra" {
		t.Fatalf("changed to %v", changed)
	}
	o.must(http.StatusOK, ask{method: "PATCH", path: path, body: `{}`})

	o.must(http.StatusNoContent, ask{method: "DELETE", path: path})
	o.refused(ask{method: "DELETE", path: path}, http.StatusNotFound, "")
	o.refused(ask{method: "GET", path: path}, http.StatusNotFound, "")
	o.refused(ask{method: "PATCH", path: path, body: `{"name":"x"}`}, http.StatusNotFound, "")
}

func TestOrganizations_list(t *testing.T) {
	o := newOffice(t)
	if got := o.do(ask{method: "GET", path: organizationsPath}); got.body != `{"organizations":[]}` {
		t.Fatalf("an empty list is %s", got.body)
	}
	for i := range 5 {
		o.organization(fmt.Sprintf("org-%d", i))
	}
	seen, token := make(map[string]bool), ""
	for range 3 {
		page := o.must(http.StatusOK, ask{method: "GET", path: organizationsPath + "?page_size=2&page_token=" + token})
		for _, org := range page["organizations"].([]any) {
			seen[org.(map[string]any)["slug"].(string)] = true
		}
		token, _ = page["next_page_token"].(string)
	}
	if len(seen) != 5 || token != "" {
		t.Fatalf("seen %v, then %q", seen, token)
	}
	bySlug := o.must(http.StatusOK, ask{method: "GET", path: organizationsPath + "?slug=org-3"})
	if found := bySlug["organizations"].([]any); len(found) != 1 {
		t.Fatalf("found %v", found)
	}
	o.refused(ask{method: "GET", path: organizationsPath + "?page_size=201"}, http.StatusBadRequest, "page_size")
	o.refused(ask{method: "GET", path: organizationsPath + "?page_size=many"}, http.StatusBadRequest, "page_size")
	for _, token := range []string{"%25", "zz", "AAAA", "e30", "AA=="} {
		o.refused(ask{method: "GET", path: organizationsPath + "?page_token=" + token}, http.StatusBadRequest, "page_token")
	}
}

func TestOrganizations_conflict(t *testing.T) {
	o := newOffice(t)
	body := `{"slug":"acme","name":"Acme"}`
	statuses := make([]int, 12)
	var group sync.WaitGroup
	for i := range statuses {
		group.Go(func() { statuses[i] = o.do(ask{method: "POST", path: organizationsPath, body: body}).status })
	}
	group.Wait()
	count := make(map[int]int)
	for _, status := range statuses {
		count[status]++
	}
	if count[http.StatusCreated] != 1 || count[http.StatusConflict] != len(statuses)-1 {
		t.Fatalf("statuses %v", count)
	}
	o.refused(ask{method: "POST", path: organizationsPath, body: body}, http.StatusConflict, "slug")
}

func TestTokens(t *testing.T) {
	o := newOffice(t)
	path := o.organization("acme") + "/scim-tokens"
	made := o.do(ask{method: "POST", path: path, body: `{"name":"Okta","expires_at":"2099-01-31T12:00:00+02:00"}`})
	token := o.must(http.StatusCreated, ask{method: "POST", path: path, body: `{"name":"Entra","expires_at":null}`})
	if made.status != http.StatusCreated || !strings.HasPrefix(made.header.Get("Location"), path+"/") {
		t.Fatalf("%d at %q: %s", made.status, made.header.Get("Location"), made.body)
	}
	text := token["token"].(string)
	if !strings.HasPrefix(text, "dom_us_") || !strings.HasPrefix(token["scim_base"].(string), "https://us.example.com/scim/v2") ||
		token["expires_at"] != nil || !strings.HasSuffix(text, token["hint"].(string)) {
		t.Fatalf("made %v", token)
	}
	view, err := o.ledger.View(t.Context(), state.Local())
	if err != nil {
		t.Fatal(err)
	}
	if stored, ok := view.TokenByHash(seal.HashToken(text)); !ok || string(stored.ID) != token["id"] {
		t.Fatal("the ledger does not know the token")
	}
	list := o.do(ask{method: "GET", path: path})
	if !strings.Contains(list.body, `"2099-01-31T10:00:00Z"`) || !strings.Contains(list.body, "Entra") {
		t.Fatalf("listed %s", list.body)
	}
	if strings.Contains(list.body, text) || strings.Contains(list.body, `"token"`) || strings.Contains(o.logs.String(), text) {
		t.Fatal("the token is shown again")
	}
	own := path + "/" + token["id"].(string)
	o.must(http.StatusNoContent, ask{method: "DELETE", path: own})
	o.refused(ask{method: "DELETE", path: own}, http.StatusNotFound, "")
	o.refused(ask{method: "POST", path: path, body: `{"name":"x","expires_at":"2001-01-01T00:00:00Z"}`}, http.StatusBadRequest, "expires_at")
	o.refused(ask{method: "POST", path: path, body: `{"name":"x","expires_at":"tomorrow"}`}, http.StatusBadRequest, "expires_at")
}

func TestConnections(t *testing.T) {
	o, issuer := newOffice(t), consoletest.NewIssuer(t)
	path := o.organization("acme") + "/connections"
	body := func(more string) string { return `{"issuer":"` + issuer.URL + `/","client_id":"domicile"` + more + `}` }
	made := o.must(http.StatusCreated, ask{method: "POST", path: path, body: body(`,"client_secret":"hush-hush","scopes":["groups"]`)})
	own := path + "/" + made["id"].(string)
	discovery := made["discovery"].(map[string]any)
	if made["issuer"] != issuer.URL || discovery["token_endpoint"] != issuer.URL+"/token" || made["enabled"] != true ||
		made["redirect_uri"] != "https://us.example.com/signin-oidc/"+made["id"].(string) || made["auth_method"] != "client_secret_basic" {
		t.Fatalf("made %v", made)
	}
	put := o.must(http.StatusOK, ask{method: "PUT", path: own, body: body(`,"auth_method":"client_secret_post","enabled":false`)})
	if put["enabled"] != false || put["auth_method"] != "client_secret_post" || !sameJSON(put["scopes"], []string{}) {
		t.Fatalf("put %v", put)
	}
	got, list := o.do(ask{method: "GET", path: own}), o.do(ask{method: "GET", path: path})
	for _, text := range []string{got.body, list.body, o.logs.String()} {
		if strings.Contains(text, "hush") || strings.Contains(text, "client_secret\"") || strings.Contains(text, "sealed") {
			t.Fatalf("the secret, or its seal, is shown: %s", text)
		}
	}
	if !strings.Contains(list.body, made["id"].(string)) {
		t.Fatalf("listed %s", list.body)
	}
	o.refused(ask{method: "PUT", path: own, body: strings.Replace(body(""), "domicile", "other", 1)}, http.StatusBadRequest, "client_secret")
	o.refused(ask{method: "PUT", path: own, body: body(`,"client_secret":"[redacted]"`)}, http.StatusBadRequest, "")
	o.refused(ask{method: "POST", path: path, body: body(`,"client_secret":"x"`)}, http.StatusConflict, "client_id")
	o.refused(ask{method: "POST", path: path, body: `{"issuer":"https://10.0.0.1","client_id":"x","client_secret":"x"}`}, http.StatusBadRequest, "issuer")
	o.refused(ask{method: "PUT", path: path + "/unknown", body: body("")}, http.StatusNotFound, "")
	o.must(http.StatusNoContent, ask{method: "DELETE", path: own})
	o.refused(ask{method: "DELETE", path: own}, http.StatusNotFound, "")
	o.refused(ask{method: "GET", path: own}, http.StatusNotFound, "")
}

// endpoints is every route that the operator's token guards, with a body that fits where one is wanted.
func endpoints(organization string) []ask {
	return []ask{
		{method: "POST", path: organizationsPath, body: `{"slug":"other","name":"x"}`},
		{method: "GET", path: organizationsPath},
		{method: "GET", path: organization},
		{method: "PATCH", path: organization, body: `{"name":"x"}`},
		{method: "DELETE", path: organization},
		{method: "POST", path: organization + "/scim-tokens", body: `{"name":"x"}`},
		{method: "GET", path: organization + "/scim-tokens"},
		{method: "DELETE", path: organization + "/scim-tokens/x"},
		{method: "POST", path: organization + "/connections", body: `{"issuer":"https://x.example","client_id":"x"}`},
		{method: "GET", path: organization + "/connections"},
		{method: "GET", path: organization + "/connections/x"},
		{method: "PUT", path: organization + "/connections/x", body: `{"issuer":"https://x.example","client_id":"x"}`},
		{method: "DELETE", path: organization + "/connections/x"},
		{method: "PUT", path: "/api/v1/settings", body: `{"plans":[],"request_rate":5}`},
		{method: "POST", path: organization + "/scim-clients", body: `{"name":"x"}`},
		{method: "DELETE", path: organization + "/scim-clients/x"},
		{method: "DELETE", path: organization + "/schemas/urn:example:x"},
		{method: "POST", path: organization + "/users", body: `{"email":"a@b.example"}`},
		{method: "DELETE", path: organization + "/users/x"},
		{method: "POST", path: organization + "/users/convert", body: `{"ids":["x"],"to":"scim"}`},
		{method: "POST", path: organization + "/users/rename", body: `{"dry_run":true}`},
		{method: "DELETE", path: organization + "/deleted-users/x"},
		{method: "POST", path: organization + "/scim/dry-run", body: `{"method":"GET","path":"/Users"}`},
	}
}

// Whatever route is added: without the operator's token there is nothing to see.
func TestAdmin_everyRouteWantsTheToken(t *testing.T) {
	o := newOffice(t)
	document := o.must(http.StatusOK, ask{method: "GET", path: "/api/v1/openapi.json", token: "-"})
	asked := 0
	for path, item := range document["paths"].(map[string]any) {
		for method, op := range item.(map[string]any) {
			if _, wanted := op.(map[string]any)["security"]; !wanted {
				continue
			}
			path := regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllString(path, "urn:example:x")
			o.refused(ask{method: strings.ToUpper(method), path: path, token: "-"}, http.StatusUnauthorized, "")
			asked++
		}
	}
	if asked < 40 {
		t.Fatalf("only %d routes want a token", asked)
	}
}

func TestAdmin_token(t *testing.T) {
	o := newOffice(t)
	for _, a := range endpoints(o.organization("acme")) {
		for name, token := range map[string]string{
			"none": "-", "wrong": "Bearer dom_us_wrong", "basic": "Basic " + operatorToken, "bare": operatorToken,
			"empty": "Bearer ", "two": "Bearer " + operatorToken + " x", "longer": "Bearer " + operatorToken + "x",
		} {
			t.Run(a.method+" "+a.path+" "+name, func(t *testing.T) {
				a.token = token
				o.refused(a, http.StatusUnauthorized, "")
				if got := o.do(a).header.Get("WWW-Authenticate"); !strings.HasPrefix(got, "Bearer realm=") {
					t.Fatalf("challenge %q", got)
				}
			})
		}
	}
	o.must(http.StatusOK, ask{method: "GET", path: organizationsPath, token: "bearer " + operatorToken})
}

func TestAdmin_bodies(t *testing.T) {
	o := newOffice(t)
	for _, a := range endpoints(o.organization("acme")) {
		if a.body == "" {
			continue
		}
		first := strings.SplitN(a.body, `"`, 3)[1] // the first member's name
		for name, test := range map[string]struct {
			body, contentType string
			status            int
			field             string
		}{
			"no body":         {"", "application/json", http.StatusBadRequest, ""},
			"not JSON":        {"slug=acme", "", http.StatusBadRequest, ""},
			"cut":             {a.body[:len(a.body)-1], "", http.StatusBadRequest, ""},
			"two values":      {a.body + a.body, "", http.StatusBadRequest, ""},
			"array":           {"[]", "", http.StatusBadRequest, ""},
			"null":            {"null", "", http.StatusBadRequest, ""},
			"unknown key":     {`{"color":"red"}`, "", http.StatusBadRequest, "color"},
			"key of a case":   {`{"` + strings.ToUpper(first) + `":"x"}`, "", http.StatusBadRequest, strings.ToUpper(first)},
			"wrong type":      {`{"` + first + `":5}`, "", http.StatusBadRequest, first},
			"nested":          {`{"` + first + `":{"a":[[[]]]}}`, "", http.StatusBadRequest, first},
			"twice":           {`{"` + first + `":"x","` + first + `":"y"}`, "", http.StatusBadRequest, first},
			"oversized":       {`{"` + first + `":"` + strings.Repeat("x", 2<<20) + `"}`, "", http.StatusRequestEntityTooLarge, ""},
			"form":            {a.body, "application/x-www-form-urlencoded", http.StatusUnsupportedMediaType, ""},
			"text":            {a.body, "text/plain", http.StatusUnsupportedMediaType, ""},
			"no content type": {a.body, " ", http.StatusUnsupportedMediaType, ""},
		} {
			t.Run(a.method+" "+a.path+" "+name, func(*testing.T) {
				o.refused(ask{method: a.method, path: a.path, body: test.body, contentType: test.contentType}, test.status, test.field)
			})
		}
	}
	o.refused(ask{method: "POST", path: organizationsPath, body: `{"name":"x"}`}, http.StatusBadRequest, "slug")
	o.refused(ask{method: "POST", path: organizationsPath, body: `{"slug":"x","name":"x","root":{}}`}, http.StatusBadRequest, "root.email")
	o.refused(ask{method: "POST", path: organizationsPath, body: `{"slug":"x","name":"x","domains":["a.b",5]}`}, http.StatusBadRequest, "domains[1]")
	o.refused(ask{method: "POST", path: organizationsPath, body: `{"slug":"x","name":"x","scim_profile":"lax"}`}, http.StatusBadRequest, "scim_profile")
	o.refused(ask{method: "POST", path: organizationsPath, body: `{"slug":"UP","name":"x"}`}, http.StatusBadRequest, "slug")
	for body, want := range map[string]string{
		"{\"slug\":\"x\",\"name\":\"\xff\"}":     "the body must be UTF-8",
		`{"slug":"x","name":"\ud800"}`:           "name must not hold U+FFFD, which stands for a character that was lost",
		`{"slug":"x","name":"a\u0007b"}`:         "name must not hold control characters",
		"{\"slug\":\"x\",\"name\":\"a\u2028b\"}": "name must not hold control characters",
	} {
		field := "name"
		if strings.HasPrefix(want, "the body") {
			field = ""
		}
		problem := o.refused(ask{method: "POST", path: organizationsPath, body: body}, http.StatusBadRequest, field)
		if problem["detail"] != want {
			t.Errorf("%q is refused with %q, want %q", body, problem["detail"], want)
		}
	}
}

// What reads no body says so, rather than doing something that may not have been meant.
func TestAdmin_noBody(t *testing.T) {
	o := newOffice(t)
	orders := []ask{
		{method: "POST", path: "/api/v1/leader/transfer"},
		{method: "DELETE", path: "/api/v1/members/us-1"},
	}
	for _, a := range endpoints(o.organization("acme")) {
		if a.method == "DELETE" {
			orders = append(orders, a)
		}
	}
	if len(orders) != 9 {
		t.Fatalf("%d routes read no body", len(orders))
	}
	for _, a := range orders {
		for name, body := range map[string]string{
			"members": `{"to":"us-2"}`, "array": "[]", "null": "null", "no JSON": "us-2", "two": "{}{}", "control": "{}\x00",
		} {
			t.Run(a.method+" "+a.path+" "+name, func(t *testing.T) {
				a.body = body
				if problem := o.refused(a, http.StatusBadRequest, ""); problem["detail"] != "no body is expected here; send none" {
					t.Errorf("refused with %v", problem["detail"])
				}
			})
		}
		a.body = strings.Repeat(" ", 70<<10)
		o.refused(a, http.StatusRequestEntityTooLarge, "")
	}
	if members := o.crew.Survey(t.Context()); len(members) != 3 || !members[0].Leader {
		t.Errorf("an order with a body was followed: %+v", members)
	}
	for _, body := range []string{"", "{}", " { }\n"} {
		o.must(http.StatusNoContent, ask{method: "POST", path: "/api/v1/leader/transfer", body: body})
	}
	o.must(http.StatusNoContent, ask{method: "DELETE", path: "/api/v1/members/us-1", body: "{}", contentType: "text/plain"})
}

func TestAdmin_paths(t *testing.T) {
	o := newOffice(t)
	path := o.organization("acme")
	for _, id := range []string{
		"unknown", "..", ".", "%2e%2e", "..%2f..%2fetc", "%00", "a%0ab", "a%20b", "a+b", strings.Repeat("x", 5000), "%ff", "%5c", "'--", "{id}",
	} {
		for _, a := range []ask{
			{method: "GET", path: organizationsPath + "/" + id},
			{method: "DELETE", path: organizationsPath + "/" + id},
			{method: "GET", path: organizationsPath + "/" + id + "/scim-tokens"},
			{method: "GET", path: path + "/connections/" + id},
			{method: "DELETE", path: path + "/scim-tokens/" + id},
		} {
			t.Run(a.method+" "+a.path, func(*testing.T) { o.refused(a, http.StatusNotFound, "") })
		}
	}
	o.must(http.StatusOK, ask{method: "GET", path: path}) // nothing of the above deleted it
}

func TestAdmin_faults(t *testing.T) {
	o := newOffice(t)
	create := ask{method: "POST", path: organizationsPath, body: `{"slug":"acme","name":"x"}`}
	for name, test := range map[string]struct {
		err    error
		status int
		retry  string
	}{
		"no leader": {directory.Unavailable(1500*time.Millisecond, nil, "no leader"), http.StatusServiceUnavailable, "2"},
		"expired":   {directory.Errorf(directory.KindExpired, "", "late"), http.StatusServiceUnavailable, "1"},
		"ours":      {errors.New("disk secret-detail"), http.StatusInternalServerError, ""},
		"internal":  {directory.Errorf(directory.KindInternal, "x", "secret-detail"), http.StatusInternalServerError, ""},
	} {
		t.Run(name, func(t *testing.T) {
			o.ledger.Before(func(command.Command) error { return test.err })
			o.refused(create, test.status, "")
			got := o.do(create)
			if got.header.Get("Retry-After") != test.retry || strings.Contains(got.body, "secret-detail") {
				t.Fatalf("retry after %q: %s", got.header.Get("Retry-After"), got.body)
			}
		})
	}
	if !strings.Contains(o.logs.String(), "secret-detail") {
		t.Fatal("the cause of a fault is not in the log")
	}
	t.Run("panic", func(t *testing.T) {
		o.ledger.Before(func(command.Command) error { panic("someone@acme.example") })
		problem := o.refused(create, http.StatusInternalServerError, "")
		if logs := o.logs.String(); strings.Contains(logs, "someone@") || !strings.Contains(logs, "handler panicked") {
			t.Fatalf("%v logged as %s", problem, logs)
		}
	})
	o.ledger.Before(nil)
	o.must(http.StatusCreated, create)
}

// What the operator does is written in the operator's name.
func TestAdmin_actor(t *testing.T) {
	o := newOffice(t)
	var actors []string
	o.ledger.Before(func(c command.Command) error {
		actors = append(actors, c.Actor)
		return nil
	})
	o.organization("acme")
	if len(actors) == 0 || slices.ContainsFunc(actors, func(actor string) bool { return actor != "operator" }) {
		t.Errorf("written in the name of %q", actors)
	}
}
