package local

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/prometheus/client_golang/prometheus"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/seal"
)

// Deps is what a Service needs. Proposer, Viewer, Keyring, Identity, Region and SessionPrefix are required.
type Deps struct {
	Proposer      command.Proposer
	Viewer        state.Viewer
	Keyring       *seal.Keyring
	Identity      state.Identity   // region and cluster: bound into all that is sealed
	Region        directory.Region // LoginURL's origin is where passkeys work
	SessionPrefix string           // what session cookies of this region begin with

	// Mail hands a letter over, or fails for good; it is called with a minute's patience. nil: there is no mail server, and
	// whoever needs a mail cannot sign in.
	Mail func(ctx context.Context, letter Letter) error

	// Record puts a failed try into an organization's log of sign-ins, and does not wait for it. nil: logs and metrics only.
	Record func(organization directory.OrganizationID, row directory.SignIn)

	Now     func() time.Time // nil = time.Now
	Logger  *slog.Logger     // nil = silent
	Metrics *Metrics         // nil = measured, but not exported
	Dev     bool             // plain-http development: no __Host- prefix
}

// Service signs people in without an identity provider. Safe for concurrent use.
type Service struct {
	deps     Deps
	origin   string // of the sign-in page
	box      *seal.Box
	passkeys *webauthn.WebAuthn // nil where the sign-in page has no domain
	letters  sync.WaitGroup
	slots    chan struct{} // one for each letter on its way
}

// New makes a Service.
func New(deps Deps) (*Service, error) {
	if deps.Now == nil {
		deps.Now = time.Now
	}
	if deps.Logger == nil {
		deps.Logger = slog.New(slog.DiscardHandler)
	}
	if deps.Metrics == nil {
		deps.Metrics = NewMetrics(prometheus.NewRegistry())
	}
	page, err := url.Parse(deps.Region.LoginURL)
	if err != nil || page.Hostname() == "" {
		return nil, fmt.Errorf("sign-in page %q: an absolute URL is wanted", deps.Region.LoginURL)
	}
	s := &Service{
		deps:   deps,
		origin: strings.ToLower(page.Scheme + "://" + page.Host),
		box:    deps.Keyring.Box("local sign-in", deps.Identity.Region, deps.Identity.Cluster),
		slots:  make(chan struct{}, maxLetters),
	}
	if domain := strings.ToLower(page.Hostname()); !isAddress(domain) {
		if s.passkeys, err = newPasskeys(domain, s.origin); err != nil {
			return nil, fmt.Errorf("passkeys of %s: %w", domain, err)
		}
	}
	return s, nil
}

// isAddress tells whether a host is an IP address: passkeys belong to a domain (Web Authentication §5.1.3).
func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// Wait returns when no letter is on its way any more, or when ctx ends.
func (s *Service) Wait(ctx context.Context) {
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		s.letters.Wait() // each has a bound of its own
	}()
	select {
	case <-sent:
	case <-ctx.Done():
	}
}

func (s *Service) now() directory.Time { return directory.Time(s.deps.Now().UnixMicro()) }

// confirmed gives a view that has all that was acknowledged on any node: the first step of a sign-in may have been taken
// elsewhere, and a node that is cut off must say so.
func (s *Service) confirmed(ctx context.Context) (*state.View, *Refusal) {
	view, err := s.deps.Viewer.View(ctx, state.Confirmed())
	if err != nil {
		return nil, refuse(ReasonUnavailable, err)
	}
	return view, nil
}

// propose puts a command through the log.
func (s *Service) propose(ctx context.Context, org directory.OrganizationID, actor string, p command.Payload) (command.Result, error) {
	result, err := s.deps.Proposer.Propose(ctx, command.Command{Organization: org, Actor: actor, Payload: p})
	if err == nil {
		err = result.Err()
	}
	return result, err
}

// Visit is what is known of the browser that a request came from.
type Visit struct {
	Cookies []*http.Cookie
	Agent   string // family of the browser, such as "Firefox on Linux"
	Address string // from where
}

func (v *Visit) cookie(name string) (string, bool) {
	for _, cookie := range v.Cookies {
		if cookie.Name == name {
			return cookie.Value, true
		}
	}
	return "", false
}
