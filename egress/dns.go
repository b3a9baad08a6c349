package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	defaultDNSTimeout = 5 * time.Second
	maxRecords        = 20  // of one answer; more are not looked at
	maxRecord         = 512 // bytes of one
)

// DNSConfig says who is asked about names.
type DNSConfig struct {
	Servers []string      // host:port of recursive resolvers, each of which is asked; none = the system's, as one
	Timeout time.Duration // of a question to all of them; 0 = 5 s
}

// Resolver reads TXT records. Safe for concurrent use. The servers are the operator's choice, not a tenant's: they may be at
// any address.
type Resolver struct {
	timeout time.Duration
	servers []*net.Resolver
}

// NewResolver returns a resolver. Servers that are no host:port are an error.
func NewResolver(cfg DNSConfig) (*Resolver, error) {
	r := &Resolver{timeout: positive(cfg.Timeout, defaultDNSTimeout)}
	for _, server := range cfg.Servers {
		if host, port, err := net.SplitHostPort(server); err != nil || host == "" || port == "" {
			return nil, fmt.Errorf("DNS server %q must be host:port", server)
		}
		r.servers = append(r.servers, &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, server)
		}})
	}
	if len(r.servers) == 0 {
		r.servers = []*net.Resolver{{PreferGo: true}}
	}
	return r, nil
}

// Answer is what one server said about a name.
type Answer struct {
	Records []string // each one's strings joined (RFC 7208 §3.3), bounded in number and length; none: the server knows of none
	Err     error    // the server did not answer, or not so that one could tell; its text is fit for tenants
}

// TXT asks every server for the TXT records of an absolute name, all at once. The answers are in the order of the servers.
func (r *Resolver) TXT(ctx context.Context, name string) []Answer {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	answers := make([]Answer, len(r.servers))
	var work sync.WaitGroup
	for i, server := range r.servers {
		work.Go(func() { answers[i] = ask(ctx, server, name) })
	}
	work.Wait()
	return answers
}

func ask(ctx context.Context, server *net.Resolver, name string) Answer {
	records, err := server.LookupTXT(ctx, strings.TrimSuffix(name, ".")+".") // absolute: no search list
	if err != nil {
		var failure *net.DNSError
		switch {
		case errors.As(err, &failure) && failure.IsNotFound:
			return Answer{}
		case errors.As(err, &failure) && failure.IsTimeout, errors.Is(err, context.DeadlineExceeded):
			return Answer{Err: &Error{Reason: ErrTimeout, Cause: err}}
		default:
			return Answer{Err: &Error{Reason: ErrUnresolved, Cause: err}}
		}
	}
	records = slices.Clone(records[:min(len(records), maxRecords)])
	for i, record := range records {
		records[i] = record[:min(len(record), maxRecord)]
	}
	return Answer{Records: records}
}
