package oidc

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

func published(t *testing.T, key any, id, alg, use string, more map[string]any) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(jose.JSONWebKey{Key: key, KeyID: id, Algorithm: alg, Use: use})
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	for name, value := range more {
		doc[name] = value
	}
	raw, err = json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestParseKeys(t *testing.T) {
	strong, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edwards, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	set := map[string][]json.RawMessage{"keys": {
		published(t, strong.Public(), "rsa", "RS256", "sig", nil),
		published(t, strong.Public(), "any", "", "", nil),
		published(t, p256.Public(), "ec", "ES256", "sig", map[string]any{"key_ops": []string{"verify"}}),
		published(t, edwards, "ed", "EdDSA", "", nil),
		published(t, weak.Public(), "weak", "RS256", "sig", nil),
		published(t, strong.Public(), "enc", "RS256", "enc", nil),
		published(t, strong.Public(), "oaep", "RSA-OAEP", "", nil),
		published(t, p256.Public(), "ops", "ES256", "", map[string]any{"key_ops": []string{"encrypt"}}),
		published(t, p256, "private", "ES256", "sig", nil),
		published(t, []byte("a shared secret of some length"), "oct", "HS256", "sig", nil),
		json.RawMessage(`{"kty":"AKP","alg":"ML-DSA-44","kid":"akp","pub":"AAAA"}`),
		json.RawMessage(`{"kty":"EC","crv":"P-256","kid":"malformed","x":"!","y":"!"}`),
		json.RawMessage(`7`),
	}}
	body, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := parseKeys(body)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for i := range keys {
		ids = append(ids, keys[i].id)
	}
	if got := strings.Join(ids, " "); got != "rsa any ec ed" {
		t.Fatalf("usable keys: %s", got)
	}
	for _, test := range []struct {
		key     int
		alg, id string
		want    bool
	}{
		{0, "RS256", "rsa", true}, {0, "RS256", "", true}, {0, "PS256", "rsa", false}, {0, "RS256", "other", false},
		{1, "PS512", "any", true}, {1, "ES256", "any", false}, {1, "HS256", "any", false}, {1, "none", "any", false},
		{2, "ES256", "ec", true}, {2, "ES384", "ec", false}, {3, "EdDSA", "ed", true}, {3, "ES256", "ed", false},
	} {
		if got := keys[test.key].fits(test.alg, test.id); got != test.want {
			t.Errorf("%s fits %s %q: %v", keys[test.key].id, test.alg, test.id, got)
		}
	}
}

func TestParseKeys_bounds(t *testing.T) {
	many := `{"keys":[` + strings.TrimSuffix(strings.Repeat(`{},`, maxKeys+1), ",") + `]}`
	for _, body := range []string{"", "[]", "x", `{"keys":7}`, many} {
		if keys, err := parseKeys([]byte(body)); err == nil && len(keys) > 0 || err == nil && body != "[]" {
			t.Errorf("%.20q: %v, %v", body, keys, err)
		}
	}
}

func TestAcceptable(t *testing.T) {
	for announced, want := range map[string]string{
		"": "RS256", "HS256 none": "", "ES256 RS256 HS256 ES256": "ES256 RS256", "EdDSA PS512": "EdDSA PS512",
	} {
		if got := strings.Join(acceptable(strings.Fields(announced)), " "); got != want {
			t.Errorf("%q: %q", announced, got)
		}
	}
}

func FuzzParseKeys(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"},{"kty":"EC","crv":"P-256","x":"","y":""}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		keys, err := parseKeys(body)
		for i := range keys {
			if err != nil || kindOf(keys[i].key) == "" {
				t.Error(fmt.Sprint(keys[i], err))
			}
		}
	})
}

func FuzzCheckForm(f *testing.F) {
	f.Add("eyJhbGciOiJFUzI1NiJ9.e30.AA")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add("..")
	f.Fuzz(func(t *testing.T, raw string) {
		alg, _, refusal := checkForm(raw, []string{"ES256", "RS256"})
		if refusal == nil && alg != "ES256" && alg != "RS256" {
			t.Errorf("%q passes with %q", raw, alg)
		}
	})
}

func FuzzOpenTransaction(f *testing.F) {
	s := newLedger(f).service()
	want := &transaction{Format: transactionFormat, Region: "eu", ID: "id"}
	good, err := s.sealTransaction("name", want)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)-2])
	f.Add("")
	f.Fuzz(func(t *testing.T, value string) {
		// Base64 has several spellings of the same bytes, so another text may open; another content may not.
		if got, err := s.openTransaction("name", value); err == nil && *got != *want {
			t.Errorf("%q gave %v", value, got)
		}
	})
}
