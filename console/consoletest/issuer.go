package consoletest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// Issuer is an OpenID provider that has a discovery document and nothing else.
type Issuer struct {
	URL string

	mu       sync.Mutex
	document map[string]any // guarded by mu
	redirect string         // guarded by mu
	asked    int            // guarded by mu
}

// NewIssuer starts an issuer on loopback; it ends with the test.
func NewIssuer(t testing.TB) *Issuer {
	i := new(Issuer)
	server := httptest.NewServer(http.HandlerFunc(i.serve))
	t.Cleanup(server.Close)
	i.URL = server.URL
	i.document = map[string]any{
		"issuer": i.URL, "authorization_endpoint": i.URL + "/authorize", "token_endpoint": i.URL + "/token",
		"jwks_uri": i.URL + "/keys", "id_token_signing_alg_values_supported": []string{"RS256"},
	}
	return i
}

// Set changes one member of the document; nil removes it.
func (i *Issuer) Set(member string, value any) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if value == nil {
		delete(i.document, member)
		return
	}
	i.document[member] = value
}

// Redirect makes the issuer send everybody who asks elsewhere.
func (i *Issuer) Redirect(target string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.redirect = target
}

// Asked counts the requests.
func (i *Issuer) Asked() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked
}

func (i *Issuer) serve(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.asked++
	if i.redirect != "" {
		http.Redirect(w, r, i.redirect, http.StatusTemporaryRedirect)
		return
	}
	if r.URL.Path != "/.well-known/openid-configuration" {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(i.document)
}
