package oidc

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
)

const (
	maxKeeping   = 64              // documents that wait to be kept; those over it are offered again when they are fetched next
	keepPatience = 5 * time.Second // for one of them
	keepTries    = 3               // while other nodes keep others
	maxNamed     = 10              // connections in a log line
)

// shelf is the ledger as the place where providers' documents are kept, so that a node that has just started can sign
// people in while a provider's discovery and keys cannot be asked for, and the others need not ask.
type shelf struct {
	proposer command.Proposer
	viewer   state.Viewer
	logger   *slog.Logger
	metrics  *Metrics
	queue    chan shelved

	mu      sync.Mutex
	waiting map[shelfPlace]bool // in the queue or under way; guarded by mu
}

// shelfPlace is where one document stands.
type shelfPlace struct {
	issuer   string
	document directory.ProviderDocument
}

// shelved is a document that may be news to the ledger.
type shelved struct {
	shelfPlace
	kept
}

func newShelf(deps *Deps) *shelf {
	return &shelf{
		proposer: deps.Proposer, viewer: deps.Viewer, logger: deps.Logger, metrics: deps.Metrics,
		queue: make(chan shelved, maxKeeping), waiting: make(map[shelfPlace]bool),
	}
}

// recall gives the ledger's copy of a document.
func (s *shelf) recall(ctx context.Context, place shelfPlace) kept {
	view, err := s.viewer.View(ctx, state.Local())
	if err != nil {
		return kept{} // this node cannot know
	}
	held := copyIn(view, place)
	if held.Text == "" {
		return kept{}
	}
	return kept{held.Text, time.UnixMicro(int64(held.Fetched)), time.Duration(held.Life) * time.Microsecond}
}

func copyIn(view *state.View, place shelfPlace) directory.ProviderCopy {
	if provider, ok := view.Provider(place.issuer); ok {
		return *provider.Copy(place.document)
	}
	return directory.ProviderCopy{}
}

// noteMoves says where an endpoint has gone to another host.
func (s *shelf) noteMoves(ctx context.Context, issuer string, old, made kept) {
	moves := movesBetween(old.text, made.text)
	view, err := s.viewer.View(ctx, state.Local())
	if err != nil || len(moves) == 0 {
		return
	}
	var endpoints []string
	for _, move := range moves {
		endpoints = append(endpoints, move.Endpoint)
	}
	s.metrics.moved.Inc()
	s.logger.WarnContext(ctx, "endpoints of an identity provider have moved to another host",
		slog.Any("endpoints", endpoints), slog.Any("connections", connectionsTo(view, issuer)))
}

// keep queues a document that is news to the ledger.
func (s *shelf) keep(ctx context.Context, place shelfPlace, made kept) {
	view, err := s.viewer.View(ctx, state.Local())
	if err != nil || news(view, shelved{place, made}) == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting[place] {
		return
	}
	select {
	case s.queue <- shelved{place, made}:
		s.waiting[place] = true
	default:
	}
}

// news gives the command that keeps a document; nil where the ledger has it, or cannot take it.
func news(view *state.View, made shelved) *command.PutProvider {
	held := copyIn(view, made.shelfPlace)
	put := &command.PutProvider{
		Issuer: made.issuer, Document: made.document, Seen: held.Hash(),
		Fetched: directory.Time(made.fetched.UnixMicro()), Life: directory.Time(made.life / time.Microsecond),
	}
	if view.Level() < command.SecondLevel || len(made.text) > directory.MaxProviderDocument || put.Fetched <= held.Fetched {
		return nil
	}
	if made.text == held.Text {
		if !made.document.Confirms(&held, put.Fetched) {
			return nil
		}
		return put
	}
	put.Text = made.text
	if made.document == directory.ProviderMetadata {
		put.Moves = movesBetween(held.Text, put.Text)
	}
	return put
}

// run writes what waits, one document at a time, until ctx ends. What cannot be written is offered again with its next
// fetch.
func (s *shelf) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case made := <-s.queue:
			s.write(ctx, made)
		}
	}
}

func (s *shelf) write(ctx context.Context, made shelved) {
	ctx, cancel := context.WithTimeout(ctx, keepPatience)
	defer cancel()
	err := s.tryWrite(ctx, made)
	if err != nil && ctx.Err() == nil {
		s.logger.WarnContext(ctx, "a provider's document was not kept", slog.Any("error", err))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, made.shelfPlace)
}

// tryWrite writes a document over the one that this node sees, and again where another node has written meanwhile.
func (s *shelf) tryWrite(ctx context.Context, made shelved) error {
	freshness, err := state.Local(), error(nil)
	for range keepTries {
		var view *state.View
		if view, err = s.viewer.View(ctx, freshness); err != nil {
			return err
		}
		put := news(view, made)
		if put == nil {
			return nil
		}
		_, err = propose(ctx, s.proposer, command.Command{Actor: doorActor, Payload: put})
		if directory.KindOf(err) != directory.KindStale {
			return err
		}
		freshness = state.Confirmed()
	}
	return err
}

// movesBetween lists the endpoints whose host differs between two discovery documents.
func movesBetween(old, made string) []directory.ProviderMove {
	var before, after metadata
	if json.Unmarshal([]byte(old), &before) != nil || json.Unmarshal([]byte(made), &after) != nil {
		return nil
	}
	var moves []directory.ProviderMove
	for _, endpoint := range []struct{ name, before, after string }{
		{"authorization_endpoint", before.AuthorizationEndpoint, after.AuthorizationEndpoint},
		{"token_endpoint", before.TokenEndpoint, after.TokenEndpoint},
		{"userinfo_endpoint", before.UserinfoEndpoint, after.UserinfoEndpoint},
		{"jwks_uri", before.KeysURL, after.KeysURL},
		{"end_session_endpoint", before.EndSessionEndpoint, after.EndSessionEndpoint},
	} {
		move := directory.ProviderMove{Endpoint: endpoint.name, From: hostOf(endpoint.before), To: hostOf(endpoint.after)}
		if endpoint.before != "" && move.From != move.To {
			moves = append(moves, move)
		}
	}
	return moves
}

// hostOf gives the host and port of an address, cut to what the ledger takes.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return directory.Cut(u.Host, directory.MaxProviderHost)
}

// connectionsTo lists the ids of connections to an issuer, some of them.
func connectionsTo(view *state.View, issuer string) []directory.ConnectionID {
	var ids []directory.ConnectionID
	for connection := range view.ConnectionsTo(issuer) {
		if ids = append(ids, connection.ID); len(ids) == maxNamed {
			break
		}
	}
	return ids
}
