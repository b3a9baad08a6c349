package simulate

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"domicile/seal"
)

// manner is how a provider's requests look and how patient it is.
type manner struct {
	agent       string // User-Agent; empty: none at all
	accept      string
	contentType string        // of bodies
	always      bool          // the Content-Type goes with requests without a body, too
	headers     []parameter   // further headers
	plus        bool          // blanks in queries are "+"
	timeout     time.Duration // of one request
	tries       int           // of one request, before the object has to wait for its next turn
	wait        time.Duration // before the second try; doubles
	stall       time.Duration // after a 429 without Retry-After; 0: as after any other failure
	deaf        bool          // to Retry-After
}

// wire sends requests in one provider's manner: at most so many at once, at most so many a second.
type wire struct {
	manner
	base    string
	token   seal.Secret
	client  *http.Client
	slots   chan struct{} // one is taken by each request under way
	pace    *pace
	maxWait time.Duration
	tally   *tally
}

// answer is what a server said at last.
type answer struct {
	status int
	body   []byte
	// unsure: an earlier try ended without a clear answer, so that this one may be told about its own doing.
	unsure bool
}

const maxAnswer = 128 << 20 // bytes

// ok tells whether the server did what it was asked.
func (a *answer) ok() bool { return a.status >= 200 && a.status < 300 }

// resource reads the body, which may be empty.
func (a *answer) resource() (resource, error) {
	if len(a.body) == 0 {
		return resource{}, nil
	}
	var r resource
	if err := json.Unmarshal(a.body, &r); err != nil {
		return nil, fmt.Errorf("status %d with a body that is no JSON object: %w", a.status, err)
	}
	return r, nil
}

// detail is the explanation of a SCIM error (RFC 7644 §3.12), or the start of what came in its place.
func (a *answer) detail() string {
	var e struct{ Detail, ScimType string }
	if json.Unmarshal(a.body, &e) == nil && e.Detail != "" {
		return strings.TrimSpace(e.ScimType + " " + e.Detail)
	}
	return string(a.body[:min(len(a.body), 120)])
}

// errUnavailable wraps what a later try may find better: no connection, no answer in time, 429 and 5xx.
var errUnavailable = errors.New("the server did not do it")

// send sends a request until there is a clear answer or the provider's patience ends (errUnavailable). A POST is sent once:
// whether it may be sent again is for those to say who can look whether it was done.
func (w *wire) send(ctx context.Context, r request) (answer, error) {
	unsure := false
	for try := 1; ; try++ {
		a, hint, err := w.once(ctx, r)
		if err == nil {
			a.unsure = unsure
			return a, nil
		}
		if ctx.Err() != nil {
			return answer{}, ctx.Err()
		}
		unsure = true
		if r.method == http.MethodPost || try >= w.tries {
			if r.method == http.MethodPost {
				err = errors.Join(err, w.rest(ctx, 1, hint))
			}
			return answer{}, err
		}
		if err := w.rest(ctx, try, hint); err != nil {
			return answer{}, err
		}
		w.tally.retry()
	}
}

// rest waits before the next try: what the server asked for, or what the provider does by itself.
func (w *wire) rest(ctx context.Context, try int, hint time.Duration) error {
	return sleep(ctx, w.before(try, hint))
}

func (w *wire) before(try int, hint time.Duration) time.Duration {
	wait := w.wait << min(try-1, 16)
	if hint > 0 && !w.deaf {
		wait = hint
	}
	return min(wait, w.maxWait)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// once sends a request one time. What is worth another try is an error, with the server's Retry-After where it sent one.
func (w *wire) once(ctx context.Context, r request) (answer, time.Duration, error) {
	select {
	case w.slots <- struct{}{}:
		defer func() { <-w.slots }()
	case <-ctx.Done():
		return answer{}, 0, ctx.Err()
	}
	if err := w.pace.await(ctx); err != nil {
		return answer{}, 0, err
	}
	began := time.Now()
	a, header, err := w.exchange(ctx, r)
	if ctx.Err() == nil {
		w.tally.count(r.method, a.status, time.Since(began))
	}
	switch {
	case err != nil:
		return answer{}, 0, fmt.Errorf("%w: %w", errUnavailable, err)
	case a.status == http.StatusTooManyRequests || a.status >= 500 && a.status != http.StatusNotImplemented:
		return answer{}, w.hint(a.status, header), fmt.Errorf("%w: %d %s", errUnavailable, a.status, a.detail())
	}
	return a, 0, nil
}

// hint is how long the server wants to be left alone; only whole seconds are understood (RFC 9110 §10.2.3 has dates, too).
func (w *wire) hint(status int, header http.Header) time.Duration {
	if seconds, err := strconv.Atoi(header.Get("Retry-After")); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	if status == http.StatusTooManyRequests {
		return w.stall
	}
	return 0
}

func (w *wire) exchange(ctx context.Context, r request) (answer, http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	var body io.Reader
	if r.body != nil {
		raw, err := json.Marshal(r.body)
		if err != nil {
			return answer{}, nil, err
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, w.base+r.target(w.plus), body)
	if err != nil {
		return answer{}, nil, err
	}
	w.dress(req)
	resp, err := w.client.Do(req)
	if err != nil {
		return answer{}, nil, err
	}
	defer resp.Body.Close()
	raw, err := readAll(resp)
	if err != nil {
		return answer{}, nil, fmt.Errorf("the answer broke off: %w", err)
	}
	return answer{status: resp.StatusCode, body: raw}, resp.Header, nil
}

// dress gives a request the provider's headers. An empty User-Agent keeps the client from naming itself.
func (w *wire) dress(req *http.Request) {
	req.Header.Set("Authorization", "Bearer "+w.token.Reveal())
	req.Header.Set("User-Agent", w.agent)
	req.Header.Set("Accept", w.accept)
	for _, h := range w.headers {
		req.Header.Set(h.name, h.value)
	}
	if req.Body != nil || w.always {
		req.Header.Set("Content-Type", w.contentType)
	}
}

// readAll reads an answer. Who asks for gzip by name, as some providers do, must unpack it.
func readAll(resp *http.Response) ([]byte, error) {
	var body io.Reader = resp.Body
	if resp.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(resp.Body)
		if err != nil {
			return nil, err
		}
		body = unpacked
	}
	raw, err := io.ReadAll(io.LimitReader(body, maxAnswer+1))
	if err == nil && len(raw) > maxAnswer {
		err = fmt.Errorf("more than %d bytes", maxAnswer)
	}
	return raw, err
}
