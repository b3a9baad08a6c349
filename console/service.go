package console

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	"domicile/directory"
	"domicile/egress"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/seal"
)

// Deps is what the door needs. All fields are required but DNS.
type Deps struct {
	Proposer command.Proposer
	Viewer   state.Viewer
	Operator Operator
	Keyring  *seal.Keyring
	Identity seal.Identity // region and cluster, to bind what is sealed
	Region   directory.Region
	Egress   *egress.Client   // fetches issuers' discovery documents
	DNS      *egress.Resolver // looks for proofs of domains; nil: the system's servers
	NewID    func() string    // seal.NewID
	Now      func() time.Time
}

// Service is the door. It is safe for concurrent use. Its errors are *directory.Error.
type Service struct {
	deps   Deps
	backup sync.Mutex // held while a backup is made
}

// New returns the door.
func New(deps Deps) (*Service, error) {
	switch {
	case deps.Proposer == nil, deps.Viewer == nil, deps.Operator == nil, deps.Keyring == nil, deps.Egress == nil, deps.NewID == nil, deps.Now == nil:
		return nil, errors.New("console: a dependency is missing")
	case deps.Identity.Region == "" || deps.Identity.Cluster == "":
		return nil, errors.New("console: the identity names no region and cluster")
	case deps.Region.ID != deps.Identity.Region:
		return nil, errors.New("console: region and identity differ")
	}
	if deps.DNS == nil {
		var err error
		if deps.DNS, err = egress.NewResolver(egress.DNSConfig{}); err != nil {
			return nil, err
		}
	}
	return &Service{deps: deps}, nil
}

// maxTries bounds how often a change is made anew because somebody else changed the same thing meanwhile.
const maxTries = 5

// directoryOf gives an organization's data as of every write acknowledged before the call.
func (s *Service) directoryOf(ctx context.Context, id directory.OrganizationID) (*state.Directory, error) {
	view, err := s.deps.Viewer.View(ctx, state.Confirmed())
	if err != nil {
		return nil, err
	}
	return find(view, id)
}

func find(view *state.View, id directory.OrganizationID) (*state.Directory, error) {
	d, ok := view.Directory(id)
	if !ok {
		return nil, directory.Errorf(directory.KindNotFound, "", "there is no organization %q", id)
	}
	return d, nil
}

// propose puts a change through the log; a refusal of the ledger is an error.
func (s *Service) propose(ctx context.Context, actor string, id directory.OrganizationID, p command.Payload) (command.Result, error) {
	return s.put(ctx, command.Command{Organization: id, Actor: actor, Payload: p})
}

// proposeNoted is propose for what the organization's sync log tells too.
func (s *Service) proposeNoted(
	ctx context.Context, actor string, id directory.OrganizationID, method directory.SyncMethod, p command.Payload,
) (command.Result, error) {
	note := &directory.SyncNote{Method: method}
	if span := trace.SpanContextFromContext(ctx); span.HasTraceID() {
		note.Request = span.TraceID().String() // the X-Request-Id of the answer
	}
	return s.put(ctx, command.Command{Organization: id, Actor: actor, Note: note, Payload: p})
}

func (s *Service) put(ctx context.Context, c command.Command) (command.Result, error) {
	result, err := s.deps.Proposer.Propose(ctx, c)
	if err != nil {
		return command.Result{}, err
	}
	return result, result.Err()
}

// untilFresh runs change again, on a fresh view, while it fails because its view was overtaken.
func untilFresh(change func() error) error {
	var err error
	for range maxTries {
		if err = change(); directory.KindOf(err) != directory.KindStale {
			return err
		}
	}
	return directory.Unavailable(time.Second, err, "others are changing the same thing; try again")
}

// Secret is a text that nothing prints, as it comes in a request.
type Secret = seal.Secret
