package cluster

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"domicile/seal"
)

// authority signs nodes for one region.
type authority struct {
	t    *testing.T
	cert []byte
	key  seal.Secret
}

func newAuthority(t *testing.T, region string) *authority {
	t.Helper()
	cert, key, err := seal.NewAuthority(region, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return &authority{t: t, cert: cert, key: key}
}

// listen makes the link of a node, which counts the calls that reach it.
func (a *authority) listen(node, incarnation string, calls chan<- peer) *link {
	a.t.Helper()
	cert, key, err := seal.IssueNode(a.cert, a.key, node, nil, time.Now(), time.Hour)
	if err != nil {
		a.t.Fatal(err)
	}
	dir := a.t.TempDir()
	for name, content := range map[string][]byte{"crt": cert, "key": []byte(key.Reveal()), "ca": a.cert} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
	creds, err := seal.PeerTLS(filepath.Join(dir, "crt"), filepath.Join(dir, "key"), filepath.Join(dir, "ca"))
	if err != nil {
		a.t.Fatal(err)
	}
	listener, err := new(net.ListenConfig).Listen(a.t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		a.t.Fatal(err)
	}
	l := &link{
		self:  address{id: newServerID(node, incarnation), host: listener.Addr().String()},
		creds: creds,
		dialTCP: func(ctx context.Context, address string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", address)
		},
		listener: listener, logger: slog.New(slog.DiscardHandler), metrics: newMetrics(new(Node)),
		streams: make(chan net.Conn), stopped: make(chan struct{}), conns: make(map[net.Conn]struct{}),
	}
	l.serve(func(from peer) {
		calls <- from
		_, _ = io.Copy(io.Discard, from.conn)
	}, func(peer) {})
	a.t.Cleanup(func() {
		l.Fence()
		l.wait()
	})
	return l
}

// ends tells whether the other side closes the connection.
func ends(t *testing.T, conn net.Conn) bool {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return true
	}
	_, err := conn.Read(make([]byte, 1))
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

func TestLink_knowsWhoCalls(t *testing.T) {
	eu := newAuthority(t, "eu")
	calls := make(chan peer, 1)
	a, b := eu.listen("a", "1", calls), eu.listen("b", "1", calls)
	conn, err := a.dial(t.Context(), protocolCall, b.self)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if from := <-calls; from.address != a.self {
		t.Errorf("the call comes from %v, want %v", from.address, a.self)
	}
}

// A node that lost its disk is somebody else: it must neither store nor vote in the name of its former self.
func TestLink_anotherIncarnationIsRefused(t *testing.T) {
	eu := newAuthority(t, "eu")
	calls := make(chan peer, 1)
	a, b := eu.listen("a", "1", calls), eu.listen("b", "2", calls)
	former := address{id: newServerID("b", "1"), host: b.self.host}
	conn, err := a.dial(t.Context(), protocolCall, former)
	if err != nil {
		return
	}
	if !ends(t, conn) {
		t.Error("the new incarnation took a call for the former one")
	}
}

func TestLink_anotherNodeIsRefused(t *testing.T) {
	eu := newAuthority(t, "eu")
	calls := make(chan peer, 1)
	a, b := eu.listen("a", "1", calls), eu.listen("b", "1", calls)
	wrong := address{id: newServerID("c", "1"), host: b.self.host}
	if _, err := a.dial(t.Context(), protocolRaft, wrong); err == nil || !strings.Contains(err.Error(), `"b"`) {
		t.Errorf("called c, met b: %v", err)
	}
}

// A caller cannot take another name than its certificate's.
func TestLink_borrowedNameIsRefused(t *testing.T) {
	eu := newAuthority(t, "eu")
	calls := make(chan peer, 1)
	a, b := eu.listen("a", "1", calls), eu.listen("b", "1", calls)
	a.self.id = newServerID("c", "1")
	conn, err := a.dial(t.Context(), protocolCall, b.self)
	if err != nil {
		t.Fatal(err)
	}
	if !ends(t, conn) {
		t.Error("a call under a borrowed name was taken")
	}
}

func TestLink_foreignRegionIsRefused(t *testing.T) {
	calls := make(chan peer, 1)
	us, eu := newAuthority(t, "us").listen("a", "1", calls), newAuthority(t, "eu").listen("b", "1", calls)
	_, err := us.dial(t.Context(), protocolCall, address{host: eu.self.host})
	if err == nil || !strings.Contains(err.Error(), `region "eu"`) {
		t.Errorf("call to another region: %v, want a refusal that names it", err)
	}
}

func TestLink_fenceCutsEverything(t *testing.T) {
	eu := newAuthority(t, "eu")
	calls := make(chan peer, 1)
	a, b := eu.listen("a", "1", calls), eu.listen("b", "1", calls)
	conn, err := a.dial(t.Context(), protocolCall, b.self)
	if err != nil {
		t.Fatal(err)
	}
	<-calls
	b.Fence()
	if !ends(t, conn) {
		t.Error("a connection survived the fence")
	}
	if _, err := a.dial(t.Context(), protocolCall, b.self); !refused(err) {
		t.Errorf("dial to a fenced node: %v, want refused", err)
	}
	if _, err := b.dial(t.Context(), protocolCall, a.self); !errors.Is(err, errFenced) {
		t.Errorf("dial by a fenced node: %v, want %v", err, errFenced)
	}
}
