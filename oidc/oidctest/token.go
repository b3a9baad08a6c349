package oidctest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	if p.tokenFault(w, r) {
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		oauthError(w, http.StatusBadRequest, "invalid_request", "")
		return
	}
	client, ok := p.authenticateClient(r)
	if !ok {
		if p.fails(CodeBurnt) {
			p.mu.Lock()
			delete(p.codes, r.PostForm.Get("code"))
			p.mu.Unlock()
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="token"`)
		oauthError(w, http.StatusUnauthorized, "invalid_client", "")
		return
	}
	if r.PostForm.Get("grant_type") != "authorization_code" {
		oauthError(w, http.StatusBadRequest, "unsupported_grant_type", "")
		return
	}
	code := r.PostForm.Get("code")
	g, ok := p.redeem(code, client.ID, r.PostForm)
	if !ok {
		oauthError(w, http.StatusBadRequest, "invalid_grant", "")
		return
	}
	access := newSecret()
	idToken, err := p.idToken(g, access, code)
	if err != nil {
		oauthError(w, http.StatusBadRequest, "invalid_grant", "")
		return
	}
	g.expires = p.now().Add(tokenLifetime)
	p.mu.Lock()
	p.access[access] = g
	p.mu.Unlock()
	answer := map[string]any{
		"access_token": access,
		"token_type":   "Bearer",
		"expires_in":   int(tokenLifetime.Seconds()),
		"id_token":     idToken,
		"scope":        strings.Join(g.scopes, " "),
	}
	if p.fails(TokenNoIDToken) {
		delete(answer, "id_token")
	}
	writeJSON(w, http.StatusOK, answer)
}

// tokenFault answers in a scripted way, if there is one.
func (p *Provider) tokenFault(w http.ResponseWriter, r *http.Request) bool {
	switch {
	case p.fails(TokenError):
		oauthError(w, http.StatusBadRequest, "invalid_grant", "<h1>call +1 555 0100</h1>")
	case p.fails(TokenClient):
		oauthError(w, http.StatusUnauthorized, "invalid_client", "")
	case p.fails(TokenHang):
		_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, 64<<10)) // so that the client's departure is noticed
		p.hang(r.Context())
	case p.fails(TokenFails):
		http.Error(w, "scripted failure", http.StatusInternalServerError)
	case p.fails(TokenRedirect):
		http.Redirect(w, r, p.foreign(), http.StatusTemporaryRedirect)
	case p.fails(TokenHuge):
		writeHuge(w)
	default:
		return false
	}
	return true
}

// redeem uses up a code and checks what it is bound to (RFC 6749 section
// 4.1.3, RFC 7636 section 4.6). A wrong attempt uses the code up as well.
func (p *Provider) redeem(code, client string, form url.Values) (grant, bool) {
	reusable := p.fails(CodeReusable)
	p.mu.Lock()
	g, ok := p.codes[code]
	if !reusable {
		delete(p.codes, code)
	}
	p.mu.Unlock()
	switch {
	case !ok, p.now().After(g.expires):
		return grant{}, false
	case g.client != client, g.redirectURI != form.Get("redirect_uri"):
		return grant{}, false
	case p.fails(PKCEIgnored):
		return g, true
	}
	verifier := form.Get("code_verifier")
	if g.challenge == "" {
		return g, verifier == ""
	}
	sum := sha256.Sum256([]byte(verifier))
	return g, base64.RawURLEncoding.EncodeToString(sum[:]) == g.challenge
}

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// authenticateClient accepts exactly one method: client_secret_basic,
// client_secret_post, private_key_jwt, or none for a client without secret and
// keys (RFC 6749 section 2.3, RFC 7523).
func (p *Provider) authenticateClient(r *http.Request) (Client, bool) {
	form := r.PostForm
	id, secret, basic := r.BasicAuth()
	assertion := form.Get("client_assertion")
	used := 0
	for _, present := range []bool{basic, form.Has("client_secret"), assertion != ""} {
		if present {
			used++
		}
	}
	switch {
	case used > 1:
		return Client{}, false
	case basic:
		return p.clientBySecret(unescape(id), unescape(secret))
	case form.Has("client_secret"):
		return p.clientBySecret(form.Get("client_id"), form.Get("client_secret"))
	case assertion != "":
		return p.clientByAssertion(form.Get("client_assertion_type"), assertion)
	}
	c, ok := p.client(form.Get("client_id"))
	return c, ok && c.Secret == "" && c.Keys == nil && c.KeysURL == ""
}

func (p *Provider) clientBySecret(id, secret string) (Client, bool) {
	c, ok := p.client(id)
	return c, ok && c.Secret != "" && c.Secret == secret
}

// unescape undoes the form encoding of RFC 6749 section 2.3.1.
func unescape(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}

// assertionClaims are the claims of RFC 7523 section 3.
type assertionClaims struct {
	Issuer   string          `json:"iss"`
	Subject  string          `json:"sub"`
	Audience json.RawMessage `json:"aud"`
	Expires  int64           `json:"exp"`
	ID       string          `json:"jti"`
}

func (p *Provider) clientByAssertion(kind, assertion string) (Client, bool) {
	if kind != assertionType {
		return Client{}, false
	}
	signed, err := jose.ParseSignedCompact(assertion, []jose.SignatureAlgorithm{jose.ES256, jose.RS256, jose.PS256, jose.EdDSA})
	if err != nil {
		return Client{}, false
	}
	var c assertionClaims
	if json.Unmarshal(signed.UnsafePayloadWithoutVerification(), &c) != nil || c.Issuer != c.Subject || c.ID == "" {
		return Client{}, false
	}
	client, ok := p.client(c.Subject)
	if !ok || !p.forUs(c.Audience) || p.now().Unix() >= c.Expires {
		return Client{}, false
	}
	keys, err := p.clientKeys(client)
	if err != nil || !verifies(signed, keys) {
		return Client{}, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.assertion[c.ID] {
		return Client{}, false
	}
	p.assertion[c.ID] = true
	return client, true
}

// forUs accepts the issuer or the token endpoint, as string or only member.
func (p *Provider) forUs(audience json.RawMessage) bool {
	var one string
	var many []string
	if json.Unmarshal(audience, &one) != nil {
		if json.Unmarshal(audience, &many) != nil || len(many) != 1 {
			return false
		}
		one = many[0]
	}
	return one == p.issuer || one == p.base+"/token"
}

func (p *Provider) clientKeys(c Client) (jose.JSONWebKeySet, error) {
	if c.Keys != nil {
		return *c.Keys, nil
	}
	var set jose.JSONWebKeySet
	if c.KeysURL == "" {
		return set, nil
	}
	resp, err := p.outbound.Get(c.KeysURL)
	if err != nil {
		return set, fmt.Errorf("fetch client keys: %w", err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&set); err != nil {
		return set, fmt.Errorf("read client keys: %w", err)
	}
	return set, nil
}

func verifies(signed *jose.JSONWebSignature, set jose.JSONWebKeySet) bool {
	return slices.ContainsFunc(set.Keys, func(k jose.JSONWebKey) bool {
		_, err := signed.Verify(k.Key)
		return err == nil
	})
}

func oauthError(w http.ResponseWriter, status int, code, description string) {
	answer := map[string]any{"error": code}
	if description != "" {
		answer["error_description"] = description
	}
	writeJSON(w, status, answer)
}
