package scim

import (
	"context"
	"errors"
	"math"
	"strconv"
	"time"

	"domicile/directory"
	"domicile/scim/patch"
	"domicile/scim/schema"
)

// ErrorURN is the schema of an error body (RFC 7644 §3.12).
const ErrorURN = "urn:ietf:params:scim:api:messages:2.0:Error"

// The status codes that the door decides on.
const (
	statusOK                 = 200
	statusCreated            = 201
	statusNoContent          = 204
	statusNotModified        = 304
	statusBadRequest         = 400
	statusUnauthorized       = 401
	statusForbidden          = 403
	statusNotFound           = 404
	statusMethodNotAllowed   = 405
	statusConflict           = 409
	statusPreconditionFailed = 412
	statusTooLarge           = 413
	statusTooMany            = 429
	statusInternal           = 500
	statusNotImplemented     = 501
	statusUnavailable        = 503
)

// Fault is an error as a SCIM client sees it (RFC 7644 §3.12). It is an error itself, for what only this door refuses.
type Fault struct {
	Status     int
	ScimType   string // a word of RFC 7644 Table 9, empty for none
	Detail     string // written for an administrator of the identity provider who sees nothing else
	RetryAfter int    // whole seconds, 0 for none
	Challenge  string // of WWW-Authenticate, empty for none
}

// Error gives status and detail.
func (f *Fault) Error() string { return strconv.Itoa(f.Status) + ": " + f.Detail }

// Body gives the JSON of the fault.
func (f *Fault) Body() []byte { return f.append(make([]byte, 0, 160+len(f.Detail))) }

func (f *Fault) append(out []byte) []byte {
	out = append(out, `{"schemas":["`+ErrorURN+`"],"status":"`...)
	out = strconv.AppendInt(out, int64(f.Status), 10)
	out = append(out, '"')
	if f.ScimType != "" {
		out = append(out, `,"scimType":`...)
		out = schema.AppendString(out, f.ScimType)
	}
	out = append(out, `,"detail":`...)
	out = schema.AppendString(out, f.Detail)
	return append(out, '}')
}

// shape is how one kind of ledger error looks in SCIM.
type shape struct {
	status   int
	scimType string
}

// A stale version that reaches this table lost to other writers again and again: it is passing, not the client's fault.
var shapes = map[directory.Kind]shape{
	directory.KindInvalid:         {statusBadRequest, schema.InvalidValue},
	directory.KindNotFound:        {statusNotFound, ""},
	directory.KindConflict:        {statusConflict, schema.Uniqueness},
	directory.KindStale:           {statusUnavailable, ""},
	directory.KindUnauthenticated: {statusUnauthorized, ""},
	directory.KindForbidden:       {statusForbidden, ""},
	directory.KindTooLarge:        {statusTooLarge, ""},
	directory.KindUnavailable:     {statusUnavailable, ""},
	directory.KindExpired:         {statusUnavailable, ""},
}

const (
	busyDetail     = "the service is busy or changing its leader; nothing is lost, try again"
	internalDetail = "the request failed because of a fault in the service; try again, and if it stays, tell the service's operator the time"
	challenge      = `Bearer realm="SCIM"`
)

// FaultOf turns any error of the engine into the answer. What it does not know becomes a 500 that says nothing; the
// caller logs err.
func FaultOf(err error) *Fault {
	if fault, ok := errors.AsType[*Fault](err); ok {
		return fault
	}
	if bad, ok := errors.AsType[*schema.Error](err); ok {
		return &Fault{Status: statusBadRequest, ScimType: bad.ScimType, Detail: bad.Detail}
	}
	if over, ok := errors.AsType[*patch.LimitError](err); ok {
		return &Fault{Status: statusTooLarge, Detail: over.Error()}
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return &Fault{Status: statusUnavailable, Detail: busyDetail, RetryAfter: 1}
	}
	refusal, ok := errors.AsType[*directory.Error](err)
	if !ok {
		return &Fault{Status: statusInternal, Detail: internalDetail}
	}
	return faultOfLedger(refusal)
}

func faultOfLedger(refusal *directory.Error) *Fault {
	as, known := shapes[refusal.Kind]
	if !known {
		return &Fault{Status: statusInternal, Detail: internalDetail}
	}
	fault := &Fault{Status: as.status, ScimType: as.scimType, Detail: refusal.Detail}
	switch as.status {
	case statusUnavailable:
		fault.Detail, fault.RetryAfter = busyDetail, wholeSeconds(refusal.RetryAfter)
	case statusUnauthorized:
		fault.Challenge = challenge
	}
	return fault
}

// wholeSeconds rounds up, and is never 0: clients read only positive integers.
func wholeSeconds(d time.Duration) int { return max(1, int(math.Ceil(d.Seconds()))) }

// notFound is the 404 of a resource that is not there, or not for this actor to see.
func notFound(kind Kind, id string) error {
	return &Fault{Status: statusNotFound, Detail: kind.String() + " " + schema.Quote(id) + " does not exist"}
}

func badRequest(scimType, format string, args ...any) error {
	return schema.Fail(scimType, "", format, args...)
}
