package apps

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/seal"
)

const (
	// TokenLife is the life of ID tokens and access tokens: how long an application may be wrong about a session.
	TokenLife = 2 * time.Minute
	// CodeLife is how long an authorization code may be exchanged; RFC 6749 §4.1.2 wants it short.
	CodeLife = time.Minute
	// RequestLife is how long an authorization request waits for its person to sign in.
	RequestLife = 15 * time.Minute
)

// Who is the person behind a session. The records are shared and immutable.
type Who struct {
	User         *directory.User
	Organization *directory.Organization
	Session      *directory.Session
}

// Deps is what a Service needs of the house; all of it but Registry is required.
type Deps struct {
	Proposer command.Proposer
	Viewer   state.Viewer
	Keyring  *seal.Keyring
	Identity state.Identity   // region and cluster: bound into all that is sealed
	Region   directory.Region // its URL makes the issuer; browsers come to the origin of its LoginURL
	HTTP     *http.Client     // the guarded way out to applications (egress); redirects must be off
	// Resolve finds who a session cookie belongs to. The error is a *directory.Error: KindUnauthenticated when nobody is
	// signed in with it, KindUnavailable when this node cannot know.
	Resolve  func(ctx context.Context, cookie string) (Who, error)
	NewID    func() string // seal.NewID
	Now      func() time.Time
	Registry prometheus.Registerer // nil: not measured
}

// Service is the application's door. It is safe for concurrent use.
type Service struct {
	Deps
	issuer    string
	origin    string // as browsers reach us
	requests  *seal.Box
	farewells *seal.Box
	codes     *seal.Box
	tokens    *seal.Box
	keys      keys
	outcomes  *prometheus.CounterVec
}

// New makes a Service.
func New(deps Deps) *Service {
	box := func(purpose string) *seal.Box {
		return deps.Keyring.Box(purpose, deps.Identity.Region, deps.Identity.Cluster)
	}
	s := &Service{
		Deps: deps, issuer: deps.Region.URL + PathIssuer, origin: originOf(deps.Region.LoginURL),
		requests: box("application request"), farewells: box("application farewell"),
		codes: box("application code"), tokens: box("application access token"),
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "domicile_app_requests_total",
			Help: "Requests of applications and of people on their way to them, by what was asked for and outcome (ok, " +
				"sign_in, unavailable, or the error code).",
		}, []string{"request", "outcome"}),
	}
	if deps.Registry != nil {
		deps.Registry.MustRegister(s.outcomes)
	}
	return s
}

func (s *Service) now() directory.Time { return directory.Time(s.Now().UnixMicro()) }

// after gives the time d from now.
func (s *Service) after(d time.Duration) directory.Time {
	return s.now() + directory.Time(d.Microseconds())
}

// count counts a request by what came of it; it is deferred with the address of the error.
func (s *Service) count(request string, err *error) {
	s.outcomes.WithLabelValues(request, outcomeOf(*err)).Inc()
}

// find looks something up in this node's memory, and only if it is not there in a confirmed view: it may have been made on
// another node a moment ago. Errors: KindUnavailable.
func (s *Service) find(ctx context.Context, look func(*state.View) bool) (*state.View, bool, error) {
	view, err := s.Viewer.View(ctx, state.Local())
	if err != nil || look(view) {
		return view, err == nil, err
	}
	view, err = s.Viewer.View(ctx, state.Confirmed())
	return view, err == nil && look(view), err
}

// originOf cuts an absolute URL down to scheme and authority, in lower case and without the scheme's own port (RFC 6454 §4);
// empty for what has none.
func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Hostname() == "" {
		return ""
	}
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	switch scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	}
	return scheme + "://" + host
}
