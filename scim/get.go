package scim

import (
	"context"

	"domicile/directory"
	"domicile/fsm/state"
)

// Get answers GET on one resource (RFC 7644 §3.4.1), with 304 where If-None-Match names its version.
func (e *Engine) Get(ctx context.Context, a Actor, kind Kind, id string, q Query, c Conditions) (answer Response, err error) {
	r := e.begin(a, directory.SyncGet, opGet, kind)
	defer r.end(&answer, &err)
	r.id = id
	v, err := r.look(ctx, state.Confirmed())
	if err != nil {
		return Response{}, err
	}
	found, ok := find(v.Directory, kind, id)
	if !ok {
		return Response{}, notFound(kind, id)
	}
	if c.IfNoneMatch != "" && matches(c.IfNoneMatch, found.version) {
		return Response{Status: statusNotModified, ETag: etag(found.version), Location: v.location(&found)}, nil
	}
	return e.show(&v, &found, v.types.shows(&q), statusOK)
}

// show answers with one resource.
func (e *Engine) show(v *view, r *record, s shown, status int) (Response, error) {
	b := e.newBuffer()
	out, err := s.append(b.bytes, v, r)
	if err != nil {
		return Response{}, err
	}
	b.bytes = out
	response := Response{Status: status, ETag: etag(r.version), Location: v.location(r)}
	response.respond(b)
	return response, nil
}

// acknowledge answers a write without the resource.
func acknowledge(v *view, r *record) Response {
	return Response{Status: statusNoContent, ETag: etag(r.version), Location: v.location(r)}
}
