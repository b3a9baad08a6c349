package httpapi_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"domicile/apps"
	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/oidc"
	"domicile/oidc/oidctest"
	"domicile/seal"
)

// applications makes the application's door of one node.
func (w *world) applications(region directory.Region, registry *prometheus.Registry) *apps.Service {
	signIn := w.service(testRegion, nil, prometheus.NewRegistry())
	return apps.New(apps.Deps{
		Proposer: w.ledger, Viewer: w.ledger, Keyring: w.ring, Identity: state.Identity{Region: testRegion, Cluster: testCluster},
		Region: region, HTTP: w.client.HTTP(), NewID: seal.NewID, Now: w.ledger.Now, Registry: registry,
		Resolve: func(ctx context.Context, cookie string) (apps.Who, error) {
			who, err := signIn.Resolve(ctx, cookie)
			return apps.Who{User: who.User, Organization: who.Organization, Session: who.Session}, err
		},
	})
}

const (
	shopSecret   = "a secret+with/odd characters"
	shopCallback = "https://shop.example/callback"
	shopBye      = "https://shop.example/bye?x=1"

	shopVerifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // RFC 7636 appendix B
	shopChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

// shop is a world with an organization, somebody in it, and an application of the operator's.
type shop struct {
	*world
	*tenant
	person directory.ResourceID
	app    directory.ApplicationID
}

const buyer = "rosa@acme.example"

func newShop(t *testing.T, dev bool) *shop {
	t.Helper()
	s := &shop{world: newWorld(t, dev), app: "shop"}
	s.tenant = s.world.tenant("acme", "acme.example")
	s.person = s.both("rosa", buyer)
	s.signingKey()
	s.register("shop", shopSecret, "", shopCallback)
	return s
}

// region proposes a command of the region's own.
func (s *shop) region(p command.Payload) {
	s.world.t.Helper()
	s.ledger.Must("", p)
}

// signingKey adds a signing key, as the duty of the leader does.
func (s *shop) signingKey() {
	s.world.t.Helper()
	expect := ""
	if keys := s.ledger.FSM.View().SigningKeys(directory.KeyIDToken); len(keys) > 0 {
		expect = keys[len(keys)-1].ID
	}
	key, err := oidc.NewSigningKey(s.ring, state.Identity{Region: testRegion, Cluster: testCluster}, s.ledger.Now(), directory.KeyIDToken, expect)
	if err != nil {
		s.world.t.Fatal(err)
	}
	s.region(&key)
}

// register puts an application; an empty secret makes it public. People may go to its front page after they signed out.
func (s *shop) register(id directory.ApplicationID, secret, backChannel string, redirects ...string) {
	s.world.t.Helper()
	p := &command.PutApplication{
		ID: id, Name: "The <shop>", RedirectURIs: redirects, BackChannelURI: backChannel,
		LogoutURIs: []string{shopBye, strings.TrimSuffix(redirects[0], "callback")},
	}
	if secret != "" {
		p.SecretHash = seal.HashToken(secret)
	}
	if old, ok := s.ledger.FSM.View().Application(id); ok {
		p.ExpectVersion = old.Version
	}
	s.region(p)
}

// enter signs somebody in and gives the browser.
func (s *shop) enter(email string) *oidctest.Browser {
	s.world.t.Helper()
	b := s.browser()
	if a := s.signIn(b, email); a.status != http.StatusSeeOther {
		s.world.t.Fatalf("the sign-in ended with %d\n%s", a.status, a.body)
	}
	return b
}

// asking is the path of a good authorization request, but for the pairs; an empty value takes a parameter away.
func (s *shop) asking(pairs ...string) string {
	return apps.PathAuthorize + "?" + altered(url.Values{
		"response_type": {"code"}, "client_id": {string(s.app)}, "redirect_uri": {shopCallback}, "scope": {"openid profile email"},
		"state": {"the state"}, "nonce": {"the nonce"}, "code_challenge": {shopChallenge}, "code_challenge_method": {"S256"},
	}, pairs...).Encode()
}

func altered(values url.Values, pairs ...string) url.Values {
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
		if pairs[i+1] == "" {
			values.Del(pairs[i])
		}
	}
	return values
}

// told checks that an answer sends the browser to the application, and gives what the application is told.
func (s *shop) told(a visit) url.Values {
	s.world.t.Helper()
	at, query, _ := strings.Cut(a.header.Get("Location"), "?")
	values, err := url.ParseQuery(query)
	if a.status != http.StatusSeeOther || at != shopCallback || err != nil {
		s.world.t.Fatalf("%d to %q\n%s", a.status, a.header.Get("Location"), a.body)
	}
	if values.Get("iss") != s.server.URL+"/oidc" || values.Get("state") != "the state" {
		s.world.t.Errorf("the application is told %v", values)
	}
	return values
}

func (s *shop) code(b *oidctest.Browser, pairs ...string) string {
	s.world.t.Helper()
	code := s.told(s.get(b, s.asking(pairs...))).Get("code")
	if code == "" {
		s.world.t.Fatal("no code")
	}
	return code
}

// buying is a good token request, but for the pairs.
func buying(code string, pairs ...string) url.Values {
	return altered(url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {shopCallback}, "code_verifier": {shopVerifier},
		"client_id": {"shop"}, "client_secret": {shopSecret},
	}, pairs...)
}

// backend sends a request as the application's server does: without cookies.
func (s *shop) backend(method, path string, form url.Values, header ...string) visit {
	s.world.t.Helper()
	return s.do(s.browser(), method, path, form, header...)
}

// deactivate is what SCIM does with a leaver.
func (s *shop) deactivate() {
	s.world.t.Helper()
	d, _ := s.ledger.FSM.View().Directory(s.tenant.id)
	user, _ := d.User(s.person)
	s.propose(&command.ReplaceUser{ID: s.person, ExpectVersion: user.Version, UserFields: fields(buyer, false, buyer)})
}
