package scim

import (
	"context"
	"errors"
	"sync"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/scim/schema"
)

// maxTries bounds how often a write is compiled again because another one came first.
const maxTries = 5

// writerLocks let the writers of one resource on this node go one after another, once they got into each other's way.
type writerLocks [256]sync.Mutex

// of gives the lock of a resource: FNV-1a over its id, which we chose, spreads well enough.
func (w *writerLocks) of(id string) *sync.Mutex {
	hash := uint32(2166136261)
	for i := range len(id) {
		hash = (hash ^ uint32(id[i])) * 16777619
	}
	return &w[hash%uint32(len(w))]
}

// rewriting is a write of one resource that is there. It may be tried several times.
type rewriting struct {
	// read checks the body by the organization's schemas, before the resource is looked up; nil where there is none. It is
	// done again only when the schemas changed.
	read func(t *types) error
	// try compiles and proposes the write on a confirmed view of the resource. It answers, or fails; KindStale asks for
	// another try.
	try func(v *view, current record) (Response, error)

	known *types // that the body was read by
}

// rewrite runs a write of one resource: find it as it is now, check If-Match, compile, propose; when another write came in
// between, again on a fresh view (DESIGN.md, law 5). The first try takes no lock, so that lone writers never wait; later
// ones queue up on this node, so that they compete only with other nodes.
func (r *request) rewrite(ctx context.Context, id string, c Conditions, w rewriting) (Response, error) {
	r.id = id
	for tries := 1; ; tries++ {
		response, err := r.once(ctx, c, &w)
		if directory.KindOf(err) != directory.KindStale {
			return response, goneAs(err, r.kind, id)
		}
		r.Metrics.conflict()
		if tries == 1 {
			lock := r.writers.of(id)
			lock.Lock()
			defer lock.Unlock()
		}
		if tries == maxTries {
			return Response{}, directory.Unavailable(0, err, "other writes came first %d times", tries)
		}
	}
}

func (r *request) once(ctx context.Context, c Conditions, w *rewriting) (Response, error) {
	v, err := r.look(ctx, state.Confirmed())
	if err != nil {
		return Response{}, err
	}
	if w.read != nil && w.known != v.types {
		if err := w.read(v.types); err != nil {
			return Response{}, err
		}
		w.known = v.types
	}
	current, ok := find(v.Directory, r.kind, r.id)
	if !ok {
		return Response{}, notFound(r.kind, r.id)
	}
	r.name = current.uniqueName()
	if err := c.met(current.version); err != nil {
		return Response{}, err
	}
	return w.try(&v, current)
}

// goneAs words the ledger's "not found" as this door does.
func goneAs(err error, kind Kind, id string) error {
	if directory.KindOf(err) == directory.KindNotFound {
		return notFound(kind, id)
	}
	return err
}

// Delete answers DELETE on one resource (RFC 7644 §3.6). What becomes of a deleted user is the organization's policy; to
// its identity provider it is gone.
func (e *Engine) Delete(ctx context.Context, a Actor, kind Kind, id string, c Conditions) (answer Response, err error) {
	r := e.begin(a, directory.SyncDelete, opDelete, kind)
	defer r.end(&answer, &err)
	return r.delete(ctx, id, c)
}

func (r *request) delete(ctx context.Context, id string, c Conditions) (Response, error) {
	return r.rewrite(ctx, id, c, rewriting{try: func(_ *view, current record) (Response, error) {
		var expect uint64
		if c.IfMatch != "" {
			expect = current.version
		}
		var payload command.Payload = &command.DeleteUser{ID: current.id, ExpectVersion: expect}
		if r.kind == Groups {
			payload = &command.DeleteGroup{ID: current.id, ExpectVersion: expect}
		}
		_, err := r.propose(ctx, payload)
		return Response{Status: statusNoContent}, err
	}})
}

// Create answers POST on a resource endpoint (RFC 7644 §3.3).
func (e *Engine) Create(ctx context.Context, a Actor, kind Kind, body []byte, q Query) (answer Response, err error) {
	r := e.begin(a, directory.SyncPost, opCreate, kind)
	defer r.end(&answer, &err)
	r.body.raw = body
	return r.create(ctx, directory.ResourceID(e.NewID()), &q)
}

func (r *request) create(ctx context.Context, id directory.ResourceID, q *Query) (Response, error) {
	if r.kind == Groups {
		return r.createGroup(ctx, id, q)
	}
	return r.createUser(ctx, id, q)
}

// Replace answers PUT on one resource (RFC 7644 §3.5.1). It never creates.
func (e *Engine) Replace(ctx context.Context, a Actor, kind Kind, id string, body []byte, q Query, c Conditions) (answer Response, err error) {
	r := e.begin(a, directory.SyncPut, opReplace, kind)
	defer r.end(&answer, &err)
	r.body.raw = body
	return r.replace(ctx, id, &q, c)
}

func (r *request) replace(ctx context.Context, id string, q *Query, c Conditions) (Response, error) {
	replace := r.putUser
	if r.kind == Groups {
		replace = r.replaceGroup
	}
	var parsed schema.Object
	var tolerated schema.Courtesies
	return r.rewrite(ctx, id, c, rewriting{
		read: func(t *types) (err error) {
			parsed, tolerated, err = r.body.resource(t.of[r.kind], r.dialect)
			r.courtesies = tolerated
			return err
		},
		try: func(v *view, current record) (Response, error) {
			r.courtesies = tolerated[:len(tolerated):len(tolerated)]
			o := schema.Clone(parsed)
			if err := r.keep(v.types.of[r.kind], current, o); err != nil {
				return Response{}, err
			}
			return replace(ctx, v, current, o, v.types.shows(q))
		},
	})
}

// keep puts into the document of a PUT what leaving it out does not take away: what is immutable, and externalId where the
// dialect keeps it.
func (r *request) keep(rt *schema.ResourceType, current record, o schema.Object) error {
	present := current.externalID()
	if _, said := o["externalId"]; !said && present != "" && r.tolerate(schema.KeepExternalID, "externalId") {
		o["externalId"] = present
	}
	if r.workshop.types.isStandard(rt) {
		return nil // nothing is immutable there
	}
	before, err := current.document(rt)
	if err != nil {
		return err
	}
	schema.CarryImmutable(rt, before, o)
	return schema.CheckImmutable(rt, before, o)
}

// taken words a uniqueness conflict. Who holds the value is said only where this door may know of the holder.
func taken(d *state.Directory, kind Kind, attribute, value string, err error) error {
	refusal, ok := errors.AsType[*directory.Error](err)
	if !ok || refusal.Kind != directory.KindConflict || refusal.Field != attribute {
		return err
	}
	detail := "is already taken by another " + kind.String()
	if holder, ok := holderOf(d, kind, value); ok && !holder.visible() {
		detail = "is held by somebody who was not provisioned through SCIM; an owner of the organization can rename or convert them"
	}
	return directory.Errorf(directory.KindConflict, attribute, "%s %s %s", attribute, schema.Quote(value), detail)
}

// holderOf finds who has a unique name, hidden or not.
func holderOf(d *state.Directory, kind Kind, value string) (record, bool) {
	if kind == Users {
		if u, ok := d.UserByName(directory.Fold(value)); ok {
			return userRecord(u), true
		}
		return record{}, false
	}
	if g, ok := d.GroupByName(directory.Fold(value)); ok {
		return groupRecord(g), true
	}
	return record{}, false
}
