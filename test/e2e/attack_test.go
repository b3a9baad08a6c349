package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"domicile/oidc/oidctest"
	"domicile/test/region"
)

// asks sends a GET with cookies to a node, and gives the answer without its body.
func (w *world) asks(t *testing.T, node *region.Node, path string, cookies []*http.Cookie) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, node.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, cookie := range cookies {
		request.AddCookie(cookie)
	}
	resp, err := w.Client.Do(request)
	if err != nil {
		t.Errorf("%s at %s: %v", request.URL.Path, node.Name, err)
		return nil
	}
	_ = resp.Body.Close()
	return resp
}

// cookiesOf gives the browser's cookies for the region whose names begin with this.
func (w *world) cookiesOf(t *testing.T, browser *oidctest.Browser, prefix string) []*http.Cookie {
	t.Helper()
	origin, err := url.Parse(w.Nodes[0].URL)
	if err != nil {
		t.Fatal(err)
	}
	var cookies []*http.Cookie
	for _, cookie := range browser.Cookies(origin) {
		if strings.HasPrefix(cookie.Name, prefix) {
			cookies = append(cookies, cookie)
		}
	}
	if len(cookies) == 0 {
		t.Fatalf("the browser has no cookie %s", prefix)
	}
	return cookies
}

// A callback comes several times to two nodes at once. The provider takes the code as often as it comes, so that the ledger
// alone stands in the way.
func TestAttack20_callbackOnTwoNodesAtOnce(t *testing.T) {
	r := startRegion(t, nil)
	ada := person("ada", "Ada Byron")
	w := newWorld(t, r, ada)
	w.provision(t, r.Nodes[0], ada)
	w.idp.Script(oidctest.Faults{Lasting: []oidctest.Fault{oidctest.CodeReusable}})
	const rounds = 5
	for range rounds {
		browser := oidctest.NewBrowser(nil)
		browser.StopAt = func(u *url.URL) bool { return strings.HasPrefix(u.Path, "/signin-oidc/") }
		resp, _, err := browser.SignIn(t.Context(), r.Nodes[0].URL+"/login", ada.Email, ada.Password)
		if err != nil {
			t.Fatal(err)
		}
		callback, err := url.Parse(resp.Header.Get("Location"))
		if err != nil || callback.Query().Get("code") == "" {
			t.Fatalf("the provider sends the browser to %s, %v", callback, err)
		}
		cookies := w.cookiesOf(t, browser, "domicile_tx_")
		answers := make([]*http.Response, 8)
		var group sync.WaitGroup
		for i := range answers {
			group.Go(func() { answers[i] = w.asks(t, r.Nodes[1+i%2], callback.RequestURI(), cookies) })
		}
		group.Wait()
		won := 0
		for _, answer := range answers {
			switch {
			case answer == nil:
			case answer.StatusCode == http.StatusSeeOther:
				won++
			case answer.StatusCode != http.StatusBadRequest || strings.Contains(strings.Join(answer.Header.Values("Set-Cookie"), "\n"), "domicile_session"):
				t.Errorf("a replay is answered %d with %q", answer.StatusCode, answer.Header.Values("Set-Cookie"))
			}
		}
		if won != 1 {
			t.Errorf("%d of %d callbacks signed in", won, len(answers))
		}
	}
	var list struct {
		Sessions []struct{} `json:"sessions"`
	}
	if err := r.Admin(t.Context(), r.Nodes[2], http.MethodGet, "/organizations/"+w.org.ID+"/sessions", nil, &list); err != nil || len(list.Sessions) != rounds {
		t.Errorf("%d sessions after %d sign-ins, %v", len(list.Sessions), rounds, err)
	}
}

// 100 clients ask all the time, on all nodes, who is signed in; then the person is deactivated.
func TestAttack36_deactivationUnderRequests(t *testing.T) {
	r := startRegion(t, nil)
	ada := person("ada", "Ada Byron")
	w := newWorld(t, r, ada)
	id := w.provision(t, r.Nodes[1], ada)
	browser, resp := w.signIn(t, r.Nodes[0], r.Nodes[2], ada)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("the sign-in ended with status %d", resp.StatusCode)
	}
	cookies := w.cookiesOf(t, browser, "domicile_session")
	const bound = time.Second
	var (
		clients            sync.WaitGroup
		stop               atomic.Bool
		acknowledged, last atomic.Int64 // unix nanoseconds; last began the latest request that succeeded
		served, refused    atomic.Int64
	)
	for i := range 100 {
		clients.Go(func() {
			for n := i; !stop.Load(); n++ {
				node := r.Nodes[n%len(r.Nodes)]
				began, deactivated := time.Now().UnixNano(), acknowledged.Load()
				answer := w.asks(t, node, "/api/v1/session", cookies)
				switch {
				case answer == nil:
					return
				case answer.StatusCode == http.StatusUnauthorized:
					refused.Add(1)
				case answer.StatusCode != http.StatusOK:
					t.Errorf("%s answers %d", node.Name, answer.StatusCode)
				case deactivated != 0 && began-deactivated > bound.Nanoseconds():
					t.Errorf("%s lets a session in %s after the deactivation", node.Name, time.Duration(began-deactivated))
				default:
					served.Add(1)
					for before := last.Load(); began > before && !last.CompareAndSwap(before, began); before = last.Load() {
					}
				}
			}
		})
	}
	eventually(t, "all clients are served", func() bool { return served.Load() > 1000 })
	if refused.Load() != 0 {
		t.Errorf("%d requests were refused before the deactivation", refused.Load())
	}
	w.setActive(t, r.Nodes[1], id, false)
	acknowledged.Store(time.Now().UnixNano())
	eventually(t, "the bound is over, and requests are refused", func() bool {
		return time.Since(time.Unix(0, acknowledged.Load())) > 2*bound && refused.Load() > 1000
	})
	stop.Store(true)
	clients.Wait()
	t.Logf("%d served, %d refused; the last that was served began %s after the answer to SCIM",
		served.Load(), refused.Load(), time.Duration(last.Load()-acknowledged.Load()))
}

// A node sleeps while a person is deactivated, and when it wakes up the rest of the region does not answer: it knows of a
// session that has ended. It may believe in it for as long as the bound says, and not longer; and of somebody else, who is
// still signed in, it never says that they are not.
func TestAttack37_nodeThatSlept(t *testing.T) {
	r := startRegion(t, nil)
	ada, bob := person("ada", "Ada Byron"), person("bob", "Bob")
	w := newWorld(t, r, ada, bob)
	id := w.provision(t, r.Nodes[0], ada)
	w.provision(t, r.Nodes[1], bob)
	leaver, _ := w.signIn(t, r.Nodes[0], r.Nodes[1], ada)
	stayer, _ := w.signIn(t, r.Nodes[0], r.Nodes[2], bob)
	signal := func(s syscall.Signal, nodes ...*region.Node) {
		t.Helper()
		for _, node := range nodes {
			if err := node.Signal(s); err != nil {
				t.Fatal(err)
			}
		}
	}
	leader, err := r.Leader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	followers, err := r.Followers(t.Context())
	if err != nil || len(followers) != 2 {
		t.Fatalf("followers %v, %v", followers, err)
	}
	cut, others := followers[0], []*region.Node{leader, followers[1]}
	for _, browser := range []*oidctest.Browser{leaver, stayer} {
		if status, _ := w.session(t, browser, cut); status != http.StatusOK {
			t.Fatalf("%s answers %d at first", cut.Name, status)
		}
	}
	signal(syscall.SIGSTOP, cut)
	w.setActive(t, leader, id, false)
	signal(syscall.SIGSTOP, others...)
	signal(syscall.SIGCONT, cut)
	woken := time.Now()
	const cutoff, slack = 5 * time.Second, 2 * time.Second
	for unavailable := 0; unavailable < 50; {
		late := time.Since(woken) > cutoff+slack
		gone, _ := w.session(t, leaver, cut)
		there := w.asks(t, cut, "/api/v1/session", w.cookiesOf(t, stayer, "domicile_session"))
		if there == nil {
			break
		}
		switch there.StatusCode {
		case http.StatusServiceUnavailable:
			unavailable++
			if there.Header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
		case http.StatusOK:
			if late {
				t.Fatalf("cut off for %s, and a session is let in", time.Since(woken))
			}
		default:
			t.Fatalf("%d to somebody who is signed in", there.StatusCode)
		}
		if late && gone != http.StatusServiceUnavailable {
			t.Fatalf("%d to somebody who was deactivated %s ago", gone, time.Since(woken))
		}
		time.Sleep(20 * time.Millisecond)
	}
	signal(syscall.SIGCONT, others...)
	for _, node := range r.Nodes {
		eventually(t, node.Name+" answers again", func() bool {
			status, _ := w.session(t, stayer, node)
			return status == http.StatusOK
		})
		eventually(t, node.Name+" refuses who was deactivated", func() bool {
			status, _ := w.session(t, leaver, node)
			return status == http.StatusUnauthorized
		})
	}
}
