package oidc

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/oauth2"

	"domicile/directory"
	"domicile/fsm/state"
	"domicile/seal"
)

const maxHint = 254 // of an e-mail address, RFC 5321 §4.5.3.1

// StartRequest says who wants to sign in. Connection wins over OrganizationSlug, which wins over Issuer, which wins over
// Email.
type StartRequest struct {
	Email            string // decides by its domain only, also between an organization's connections, and becomes the login_hint
	OrganizationSlug string
	Connection       directory.ConnectionID
	Issuer           string         // where the provider initiates it (Core §4): alone it must be of one enabled connection only
	LoginHint        string         // that the provider gave; it goes back to the provider and nowhere else
	ReturnTo         string         // where to go afterwards, target_link_uri too; anything unsafe becomes "/"
	Demand           Demand         // of the application that the sign-in is for
	Cookies          []*http.Cookie // of the browser, to bound how many sign-ins it has under way
	UserAgent        string         // of the browser, of which its family is kept with a refusal
	Address          string         // of the browser, likewise
}

// Redirect is where to send the browser, and the cookie to give it: Secure, HttpOnly, Path=/, SameSite=Lax.
type Redirect struct {
	URL         string
	CookieName  string
	CookieValue string
	CrossSite   bool // the answer is a form that the provider's page posts: SameSite=None instead
	MaxAge      time.Duration
	Drop        []string // names of older cookies to delete
}

// Start begins a sign-in. Whether a person exists makes no difference to it: the e-mail's domain decides alone. Nothing is
// written but a refusal, and that later. The error is a *Refusal.
func (s *Service) Start(ctx context.Context, req StartRequest) (Redirect, error) {
	redirect, refusal := s.start(ctx, req)
	s.deps.Metrics.starts.WithLabelValues(outcome(refusal)).Inc()
	if refusal != nil {
		s.logRefusal(ctx, "sign-in not started", refusal, req.Connection)
		s.recordRefusal(ctx, refusal, req.Connection, directory.SignIn{
			Way: directory.WayProvider, Agent: AgentOf(req.UserAgent), Address: req.Address,
		})
		return Redirect{}, refusal
	}
	return redirect, nil
}

func (s *Service) start(ctx context.Context, req StartRequest) (Redirect, *Refusal) {
	connection, refusal := s.connection(ctx, req)
	if refusal != nil {
		return Redirect{}, refusal
	}
	meta, refusal := s.providers.metadata(ctx, connection.Issuer)
	if refusal != nil {
		return Redirect{}, refusal.by(connection.ID)
	}
	now := s.deps.Now()
	t := &transaction{
		Format:            transactionFormat,
		ID:                seal.NewID(),
		Region:            s.deps.Identity.Region,
		Connection:        connection.ID,
		ConnectionVersion: connection.Version,
		Trust:             connection.Trust(),
		Issuer:            connection.Issuer,
		State:             seal.RandomText(32),
		Nonce:             seal.RandomText(32),
		Verifier:          seal.RandomText(32),
		RedirectURI:       s.redirectURI(connection),
		ReturnTo:          ReturnTo(req.ReturnTo),
		Fresh:             promptOf(connection, req.Demand) == promptLogin,
		Started:           now.Unix(),
		Expires:           now.Add(transactionLifetime).Unix(),
	}
	name := s.transactionCookie(t.State)
	value, err := s.sealTransaction(name, t)
	if err != nil {
		return Redirect{}, refuse(ReasonInternal, err).by(connection.ID)
	}
	return Redirect{
		URL:         authorizationURL(meta, connection, t, req),
		CookieName:  name,
		CookieValue: value,
		CrossSite:   connection.ResponseMode == directory.ResponseFormPost,
		MaxAge:      transactionLifetime,
		Drop:        s.surplus(req.Cookies),
	}, nil
}

// connection finds the connection to sign in through. What this node does not know it asks the region for, because it may
// have been set up on another node a moment ago.
func (s *Service) connection(ctx context.Context, req StartRequest) (*directory.Connection, *Refusal) {
	for _, freshness := range []state.Freshness{state.Local(), state.Confirmed()} {
		view, err := s.deps.Viewer.View(ctx, freshness)
		if err != nil {
			return nil, refuse(ReasonUnavailable, err)
		}
		if connection, ok := findConnection(view, req); ok {
			if !planned(view, connection) {
				return nil, refuse(ReasonPlan, nil).by(connection.ID)
			}
			return connection, nil
		}
	}
	return nil, refuse(ReasonNoConnection, nil)
}

// planned tells whether the plan of a connection's organization includes sign-in.
func planned(view *state.View, connection *directory.Connection) bool {
	d, ok := view.Directory(connection.Organization)
	return ok && view.Settings().Allows(d.Organization().Plan).SignIn
}

// findConnection picks the connection: enabled, and for the address's domain where the organization has several.
func findConnection(view *state.View, req StartRequest) (*directory.Connection, bool) {
	switch {
	case req.Connection != "":
		connection, ok := view.Connection(req.Connection)
		return connection, ok && connection.Enabled && (req.Issuer == "" || req.Issuer == connection.Issuer)
	case req.OrganizationSlug == "" && req.Issuer != "":
		return onlyConnectionTo(view, req.Issuer)
	}
	var d *state.Directory
	var ok bool
	domain := emailDomain(req.Email)
	if req.OrganizationSlug != "" {
		d, ok = view.DirectoryBySlug(req.OrganizationSlug)
	} else if domain != "" {
		d, ok = view.DirectoryByDomain(domain)
	}
	if !ok {
		return nil, false
	}
	return d.ConnectionFor(domain)
}

// onlyConnectionTo finds the one enabled connection to an issuer. Where several organizations have that issuer, nobody knows
// whose person comes.
func onlyConnectionTo(view *state.View, issuer string) (*directory.Connection, bool) {
	if !view.ProviderUsed(issuer) {
		return nil, false
	}
	var found *directory.Connection
	for connection := range view.AllConnections() {
		if connection.Issuer != issuer || !connection.Enabled {
			continue
		}
		if found != nil {
			return nil, false
		}
		found = connection
	}
	return found, found != nil
}

// loginHint is whom the provider should expect, empty where it should ask: Entra ID does not when it is told both.
func loginHint(connection *directory.Connection, req StartRequest) string {
	hint := req.LoginHint
	if hint == "" && emailDomain(req.Email) != "" {
		hint = strings.TrimSpace(req.Email)
	}
	if len(hint) > maxHint || !utf8.ValidString(hint) || strings.ContainsFunc(hint, unicode.IsControl) ||
		req.Demand.Select || promptOf(connection, req.Demand) == promptSelect {
		return ""
	}
	return hint
}

// authorizationURL is the authentication request (Core §3.1.2.1, RFC 7636). Parameters that the provider's own endpoint
// URL carries are kept.
func authorizationURL(meta *metadata, connection *directory.Connection, t *transaction, req StartRequest) string {
	query := url.Values{
		"response_type":         {"code"},
		"client_id":             {connection.ClientID},
		"redirect_uri":          {t.RedirectURI},
		"scope":                 {scopes(connection)},
		"state":                 {t.State},
		"nonce":                 {t.Nonce},
		"code_challenge":        {oauth2.S256ChallengeFromVerifier(t.Verifier)},
		"code_challenge_method": {"S256"},
	}
	optional := map[string]string{
		"login_hint":    loginHint(connection, req),
		"response_mode": string(connection.ResponseMode),
		"prompt":        promptOf(connection, req.Demand),
		"acr_values":    strings.Join(connection.ACRValues, " "),
	}
	if age := maxAgeOf(connection, req.Demand); age > 0 {
		optional["max_age"] = strconv.FormatInt(age, 10)
	}
	for name, value := range optional {
		if value != "" {
			query.Set(name, value)
		}
	}
	separator := "?"
	if strings.Contains(meta.AuthorizationEndpoint, "?") {
		separator = "&"
	}
	return meta.AuthorizationEndpoint + separator + query.Encode()
}

// scopes joins what every sign-in needs with the connection's own, each once.
func scopes(connection *directory.Connection) string {
	list := []string{"openid", "profile", "email"}
	seen := map[string]bool{"openid": true, "profile": true, "email": true}
	for _, scope := range connection.Scopes {
		if !seen[scope] {
			seen[scope] = true
			list = append(list, scope)
		}
	}
	return strings.Join(list, " ")
}

// Organization finds the organization behind a sign-in link, if people can sign in to it. The error is a *directory.Error
// of KindUnavailable.
func (s *Service) Organization(ctx context.Context, slug string) (*directory.Organization, bool, error) {
	view, err := s.deps.Viewer.View(ctx, state.Local())
	if err != nil {
		return nil, false, err
	}
	connection, ok := findConnection(view, StartRequest{OrganizationSlug: slug})
	if !ok || !planned(view, connection) {
		return nil, false, nil
	}
	d, ok := view.Directory(connection.Organization)
	if !ok {
		return nil, false, nil
	}
	return d.Organization(), true, nil
}
