package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
)

// The reasons a request fails. Their texts may be shown to tenants: they say
// nothing about networks, addresses or other hosts.
var (
	ErrRefusedAddress = errors.New("address is not allowed")
	ErrRefusedURL     = errors.New("URL is not allowed")
	ErrUnresolved     = errors.New("host name cannot be resolved")
	ErrUnreachable    = errors.New("host cannot be reached")
	ErrCertificate    = errors.New("certificate is not trusted")
	ErrTimeout        = errors.New("no answer in time")
	ErrTooLarge       = errors.New("answer is too large")
	ErrNotJSON        = errors.New("answer is not JSON")
)

// StatusError is an answer that was not 200; redirects are not followed and
// end here.
type StatusError struct{ Code int }

// Error gives the status code only.
func (e *StatusError) Error() string { return fmt.Sprintf("unexpected status %d", e.Code) }

// Error joins a reason that anyone may read with a cause for operators.
type Error struct {
	Reason error // one of the sentinels of this package
	Cause  error // may name addresses; for logs only
}

// Error is the text of the reason alone.
func (e *Error) Error() string { return e.Reason.Error() }

// Unwrap gives both, so errors.Is finds the reason.
func (e *Error) Unwrap() []error { return []error{e.Reason, e.Cause} }

// explain turns what the HTTP stack says into an *Error. A caller's own
// cancellation stays recognizable as such.
func explain(err error) error {
	var known *Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	return &Error{Reason: reasonOf(err), Cause: err}
}

func reasonOf(err error) error {
	var (
		dns       *net.DNSError
		timeout   net.Error
		record    tls.RecordHeaderError
		alert     tls.AlertError
		untrusted *tls.CertificateVerificationError
		unknown   x509.UnknownAuthorityError
		hostname  x509.HostnameError
	)
	for _, sentinel := range []error{ErrRefusedAddress, ErrRefusedURL, ErrTooLarge} {
		if errors.Is(err, sentinel) {
			return sentinel
		}
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return ErrTimeout
	case errors.As(err, &dns):
		return ErrUnresolved
	case errors.As(err, &untrusted), errors.As(err, &unknown), errors.As(err, &hostname),
		errors.As(err, &record), errors.As(err, &alert):
		return ErrCertificate
	default:
		return ErrUnreachable
	}
}
