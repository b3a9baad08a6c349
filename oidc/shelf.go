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
	// shelfGrain is how much newer an unchanged document has to be to be kept again.
	shelfGrain = directory.Time(time.Hour / time.Microsecond)

	maxKeeping   = 64              // documents that wait to be kept; those over it are offered again when they are fetched next
	keepPatience = 5 * time.Second // for one of them
	maxNamed     = 10              // connections in a log line
)

// shelf is the ledger as the place where providers' documents are kept, so that a node that has just started can sign
// people in while a provider's discovery and keys cannot be asked for.
type shelf struct {
	proposer command.Proposer
	viewer   state.Viewer
	logger   *slog.Logger
	metrics  *Metrics
	queue    chan *command.PutProvider

	mu      sync.Mutex
	waiting map[shelfPlace]bool // in the queue or under way; guarded by mu
}

// shelfPlace is where one document stands.
type shelfPlace struct {
	issuer string
	keys   bool // the key set, or else the metadata
}

func newShelf(deps *Deps) *shelf {
	return &shelf{
		proposer: deps.Proposer, viewer: deps.Viewer, logger: deps.Logger, metrics: deps.Metrics,
		queue: make(chan *command.PutProvider, maxKeeping), waiting: make(map[shelfPlace]bool),
	}
}

// metadata gives the ledger's copy of an issuer's discovery document.
func (s *shelf) metadata(ctx context.Context, issuer string) kept {
	_, provider := s.look(ctx, issuer)
	return keptAt(provider.Metadata, provider.Fetched)
}

// keys gives the ledger's copy of an issuer's key set.
func (s *shelf) keys(ctx context.Context, issuer string) kept {
	_, provider := s.look(ctx, issuer)
	return keptAt(provider.Keys, provider.KeysFetched)
}

func keptAt(text string, at directory.Time) kept {
	if text == "" {
		return kept{}
	}
	return kept{[]byte(text), time.UnixMicro(int64(at))}
}

// look gives what the ledger has of an issuer, and the view that was looked at: nil where this node cannot know.
func (s *shelf) look(ctx context.Context, issuer string) (*state.View, directory.Provider) {
	view, err := s.viewer.View(ctx, state.Local())
	if err != nil {
		return nil, directory.Provider{}
	}
	if provider, ok := view.Provider(issuer); ok {
		return view, *provider
	}
	return view, directory.Provider{}
}

// keepMetadata offers a discovery document to the ledger, and says where an endpoint has gone to another host.
func (s *shelf) keepMetadata(ctx context.Context, issuer string, old, made kept) {
	view, provider := s.look(ctx, issuer)
	if view == nil {
		return
	}
	if moved := movedEndpoints(old.text, made.text); len(moved) > 0 {
		s.metrics.moved.Inc()
		s.logger.WarnContext(ctx, "endpoints of an identity provider have moved to another host",
			slog.Any("endpoints", moved), slog.Any("connections", connectionsTo(view, issuer)))
	}
	s.offer(view, shelfPlace{issuer, false}, provider.Metadata, provider.Fetched, made)
}

// keepKeys offers a key set to the ledger.
func (s *shelf) keepKeys(ctx context.Context, issuer string, made kept) {
	if view, provider := s.look(ctx, issuer); view != nil {
		s.offer(view, shelfPlace{issuer, true}, provider.Keys, provider.KeysFetched, made)
	}
}

// offer queues a document that is news to the ledger.
func (s *shelf) offer(view *state.View, place shelfPlace, text string, fetched directory.Time, made kept) {
	at := directory.Time(made.fetched.UnixMicro())
	if view.Level() < command.SecondLevel || len(made.text) > directory.MaxProviderDocument ||
		string(made.text) == text && at < fetched+shelfGrain {
		return
	}
	put := &command.PutProvider{Issuer: place.issuer, Metadata: string(made.text), Fetched: at}
	if place.keys {
		put = &command.PutProvider{Issuer: place.issuer, Keys: string(made.text), KeysFetched: at}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting[place] {
		return
	}
	select {
	case s.queue <- put:
		s.waiting[place] = true
	default:
	}
}

// run writes what waits, one document at a time, until ctx ends. What cannot be written is offered again with its next
// fetch.
func (s *shelf) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case put := <-s.queue:
			s.write(ctx, put)
		}
	}
}

func (s *shelf) write(ctx context.Context, put *command.PutProvider) {
	ctx, cancel := context.WithTimeout(ctx, keepPatience)
	defer cancel()
	result, err := s.proposer.Propose(ctx, command.Command{Actor: doorActor, Payload: put})
	if err == nil {
		err = result.Err()
	}
	if err != nil && ctx.Err() == nil {
		s.logger.WarnContext(ctx, "a provider's document was not kept", slog.Any("error", err))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, shelfPlace{put.Issuer, put.Keys != ""})
}

// doorActor is who wrote what no person did.
const doorActor = "oidc"

// movedEndpoints names the endpoints whose host differs between two discovery documents.
func movedEndpoints(old, made []byte) []string {
	var before, after metadata
	if json.Unmarshal(old, &before) != nil || json.Unmarshal(made, &after) != nil {
		return nil
	}
	var moved []string
	for _, endpoint := range []struct{ name, before, after string }{
		{"authorization_endpoint", before.AuthorizationEndpoint, after.AuthorizationEndpoint},
		{"token_endpoint", before.TokenEndpoint, after.TokenEndpoint},
		{"userinfo_endpoint", before.UserinfoEndpoint, after.UserinfoEndpoint},
		{"jwks_uri", before.KeysURL, after.KeysURL},
		{"end_session_endpoint", before.EndSessionEndpoint, after.EndSessionEndpoint},
	} {
		if endpoint.before != "" && hostOf(endpoint.before) != hostOf(endpoint.after) {
			moved = append(moved, endpoint.name)
		}
	}
	return moved
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

// connectionsTo lists the ids of connections to an issuer, some of them.
func connectionsTo(view *state.View, issuer string) []directory.ConnectionID {
	var ids []directory.ConnectionID
	for connection := range view.AllConnections() {
		if connection.Issuer == issuer {
			ids = append(ids, connection.ID)
		}
		if len(ids) == maxNamed {
			break
		}
	}
	return ids
}
