package console

import (
	"bytes"
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"
	"time"

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

// Registration is our client registration at an identity provider, as a person writes it down.
type Registration struct {
	Issuer        string // an authority: with or without a slash at its end, or the address of the discovery document
	ClientID      string
	ClientSecret  seal.Secret // zero: keep the one that is there
	SecretExpires *time.Time  // nil: as of the secret, or certificate, that is kept; a new one has no known end
	directory.ConnectionSettings
}

// ConnectionFields is what is chosen about a connection.
type ConnectionFields struct {
	Registration
	Domains []string // of the organization's, those whose people come through it, any letter case; none: those that no other names
	Enabled bool
	// TrustSharedCallback: the operator trusts a provider that uses the shared redirect address and does not say who it is.
	TrustSharedCallback bool
}

// PutConnection makes a connection (id empty) or replaces one. The issuer's discovery document is fetched at once, and the
// issuer is taken from it, see directory.AdoptIssuer. A kept client secret survives only while issuer and client id stay
// the same: a secret is never shown to another party than the one it was given for. A new secret takes the place of the old
// one at once; RotateSecret lets them overlap. Errors: KindInvalid with the field, KindNotFound, KindForbidden when the plan
// does not include sign-in and the connection is enabled, KindConflict when another connection of the region has this client,
// another enabled one of the organization names one of the domains, or trust is wanted and was not given.
func (s *Service) PutConnection(
	ctx context.Context, actor string, org directory.OrganizationID, id directory.ConnectionID, in ConnectionFields,
) (*directory.Connection, *Discovery, error) {
	in.Domains = foldAll(in.Domains)
	if err := in.complete(s.deps.Now()); err != nil {
		return nil, nil, err
	}
	if err := directory.ValidateDomains(in.Domains); err != nil {
		return nil, nil, err
	}
	if err := s.mayPut(ctx, org, id, in.Enabled); err != nil {
		return nil, nil, err // before the network is asked anything
	}
	discovery, err := s.discover(ctx, &in.Registration)
	if err != nil {
		return nil, nil, err
	}
	if err := trustedToShare(&in.ConnectionSettings, in.TrustSharedCallback); err != nil {
		return nil, nil, err
	}
	if id != "" {
		connection, err := s.changeConnection(ctx, actor, org, id, func(next *directory.Connection) error {
			return s.replace(next, in)
		})
		return connection, discovery, err
	}
	connection := &directory.Connection{ID: directory.ConnectionID(s.deps.NewID()), Organization: org}
	if err := s.replace(connection, in); err != nil {
		return nil, nil, err
	}
	if err := s.writeConnection(ctx, actor, connection); err != nil {
		return nil, nil, err
	}
	return connection, discovery, nil
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
	if enabled {
		if err := maySignIn(view, d, "enabled"); err != nil {
			return err
		}
	}
	if id != "" {
		_, err := connectionOf(d, id)
		return err
	}
	return roomForConnection(d)
}

// maySignIn checks that an organization's plan lets people sign in.
func maySignIn(view *state.View, d *state.Directory, field string) error {
	if allowed := view.Settings().Allows(d.Organization().Plan); !allowed.SignIn {
		return notInPlan(field, "sign-in", allowed.Name)
	}
	return nil
}

func roomForConnection(d *state.Directory) error {
	if count(d.Connections()) >= maxConnections {
		return directory.Errorf(directory.KindTooLarge, "", "an organization has at most %d connections", maxConnections)
	}
	return nil
}

// replace gives a connection the chosen fields.
func (s *Service) replace(next *directory.Connection, in ConnectionFields) error {
	secret, expires, err := s.sealed(&in.Registration, next)
	if err != nil {
		return err
	}
	if len(secret) == 0 && in.AuthMethod.NeedsSecret() {
		return directory.Errorf(directory.KindInvalid, "client_secret",
			"client_secret is required for a new connection and when issuer or client_id change")
	}
	if !bytes.Equal(secret, next.ClientSecret) {
		next.PreviousSecret = nil
	}
	if next.Issuer != in.Issuer || next.ClientID != in.ClientID {
		next.Algorithm, next.AlgorithmOffered = "", "" // as the ledger has it
	}
	next.Issuer, next.ClientID, next.ClientSecret, next.SecretExpires = in.Issuer, in.ClientID, secret, expires
	next.ConnectionSettings, next.Domains, next.Enabled = in.ConnectionSettings, in.Domains, in.Enabled
	return nil
}

// sealed gives the client secret of a registration at the place of its connection, and its end: the one that was given, or
// the one of old, which may be a request's, while it is the same client of the same provider. None is no error. A certificate
// of ours has an end, too, there; keys that the provider fetches have none.
func (s *Service) sealed(in *Registration, old *directory.Connection) (secret seal.Sealed, expires directory.Time, err error) {
	next := &directory.Connection{Issuer: in.Issuer, ClientID: in.ClientID, ConnectionSettings: in.ConnectionSettings}
	if !next.AuthMethod.NeedsSecret() && !next.ByCertificate() {
		return nil, 0, nil
	}
	if in.ClientSecret.IsZero() && old.SameProof(next) {
		secret, expires = old.ClientSecret, old.SecretExpires
	}
	if in.SecretExpires != nil {
		expires = directory.Time(in.SecretExpires.UnixMicro())
	}
	if !next.AuthMethod.NeedsSecret() {
		return nil, expires, nil
	}
	if in.ClientSecret.IsZero() {
		return secret, expires, nil
	}
	secret, err = s.deps.Keyring.Seal(s.secretPlace(old.Organization, old.ID), in.ClientSecret)
	if err != nil {
		return nil, 0, &directory.Error{Kind: directory.KindInternal, Err: err}
	}
	return secret, expires, nil
}

// changeConnection changes a connection as it is now, again while others change it too.
func (s *Service) changeConnection(
	ctx context.Context, actor string, org directory.OrganizationID, id directory.ConnectionID, change func(*directory.Connection) error,
) (*directory.Connection, error) {
	var changed *directory.Connection
	err := untilFresh(func() error {
		d, err := s.directoryOf(ctx, org)
		if err != nil {
			return err
		}
		old, err := connectionOf(d, id)
		if err != nil {
			return err
		}
		next := *old
		if err := change(&next); err != nil {
			return err
		}
		changed = &next
		return s.writeConnection(ctx, actor, changed)
	})
	if err != nil {
		return nil, err
	}
	return changed, nil
}

// writeConnection puts a connection in place of its version, and stamps it.
func (s *Service) writeConnection(ctx context.Context, actor string, c *directory.Connection) error {
	result, err := s.propose(ctx, actor, c.Organization, &command.PutConnection{
		ID: c.ID, ExpectVersion: c.Version, Issuer: c.Issuer, ClientID: c.ClientID, ClientSecret: c.ClientSecret,
		ConnectionSettings: c.ConnectionSettings, Enabled: c.Enabled, SecretExpires: c.SecretExpires,
		PreviousSecret: c.PreviousSecret, Domains: c.Domains,
	})
	if err != nil {
		return err
	}
	c.Created, c.Modified, c.Version = result.Created, result.Modified, result.Version
	return nil
}

// NewSecret is a client secret that an owner got from the provider in place of the present one.
type NewSecret struct {
	Secret        seal.Secret
	Expires       *time.Time // nil: not known
	ReplaceNewest bool       // of a rotation that is under way: the newest secret was wrong, and the one before stays
}

// RotateSecret gives a connection a new client secret. The old one stays beside it, for as long as the provider takes
// either, until DropPreviousSecret. The secret that is there already changes nothing but its end. Errors: KindInvalid with the
// field, KindNotFound, KindConflict for a connection that has no secret, or has two.
func (s *Service) RotateSecret(
	ctx context.Context, actor string, org directory.OrganizationID, id directory.ConnectionID, in NewSecret,
) (*directory.Connection, error) {
	if in.Secret.IsZero() {
		return nil, directory.Errorf(directory.KindInvalid, "client_secret", "client_secret must not be empty")
	}
	if err := validateSecret(in.Secret, in.Expires, "expires_at", s.deps.Now()); err != nil {
		return nil, err
	}
	return s.changeConnection(ctx, actor, org, id, func(next *directory.Connection) error {
		if !next.AuthMethod.NeedsSecret() {
			return directory.Errorf(directory.KindConflict, "", "the connection uses %s, which has no client secret", next.AuthMethod)
		}
		sealed, err := s.deps.Keyring.Seal(s.secretPlace(org, id), in.Secret)
		if err != nil {
			return &directory.Error{Kind: directory.KindInternal, Err: err}
		}
		present, err := s.deps.Keyring.Open(s.secretPlace(org, id), next.ClientSecret)
		if err != nil {
			return &directory.Error{Kind: directory.KindInternal, Err: err}
		}
		rotating := len(next.PreviousSecret) > 0
		switch same := present.Reveal() == in.Secret.Reveal(); {
		case same:
		case rotating && in.ReplaceNewest:
			next.ClientSecret = sealed
		case rotating:
			return directory.Errorf(directory.KindConflict, "", "a rotation is under way, and a third secret would take the oldest one away: "+
				"drop the previous secret when sign-in works, or say replace_newest if the newest one is wrong")
		default:
			next.PreviousSecret, next.ClientSecret = next.ClientSecret, sealed
		}
		next.SecretExpires = 0
		if in.Expires != nil {
			next.SecretExpires = directory.Time(in.Expires.UnixMicro())
		}
		return nil
	})
}

// DropPreviousSecret ends the rotation of a connection's client secret. Errors: KindNotFound, also when there is none.
func (s *Service) DropPreviousSecret(
	ctx context.Context, actor string, org directory.OrganizationID, id directory.ConnectionID,
) error {
	_, err := s.changeConnection(ctx, actor, org, id, func(next *directory.Connection) error {
		if len(next.PreviousSecret) == 0 {
			return directory.Errorf(directory.KindNotFound, "", "the connection has no previous client secret")
		}
		next.PreviousSecret = nil
		return nil
	})
	return err
}

// PinAlgorithm has a connection keep to the signing algorithm that its provider offered, or to the one that it keeps to and forget
// the offer, or, where it is empty, to that of the next sign-in. Errors: KindNotFound, KindConflict for one that was not offered.
func (s *Service) PinAlgorithm(
	ctx context.Context, actor string, org directory.OrganizationID, id directory.ConnectionID, algorithm string,
) (*directory.Connection, error) {
	if _, err := s.propose(ctx, actor, org, &command.PinAlgorithm{Connection: id, Algorithm: algorithm}); err != nil {
		return nil, err
	}
	return s.GetConnection(ctx, org, id)
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

// complete gives zero values their meaning and checks the rest.
func (r *Registration) complete(now time.Time) error {
	if r.AuthMethod == "" {
		r.AuthMethod = directory.AuthBasic
	}
	r.Issuer = authorityOf(r.Issuer)
	switch {
	case len(r.Issuer) > maxIssuer:
		return directory.Errorf(directory.KindInvalid, "issuer", "issuer must have at most %d characters", maxIssuer)
	case len(r.Scopes) > maxScopes:
		return directory.Errorf(directory.KindInvalid, "scopes", "at most %d scopes", maxScopes)
	case !r.AuthMethod.NeedsSecret() && !r.ClientSecret.IsZero():
		return directory.Errorf(directory.KindInvalid, "client_secret", "%s has no client secret", r.AuthMethod)
	}
	for _, scope := range r.Scopes {
		if len(scope) > maxScope {
			return directory.Errorf(directory.KindInvalid, "scopes", "a scope has at most %d characters", maxScope)
		}
		if strings.ContainsFunc(scope, func(r rune) bool { return r < 0x21 || r > 0x7e }) {
			return directory.Errorf(directory.KindInvalid, "scopes", "%q is not a scope", scope) // RFC 6749 §3.3
		}
	}
	if err := validateText("client_id", r.ClientID); err != nil {
		return err
	}
	if err := validateSecret(r.ClientSecret, r.SecretExpires, "client_secret_expires_at", now); err != nil {
		return err
	}
	fields := directory.Connection{Issuer: r.Issuer, ClientID: r.ClientID, ConnectionSettings: r.ConnectionSettings}
	if err := fields.Validate(); err != nil {
		return err
	}
	return directory.CheckAuthority(r.Issuer)
}

// validateSecret checks a client secret, if there is one, and its end, if it has one.
func validateSecret(secret seal.Secret, expires *time.Time, expiresField string, now time.Time) error {
	if len(secret.Reveal()) > maxSecret {
		return directory.Errorf(directory.KindInvalid, "client_secret", "client_secret must have at most %d characters", maxSecret)
	}
	if err := validateText("client_secret", secret.Reveal()); err != nil {
		return err
	}
	if expires != nil && !expires.After(now) {
		return directory.Errorf(directory.KindInvalid, expiresField, "%s must be in the future", expiresField)
	}
	return nil
}

func count[T any](rows iter.Seq[T]) int {
	n := 0
	for range rows {
		n++
	}
	return n
}
