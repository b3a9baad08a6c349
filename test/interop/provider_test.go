package interop

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"domicile/test/region"
)

const secret = "an-interop-secret-of-forty-characters-00"

// certified runs the certified provider with one client, whose callback is known only once the connection exists.
type certified struct {
	port   int
	issuer string
	client map[string]any
	thin   bool
	run    *program
}

func newCertified(t *testing.T, client map[string]any, thin bool) *certified {
	port := freePort(t)
	c := &certified{port: port, issuer: fmt.Sprintf("http://127.0.0.1:%d", port), client: client, thin: thin}
	c.restart(t)
	return c
}

func (c *certified) restart(t *testing.T) {
	t.Helper()
	if c.run != nil {
		c.run.end()
	}
	c.run = start(t, "provider.mjs", map[string]any{"port": c.port, "clients": []any{c.client}, "thin": c.thin})
	if line := c.run.line(t); line != "ready" {
		t.Fatalf("the provider says %q", line)
	}
}

// Every way to authenticate at the token endpoint, every signing algorithm, claims in the token or at userinfo only, both
// ways to answer.
func TestCertifiedProvider(t *testing.T) {
	tests := []struct {
		name, auth, algorithm, mode string
		thin                        bool
	}{
		{"basic RS256 query, claims at userinfo", "client_secret_basic", "RS256", "query", true},
		{"post ES256 query", "client_secret_post", "ES256", "query", false},
		{"private key PS256 query", "private_key_jwt", "PS256", "query", false},
		{"basic EdDSA form post", "client_secret_basic", "EdDSA", "form_post", false},
		{"private key RS256 form post, claims at userinfo", "private_key_jwt", "RS256", "form_post", true},
	}
	for n, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			client := map[string]any{
				"client_id": "domicile", "redirect_uris": []string{"http://127.0.0.1/none"},
				"token_endpoint_auth_method": test.auth, "id_token_signed_response_alg": test.algorithm,
			}
			fields := map[string]any{"client_id": "domicile", "auth_method": test.auth, "response_mode": test.mode}
			if test.auth == "private_key_jwt" {
				client["jwks_uri"] = us.Nodes[0].URL + "/.well-known/client-keys.json"
				client["token_endpoint_auth_signing_alg"] = "ES256"
			} else {
				client["client_secret"], fields["client_secret"] = secret, secret
			}
			provider := newCertified(t, client, test.thin)
			fields["issuer"] = provider.issuer
			tenant := newTenant(t, fmt.Sprint("certified-", n), "ada")
			made := tenant.connect(t, fields)
			client["redirect_uris"] = []string{made.RedirectURI}
			client["post_logout_redirect_uris"] = []string{us.Nodes[0].URL + "/logout/done"}
			client["backchannel_logout_uri"] = us.Nodes[1].URL + "/backchannel-logout/" + made.ID
			client["backchannel_logout_session_required"] = true
			provider.restart(t)

			ada := newVisitor("ada")
			if end := ada.walk(t, us.Nodes[0].URL+"/login"); end.status != http.StatusOK {
				t.Fatalf("the sign-in ended with %d at %s:\n%s", end.status, end.url, end.body)
			}
			eventually(t, "ada is signed in", func(n *region.Node) bool { return signedIn(t, ada, n) == "ada" })

			// Signed out at the provider: the back channel ends the session on every node.
			ada.eager = true
			end := ada.walk(t, provider.issuer+"/session/end?"+url.Values{"client_id": {"domicile"}}.Encode())
			if end.status >= 400 {
				t.Fatalf("signing out at the provider: %d\n%s", end.status, end.body)
			}
			eventually(t, "ada is signed out", func(n *region.Node) bool { return signedIn(t, ada, n) == "" })

			stranger := newVisitor("mallory")
			if end := stranger.walk(t, us.Nodes[0].URL+"/login"); end.status != http.StatusForbidden {
				t.Errorf("somebody who was never provisioned ended with %d at %s", end.status, end.url)
			}
		})
	}
}

// Signing out here goes on to the provider (RP-Initiated Logout), which then knows nobody any more and sends the browser
// back.
func TestCertifiedProvider_logoutBegunHere(t *testing.T) {
	client := map[string]any{"client_id": "domicile", "client_secret": secret, "redirect_uris": []string{"http://127.0.0.1/none"}}
	provider := newCertified(t, client, false)
	tenant := newTenant(t, "certified-logout", "ada")
	made := tenant.connect(t, map[string]any{"issuer": provider.issuer, "client_id": "domicile", "client_secret": secret})
	client["redirect_uris"] = []string{made.RedirectURI}
	client["post_logout_redirect_uris"] = []string{us.Nodes[0].URL + "/logout/done"}
	provider.restart(t)

	ada := newVisitor("ada")
	if end := ada.walk(t, us.Nodes[0].URL+"/login"); end.status != http.StatusOK {
		t.Fatalf("the sign-in ended with %d at %s:\n%s", end.status, end.url, end.body)
	}
	ada.eager = true
	end := ada.walk(t, us.Nodes[0].URL+"/logout")
	if end.status != http.StatusOK || end.url.Path != "/logout/done" || !strings.HasPrefix(end.url.String(), us.Nodes[0].URL) {
		t.Fatalf("signing out ended with %d at %s:\n%s", end.status, end.url, end.body)
	}
	eventually(t, "ada is signed out", func(n *region.Node) bool { return signedIn(t, ada, n) == "" })
}

// What an application demands goes on to the provider, which authenticates the person again, and so does its logout, which comes
// back to the application.
func TestCertifiedProvider_application(t *testing.T) {
	client := map[string]any{
		"client_id": "domicile", "client_secret": secret, "redirect_uris": []string{"http://127.0.0.1/none"}, "require_auth_time": true,
	}
	provider := newCertified(t, client, false)
	tenant := newTenant(t, "certified-application", "ada")
	made := tenant.connect(t, map[string]any{"issuer": provider.issuer, "client_id": "domicile", "client_secret": secret})
	client["redirect_uris"] = []string{made.RedirectURI}
	client["post_logout_redirect_uris"] = []string{us.Nodes[0].URL + "/logout/done"}
	provider.restart(t)

	ada, shop := newVisitor("ada"), newApplication(t, "shop")
	first := authTime(t, shop.signIn(t, ada, nil))
	for time.Now().Unix() <= first { // the claim has seconds
		time.Sleep(20 * time.Millisecond)
	}
	if again := authTime(t, shop.signIn(t, ada, nil)); again != first {
		t.Errorf("nobody was asked, but the person authenticated at %d, then at %d", first, again)
	}
	got := shop.signIn(t, ada, map[string]string{"prompt": "login"})
	if again := authTime(t, got); again <= first {
		t.Errorf("the person authenticated at %d, and with prompt=login at %d", first, again)
	}

	ada.stop, ada.eager = byeURI, true
	if end := ada.walk(t, got.Logout); end.url.String() != byeURI+"?state=bye" {
		t.Fatalf("signing out ended with %d at %s:\n%s", end.status, end.url, end.body)
	}
	eventually(t, "ada is signed out", func(n *region.Node) bool { return signedIn(t, ada, n) == "" })
	ada.stop = provider.issuer + "/interaction/"
	if end := ada.walk(t, us.Nodes[0].URL+"/login"); !strings.HasPrefix(end.url.String(), ada.stop) {
		t.Errorf("the provider asks nothing: %d at %s", end.status, end.url)
	}
}

// authTime is when a person authenticated, in Unix seconds.
func authTime(t *testing.T, got told) int64 {
	t.Helper()
	at, ok := got.Claims["auth_time"].(float64)
	if !ok {
		t.Fatalf("claims %v", got.Claims)
	}
	return int64(at)
}
