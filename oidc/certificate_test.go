package oidc

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/oidc/oidctest"
	"domicile/seal"
)

const entraIssuer = "https://login.microsoftonline.com/7a9b1c1e-0000-4000-8000-000000000001/v2.0"

// byCertificate is a connection to Entra ID; its token endpoint is the flow's provider's.
func (f *flow) byCertificate() (*directory.Connection, *metadata) {
	return &directory.Connection{
			ID: "entra", Organization: acme, Issuer: entraIssuer, ClientID: "client", Version: 7,
			ConnectionSettings: directory.ConnectionSettings{AuthMethod: directory.AuthPrivateKey},
		}, &metadata{
			Issuer: entraIssuer, TokenEndpoint: strings.TrimSuffix(f.provider.Issuer(), "/") + "/token",
		}
}

// certificate gives what an owner downloads.
func (f *flow) certificate() *x509.Certificate {
	f.t.Helper()
	text, err := f.service.ClientCertificate(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" || len(rest) != 0 {
		f.t.Fatalf("not one certificate:\n%s", text)
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		f.t.Fatal(err)
	}
	return certificate
}

// TestClientCertificate: what is signed with the certificate's key says so as Entra ID documents it, on every node.
func TestClientCertificate(t *testing.T) {
	f := newFlow(t, command.SecondLevel)
	entra, meta := f.byCertificate()
	f.newKey(directory.KeyClientAssertion)
	if _, err := f.service.ClientCertificate(t.Context()); directory.KindOf(err) != directory.KindNotFound {
		t.Errorf("without a key: %v", err)
	}
	if _, refusal := f.service.proofs(t.Context(), entra, meta); refusal == nil || refusal.Reason != ReasonNoSigningKey {
		t.Errorf("without a key: %v", refusal)
	}
	id := f.newKey(directory.KeyCertificate)
	certificate := f.certificate()
	if err := certificate.CheckSignature(certificate.SignatureAlgorithm, certificate.RawTBSCertificate, certificate.Signature); err != nil {
		t.Error(err)
	}
	made := certificate.NotAfter.Add(-time.Duration(directory.CertificateLife) * time.Microsecond)
	if certificate.NotBefore.After(made) || made.After(f.Now()) || f.Now().Sub(made) > time.Minute {
		t.Errorf("valid from %s until %s", certificate.NotBefore, certificate.NotAfter)
	}
	f.serve()
	if !f.certificate().Equal(certificate) {
		t.Error("another node has another certificate")
	}
	if keys, err := f.service.ClientKeys(t.Context()); err != nil || strings.Contains(string(keys), id) {
		t.Errorf("providers that fetch keys are given one that signs nothing for them: %s, %v", keys, err)
	}

	proofs, refusal := f.service.proofs(t.Context(), entra, meta)
	if refusal != nil || len(proofs) != 1 || proofs[0].previous {
		t.Fatal(refusal, len(proofs))
	}
	head, _, _ := strings.Cut(proofs[0].assertion, ".")
	text, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(certificate.Raw)
	var header map[string]string
	if err := json.Unmarshal(text, &header); err != nil || len(header) != 3 || header["alg"] != "PS256" || header["typ"] != "JWT" ||
		header["x5t#S256"] != base64.RawURLEncoding.EncodeToString(sum[:]) {
		t.Errorf("header %s", text)
	}
	signed, err := jose.ParseSignedCompact(proofs[0].assertion, []jose.SignatureAlgorithm{jose.PS256})
	if err != nil {
		t.Fatal(err)
	}
	payload, err := signed.Verify(certificate.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if json.Unmarshal(payload, &claims) != nil || claims["aud"] != meta.TokenEndpoint || claims["iss"] != "client" || claims["sub"] != "client" {
		t.Errorf("claims %s", payload)
	}
}

// TestExchange_certificates: while owners upload the next certificate, providers that have either one let us in.
func TestExchange_certificates(t *testing.T) {
	f := newFlow(t, command.SecondLevel)
	f.alice(nil)
	entra, meta := f.byCertificate()
	f.newKey(directory.KeyCertificate)
	uploaded := f.certificate()
	f.uploaded(uploaded)
	buy := func(want Reason, requests int) {
		t.Helper()
		_, callback := f.walk(StartRequest{Connection: connection}, "alice@acme.example")
		under, refusal := f.service.recall(callback)
		if refusal != nil {
			t.Fatal(refusal)
		}
		f.provider.ResetRequests()
		_, refusal = f.service.exchange(t.Context(), entra, meta, under, callback.Values.Get("code"))
		if (refusal == nil) != (want == "") || refusal != nil && refusal.Reason != want {
			t.Errorf("%v, want %q", refusal, want)
		}
		if n := f.provider.Count(oidctest.EndpointToken); n != requests {
			t.Errorf("%d requests, want %d", n, requests)
		}
	}
	buy("", 1)
	const older = "domicile_oidc_older_certificate_total"
	if f.counted(older) != 0 {
		t.Error("the only certificate counts as the older one")
	}
	f.newKey(directory.KeyCertificate)
	if f.certificate().Equal(uploaded) {
		t.Fatal("owners are given the old certificate")
	}
	buy("", 1) // the connection is older than the newest
	f.serve()
	buy("", 1) // so it is on a node that has just started
	if n := f.counted("domicile_oidc_previous_secret_total"); n != 0 || f.counted(older) != 1 {
		t.Errorf("%v older secrets and %v older certificates are counted", n, f.counted(older))
	}
	f.uploaded(f.certificate())
	buy("", 2)
	buy("", 1) // the one that let us in comes first
	f.uploaded(uploaded)
	buy("", 2)
	buy("", 1)
	if f.counted(older) != 3 {
		t.Errorf("%v older certificates are counted", f.counted(older))
	}
	f.uploaded(f.certificate())
	entra.ID, entra.Created = "younger", directory.Time(f.Now().UnixMicro())
	buy("", 1)
	f.uploaded(uploaded)
	f.Advance(time.Duration(directory.CertificateLife) * time.Microsecond)
	buy(ReasonNoSigningKey, 0)
	f.newKey(directory.KeyCertificate)
	buy(ReasonClientSecret, 1)
}

// uploaded has the provider know one certificate of ours.
func (f *flow) uploaded(certificate *x509.Certificate) {
	f.provider.SetClient(oidctest.Client{ID: "client", Keys: &jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: certificate.PublicKey}}}})
}

// TestNewSigningKey_certificate: the half that is published has the certificate, and fits into the ledger.
func TestNewSigningKey_certificate(t *testing.T) {
	key, err := NewSigningKey(seal.GenerateKeyring(), testIdentity(), time.Now(), directory.KeyCertificate, "")
	if err != nil || max(len(key.Public), len(key.Private)) > directory.MaxSigningKeyText {
		t.Fatalf("%d and %d bytes, %v", len(key.Public), len(key.Private), err)
	}
	var public jose.JSONWebKey
	if err := json.Unmarshal([]byte(key.Public), &public); err != nil || !public.IsPublic() || !public.Valid() ||
		len(public.Certificates) != 1 || public.Algorithm != "PS256" || public.KeyID != key.ID {
		t.Errorf("%s, %v", key.Public, err)
	}
}
