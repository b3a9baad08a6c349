package simulate

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"domicile/seal"
)

// wireTo speaks to a handler in a dialect's manner, with short waits.
func wireTo(t *testing.T, dialect string, h http.HandlerFunc) *wire {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	d, ok := Find(dialect)
	if !ok {
		t.Fatal("no dialect", dialect)
	}
	d.manner.wait = time.Millisecond
	return &wire{
		manner: d.manner, base: server.URL, token: seal.NewSecret("secret"), client: newClient(4), slots: make(chan struct{}, 4),
		maxWait: 20 * time.Millisecond, tally: &tally{counts: make(map[counter]int)},
	}
}

// flaky answers each request with the next of the given ways, and with the last one for ever.
func flaky(asked *atomic.Int64, ways ...http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		ways[min(int(asked.Add(1)), len(ways))-1](w, r)
	}
}

func status(code int, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
	}
}

func cut(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func TestWire_triesAgain(t *testing.T) {
	busy, down := status(429, "Retry-After", "1"), status(503, "Retry-After", "1")
	for _, c := range []struct {
		name   string
		method string
		ways   []http.HandlerFunc
		asked  int64
		status int  // 0: unavailable
		unsure bool // of the answer
	}{
		{"at once", "GET", []http.HandlerFunc{status(200)}, 1, 200, false},
		{"after 429 and 503", "PATCH", []http.HandlerFunc{busy, down, status(204)}, 3, 204, true},
		{"after a cut connection", "DELETE", []http.HandlerFunc{cut, status(404)}, 2, 404, true},
		{"a refusal is a refusal", "PUT", []http.HandlerFunc{status(400)}, 1, 400, false},
		{"what is not there stays away", "PATCH", []http.HandlerFunc{status(501)}, 1, 501, false},
		{"until patience ends", "PUT", []http.HandlerFunc{status(500)}, 4, 0, false},
		{"a POST only once", "POST", []http.HandlerFunc{cut, status(201)}, 1, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var asked atomic.Int64
			w := wireTo(t, "entra", flaky(&asked, c.ways...))
			a, err := w.send(t.Context(), request{method: c.method, path: "/Users/1", body: resource{}})
			if asked.Load() != c.asked || a.status != c.status || a.unsure != c.unsure || errors.Is(err, errUnavailable) != (c.status == 0) {
				t.Errorf("asked %d times, %d (unsure %t), %v", asked.Load(), a.status, a.unsure, err)
			}
			if got := int64(w.tally.requests()); got != c.asked {
				t.Errorf("counted %d requests", got)
			}
		})
	}
}

func TestWire_waits(t *testing.T) {
	for _, c := range []struct {
		dialect string
		try     int
		hint    time.Duration
		want    time.Duration
	}{
		{"entra", 1, 0, 500 * time.Millisecond},
		{"entra", 3, 0, 2 * time.Second},
		{"entra", 3, 7 * time.Second, 7 * time.Second},
		{"auth0", 1, 7 * time.Second, 250 * time.Millisecond}, // deaf to Retry-After
	} {
		d, _ := Find(c.dialect)
		began := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		w := &wire{manner: d.manner, maxWait: time.Hour}
		if err := w.rest(ctx, c.try, c.hint); !errors.Is(err, context.Canceled) || time.Since(began) > time.Second {
			t.Errorf("%s does not stop when the run does: %v", c.dialect, err)
		}
		if got := w.before(c.try, c.hint); got != c.want {
			t.Errorf("%s waits %s before try %d with hint %s, not %s", c.dialect, got, c.try+1, c.hint, c.want)
		}
	}
	w := &wire{manner: manner{stall: 5 * time.Minute}}
	for header, want := range map[string]time.Duration{"3": 3 * time.Second, "": 5 * time.Minute, "Wed, 21 Oct 2026 07:28:00 GMT": 5 * time.Minute} {
		if got := w.hint(429, http.Header{"Retry-After": {header}}); got != want {
			t.Errorf("Retry-After %q is %s, not %s", header, got, want)
		}
	}
}

func TestWire_timesOut(t *testing.T) {
	var asked atomic.Int64
	release := make(chan struct{})
	w := wireTo(t, "auth0", flaky(&asked, func(w http.ResponseWriter, r *http.Request) { <-release }, status(200)))
	t.Cleanup(func() { close(release) }) // before the server closes
	w.timeout = 30 * time.Millisecond
	if a, err := w.send(t.Context(), get("/Users/1")); err != nil || a.status != 200 || !a.unsure || asked.Load() != 2 {
		t.Errorf("%d after %d requests, %v", a.status, asked.Load(), err)
	}
}

// What goes over the wire besides the request itself, as each provider is known to send it.
func TestWire_headers(t *testing.T) {
	for _, c := range []struct {
		dialect string
		request request
		want    map[string]string
		lacks   []string
	}{
		{"entra", post(users, resource{}), map[string]string{"Content-Type": "application/scim+json; charset=utf-8"}, []string{"User-Agent"}},
		{"entra", get(users), map[string]string{"Accept": "application/scim+json"}, []string{"User-Agent", "Content-Type"}},
		{"okta", get(users), map[string]string{
			"User-Agent": "Okta SCIM Client 1.0.0", "Content-Type": "application/scim+json; charset=utf-8", "Accept-Charset": "utf-8",
		}, nil},
		{"onelogin", put("/Users/1", resource{}), map[string]string{"Accept": "application/json", "Content-Type": "application/json"}, nil},
		{"auth0", remove("/Users/1"), map[string]string{"Content-Type": "application/scim+json"}, nil},
	} {
		var got http.Header
		w := wireTo(t, c.dialect, func(w http.ResponseWriter, r *http.Request) { got = r.Header.Clone() })
		if _, err := w.send(t.Context(), c.request); err != nil {
			t.Fatal(err)
		}
		c.want["Authorization"] = "Bearer secret"
		for name, value := range c.want {
			if got.Get(name) != value {
				t.Errorf("%s %s: %s is %q, not %q", c.dialect, c.request.method, name, got.Get(name), value)
			}
		}
		for _, name := range c.lacks {
			if _, there := got[name]; there {
				t.Errorf("%s %s sends %s", c.dialect, c.request.method, name)
			}
		}
	}
}

func TestWire_unpacksWhatOktaAsksFor(t *testing.T) {
	w := wireTo(t, "okta", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		fmt.Fprint(z, `{"id":"1"}`)
		_ = z.Close()
	})
	a, err := w.send(t.Context(), get("/Users/1"))
	if err != nil {
		t.Fatal(err)
	}
	if r, err := a.resource(); err != nil || text(r, "id") != "1" {
		t.Errorf("%v, %v", r, err)
	}
}

func TestPace(t *testing.T) {
	p := newPace(200)
	began := time.Now()
	for range 11 {
		if err := p.await(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took < 45*time.Millisecond {
		t.Errorf("11 requests at 200 a second took only %s", took)
	}
}

// A run that cannot begin says why at once, and sends nothing more.
func TestRun_failsEarly(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	var asked atomic.Int64
	refusing := httptest.NewServer(flaky(&asked, status(401)))
	t.Cleanup(refusing.Close)
	d, _ := Find("auth0")
	for name, base := range map[string]string{
		"nobody listens": "http://" + closed.Addr().String(), "wrong token": refusing.URL, "no address": "us.example.com", "nothing": "",
	} {
		report, err := Run(t.Context(), Config{Dialect: d, Base: base, Users: 3, Token: seal.NewSecret("x")})
		if err == nil || report == nil || report.Equal {
			t.Errorf("%s: %+v, %v", name, report, err)
		}
	}
	if asked.Load() != 1 {
		t.Errorf("%d requests with a refused token", asked.Load())
	}
	if _, err := Run(t.Context(), Config{Dialect: d, Base: refusing.URL}); err == nil {
		t.Error("a run without users is no run")
	}
	if _, err := Run(t.Context(), Config{Base: refusing.URL, Users: 1}); err == nil {
		t.Error("a run without a dialect is no run")
	}
}
