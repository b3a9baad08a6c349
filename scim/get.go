package scim

import (
	"context"

	"domicile/fsm/state"
)

// Get answers GET on one resource (RFC 7644 §3.4.1), with 304 where If-None-Match names its version.
func (e *Engine) Get(ctx context.Context, a Actor, kind Kind, id string, q Query, c Conditions) (r Response, err error) {
	defer e.Metrics.done(kind.String(), opGet, &r, &err)
	d, err := e.directory(ctx, a, state.Confirmed())
	if err != nil {
		return Response{}, err
	}
	found, ok := find(d, kind, id)
	if !ok {
		return Response{}, notFound(kind, id)
	}
	v := view{e.Base(a.Organization), d}
	if c.IfNoneMatch != "" && matches(c.IfNoneMatch, found.version) {
		return Response{Status: statusNotModified, ETag: etag(found.version), Location: v.location(&found)}, nil
	}
	return e.show(&v, &found, e.shows(&q), statusOK)
}

// show answers with one resource.
func (e *Engine) show(v *view, r *record, s shown, status int) (Response, error) {
	b := e.newBuffer()
	out, err := s.append(b.bytes, e, v, r)
	if err != nil {
		return Response{}, err
	}
	b.bytes = out
	response := Response{Status: status, ETag: etag(r.version), Location: v.location(r)}
	response.respond(b)
	return response, nil
}

// acknowledge answers a write without the resource.
func (e *Engine) acknowledge(v *view, r *record) Response {
	return Response{Status: statusNoContent, ETag: etag(r.version), Location: v.location(r)}
}
