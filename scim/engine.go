package scim

import (
	"context"
	"sync"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/scim/schema"
	"domicile/seal"
)

// Deps is what the door needs of the house.
type Deps struct {
	Proposer command.Proposer
	Viewer   state.Viewer
	Region   directory.Region   // this region; locations are made of its URL
	Regions  []directory.Region // every region, for telling a caller that came to the wrong one
	Cursors  *seal.Box          // seals the cursors of RFC 9865; every node needs the same keys, purpose and identity
	NewID    func() string      // seal.NewID
	Now      func() time.Time
	Metrics  *Metrics // nil: not measured
}

// Engine answers SCIM requests. It is safe for concurrent use.
type Engine struct {
	Deps
	types    [kinds]*schema.ResourceType
	dialects map[directory.Profile]schema.Dialect
	writers  writerLocks
	buffers  sync.Pool // of *buffer
}

// New makes an Engine.
func New(deps Deps) *Engine {
	return &Engine{
		Deps:  deps,
		types: [kinds]*schema.ResourceType{Users: schema.User(), Groups: schema.Group()},
		dialects: map[directory.Profile]schema.Dialect{
			directory.ProfileInterop: schema.Interop(),
			directory.ProfileStrict:  schema.Strict(),
			directory.ProfileEntra:   schema.Entra(),
		},
	}
}

// Kind is one of the two resource types. Its number is its place in a root query.
type Kind uint8

// The resource types of RFC 7643 §4.
const (
	Users Kind = iota
	Groups
	kinds // how many
)

var kindNames = [kinds]string{"User", "Group"}

// String gives the resource type's name, as in meta.resourceType.
func (k Kind) String() string { return kindNames[k] }

// endpoint is the resource type's path below the base URL.
func (k Kind) endpoint() string { return [kinds]string{"/Users", "/Groups"}[k] }

// Base gives the SCIM base URL of an organization, without a trailing slash. An identity provider's administrator types
// it in, and every location begins with it.
func (e *Engine) Base(org directory.OrganizationID) string { return baseOf(e.Region, string(org)) }

func baseOf(region directory.Region, org string) string { return region.URL + "/scim/v2/" + org }

// dialect gives the tolerances of the actor's organization.
func (e *Engine) dialect(a Actor) schema.Dialect {
	if d, ok := e.dialects[a.Profile]; ok {
		return d
	}
	return e.dialects[directory.ProfileInterop]
}

// directory gives the actor's organization as of a view that is at least so fresh.
func (e *Engine) directory(ctx context.Context, a Actor, f state.Freshness) (*state.Directory, error) {
	view, err := e.Viewer.View(ctx, f)
	if err != nil {
		return nil, err
	}
	d, ok := view.Directory(a.Organization)
	if !ok {
		return nil, unauthenticated("")
	}
	return d, nil
}

// now is the door's clock in ledger time.
func (e *Engine) now() directory.Time { return directory.Time(e.Now().UnixMicro()) }

// propose puts a command of the actor through the log.
func (e *Engine) propose(ctx context.Context, a Actor, p command.Payload) (command.Result, error) {
	result, err := e.Proposer.Propose(ctx, command.Command{
		Organization: a.Organization,
		Actor:        "token:" + string(a.Token),
		Payload:      p,
	})
	if err == nil {
		err = result.Err()
	}
	return result, err
}
