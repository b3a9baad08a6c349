package httpapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"domicile/directory"
	"domicile/httpapi/openapi"
	"domicile/scim"
)

// refusal is an error on its way out: what the caller may know of it.
type refusal struct {
	status     int
	kind       directory.Kind // 0 where HTTP itself refuses (405, 415)
	title      string
	field      string
	detail     string
	retryAfter time.Duration
	scimType   string // of a SCIM error
	challenge  string // of WWW-Authenticate, where the door has its own
	cause      error  // for the log, when it is our fault
}

// Error implements error.
func (r *refusal) Error() string { return r.title + ": " + r.detail }

// Unwrap gives the cause.
func (r *refusal) Unwrap() error { return r.cause }

// verdict is what a kind of error is in HTTP.
type verdict struct {
	status int
	title  string
}

// verdicts has a row per kind.
var verdicts = map[directory.Kind]verdict{
	directory.KindInternal:        {http.StatusInternalServerError, "Fault on our side"},
	directory.KindInvalid:         {http.StatusBadRequest, "Invalid request"},
	directory.KindNotFound:        {http.StatusNotFound, "Not found"},
	directory.KindConflict:        {http.StatusConflict, "Conflict"},
	directory.KindStale:           {http.StatusPreconditionFailed, "Changed meanwhile"},
	directory.KindUnauthenticated: {http.StatusUnauthorized, "Not authenticated"},
	directory.KindForbidden:       {http.StatusForbidden, "Not allowed"},
	directory.KindTooLarge:        {http.StatusRequestEntityTooLarge, "Too large"},
	directory.KindUnavailable:     {http.StatusServiceUnavailable, "Briefly unavailable"},
	directory.KindExpired:         {http.StatusServiceUnavailable, "Briefly unavailable"},
	directory.KindReplayed:        {http.StatusConflict, "Used before"},
}

// refusalOf translates any error once, for all protocols. What is not ours is a fault, whose text is never shown.
func refusalOf(err error) *refusal {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r
	}
	if e, ok := errors.AsType[*openapi.StatusError](err); ok {
		return &refusal{status: e.Status, title: http.StatusText(e.Status), detail: e.Detail}
	}
	if e, ok := errors.AsType[*directory.Error](err); ok {
		return refusalOfKind(e)
	}
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return refusalOfKind(directory.Errorf(directory.KindTooLarge, "", "the body must have at most %d bytes", tooLarge.Limit))
	}
	switch {
	case errors.Is(err, context.Canceled): // the client has gone; nobody reads this
		return &refusal{status: http.StatusRequestTimeout, title: http.StatusText(http.StatusRequestTimeout)}
	case errors.Is(err, context.DeadlineExceeded):
		return refusalOfKind(directory.Unavailable(time.Second, err, "the answer took too long"))
	}
	return refusalOfKind(&directory.Error{Kind: directory.KindInternal, Err: err})
}

func refusalOfKind(e *directory.Error) *refusal {
	v, known := verdicts[e.Kind]
	if !known {
		e, v = &directory.Error{Kind: directory.KindInternal, Err: e}, verdicts[directory.KindInternal]
	}
	r := &refusal{
		status: v.status, kind: e.Kind, title: v.title, field: e.Field, detail: e.Detail,
		retryAfter: e.RetryAfter, cause: e.Err,
	}
	if e.Kind == directory.KindInternal {
		r.field, r.detail, r.cause = "", "something failed on our side; the request id finds it in our logs", e
	}
	if r.status == http.StatusServiceUnavailable && r.detail == "" {
		r.detail = "try again in a moment"
	}
	return r
}

// scimRefusalOf is refusalOf in the words of the SCIM door, which knows scimTypes and its clients' habits.
func scimRefusalOf(err error) *refusal {
	r := refusalOf(err)
	if r.kind == 0 || r.status == http.StatusRequestEntityTooLarge {
		return r // what HTTP itself refuses
	}
	fault := scim.FaultOf(err)
	r.status, r.scimType, r.detail, r.challenge = fault.Status, fault.ScimType, fault.Detail, fault.Challenge
	r.retryAfter = time.Duration(fault.RetryAfter) * time.Second
	if r.kind == directory.KindInternal && fault.Status != http.StatusInternalServerError {
		r.kind, r.cause = kindOfStatus(fault.Status), nil // the engine's own refusal, not a fault of ours
	}
	return r
}

// kindOfStatus names a refusal that came without a kind, for the request event.
func kindOfStatus(status int) directory.Kind {
	for kind, v := range verdicts {
		if v.status == status && kind != directory.KindExpired && kind != directory.KindReplayed {
			return kind
		}
	}
	if status < http.StatusInternalServerError {
		return directory.KindInvalid
	}
	return directory.KindInternal
}
