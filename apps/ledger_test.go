package apps_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"domicile/apps"
	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/fsmtest"
	"domicile/fsm/state"
	"domicile/seal"
)

const (
	acme       directory.OrganizationID = "acme"
	rosa       directory.ResourceID     = "rosa"
	connection directory.ConnectionID   = "connection"
	idp                                 = "https://idp.example"

	billing    directory.ApplicationID = "billing" // has a secret
	spa        directory.ApplicationID = "spa"     // public
	callback                           = "https://billing.example/callback?tenant=1"
	spaBack                            = "https://spa.example/"
	afterwards                         = "https://billing.example/bye"
	secret                             = "s3cret/with+odd characters"
	issuer                             = "https://eu.example.com/oidc"

	verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // RFC 7636 appendix B
	s256     = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

// house is a ledger with an organization and two applications, and the service over it.
type house struct {
	*apps.Service
	*fsmtest.Ledger
	t    testing.TB
	ring *seal.Keyring
}

func identity() state.Identity { return state.Identity{Region: "eu", Cluster: "cluster-1"} }

func newHouse(t testing.TB) *house {
	h := &house{t: t, Ledger: fsmtest.New(t, identity(), command.MaxLevel), ring: seal.GenerateKeyring()}
	h.Service = h.node(h.ring)
	h.Must(acme, &command.CreateOrganization{OrganizationFields: command.OrganizationFields{
		Slug: "acme", Name: "Acme", Domains: []string{"acme.example"}, RootEmail: "root@acme.example",
		Profile: directory.ProfileInterop, BreakGlass: []string{"fire@acme.example"},
	}})
	h.Must(acme, &command.PutConnection{
		ID: connection, Issuer: idp, ClientID: "client", ConnectionSettings: directory.ConnectionSettings{AuthMethod: directory.AuthBasic},
		Enabled: true,
	})
	h.user(rosa, "rosa@acme.example", "rosa@other.example")
	h.key()
	h.application(billing, seal.HashToken(secret), callback, "https://billing.example/other")
	h.application(spa, directory.Hash{}, spaBack)
	return h
}

// node makes a service of the same region.
func (h *house) node(ring *seal.Keyring) *apps.Service {
	return apps.New(apps.Deps{
		Proposer: h, Viewer: h, Keyring: ring, Identity: identity(), NewID: seal.NewID, Now: h.Now, Resolve: h.resolve,
		HTTP:   http.DefaultClient,
		Region: directory.Region{ID: "eu", URL: "https://eu.example.com", LoginURL: "https://Login.eu.example.com:443/login"},
	})
}

// resolve is what the person's door does.
func (h *house) resolve(ctx context.Context, cookie string) (apps.Who, error) {
	view, err := h.View(ctx, state.Local())
	if err != nil {
		return apps.Who{}, err
	}
	session, ok := view.Session(seal.HashToken(cookie))
	if !ok || session.Expired(directory.Time(h.Now().UnixMicro())) {
		return apps.Who{}, directory.Errorf(directory.KindUnauthenticated, "", "nobody is signed in")
	}
	d, _ := view.Directory(session.Organization)
	user, _ := d.UserByNumber(session.UserNumber)
	return apps.Who{User: user, Organization: d.Organization(), Session: session}, nil
}

// Now is the ledger's, not the service's way to ask for it.
func (h *house) Now() time.Time { return h.Ledger.Now() }

func (h *house) user(id directory.ResourceID, emails ...string) {
	h.t.Helper()
	h.Must(acme, &command.CreateUser{ID: id, Source: directory.SourceSCIM, UserFields: command.UserFields{
		Active: true, UserName: string(id), UserNameKey: string(id), DisplayName: "Rosa Díaz, 100%", Emails: emails, Attributes: "{}",
	}})
}

func (h *house) deactivate(id directory.ResourceID) {
	h.t.Helper()
	d, _ := h.FSM.View().Directory(acme)
	user, _ := d.User(id)
	h.Must(acme, &command.ReplaceUser{ID: id, ExpectVersion: user.Version, UserFields: command.UserFields{
		UserName: user.UserName, UserNameKey: user.UserNameKey, Attributes: "{}",
	}})
}

func (h *house) group(id directory.ResourceID, name string, members ...directory.ResourceID) {
	h.t.Helper()
	h.Must(acme, &command.CreateGroup{ID: id, Source: directory.SourceSCIM, Members: members, GroupFields: command.GroupFields{
		DisplayName: name, DisplayNameKey: directory.Fold(name), Attributes: "{}",
	}})
}

func (h *house) application(id directory.ApplicationID, hash directory.Hash, uris ...string) {
	h.t.Helper()
	h.put(&command.PutApplication{
		ID: id, Name: "The " + string(id), SecretHash: hash, RedirectURIs: uris, LogoutURIs: []string{afterwards},
	})
}

// put writes an application over the one that is there.
func (h *house) put(p *command.PutApplication) {
	h.t.Helper()
	if old, ok := h.FSM.View().Application(p.ID); ok {
		p.ExpectVersion = old.Version
	}
	h.Must("", p)
}

// key makes a signing key and gives its id.
func (h *house) key() string {
	h.t.Helper()
	private, err := seal.NewSigningKey("ES256")
	if err != nil {
		h.t.Fatal(err)
	}
	signer, err := seal.ParseSigningKey(private)
	if err != nil {
		h.t.Fatal(err)
	}
	id, expect := seal.NewID(), ""
	if keys := h.FSM.View().SigningKeys(directory.KeyIDToken); len(keys) > 0 {
		expect = keys[len(keys)-1].ID
	}
	public, err := json.Marshal(jose.JSONWebKey{Key: signer.Public(), KeyID: id, Algorithm: "ES256", Use: "sig"})
	if err != nil {
		h.t.Fatal(err)
	}
	sealed, err := h.ring.Seal(seal.Place{Region: "eu", Cluster: "cluster-1", Row: id, Field: "signing_key"}, private)
	if err != nil {
		h.t.Fatal(err)
	}
	h.Must("", &command.PutSigningKey{ID: id, Use: directory.KeyIDToken, Private: sealed, Public: string(public), Expect: expect})
	return id
}

// signIn opens a session and gives its cookie. authed is when the provider says that the person authenticated.
func (h *house) signIn(id directory.ResourceID, authed time.Time) string {
	h.t.Helper()
	cookie := seal.NewID()
	held, _ := h.FSM.View().Connection(connection)
	open := &command.OpenSession{
		ID: directory.SessionID(seal.NewID()), Hash: seal.HashToken(cookie), User: id, Connection: connection,
		ConnectionVersion: held.Version, Transaction: seal.HashToken(seal.NewID()),
		TransactionExpiry: directory.Time(h.Now().Add(time.Hour).UnixMicro()),
		Lifetime:          (12 * time.Hour).Microseconds(), Issuer: idp, Subject: "subject of " + string(id), Context: "urn:acr",
		SessionDetails: command.SessionDetails{Methods: []string{"pwd", "mfa"}},
	}
	if !authed.IsZero() {
		open.Authed = directory.Time(authed.UnixMicro())
	}
	h.Must(acme, open)
	return cookie
}

// local opens a session of the root user, or a break-glass one, and gives its cookie.
func (h *house) local(email string) string {
	h.t.Helper()
	cookie := seal.NewID()
	h.Must(acme, &command.OpenLocalSession{
		ID: directory.SessionID(seal.NewID()), Hash: seal.HashToken(cookie), Email: email, User: "root",
		Challenge: seal.HashToken(seal.NewID()), ChallengeExpiry: directory.Time(h.Now().Add(time.Hour).UnixMicro()),
		Lifetime: time.Hour.Microseconds(),
	})
	return cookie
}

func (h *house) session(cookie string) *directory.Session {
	h.t.Helper()
	session, ok := h.FSM.View().Session(seal.HashToken(cookie))
	if !ok {
		h.t.Fatal("the session is gone")
	}
	return session
}

// asks is a good authorization request of billing, but for the pairs: an empty value takes the parameter away.
func asks(pairs ...string) url.Values {
	values := url.Values{
		"response_type": {"code"}, "client_id": {string(billing)}, "redirect_uri": {callback}, "scope": {"openid profile email"},
		"state": {"a state & more"}, "nonce": {"the nonce"}, "code_challenge": {s256}, "code_challenge_method": {"S256"},
	}
	return with(values, pairs...)
}

func with(values url.Values, pairs ...string) url.Values {
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
		if pairs[i+1] == "" {
			values.Del(pairs[i])
		}
	}
	return values
}

// code walks to a code.
func (h *house) code(cookie string, pairs ...string) string {
	h.t.Helper()
	next, err := h.Authorize(h.t.Context(), cookie, asks(pairs...))
	if err != nil || next.Location == "" {
		h.t.Fatalf("%+v, %v", next, err)
	}
	code := queryOf(h.t, next.Location).Get("code")
	if code == "" {
		h.t.Fatalf("no code in %s", next.Location)
	}
	return code
}

func queryOf(t testing.TB, address string) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

// buys is a good token request of billing, but for the pairs.
func buys(code string, pairs ...string) apps.TokenRequest {
	return apps.TokenRequest{Form: with(url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {verifier},
		"client_id": {string(billing)}, "client_secret": {secret},
	}, pairs...)}
}

func (h *house) tokens(cookie string) apps.Tokens {
	h.t.Helper()
	tokens, err := h.Token(h.t.Context(), buys(h.code(cookie)))
	if err != nil {
		h.t.Fatal(err)
	}
	return tokens
}

// claims checks a token's signature against the published keys, and gives its header's typ and its claims.
func (h *house) claims(text string) (typ string, claims map[string]any) {
	h.t.Helper()
	set, err := h.KeySet(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	raw, _ := json.Marshal(set)
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal(raw, &keys); err != nil {
		h.t.Fatal(err)
	}
	token, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		h.t.Fatal(err)
	}
	payload, err := token.Verify(keys)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		h.t.Fatal(err)
	}
	typ, _ = token.Signatures[0].Protected.ExtraHeaders[jose.HeaderType].(string)
	return typ, claims
}

func halfHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}
