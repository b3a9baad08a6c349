package oidc

import (
	"context"
	"log/slog"
	"slices"

	"domicile/directory"
	"domicile/fsm/command"
)

// signature is by which algorithm a token was signed, and which ones its provider announced then.
type signature struct {
	algorithm string
	announced []string
}

// announcement gives the document by which a token is judged: a newer one than meta where that does not explain the token's
// algorithm. So a provider that signs otherwise from one moment to the next is believed as soon as it announces it, and not a day
// later. The header is not verified yet; it decides nothing else, and the provider is asked for it every 30 seconds at most.
func (p *provider) announcement(ctx context.Context, connection *directory.Connection, meta *metadata, raw string) *metadata {
	alg := algorithmIn(raw)
	explained := slices.Contains(meta.Algorithms, alg) && (connection.Algorithm == "" || connection.Algorithm == alg)
	if _, ok := algorithmOf(alg); !ok || explained {
		return meta
	}
	if newer, err := p.meta.getNewer(ctx); err == nil {
		return newer
	}
	return meta
}

// algorithmIn reads the algorithm in a token's header; empty where there is none to be read.
func algorithmIn(raw string) string {
	header, err := headerOf(raw[:min(len(raw), maxToken)])
	if err != nil {
		return ""
	}
	alg, _ := header.text("alg")
	return alg
}

// strays tells whether a token, good otherwise, is signed with another algorithm than the connection keeps to since its first
// sign-in: whoever could have an old key type taken again, or a new one brought in, would come by a provider's least guarded way.
// Where the provider no longer announces that algorithm it has moved itself, and the next sign-in moves the connection.
func (signed signature) strays(connection *directory.Connection) bool {
	return connection.Algorithm != "" && connection.Algorithm != signed.algorithm &&
		slices.Contains(signed.announced, connection.Algorithm)
}

// keepsTo refuses a sign-in whose token strays. The ledger is told what was offered, so that the owner may accept it.
func (s *Service) keepsTo(ctx context.Context, connection *directory.Connection, signed signature) *Refusal {
	if !signed.strays(connection) {
		return nil
	}
	if connection.AlgorithmOffered != signed.algorithm {
		s.offer(ctx, connection, signed.algorithm)
	}
	return refuse(ReasonAlgorithmChanged, nil)
}

func (s *Service) offer(ctx context.Context, connection *directory.Connection, algorithm string) {
	_, err := propose(ctx, s.deps.Proposer, command.Command{
		Organization: connection.Organization, Actor: doorActor,
		Payload: &command.OfferAlgorithm{Connection: connection.ID, Algorithm: algorithm},
	})
	if err != nil {
		s.deps.Logger.WarnContext(ctx, "an algorithm that was offered was not noted",
			slog.String("connection", string(connection.ID)), slog.Any("error", err))
	}
}
