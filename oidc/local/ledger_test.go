package local

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/fsmtest"
	"domicile/fsm/state"
	"domicile/oidc/local/localtest"
	"domicile/seal"
)

const (
	acme   directory.OrganizationID = "acme"
	globex directory.OrganizationID = "globex"

	rootAddress  = "root@acme.example"
	spareAddress = "spare@acme.example"   // break-glass
	guestAddress = "guest@contractor.org" // invited, of a foreign domain
	staffAddress = "staff@acme.example"   // invited, of an own domain
	origin       = "https://eu.example.com"
)

func testIdentity() state.Identity { return state.Identity{Region: "eu", Cluster: "cluster-1"} }

// house is a service over a ledger whose time stands still, with two organizations and a mail box.
type house struct {
	*testing.T
	*Service
	*fsmtest.Ledger
	ring *seal.Keyring

	mu      sync.Mutex
	letters []Letter
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{T: t, Ledger: fsmtest.New(t, testIdentity(), command.MaxLevel), ring: seal.GenerateKeyring()}
	h.Stop(time.Now())
	h.Must(acme, &command.CreateOrganization{OrganizationFields: command.OrganizationFields{
		Slug: "acme", Name: "Acme", Domains: []string{"acme.example"}, RootEmail: rootAddress, Profile: directory.ProfileInterop,
		BreakGlass: []string{spareAddress},
	}})
	h.Must(globex, &command.CreateOrganization{OrganizationFields: command.OrganizationFields{
		Slug: "globex", Name: "Globex", Domains: []string{"globex.example"}, RootEmail: "root@globex.example", Profile: directory.ProfileInterop,
	}})
	h.invite(acme, guestAddress)
	h.invite(acme, staffAddress)
	h.Service = h.service("eu", "https://EU.example.com/login")
	return h
}

// service makes a service of a region over the same ledger and keys.
func (h *house) service(region, page string) *Service {
	h.Helper()
	s, err := New(Deps{
		Proposer: h, Viewer: h, Keyring: h.ring, Identity: state.Identity{Region: region, Cluster: "cluster-1"},
		Region:        directory.Region{ID: region, Name: "European Union", LoginURL: page},
		SessionPrefix: "dom_eu_session_", Mail: h.deliver, Now: h.Now,
	})
	if err != nil {
		h.Fatal(err)
	}
	return s
}

func (h *house) deliver(_ context.Context, letter Letter) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.letters = append(h.letters, letter)
	return nil
}

// mail gives the letters since the last call.
func (h *house) mail() []Letter {
	h.Wait(h.Context())
	h.mu.Lock()
	defer h.mu.Unlock()
	letters := h.letters
	h.letters = nil
	return letters
}

var mailedCode = regexp.MustCompile(`(?m)^ +(\d{4} \d{4})$`)

// mailed gives the code of the only letter, which went to this address.
func (h *house) mailed(to string) string {
	h.Helper()
	letters := h.mail()
	if len(letters) != 1 || letters[0].To != to {
		h.Fatalf("letters %v, want one to %s", letters, to)
	}
	found := mailedCode.FindStringSubmatch(letters[0].Text)
	if found == nil {
		h.Fatalf("no code in\n%s", letters[0].Text)
	}
	return found[1]
}

func (h *house) invite(org directory.OrganizationID, email string) {
	h.Helper()
	h.Must(org, &command.CreateUser{ID: directory.ResourceID(email), Source: directory.SourceInvited, UserFields: command.UserFields{
		Active: true, UserName: email, UserNameKey: directory.Fold(email), DisplayName: email, Emails: []string{email}, Attributes: "{}",
	}})
}

// change updates acme.
func (h *house) change(edit func(*command.OrganizationFields)) {
	h.Helper()
	d, _ := h.FSM.View().Directory(acme)
	org := d.Organization()
	fields := command.OrganizationFields{
		Slug: org.Slug, Name: org.Name, Domains: org.Domains, RootEmail: org.RootEmail, Profile: org.Profile,
		BreakGlass: org.BreakGlass, SignIn: org.SignIn,
	}
	edit(&fields)
	h.Must(acme, &command.UpdateOrganization{ExpectVersion: org.Version, OrganizationFields: fields})
}

func (h *house) connect() {
	h.Helper()
	h.Must(acme, &command.PutConnection{
		ID: "connection", Issuer: "https://idp.example", ClientID: "client",
		ConnectionSettings: directory.ConnectionSettings{AuthMethod: directory.AuthBasic}, Enabled: true,
	})
}

// link mails a set-up link and gives its token.
func (h *house) link(address string) string {
	h.Helper()
	if err := h.MailSetup(h.Context(), acme, address, "operator"); err != nil {
		h.Fatal(err)
	}
	letters := h.mail()
	if len(letters) != 1 || letters[0].To != address {
		h.Fatalf("letters %v", letters)
	}
	_, token, ok := strings.Cut(letters[0].Text, origin+SetupPath)
	if !ok {
		h.Fatalf("no link in\n%s", letters[0].Text)
	}
	token, _, _ = strings.Cut(token, "\n")
	return token
}

func newKey() *localtest.Authenticator {
	return &localtest.Authenticator{Origin: origin, Domain: "eu.example.com"}
}

// enrol sets up an address by a mailed link.
func (h *house) enrol(address string, key *localtest.Authenticator) Enrolled {
	h.Helper()
	token := h.link(address)
	page, err := h.Setup(h.Context(), token)
	if err != nil {
		h.Fatal(err)
	}
	made, err := h.SetupPasskey(h.Context(), token, visit(page.Prompt.Cookie), NewPasskey{Response: h.create(key, page.Prompt)})
	if err != nil {
		h.Fatal(err)
	}
	return made
}

func (h *house) create(key *localtest.Authenticator, prompt Prompt) []byte {
	h.Helper()
	response, err := key.Create(prompt.Options)
	if err != nil {
		h.Fatal(err)
	}
	return response
}

// ask begins a sign-in with a passkey and signs its challenge.
func (h *house) ask(key *localtest.Authenticator) (Visit, []byte) {
	h.Helper()
	prompt, err := h.AskPasskey(h.Context(), "/account")
	if err != nil {
		h.Fatal(err)
	}
	response, err := key.Get(prompt.Options)
	if err != nil {
		h.Fatal(err)
	}
	return visit(prompt.Cookie), response
}

func visit(cookies ...Cookie) Visit {
	v := Visit{Agent: "Firefox on Linux", Address: "192.0.2.1"}
	for _, c := range cookies {
		v.Cookies = append(v.Cookies, &http.Cookie{Name: c.Name, Value: c.Value})
	}
	return v
}

// session gives what a sign-in opened.
func (h *house) session(done *SignedIn) *directory.Session {
	h.Helper()
	session, ok := h.FSM.View().Session(seal.HashToken(done.Token.Reveal()))
	if !ok {
		h.Fatal("no session")
	}
	return session
}

// refused checks the reason of an error.
func (h *house) refused(err error, want Reason) {
	h.Helper()
	refusal, ok := err.(*Refusal)
	if !ok || refusal.Reason != want {
		h.Errorf("%v (%T), want %s", err, err, want)
		return
	}
	if len(refusal.Reference) != 8 {
		h.Errorf("reference %q", refusal.Reference)
	}
}
