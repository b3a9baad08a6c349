package oauth

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/seal"
)

const (
	// AccessLife is the life of an access token.
	AccessLife = time.Hour
	// ApprovalLife is how long an approval may be entered.
	ApprovalLife = 10 * time.Minute
	// CodeLife is how long an authorization code may be exchanged; RFC 6749 §4.1.2 wants it short.
	CodeLife = time.Minute

	// Scope is the only scope there is: the organization's directory by SCIM.
	Scope = "scim"
)

// Paths below the region's URL.
const (
	PathAuthorize = "/oauth/authorize"
	PathToken     = "/oauth/token" //nolint:gosec // an address, not a credential
	PathRevoke    = "/oauth/revoke"
	PathMetadata  = "/.well-known/oauth-authorization-server"
)

// Deps is what a Service needs of the house; all of it but Registry is required.
type Deps struct {
	Proposer command.Proposer
	Viewer   state.Viewer
	Keyring  *seal.Keyring
	Identity state.Identity   // region and cluster: bound into all that is sealed
	Region   directory.Region // its URL is the issuer
	NewID    func() string    // seal.NewID
	Now      func() time.Time
	Registry prometheus.Registerer // nil: not measured
}

// Service is the authorization server of a region. It is safe for concurrent use.
type Service struct {
	Deps
	approvals *seal.Box
	codes     *seal.Box
	outcomes  *prometheus.CounterVec
}

// New makes a Service.
func New(deps Deps) *Service {
	s := &Service{
		Deps:      deps,
		approvals: deps.Keyring.Box("oauth approval", deps.Identity.Region, deps.Identity.Cluster),
		codes:     deps.Keyring.Box("oauth code", deps.Identity.Region, deps.Identity.Cluster),
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "domicile_oauth_requests_total",
			Help: "Requests of OAuth 2.0 clients, by what was asked for and outcome (ok, unavailable, or the error code).",
		}, []string{"request", "outcome"}),
	}
	if deps.Registry != nil {
		deps.Registry.MustRegister(s.outcomes)
	}
	return s
}

// Metadata describes the authorization server (RFC 8414 §2).
type Metadata struct {
	Issuer                string   `json:"issuer"`
	AuthorizationEndpoint string   `json:"authorization_endpoint"`
	TokenEndpoint         string   `json:"token_endpoint"`
	RevocationEndpoint    string   `json:"revocation_endpoint"`
	Scopes                []string `json:"scopes_supported"`
	ResponseTypes         []string `json:"response_types_supported"`
	ResponseModes         []string `json:"response_modes_supported"`
	GrantTypes            []string `json:"grant_types_supported"`
	TokenAuthMethods      []string `json:"token_endpoint_auth_methods_supported"`
	RevocationAuthMethods []string `json:"revocation_endpoint_auth_methods_supported"`
	ChallengeMethods      []string `json:"code_challenge_methods_supported"`
	IssuerInResponse      bool     `json:"authorization_response_iss_parameter_supported"` // RFC 9207 §3
}

// Metadata describes this authorization server.
func (s *Service) Metadata() Metadata {
	methods := []string{"client_secret_basic", "client_secret_post"}
	return Metadata{
		Issuer:                s.Region.URL,
		AuthorizationEndpoint: s.Region.URL + PathAuthorize,
		TokenEndpoint:         s.Region.URL + PathToken,
		RevocationEndpoint:    s.Region.URL + PathRevoke,
		Scopes:                []string{Scope},
		ResponseTypes:         []string{"code"},
		ResponseModes:         []string{"query"},
		GrantTypes:            []string{grantCode, grantClient, grantRefresh},
		TokenAuthMethods:      methods,
		RevocationAuthMethods: methods,
		ChallengeMethods:      []string{methodS256},
		IssuerInResponse:      true,
	}
}

func (s *Service) now() directory.Time { return directory.Time(s.Now().UnixMicro()) }

// view gives a view that knows a client, and the end of one, that was made a moment ago on another node.
func (s *Service) view(ctx context.Context) (*state.View, error) {
	return s.Viewer.View(ctx, state.Confirmed())
}

// propose puts a command of a client through the log.
func (s *Service) propose(ctx context.Context, c *directory.Client, p command.Payload) error {
	result, err := s.Proposer.Propose(ctx, command.Command{
		Organization: c.Organization, Actor: "client:" + string(c.ID), Payload: p,
	})
	if err == nil {
		err = result.Err()
	}
	return err
}

// count counts a request by what came of it; it is deferred with the address of the error.
func (s *Service) count(request string, err *error) {
	outcome := "ok"
	if *err != nil {
		outcome = outcomeOf(*err)
	}
	s.outcomes.WithLabelValues(request, outcome).Inc()
}
