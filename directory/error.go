package directory

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what went wrong in terms that every door can translate into its own protocol. Kinds cross the peer link and
// live in remembered results, so their numbers are append-only.
type Kind uint8

const (
	// KindInternal is a fault of ours; its text is never shown.
	KindInternal Kind = 1 + iota
	// KindInvalid is a request that can never succeed as it is; Field says where.
	KindInvalid
	// KindNotFound is a noun that is not there, or not there for this actor.
	KindNotFound
	// KindConflict is a value that somebody else holds (userName, slug, domain, …).
	KindConflict
	// KindStale is an expected version that is not the present one.
	KindStale
	// KindUnauthenticated is a missing, unknown, expired or revoked credential.
	KindUnauthenticated
	// KindForbidden is a known actor who may not do this.
	KindForbidden
	// KindTooLarge is a request, or a result, over a stated bound.
	KindTooLarge
	// KindUnavailable is a passing state: no leader, node behind, queue full. RetryAfter says when to come back.
	KindUnavailable
	// KindExpired is a command whose deadline had passed when it reached the ledger; it was not applied.
	KindExpired
	// KindReplayed is a single-use thing (a login transaction) used before.
	KindReplayed
)

var kindNames = [...]string{
	KindInternal: "internal", KindInvalid: "invalid", KindNotFound: "not found", KindConflict: "conflict",
	KindStale: "stale", KindUnauthenticated: "unauthenticated", KindForbidden: "forbidden", KindTooLarge: "too large",
	KindUnavailable: "unavailable", KindExpired: "expired", KindReplayed: "replayed",
}

// String names the kind for logs and metric labels.
func (k Kind) String() string {
	if int(k) < len(kindNames) && kindNames[k] != "" {
		return kindNames[k]
	}
	return "unknown"
}

// Error is the one error that crosses rooms. Detail is written for the person who can mend the request and holds no
// secret; Err is the cause, for logs only.
type Error struct {
	Kind       Kind
	Field      string        // the attribute or parameter at fault, empty when none
	Detail     string        // a sentence for the caller
	RetryAfter time.Duration // with KindUnavailable: when to try again
	Err        error         // the cause; never shown, never replicated
}

// Errorf returns an *Error of a kind about a field.
func Errorf(kind Kind, field, format string, args ...any) *Error {
	return &Error{Kind: kind, Field: field, Detail: fmt.Sprintf(format, args...)}
}

// Unavailable returns a KindUnavailable error that asks the caller to come back after a while.
func Unavailable(retry time.Duration, cause error, format string, args ...any) *Error {
	return &Error{Kind: KindUnavailable, Detail: fmt.Sprintf(format, args...), RetryAfter: retry, Err: cause}
}

// Error gives kind, field and detail, and the cause where there is one.
func (e *Error) Error() string {
	text := e.Kind.String()
	if e.Field != "" {
		text += " " + e.Field
	}
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf gives the kind of err, KindInternal when err is none of ours, and 0 when it is nil.
func KindOf(err error) Kind {
	if err == nil {
		return 0
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return KindInternal
}
