package egress

import (
	"context"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// dev is the configuration that reaches httptest servers.
func dev() Config { return Config{AllowLoopback: true, AllowHTTP: true} }

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func open(t *testing.T, cfg Config) *Client {
	t.Helper()
	c := New(cfg)
	t.Cleanup(c.CloseIdle)
	return c
}

func TestGetJSON(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"accept":%q}`, r.Header.Get("Accept"))
	})
	var got struct{ Accept string }
	if err := open(t, dev()).GetJSON(t.Context(), url, 0, &got); err != nil {
		t.Fatal(err)
	}
	if got.Accept != "application/json" {
		t.Errorf("accept = %q", got.Accept)
	}
}

func TestAttack38_refusals(t *testing.T) {
	loop := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/page":
			io.WriteString(w, "<html>")
		case "/trailing":
			io.WriteString(w, `{} {}`)
		case "/chunked":
			for range 64 {
				io.WriteString(w, strings.Repeat(" ", 1<<10))
				w.(http.Flusher).Flush()
			}
		case "/announced":
			w.Header().Set("Content-Length", "1000000")
			io.WriteString(w, "{")
		case "/headers":
			w.Header().Set("X-Pad", strings.Repeat("x", 64<<10))
		}
	})
	port := loop[strings.LastIndexByte(loop, ':')+1:]
	tests := []struct {
		name string
		cfg  Config
		url  string
		want error
	}{
		{"http", Config{AllowLoopback: true}, loop, ErrRefusedURL},
		{"file", dev(), "file:///etc/passwd", ErrRefusedURL},
		{"gopher", dev(), "gopher://127.0.0.1/", ErrRefusedURL},
		{"credentials", dev(), "http://user:secret@127.0.0.1/", ErrRefusedURL},
		{"malformed", dev(), "http://[", ErrRefusedURL},
		{"loopback", Config{AllowHTTP: true}, loop, ErrRefusedAddress},
		{"localhost", Config{AllowHTTP: true}, "http://localhost:" + port, ErrRefusedAddress},
		{"hexadecimal is not a host", Config{AllowHTTP: true}, "http://0x7f000001:" + port, nil},
		{"unspecified", dev(), "http://0.0.0.0:" + port, ErrRefusedAddress},
		{"mapped", Config{AllowHTTP: true}, "http://[::ffff:127.0.0.1]:" + port, ErrRefusedAddress},
		{"metadata", dev(), "http://169.254.169.254/latest/meta-data", ErrRefusedAddress},
		{"private", Config{}, "https://10.0.0.1/", ErrRefusedAddress},
		{"nat64", Config{}, "https://[64:ff9b::7f00:1]/", ErrRefusedAddress},
		{"public port", Config{}, "https://8.8.8.8:6379/", ErrRefusedAddress},
		{"not json", dev(), loop + "/page", ErrNotJSON},
		{"trailing data", dev(), loop + "/trailing", ErrNotJSON},
		{"body in chunks", Config{AllowLoopback: true, AllowHTTP: true, MaxBody: 4 << 10}, loop + "/chunked", ErrTooLarge},
		{"body announced", dev(), loop + "/announced", ErrTooLarge},
		{"headers", dev(), loop + "/headers", ErrUnreachable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var v any
			err := open(t, tt.cfg).GetJSON(t.Context(), tt.url, 0, &v)
			if err == nil {
				t.Fatal("no error")
			}
			if tt.want != nil && !errors.Is(err, tt.want) {
				t.Fatalf("error = %v (%#v), want %v", err, err, tt.want)
			}
			refused := tt.want == ErrRefusedURL || tt.want == ErrRefusedAddress
			if permits := open(t, tt.cfg).Permits(t.Context(), tt.url); tt.want != nil && (refused && !errors.Is(permits, tt.want) || !refused && permits != nil) {
				t.Errorf("permits: %v, want %v", permits, tt.want)
			}
			for _, leak := range []string{"127.0.0", "169.254", "10.0.0.1", "secret", "dial", "lookup"} {
				if strings.Contains(err.Error(), leak) {
					t.Errorf("error text %q tells %q", err, leak)
				}
			}
		})
	}
}

func TestAttack41_ownLimit(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `"0123456789"`) })
	c := open(t, dev())
	var s string
	if err := c.GetJSON(t.Context(), url, 12, &s); err != nil || s != "0123456789" {
		t.Errorf("at the limit: %q, %v", s, err)
	}
	if err := c.GetJSON(t.Context(), url, 11, &s); !errors.Is(err, ErrTooLarge) {
		t.Errorf("above the limit: %v", err)
	}
}

func TestAttack39_redirectIsNotFollowed(t *testing.T) {
	var reached atomic.Int32
	target := serve(t, func(http.ResponseWriter, *http.Request) { reached.Add(1) })
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, target, http.StatusTemporaryRedirect)
	})
	c := open(t, dev())
	var v any
	var status *StatusError
	if err := c.GetJSON(t.Context(), url, 0, &v); !errors.As(err, &status) || status.Code != 307 {
		t.Errorf("error = %v", err)
	}
	resp, err := c.HTTP().Post(url, "text/plain", strings.NewReader("code and secret"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 307 || reached.Load() != 0 {
		t.Errorf("status %d, target reached %d times", resp.StatusCode, reached.Load())
	}
}

func TestAttack41_timeouts(t *testing.T) {
	release := make(chan struct{})
	silent := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-release:
		}
	})
	drip := serve(t, func(w http.ResponseWriter, r *http.Request) {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-r.Context().Done():
				return
			case <-tick.C:
				io.WriteString(w, " ")
				w.(http.Flusher).Flush()
			}
		}
	})
	t.Cleanup(func() { close(release) })
	tests := []struct {
		name string
		url  string
		cfg  Config
	}{
		{"no headers", silent, Config{HeaderTimeout: 50 * time.Millisecond}},
		{"total", silent, Config{TotalTimeout: 50 * time.Millisecond}},
		{"slow drip", drip, Config{TotalTimeout: 100 * time.Millisecond}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.cfg.AllowLoopback, tt.cfg.AllowHTTP = true, true
			c := open(t, tt.cfg)
			var v any
			if err := c.GetJSON(t.Context(), tt.url, 0, &v); !errors.Is(err, ErrTimeout) {
				t.Fatalf("GetJSON = %v, want timeout", err)
			}
			resp, err := c.HTTP().Get(tt.url)
			if err == nil {
				_, err = io.ReadAll(resp.Body)
				resp.Body.Close()
			}
			if !errors.Is(err, ErrTimeout) {
				t.Fatalf("HTTP = %v, want timeout", err)
			}
		})
	}
}

func TestCancel(t *testing.T) {
	url := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	var v any
	if err := open(t, dev()).GetJSON(ctx, url, 0, &v); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want canceled", err)
	}
}

func TestAttack58_certificates(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{}`) }))
	s.Config.ErrorLog = nil
	t.Cleanup(s.Close)
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	port := s.URL[strings.LastIndexByte(s.URL, ':'):]
	plain := strings.TrimPrefix(serve(t, func(http.ResponseWriter, *http.Request) {}), "http://")
	tests := []struct {
		name string
		url  string
		pool *x509.CertPool
		want error
	}{
		{"trusted", s.URL, pool, nil},
		{"self-signed", s.URL, nil, ErrCertificate},
		{"wrong host", "https://localhost" + port, pool, ErrCertificate},
		{"no tls", "https://" + plain, pool, ErrCertificate},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var v any
			err := open(t, Config{AllowLoopback: true, RootCAs: tt.pool}).GetJSON(t.Context(), tt.url, 0, &v)
			if !errors.Is(err, tt.want) {
				t.Errorf("error = %v, want %v", err, tt.want)
			}
		})
	}
}

func TestProxyFromEnvironmentIsIgnored(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{}`) })
	var v any
	if err := open(t, dev()).GetJSON(t.Context(), url, 0, &v); err != nil {
		t.Error(err)
	}
}

func TestConnectionsPerHost(t *testing.T) {
	var now, most atomic.Int32
	gate := make(chan struct{})
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		n := now.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		gate <- struct{}{}
		now.Add(-1)
		io.WriteString(w, `{}`)
	})
	c := open(t, Config{AllowLoopback: true, AllowHTTP: true, MaxPerHost: 2})
	errs := make(chan error, 6)
	for range cap(errs) {
		go func() {
			var v any
			errs <- c.GetJSON(t.Context(), url, 0, &v)
		}()
	}
	for range cap(errs) {
		<-gate
	}
	for range cap(errs) {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if most.Load() > 2 {
		t.Errorf("%d requests at once, want at most 2", most.Load())
	}
}

// TestAttack40_rebinding looks a name up twice: the first answer, which a checker would
// have seen, is public; the second, which is dialled, is loopback.
func TestAttack40_rebinding(t *testing.T) {
	var lookups atomic.Int32
	resolver := fakeDNS(t, func() net.IP {
		if lookups.Add(1) == 1 {
			return net.IPv4(93, 184, 216, 34)
		}
		return net.IPv4(127, 0, 0, 1)
	})
	var reached atomic.Int32
	url := serve(t, func(http.ResponseWriter, *http.Request) { reached.Add(1) })
	port := url[strings.LastIndexByte(url, ':'):]

	c := open(t, Config{AllowHTTP: true})
	c.dialer.Resolver = resolver
	first, err := resolver.LookupIP(t.Context(), "ip4", "idp.example.")
	if err != nil || first[0].IsLoopback() {
		t.Fatalf("first lookup = %v, %v", first, err)
	}
	var v any
	if err := c.GetJSON(t.Context(), "http://idp.example."+port, 0, &v); !errors.Is(err, ErrRefusedAddress) {
		t.Errorf("error = %v, want refused", err)
	}
	if reached.Load() != 0 || lookups.Load() < 2 {
		t.Errorf("reached %d, lookups %d", reached.Load(), lookups.Load())
	}
}

// fakeDNS answers every A question with the next address and others with none.
func fakeDNS(t *testing.T, next func() net.IP) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			conn.WriteTo(dnsAnswer(buf[:n], next), from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp4", conn.LocalAddr().String())
	}}
}

func dnsAnswer(query []byte, next func() net.IP) []byte {
	end := 12
	for query[end] != 0 {
		end += int(query[end]) + 1
	}
	end += 5 // root label, type, class
	answer := append([]byte{}, query[:end]...)
	binary.BigEndian.PutUint16(answer[2:], 0x8180) // response, recursion
	binary.BigEndian.PutUint16(answer[6:], 0)
	binary.BigEndian.PutUint32(answer[8:], 0)
	if binary.BigEndian.Uint16(query[end-4:]) == 1 {
		binary.BigEndian.PutUint16(answer[6:], 1)
		answer = append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
		answer = append(answer, next().To4()...)
	}
	return answer
}

func TestAttack38_dial(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	if _, err := open(t, Config{}).Dial(t.Context(), "tcp", l.Addr().String()); !errors.Is(err, ErrRefusedAddress) {
		t.Errorf("strict dial = %v", err)
	}
	conn, err := open(t, dev()).Dial(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if _, err := open(t, dev()).Dial(t.Context(), "udp", l.Addr().String()); !errors.Is(err, ErrRefusedAddress) {
		t.Errorf("udp dial = %v", err)
	}
}
