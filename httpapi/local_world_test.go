package httpapi_test

import (
	"context"
	"html"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/oidc/local"
	"domicile/oidc/local/localtest"
	"domicile/oidc/oidctest"
)

// letterbox keeps what the nodes mail to people who sign in without an identity provider.
type letterbox struct {
	doors []*local.Service

	mu      sync.Mutex
	letters []local.Letter
}

func (l *letterbox) deliver(_ context.Context, letter local.Letter) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.letters = append(l.letters, letter)
	return nil
}

// take gives the letters since the last call.
func (l *letterbox) take(t *testing.T) []local.Letter {
	for _, door := range l.doors {
		door.Wait(t.Context())
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	letters := l.letters
	l.letters = nil
	return letters
}

// withoutProvider makes a node's door of people without an identity provider.
func (w *world) withoutProvider(region directory.Region, logger *slog.Logger, registry *prometheus.Registry) *local.Service {
	w.t.Helper()
	door, err := local.New(local.Deps{
		Proposer: w.ledger, Viewer: w.ledger, Keyring: w.ring, Identity: state.Identity{Region: testRegion, Cluster: testCluster},
		Region: region, SessionPrefix: w.service(testRegion, logger, prometheus.NewRegistry()).SessionPrefix(), Mail: w.deliver,
		Now: w.ledger.Now, Logger: logger, Metrics: local.NewMetrics(registry), Dev: w.dev,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.doors = append(w.doors, door)
	return door
}

const (
	rootAddress  = "root@acme.example"
	spareAddress = "spare@acme.example"   // break-glass
	guestAddress = "guest@contractor.org" // invited
)

// parlour is a world whose sign-in page has a domain, as passkeys want it, with one organization without an identity provider.
type parlour struct {
	*world
	*tenant
}

func newParlour(t *testing.T) *parlour {
	t.Helper()
	w := newWorld(t, true)
	server, err := url.Parse(w.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	w.login = "http://localhost:" + server.Port() + "/login"
	w.doors, w.nodes = nil, nil
	w.nodes = []http.Handler{w.node(), w.node()}
	w.turn.Store(0)
	p := &parlour{w, &tenant{world: w, id: "acme", slug: "acme"}}
	p.propose(&command.CreateOrganization{OrganizationFields: command.OrganizationFields{
		Slug: "acme", Name: "Acme <Works>", Domains: []string{"acme.example"}, RootEmail: rootAddress, Profile: directory.ProfileInterop,
		BreakGlass: []string{spareAddress},
	}})
	p.user(directory.SourceInvited, guestAddress, guestAddress)
	return p
}

func (p *parlour) origin() string { return strings.TrimSuffix(p.login, "/login") }

// at gives an address of the sign-in page's own origin.
func (p *parlour) at(path string) string { return p.origin() + path }

func (p *parlour) open(b *oidctest.Browser, path string) visit {
	p.world.t.Helper()
	p.turn.Add(1) // each request meets another node than the one before
	p.turn.Store(p.turn.Load() % 2)
	return p.get(b, p.at(path))
}

func (p *parlour) post(b *oidctest.Browser, path string, form url.Values, header ...string) visit {
	p.world.t.Helper()
	p.turn.Add(1)
	p.turn.Store(p.turn.Load() % 2)
	return p.do(b, http.MethodPost, p.at(path), form, header...)
}

func (p *parlour) key() *localtest.Authenticator {
	return &localtest.Authenticator{Origin: p.origin(), Domain: "localhost"}
}

var (
	optionsOf  = regexp.MustCompile(`data-options="([^"]*)"`)
	codesOf    = regexp.MustCompile(`<code>([A-Z2-7]{5}(?:-[A-Z2-7]{5}){3})</code>`)
	mailedCode = regexp.MustCompile(`(?m)^ +(\d{4} \d{4})$`)
	setupLink  = regexp.MustCompile(`(?m)^ +http\S+(/login/setup/\S+)$`)
)

// options gives what a page lets the browser ask for.
func (p *parlour) options(page visit) []byte {
	p.world.t.Helper()
	found := optionsOf.FindStringSubmatch(page.body)
	if page.status != http.StatusOK || found == nil {
		p.world.t.Fatalf("no passkey is asked for: %d\n%s", page.status, page.body)
	}
	return []byte(html.UnescapeString(found[1]))
}

// letter gives the only letter, which went to this address, as far as the pattern matches it.
func (p *parlour) letter(to string, pattern *regexp.Regexp) string {
	p.world.t.Helper()
	letters := p.take(p.world.t)
	if len(letters) != 1 || letters[0].To != to {
		p.world.t.Fatalf("letters %v, want one to %s", letters, to)
	}
	found := pattern.FindStringSubmatch(letters[0].Text)
	if found == nil {
		p.world.t.Fatalf("not in the letter:\n%s", letters[0].Text)
	}
	return found[1]
}

// link mails a set-up link and gives its path.
func (p *parlour) link(to string) string {
	p.world.t.Helper()
	if err := p.doors[0].MailSetup(p.world.t.Context(), p.id, to, "operator"); err != nil {
		p.world.t.Fatal(err)
	}
	return p.letter(to, setupLink)
}

// enrol follows a set-up link, adds a passkey and gives the recovery codes.
func (p *parlour) enrol(to string, key *localtest.Authenticator) []string {
	p.world.t.Helper()
	b, link := p.browser(), p.link(to)
	response, err := key.Create(p.options(p.open(b, link)))
	if err != nil {
		p.world.t.Fatal(err)
	}
	page := p.post(b, link+"/passkey", url.Values{"response": {string(response)}, "name": {"Blue <key>"}})
	if page.status != http.StatusOK || !strings.Contains(page.body, "Your passkey is ready") || !strings.Contains(page.body, "Blue &lt;key&gt;") {
		p.world.t.Fatalf("the passkey was not added: %d\n%s", page.status, page.body)
	}
	var codes []string
	for _, found := range codesOf.FindAllStringSubmatch(page.body, -1) {
		codes = append(codes, found[1])
	}
	return codes
}

// show signs the challenge of an entrance with a passkey.
func (p *parlour) show(b *oidctest.Browser, entrance string, key *localtest.Authenticator) visit {
	p.world.t.Helper()
	response, err := key.Get(p.options(p.open(b, entrance)))
	if err != nil {
		p.world.t.Fatal(err)
	}
	return p.post(b, strings.Split(entrance, "?")[0]+"/passkey", url.Values{"response": {string(response)}})
}

// leads checks where an answer sends the browser.
func (p *parlour) leads(a visit, to string) {
	p.world.t.Helper()
	if a.status != http.StatusSeeOther || a.header.Get("Location") != to {
		p.world.t.Fatalf("status %d to %q, want %q\n%s", a.status, a.header.Get("Location"), to, a.body)
	}
}

// says checks an answer's status and that its page has a text.
func (p *parlour) says(a visit, status int, text string) {
	p.world.t.Helper()
	if a.status != status || !strings.Contains(a.body, text) {
		p.world.t.Errorf("status %d, want %d with %q:\n%s", a.status, status, text, a.body)
	}
}

// sessionOf gives the ledger's record of the browser's session.
func (p *parlour) sessionOf(b *oidctest.Browser) *directory.Session {
	p.world.t.Helper()
	u, _ := url.Parse(p.origin())
	for _, cookie := range b.Cookies(u) {
		if cookie.Name == "domicile_session" {
			session, _ := p.ledger.FSM.View().Session(hashOf(cookie.Value))
			return session
		}
	}
	return nil
}

func (p *parlour) signedOut(b *oidctest.Browser) {
	p.world.t.Helper()
	if session := p.sessionOf(b); session != nil {
		p.world.t.Errorf("a session is open: %s", session.ID)
	}
	if page := p.open(b, "/api/v1/session"); page.status != http.StatusUnauthorized {
		p.world.t.Errorf("the session answers %d", page.status)
	}
}

// cookieNamed gives a cookie that an answer sets.
func cookieNamed(a visit, name string) *http.Cookie {
	cookies := (&http.Response{Header: a.header}).Cookies()
	if i := slices.IndexFunc(cookies, func(c *http.Cookie) bool { return c.Name == name }); i >= 0 {
		return cookies[i]
	}
	return nil
}
