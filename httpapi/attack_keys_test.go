package httpapi_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"domicile/oidc"
	"domicile/seal"
)

// forger is the way from one node to a provider whose token endpoint was taken over: it sells a forged ID token for any code.
// All else is the provider's own. It notes when keys are fetched.
type forger struct {
	next   http.RoundTripper
	now    func() time.Time
	claims func() map[string]any
	gone   *atomic.Bool // the provider has its token endpoint back

	mu      sync.Mutex
	fetched []time.Time // guarded by mu
}

func (f *forger) RoundTrip(r *http.Request) (*http.Response, error) {
	switch {
	case strings.HasSuffix(r.URL.Path, "/keys"):
		f.mu.Lock()
		f.fetched = append(f.fetched, f.now())
		f.mu.Unlock()
	case r.Method == http.MethodPost && !f.gone.Load():
		_ = r.Body.Close()
		answer := `{"access_token":"x","token_type":"Bearer","id_token":"` + forged("JWT", f.claims()) + `"}`
		return &http.Response{
			StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
			Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(answer)),
		}, nil
	}
	return f.next.RoundTrip(r)
}

// forged is a token under a key id that nobody has had before; no key made its signature.
func forged(kind string, claims map[string]any) string {
	part := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			panic(err) // texts and numbers only
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	return part(map[string]string{"alg": "ES256", "kid": seal.NewID(), "typ": kind}) + "." + part(claims) + "." + seal.RandomText(64)
}

// direct puts a request to a node without a network in between.
func (w *world) direct(node int, method, target, body string, header http.Header, cookies ...*http.Cookie) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, target, strings.NewReader(body))
	request.Header = header.Clone()
	if method == http.MethodPost && header.Get("Content-Type") == "" {
		request.Header.Set("Content-Type", formType)
	}
	for _, cookie := range cookies {
		request.AddCookie(cookie)
	}
	recorder := httptest.NewRecorder()
	w.nodes[node].ServeHTTP(recorder, request)
	return recorder
}

// TestAttack42_tenThousandTokens: ten thousand sign-ins, and as many logout tokens and revocations, each with a key id of its
// own, at two nodes. The provider is asked for its keys once in 30 seconds by each node, whoever asks for what; and when it does
// change its key, people sign in.
func TestAttack42_tenThousandTokens(t *testing.T) {
	const count, step, pause = 10_000, 15 * time.Millisecond, 30 * time.Second
	w := newWorld(t, false)
	acme := w.tenant("acme", "acme.example")
	acme.both("sub-alice", "alice@acme.example")
	claims := func() map[string]any {
		now := w.ledger.Now().Unix()
		return map[string]any{
			"iss": acme.provider.Issuer(), "aud": "client-acme", "sub": "sub-alice", "iat": now, "exp": now + 300, "jti": seal.NewID(),
			"email": "alice@acme.example", "email_verified": true, "events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
		}
	}
	var forgers [2]*forger
	var honest atomic.Bool
	honest.Store(true)
	w.nodes = nil
	for i := range forgers {
		forgers[i] = &forger{next: w.client.HTTP().Transport, now: w.ledger.Now, claims: claims, gone: &honest}
		w.outbound = &http.Client{Transport: forgers[i]}
		w.nodes = append(w.nodes, w.node())
	}
	enter := func(when string) {
		t.Helper()
		for turn := range w.nodes {
			w.turn.Store(int64(turn))
			if done := w.signIn(w.browser(), "alice@acme.example"); done.status != http.StatusSeeOther {
				t.Errorf("node %d, %s: %d %v", turn, when, done.status, w.logs.last("sign-in refused"))
			}
		}
	}
	enter("at first")
	d, _ := w.ledger.FSM.View().Directory(acme.id)
	open := d.SessionCount()
	honest.Store(false)
	w.ledger.Advance(pause)
	for _, f := range forgers {
		f.fetched = nil
	}

	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := worker; i < count && !t.Failed(); i += 8 {
				w.ledger.Advance(step)
				w.forgeries(t, acme, i%2, claims)
			}
		})
	}
	group.Wait()
	if n := strings.Count(w.logs.String(), `"reason":"`+string(oidc.ReasonTokenSignature)+`"`); n != 3*count {
		t.Errorf("%d of %d tokens were refused for their signature", n, 3*count)
	}
	if d, _ := w.ledger.FSM.View().Directory(acme.id); d.SessionCount() != open {
		t.Errorf("%d sessions, and there were %d", d.SessionCount(), open)
	}
	for i, f := range forgers {
		if len(f.fetched) < 2 || len(f.fetched) > int(count*step/pause)+2 {
			t.Errorf("node %d fetched keys %d times", i, len(f.fetched))
		}
		for j := 1; j < len(f.fetched); j++ {
			if after := f.fetched[j].Sub(f.fetched[j-1]); after < pause {
				t.Errorf("node %d fetched keys again %s after it had", i, after)
				break
			}
		}
	}

	honest.Store(true)
	if err := acme.provider.Rotate(); err != nil {
		t.Fatal(err)
	}
	w.ledger.Advance(pause)
	enter("after the provider changed its key")
}

// forgeries brings one forged token of each kind to a node.
func (w *world) forgeries(t *testing.T, x *tenant, node int, claims func() map[string]any) {
	same := http.Header{"Sec-Fetch-Site": {"same-origin"}}
	begun := w.direct(node, http.MethodPost, "/login/start", url.Values{"organization": {x.slug}}.Encode(), same)
	query := url.Values{
		"code": {"code"}, "state": {mustParse(begun.Header().Get("Location")).Query().Get("state")}, "iss": {x.provider.Issuer()},
	}
	callback := "/signin-oidc/" + string(x.connection) + "?" + query.Encode()
	if a := w.direct(node, http.MethodGet, callback, "", http.Header{}, begun.Result().Cookies()...); a.Code != http.StatusForbidden {
		t.Errorf("a sign-in: %d after %d", a.Code, begun.Code)
	}
	logout := url.Values{"logout_token": {forged("logout+jwt", claims())}}.Encode()
	if a := w.direct(node, http.MethodPost, "/backchannel-logout/"+string(x.connection), logout, http.Header{}); a.Code != http.StatusBadRequest {
		t.Errorf("a logout token: %d %s", a.Code, a.Body)
	}
	bearer := http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + forged("global-token-revocation+jwt", claims())}}
	body := `{"sub_id":{"format":"email","email":"alice@acme.example"}}`
	if a := w.direct(node, http.MethodPost, "/revoke/"+string(x.connection), body, bearer); a.Code != http.StatusUnauthorized {
		t.Errorf("a revocation: %d %s", a.Code, a.Body)
	}
}
