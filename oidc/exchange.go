package oidc

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"

	"golang.org/x/oauth2"

	"domicile/directory"
	"domicile/fsm/state"
	"domicile/seal"
)

// exchange trades the code at the token endpoint (Core §3.1.3). The client authenticates in the one way that the
// connection says: probing could burn the code. Where a rotation of the client secret is not finished the other secret is
// tried once, when the provider does not take the first.
func (s *Service) exchange(ctx context.Context, connection *directory.Connection, meta *metadata, t *transaction, code string) (*oauth2.Token, *Refusal) {
	ctx = context.WithValue(ctx, oauth2.HTTPClient, s.providers.fetch.client(endpointToken, maxAnswer))
	verifier := oauth2.VerifierOption(t.Verifier)
	config := oauth2.Config{
		ClientID:    connection.ClientID,
		RedirectURL: t.RedirectURI,
		Endpoint:    oauth2.Endpoint{TokenURL: meta.TokenEndpoint, AuthStyle: oauth2.AuthStyleInHeader},
	}
	if connection.AuthMethod == directory.AuthPrivateKey {
		assertion, refusal := s.clientAssertion(ctx, connection)
		if refusal != nil {
			return nil, refusal
		}
		config.Endpoint.AuthStyle = oauth2.AuthStyleInParams
		tokens, err := config.Exchange(ctx, code, verifier,
			oauth2.SetAuthURLParam("client_assertion_type", assertionType), oauth2.SetAuthURLParam("client_assertion", assertion))
		return tokens, refusalOfExchange(connection, err)
	}
	if connection.AuthMethod == directory.AuthPost {
		config.Endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	var first *Refusal
	for try, slot := range s.secrets.of(connection) {
		secret, err := s.deps.Keyring.Open(SecretPlace(s.deps.Identity, connection.Organization, connection.ID), slot.sealed)
		if err != nil {
			return nil, refuse(ReasonInternal, err)
		}
		config.ClientSecret = secret.Reveal()
		tokens, err := config.Exchange(ctx, code, verifier)
		refusal := refusalOfExchange(connection, err)
		switch {
		case refusal == nil:
			s.letIn(ctx, connection, slot)
			return tokens, nil
		case refusal.Reason == ReasonClientSecret || refusal.Reason == ReasonClientSecretExpired:
			first = cmp.Or(first, refusal)
		case refusal.Reason == ReasonExchange && try > 0:
			s.letIn(ctx, connection, slot)
			return nil, refuse(ReasonCodeSpent, refusal.Err) // by the try before
		default:
			return nil, refusal
		}
	}
	return nil, first
}

// letIn notes which secret a provider took, and says so where it is the one that its owner has replaced here.
func (s *Service) letIn(ctx context.Context, connection *directory.Connection, slot secretSlot) {
	s.secrets.took(connection, slot)
	if !slot.previous {
		return
	}
	s.deps.Metrics.previousSecret.Inc()
	s.deps.Logger.WarnContext(ctx, "the identity provider takes the previous client secret only",
		slog.String("connection", string(connection.ID)))
}

// refusalOfExchange says what an error of the token endpoint means; nil without one. The library's error quotes the
// provider's answer, so only what is known of it goes on.
func refusalOfExchange(connection *directory.Connection, err error) *Refusal {
	if err == nil {
		return nil
	}
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	switch {
	case !ok || refused.Response.StatusCode >= http.StatusInternalServerError:
		return refuse(ReasonProviderDown, err)
	case directory.ProviderProfileOf(connection.Issuer).Failure(refused.ErrorDescription) == directory.FailureSecretExpired:
		return refuse(ReasonClientSecretExpired, err)
	case refused.ErrorCode == "invalid_client":
		return refuse(ReasonClientSecret, err)
	default:
		return refuse(ReasonExchange, err)
	}
}

// SecretPlace is where a connection's client secret is sealed.
func SecretPlace(identity state.Identity, organization directory.OrganizationID, connection directory.ConnectionID) seal.Place {
	return seal.Place{
		Region: identity.Region, Cluster: identity.Cluster, Organization: string(organization),
		Row: string(connection), Field: "client_secret",
	}
}

// secretSlot is one of a connection's client secrets.
type secretSlot struct {
	sealed   seal.Sealed
	previous bool
}

// maxSecretOrders bounds the connections of which is known that the previous secret comes first.
const maxSecretOrders = 1000

// secretOrder remembers which connections' providers took the previous secret last, so that a provider that burns the code
// with the first try costs one sign-in and not all of them.
type secretOrder struct {
	mu       sync.Mutex
	previous map[directory.ConnectionID]uint64 // the version of the connection; guarded by mu
}

func newSecretOrder() *secretOrder {
	return &secretOrder{previous: make(map[directory.ConnectionID]uint64)}
}

// of gives a connection's secrets in the order in which to try them.
func (o *secretOrder) of(connection *directory.Connection) []secretSlot {
	current := secretSlot{connection.ClientSecret, false}
	if len(connection.PreviousSecret) == 0 {
		return []secretSlot{current}
	}
	previous := secretSlot{connection.PreviousSecret, true}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.previous[connection.ID] == connection.Version {
		return []secretSlot{previous, current}
	}
	return []secretSlot{current, previous}
}

// took notes which secret a provider let in.
func (o *secretOrder) took(connection *directory.Connection, slot secretSlot) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !slot.previous {
		delete(o.previous, connection.ID)
		return
	}
	if len(o.previous) >= maxSecretOrders {
		clear(o.previous)
	}
	o.previous[connection.ID] = connection.Version
}
