package oidctest_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"

	"domicile/oidc/oidctest"
)

func newECKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func signES256(t *testing.T, key *ecdsa.PrivateKey, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

// parts returns header and payload of a compact token, undecoded numbers kept.
func parts(t *testing.T, token string) (header map[string]any, payload string) {
	t.Helper()
	split := strings.Split(token, ".")
	if len(split) != 3 {
		t.Fatalf("token has %d parts", len(split))
	}
	raw, err := base64.RawURLEncoding.DecodeString(split[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &header); err != nil {
		t.Fatal(err)
	}
	body, err := base64.RawURLEncoding.DecodeString(split[1])
	if err != nil {
		t.Fatal(err)
	}
	return header, string(body)
}

// TestClaimFaults looks at the payload itself: what a relying party does with
// it is that party's affair.
func TestClaimFaults(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	p := start(t, oidctest.Config{Users: []oidctest.User{ada}, Now: func() time.Time { return now }})
	tests := []struct {
		fault   oidctest.Fault
		with    string // in the payload
		without string // not in the payload
	}{
		{oidctest.IssWrong, `"iss":"https://foreign.example"`, ""},
		{oidctest.IssSlash, `"iss":"` + p.Issuer() + `/"`, ""},
		{oidctest.IssCase, `"iss":"HTTP://`, ""},
		{oidctest.AudOther, `"aud":"another-client"`, ""},
		{oidctest.AudMissing, "", `"aud"`},
		{oidctest.AudArray, `"aud":["app","another-client"]`, `"azp"`},
		{oidctest.AzpForeign, `"azp":"another-client"`, ""},
		{oidctest.NonceMissing, "", `"nonce"`},
		{oidctest.NonceOther, `"nonce":"a-nonce-of`, ""},
		{oidctest.IatMissing, "", `"iat"`},
		{oidctest.IatFuture, `"iat":1800003600`, ""},
		{oidctest.IatOld, `"iat":1799827200`, ""},
		{oidctest.ExpMissing, "", `"exp"`},
		{oidctest.ExpPast, `"exp":1799996400`, ""},
		{oidctest.NbfFuture, `"nbf":1800003600`, ""},
		{oidctest.AuthTimeMissing, "", `"auth_time"`},
		{oidctest.AuthTimeOld, `"auth_time":1799827200`, ""},
		{oidctest.SubMissing, "", `"sub"`},
		{oidctest.SubEmpty, `"sub":""`, ""},
		{oidctest.SubLong, `"sub":"` + strings.Repeat("s", 300) + `"`, ""},
		{oidctest.SubNumber, `"sub":42`, ""},
		{oidctest.SubOther, `"sub":"another-subject"`, ""},
		{oidctest.AtHashWrong, `"at_hash":"AAAAAAAA`, ""},
		{oidctest.CHashWrong, `"c_hash":"AAAAAAAA`, ""},
		{oidctest.EventsClaim, `backchannel-logout":{}`, ""},
		{oidctest.DuplicateClaims, `"sub":"another-subject"`, ""},
		{oidctest.DuplicateClaims, `"sub":"sub-ada"`, ""},
		{oidctest.CaseFoldedClaims, `"SUB":"another-subject"`, ""},
		{oidctest.CaseFoldedClaims, "\"\u017fub\":\"another-subject\"", ""},
		{oidctest.EmailVerifiedString, `"email_verified":"true"`, ""},
		{oidctest.EmailVerifiedFalse, `"email_verified":false`, ""},
		{oidctest.BigToken, strings.Repeat("x", 256<<10), ""},
		{oidctest.ThinToken, `"sub"`, `"email"`},
	}
	for _, tt := range tests {
		t.Run(string(tt.fault), func(t *testing.T) {
			p.Script(oidctest.Faults{Once: []oidctest.Fault{tt.fault}})
			token, err := p.IDToken("app", ada.Subject, "n")
			if err != nil {
				t.Fatal(err)
			}
			_, payload := parts(t, token)
			if !strings.Contains(payload, tt.with) || (tt.without != "" && strings.Contains(payload, tt.without)) {
				t.Errorf("payload %.400s", payload)
			}
			clean, err := p.IDToken("app", ada.Subject, "n")
			if err != nil {
				t.Fatal(err)
			}
			_, payload = parts(t, clean)
			for _, want := range []string{`"iss":"` + p.Issuer() + `"`, `"sub":"sub-ada"`, `"aud":"app"`, `"nonce":"n"`, `"iat":1800000000`, `"email_verified":true`} {
				if !strings.Contains(payload, want) {
					t.Errorf("the fault lasts: %s", payload)
				}
			}
		})
	}
}

// TestSignatureFaults needs a party that refuses what go-oidc refuses.
func TestSignatureFaults(t *testing.T) {
	p := start(t, oidctest.Config{Users: []oidctest.User{ada}})
	verifier := func() *oidc.IDTokenVerifier {
		keys := oidc.NewRemoteKeySet(t.Context(), p.Issuer()+"/keys")
		return oidc.NewVerifier(p.Issuer(), keys, &oidc.Config{ClientID: "app", SupportedSigningAlgs: []string{"ES256", "RS256", "PS256"}})
	}
	tests := []struct {
		fault   oidctest.Fault
		refused bool // by go-oidc; what it accepts is for the caller to refuse
		header  string
		value   any
	}{
		{oidctest.SigBad, true, "alg", "ES256"},
		{oidctest.SigOtherKey, true, "alg", "ES256"},
		{oidctest.PayloadSwapped, true, "alg", "ES256"},
		{oidctest.AlgNone, true, "alg", "none"},
		{oidctest.AlgNoneMixed, true, "alg", "nOnE"},
		{oidctest.AlgHS256Public, true, "alg", "HS256"},
		{oidctest.KidMissing, false, "kid", nil},
		{oidctest.KidUnknown, true, "alg", "ES256"},
		{oidctest.KeyUseEnc, false, "alg", "ES256"},
		{oidctest.KeyRSA1024, false, "alg", "RS256"},
		{oidctest.KeyAlgMismatch, false, "alg", "PS256"},
		{oidctest.TypAccessToken, false, "typ", "at+jwt"},
		{oidctest.CritUnknown, true, "x-unknown", true},
	}
	for _, tt := range tests {
		t.Run(string(tt.fault), func(t *testing.T) {
			p.Script(oidctest.Faults{Lasting: []oidctest.Fault{tt.fault}})
			token, err := p.IDToken("app", ada.Subject, "n")
			if err != nil {
				t.Fatal(err)
			}
			header, _ := parts(t, token)
			if header[tt.header] != tt.value {
				t.Errorf("header %v", header)
			}
			if _, err := verifier().Verify(t.Context(), token); (err != nil) != tt.refused {
				t.Errorf("verify: %v", err)
			}
			p.Script(oidctest.Faults{})
			clean, err := p.IDToken("app", ada.Subject, "n")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := verifier().Verify(t.Context(), clean); err != nil {
				t.Errorf("the fault stays: %v", err)
			}
		})
	}
	t.Run("json", func(t *testing.T) {
		p.Script(oidctest.Faults{Once: []oidctest.Fault{oidctest.JSONSerialized}})
		token, err := p.IDToken("app", ada.Subject, "n")
		if err != nil || !strings.HasPrefix(token, "{") {
			t.Errorf("token %.20s, %v", token, err)
		}
	})
}

func TestPublishedKeyFaults(t *testing.T) {
	p := start(t, oidctest.Config{Users: []oidctest.User{ada}})
	keysWith := func(f oidctest.Fault) []map[string]any {
		t.Helper()
		p.Script(oidctest.Faults{Once: []oidctest.Fault{f}})
		if _, err := p.IDToken("app", ada.Subject, "n"); err != nil {
			t.Fatal(err)
		}
		resp, err := http.Get(p.Issuer() + "/keys")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var set struct{ Keys []map[string]any }
		if err := json.NewDecoder(resp.Body).Decode(&set); err != nil {
			t.Fatal(err)
		}
		return set.Keys
	}
	if keys := keysWith(""); len(keys) != 1 || keys[0]["alg"] != "ES256" || keys[0]["use"] != "sig" || keys[0]["d"] != nil {
		t.Errorf("correct keys %v", keys)
	}
	if keys := keysWith(oidctest.KeysUnknown); len(keys) != 3 || keys[0]["kty"] != "AKP" {
		t.Errorf("unknown keys %v", keys)
	}
	if keys := keysWith(oidctest.KeysDecoys); len(keys) != 4 {
		t.Errorf("decoys %v", keys)
	}
	if keys := keysWith(oidctest.KeysNoKid); keys[0]["kid"] != nil {
		t.Errorf("kid %v", keys)
	}
	if keys := keysWith(oidctest.KeyUseEnc); len(keys) != 2 || (keys[0]["use"] != "enc" && keys[1]["use"] != "enc") {
		t.Errorf("use %v", keys)
	}
}

func TestResponseFaults(t *testing.T) {
	foreign := "https://other.example"
	tests := []struct {
		fault oidctest.Fault
		param string
		want  []string
	}{
		{"", "state", []string{"state-1"}},
		{oidctest.ResponseIssMissing, "iss", nil},
		{oidctest.IssNotSupported, "iss", nil},
		{oidctest.ResponseIssWrong, "iss", []string{foreign}},
		{oidctest.ResponseStateMissing, "state", nil},
		{oidctest.ResponseError, "error", []string{"access_denied"}},
	}
	rp := newParty(t, oidctest.Config{})
	for _, tt := range tests {
		t.Run(string(tt.fault), func(t *testing.T) {
			rp.idp.Script(oidctest.Faults{Lasting: []oidctest.Fault{tt.fault}, Foreign: foreign})
			rp.signIn()
			if got := rp.form[tt.param]; strings.Join(got, " ") != strings.Join(tt.want, " ") {
				t.Errorf("%s = %q, want %q", tt.param, got, tt.want)
			}
		})
	}
	rp.idp.Script(oidctest.Faults{Once: []oidctest.Fault{oidctest.ResponseStateOther}})
	if rp.signIn(); rp.form.Get("state") == "state-1" || rp.form.Get("state") == "" {
		t.Errorf("state %q", rp.form.Get("state"))
	}
	rp.idp.Script(oidctest.Faults{Once: []oidctest.Fault{oidctest.ResponseDuplicate}})
	if rp.signIn(); len(rp.form["code"]) != 2 || len(rp.form["state"]) != 2 {
		t.Errorf("callback %v", rp.form)
	}
}

func TestTokenEndpointFaults(t *testing.T) {
	tests := []struct {
		fault oidctest.Fault
		want  string // in the party's answer
	}{
		{oidctest.TokenError, "invalid_grant"},
		{oidctest.TokenClient, "invalid_client"},
		{oidctest.TokenFails, "scripted failure"},
		{oidctest.TokenHuge, "exchange:"},
		{oidctest.TokenNoIDToken, "verify:"},
		{oidctest.NonceOther, "nonce"},
		{oidctest.AtHashWrong, "at_hash:"},
		{oidctest.TypAccessToken, "hello"}, // typ is the caller's to check
	}
	rp := newParty(t, oidctest.Config{})
	for _, tt := range tests {
		t.Run(string(tt.fault), func(t *testing.T) {
			rp.idp.Script(oidctest.Faults{Once: []oidctest.Fault{tt.fault}})
			if _, body := rp.signIn(); !strings.Contains(body, tt.want) {
				t.Errorf("answer %q", body)
			}
		})
	}
	t.Run("redirect", func(t *testing.T) {
		elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			http.Error(w, "elsewhere got "+string(body), http.StatusTeapot)
		}))
		t.Cleanup(elsewhere.Close)
		rp.idp.Script(oidctest.Faults{Once: []oidctest.Fault{oidctest.TokenRedirect}, Foreign: elsewhere.URL})
		if _, body := rp.signIn(); !strings.Contains(body, "elsewhere got") {
			t.Errorf("answer %q", body)
		}
	})
	t.Run("hang", func(t *testing.T) {
		code := rp.code(t)
		rp.idp.Script(oidctest.Faults{Once: []oidctest.Fault{oidctest.TokenHang}})
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := rp.config.Exchange(ctx, code, oauth2.VerifierOption(rp.verifier)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("exchange: %v", err)
		}
	})
	t.Run("PKCE ignored", func(t *testing.T) {
		rp.idp.Script(oidctest.Faults{Once: []oidctest.Fault{oidctest.PKCEIgnored}})
		if _, err := rp.config.Exchange(t.Context(), rp.code(t), oauth2.VerifierOption(strings.Repeat("v", 43))); err != nil {
			t.Error(err)
		}
	})
	t.Run("code reusable", func(t *testing.T) {
		rp.idp.Script(oidctest.Faults{Lasting: []oidctest.Fault{oidctest.CodeReusable}})
		code := rp.code(t)
		for range 2 {
			if _, err := rp.config.Exchange(t.Context(), code, oauth2.VerifierOption(rp.verifier)); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestUserinfoFaults(t *testing.T) {
	users := []oidctest.User{{Subject: "sub-eve", Email: "eve@acme.example", Password: "p"}}
	rp := newParty(t, oidctest.Config{Users: users})
	if status, body := rp.signIn(); status != 200 {
		t.Fatalf("sign-in %d %s", status, body)
	}
	tests := []struct {
		fault  oidctest.Fault
		status int
		want   string
	}{
		{"", 200, `"sub":"sub-ada"`},
		{oidctest.UserinfoOtherSub, 200, `"sub":"another-subject"`},
		{oidctest.UserinfoNoSub, 200, `{"email"`},
		{oidctest.UserinfoEmailVerified, 200, `"email_verified":true`},
		{oidctest.UserinfoOtherIss, 200, `"iss":"https://foreign.example"`},
		{oidctest.UserinfoFails, 500, ""},
	}
	for _, tt := range tests {
		t.Run(string(tt.fault), func(t *testing.T) {
			rp.idp.Script(oidctest.Faults{Once: []oidctest.Fault{tt.fault}})
			req, _ := http.NewRequestWithContext(t.Context(), "GET", rp.idp.Issuer()+"/userinfo", nil)
			req.Header.Set("Authorization", "Bearer "+rp.token.AccessToken)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != tt.status || !strings.Contains(string(body), tt.want) {
				t.Errorf("answer %d %s", resp.StatusCode, body)
			}
		})
	}
	resp, err := http.Get(rp.idp.Issuer() + "/userinfo")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 401 {
		t.Errorf("no token: %d", resp.StatusCode)
	}
}

func TestDiscoveryFaults(t *testing.T) {
	p := start(t, oidctest.Config{})
	tests := []struct {
		fault oidctest.Fault
		key   string
		want  any
	}{
		{oidctest.DiscoveryWrongIssuer, "issuer", "https://foreign.example"},
		{oidctest.DiscoverySlash, "issuer", p.Issuer() + "/"},
		{oidctest.DiscoveryForeign, "authorization_endpoint", "https://foreign.example/authorize"},
		{oidctest.DiscoveryForeignKeys, "jwks_uri", "https://foreign.example/keys"},
		{oidctest.PKCENotAnnounced, "code_challenge_methods_supported", nil},
		{oidctest.IssNotSupported, "authorization_response_iss_parameter_supported", nil},
		{"", "issuer", p.Issuer()},
	}
	for _, tt := range tests {
		t.Run(string(tt.fault), func(t *testing.T) {
			p.Script(oidctest.Faults{Once: []oidctest.Fault{tt.fault}})
			resp, err := http.Get(p.Issuer() + "/.well-known/openid-configuration")
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			var doc map[string]any
			if err := json.NewDecoder(resp.Body).Decode(&doc); err != nil {
				t.Fatal(err)
			}
			if doc[tt.key] != tt.want {
				t.Errorf("%s = %v, want %v", tt.key, doc[tt.key], tt.want)
			}
		})
	}
	for _, f := range []oidctest.Fault{
		oidctest.DiscoveryFails, oidctest.DiscoveryHTML, oidctest.DiscoveryNested, oidctest.DiscoveryRedirect,
	} {
		p.Script(oidctest.Faults{Once: []oidctest.Fault{f}, Foreign: p.Issuer() + "/nowhere"})
		if _, err := oidc.NewProvider(t.Context(), p.Issuer()); err == nil {
			t.Errorf("%s: discovery succeeded", f)
		}
	}
	for fault, path := range map[oidctest.Fault]string{
		oidctest.DiscoveryHuge: "/.well-known/openid-configuration", oidctest.KeysHuge: "/keys",
	} {
		p.Script(oidctest.Faults{Once: []oidctest.Fault{fault}})
		resp, err := http.Get(p.Issuer() + path)
		if err != nil {
			t.Fatal(err)
		}
		n, _ := io.Copy(io.Discard, io.LimitReader(resp.Body, 4<<20))
		resp.Body.Close()
		if n != 4<<20 {
			t.Errorf("%s: only %d bytes", fault, n)
		}
	}
	for _, f := range []oidctest.Fault{oidctest.KeysHang, oidctest.DiscoveryHang} {
		path := map[oidctest.Fault]string{oidctest.KeysHang: "/keys", oidctest.DiscoveryHang: "/.well-known/openid-configuration"}[f]
		p.Script(oidctest.Faults{Once: []oidctest.Fault{f}})
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		req, _ := http.NewRequestWithContext(ctx, "GET", p.Issuer()+path, nil)
		if _, err := http.DefaultClient.Do(req); err == nil {
			t.Errorf("%s: answered", f)
		}
		cancel()
	}
}
