package httpapi_test

import (
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"domicile/directory"
	"domicile/fsm/state"
	"domicile/oidc"
	"domicile/oidc/oidctest"
)

const pathCertificate = "/.well-known/client-certificate.pem"

// newCertificate puts a key with a certificate into the ledger, as the leader does.
func (w *world) newCertificate() {
	w.t.Helper()
	identity := state.Identity{Region: testRegion, Cluster: testCluster}
	key, err := oidc.NewSigningKey(w.ring, identity, w.ledger.Now(), directory.KeyCertificate, "")
	if err != nil {
		w.t.Fatal(err)
	}
	w.ledger.Must("", &key)
}

// TestClientCertificate: anybody may have the certificate, and with it alone Entra ID lets us in.
func TestClientCertificate(t *testing.T) {
	c := newCloud(t, entraIssuer(tenantA), "acme.example")
	c.provider.Script(oidctest.Faults{Lasting: []oidctest.Fault{oidctest.IssNotSupported}})
	c.settings.AuthMethod = directory.AuthPrivateKey
	c.connect(true)
	c.both("sub-alice", "alice@acme.example")
	if a := c.get(c.world.browser(), pathCertificate); a.status != http.StatusNotFound {
		t.Errorf("before there is one: %d\n%s", a.status, a.body)
	}
	if page := c.enter(c.browser(), "alice@acme.example"); page.status != http.StatusServiceUnavailable {
		t.Errorf("a sign-in before there is one: %d", page.status)
	}
	c.newCertificate()
	a := c.get(c.world.browser(), pathCertificate)
	block, rest := pem.Decode([]byte(a.body))
	if a.status != http.StatusOK || block == nil || len(rest) != 0 || a.header.Get("Content-Type") != "application/pem-certificate-chain" ||
		!strings.HasPrefix(a.header.Get("Content-Disposition"), "attachment;") {
		t.Fatalf("%d %v\n%s", a.status, a.header, a.body)
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil || certificate.Subject.CommonName != "Domicile "+testRegion {
		t.Fatal(err)
	}
	b := c.browser()
	c.refused(b, c.enter(b, "alice@acme.example"), oidc.ReasonClientSecret)
	c.provider.SetClient(oidctest.Client{
		ID: "client-acme", Keys: &jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: certificate.PublicKey}}},
	})
	if done := c.enter(b, "alice@acme.example"); done.status != http.StatusSeeOther {
		t.Errorf("%d %v", done.status, c.logs.last("sign-in refused"))
	}
}
