package httpapi_test

import (
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"domicile/egress"
	"domicile/oidc"
	"domicile/oidc/oidctest"
)

// oddity is an answer that does not end, or not soon, or that is costly to read.
type oddity struct {
	name   string
	slow   bool
	answer http.HandlerFunc
}

// say writes text again and again, until it was written so often or nobody listens.
func say(w io.Writer, text string, times int) {
	for range times {
		if _, err := io.WriteString(w, text); err != nil {
			return
		}
	}
}

// A chunk of 64 KiB, of which a thousand are more than any document is long.
var chunk = strings.Repeat("x", 64<<10)

func oddities() []oddity {
	return []oddity{
		{"endless", false, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			say(w, `{"keys":[],"pad":"`, 1)
			say(w, chunk, 1000)
		}},
		{"endless, announced", false, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1099511627776")
			say(w, chunk, 1000)
		}},
		{"endless headers", false, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Pad", strings.Repeat(chunk, 16))
			say(w, "{}", 1)
		}},
		{"squeezed", false, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			squeezed := gzip.NewWriter(w)
			say(squeezed, chunk, 500)
			_ = squeezed.Close()
		}},
		{"nested", false, func(w http.ResponseWriter, _ *http.Request) { say(w, `{"keys":[`, 7000) }},
		{"nested and closed", false, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			say(w, `{"keys":`+strings.Repeat("[", 30_000)+strings.Repeat("]", 30_000)+`}`, 1)
		}},
		{"silent", true, func(_ http.ResponseWriter, r *http.Request) { hold(r) }},
		{"silent after its headers", true, func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).Flush()
			hold(r)
		}},
		{"drop by drop", true, func(w http.ResponseWriter, r *http.Request) {
			say(w, `{"pad":"`, 1)
			for r.Context().Err() == nil {
				say(w, "x", 1)
				_ = http.NewResponseController(w).Flush()
				time.Sleep(10 * time.Millisecond) // the attack
			}
		}},
	}
}

// hold answers nothing until the client is gone.
func hold(r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // or its departure is not noticed
	<-r.Context().Done()
}

// scale is the way out of a node. It weighs what is read there, and has less patience with one path than the product.
type scale struct {
	usual, hurried http.RoundTripper

	path   atomic.Pointer[string]
	weight atomic.Int64 // bytes read of answers of the path
}

func (s *scale) RoundTrip(r *http.Request) (*http.Response, error) {
	if path := s.path.Load(); path == nil || *path != r.URL.Path {
		return s.usual.RoundTrip(r)
	}
	answer, err := s.hurried.RoundTrip(r)
	if err == nil {
		answer.Body = &weighed{answer.Body, &s.weight}
	}
	return answer, err
}

type weighed struct {
	io.ReadCloser
	weight *atomic.Int64
}

func (w *weighed) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	w.weight.Add(int64(n))
	return n, err
}

// TestAttack41_oddAnswers: each address of a provider gives answers without end. They are neither read to the end nor waited
// for, and when the provider has come to its senses, people sign in.
func TestAttack41_oddAnswers(t *testing.T) {
	m := newMole(t)
	way := &scale{usual: m.client.HTTP().Transport}
	m.outbound = &http.Client{Transport: way}
	hurried := egress.New(egress.Config{AllowLoopback: true, RootCAs: m.roots, HeaderTimeout: 250 * time.Millisecond, TotalTimeout: 500 * time.Millisecond})
	m.each(t, func(t *testing.T, c call) {
		for _, odd := range oddities() {
			m.fresh()
			way.hurried = way.usual
			if odd.slow {
				way.hurried = hurried.HTTP().Transport
			}
			way.weight.Store(0)
			way.path.Store(&c.path)
			m.set(func() { m.odd = map[string]http.HandlerFunc{c.path: odd.answer} })
			m.fails(c.reason)
			if read := way.weight.Load(); read > 1<<20 {
				t.Errorf("%s: %d bytes were read", odd.name, read)
			}
			way.path.Store(nil)
			if t.Failed() {
				t.Fatalf("the answer is %s", odd.name)
			}
		}
	})
}

const (
	places, surplus = 64, 8 // so many sign-ins may wait for one provider on a node, and so many come besides
	hangs           = 10 * time.Second
)

// TestAttack41_slowProviderAlone: a provider that lets sign-ins wait, for what a code buys or for its keys, has a number of them
// waiting and no more, and nobody else's people notice.
func TestAttack41_slowProviderAlone(t *testing.T) {
	for name, fault := range map[string]oidctest.Fault{"code": oidctest.TokenHang, "keys": oidctest.KeysHang} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, false)
			w.client = egress.New(egress.Config{AllowLoopback: true, RootCAs: w.roots, HeaderTimeout: hangs, TotalTimeout: hangs})
			w.through(new(detour))
			acme, globex := w.tenant("acme", "acme.example"), w.tenant("globex", "globex.example")
			acme.both("sub-alice", "alice@acme.example")
			globex.both("sub-bob", "bob@globex.example")
			code := mustURL(t, w.callback(w.browser(), "alice@acme.example", "/")).Query().Get("code")
			acme.script("", fault, oidctest.CodeReusable, oidctest.PKCEIgnored) // so that one code is enough

			ctx, leave := context.WithCancel(t.Context())
			over := make(chan *httptest.ResponseRecorder, places+surplus)
			var coming sync.WaitGroup
			defer coming.Wait()
			defer leave()
			for _, callback := range acme.begun(ctx, places+surplus, code) {
				coming.Go(func() {
					recorder := httptest.NewRecorder()
					w.nodes[0].ServeHTTP(recorder, callback)
					over <- recorder
				})
			}
			for range surplus {
				if a := <-over; a.Code != http.StatusServiceUnavailable || a.Header().Get("Retry-After") == "" {
					t.Errorf("one more than may wait: %d %s", a.Code, a.Body)
				}
			}
			if n := strings.Count(w.logs.String(), `"reason":"`+string(oidc.ReasonProviderBusy)+`"`); n != surplus {
				t.Errorf("%d were told that the provider is busy", n)
			}
			if done := w.signIn(w.browser(), "bob@globex.example"); done.status != http.StatusSeeOther {
				t.Errorf("the neighbour's people: %d %v", done.status, w.logs.last("sign-in refused"))
			}
			if len(over) != 0 || acme.provider.Count(oidctest.EndpointToken) > places {
				t.Errorf("%d sign-ins are over, the provider was asked %v", len(over), acme.provider.Requests())
			}
			leave()
			coming.Wait()
			acme.script("")
			w.ledger.Advance(5 * time.Second) // for which a failure is remembered
			if done := w.signIn(w.browser(), "alice@acme.example"); done.status != http.StatusSeeOther {
				t.Errorf("when it answers again: %d %v", done.status, w.logs.last("sign-in refused"))
			}
		})
	}
}

// begun begins sign-ins and gives the requests that come back with a code.
func (x *tenant) begun(ctx context.Context, many int, code string) []*http.Request {
	callbacks := make([]*http.Request, many)
	form := url.Values{"organization": {x.slug}}.Encode()
	for i := range callbacks {
		begun := x.world.direct(0, http.MethodPost, "/login/start", form, http.Header{"Sec-Fetch-Site": {"same-origin"}})
		state := mustParse(begun.Header().Get("Location")).Query().Get("state")
		query := url.Values{"code": {code}, "iss": {x.provider.Issuer()}, "state": {state}}
		callbacks[i] = httptest.NewRequestWithContext(ctx, http.MethodGet, "/signin-oidc/"+string(x.connection)+"?"+query.Encode(), nil)
		for _, cookie := range begun.Result().Cookies() {
			callbacks[i].AddCookie(cookie)
		}
	}
	return callbacks
}
