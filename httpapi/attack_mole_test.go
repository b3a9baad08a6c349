package httpapi_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"domicile/directory"
	"domicile/egress/dnstest"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/oidc"
	"domicile/oidc/oidctest"
	"domicile/seal"
)

// useDNS makes a server the name service of this process until the test ends.
func useDNS(t *testing.T, server *dnstest.Server) {
	t.Helper()
	before := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server.Address)
	}}
	t.Cleanup(func() { net.DefaultResolver = before })
}

// addresses parses addresses.
func addresses(texts ...string) []netip.Addr {
	list := make([]netip.Addr, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParseAddr(text)
	}
	return list
}

// bell is a listener on loopback that stands for what is on the inside of a network. It hangs up at once, and counts.
type bell struct {
	port   string
	number uint16 // the port
	rung   atomic.Int32
}

func newBell(t *testing.T) *bell {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &bell{number: listener.Addr().(*net.TCPAddr).AddrPort().Port()}
	b.port = strconv.Itoa(int(b.number))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			b.rung.Add(1)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = listener.Close(); <-done })
	conn, err := net.Dial("tcp4", "0.0.0.0:"+b.port) // whoever dials what is no address of anybody gets here
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, conn)
	_ = conn.Close()
	if n := b.rung.Swap(0); n != 1 {
		t.Fatalf("the bell rang %d times", n)
	}
	return b
}

// insides are hosts that no provider has, each with the bell's port.
func (b *bell) insides() []string {
	var hosts []string
	for _, host := range []string{
		"0.0.0.0", "[::]", "[::ffff:0.0.0.0]", "[64:ff9b::7f00:1]", "169.254.169.254", "[fd00:ec2::254]", "[fe80::1]", "10.0.0.1", "192.168.0.1",
		"172.16.0.1", "100.64.0.1", "100.100.100.200", "metadata.acme.example", "0", "0x0.0x0",
	} {
		hosts = append(hosts, host+":"+b.port)
	}
	return hosts
}

// mole is a provider that does as its owner, who wants to see the inside of our network, tells it to. It answers each request
// on a connection of its own, and signs in whoever comes as alice.
type mole struct {
	*world
	*tenant
	dns    *dnstest.Server
	port   string
	issuer string
	key    *ecdsa.PrivateKey
	notary *notary
	good   tls.Certificate // of moleHost

	conns atomic.Int32

	mu       sync.Mutex
	document map[string]any              // guarded by mu, as all below
	moved    map[string]string           // Location by path
	after    map[string]func()           // what happens once a path was asked for
	odd      map[string]http.HandlerFunc // what answers in place of the mole, by path
	papers   map[string]tls.Certificate  // by host name
	asked    map[string]int              // requests by host name
	nonce    string
	thin     bool // the ID token says nothing but who
}

const moleHost = "idp.acme.example"

func newMole(t *testing.T) *mole {
	t.Helper()
	w := newWorld(t, false)
	m := &mole{world: w, tenant: &tenant{world: w, id: "acme", slug: "acme", connection: "mole"}, dns: dnstest.New(t), notary: newNotary(t)}
	m.key = newKey(t)
	useDNS(t, m.dns)
	m.dns.SetAddresses(moleHost, addresses("127.0.0.1"))
	w.roots.AddCert(m.notary.certificate)

	server := httptest.NewUnstartedServer(m)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that fail
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			m.conns.Add(1)
		}
	}
	server.TLS = &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		m.mu.Lock()
		defer m.mu.Unlock()
		papers := m.papers[hello.ServerName]
		return &papers, nil
	}}
	server.StartTLS()
	t.Cleanup(server.Close)
	_, m.port, _ = net.SplitHostPort(server.Listener.Addr().String())
	m.issuer = "https://" + moleHost + ":" + m.port
	m.good = m.notary.issue(t, moleHost, time.Now())
	m.asked, m.papers = make(map[string]int), map[string]tls.Certificate{moleHost: m.good}

	secret, err := w.ring.Seal(oidc.SecretPlace(state.Identity{Region: testRegion, Cluster: testCluster}, m.id, m.connection), seal.NewSecret("hush"))
	if err != nil {
		t.Fatal(err)
	}
	m.propose(&command.CreateOrganization{OrganizationFields: command.OrganizationFields{
		Slug: m.slug, Name: "Acme", Domains: []string{"acme.example"}, RootEmail: rootAddress, Profile: directory.ProfileInterop,
	}})
	m.propose(&command.PutConnection{
		ID: m.connection, Issuer: m.issuer, ClientID: "client", ClientSecret: secret, Enabled: true,
		ConnectionSettings: directory.ConnectionSettings{AuthMethod: directory.AuthBasic},
	})
	m.user(directory.SourceSCIM, "alice@acme.example", "alice@acme.example")
	m.honest()
	return m
}

// honest undoes everything, and makes the node anew, which then knows nothing of the provider.
func (m *mole) honest() {
	m.mu.Lock()
	m.document = map[string]any{
		"issuer": m.issuer, "authorization_endpoint": m.issuer + "/authorize", "token_endpoint": m.issuer + "/token", "jwks_uri": m.issuer + "/keys",
		"userinfo_endpoint": m.issuer + "/userinfo", "id_token_signing_alg_values_supported": []string{"ES256"},
	}
	m.moved, m.after, m.odd, m.thin = make(map[string]string), make(map[string]func()), nil, false
	m.mu.Unlock()
	m.dns.SetAddresses(moleHost, addresses("127.0.0.1"))
	m.doors, m.nodes = nil, nil
	m.nodes = []http.Handler{m.node()}
	m.turn.Store(0)
}

// set changes what the provider does.
func (m *mole) set(change func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change()
}

func (m *mole) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	odd := m.odd[r.URL.Path]
	m.mu.Unlock()
	if odd != nil { // without the lock: it may take its time
		odd(w, r)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	host, _, _ := strings.Cut(r.Host, ":")
	m.asked[host]++
	if then := m.after[r.URL.Path]; then != nil {
		defer then()
	}
	w.Header().Set("Connection", "close")
	w.Header().Set("Content-Type", "application/json")
	if location, ok := m.moved[r.URL.Path]; ok {
		http.Redirect(w, r, location, http.StatusTemporaryRedirect)
		return
	}
	var answer any
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		answer = m.document
	case "/token":
		answer = map[string]any{"access_token": "access", "token_type": "Bearer", "id_token": m.token()}
	case "/keys":
		answer = jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: m.key.Public(), KeyID: "k", Algorithm: "ES256", Use: "sig"}}}
	case "/userinfo":
		answer = map[string]any{"sub": "sub-alice", "email": "alice@acme.example", "email_verified": true, "preferred_username": "alice@acme.example"}
	default:
		http.NotFound(w, r)
		return
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// token is a good ID token.
func (m *mole) token() string {
	now := m.ledger.Now().Unix()
	claims := map[string]any{"iss": m.issuer, "aud": "client", "sub": "sub-alice", "iat": now, "exp": now + 300, "nonce": m.nonce}
	if !m.thin {
		claims["email"], claims["email_verified"], claims["preferred_username"] = "alice@acme.example", true, "alice@acme.example"
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err) // texts and numbers only
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: m.key, KeyID: "k"}}, nil)
	if err != nil {
		panic(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		panic(err)
	}
	text, _ := signed.CompactSerialize()
	return text
}

// signIn walks all the way, without the provider's own page, and gives the last answer.
func (m *mole) signIn(b *oidctest.Browser) visit {
	at, page := m.start(b, url.Values{"organization": {m.slug}})
	if at == "" {
		return page
	}
	sent := mustParse(at).Query()
	m.set(func() { m.nonce = sent.Get("nonce") })
	return m.get(b, "/signin-oidc/"+string(m.connection)+"?"+url.Values{"code": {"code"}, "state": {sent.Get("state")}}.Encode())
}

// notary issues certificates.
type notary struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newNotary(t *testing.T) *notary {
	t.Helper()
	a := &notary{key: newKey(t)}
	a.certificate = &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, a.certificate, a.certificate, a.key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return a
}

// issue gives a certificate of a host that is good for half an hour around a time.
func (a *notary) issue(t *testing.T, host string, around time.Time) tls.Certificate {
	t.Helper()
	key := newKey(t)
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{host}, NotBefore: around.Add(-15 * time.Minute), NotAfter: around.Add(15 * time.Minute),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, a.certificate, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
