package scim

import (
	"context"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/scim/patch"
	"domicile/scim/schema"
)

// request is one request on its way through the engine: who asks, for what, in which dialect, and what the sync log will
// tell of it. An operation begins one, and ends it with the answer.
type request struct {
	*Engine
	Actor
	dialect    schema.Dialect
	kind       Kind   // kinds: of no one kind
	operation  string // in metrics
	courtesies schema.Courtesies
	note       directory.SyncNote // rides in the command of a write

	// What a failure is told with.
	id    string
	name  string
	body  content
	known *types // that the request saw last
}

// begin is how every operation begins.
func (e *Engine) begin(a Actor, method directory.SyncMethod, operation string, kind Kind) request {
	return request{
		Engine: e, Actor: a, dialect: e.dialect(a.Profile), kind: kind, operation: operation,
		note: directory.SyncNote{Method: method, Request: a.RequestID, Client: a.Client}, known: a.types,
	}
}

// end is how every operation ends; it is deferred with the addresses of what the operation returns.
func (r *request) end(answer *Response, err *error) {
	answer.Courtesies = r.courtesies
	r.Metrics.done(r.kind, r.operation, answer, *err)
	if *err != nil {
		r.fail(*err)
	}
}

// tolerate tells whether the dialect grants a courtesy that the door itself acts on, and notes that it was used.
func (r *request) tolerate(t schema.Tolerance, path string) bool {
	if !r.dialect.Allows(t) {
		return false
	}
	r.courtesies.Note(t, path)
	return true
}

// look gives the organization as of a view that is at least so fresh.
func (r *request) look(ctx context.Context, f state.Freshness) (view, error) {
	v, err := r.Viewer.View(ctx, f)
	if err != nil {
		return view{}, err
	}
	d, ok := v.Directory(r.Organization)
	if !ok {
		return view{}, unauthenticated("")
	}
	t, err := r.workshop.types.get(d)
	if err == nil {
		r.known = t
	}
	return view{r.Base(r.Organization), t, d}, err
}

// actorName is how the ledger knows who asked.
func (r *request) actorName() string { return "token:" + string(r.Token) }

// propose puts a write through the log, with what the sync log tells of it.
func (r *request) propose(ctx context.Context, p command.Payload) (command.Result, error) {
	note := r.note
	for _, c := range r.courtesies {
		note.Courtesies = appendNew(note.Courtesies, c.Name())
	}
	return r.send(ctx, command.Command{Organization: r.Organization, Actor: r.actorName(), Note: &note, Payload: p})
}

// prepare is propose for what is only part of a write, of which the sync log tells nothing.
func (r *request) prepare(ctx context.Context, p command.Payload) error {
	_, err := r.send(ctx, command.Command{Organization: r.Organization, Actor: r.actorName(), Payload: p})
	return err
}

func (r *request) send(ctx context.Context, c command.Command) (command.Result, error) {
	result, err := r.Proposer.Propose(ctx, c)
	if err == nil {
		err = result.Err()
	}
	return result, err
}

func appendNew(list []string, name string) []string {
	for _, have := range list {
		if have == name {
			return list
		}
	}
	return append(list, name)
}

// content is the body of a write: as it came, or decoded already because it is part of a Bulk request.
type content struct {
	raw     []byte
	value   any
	decoded bool
}

// resource reads the body of a POST or PUT.
func (c content) resource(rt *schema.ResourceType, d schema.Dialect) (schema.Object, []schema.Courtesy, error) {
	if c.decoded {
		return schema.Read(rt, c.value, d)
	}
	return schema.Parse(rt, c.raw, d)
}

// document reads the body of a PATCH.
func (c content) document(rt *schema.ResourceType, d schema.Dialect) (*patch.Document, error) {
	if c.decoded {
		return patch.ReadDocument(rt, c.value, d)
	}
	return patch.ParseDocument(rt, c.raw, d)
}
