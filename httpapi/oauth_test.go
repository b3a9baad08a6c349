package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/scim/oauth"
	"domicile/seal"
)

const (
	oauthSecret   = "a secret+with/odd characters"
	oauthCallback = "https://idp.example/callback"
)

// authority is an authorization server in a world, with one organization and its client.
type authority struct {
	*world
	service *oauth.Service
	org     directory.OrganizationID
	client  directory.ClientID
}

func newAuthority(t *testing.T) *authority {
	a := &authority{world: newWorld(t, false), org: directory.OrganizationID(seal.NewID()), client: directory.ClientID(seal.NewID())}
	a.service = a.authorizationServer()
	a.propose(&command.CreateOrganization{OrganizationFields: command.OrganizationFields{
		Slug: "acme", Name: "Acme & <Sons>", RootEmail: "root@acme.example", Profile: directory.ProfileInterop,
		SCIM: directory.SCIMActive,
	}})
	a.propose(&command.CreateClient{
		ID: a.client, Name: "Okta <i>", SecretHash: seal.HashToken(oauthSecret), RedirectURIs: []string{oauthCallback},
	})
	return a
}

// authorizationServer makes the service of one node.
func (w *world) authorizationServer() *oauth.Service {
	return oauth.New(oauth.Deps{
		Proposer: w.ledger, Viewer: w.ledger, Keyring: w.ring, NewID: seal.NewID, Now: w.ledger.Now,
		Identity: state.Identity{Region: testRegion, Cluster: testCluster},
		Region:   directory.Region{ID: testRegion, Name: "European Union", URL: w.server.URL, LoginURL: w.server.URL + "/login"},
	})
}

func (a *authority) propose(p command.Payload) {
	a.t.Helper()
	a.ledger.Must(a.org, p)
}

func (a *authority) approve() string {
	a.t.Helper()
	approval, _, err := a.service.Approve(a.t.Context(), a.org, a.client)
	if err != nil {
		a.t.Fatal(err)
	}
	return approval.Reveal()
}

// context makes the stock client trust the world.
func (a *authority) context() context.Context {
	return context.WithValue(a.t.Context(), oauth2.HTTPClient, a.server.Client())
}

// config is the stock client's.
func (a *authority) config() *oauth2.Config {
	return &oauth2.Config{
		ClientID: string(a.client), ClientSecret: oauthSecret, RedirectURL: oauthCallback, Scopes: []string{"scim"},
		Endpoint: oauth2.Endpoint{AuthURL: a.server.URL + "/oauth/authorize", TokenURL: a.server.URL + "/oauth/token"},
	}
}

// users asks for the organization's users with a client that has a token.
func (a *authority) users(client *http.Client) int {
	a.t.Helper()
	req, err := http.NewRequestWithContext(a.t.Context(), http.MethodGet, a.server.URL+"/scim/v2/"+string(a.org)+"/Users", nil)
	if err != nil {
		a.t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// post sends a form by hand, as a client does.
func (a *authority) post(path string, form url.Values, header ...string) visit {
	a.t.Helper()
	return a.do(a.browser(), http.MethodPost, path, form, header...)
}

// wantFault checks an error of RFC 6749 §5.2.
func wantFault(t *testing.T, v visit, status int, code oauth.Code) {
	t.Helper()
	var fault struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if err := json.Unmarshal([]byte(v.body), &fault); err != nil || v.status != status || fault.Error != string(code) || fault.Description == "" {
		t.Errorf("%d %s, want %d %s", v.status, v.body, status, code)
	}
	if v.header.Get("Content-Type") != "application/json" || v.header.Get("Cache-Control") != "no-store" || v.header.Get("Pragma") != "no-cache" {
		t.Errorf("headers %v", v.header)
	}
	if challenge := v.header.Get("WWW-Authenticate"); (challenge != "") != (status == http.StatusUnauthorized) ||
		challenge != "" && !strings.HasPrefix(challenge, "Basic ") {
		t.Errorf("challenge %q", challenge)
	}
}

// TestOAuth_clientCredentials: a stock client gets a token, either way, and the token opens the directory.
func TestOAuth_clientCredentials(t *testing.T) {
	a := newAuthority(t)
	for name, style := range map[string]oauth2.AuthStyle{"basic": oauth2.AuthStyleInHeader, "post": oauth2.AuthStyleInParams} {
		t.Run(name, func(t *testing.T) {
			config := clientcredentials.Config{
				ClientID: string(a.client), ClientSecret: oauthSecret, TokenURL: a.server.URL + "/oauth/token", AuthStyle: style,
			}
			token, err := config.Token(a.context())
			if err != nil {
				t.Fatal(err)
			}
			if left := time.Until(token.Expiry); token.Type() != "Bearer" || token.RefreshToken != "" || left < 59*time.Minute || left > time.Hour {
				t.Errorf("a %s token for %s", token.Type(), left)
			}
			if status := a.users(config.Client(a.context())); status != http.StatusOK {
				t.Errorf("SCIM answers %d", status)
			}
		})
	}
	_, err := (&clientcredentials.Config{ClientID: string(a.client), ClientSecret: "no", TokenURL: a.server.URL + "/oauth/token"}).Token(a.context())
	if fault, ok := errors.AsType[*oauth2.RetrieveError](err); !ok || fault.ErrorCode != "invalid_client" {
		t.Errorf("a wrong secret: %v", err)
	}
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)

// hiddenFields gives what a page's form carries along.
func hiddenFields(page string) url.Values {
	values := make(url.Values)
	for _, match := range hiddenField.FindAllStringSubmatch(page, -1) {
		values.Add(html.UnescapeString(match[1]), html.UnescapeString(match[2]))
	}
	return values
}

// TestOAuth_authorizationCode: a stock client sends the owner's browser, gets a code on one node, changes it for tokens on
// another, refreshes, and revokes.
func TestOAuth_authorizationCode(t *testing.T) {
	a := newAuthority(t)
	config, verifier, browser := a.config(), oauth2.GenerateVerifier(), a.browser()
	page := a.get(browser, config.AuthCodeURL("state &<>", oauth2.S256ChallengeOption(verifier)))
	if page.status != http.StatusOK || !strings.Contains(page.body, "Connect Okta &lt;i&gt;?") || !strings.Contains(page.body, "Acme &amp; &lt;Sons&gt;") {
		t.Fatalf("%d\n%s", page.status, page.body)
	}
	if policy := page.header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-ancestors 'none'") {
		t.Errorf("policy %q", policy)
	}
	form := hiddenFields(page.body)
	form.Set(oauth.FieldApproval, "wrong")
	again := a.do(browser, http.MethodPost, "/oauth/authorize", form)
	if again.status != http.StatusForbidden || !strings.Contains(again.body, "not accepted") {
		t.Errorf("a wrong approval: %d\n%s", again.status, again.body)
	}
	form = hiddenFields(again.body)
	form.Set(oauth.FieldApproval, a.approve())
	if foreign := a.do(browser, http.MethodPost, "/oauth/authorize", form, "Sec-Fetch-Site", "cross-site"); foreign.status != http.StatusForbidden {
		t.Errorf("another site's form: %d", foreign.status)
	}
	sent := a.do(browser, http.MethodPost, "/oauth/authorize", form)
	location, err := url.Parse(sent.header.Get("Location"))
	if err != nil || sent.status != http.StatusSeeOther || !strings.HasPrefix(location.String(), oauthCallback+"?") {
		t.Fatalf("%d to %q\n%s", sent.status, location, sent.body)
	}
	query := location.Query()
	if query.Get("state") != "state &<>" || query.Get("iss") != a.server.URL {
		t.Errorf("answer %s", location)
	}

	a.turn.Store(1)
	token, err := config.Exchange(a.context(), query.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	if status := a.users(config.Client(a.context(), token)); status != http.StatusOK {
		t.Errorf("SCIM answers %d", status)
	}
	a.ledger.Advance(oauth.AccessLife)
	old := a.users(oauth2.NewClient(a.context(), oauth2.StaticTokenSource(token)))
	token.Expiry = time.Now()
	fresh := config.Client(a.context(), token)
	if status := a.users(fresh); status != http.StatusOK || old != http.StatusUnauthorized {
		t.Errorf("after an hour SCIM answers %d, refreshed %d", old, status)
	}
	gone := a.post("/oauth/revoke", url.Values{
		"token": {token.RefreshToken}, "client_id": {string(a.client)}, "client_secret": {oauthSecret},
	})
	if status := a.users(fresh); gone.status != http.StatusOK || gone.body != "" || status != http.StatusUnauthorized {
		t.Errorf("the revocation answers %d %q, SCIM then %d", gone.status, gone.body, status)
	}
}

// TestOAuth_errorPages: the person hears what the client may not.
func TestOAuth_errorPages(t *testing.T) {
	a := newAuthority(t)
	config := a.config()
	config.RedirectURL = "https://evil.example/"
	page := a.get(a.browser(), config.AuthCodeURL("x"))
	if page.status != http.StatusBadRequest || page.header.Get("Location") != "" || strings.Contains(page.body, "evil.example") {
		t.Errorf("a foreign redirect URI: %d\n%s", page.status, page.body)
	}
	told := a.get(a.browser(), a.config().AuthCodeURL("x", oauth2.SetAuthURLParam("response_type", "token")))
	if location := told.header.Get("Location"); told.status != http.StatusSeeOther || !strings.Contains(location, "error=unsupported_response_type") {
		t.Errorf("%d to %q", told.status, location)
	}
	form := url.Values{"client_id": {string(a.client)}, "response_type": {"code"}, oauth.FieldDeny: {"1"}, "state": {"s"}}
	denied := a.do(a.browser(), http.MethodPost, "/oauth/authorize", form)
	if location := denied.header.Get("Location"); !strings.Contains(location, "error=access_denied") || !strings.Contains(location, "state=s") {
		t.Errorf("%d to %q", denied.status, location)
	}
}

func TestOAuth_tokenErrors(t *testing.T) {
	a := newAuthority(t)
	good := url.Values{"grant_type": {"client_credentials"}, "client_id": {string(a.client)}, "client_secret": {oauthSecret}}
	wrong := url.Values{"grant_type": {"client_credentials"}, "client_id": {string(a.client)}, "client_secret": {"x"}}
	for name, c := range map[string]struct {
		answer visit
		status int
		code   oauth.Code
	}{
		"nothing":             {a.post("/oauth/token", nil), http.StatusUnauthorized, oauth.CodeInvalidClient},
		"wrong secret":        {a.post("/oauth/token", wrong), http.StatusUnauthorized, oauth.CodeInvalidClient},
		"in the address":      {a.post("/oauth/token?"+good.Encode(), nil), http.StatusUnauthorized, oauth.CodeInvalidClient},
		"json":                {a.post("/oauth/token", good, "Content-Type", "application/json"), http.StatusBadRequest, oauth.CodeInvalidRequest},
		"a form of no sense":  {a.post("/oauth/token?%zz", good), http.StatusBadRequest, oauth.CodeInvalidRequest},
		"oversized":           {a.post("/oauth/token", url.Values{"x": {strings.Repeat("x", 70<<10)}}), http.StatusRequestEntityTooLarge, oauth.CodeInvalidRequest},
		"a bad code":          {a.post("/oauth/token", url.Values{"grant_type": {"authorization_code"}, "code": {"x"}, "client_id": good["client_id"], "client_secret": good["client_secret"]}), http.StatusBadRequest, oauth.CodeInvalidGrant},
		"revoke as a nobody":  {a.post("/oauth/revoke", url.Values{"token": {"x"}}), http.StatusUnauthorized, oauth.CodeInvalidClient},
		"revoke without what": {a.post("/oauth/revoke", good), http.StatusBadRequest, oauth.CodeInvalidRequest},
	} {
		t.Run(name, func(t *testing.T) { wantFault(t, c.answer, c.status, c.code) })
	}
	a.ledger.Cut(true)
	cut := a.post("/oauth/token", good)
	if cut.header.Get("Retry-After") == "" {
		t.Error("a node that is cut off does not say when to come back")
	}
	wantFault(t, cut, http.StatusServiceUnavailable, "temporarily_unavailable")
	if got := a.do(a.browser(), http.MethodGet, "/oauth/token", nil); got.status != http.StatusMethodNotAllowed {
		t.Errorf("GET answers %d", got.status)
	}
}

// TestOAuth_metadata: what the document names is there.
func TestOAuth_metadata(t *testing.T) {
	a := newAuthority(t)
	answer := a.get(a.browser(), "/.well-known/oauth-authorization-server")
	var doc oauth.Metadata
	if err := json.Unmarshal([]byte(answer.body), &doc); err != nil || answer.status != http.StatusOK || doc.Issuer != a.server.URL {
		t.Fatalf("%d %s", answer.status, answer.body)
	}
	for _, endpoint := range []string{doc.AuthorizationEndpoint, doc.TokenEndpoint, doc.RevocationEndpoint} {
		if found := a.do(a.browser(), http.MethodPost, endpoint, nil); found.status == http.StatusNotFound || found.status == http.StatusMethodNotAllowed {
			t.Errorf("%s answers %d", endpoint, found.status)
		}
	}
}
