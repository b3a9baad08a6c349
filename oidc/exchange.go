package oidc

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"

	"golang.org/x/oauth2"

	"domicile/directory"
)

// exchange trades the code at the token endpoint (Core §3.1.3), once for each sign-in. The client authenticates in the one way
// that the connection says: probing could burn the code. Where the replacement of a client secret or certificate is not
// finished the other one is tried once, when the provider does not take the first.
func (s *Service) exchange(ctx context.Context, connection *directory.Connection, meta *metadata, t *transaction, code string) (*oauth2.Token, *Refusal) {
	proofs, refusal := s.proofs(ctx, connection, meta)
	if refusal != nil {
		return nil, refusal
	}
	if !s.spent.use(t.ID, s.deps.Now()) {
		return nil, refuse(ReasonReplayed, nil)
	}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, s.providers.fetch.client(endpointToken, maxAnswer))
	config := oauth2.Config{
		ClientID:    connection.ClientID,
		RedirectURL: t.RedirectURI,
		Endpoint:    oauth2.Endpoint{TokenURL: meta.TokenEndpoint, AuthStyle: oauth2.AuthStyleInParams},
	}
	if connection.AuthMethod == directory.AuthBasic {
		config.Endpoint.AuthStyle = oauth2.AuthStyleInHeader
	}
	var first *Refusal
	for try, proof := range s.order.of(connection, proofs) {
		config.ClientSecret = proof.secret.Reveal()
		tokens, err := config.Exchange(ctx, code, append(proof.options(), oauth2.VerifierOption(t.Verifier))...)
		refusal := refusalOfExchange(connection, err)
		switch {
		case refusal == nil:
			s.letIn(ctx, connection, proof, try)
			return tokens, nil
		case refusal.Reason == ReasonClientSecret || refusal.Reason == ReasonClientSecretExpired:
			first = cmp.Or(first, refusal)
		case refusal.Reason == ReasonExchange && try > 0:
			s.letIn(ctx, connection, proof, try)
			return nil, refuse(ReasonCodeSpent, refusal.Err) // by the try before
		default:
			return nil, refusal
		}
	}
	return nil, first
}

// letIn notes which proof a provider took, and says so where it is not the newest: a secret that its owner has replaced here,
// or a certificate that will end first.
func (s *Service) letIn(ctx context.Context, connection *directory.Connection, proof proof, try int) {
	if try > 0 {
		s.order.took(connection, proof)
	}
	id := slog.String("connection", string(connection.ID))
	switch {
	case !proof.previous:
	case proof.assertion == "":
		s.deps.Metrics.previousSecret.Inc()
		s.deps.Logger.WarnContext(ctx, "the identity provider takes the previous client secret only", id)
	default:
		s.deps.Metrics.olderCertificate.Inc()
		s.deps.Logger.InfoContext(ctx, "the identity provider takes our older certificate, and may not have the newest", id)
	}
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
