package seal

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// newPeer writes a node's three files and loads them.
func newPeer(t testing.TB, dir string, r region, node string) *PeerCredentials {
	t.Helper()
	cert, key := r.issue(t, node, time.Now(), time.Hour)
	writePeer(t, dir, cert, key, r.cert)
	peer, err := loadPeer(dir)
	if err != nil {
		t.Fatal(err)
	}
	return peer
}

func writePeer(t testing.TB, dir string, cert []byte, key Secret, ca []byte) {
	t.Helper()
	for name, content := range map[string][]byte{"cert": cert, "key": []byte(key.Reveal()), "ca": ca} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func loadPeer(dir string) (*PeerCredentials, error) {
	return PeerTLS(filepath.Join(dir, "cert"), filepath.Join(dir, "key"), filepath.Join(dir, "ca"))
}

// meet lets client call server over loopback and exchange a byte both ways. It returns what each side says.
func meet(t *testing.T, server, client *tls.Config) (serverState, clientState tls.ConnectionState, serverErr, clientErr error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()

	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := listener.Accept()
		if err != nil {
			serverErr = err
			return
		}
		defer conn.Close()
		serverState, serverErr = exchange(ctx, tls.Server(conn, server))
	}()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	clientState, clientErr = exchange(ctx, tls.Client(conn, client))
	conn.Close()
	<-done
	return serverState, clientState, serverErr, clientErr
}

func exchange(ctx context.Context, conn *tls.Conn) (tls.ConnectionState, error) {
	if err := conn.HandshakeContext(ctx); err != nil {
		return tls.ConnectionState{}, err
	}
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return tls.ConnectionState{}, err
	}
	if _, err := conn.Write([]byte("x")); err != nil {
		return tls.ConnectionState{}, err
	}
	_, err := io.ReadFull(conn, make([]byte, 1))
	return conn.ConnectionState(), err
}

func TestPeerTLS_sameRegion(t *testing.T) {
	us := newRegion(t, "us")
	a, b := newPeer(t, t.TempDir(), us, "n1"), newPeer(t, t.TempDir(), us, "n2")
	server, client := a.ServerConfig(), b.ClientConfig("n1")
	server.NextProtos, client.NextProtos = []string{"raft", "link"}, []string{"link"}
	serverState, clientState, serverErr, clientErr := meet(t, server, client)
	if serverErr != nil || clientErr != nil {
		t.Fatal(serverErr, clientErr)
	}
	atServer, err := PeerIdentity(serverState)
	if err != nil || atServer != b.Identity() {
		t.Errorf("the server sees %s, %v", atServer, err)
	}
	atClient, err := PeerIdentity(clientState)
	if err != nil || atClient != a.Identity() {
		t.Errorf("the client sees %s, %v", atClient, err)
	}
	if clientState.NegotiatedProtocol != "link" || clientState.Version != tls.VersionTLS13 {
		t.Errorf("negotiated %q, version %x", clientState.NegotiatedProtocol, clientState.Version)
	}
}

func TestPeerTLS_refusesStrangers(t *testing.T) {
	us, eu, otherUS := newRegion(t, "us"), newRegion(t, "eu"), newRegion(t, "us")
	server := newPeer(t, t.TempDir(), us, "n1")
	tests := map[string]struct {
		stranger region
		want     string
	}{
		"other region":               {eu, `region "eu", cluster "` + eu.identity(t).Cluster},
		"other cluster, same region": {otherUS, `region "us", cluster "` + otherUS.identity(t).Cluster},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			stranger := newPeer(t, t.TempDir(), tt.stranger, "n1")
			own := `this node belongs to region "us", cluster "` + us.identity(t).Cluster

			// The stranger calls us, and does not care who we are.
			careless := stranger.ClientConfig("")
			careless.VerifyConnection = nil
			_, _, serverErr, clientErr := meet(t, server.ServerConfig(), careless)
			assertRefused(t, serverErr, tt.want, own)
			if clientErr == nil {
				t.Error("the stranger was let in")
			}

			// We call the stranger, who does not care either.
			anyone := stranger.ServerConfig()
			anyone.VerifyConnection = nil
			_, _, serverErr, clientErr = meet(t, anyone, server.ClientConfig(""))
			assertRefused(t, clientErr, tt.want, own)
			if serverErr == nil {
				t.Error("the stranger was called")
			}
		})
	}
}

// A stranger can write any identity into a certificate; only the region's authority can sign it.
func TestPeerTLS_refusesForgedIdentity(t *testing.T) {
	us := newRegion(t, "us")
	server := newPeer(t, t.TempDir(), us, "n1")
	cert, key, err := newAuthority(us.identity(t), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	forger := newPeer(t, t.TempDir(), region{cert, key}, "n2")
	careless := forger.ClientConfig("")
	careless.VerifyConnection = nil
	_, _, serverErr, _ := meet(t, server.ServerConfig(), careless)
	assertRefused(t, serverErr, "unknown authority")

	anyone := forger.ServerConfig()
	anyone.VerifyConnection = nil
	_, _, _, clientErr := meet(t, anyone, server.ClientConfig(""))
	assertRefused(t, clientErr, "unknown authority")
}

func TestPeerTLS_refusesOtherNode(t *testing.T) {
	us := newRegion(t, "us")
	a, b := newPeer(t, t.TempDir(), us, "n1"), newPeer(t, t.TempDir(), us, "n2")
	_, _, _, err := meet(t, a.ServerConfig(), b.ClientConfig("n3"))
	assertRefused(t, err, `called node "n3", but node "n1" answered`)
}

func TestPeerTLS_refusesNoCertificate(t *testing.T) {
	server := newPeer(t, t.TempDir(), newRegion(t, "us"), "n1")
	nobody := &tls.Config{InsecureSkipVerify: true} //nolint:gosec // plays a stranger
	_, _, serverErr, clientErr := meet(t, server.ServerConfig(), nobody)
	if serverErr == nil || clientErr == nil {
		t.Errorf("let in a caller without certificate: %v, %v", serverErr, clientErr)
	}
}

func TestPeerTLS_refusesExpired(t *testing.T) {
	us := newRegion(t, "us")
	server := newPeer(t, t.TempDir(), us, "n1")
	client := newPeer(t, t.TempDir(), us, "n2").ClientConfig("")
	cert, key := us.issue(t, "n2", time.Now().Add(-2*time.Hour), time.Hour)
	pair, err := tls.X509KeyPair(cert, []byte(key.Reveal()))
	if err != nil {
		t.Fatal(err)
	}
	client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	_, _, serverErr, _ := meet(t, server.ServerConfig(), client)
	assertRefused(t, serverErr, "expired", "n2")
}

func TestPeerTLS_badFiles(t *testing.T) {
	us, eu := newRegion(t, "us"), newRegion(t, "eu")
	cert, key := us.issue(t, "n1", time.Now(), time.Hour)
	_, otherKey := us.issue(t, "n1", time.Now(), time.Hour)
	old, oldKey := us.issue(t, "n1", time.Now().Add(-2*time.Hour), time.Hour)
	twin, _, err := newAuthority(us.identity(t), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		cert []byte
		key  Secret
		ca   []byte
		want string
	}{
		"authority of another region": {cert, key, eu.cert, `region "eu"`},
		"a foreign authority beside":  {cert, key, join(us.cert, eu.cert), `region "eu"`},
		"not signed by the authority": {cert, key, twin, "unknown authority"},
		"key of another certificate":  {cert, otherKey, us.cert, "private key"},
		"expired":                     {old, oldKey, us.cert, "expired"},
		"a node as authority":         {cert, key, cert, "not an authority"},
		"an authority as node":        {us.cert, us.key, us.cert, "not a node"},
		"no authority":                {cert, key, []byte("\n"), "no certificate"},
		"key among authorities":       {cert, key, join(us.cert, []byte(us.key.Reveal())), "PRIVATE KEY"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			writePeer(t, dir, tt.cert, tt.key, tt.ca)
			_, err := loadPeer(dir)
			assertRefused(t, err, tt.want)
		})
	}
	t.Run("key open to every user", func(t *testing.T) {
		dir := t.TempDir()
		writePeer(t, dir, cert, key, us.cert)
		writeFile(t, filepath.Join(dir, "key"), key.Reveal(), 0o644)
		_, err := loadPeer(dir)
		assertRefused(t, err, "open to every user", dir)
	})
	t.Run("no files", func(t *testing.T) {
		dir := t.TempDir()
		_, err := loadPeer(dir)
		assertRefused(t, err, dir)
	})
}

func TestPeerTLS_reload(t *testing.T) {
	us := newRegion(t, "us")
	dir := t.TempDir()
	server := newPeer(t, dir, us, "n1")
	client := newPeer(t, t.TempDir(), us, "n2")
	config := server.ServerConfig() // made before the files change
	_, state, serverErr, clientErr := meet(t, config, client.ClientConfig("n1"))
	if serverErr != nil || clientErr != nil {
		t.Fatal(serverErr, clientErr)
	}
	first := state.PeerCertificates[0].Raw

	cert, key := us.issue(t, "n1", time.Now(), 2*time.Hour)
	writePeer(t, dir, cert, key, us.cert)
	_, state, serverErr, clientErr = meet(t, config, client.ClientConfig("n1"))
	if serverErr != nil || clientErr != nil {
		t.Fatal(serverErr, clientErr)
	}
	if bytes.Equal(first, state.PeerCertificates[0].Raw) || time.Until(server.NotAfter()) < 90*time.Minute {
		t.Error("the new certificate is not in use")
	}

	// A half-written change, or another node's files, leave the old credentials in use, and are reported.
	other, otherKey := us.issue(t, "n7", time.Now(), time.Hour)
	for want, content := range map[string][2]string{
		"private key": {string(cert), otherKey.Reveal()},
		"is for":      {string(other), otherKey.Reveal()},
		"PEM":         {"", key.Reveal()},
	} {
		writePeer(t, dir, []byte(content[0]), NewSecret(content[1]), us.cert)
		if _, _, serverErr, clientErr = meet(t, config, client.ClientConfig("n1")); serverErr != nil || clientErr != nil {
			t.Error(serverErr, clientErr)
		}
		assertRefused(t, server.Refresh(), want)
	}
	writePeer(t, dir, cert, key, us.cert)
	if err := server.Refresh(); err != nil {
		t.Error(err)
	}
}

func TestPeerTLS_authorityRotation(t *testing.T) {
	old := newRegion(t, "us")
	cert, key, err := RenewAuthority(old.cert, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	renewed := region{cert, key}
	both := join(old.cert, renewed.cert)
	dirA, dirB := t.TempDir(), t.TempDir()
	a, b := newPeer(t, dirA, old, "n1"), newPeer(t, dirB, old, "n2")
	steps := []struct {
		dir    string
		node   string
		signer region
		ca     []byte
	}{
		{dirA, "n1", old, both}, {dirB, "n2", old, both}, // 1. both trust both
		{dirA, "n1", renewed, both}, {dirB, "n2", renewed, both}, // 2. new certificates
		{dirA, "n1", renewed, renewed.cert}, {dirB, "n2", renewed, renewed.cert}, // 3. the old authority goes
	}
	server, client := a.ServerConfig(), b.ClientConfig("n1")
	for i, step := range steps {
		cert, key := step.signer.issue(t, step.node, time.Now(), time.Hour)
		writePeer(t, step.dir, cert, key, step.ca)
		if _, _, serverErr, clientErr := meet(t, server, client); serverErr != nil || clientErr != nil {
			t.Fatalf("step %d: %v, %v", i, serverErr, clientErr)
		}
	}
	stale := newPeer(t, t.TempDir(), old, "n3").ClientConfig("")
	stale.VerifyConnection = nil
	_, _, serverErr, _ := meet(t, server, stale)
	assertRefused(t, serverErr, "unknown authority")
}

func assertRefused(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Error("not refused")
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("refused with %q, want %q in it", err, word)
		}
	}
}
