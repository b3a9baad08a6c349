package console

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/seal"
)

const (
	maxConnections = 20   // of one organization; checked before the command
	maxIssuer      = 512  // bytes
	maxSecret      = 2048 // bytes
	maxScopes      = 20
	maxScope       = 128 // bytes
)

// ConnectionFields is what is chosen about a connection.
type ConnectionFields struct {
	Issuer       string
	ClientID     string
	ClientSecret seal.Secret          // zero: keep the one that is there
	AuthMethod   directory.AuthMethod // "" is client_secret_basic
	Scopes       []string             // besides openid, profile, email
	Enabled      bool
}

// PutConnection makes a connection (id empty) or replaces one. The issuer's discovery document is fetched at once: its
// issuer must be the given one, up to a trailing slash, and is what is stored. A kept client secret survives only while
// issuer and client id stay the same: a secret is never shown to another party than the one it was given for. Errors:
// KindInvalid with the field, KindNotFound, KindForbidden when the plan does not include sign-in and the connection is enabled,
// KindConflict when another connection of the region has this client.
func (s *Service) PutConnection(
	ctx context.Context, actor string, org directory.OrganizationID, id directory.ConnectionID, in ConnectionFields,
) (*directory.Connection, *Discovery, error) {
	if in.AuthMethod == "" {
		in.AuthMethod = directory.AuthBasic
	}
	if err := in.validate(); err != nil {
		return nil, nil, err
	}
	if err := s.mayPut(ctx, org, id, in.Enabled); err != nil {
		return nil, nil, err // before the network is asked anything
	}
	discovery, err := s.discover(ctx, in.Issuer)
	if err != nil {
		return nil, nil, err
	}
	in.Issuer = discovery.Issuer
	isNew := id == ""
	if isNew {
		id = directory.ConnectionID(s.deps.NewID())
	}
	var connection *directory.Connection
	err = untilFresh(func() (err error) {
		connection, err = s.putConnection(ctx, actor, org, id, isNew, in)
		return err
	})
	return connection, discovery, err
}

// mayPut checks that there is something to replace, or room for one more, and that the plan lets people sign in.
func (s *Service) mayPut(ctx context.Context, org directory.OrganizationID, id directory.ConnectionID, enabled bool) error {
	view, err := s.deps.Viewer.View(ctx, state.Confirmed())
	if err != nil {
		return err
	}
	d, err := find(view, org)
	if err != nil {
		return err
	}
	if allowed := view.Settings().Allows(d.Organization().Plan); enabled && !allowed.SignIn {
		return notInPlan("enabled", "sign-in", allowed.Name)
	}
	if id != "" {
		_, err := connectionOf(d, id)
		return err
	}
	if count(d.Connections()) >= maxConnections {
		return directory.Errorf(directory.KindTooLarge, "", "an organization has at most %d connections", maxConnections)
	}
	return nil
}

// putConnection tries once, against the present state.
func (s *Service) putConnection(
	ctx context.Context, actor string, org directory.OrganizationID, id directory.ConnectionID, isNew bool, in ConnectionFields,
) (*directory.Connection, error) {
	connection := &directory.Connection{
		ID: id, Organization: org, Issuer: in.Issuer, ClientID: in.ClientID,
		AuthMethod: in.AuthMethod, Scopes: in.Scopes, Enabled: in.Enabled,
	}
	if !isNew {
		d, err := s.directoryOf(ctx, org)
		if err != nil {
			return nil, err
		}
		old, err := connectionOf(d, id)
		if err != nil {
			return nil, err
		}
		connection.Version = old.Version
		if old.Issuer == in.Issuer && old.ClientID == in.ClientID {
			connection.ClientSecret = old.ClientSecret
		}
	}
	if !in.ClientSecret.IsZero() {
		sealed, err := s.deps.Keyring.Seal(s.secretPlace(org, id), in.ClientSecret)
		if err != nil {
			return nil, &directory.Error{Kind: directory.KindInternal, Err: err}
		}
		connection.ClientSecret = sealed
	}
	if len(connection.ClientSecret) == 0 {
		return nil, directory.Errorf(directory.KindInvalid, "client_secret",
			"client_secret is required for a new connection and when issuer or client_id change")
	}
	result, err := s.propose(ctx, actor, org, &command.PutConnection{
		ID: id, ExpectVersion: connection.Version, Issuer: connection.Issuer, ClientID: connection.ClientID,
		ClientSecret: connection.ClientSecret, AuthMethod: connection.AuthMethod, Scopes: connection.Scopes,
		Enabled: connection.Enabled,
	})
	if err != nil {
		return nil, err
	}
	connection.Created, connection.Modified, connection.Version = result.Created, result.Modified, result.Version
	return connection, nil
}

// secretPlace is where a connection's client secret lives; oidc opens it at the same place.
func (s *Service) secretPlace(org directory.OrganizationID, id directory.ConnectionID) seal.Place {
	return seal.Place{
		Region: s.deps.Identity.Region, Cluster: s.deps.Identity.Cluster,
		Organization: string(org), Row: string(id), Field: "client_secret",
	}
}

// GetConnection finds a connection of an organization. Errors: KindNotFound.
func (s *Service) GetConnection(
	ctx context.Context, org directory.OrganizationID, id directory.ConnectionID,
) (*directory.Connection, error) {
	d, err := s.directoryOf(ctx, org)
	if err != nil {
		return nil, err
	}
	return connectionOf(d, id)
}

// ListConnections gives an organization's connections, oldest first. Errors: KindNotFound.
func (s *Service) ListConnections(ctx context.Context, org directory.OrganizationID) ([]*directory.Connection, error) {
	d, err := s.directoryOf(ctx, org)
	if err != nil {
		return nil, err
	}
	return slices.SortedStableFunc(d.Connections(), func(a, b *directory.Connection) int {
		return cmp.Compare(a.Created, b.Created)
	}), nil
}

// DeleteConnection removes a connection and ends the sessions that came through it. Errors: KindNotFound.
func (s *Service) DeleteConnection(
	ctx context.Context, actor string, org directory.OrganizationID, id directory.ConnectionID,
) error {
	_, err := s.propose(ctx, actor, org, &command.DeleteConnection{ID: id})
	return err
}

func connectionOf(d *state.Directory, id directory.ConnectionID) (*directory.Connection, error) {
	connection, ok := d.Connection(id)
	if !ok {
		return nil, directory.Errorf(directory.KindNotFound, "", "there is no connection %q", id)
	}
	return connection, nil
}

func (f *ConnectionFields) validate() error {
	fields := directory.Connection{Issuer: f.Issuer, ClientID: f.ClientID, AuthMethod: f.AuthMethod, Scopes: f.Scopes}
	switch {
	case len(f.Issuer) > maxIssuer:
		return directory.Errorf(directory.KindInvalid, "issuer", "issuer must have at most %d characters", maxIssuer)
	case len(f.ClientSecret.Reveal()) > maxSecret:
		return directory.Errorf(directory.KindInvalid, "client_secret", "client_secret must have at most %d characters", maxSecret)
	case len(f.Scopes) > maxScopes:
		return directory.Errorf(directory.KindInvalid, "scopes", "at most %d scopes", maxScopes)
	}
	for _, scope := range f.Scopes {
		if len(scope) > maxScope {
			return directory.Errorf(directory.KindInvalid, "scopes", "a scope has at most %d characters", maxScope)
		}
		if strings.ContainsFunc(scope, func(r rune) bool { return r < 0x21 || r > 0x7e }) {
			return directory.Errorf(directory.KindInvalid, "scopes", "%q is not a scope", scope) // RFC 6749 §3.3
		}
	}
	if err := validateText("client_id", f.ClientID); err != nil {
		return err
	}
	if err := validateText("client_secret", f.ClientSecret.Reveal()); err != nil {
		return err
	}
	return fields.Validate()
}

func count[T any](rows iter.Seq[T]) int {
	n := 0
	for range rows {
		n++
	}
	return n
}
