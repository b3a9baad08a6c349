package seal

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"
)

const (
	// authorityValidity is long because a region's authority is rotated by overlap (RenewAuthority), not by expiry.
	authorityValidity = 10 * 365 * 24 * time.Hour

	// backdating makes a fresh certificate valid for nodes whose clocks are behind.
	backdating = 5 * time.Minute

	identityScheme = "domicile"
)

// Identity says which node of which region and cluster a certificate belongs to. It is written into the certificate as
// the URI domicile://{cluster}/{region}/node/{node}, or domicile://{cluster}/{region}/ca for the authority (Node is "").
type Identity struct{ Region, Cluster, Node string }

// String returns the URI form.
func (i Identity) String() string { return i.uri().String() }

// SamePlace reports whether two identities belong to the same region and cluster.
func (i Identity) SamePlace(other Identity) bool {
	return i.Region == other.Region && i.Cluster == other.Cluster
}

// NewAuthority makes the certificate authority of a new cluster: a self-signed certificate (ECDSA P-256, ten years) that
// carries the region and a new random cluster id, and its private key as PKCS #8. Both are PEM. A region is a label of
// lower-case letters, digits and hyphens.
func NewAuthority(region string, now time.Time) (certPEM []byte, keyPEM Secret, err error) {
	return newAuthority(Identity{Region: region, Cluster: NewID()}, now)
}

// RenewAuthority makes a second authority for the cluster of an existing one, with a new key. To rotate, put both
// certificates into every node's CA file, then issue new node certificates, then drop the old authority.
func RenewAuthority(oldPEM []byte, now time.Time) (certPEM []byte, keyPEM Secret, err error) {
	certs, err := parseCertificates(oldPEM)
	if err != nil {
		return nil, Secret{}, fmt.Errorf("renew authority: %w", err)
	}
	identity, err := AuthorityIdentity(certs[0])
	if err != nil {
		return nil, Secret{}, fmt.Errorf("renew authority: %w", err)
	}
	return newAuthority(identity, now)
}

// IssueNode makes a node's certificate and private key, signed by the authority whose region and cluster it takes over.
// node is the node's name: lower-case letters, digits, hyphens and dots. hosts are the DNS names and IP addresses under
// which ordinary TLS clients reach it; peers go by identity and need none. The certificate serves both as server and as
// client. It is valid from five minutes before now, for validity, but not longer than the authority.
func IssueNode(caCertPEM []byte, caKeyPEM Secret, node string, hosts []string, now time.Time, validity time.Duration) (certPEM []byte, keyPEM Secret, err error) {
	authority, err := tls.X509KeyPair(caCertPEM, []byte(caKeyPEM.Reveal()))
	if err != nil {
		return nil, Secret{}, fmt.Errorf("issue node certificate: authority: %w", err)
	}
	identity, err := AuthorityIdentity(authority.Leaf)
	if err != nil {
		return nil, Secret{}, fmt.Errorf("issue node certificate: %w", err)
	}
	if !validName(node) {
		return nil, Secret{}, fmt.Errorf("issue node certificate: %q is not a node name", node)
	}
	identity.Node = node
	notAfter := now.Add(validity)
	if notAfter.After(authority.Leaf.NotAfter) {
		notAfter = authority.Leaf.NotAfter
	}
	if !notAfter.After(now) {
		return nil, Secret{}, errors.New("issue node certificate: it would already be expired")
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: node},
		URIs:                  []*url.URL{identity.uri()},
		NotBefore:             now.Add(-backdating),
		NotAfter:              notAfter,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
			continue
		}
		template.DNSNames = append(template.DNSNames, host)
	}
	key := newECKey()
	certPEM, err = sign(template, authority.Leaf, key, authority.PrivateKey)
	if err != nil {
		return nil, Secret{}, fmt.Errorf("issue node certificate: %w", err)
	}
	keyPEM, err = encodeKey(key)
	return certPEM, keyPEM, err
}

// CertificateIdentity reads a node's identity out of its certificate. It does not check who signed it.
func CertificateIdentity(cert *x509.Certificate) (Identity, error) {
	identity, err := identityOf(cert)
	if err != nil {
		return Identity{}, err
	}
	if cert.IsCA || identity.Node == "" {
		return Identity{}, fmt.Errorf("%s is not a node's certificate", identity)
	}
	return identity, nil
}

// AuthorityIdentity reads region and cluster out of an authority's certificate; Node is "".
func AuthorityIdentity(cert *x509.Certificate) (Identity, error) {
	identity, err := identityOf(cert)
	if err != nil {
		return Identity{}, err
	}
	if !cert.IsCA || identity.Node != "" {
		return Identity{}, fmt.Errorf("%s is not an authority's certificate", identity)
	}
	return identity, nil
}

func newAuthority(identity Identity, now time.Time) (certPEM []byte, keyPEM Secret, err error) {
	if !validLabel(identity.Region) {
		return nil, Secret{}, fmt.Errorf("new authority: %q is not a region name", identity.Region)
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "domicile " + identity.Region},
		URIs:                  []*url.URL{identity.uri()},
		NotBefore:             now.Add(-backdating),
		NotAfter:              now.Add(authorityValidity),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true, // signs nodes, not further authorities
	}
	key := newECKey()
	certPEM, err = sign(template, template, key, key)
	if err != nil {
		return nil, Secret{}, fmt.Errorf("new authority: %w", err)
	}
	keyPEM, err = encodeKey(key)
	return certPEM, keyPEM, err
}

func sign(template, parent *x509.Certificate, key *ecdsa.PrivateKey, signer any) ([]byte, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}

func (i Identity) uri() *url.URL {
	path := "/" + i.Region + "/ca"
	if i.Node != "" {
		path = "/" + i.Region + "/node/" + i.Node
	}
	return &url.URL{Scheme: identityScheme, Host: i.Cluster, Path: path}
}

// identityOf reads the one URI of ours. It must be exactly what uri writes: no port, query, escape or second reading.
func identityOf(cert *x509.Certificate) (Identity, error) {
	if len(cert.URIs) != 1 || cert.URIs[0].Scheme != identityScheme {
		return Identity{}, errors.New("the certificate carries no domicile identity")
	}
	uri := cert.URIs[0]
	identity := Identity{Cluster: uri.Host}
	parts := strings.Split(uri.Path, "/")
	switch {
	case len(parts) == 3 && parts[2] == "ca":
		identity.Region = parts[1]
	case len(parts) == 4 && parts[2] == "node" && validName(parts[3]):
		identity.Region, identity.Node = parts[1], parts[3]
	}
	if !validLabel(identity.Region) || !validLabel(identity.Cluster) || identity.String() != uri.String() {
		return Identity{}, fmt.Errorf("the certificate's identity %q is not understood", uri)
	}
	return identity, nil
}

func parseCertificates(raw []byte) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	for {
		var block *pem.Block
		block, raw = pem.Decode(raw)
		if block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("found a PEM block %q among the certificates", block.Type)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		certs = append(certs, cert)
	}
	if len(certs) == 0 {
		return nil, errors.New("found no certificate in PEM")
	}
	return certs, nil
}

// validLabel accepts 1 to 63 lower-case letters, digits and hyphens, no hyphen in front.
func validLabel(s string) bool { return validName(s) && !strings.Contains(s, ".") }

// validName accepts 1 to 63 lower-case letters, digits, hyphens and dots, letter or digit in front.
func validName(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[0] == '.' {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' {
			return false
		}
	}
	return true
}
