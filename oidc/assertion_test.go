package oidc

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/oidc/oidctest"
	"domicile/seal"
)

// newKey puts another signing key into the ledger, as the leader does.
func (f *flow) newKey(use directory.KeyUse) string {
	f.t.Helper()
	newest := ""
	if keys := f.FSM.View().SigningKeys(use); len(keys) > 0 {
		newest = keys[len(keys)-1].ID
	}
	key, err := NewSigningKey(f.ring, testIdentity(), f.Now(), use, newest)
	if err != nil {
		f.t.Fatal(err)
	}
	f.must(&key)
	return key.ID
}

// TestFlow_privateKey: the provider checks our assertion with the keys that it fetches from us.
func TestFlow_privateKey(t *testing.T) {
	f := newFlow(t, command.SecondLevel)
	f.settings.AuthMethod = directory.AuthPrivateKey
	f.connect("", "")
	f.alice(nil)
	f.provider.SetClient(oidctest.Client{ID: "client", KeysURL: f.hall.URL + "/keys"})
	f.fails("alice@acme.example", ReasonNoSigningKey)
	if keys, err := f.service.ClientKeys(t.Context()); err != nil || string(keys) != `{"keys":[]}` {
		t.Errorf("%s, %v", keys, err)
	}
	f.newKey(directory.KeyIDToken)
	f.fails("alice@acme.example", ReasonNoSigningKey)
	f.newKey(directory.KeyClientAssertion)
	f.succeeds("alice@acme.example")
	f.newKey(directory.KeyClientAssertion)
	f.Advance(2 * time.Hour) // the second one signs
	f.succeeds("alice@acme.example")
	other, err := NewSigningKey(f.ring, testIdentity(), f.Now(), directory.KeyClientAssertion, "")
	if err != nil {
		t.Fatal(err)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(`{"keys":[`+other.Public+`]}`), &set); err != nil {
		t.Fatal(err)
	}
	f.provider.SetClient(oidctest.Client{ID: "client", Keys: &set})
	f.fails("alice@acme.example", ReasonClientSecret)
}

func TestClientAssertion(t *testing.T) {
	f := newFlow(t, command.SecondLevel)
	f.settings.AuthMethod = directory.AuthPrivateKey
	f.connect("", "")
	id := f.newKey(directory.KeyClientAssertion)
	held, _ := f.FSM.View().Connection(connection)
	published, err := f.service.ClientKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(published, &set); err != nil || len(set.Keys) != 1 || set.Keys[0].KeyID != id ||
		!set.Keys[0].IsPublic() || set.Keys[0].Use != "sig" || set.Keys[0].Algorithm != "ES256" {
		t.Fatalf("%s, %v", published, err)
	}
	seen := make(map[string]bool)
	for range 2 {
		proofs, refusal := f.service.proofs(t.Context(), held, new(metadata))
		if refusal != nil || len(proofs) != 1 || proofs[0].previous {
			t.Fatal(refusal, len(proofs))
		}
		signed, err := jose.ParseSignedCompact(proofs[0].assertion, []jose.SignatureAlgorithm{jose.ES256})
		if err != nil {
			t.Fatal(err)
		}
		payload, err := signed.Verify(set.Keys[0])
		if err != nil || signed.Signatures[0].Header.KeyID != id {
			t.Fatalf("%v, kid %q", err, signed.Signatures[0].Header.KeyID)
		}
		var claims struct {
			Issuer, Subject, Audience any
			ID                        string `json:"jti"`
			Issued                    int64  `json:"iat"`
			Expires                   int64  `json:"exp"`
		}
		var names map[string]any
		if json.Unmarshal(payload, &claims) != nil || json.Unmarshal(payload, &names) != nil {
			t.Fatalf("%s", payload)
		}
		if names["iss"] != "client" || names["sub"] != "client" || names["aud"] != f.provider.Issuer() ||
			claims.Expires-claims.Issued != 60 || claims.ID == "" || seen[claims.ID] {
			t.Errorf("claims %s", payload)
		}
		seen[claims.ID] = true
	}
}

// TestNewSigningKey: the private part opens at its own place only, and shows nowhere.
func TestNewSigningKey(t *testing.T) {
	ring := seal.GenerateKeyring()
	key, err := NewSigningKey(ring, testIdentity(), time.Now(), directory.KeyIDToken, "before")
	if err != nil || key.Use != directory.KeyIDToken || key.Expect != "before" || strings.Contains(key.Public, `"d"`) {
		t.Fatalf("%+v, %v", key, err)
	}
	if _, err := ring.Open(SigningKeyPlace(testIdentity(), key.ID), key.Private); err != nil {
		t.Error(err)
	}
	elsewhere := testIdentity()
	elsewhere.Cluster = "cluster-2"
	if _, err := ring.Open(SigningKeyPlace(elsewhere, key.ID), key.Private); err == nil {
		t.Error("the key opens in another cluster")
	}
}
