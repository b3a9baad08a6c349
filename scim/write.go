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

// attempt is one try of a write on a confirmed view of the resource. It answers, or fails; KindStale asks for another try.
type attempt func(v *view, current record) (Response, error)

// rewrite runs a write of one resource: find it as it is now, check If-Match, compile, propose; when another write came in
// between, again on a fresh view (DESIGN.md, law 5). The first try takes no lock, so that lone writers never wait; later
// ones queue up on this node, so that they compete only with other nodes.
func (e *Engine) rewrite(ctx context.Context, a Actor, kind Kind, id string, c Conditions, try attempt) (Response, error) {
	for tries := 1; ; tries++ {
		response, err := e.once(ctx, a, kind, id, c, try)
		if directory.KindOf(err) != directory.KindStale {
			return response, goneAs(err, kind, id)
		}
		e.Metrics.conflict()
		if tries == 1 {
			lock := e.writers.of(id)
			lock.Lock()
			defer lock.Unlock()
		}
		if tries == maxTries {
			return Response{}, directory.Unavailable(0, err, "other writes came first %d times", tries)
		}
	}
}

func (e *Engine) once(ctx context.Context, a Actor, kind Kind, id string, c Conditions, try attempt) (Response, error) {
	d, err := e.directory(ctx, a, state.Confirmed())
	if err != nil {
		return Response{}, err
	}
	current, ok := find(d, kind, id)
	if !ok {
		return Response{}, notFound(kind, id)
	}
	if err := c.met(current.version); err != nil {
		return Response{}, err
	}
	return try(&view{e.Base(a.Organization), d}, current)
}

// goneAs words the ledger's "not found" as this door does.
func goneAs(err error, kind Kind, id string) error {
	if directory.KindOf(err) == directory.KindNotFound {
		return notFound(kind, id)
	}
	return err
}

// Delete answers DELETE on one resource (RFC 7644 §3.6).
func (e *Engine) Delete(ctx context.Context, a Actor, kind Kind, id string, c Conditions) (r Response, err error) {
	defer e.Metrics.done(kind.String(), opDelete, &r, &err)
	return e.rewrite(ctx, a, kind, id, c, func(_ *view, current record) (Response, error) {
		var expect uint64
		if c.IfMatch != "" {
			expect = current.version
		}
		var payload command.Payload = &command.DeleteUser{ID: current.id, ExpectVersion: expect}
		if kind == Groups {
			payload = &command.DeleteGroup{ID: current.id, ExpectVersion: expect}
		}
		_, err := e.propose(ctx, a, payload)
		return Response{Status: statusNoContent}, err
	})
}

// Create answers POST on a resource endpoint (RFC 7644 §3.3).
func (e *Engine) Create(ctx context.Context, a Actor, kind Kind, body []byte, q Query) (r Response, err error) {
	defer e.Metrics.done(kind.String(), opCreate, &r, &err)
	o, courtesies, err := schema.Parse(e.types[kind], body, e.dialect(a))
	if err != nil {
		return Response{}, err
	}
	return e.create(ctx, a, kind, directory.ResourceID(e.NewID()), o, courtesies, e.shows(&q))
}

func (e *Engine) create(ctx context.Context, a Actor, kind Kind, id directory.ResourceID, o schema.Object,
	courtesies []schema.Courtesy, s shown) (Response, error) {
	create := e.createUser
	if kind == Groups {
		create = e.createGroup
	}
	response, err := create(ctx, a, id, o, s)
	response.Courtesies = courtesies
	return response, err
}

// Replace answers PUT on one resource (RFC 7644 §3.5.1). It never creates.
func (e *Engine) Replace(ctx context.Context, a Actor, kind Kind, id string, body []byte, q Query, c Conditions) (r Response, err error) {
	defer e.Metrics.done(kind.String(), opReplace, &r, &err)
	o, courtesies, err := schema.Parse(e.types[kind], body, e.dialect(a))
	if err != nil {
		return Response{}, err
	}
	return e.replace(ctx, a, kind, id, o, courtesies, e.shows(&q), c)
}

func (e *Engine) replace(ctx context.Context, a Actor, kind Kind, id string, o schema.Object,
	courtesies []schema.Courtesy, s shown, c Conditions) (Response, error) {
	replace := e.replaceUser
	if kind == Groups {
		replace = e.replaceGroup
	}
	response, err := e.rewrite(ctx, a, kind, id, c, func(v *view, current record) (Response, error) {
		return replace(ctx, a, v, current, schema.Clone(o), s)
	})
	response.Courtesies = courtesies
	return response, err
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

// maxDocument bounds a stored document: a resource is not a file store.
const maxDocument = 256 << 10

// encode gives the stored form of a resource.
func (e *Engine) encode(kind Kind, o schema.Object) (string, error) {
	document := schema.Encode(e.types[kind], o)
	if len(document) > maxDocument {
		return "", directory.Errorf(directory.KindTooLarge, "", "the %s would have %d bytes; at most %d are kept", kind, len(document), maxDocument)
	}
	return string(document), nil
}
