package oidc

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/seal"
)

const (
	transactionLifetime = 10 * time.Minute
	clockSkew           = 60 * time.Second // tolerated between a provider's clock and ours
)

// Deps is what a Service needs. Proposer, Viewer, Keyring, Identity, Region and HTTP are required.
type Deps struct {
	Proposer command.Proposer
	Viewer   state.Viewer
	Keyring  *seal.Keyring
	Identity state.Identity   // region and cluster: bound into all that is sealed
	Region   directory.Region // LoginURL's origin is where providers send browsers back to
	HTTP     *http.Client     // the guarded way out (egress); redirects must be off
	Now      func() time.Time // nil = time.Now
	Logger   *slog.Logger     // nil = silent
	Metrics  *Metrics         // nil = measured, but not exported
	Dev      bool             // plain-http development: no __Host- prefix, http endpoints allowed
}

// Service signs people in. Safe for concurrent use.
type Service struct {
	deps      Deps
	origin    string // of the sign-in page
	box       *seal.Box
	hints     *seal.Box
	shelf     *shelf
	providers *providers
	order     *proofOrder
	spent     *spent
	touches   *touches
	refusals  *refusals
}

// New makes a Service.
func New(deps Deps) *Service {
	if deps.Now == nil {
		deps.Now = time.Now
	}
	if deps.Logger == nil {
		deps.Logger = slog.New(slog.DiscardHandler)
	}
	if deps.Metrics == nil {
		deps.Metrics = NewMetrics(prometheus.NewRegistry())
	}
	shelf := newShelf(&deps)
	return &Service{
		deps:      deps,
		origin:    originOf(deps.Region.LoginURL),
		box:       deps.Keyring.Box("login transaction", deps.Identity.Region, deps.Identity.Cluster),
		hints:     deps.Keyring.Box("id token hint", deps.Identity.Region, deps.Identity.Cluster),
		shelf:     shelf,
		providers: newProviders(&fetcher{http: deps.HTTP, metrics: deps.Metrics, plain: deps.Dev}, shelf, deps.Now),
		order:     newProofOrder(),
		spent:     newSpent(),
		touches:   newTouches(),
		refusals:  newRefusals(),
	}
}

// Run writes, until ctx ends, what no sign-in waits for: when sessions were used, who was refused, and providers' documents.
func (s *Service) Run(ctx context.Context) {
	var group sync.WaitGroup
	group.Go(func() { s.shelf.run(ctx) })
	group.Go(func() { every(ctx, touchPause, s.writeTouches) })
	group.Go(func() { every(ctx, recordPause, s.writeRecords) })
	group.Wait()
}

// every calls do once in each pause, until ctx ends.
func every(ctx context.Context, pause time.Duration, do func(context.Context)) {
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			do(ctx)
		}
	}
}

// doorActor is who wrote what no person did.
const doorActor = "oidc"

// propose writes a command; that the ledger refuses it is an error.
func propose(ctx context.Context, proposer command.Proposer, c command.Command) (command.Result, error) {
	result, err := proposer.Propose(ctx, c)
	if err == nil {
		err = result.Err()
	}
	return result, err
}

const pathCallback = "/signin-oidc"

// RedirectURI is the address to register at the identity provider for one connection. Each connection has its own, so
// that a code meant for one can never be delivered to another (RFC 9700 §4.4). It comes from configuration, never from a
// request's Host.
func (s *Service) RedirectURI(connection directory.ConnectionID) string {
	return s.origin + pathCallback + "/" + url.PathEscape(string(connection))
}

// SharedRedirectURI is the address that connections with SharedRedirect have in common.
func (s *Service) SharedRedirectURI() string { return s.origin + pathCallback }

// redirectURI is the address that a connection is registered with.
func (s *Service) redirectURI(connection *directory.Connection) string {
	if connection.SharedRedirect {
		return s.SharedRedirectURI()
	}
	return s.RedirectURI(connection.ID)
}

// SessionCookie is the name of the cookie that holds a session's token.
func (s *Service) SessionCookie() string { return s.cookie("domicile_session") }

// cookie gives the full name of a cookie. Browsers accept the prefix only with Secure, Path=/ and no Domain, so that no
// sibling host can plant one.
func (s *Service) cookie(name string) string {
	if s.deps.Dev {
		return name
	}
	return "__Host-" + name
}

func (s *Service) now() directory.Time { return directory.Time(s.deps.Now().UnixMicro()) }

// originOf cuts an absolute URL down to scheme and authority.
func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Scheme) + "://" + strings.ToLower(u.Host)
}
