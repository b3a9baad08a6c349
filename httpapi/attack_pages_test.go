package httpapi_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"domicile/console/consoletest"
	"domicile/directory"
	"domicile/fsm/command"
	"domicile/oidc"
)

// TestAttack44_secretStaysWithItsParty: a secret that is kept goes to nobody but the provider that it was given for, neither
// the present one nor the one before it, whatever an owner or an operator changes.
func TestAttack44_secretStaysWithItsParty(t *testing.T) {
	o := newOffice(t)
	e, thief := o.estate("acme"), consoletest.NewIssuer(t)
	path := e.path + "/connections/" + e.names["connection"]
	held := func() *directory.Connection {
		connection, ok := e.view().Connection(directory.ConnectionID(e.names["connection"]))
		if !ok {
			t.Fatal("the connection is gone")
		}
		return connection
	}
	o.must(http.StatusOK, ask{method: "POST", path: path + "/secret", session: e.owner, body: `{"client_secret":"newer"}`})
	before := *held()
	if len(before.PreviousSecret) == 0 {
		t.Fatal("there is no second secret")
	}
	for name, masked := range map[string]string{
		"nothing": "", "empty": `,"client_secret":""`, "redacted": `,"client_secret":"[redacted]"`, "null": `,"client_secret":null`,
	} {
		for _, target := range []string{
			fmt.Sprintf(`"issuer":%q,"client_id":%q`, thief.URL, before.ClientID),
			fmt.Sprintf(`"issuer":%q,"client_id":"another"`, before.Issuer),
		} {
			a := o.do(ask{method: "PUT", path: path, body: `{` + target + masked + `}`})
			if a.status != http.StatusBadRequest || held().Version != before.Version {
				t.Errorf("%s with %s: %d %s", target, name, a.status, a.body)
			}
		}
	}
	// With a secret of its own the other provider gets that one, and none of the first's.
	o.must(http.StatusOK, ask{method: "PUT", path: path, body: fmt.Sprintf(`{"issuer":%q,"client_id":%q,"client_secret":"own"}`, thief.URL, before.ClientID)})
	after := held()
	if after.Issuer != thief.URL || len(after.PreviousSecret) != 0 || slices.Equal(after.ClientSecret, before.ClientSecret) ||
		slices.Equal(after.ClientSecret, before.PreviousSecret) {
		t.Errorf("the other provider is shown one of the first's secrets: %+v", after)
	}
	// A request for the change is no way around it either.
	made := o.must(http.StatusCreated, ask{method: "POST", path: e.path + "/connection-requests", session: e.owner, body: fmt.Sprintf(
		`{"connection":%q,"issuer":%q,"client_id":%q}`, e.names["connection"], before.Issuer, before.ClientID)})
	if made["client_secret_state"] != "missing" {
		t.Errorf("the request has a secret: %v", made["client_secret_state"])
	}
	o.refused(ask{method: "POST", path: e.path + "/connection-requests/" + made["id"].(string) + "/submit", session: e.owner, body: `{}`},
		http.StatusBadRequest, "client_secret")
}

// TestAttack47_siblingHost: a host beside ours can give a browser cookies for the whole domain, but none whose name begins with
// __Host-. Only such a one is looked at.
func TestAttack47_siblingHost(t *testing.T) {
	w := newWorld(t, false)
	acme := w.tenant("acme", "acme.example")
	acme.both("sub-alice", "alice@acme.example")
	acme.both("sub-mallory", "mallory@acme.example")
	attacker, victim := w.browser(), w.browser()
	w.signIn(attacker, "mallory@acme.example")
	alice := w.signIn(victim, "alice@acme.example")
	for _, header := range alice.header.Values("Set-Cookie") {
		c, err := http.ParseSetCookie(header)
		if err != nil || !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || c.Path != "/" || c.Domain != "" {
			t.Errorf("cookie %s, %v", header, err)
		}
	}
	planted, own := w.cookies(attacker, "domicile_session")[0], w.cookies(victim, "domicile_session")[0]
	if planted.Name != "__Host-domicile_session" {
		t.Fatalf("the session's cookie is %s", planted.Name)
	}
	who := func(cookies string) (int, string) {
		a := w.do(w.browser(), http.MethodGet, "/api/v1/session", nil, "Cookie", cookies)
		return a.status, a.body
	}
	for _, name := range []string{"domicile_session", "__Secure-domicile_session", "__host-domicile_session", "__HOST-domicile_session", "Host-domicile_session", "__Host-domicile-session"} {
		tossed := name + "=" + planted.Value
		if status, _ := who(tossed); status != http.StatusUnauthorized {
			t.Errorf("%s alone answers %d", name, status)
		}
		for _, cookies := range []string{tossed + "; " + own.Name + "=" + own.Value, own.Name + "=" + own.Value + "; " + tossed} {
			if status, body := who(cookies); status != http.StatusOK || !strings.Contains(body, "alice@acme.example") {
				t.Errorf("%s beside the victim's own: %d %s", name, status, body)
			}
		}
		if a := w.do(w.browser(), http.MethodGet, "/", nil, "Cookie", tossed); a.header.Get("Location") != "/login" {
			t.Errorf("%s: the front page leads to %q", name, a.header.Get("Location"))
		}
		w.do(w.browser(), http.MethodPost, "/logout", nil, "Cookie", tossed)
	}
	w.holds(attacker, true) // it was not even taken for the session to end

	// The attacker's own sign-in, planted with its cookie: without the prefix it is none.
	callback := w.callback(attacker, "mallory@acme.example", "/")
	tx := w.cookies(attacker, "domicile_tx_")[0]
	bare, ok := strings.CutPrefix(tx.Name, "__Host-")
	if !ok {
		t.Fatalf("the transaction's cookie is %s", tx.Name)
	}
	fresh := w.browser()
	for _, name := range []string{bare, "__Secure-" + bare, "__host-" + bare} {
		w.refused(fresh, w.do(fresh, http.MethodGet, callback, nil, "Cookie", name+"="+tx.Value), oidc.ReasonTransactionMissing)
	}
}

// TestAttack53_evilTarget: a sign-in that a provider, or somebody in its name, begins leads to a page of ours at the end.
func TestAttack53_evilTarget(t *testing.T) {
	w := newWorld(t, false)
	acme := w.tenant("acme", "acme.example")
	acme.both("sub-alice", "alice@acme.example")
	b := w.browser()
	for _, target := range []string{
		"https://evil.example/", "//evil.example", `/\evil.example`, "/%2f%2fevil.example", "javascript:alert(1)", "data:text/html,x",
		w.server.URL + "@evil.example", w.server.URL + ".evil.example", w.server.URL + "//evil.example", w.server.URL + `\evil.example`,
		"http://" + strings.TrimPrefix(w.server.URL, "https://"), "/\t/evil.example", "/x\r\nSet-Cookie: a=b", " https://evil.example",
		"/login/../..//evil.example", strings.Repeat("/x", 600),
	} {
		for _, path := range []string{"/login", "/login/initiate/" + string(acme.connection)} {
			begun := w.initiate(b, http.MethodGet, path, url.Values{"iss": {acme.provider.Issuer()}, "target_link_uri": {target}})
			at := begun.header.Get("Location")
			if !strings.HasPrefix(at, acme.provider.Issuer()+"/") || strings.Contains(at, "evil") {
				t.Fatalf("%q: %d to %q", target, begun.status, at)
			}
			if done := w.get(b, w.authorize(b, at, "alice@acme.example")); done.status != http.StatusSeeOther || done.header.Get("Location") != "/" {
				t.Errorf("%q: %d to %q", target, done.status, done.header.Get("Location"))
			}
		}
	}
	// An answer that nobody asked for is taken from no provider, whoever it names.
	for _, issuer := range []string{acme.provider.Issuer(), "https://evil.example"} {
		query := url.Values{"iss": {issuer}, "code": {"code"}, "state": {"state"}, "target_link_uri": {"https://evil.example"}}
		fresh := w.browser()
		w.refused(fresh, w.get(fresh, "/signin-oidc/"+string(acme.connection)+"?"+query.Encode()), oidc.ReasonTransactionMissing)
	}
}

// reference is what a refusal shows of itself.
var reference = regexp.MustCompile(`[0-9A-F]{8}`)

// seen is all that somebody outside can tell of an answer: what differs with each request is cut to its length.
func seen(a visit) string {
	var text strings.Builder
	at := mustParse(a.header.Get("Location"))
	query := at.Query()
	for _, fresh := range []string{"state", "nonce", "code_challenge"} {
		if query.Has(fresh) {
			query.Set(fresh, fmt.Sprint(len(query.Get(fresh))))
		}
	}
	query.Del("login_hint") // what was typed
	at.RawQuery = query.Encode()
	fmt.Fprintln(&text, a.status, at)
	cookies := (&http.Response{Header: a.header}).Cookies()
	for _, c := range cookies {
		name, _, _ := strings.Cut(c.Name, "_tx_")
		fmt.Fprintln(&text, name, len(c.Name), len(c.Value), c.MaxAge, c.Path, c.SameSite)
	}
	for _, name := range slices.Sorted(maps.Keys(a.header)) {
		if name != "Set-Cookie" && name != "Location" && name != "X-Request-Id" && name != "Date" {
			fmt.Fprintln(&text, name, a.header[name])
		}
	}
	text.WriteString(reference.ReplaceAllString(a.body, "reference"))
	return text.String()
}

func mustParse(address string) *url.URL {
	u, err := url.Parse(address)
	if err != nil {
		return new(url.URL)
	}
	return u
}

// probe is something that a stranger tries, and the work that it makes: what the ledger writes, and what providers are asked.
// Where that is the same, time does not tell more than noise.
func (w *world) probe(x *tenant, try func() visit) string {
	w.t.Helper()
	seq, asked := w.ledger.FSM.View().Seq(), len(x.provider.Requests())
	a := try()
	for _, door := range w.doors {
		door.Wait(w.t.Context())
	}
	return fmt.Sprintf("%s\n%d written, %d asked", seen(a), w.ledger.FSM.View().Seq()-seq, len(x.provider.Requests())-asked)
}

// town is an organization with people of all kinds.
func town(t *testing.T) (*world, *tenant) {
	t.Helper()
	w := newWorld(t, false)
	acme := w.tenant("acme", "acme.example")
	acme.both("sub-alice", "alice@acme.example")
	bob, carol := acme.both("sub-bob", "bob@acme.example"), acme.both("sub-carol", "carol@acme.example")
	acme.propose(&command.ReplaceUser{ID: bob, UserFields: fields("bob@acme.example", false, "bob@acme.example")})
	acme.propose(&command.DeleteUser{ID: carol})
	acme.person("sub-nobody", "nobody@acme.example", nil)
	acme.user(directory.SourceInvited, "guest@acme.example", "guest@acme.example")
	gone := acme.user(directory.SourceInvited, "gone@acme.example", "gone@acme.example")
	acme.propose(&command.ReplaceUser{ID: gone, UserFields: fields("gone@acme.example", false, "gone@acme.example")})
	d, _ := w.ledger.FSM.View().Directory(acme.id)
	org := d.Organization()
	acme.propose(&command.UpdateOrganization{ExpectVersion: org.Version, OrganizationFields: command.OrganizationFields{
		Slug: org.Slug, Name: org.Name, Domains: org.Domains, RootEmail: org.RootEmail, Profile: org.Profile,
		BreakGlass: []string{"spare@acme.example"},
	}})
	w.signIn(w.browser(), "alice@acme.example") // the provider's documents are known
	return w, acme
}

// everybody is addresses of people who are there, were there, and never were.
func everybody() []string {
	return []string{
		"never@acme.example", "alice@acme.example", "bob@acme.example", "carol@acme.example", "nobody@acme.example", "guest@acme.example",
		"gone@acme.example", "root@acme.example", "spare@acme.example", "ALICE@acme.example",
	}
}

// TestAttack54_whoExists: by no page and no form can a stranger tell whether a person exists, is deactivated or was deleted, nor
// whether an organization without sign-in is there.
func TestAttack54_whoExists(t *testing.T) {
	w, acme := town(t)
	dormant := w.tenant("dormant", "dormant.example")
	dormant.both("sub-x", "x@dormant.example")
	dormant.connect(false)
	get := func(path string) func() visit { return func() visit { return w.get(w.browser(), path) } }
	post := func(path string, form url.Values) func() visit {
		return func() visit { return w.do(w.browser(), http.MethodPost, path, form) }
	}
	groups := make(map[string][]func() visit)
	add := func(name string, try func() visit) { groups[name] = append(groups[name], try) }
	for _, address := range everybody() {
		add("address, of a domain with sign-in", post("/login/start", url.Values{"email": {address}}))
		add("address, at the organization's link", post("/login/start", url.Values{"organization": {"acme"}, "email": {address}}))
		add("mailed code", post("/login/local/mail", url.Values{"email": {address}, "organization": {"acme"}}))
		add("mailed code, of no organization", post("/login/local/mail", url.Values{"email": {address}}))
		add("recovery code", post("/login/emergency/recovery", url.Values{"email": {address}, "recovery": {"AAAAA-AAAAA-AAAAA-AAAAA"}}))
	}
	for _, address := range []string{"never@nowhere.example", "x@dormant.example", "never@dormant.example", "root@dormant.example"} {
		add("address, of a domain without sign-in", post("/login/start", url.Values{"email": {address}}))
	}
	for _, slug := range []string{"nothing", "dormant"} {
		add("link of an organization", get("/login/"+slug))
		add("organization that is named", post("/login/start", url.Values{"organization": {slug}}))
	}
	for _, path := range []string{"/login/local", "/login/local?email=alice@acme.example", "/login/local?email=never@acme.example"} {
		add("local page", get(path))
	}
	for _, path := range []string{"/login/emergency", "/login/emergency?email=root@acme.example", "/login/emergency?email=never@acme.example"} {
		add("emergency page", get(path))
	}
	for name, tries := range groups {
		t.Run(name, func(t *testing.T) {
			w.t = t
			first := w.probe(acme, tries[0])
			for i, try := range tries[1:] {
				if got := w.probe(acme, try); got != first {
					t.Errorf("try %d:\n%s\nand not\n%s", i+1, got, first)
				}
			}
		})
	}
	w.t = t
	for _, letter := range w.take(t) {
		if letter.To != "guest@acme.example" {
			t.Errorf("a letter to %s", letter.To)
		}
	}
}

// TestAttack54_afterTheProvider: whom the provider knows learns nothing of whom we know.
func TestAttack54_afterTheProvider(t *testing.T) {
	w, acme := town(t)
	for _, justInTime := range []bool{false, true} {
		acme.settings.JustInTime = justInTime
		acme.connect(true)
		acme.person("sub-foreign", "somebody@elsewhere.example", nil)
		acme.person("sub-root", "root@acme.example", nil)
		logins := []string{"bob@acme.example", "carol@acme.example", "root@acme.example", "somebody@elsewhere.example"}
		if !justInTime {
			logins = append(logins, "nobody@acme.example")
		}
		first := ""
		for _, login := range logins {
			got := seen(acme.enterAt(w.browser(), login))
			if first == "" {
				first = got
			}
			if got != first || !strings.HasPrefix(got, "403 ") {
				t.Errorf("%s:\n%s\nand not\n%s", login, got, first)
			}
		}
	}
}
