package seal

import (
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"
)

// region is an authority with its key.
type region struct {
	cert []byte
	key  Secret
}

func newRegion(t testing.TB, name string) region {
	t.Helper()
	cert, key, err := NewAuthority(name, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return region{cert, key}
}

func (r region) issue(t testing.TB, node string, now time.Time, validity time.Duration) (certPEM []byte, keyPEM Secret) {
	t.Helper()
	certPEM, keyPEM, err := IssueNode(r.cert, r.key, node, []string{"localhost", "127.0.0.1", "::1"}, now, validity)
	if err != nil {
		t.Fatal(err)
	}
	return certPEM, keyPEM
}

func (r region) identity(t testing.TB) Identity {
	t.Helper()
	identity, err := AuthorityIdentity(parseOne(t, r.cert))
	if err != nil {
		t.Fatal(err)
	}
	return identity
}

func parseOne(t testing.TB, certPEM []byte) *x509.Certificate {
	t.Helper()
	certs, err := parseCertificates(certPEM)
	if err != nil {
		t.Fatal(err)
	}
	return certs[0]
}

func TestIssueNode(t *testing.T) {
	us := newRegion(t, "us")
	authority := us.identity(t)
	if authority.Region != "us" || len(authority.Cluster) != 36 || authority.Node != "" {
		t.Fatalf("authority %+v", authority)
	}
	now := time.Now()
	certPEM, keyPEM := us.issue(t, "node-1.us", now, time.Hour)
	cert := parseOne(t, certPEM)
	identity, err := CertificateIdentity(cert)
	if err != nil {
		t.Fatal(err)
	}
	want := Identity{Region: "us", Cluster: authority.Cluster, Node: "node-1.us"}
	if identity != want || !identity.SamePlace(authority) {
		t.Errorf("got %+v, want %+v", identity, want)
	}
	if got := cert.URIs[0].String(); got != "domicile://"+want.Cluster+"/us/node/node-1.us" {
		t.Errorf("URI %s", got)
	}
	if !cert.NotAfter.Equal(now.Add(time.Hour).Truncate(time.Second)) || cert.NotBefore.After(now) {
		t.Errorf("valid from %s to %s", cert.NotBefore, cert.NotAfter)
	}
	for _, host := range []string{"localhost", "127.0.0.1", "::1"} {
		if err := cert.VerifyHostname(host); err != nil {
			t.Error(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AddCert(parseOne(t, us.cert))
	if _, err := cert.Verify(x509.VerifyOptions{Roots: pool}); err != nil {
		t.Error(err)
	}
	if _, err := ParseSigningKey(keyPEM); err != nil {
		t.Error(err)
	}
	if _, err := AuthorityIdentity(cert); err == nil {
		t.Error("took a node for an authority")
	}
	if _, err := CertificateIdentity(parseOne(t, us.cert)); err == nil {
		t.Error("took an authority for a node")
	}
}

func TestIssueNode_refuses(t *testing.T) {
	us, eu := newRegion(t, "us"), newRegion(t, "eu")
	now := time.Now()
	nodeCert, nodeKey := us.issue(t, "n1", now, time.Hour)
	tests := map[string]func() error{
		"key of another authority": func() error {
			_, _, err := IssueNode(us.cert, eu.key, "n1", nil, now, time.Hour)
			return err
		},
		"a node as authority": func() error {
			_, _, err := IssueNode(nodeCert, nodeKey, "n2", nil, now, time.Hour)
			return err
		},
		"no validity": func() error {
			_, _, err := IssueNode(us.cert, us.key, "n1", nil, now, 0)
			return err
		},
		"expired authority": func() error {
			_, _, err := IssueNode(us.cert, us.key, "n1", nil, now.Add(2*authorityValidity), time.Hour)
			return err
		},
	}
	for _, name := range []string{"", "N1", "a/b", "../x", "-a", ".", "a b", "a%2fb", "ä", strings.Repeat("a", 64)} {
		tests["node "+name] = func() error {
			_, _, err := IssueNode(us.cert, us.key, name, nil, now, time.Hour)
			return err
		}
		tests["region "+name] = func() error {
			_, _, err := NewAuthority(name, now)
			return err
		}
	}
	for name, call := range tests {
		if err := call(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestIssueNode_notLongerThanAuthority(t *testing.T) {
	us := newRegion(t, "us")
	certPEM, _ := us.issue(t, "n1", time.Now(), 20*authorityValidity)
	if got, limit := parseOne(t, certPEM).NotAfter, parseOne(t, us.cert).NotAfter; !got.Equal(limit) {
		t.Errorf("valid until %s, the authority until %s", got, limit)
	}
}

func TestRenewAuthority(t *testing.T) {
	us := newRegion(t, "us")
	cert, key, err := RenewAuthority(us.cert, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	renewed := region{cert, key}
	if renewed.identity(t) != us.identity(t) || renewed.key.Equal(us.key) {
		t.Error("the renewed authority has another identity or the same key")
	}
	nodeCert, _ := us.issue(t, "n1", time.Now(), time.Hour)
	if _, _, err := RenewAuthority(nodeCert, time.Now()); err == nil {
		t.Error("made an authority of a node")
	}
}

func TestCertificateIdentity_strict(t *testing.T) {
	const cluster = "0f8fad5b-d9cb-469f-a165-70867728950e"
	tests := map[string]bool{
		"domicile://" + cluster + "/us/node/n1":             true,
		"domicile://" + cluster + "/us/node/":               false,
		"domicile://" + cluster + "/us/node":                false,
		"domicile://" + cluster + "/us/node/n1/":            false,
		"domicile://" + cluster + "/us/node/n1?x":           false,
		"domicile://" + cluster + "/us/node/n1#x":           false,
		"domicile://" + cluster + ":80/us/node/n1":          false,
		"domicile://u@" + cluster + "/us/node/n1":           false,
		"domicile://" + cluster + "/u%73/node/n1":           false,
		"domicile://" + cluster + "/us%2fnode/node/n1":      false,
		"domicile://" + cluster + "//node/n1":               false,
		"domicile:///us/node/n1":                            false,
		"https://" + cluster + "/us/node/n1":                false,
		"domicile://" + cluster + "/us/ca":                  false,
		"domicile:" + cluster + "/us/node/n1":               false,
		"domicile://" + cluster + "/us/member/n1":           false,
		"domicile://" + strings.ToUpper(cluster) + "/us/ca": false,
	}
	for text, want := range tests {
		uri, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		_, err = CertificateIdentity(&x509.Certificate{URIs: []*url.URL{uri}})
		if (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
	good := &url.URL{Scheme: "domicile", Host: cluster, Path: "/us/node/n1"}
	if _, err := CertificateIdentity(&x509.Certificate{URIs: []*url.URL{good, good}}); err == nil {
		t.Error("accepted two identities")
	}
	if _, err := CertificateIdentity(&x509.Certificate{}); err == nil {
		t.Error("accepted no identity")
	}
}

func TestSigningKey(t *testing.T) {
	for _, algorithm := range []string{"ES256", "RS256", "PS256"} {
		key, err := NewSigningKey(algorithm)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseSigningKey(key); err != nil {
			t.Error(err)
		}
	}
	if _, err := NewSigningKey("none"); err == nil {
		t.Error("made a key for none")
	}
	var bad = []string{"", hidden, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}
	for _, text := range bad {
		if _, err := ParseSigningKey(NewSecret(text)); err == nil || errors.Unwrap(err) != nil {
			t.Errorf("got %v", err)
		}
	}
}

// TestCertify: the certificate is the key's own, for signatures and nothing else.
func TestCertify(t *testing.T) {
	private, err := NewSigningKey("PS256")
	if err != nil {
		t.Fatal(err)
	}
	key, err := ParseSigningKey(private)
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	der, err := Certify(key, "Domicile eu", from, from.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	if err := certificate.CheckSignature(certificate.SignatureAlgorithm, certificate.RawTBSCertificate, certificate.Signature); err != nil {
		t.Error(err)
	}
	if certificate.SignatureAlgorithm != x509.SHA256WithRSA || certificate.IsCA || certificate.KeyUsage != x509.KeyUsageDigitalSignature ||
		certificate.Subject.CommonName != "Domicile eu" || !certificate.NotBefore.Equal(from) || !certificate.NotAfter.Equal(from.Add(time.Hour)) {
		t.Errorf("%+v", certificate)
	}
	if public, ok := key.Public().(*rsa.PublicKey); !ok || !public.Equal(certificate.PublicKey) {
		t.Error("it is another key's")
	}
}
