package oidctest

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// ErrNotLoopback is returned by New for an address that others could reach.
var ErrNotLoopback = errors.New("test provider listens on loopback only")

// User is a person who can sign in.
type User struct {
	Subject       string // sub; required
	Email         string // also the login name
	EmailVerified bool
	Name          string
	Password      string         // "" = cannot sign in with the form, only as a demo button
	Claims        map[string]any // further claims, in the ID token and at userinfo
}

// Client is a relying party.
type Client struct {
	ID     string // required
	Secret string // "" = no secret: private_key_jwt, or a public client without Keys

	Keys    *jose.JSONWebKeySet // public keys for private_key_jwt
	KeysURL string              // or where to fetch them, at each use

	RedirectURIs           []string // exact; empty = anything on loopback
	PostLogoutRedirectURIs []string // exact; empty = anything on loopback
	BackchannelLogoutURI   string   // "" = none
}

// Config describes a provider; the zero value is a usable empty one.
type Config struct {
	Addr       string                  // loopback address; "" = 127.0.0.1:0
	TLS        *tls.Config             // nil = plain HTTP
	Issuer     string                  // "" = scheme and bound address, followed by IssuerPath
	IssuerPath string                  // "", "/" (an issuer with trailing slash) or "/tenant"
	Algorithm  jose.SignatureAlgorithm // "" = ES256; any of RS, PS, ES, EdDSA
	Users      []User
	Clients    []Client
	Demo       bool             // show every user as a button that signs in at once
	Now        func() time.Time // nil = time.Now
	Outbound   *http.Client     // tells clients of logouts; nil = one that trusts what the system trusts
}

// Request is one received request, without its query.
type Request struct {
	Endpoint Endpoint
	Method   string
	Path     string
}

// Endpoint names a part of the provider.
type Endpoint string

// The endpoints.
const (
	EndpointDiscovery  Endpoint = "discovery"
	EndpointKeys       Endpoint = "keys"
	EndpointAuthorize  Endpoint = "authorize"
	EndpointLogin      Endpoint = "login"
	EndpointToken      Endpoint = "token"
	EndpointUserinfo   Endpoint = "userinfo"
	EndpointEndSession Endpoint = "end_session"
)

// maxRequests bounds the request log.
const maxRequests = 10_000

// Provider is a running provider. Safe for concurrent use.
type Provider struct {
	issuer   string
	base     string // issuer without trailing slash: prefix of every endpoint
	demo     bool
	now      func() time.Time
	cookie   string
	listener net.Listener
	server   *http.Server
	outbound *http.Client
	pages    *template.Template
	closing  chan struct{} // releases hanging answers
	served   chan struct{}

	mu        sync.Mutex
	algorithm jose.SignatureAlgorithm // guarded by mu, as all below
	announced []jose.SignatureAlgorithm
	caching   map[Endpoint]string // Cache-Control, where it is not no-store
	keys      map[keyName]*signingKey
	users     []User
	clients   map[string]Client
	codes     map[string]grant
	access    map[string]grant
	sessions  map[string]*session
	assertion map[string]bool // jti of client assertions seen
	script    Faults
	requests  []Request
}

// session is a signed-in browser.
type session struct {
	sid      string
	subject  string
	authTime time.Time
	clients  []string
}

// New starts a provider.
func New(cfg Config) (*Provider, error) {
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1:0"
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Algorithm == "" {
		cfg.Algorithm = jose.ES256
	}
	if !loopbackAddress(cfg.Addr) {
		return nil, fmt.Errorf("%w: %q", ErrNotLoopback, cfg.Addr)
	}
	if cfg.Outbound == nil {
		cfg.Outbound = &http.Client{Timeout: 5 * time.Second}
	}
	parsed, err := template.New("pages").Parse(pages)
	if err != nil {
		return nil, fmt.Errorf("start test provider: %w", err)
	}
	listener, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("start test provider: %w", err)
	}
	p := &Provider{
		demo:      cfg.Demo,
		now:       cfg.Now,
		listener:  listener,
		outbound:  cfg.Outbound,
		pages:     parsed,
		closing:   make(chan struct{}),
		served:    make(chan struct{}),
		algorithm: cfg.Algorithm,
		caching:   map[Endpoint]string{},
		keys:      map[keyName]*signingKey{},
		users:     slices.Clone(cfg.Users),
		clients:   map[string]Client{},
		codes:     map[string]grant{},
		access:    map[string]grant{},
		sessions:  map[string]*session{},
		assertion: map[string]bool{},
	}
	for _, c := range cfg.Clients {
		p.clients[c.ID] = c
	}
	if err := p.place(cfg); err != nil {
		_ = listener.Close()
		return nil, err
	}
	if _, err := p.signingKey(keyName(cfg.Algorithm)); err != nil {
		_ = listener.Close()
		return nil, err
	}
	p.serve(cfg.TLS)
	return p, nil
}

// place fixes the issuer and what follows from it.
func (p *Provider) place(cfg Config) error {
	scheme := "http"
	if cfg.TLS != nil {
		scheme = "https"
	}
	p.issuer = cfg.Issuer
	if p.issuer == "" {
		p.issuer = scheme + "://" + p.listener.Addr().String() + cfg.IssuerPath
	}
	u, err := url.Parse(p.issuer)
	if err != nil || u.Host == "" {
		return fmt.Errorf("start test provider: issuer %q is not a URL", p.issuer)
	}
	p.base = strings.TrimSuffix(p.issuer, "/")
	// Cookies ignore ports, and several providers may share 127.0.0.1.
	p.cookie = "oidctest_" + portOf(p.listener.Addr())
	return nil
}

func (p *Provider) serve(config *tls.Config) {
	listener := p.listener
	if config != nil {
		listener = tls.NewListener(listener, config)
	}
	p.server = &http.Server{Handler: p.routes(), ReadHeaderTimeout: 5 * time.Second}
	go func() {
		defer close(p.served)
		_ = p.server.Serve(listener) // ends with ErrServerClosed
	}()
}

func (p *Provider) routes() http.Handler {
	prefix := ""
	if u, err := url.Parse(p.base); err == nil {
		prefix = u.Path
	}
	mux := http.NewServeMux()
	handle := func(method, path string, endpoint Endpoint, h http.HandlerFunc) {
		mux.HandleFunc(method+" "+prefix+path, func(w http.ResponseWriter, r *http.Request) {
			p.note(endpoint, r)
			w.Header().Set("Cache-Control", p.cacheControl(endpoint))
			h(w, r)
		})
	}
	handle("GET", "/.well-known/openid-configuration", EndpointDiscovery, p.discovery)
	handle("GET", "/keys", EndpointKeys, p.jwks)
	handle("GET", "/authorize", EndpointAuthorize, p.authorize)
	handle("POST", "/authorize", EndpointAuthorize, p.authorize)
	handle("POST", "/login", EndpointLogin, p.login)
	handle("POST", "/token", EndpointToken, p.token)
	handle("GET", "/userinfo", EndpointUserinfo, p.userinfo)
	handle("POST", "/userinfo", EndpointUserinfo, p.userinfo)
	handle("GET", "/logout", EndpointEndSession, p.endSession)
	handle("POST", "/logout", EndpointEndSession, p.endSession)
	return mux
}

// Issuer is the exact iss of the provider's tokens.
func (p *Provider) Issuer() string { return p.issuer }

// Close stops the provider and cuts every connection, hanging ones included.
func (p *Provider) Close() {
	p.mu.Lock()
	select {
	case <-p.closing:
	default:
		close(p.closing)
	}
	p.mu.Unlock()
	_ = p.server.Close()
	<-p.served
	p.outbound.CloseIdleConnections()
}

// AddUser adds a user, or replaces the one with the same subject.
func (p *Provider) AddUser(u User) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.users {
		if p.users[i].Subject == u.Subject {
			p.users[i] = u
			return
		}
	}
	p.users = append(p.users, u)
}

// RemoveUser deletes the user and ends their sessions at the provider.
func (p *Provider) RemoveUser(subject string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.users = slices.DeleteFunc(p.users, func(u User) bool { return u.Subject == subject })
	for id, s := range p.sessions {
		if s.subject == subject {
			delete(p.sessions, id)
		}
	}
}

// SetClient adds a client, or replaces the one with the same id.
func (p *Provider) SetClient(c Client) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clients[c.ID] = c
}

// Requests returns what was received since the start or the last
// ResetRequests, oldest first, at most 10,000.
func (p *Provider) Requests() []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.requests)
}

// Count is how often an endpoint was asked.
func (p *Provider) Count(endpoint Endpoint) int {
	n := 0
	for _, r := range p.Requests() {
		if r.Endpoint == endpoint {
			n++
		}
	}
	return n
}

// ResetRequests forgets the requests so far.
func (p *Provider) ResetRequests() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests = nil
}

func (p *Provider) note(endpoint Endpoint, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.requests) < maxRequests {
		p.requests = append(p.requests, Request{Endpoint: endpoint, Method: r.Method, Path: r.URL.Path})
	}
}

func (p *Provider) client(id string) (Client, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, ok := p.clients[id]
	return c, ok
}

func (p *Provider) user(match func(User) bool) (User, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, u := range p.users {
		if match(u) {
			return u, true
		}
	}
	return User{}, false
}

func bySubject(subject string) func(User) bool {
	return func(u User) bool { return u.Subject == subject }
}

func byEmail(email string) func(User) bool {
	return func(u User) bool { return u.Email != "" && strings.EqualFold(u.Email, email) }
}

// hang holds the answer until the caller gives up or the provider closes.
func (p *Provider) hang(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-p.closing:
	}
}

// newSecret is an unguessable name: a code, a token, a session.
func newSecret() string { return rand.Text() }

func portOf(addr net.Addr) string {
	_, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return "0"
	}
	return port
}

func loopbackAddress(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	return err == nil && loopbackHost(host)
}

func loopbackHost(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// allowedURI applies a client's exact list, or loopback when it is empty.
func allowedURI(list []string, uri string) bool {
	if len(list) > 0 {
		return slices.Contains(list, uri)
	}
	u, err := url.Parse(uri)
	if err != nil || u.Fragment != "" || (u.Scheme != "http" && u.Scheme != "https") {
		return false
	}
	return loopbackHost(u.Hostname())
}
