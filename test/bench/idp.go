package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// idp is as little of an OpenID provider as a sign-in needs, so that the figures are the product's: people are believed, and
// a code is what its token will say. It adds up the time that its token endpoint takes.
type idp struct {
	issuer string
	keys   []byte
	signer jose.Signer
	server *http.Server
	spent  atomic.Int64 // nanoseconds in the token endpoint
}

func startIDP() (*idp, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "1"}}, nil)
	if err != nil {
		return nil, err
	}
	keys, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "1", Algorithm: "ES256", Use: "sig"}}})
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &idp{issuer: "http://" + listener.Addr().String(), keys: keys, signer: signer}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(p.keys) })
	mux.HandleFunc("POST /token", p.token)
	p.server = &http.Server{Handler: mux}
	go func() { _ = p.server.Serve(listener) }()
	return p, nil
}

func (p *idp) discovery(w http.ResponseWriter, _ *http.Request) {
	_ = json.NewEncoder(w).Encode(map[string]any{
		"issuer": p.issuer, "authorization_endpoint": p.issuer + "/authorize", "token_endpoint": p.issuer + "/token",
		"jwks_uri": p.issuer + "/keys", "id_token_signing_alg_values_supported": []string{"ES256"},
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"code_challenge_methods_supported": []string{"S256"},
	})
}

// code makes what the authorization endpoint would have given to a browser.
func (p *idp) code(email, nonce string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(email + " " + nonce))
}

func (p *idp) token(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	defer func() { p.spent.Add(int64(time.Since(began))) }()
	raw, _ := base64.RawURLEncoding.DecodeString(r.FormValue("code"))
	email, nonce, ok := strings.Cut(string(raw), " ")
	client, _, _ := r.BasicAuth()
	if client, _ = url.QueryUnescape(client); !ok {
		http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
		return
	}
	now := time.Now()
	claims := fmt.Appendf(nil, `{"iss":%q,"aud":%q,"sub":"sub-%s","email":%q,"email_verified":true,"preferred_username":%q,"nonce":%q,"iat":%d,"exp":%d}`,
		p.issuer, client, email, email, email, nonce, now.Unix(), now.Add(5*time.Minute).Unix())
	signed, err := p.signer.Sign(claims)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "a", "token_type": "Bearer", "expires_in": 60, "id_token": compact})
}
