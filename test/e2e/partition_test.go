package e2e

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"domicile/oidc/oidctest"
	"domicile/test/region"
)

// cutoff is for how long a node may believe in what it knew when it last heard of the others.
const cutoff = 5 * time.Second

// The network of one node is cut, to and from the others; at first it follows, then it leads. What the others change it cannot
// know: that somebody was deactivated, that somebody signed in, that an identity provider got a token. It may believe in what
// it knew for as long as the bound says, to the millisecond; to nobody it ever says that they are not signed in; and once it
// hears of the others again it knows better.
func TestAttack37_nodeCutOffFromItsLeader(t *testing.T) {
	r := startRegion(t, func(o *region.Options) { o.Relays = true })
	stayer := person("bob", "Bob")
	leavers := []oidctest.User{person("ada", "Ada Byron"), person("eve", "Eve")}
	newcomers := []oidctest.User{person("dan", "Dan"), person("fay", "Fay")}
	w := newWorld(t, r, slices.Concat([]oidctest.User{stayer}, leavers, newcomers)...)
	ids := make(map[string]string)
	for _, p := range w.idpUsers {
		ids[p.Email] = w.provision(t, r.Nodes[0], p)
	}
	there := w.enter(t, r.Nodes[0], stayer)
	for i, role := range []string{"follower", "leader"} {
		leader, err := r.Leader(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		followers, err := r.Followers(t.Context())
		if err != nil || len(followers) != 2 {
			t.Fatalf("followers %v, %v", followers, err)
		}
		p := partition{world: w, stayer: there, leaver: w.enter(t, leader, leavers[i]), cut: followers[0], others: []*region.Node{leader, followers[1]}}
		if role == "leader" {
			p.cut, p.others = leader, followers
		}
		t.Run(role, func(t *testing.T) { p.run(t, ids[leavers[i].Email], newcomers[i]) })
	}
}

// enter signs somebody in by one node alone, and gives the session's cookie.
func (w *world) enter(t *testing.T, node *region.Node, p oidctest.User) []*http.Cookie {
	t.Helper()
	browser := oidctest.NewBrowser(rewrite{from: hostOf(w.Nodes[0]), to: hostOf(node), only: "/"})
	resp, trail, err := browser.SignIn(t.Context(), node.URL+"/login", p.Email, p.Password)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("sign in %s: %v, %v; went %s", p.Email, resp, err, strings.Join(trail, " → "))
	}
	return w.cookiesOf(t, browser, "domicile_session")
}

// partition is one node without the others.
type partition struct {
	*world
	cut            *region.Node
	others         []*region.Node
	stayer, leaver []*http.Cookie // of sessions
}

func (p *partition) run(t *testing.T, leaver string, newcomer oidctest.User) {
	for _, cookies := range [][]*http.Cookie{p.leaver, p.stayer} {
		p.answers(t, p.cut, cookies, http.StatusOK)
	}
	p.Cut(p.cut)
	since := time.Now()
	p.setActive(t, p.others[0], leaver, false)
	fresh := p.enter(t, p.others[1], newcomer)
	var minted struct{ Token string }
	err := p.Admin(t.Context(), p.others[0], http.MethodPost, "/organizations/"+p.org.ID+"/scim-tokens", map[string]any{"name": "newer"}, &minted)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the others have changed everything %s after the cut", time.Since(since))
	var group sync.WaitGroup
	for _, a := range p.questions(leaver, fresh, minted.Token) {
		group.Go(func() { p.watch(t, a, since) })
	}
	group.Wait()

	p.Mend(p.cut)
	for _, node := range p.Nodes {
		p.answers(t, node, p.stayer, http.StatusOK)
		p.answers(t, node, fresh, http.StatusOK)
		p.answers(t, node, p.leaver, http.StatusUnauthorized)
		eventually(t, node.Name+" knows the token", func() bool {
			status, _, err := region.Call(t.Context(), p.Client, http.MethodGet, p.org.SCIM(node)+"/Users/"+leaver, minted.Token, "", nil)
			return err == nil && status == http.StatusOK
		})
	}
}

// answers waits until a node answers so to who has a session.
func (p *partition) answers(t *testing.T, node *region.Node, cookies []*http.Cookie, want int) {
	t.Helper()
	eventually(t, node.Name+" knows who is signed in", func() bool {
		resp := p.asks(t, node, "/api/v1/session", cookies)
		return resp != nil && resp.StatusCode == want
	})
}

// question is one thing that somebody asks the node that is cut off, who would be let in otherwise.
type question struct {
	name, method, path string
	memory             bool // the node may answer from its memory while that is young
	cookies            []*http.Cookie
	token, body        string
}

// questions has one at each kind of door that knows people or machines. A session that the node never heard of, and a token,
// are not in its memory.
func (p *partition) questions(leaver string, fresh []*http.Cookie, minted string) []question {
	scim := strings.TrimPrefix(p.org.SCIM(p.cut), p.cut.URL)
	patch := `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"active","value":true}]}`
	const session, sessions, verify = "/api/v1/session", "/api/v1/session/sessions", "/auth/verify"
	return []question{
		{name: "session", path: session, memory: true, cookies: p.stayer},
		{name: "session that has ended", path: session, memory: true, cookies: p.leaver},
		{name: "session that the node never heard of", path: session, cookies: fresh},
		{name: "own sessions", path: sessions, cookies: p.stayer},
		{name: "own sessions, to end them", method: http.MethodDelete, path: sessions, cookies: p.stayer},
		{name: "front page", path: "/", memory: true, cookies: p.stayer},
		{name: "proxy", path: verify, memory: true, cookies: p.stayer},
		{name: "proxy, session that has ended", path: verify, memory: true, cookies: p.leaver},
		{name: "proxy, session that the node never heard of", path: verify, cookies: fresh},
		{name: "SCIM read", path: scim + "/Users/" + leaver, token: p.org.Token},
		{name: "SCIM list", path: scim + "/Users", token: p.org.Token},
		{name: "SCIM write", method: http.MethodPatch, path: scim + "/Users/" + leaver, token: p.org.Token, body: patch},
		{name: "SCIM read with a token that the node never heard of", path: scim + "/Users", token: minted},
		{name: "operator's read", path: "/api/v1/organizations/" + p.org.ID, token: p.Operator},
		{name: "operator's write", method: http.MethodDelete, path: "/api/v1/organizations/" + p.org.ID + "/scim-tokens/none", token: p.Operator},
	}
}

// watch asks again and again until the node was asked after the bound. What is not in its memory it asks the others for, which
// takes a while.
func (p *partition) watch(t *testing.T, q question, since time.Time) {
	late, enough := 0, 1
	if q.memory {
		enough = 50
	}
	served, last := 0, time.Duration(0)
	for late < enough {
		after := time.Since(since)
		resp, err := p.put(t, q)
		switch {
		case err != nil:
			t.Errorf("%s: %v", q.name, err)
			return
		case resp.StatusCode == http.StatusServiceUnavailable:
			if resp.Header.Get("Retry-After") == "" {
				t.Errorf("%s: no Retry-After", q.name)
			}
		case resp.StatusCode == http.StatusOK && q.memory && after <= cutoff:
			served, last = served+1, after
		default:
			t.Errorf("%s: %d, asked %s after the cut", q.name, resp.StatusCode, after)
			return
		}
		if after > cutoff {
			late++
		}
		time.Sleep(20 * time.Millisecond)
	}
	if q.memory {
		t.Logf("%s: let in %d times, the last was asked %s after the cut", q.name, served, last)
	}
}

// put asks once.
func (p *partition) put(t *testing.T, q question) (*http.Response, error) {
	request, err := http.NewRequestWithContext(t.Context(), cmp.Or(q.method, http.MethodGet), p.cut.URL+q.path, strings.NewReader(q.body))
	if err != nil {
		return nil, err
	}
	for _, cookie := range q.cookies {
		request.AddCookie(cookie)
	}
	if q.token != "" {
		request.Header.Set("Authorization", "Bearer "+q.token)
	}
	if q.body != "" {
		request.Header.Set("Content-Type", "application/scim+json")
	}
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	resp, err := p.Client.Do(request)
	if err != nil {
		return nil, err
	}
	return resp, resp.Body.Close()
}
