package oidc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"domicile/directory"
)

// Bounds of what a provider may answer.
const (
	maxDocument = 256 << 10 // discovery document, key set
	maxAnswer   = 64 << 10  // token endpoint, userinfo
)

// Bounds of how long a provider's document is used without asking again, where the provider says so.
const (
	minLife = 5 * time.Minute
	maxLife = time.Duration(directory.MaxProviderLife) * time.Microsecond
)

// endpoint names what is asked of a provider, in metrics.
type endpoint string

const (
	endpointDiscovery endpoint = "discovery"
	endpointKeys      endpoint = "keys"
	endpointToken     endpoint = "token"
	endpointUserinfo  endpoint = "userinfo"
)

var errTooLarge = errors.New("the provider's answer is too large")

// fetcher asks providers: bounded, measured, with absolute https addresses only.
type fetcher struct {
	http    *http.Client
	metrics *Metrics
	plain   bool // development: http is good enough
}

// endpointURL refuses what a provider must not name as an endpoint.
func (f *fetcher) endpointURL(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.Opaque != "" {
		return errors.New("endpoint is not an absolute URL")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !f.plain) {
		return errors.New("endpoint is not https")
	}
	return nil
}

// document reads a discovery document or key set, and how long its provider says that it lives.
func (f *fetcher) document(ctx context.Context, e endpoint, address string) ([]byte, time.Duration, error) {
	text, header, err := f.get(ctx, e, address, "", maxDocument)
	return text, lifeOf(header), err
}

// lifeOf reads for how long a document may be used without asking again (RFC 9111 §4.2), within bounds: a provider cannot have
// itself asked with every sign-in, and a key that it withdraws goes within a day. 0: it does not say.
func lifeOf(header http.Header) time.Duration {
	for directive := range strings.SplitSeq(strings.Join(header.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		if !strings.EqualFold(name, "max-age") {
			continue
		}
		seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
		if errors.Is(err, strconv.ErrRange) {
			return maxLife
		}
		if err != nil {
			return 0
		}
		age, _ := strconv.ParseUint(header.Get("Age"), 10, 31) // spent in caches on the way; none where it cannot be read
		return min(max(time.Duration(seconds)*time.Second-time.Duration(age)*time.Second, minLife), maxLife)
	}
	return 0
}

// get reads one answer. Anything but 200 is an error, redirects included.
func (f *fetcher) get(ctx context.Context, e endpoint, address, bearer string, limit int64) ([]byte, http.Header, error) {
	if err := f.endpointURL(address); err != nil {
		return nil, nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Accept", "application/json")
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := f.client(e, limit).Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, nil, fmt.Errorf("status %d", resp.StatusCode)
	}
	body, err := io.ReadAll(resp.Body)
	return body, resp.Header, err
}

// client is an HTTP client that measures one endpoint and reads at most limit bytes of an answer.
func (f *fetcher) client(e endpoint, limit int64) *http.Client {
	c := *f.http
	c.Transport = boundedTransport{f, e, limit}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}

type boundedTransport struct {
	*fetcher
	endpoint endpoint
	limit    int64
}

// RoundTrip implements http.RoundTripper.
func (t boundedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	next := t.http.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	start := time.Now()
	resp, err := next.RoundTrip(req)
	t.metrics.observe(t.endpoint, time.Since(start))
	if err != nil {
		return nil, err
	}
	resp.Body = &boundedBody{resp.Body, t.limit}
	return resp, nil
}

// boundedBody fails where a body goes on past its limit, instead of looking like one that ended there.
type boundedBody struct {
	io.ReadCloser
	left int64
}

// Read implements io.Reader.
func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}
