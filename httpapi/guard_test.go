package httpapi_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"domicile/console/consoletest"
	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/httpapi/admin"
	"domicile/httpapi/openapi"
	"domicile/seal"
)

// estate is an organization with one of everything that has an id, and sessions of those who stand for it.
type estate struct {
	office     *office
	id         directory.OrganizationID
	path       string
	names      map[string]string // of path parameters
	owner      string            // a session of the root user
	breakGlass string            // one of a break-glass address
	person     string            // one of an invited person
}

func (o *office) estate(slug string) *estate {
	o.t.Helper()
	domain := slug + ".example"
	made := o.must(http.StatusCreated, ask{method: "POST", path: organizationsPath, body: `{"slug":"` + slug + `","name":"x","scim":"active",` +
		`"domains":["` + domain + `"],"root":{"email":"root@` + domain + `"},"break_glass":["help@` + domain + `"]}`})
	e := &estate{office: o, id: directory.OrganizationID(made["id"].(string))}
	e.path = organizationsPath + "/" + string(e.id)
	issuer := consoletest.NewIssuer(o.t)
	registration := func(client string) string {
		return `"issuer":"` + issuer.URL + `","client_id":"` + client + `","client_secret":"hush"`
	}
	e.names = map[string]string{
		"id":         string(e.id),
		"token":      e.make("/scim-tokens", `{"name":"x"}`),
		"client":     e.make("/scim-clients", `{"name":"x","redirect_uris":["https://x.example/"]}`),
		"user":       e.make("/users", `{"email":"ann@`+domain+`"}`),
		"connection": e.make("/connections", `{`+registration(slug)+`}`),
		"request":    e.make("/connection-requests", `{`+registration("next-"+slug)+`,"domains":["claimed.`+domain+`"]}`),
		"name":       "claimed." + domain,
		"urn":        "urn:example:" + slug + ":User",
		"row":        "1.0", "application": "none",
	}
	o.must(http.StatusOK, ask{method: "POST", path: e.path + "/connection-requests/" + e.names["request"] + "/submit", body: `{}`})
	o.must(http.StatusCreated, ask{method: "PUT", path: e.path + "/schemas/" + e.names["urn"], body: `{"resource":"User","id":"` + e.names["urn"] +
		`","name":"X","attributes":[{"name":"x","type":"string"}]}`})
	e.owner, e.names["session"] = e.signInLocal("root@"+domain, "")
	e.breakGlass, _ = e.signInLocal("help@"+domain, "")
	e.person, _ = e.signInLocal("ann@"+domain, directory.ResourceID(e.names["user"]))
	e.linked()
	e.names["credentials"] = "handle-" + slug
	e.propose(&command.PutRecovery{
		Email: "ann@" + domain, Handle: e.names["credentials"], Hashes: []directory.Hash{directory.Hash(seal.HashToken(slug))},
	})
	return e
}

func (e *estate) make(path, body string) string {
	e.office.t.Helper()
	return e.office.must(http.StatusCreated, ask{method: "POST", path: e.path + path, body: body})["id"].(string)
}

func (e *estate) propose(p command.Payload) {
	e.office.t.Helper()
	e.office.ledger.Must(e.id, p)
}

// signInLocal gives an address a session, and gives its token and id.
func (e *estate) signInLocal(email string, user directory.ResourceID) (token, id string) {
	e.office.t.Helper()
	if user == "" {
		user = directory.ResourceID(seal.NewID())
	}
	cookie, hash := seal.MintToken("dom_us_session_")
	_, challenge := seal.MintToken("c")
	session := directory.SessionID(seal.NewID())
	e.propose(&command.OpenLocalSession{
		ID: session, Hash: hash, Email: email, User: user, Challenge: challenge,
		ChallengeExpiry: directory.Time(time.Now().Add(time.Minute).UnixMicro()), Lifetime: time.Hour.Microseconds(),
	})
	return cookie.Reveal(), string(session)
}

// linked signs the invited person in through the provider, which ties an identity.
func (e *estate) linked() {
	e.office.t.Helper()
	view := e.view()
	d, _ := view.Directory(e.id)
	connection, _ := d.Connection(directory.ConnectionID(e.names["connection"]))
	_, hash := seal.MintToken("dom_us_session_")
	_, transaction := seal.MintToken("t")
	e.propose(&command.OpenSession{
		ID: directory.SessionID(seal.NewID()), Hash: hash, User: directory.ResourceID(e.names["user"]), Connection: connection.ID,
		ConnectionVersion: connection.Version, Transaction: transaction, TransactionExpiry: directory.Time(time.Now().Add(time.Minute).UnixMicro()),
		Lifetime: time.Hour.Microseconds(), Issuer: connection.Issuer, Subject: "subject of ann",
	})
	links := e.office.must(http.StatusOK, ask{method: "GET", path: e.path + "/links"})["links"].([]any)
	e.names["link"] = links[0].(map[string]any)["id"].(string)
}

func (e *estate) view() *state.View {
	e.office.t.Helper()
	view, err := e.office.ledger.View(e.office.t.Context(), state.Confirmed())
	if err != nil {
		e.office.t.Fatal(err)
	}
	return view
}

var parameter = regexp.MustCompile(`:(\w+)`)

// at gives a route's path with the estate's names in it.
func (e *estate) at(pattern string) string {
	return parameter.ReplaceAllStringFunc(pattern, func(p string) string { return e.names[p[1:]] })
}

// bodies are requests that would do something, by operation; others get an empty object.
var bodies = map[string]string{
	"pinAlgorithm": `{"algorithm":""}`,
	"rotateSecret": `{"client_secret":"stolen"}`, "editConnectionRequest": `{"issuer":"https://evil.example","client_id":"x"}`,
	"createConnectionRequest": `{"issuer":"https://evil.example","client_id":"x"}`, "claimDomain": `{"name":"more.example"}`,
	"inviteUser": `{"email":"x@evil.example"}`, "createToken": `{"name":"x"}`, "createClient": `{"name":"x"}`,
	"updateOrganization": `{"break_glass":[]}`, "returnConnectionRequest": `{"note":"x"}`,
	"createConnection":  `{"issuer":"https://evil.example","client_id":"x","client_secret":"y"}`,
	"replaceConnection": `{"issuer":"https://evil.example","client_id":"x","client_secret":"y"}`,
}

func bodyFor(r openapi.Route) string {
	if body, ok := bodies[r.Doc.ID]; ok {
		return body
	}
	return `{}`
}

func reads(r openapi.Route) bool { return r.Method == http.MethodGet }

// TestGuard_everyRoute walks every route of the API as everybody who is not its organization's owner. Nothing that is
// refused reaches the ledger.
func TestGuard_everyRoute(t *testing.T) {
	o := newOffice(t)
	mine, theirs := o.estate("mine"), o.estate("theirs")
	for _, r := range admin.Routes(admin.Deps{}) {
		t.Run(r.Method+" "+r.Path, func(t *testing.T) {
			o.t = t
			defer o.unchanged(theirs)()
			owns := strings.Contains(r.Path, "/organizations/:id")
			if openapi.Owner.May(r.Least) && !owns {
				t.Fatal("owners may use a route that is not about their organization")
			}
			refused := func(session string, e *estate, want int) {
				t.Helper()
				got := o.do(ask{method: r.Method, path: e.at(r.Path), session: session, body: bodyFor(r)})
				if got.status != want {
					t.Errorf("status %d, want %d: %s", got.status, want, got.body)
				}
			}
			if !openapi.Owner.May(r.Least) {
				for _, session := range []string{theirs.owner, theirs.breakGlass, theirs.person, mine.owner} {
					refused(session, theirs, http.StatusUnauthorized)
				}
				return
			}
			refused(mine.owner, theirs, http.StatusNotFound)
			refused(mine.breakGlass, theirs, http.StatusNotFound)
			refused(mine.person, theirs, http.StatusForbidden)
			refused(theirs.person, theirs, http.StatusForbidden)
			refused("dom_us_session_nobody", theirs, http.StatusUnauthorized)
			if !openapi.BreakGlass.May(r.Least) {
				refused(theirs.breakGlass, theirs, http.StatusForbidden)
			} else if reads(r) && r.Doc.ID != "checkConnectionRequest" {
				refused(theirs.breakGlass, theirs, http.StatusOK)
			}
			for name, a := range map[string]ask{
				"wrong token beside the session": {token: "Bearer wrong", session: theirs.owner},
				"nobody":                         {token: "-"},
			} {
				a.method, a.path, a.body = r.Method, theirs.at(r.Path), bodyFor(r)
				if got := o.do(a); got.status != http.StatusUnauthorized {
					t.Errorf("%s: status %d", name, got.status)
				}
			}
		})
	}
}

// TestGuard_forgery walks every route that changes something with requests as other sites can have browsers send them.
func TestGuard_forgery(t *testing.T) {
	o := newOffice(t)
	e := o.estate("acme")
	for _, r := range admin.Routes(admin.Deps{}) {
		if reads(r) || !openapi.Owner.May(r.Least) {
			continue
		}
		t.Run(r.Method+" "+r.Path, func(t *testing.T) {
			o.t = t
			defer o.unchanged(e)()
			for name, test := range map[string]struct {
				ask
				want int
			}{
				"another site":     {ask{site: "cross-site"}, http.StatusForbidden},
				"a sibling":        {ask{site: "same-site"}, http.StatusForbidden},
				"another origin":   {ask{origin: "https://evil.example"}, http.StatusForbidden},
				"no origin at all": {ask{origin: "null"}, http.StatusForbidden},
				"a form":           {ask{site: "same-origin", contentType: "application/x-www-form-urlencoded"}, http.StatusUnsupportedMediaType},
				"plain text":       {ask{origin: "https://us.example.com", contentType: "text/plain"}, http.StatusUnsupportedMediaType},
			} {
				test.method, test.path, test.session, test.body = r.Method, e.at(r.Path), e.owner, bodyFor(r)
				if got := o.do(test.ask); got.status != test.want {
					t.Errorf("%s: status %d, want %d: %s", name, got.status, test.want, got.body)
				}
			}
		})
	}
}

// TestGuard_foreignIDs walks every route with an id besides the organization's, as an owner in its own organization who names
// what another one has.
func TestGuard_foreignIDs(t *testing.T) {
	o := newOffice(t)
	mine, theirs := o.estate("mine"), o.estate("theirs")
	own := []string{"putSchema", "getSyncRow", "replaySyncRow"} // by names that every organization has for itself
	for _, r := range admin.Routes(admin.Deps{}) {
		if !openapi.Owner.May(r.Least) || strings.Count(r.Path, ":") < 2 || slices.Contains(own, r.Doc.ID) {
			continue
		}
		t.Run(r.Method+" "+r.Path, func(t *testing.T) {
			o.t = t
			before := o.shown(theirs)
			path := strings.Replace(theirs.at(r.Path), string(theirs.id), string(mine.id), 1)
			if got := o.do(ask{method: r.Method, path: path, session: mine.owner, body: bodyFor(r)}); got.status != http.StatusNotFound {
				t.Errorf("status %d: %s", got.status, got.body)
			}
			if after := o.shown(theirs); !sameJSON(before, after) {
				t.Errorf("changed %v\nto %v", before, after)
			}
		})
	}
}

// unchanged gives a check that the ledger has taken no command since, and shows of an estate what it showed.
func (o *office) unchanged(e *estate) func() {
	o.t.Helper()
	seq, before := e.view().Seq(), o.shown(e)
	return func() {
		o.t.Helper()
		if now := e.view().Seq(); now != seq {
			o.t.Errorf("%d commands reached the ledger", now-seq)
		}
		if after := o.shown(e); !sameJSON(before, after) {
			o.t.Errorf("changed %v\nto %v", before, after)
		}
	}
}

// shown is what the operator sees of an estate.
func (o *office) shown(e *estate) map[string]any {
	o.t.Helper()
	all := make(map[string]any)
	for _, list := range []string{
		"", "/scim-tokens", "/scim-clients", "/schemas", "/users", "/connections", "/connection-requests", "/domains", "/links", "/sessions",
	} {
		all[list] = o.must(http.StatusOK, ask{method: "GET", path: e.path + list})
	}
	return all
}

// What an owner does is done in the owner's name.
func TestGuard_actors(t *testing.T) {
	o := newOffice(t)
	e := o.estate("acme")
	root := o.must(http.StatusOK, ask{method: "GET", path: e.path + "/users?source=root"})["users"].([]any)[0].(map[string]any)["id"].(string)
	o.must(http.StatusCreated, ask{method: "POST", path: e.path + "/domains", body: `{"name":"one.example"}`, session: e.owner, site: "same-origin"})
	o.must(http.StatusCreated, ask{method: "POST", path: e.path + "/domains", body: `{"name":"two.example"}`, session: e.breakGlass, origin: "https://us.example.com"})
	o.must(http.StatusCreated, ask{method: "POST", path: e.path + "/domains", body: `{"name":"three.example"}`})
	rows := o.must(http.StatusOK, ask{method: "GET", path: e.path + "/audit?page_size=3", session: e.owner})["audit"].([]any)
	var broke string // the break-glass session
	for _, session := range o.must(http.StatusOK, ask{method: "GET", path: e.path + "/sessions"})["sessions"].([]any) {
		if session := session.(map[string]any); session["kind"] == "break_glass" {
			broke = session["id"].(string)
		}
	}
	var actors []string
	for _, row := range rows {
		actors = append(actors, row.(map[string]any)["actor"].(string))
	}
	if want := []string{"operator", "break-glass:" + broke, "user:" + root}; !slices.Equal(actors, want) {
		t.Fatalf("actors %v, want %v", actors, want)
	}
}

// An owner may change some fields of the organization, a break-glass session none, and nobody a field that is not named.
func TestGuard_fields(t *testing.T) {
	o := newOffice(t)
	e := o.estate("acme")
	mine := map[string]string{
		"name": `"Acme 2"`, "sign_in": `{"session_idle":600}`, "break_glass": `["a@it.acme.example"]`, "phone": `{"may_change":true}`,
	}
	others := map[string]string{
		"domains": `["evil.example"]`, "root": `{"email":"x@evil.example"}`, "scim_profile": `"strict"`, "scim": `"off"`, "scim_paused": `true`,
		"scim_principal": `"x"`, "scim_token_mode": `"single"`, "delete_policy": `"deactivate"`, "plan": `""`,
	}
	change := func(session, field, value string) reply {
		return o.do(ask{method: "PATCH", path: e.path, session: session, body: `{"` + field + `":` + value + `}`})
	}
	var doc struct {
		Components struct {
			Schemas map[string]struct{ Properties map[string]json.RawMessage }
		}
	}
	if err := json.Unmarshal([]byte(o.do(ask{method: "GET", path: "/api/v1/openapi.json"}).body), &doc); err != nil {
		t.Fatal(err)
	}
	for field := range doc.Components.Schemas["OrganizationChange"].Properties {
		if mine[field] == "" && others[field] == "" {
			t.Errorf("say here who may change %s", field)
		}
	}
	for field, value := range others {
		for _, session := range []string{e.owner, e.breakGlass} {
			if got := change(session, field, value); got.status != http.StatusForbidden {
				t.Errorf("%s: status %d: %s", field, got.status, got.body)
			}
		}
	}
	for field := range mine { // not even the list that it is on: an hour must not become for ever
		if got := change(e.breakGlass, field, mine[field]); got.status != http.StatusForbidden {
			t.Errorf("break-glass, %s: status %d: %s", field, got.status, got.body)
		}
	}
	for field, value := range mine {
		if got := change(e.owner, field, value); got.status != http.StatusOK {
			t.Errorf("owner, %s: status %d: %s", field, got.status, got.body)
		}
	}
	if got := o.do(ask{method: "GET", path: e.path, session: e.breakGlass}); got.status != http.StatusUnauthorized {
		t.Errorf("an address that was taken off the list: status %d", got.status)
	}
	got := o.must(http.StatusOK, ask{method: "GET", path: e.path, session: e.owner})
	if got["name"] != "Acme 2" || !sameJSON(got["sign_in"], map[string]any{"session_lifetime": 43200, "session_idle": 600, "require_sso": false}) {
		t.Fatalf("changed to %v", got)
	}
	o.must(http.StatusOK, ask{method: "PATCH", path: e.path, body: `{"root":{"email":"new@acme.example"}}`})
	if got := o.do(ask{method: "GET", path: e.path, session: e.owner}); got.status != http.StatusUnauthorized {
		t.Fatalf("the former root user is answered %d", got.status)
	}
}
