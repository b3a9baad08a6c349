package oidctest

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// hugeBytes is the length of answers that a client must not read to the end.
const hugeBytes = 64 << 20

// Announce sets which algorithms the discovery document lists; none lists the
// one that tokens are signed with.
func (p *Provider) Announce(algorithms ...jose.SignatureAlgorithm) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.announced = slices.Clone(algorithms)
}

// SetCacheControl sets the Cache-Control of an endpoint's answers, "no-store"
// until then.
func (p *Provider) SetCacheControl(endpoint Endpoint, value string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.caching[endpoint] = value
}

func (p *Provider) cacheControl(endpoint Endpoint) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if value, ok := p.caching[endpoint]; ok {
		return value
	}
	return "no-store"
}

func (p *Provider) discovery(w http.ResponseWriter, r *http.Request) {
	switch {
	case p.fails(DiscoveryFails):
		http.Error(w, "scripted failure", http.StatusInternalServerError)
	case p.fails(DiscoveryHang):
		p.hang(r.Context())
	case p.fails(DiscoveryHuge):
		writeHuge(w)
	case p.fails(DiscoveryHTML):
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, "<html><script>alert(1)</script></html>")
	case p.fails(DiscoveryNested):
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"issuer":`+strings.Repeat("[", 100_000))
	case p.fails(DiscoveryRedirect):
		http.Redirect(w, r, p.foreign(), http.StatusTemporaryRedirect)
	default:
		writeJSON(w, http.StatusOK, p.metadata())
	}
}

// metadata is the document of OpenID Connect Discovery 1.0 section 3.
func (p *Provider) metadata() map[string]any {
	p.mu.Lock()
	algorithms := []jose.SignatureAlgorithm{p.algorithm}
	if len(p.announced) > 0 {
		algorithms = slices.Clone(p.announced)
	}
	p.mu.Unlock()
	doc := map[string]any{
		"issuer":                                           p.issuer,
		"authorization_endpoint":                           p.base + "/authorize",
		"token_endpoint":                                   p.base + "/token",
		"userinfo_endpoint":                                p.base + "/userinfo",
		"jwks_uri":                                         p.base + "/keys",
		"end_session_endpoint":                             p.base + "/logout",
		"scopes_supported":                                 []string{"openid", "profile", "email"},
		"response_types_supported":                         []string{"code"},
		"response_modes_supported":                         []string{"query", "form_post"},
		"grant_types_supported":                            []string{"authorization_code"},
		"subject_types_supported":                          []string{"public"},
		"id_token_signing_alg_values_supported":            algorithms,
		"token_endpoint_auth_methods_supported":            []string{"client_secret_basic", "client_secret_post", "private_key_jwt"},
		"token_endpoint_auth_signing_alg_values_supported": []string{"ES256", "RS256", "PS256", "EdDSA"},
		"code_challenge_methods_supported":                 []string{"S256"},
		"prompt_values_supported":                          []string{"none", "login", "select_account"},
		"authorization_response_iss_parameter_supported":   true,
		"backchannel_logout_supported":                     true,
		"backchannel_logout_session_supported":             true,
	}
	if p.fails(DiscoveryWrongIssuer) {
		doc["issuer"] = p.foreign()
	}
	if p.fails(DiscoverySlash) {
		doc["issuer"] = toggleSlash(p.issuer)
	}
	if p.fails(DiscoveryForeign) {
		doc["authorization_endpoint"] = strings.TrimSuffix(p.foreign(), "/") + "/authorize"
	}
	if p.fails(DiscoveryForeignKeys) {
		doc["jwks_uri"] = strings.TrimSuffix(p.foreign(), "/") + "/keys"
	}
	if p.fails(PKCENotAnnounced) {
		delete(doc, "code_challenge_methods_supported")
	}
	if p.scripted(EndSessionNotAnnounced) {
		delete(doc, "end_session_endpoint")
	}
	if p.scripted(IssNotSupported) {
		delete(doc, "authorization_response_iss_parameter_supported")
	}
	return doc
}

func (p *Provider) jwks(w http.ResponseWriter, r *http.Request) {
	switch {
	case p.fails(KeysFail):
		http.Error(w, "scripted failure", http.StatusInternalServerError)
		return
	case p.fails(KeysHang):
		p.hang(r.Context())
		return
	case p.fails(KeysHuge):
		writeHuge(w)
		return
	}
	published := p.publicKeys()
	if p.fails(KeysNoKid) {
		for i := range published {
			published[i].KeyID = ""
		}
	}
	keys := make([]any, 0, len(published)+3)
	if p.fails(KeysUnknown) {
		keys = append(keys,
			map[string]any{"kty": "AKP", "alg": "ML-DSA-44", "kid": "unknown", "pub": "AAAA"},
			map[string]any{"kty": "EC", "crv": "P-256", "kid": "malformed", "x": "!", "y": "!"},
		)
	}
	if p.fails(KeysDecoys) {
		for range 3 {
			decoy, err := newKey("ES256")
			if err != nil {
				http.Error(w, "no decoy", http.StatusInternalServerError)
				return
			}
			keys = append(keys, decoy.published())
		}
	}
	for _, k := range published {
		keys = append(keys, k)
	}
	writeJSON(w, http.StatusOK, map[string]any{"keys": keys})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "answer cannot be rendered", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// writeHuge sends valid JSON that goes on for 64 MiB.
func writeHuge(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	if _, err := io.WriteString(w, `{"pad":"`); err != nil {
		return
	}
	chunk := strings.Repeat("x", 64<<10)
	for range hugeBytes / len(chunk) {
		if _, err := io.WriteString(w, chunk); err != nil {
			return // the client had enough
		}
	}
	_, _ = io.WriteString(w, `"}`)
}

func toggleSlash(issuer string) string {
	if cut, ok := strings.CutSuffix(issuer, "/"); ok {
		return cut
	}
	return issuer + "/"
}
