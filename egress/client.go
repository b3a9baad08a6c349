package egress

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"syscall"
	"time"
)

const (
	defaultConnect  = 3 * time.Second
	defaultHeader   = 5 * time.Second
	defaultTotal    = 10 * time.Second
	defaultMaxBody  = 256 << 10
	defaultPerHost  = 4
	maxHeaderBytes  = 32 << 10
	idleConnections = 64
)

// Config says what is reachable and for how long; the zero value is the
// strictest: public addresses, https, port 443.
type Config struct {
	AllowPrivate  []netip.Prefix // private ranges the operator opens (RFC 1918, CGNAT, ULA); nothing else opens
	AllowLoopback bool           // development and tests: loopback, any port
	AllowHTTP     bool           // development and tests: http and port 80 as well
	AllowPorts    []uint16       // beside 443
	RootCAs       *x509.CertPool // nil = the system's

	ConnectTimeout time.Duration // resolve and connect, and again for TLS; 0 = 3 s
	HeaderTimeout  time.Duration // until the answer's headers; 0 = 5 s
	TotalTimeout   time.Duration // all of it, body included; 0 = 10 s
	MaxBody        int64         // bytes of an answer; 0 = 256 KiB
	MaxPerHost     int           // connections per host, waiting included in the total time; 0 = 4
}

// Client is the guarded way out. Safe for concurrent use; make one and share
// it.
type Client struct {
	cfg       Config
	addresses addressBook
	dialer    *net.Dialer
	transport *http.Transport
	http      *http.Client
}

// New returns a client.
func New(cfg Config) *Client {
	cfg.ConnectTimeout = positive(cfg.ConnectTimeout, defaultConnect)
	cfg.HeaderTimeout = positive(cfg.HeaderTimeout, defaultHeader)
	cfg.TotalTimeout = positive(cfg.TotalTimeout, defaultTotal)
	cfg.MaxBody = positive(cfg.MaxBody, defaultMaxBody)
	cfg.MaxPerHost = positive(cfg.MaxPerHost, defaultPerHost)

	c := &Client{cfg: cfg, addresses: newAddressBook()}
	c.dialer = &net.Dialer{Timeout: cfg.ConnectTimeout, Control: c.control}
	c.transport = &http.Transport{
		Proxy:                  nil, // never from the environment
		DialContext:            c.dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: cfg.RootCAs},
		TLSHandshakeTimeout:    cfg.ConnectTimeout,
		ResponseHeaderTimeout:  cfg.HeaderTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
		MaxConnsPerHost:        cfg.MaxPerHost,
		MaxIdleConns:           idleConnections,
		IdleConnTimeout:        30 * time.Second,
		DisableCompression:     true, // sizes mean what they say
	}
	c.http = &http.Client{
		Transport:     guard{c},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c
}

// HTTP returns the guarded http.Client, for libraries that want one. Its errors
// are *url.Error around *Error; answers to redirects are returned as they are.
func (c *Client) HTTP() *http.Client { return c.http }

// Dial opens a guarded TCP connection.
func (c *Client) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := c.dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, explain(err)
	}
	return conn, nil
}

// Permits looks whether a URL leads to an address that may be called, without calling it. What it leads to when it is called is
// judged again. Its errors are *Error: ErrRefusedURL, ErrRefusedAddress, or why its host has no address.
func (c *Client) Permits(ctx context.Context, rawURL string) error {
	u, err := url.Parse(rawURL)
	if err != nil {
		return &Error{Reason: ErrRefusedURL, Cause: err}
	}
	if err := c.checkURL(u); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.ConnectTimeout)
	defer cancel()
	port, err := net.DefaultResolver.LookupPort(ctx, "tcp", cmp.Or(u.Port(), u.Scheme))
	if err != nil {
		return &Error{Reason: ErrRefusedURL, Cause: err}
	}
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Hostname())
	if err != nil {
		return explain(err)
	}
	for _, address := range addresses {
		if c.allowed(netip.AddrPortFrom(address, uint16(port))) {
			return nil
		}
	}
	return &Error{Reason: ErrRefusedAddress, Cause: fmt.Errorf("%s: %v", u.Host, addresses)}
}

// CloseIdle closes connections that nobody uses.
func (c *Client) CloseIdle() { c.transport.CloseIdleConnections() }

// GetJSON fetches one JSON document of at most maxBytes (0 = the client's
// limit) into v. Its errors are *Error or *StatusError.
func (c *Client) GetJSON(ctx context.Context, rawURL string, maxBytes int64, v any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, rawURL, nil)
	if err != nil {
		return &Error{Reason: ErrRefusedURL, Cause: err}
	}
	req.Header.Set("Accept", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return withoutURL(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return &StatusError{Code: resp.StatusCode}
	}
	if maxBytes <= 0 || maxBytes > c.cfg.MaxBody {
		maxBytes = c.cfg.MaxBody
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBytes+1))
	if err != nil {
		return explain(err)
	}
	if int64(len(body)) > maxBytes {
		return tooLarge()
	}
	if err := json.Unmarshal(body, v); err != nil {
		return &Error{Reason: ErrNotJSON, Cause: err}
	}
	return nil
}

// withoutURL strips the method and URL that http.Client puts before an error.
func withoutURL(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return explain(err)
}

// control sees every address that is about to be dialled, after DNS, and
// refuses before a packet leaves.
func (c *Client) control(network, address string, _ syscall.RawConn) error {
	if network != "tcp4" && network != "tcp6" {
		return fmt.Errorf("%w: network %s", ErrRefusedAddress, network)
	}
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %s", ErrRefusedAddress, address)
	}
	if !c.allowed(target) {
		return fmt.Errorf("%w: %s", ErrRefusedAddress, target)
	}
	return nil
}

func (c *Client) allowed(target netip.AddrPort) bool {
	switch c.addresses.classify(target.Addr()) {
	case public:
		return c.allowedPort(target.Port())
	case private:
		return c.allowedPort(target.Port()) && contains(c.cfg.AllowPrivate, target.Addr().Unmap().WithZone(""))
	case loopback:
		return c.cfg.AllowLoopback
	default:
		return false
	}
}

func (c *Client) allowedPort(port uint16) bool {
	return port == 443 || (port == 80 && c.cfg.AllowHTTP) || slices.Contains(c.cfg.AllowPorts, port)
}

// guard is the transport: it checks the URL, limits time and size, and explains
// errors. The total time is limited here and not by http.Client.Timeout, which
// would replace typed errors with its own.
type guard struct{ c *Client }

func (g guard) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := g.c.checkURL(req.URL); err != nil {
		if req.Body != nil {
			_ = req.Body.Close() // a RoundTripper closes the body, errors included
		}
		return nil, err
	}
	ctx, cancel := context.WithTimeout(req.Context(), g.c.cfg.TotalTimeout)
	resp, err := g.c.transport.RoundTrip(req.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, explain(err)
	}
	body := &cappedBody{body: resp.Body, left: g.c.cfg.MaxBody, release: cancel}
	if resp.ContentLength > g.c.cfg.MaxBody {
		_ = body.Close()
		return nil, &Error{Reason: ErrTooLarge, Cause: fmt.Errorf("content length %d", resp.ContentLength)}
	}
	resp.Body = body
	return resp, nil
}

func (c *Client) checkURL(u *url.URL) error {
	if u.Scheme != "https" && (u.Scheme != "http" || !c.cfg.AllowHTTP) {
		return &Error{Reason: ErrRefusedURL, Cause: fmt.Errorf("scheme %q", u.Scheme)}
	}
	if u.User != nil {
		return &Error{Reason: ErrRefusedURL, Cause: errors.New("credentials in URL")}
	}
	return nil
}

// cappedBody fails with ErrTooLarge instead of reading past its limit.
type cappedBody struct {
	body    io.ReadCloser
	left    int64
	release context.CancelFunc
}

// Read returns at most what is left; one byte more is the error.
func (b *cappedBody) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.body.Read(p)
	if int64(n) > b.left {
		n = int(b.left)
		b.left = 0
		return n, tooLarge()
	}
	b.left -= int64(n)
	if err != nil && err != io.EOF {
		err = explain(err)
	}
	return n, err
}

// Close ends the request's time limit with the body.
func (b *cappedBody) Close() error {
	err := b.body.Close()
	b.release()
	return err
}

func tooLarge() error {
	return &Error{Reason: ErrTooLarge, Cause: errors.New("body exceeds its limit")}
}

func positive[T int | int64 | time.Duration](value, fallback T) T {
	if value > 0 {
		return value
	}
	return fallback
}
