package scim

import (
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
	// Rehearse applies a command to a throw-away copy of a view (fsm.Rehearse). nil: there are no dry runs.
	Rehearse func(*state.View, command.Command) (command.Result, *state.View)
	Region   directory.Region   // this region; locations are made of its URL
	Regions  []directory.Region // every region, for telling a caller that came to the wrong one
	Cursors  *seal.Box          // seals the cursors of RFC 9865; every node needs the same keys, purpose and identity
	NewID    func() string      // seal.NewID
	Now      func() time.Time
	Recorder *Recorder // brings failures and uses of tokens to the ledger; nil: nobody is told
	Metrics  *Metrics  // nil: not measured
}

// Engine answers SCIM requests. It is safe for concurrent use.
type Engine struct {
	Deps
	*workshop
}

// workshop is what an engine shares with its dry runs.
type workshop struct {
	dialects map[directory.Profile]schema.Dialect
	types    typeCache
	writers  writerLocks
	buffers  sync.Pool // of *buffer
}

// New makes an Engine.
func New(deps Deps) *Engine {
	return &Engine{deps, &workshop{
		types: newTypeCache(),
		dialects: map[directory.Profile]schema.Dialect{
			directory.ProfileInterop: schema.Interop(),
			directory.ProfileStrict:  schema.Strict(),
			directory.ProfileEntra:   schema.Entra(),
		},
	}}
}

// Kind is one of the two resource types. Its number is its place in a root query.
type Kind uint8

// The resource types of RFC 7643 §4.
const (
	Users Kind = iota
	Groups
	kinds // how many; as a Kind: no one kind
)

var kindNames = [kinds + 1]string{"User", "Group", ""}

// String gives the resource type's name, as in meta.resourceType.
func (k Kind) String() string { return kindNames[k] }

// endpoint is the resource type's path below the base URL.
func (k Kind) endpoint() string { return [kinds + 1]string{"/Users", "/Groups", ""}[k] }

// Base gives the SCIM base URL of an organization, without a trailing slash. An identity provider's administrator types
// it in, and every location begins with it.
func (e *Engine) Base(org directory.OrganizationID) string { return baseOf(e.Region, string(org)) }

func baseOf(region directory.Region, org string) string { return region.URL + "/scim/v2/" + org }

// dialect gives the tolerances of a profile.
func (e *Engine) dialect(p directory.Profile) schema.Dialect {
	if d, ok := e.dialects[p]; ok {
		return d
	}
	return e.dialects[directory.ProfileInterop]
}

// now is the door's clock in ledger time.
func (e *Engine) now() directory.Time { return directory.Time(e.Now().UnixMicro()) }
