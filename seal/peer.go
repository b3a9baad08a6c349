package seal

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"
)

// PeerCredentials are a node's certificate, key and authorities, with which it meets the other nodes of its region. It
// reads the three files again at every handshake, so replacing them needs no restart. Safe for concurrent use.
type PeerCredentials struct {
	certFile, keyFile, caFile string

	mu      sync.Mutex
	current *peerFiles // guarded by mu, immutable itself
}

// peerFiles is what one reading of the files gave.
type peerFiles struct {
	digest   [sha256.Size]byte
	identity Identity
	pair     tls.Certificate
	pool     *x509.CertPool
}

// PeerTLS reads a node's certificate, its private key (which other users must not be able to read) and the file of its
// authorities: one, or two while they are being rotated. It refuses authorities of another region or cluster than the
// certificate's, and a certificate that they did not sign or that is not valid now.
func PeerTLS(certFile, keyFile, caFile string) (*PeerCredentials, error) {
	p := &PeerCredentials{certFile: certFile, keyFile: keyFile, caFile: caFile}
	if err := p.Refresh(); err != nil {
		return nil, err
	}
	return p, nil
}

// Refresh reads the files and takes them over if they changed. If it fails, the credentials stay as they were; files that
// turn out to be another node's are such a failure. Handshakes call it and go on with what they have; a health check calls
// it to tell the operator.
func (p *PeerCredentials) Refresh() error {
	_, err := p.refresh()
	return err
}

// Identity says who this node is. It never changes.
func (p *PeerCredentials) Identity() Identity { return p.files().identity }

// NotAfter returns the time when the node's certificate expires.
func (p *PeerCredentials) NotAfter() time.Time { return p.files().pair.Leaf.NotAfter }

// ServerConfig returns a new configuration for accepting peers: TLS 1.3, both sides with certificates of this region and
// cluster. The caller may set NextProtos.
func (p *PeerCredentials) ServerConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return &p.latest().pair, nil
		},
		ClientAuth: tls.RequireAnyClientCert, // VerifyConnection does the checking, with better words
		VerifyConnection: func(cs tls.ConnectionState) error {
			_, err := p.latest().verify(cs, x509.ExtKeyUsageClientAuth)
			return err
		},
		SessionTicketsDisabled: true, // every connection proves itself to the files of today
	}
}

// ClientConfig returns a new configuration for calling peers, the counterpart of ServerConfig. If node is not "", the
// other side must be that node. Host names are not compared: the identity in the certificate is what counts, and nodes
// move between addresses. The caller may set NextProtos.
func (p *PeerCredentials) ClientConfig(node string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return &p.latest().pair, nil
		},
		// This turns off only the standard check, which knows host names but no regions. VerifyConnection replaces it.
		InsecureSkipVerify: true, //nolint:gosec // see VerifyConnection
		VerifyConnection: func(cs tls.ConnectionState) error {
			peer, err := p.latest().verify(cs, x509.ExtKeyUsageServerAuth)
			if err != nil {
				return err
			}
			if node != "" && peer.Node != node {
				return fmt.Errorf("called node %q, but node %q answered", node, peer.Node)
			}
			return nil
		},
	}
}

// PeerIdentity says who is at the other end of a connection that was made with ServerConfig or ClientConfig.
func PeerIdentity(cs tls.ConnectionState) (Identity, error) {
	if len(cs.PeerCertificates) == 0 {
		return Identity{}, errors.New("the peer presented no certificate")
	}
	return CertificateIdentity(cs.PeerCertificates[0])
}

// Format hides the private key, for every verb.
func (p *PeerCredentials) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "[peer credentials]")
}

// LogValue hides the private key.
func (p *PeerCredentials) LogValue() slog.Value { return slog.StringValue("[peer credentials]") }

func (p *PeerCredentials) files() *peerFiles {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.current
}

// latest reads the files again. A handshake costs far more than three small reads; comparing contents instead of times
// misses no change.
func (p *PeerCredentials) latest() *peerFiles {
	files, _ := p.refresh() // on failure the old ones serve on; Refresh reports it
	return files
}

func (p *PeerCredentials) refresh() (*peerFiles, error) {
	old := p.files()
	fresh, err := p.read(old)
	if err != nil {
		return old, fmt.Errorf("load peer credentials: %w", err)
	}
	if fresh == old {
		return old, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.current = fresh
	return fresh, nil
}

// read returns the files' present content, or old if that is still the same.
func (p *PeerCredentials) read(old *peerFiles) (*peerFiles, error) {
	certPEM, err := readPublic(p.certFile)
	if err != nil {
		return nil, err
	}
	keyPEM, err := readPrivate(p.keyFile)
	if err != nil {
		return nil, err
	}
	caPEM, err := readPublic(p.caFile)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(joinParts(string(certPEM), string(keyPEM), string(caPEM)))
	if old != nil && old.digest == digest {
		return old, nil
	}
	fresh, err := newPeerFiles(certPEM, keyPEM, caPEM)
	if err != nil {
		return nil, err
	}
	if old != nil && old.identity != fresh.identity {
		return nil, fmt.Errorf("this node is %s, but the new certificate is for %s", old.identity, fresh.identity)
	}
	fresh.digest = digest
	return fresh, nil
}

func newPeerFiles(certPEM, keyPEM, caPEM []byte) (*peerFiles, error) {
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, err
	}
	identity, err := CertificateIdentity(pair.Leaf)
	if err != nil {
		return nil, err
	}
	authorities, err := parseCertificates(caPEM)
	if err != nil {
		return nil, fmt.Errorf("authorities: %w", err)
	}
	files := &peerFiles{identity: identity, pair: pair, pool: x509.NewCertPool()}
	for _, authority := range authorities {
		owner, err := AuthorityIdentity(authority)
		if err != nil {
			return nil, fmt.Errorf("authorities: %w", err)
		}
		if !owner.SamePlace(identity) {
			return nil, fmt.Errorf("authorities: %w", foreignError(owner, identity))
		}
		files.pool.AddCert(authority)
	}
	for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
		if err := files.verifyChain(pair.Leaf, usage); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// verify checks the other side. The identity comes first, because "region eu, want us" tells an operator more than
// "unknown authority"; then the chain, without which the identity would be a mere claim.
func (f *peerFiles) verify(cs tls.ConnectionState, usage x509.ExtKeyUsage) (Identity, error) {
	peer, err := PeerIdentity(cs)
	if err != nil {
		return Identity{}, err
	}
	if !peer.SamePlace(f.identity) {
		return Identity{}, foreignError(peer, f.identity)
	}
	return peer, f.verifyChain(cs.PeerCertificates[0], usage)
}

func (f *peerFiles) verifyChain(leaf *x509.Certificate, usage x509.ExtKeyUsage) error {
	_, err := leaf.Verify(x509.VerifyOptions{Roots: f.pool, KeyUsages: []x509.ExtKeyUsage{usage}})
	if err != nil {
		return fmt.Errorf("certificate of %s: %w", leaf.Subject.CommonName, err)
	}
	return nil
}

func foreignError(presented, own Identity) error {
	return fmt.Errorf("the certificate presented is of region %q, cluster %q; this node belongs to region %q, cluster %q",
		presented.Region, presented.Cluster, own.Region, own.Cluster)
}
