package httpapi_test

import (
	"encoding/base64"
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"domicile/apps"
	"domicile/oidc/oidctest"
	"domicile/test/attacks/redirect"
)

// gate is one way by which a return address comes in, and where it shows.
type gate struct {
	name  string
	leads func(b *oidctest.Browser, target string) string // where the browser is sent in the end, or what a page would send it to
	own   bool                                            // an address of our own origin is taken for its path
	most  int                                             // bytes that an address may have there; 0: any number
}

// TestAttack45_corpus: more than a thousand return addresses at every door that takes one, when a sign-in begins and when it ends.
// None leads a browser to another origin, and what is let through is let through as it is.
func TestAttack45_corpus(t *testing.T) {
	w := newWorld(t, false)
	acme := w.tenant("acme", "acme.example")
	acme.both("sub-alice", "alice@acme.example")
	base := mustURL(t, w.server.URL+"/signin-oidc/x?code=y")
	targets := redirect.Targets(w.server.URL)
	for _, g := range w.gates(acme) {
		t.Run(g.name, func(t *testing.T) {
			w.t = t
			b := oidctest.NewBrowser(&http.Transport{TLSClientConfig: w.trusting()})
			if at := g.leads(b, "/projects/7?tab=b"); at != "/projects/7?tab=b" {
				t.Fatalf("a path of ours leads to %q", at)
			}
			kept := 0
			for _, target := range targets {
				if g.most > 0 && len(target) > g.most {
					continue
				}
				at := g.leads(b, target)
				if origin := redirect.Origin(base, at); origin != w.server.URL {
					t.Errorf("%.200q leads to %q, %s", target, at, origin)
				}
				path := target
				if g.own {
					path = strings.TrimPrefix(path, w.server.URL)
				}
				switch {
				case at == "/":
				case at != path:
					t.Errorf("%.200q became %q", target, at)
				case redirect.Origin(base, path) != w.server.URL:
					t.Errorf("%.200q is let through", target)
				default:
					kept++
					w.staysAt(b, base, at)
				}
			}
			if kept > len(targets)/10 {
				t.Errorf("%d of %d addresses are let through", kept, len(targets))
			}
		})
	}
}

// staysAt follows an address that was let through, which need not be there, and the redirects of our own that come of it.
func (w *world) staysAt(b *oidctest.Browser, base *url.URL, at string) {
	w.t.Helper()
	for range 3 {
		if strings.HasPrefix(at, "/") {
			at = w.server.URL + at
		}
		next := w.get(b, at).header.Get("Location")
		if next == "" {
			return
		}
		if origin := redirect.Origin(base, next); origin != w.server.URL {
			w.t.Errorf("%q leads on to %q, %s", at, next, origin)
			return
		}
		at = next
	}
}

// gates are the doors. The sign-in of those that end one is walked all the way.
func (w *world) gates(x *tenant) []gate {
	finish := func(b *oidctest.Browser, page visit) string {
		return w.get(b, w.authorize(b, page.header.Get("Location"), "alice@acme.example")).header.Get("Location")
	}
	query := func(path, name, target string) string { return path + "?" + url.Values{name: {target}}.Encode() }
	wanted := func(page visit) string { // what the sign-in page is told; an absolute address is wrapped up in a path
		told := mustParse(page.header.Get("Location")).Query().Get("return_to")
		if wrapped, ok := strings.CutPrefix(told, "/auth/start?to="); ok {
			text, _ := base64.RawURLEncoding.DecodeString(wrapped)
			return string(text)
		}
		return told
	}
	return []gate{
		{name: "form", leads: func(b *oidctest.Browser, target string) string {
			_, page := w.start(b, url.Values{"email": {"alice@acme.example"}, "return_to": {target}})
			return finish(b, page)
		}},
		{name: "sign-in that a provider begins", own: true, leads: func(b *oidctest.Browser, target string) string {
			return finish(b, w.initiate(b, http.MethodGet, "/login/initiate/"+string(x.connection), url.Values{"target_link_uri": {target}}))
		}},
		{name: "end of a sign-in that was begun elsewhere", most: 2 << 10, leads: func(b *oidctest.Browser, target string) string {
			callback := w.callback(b, "alice@acme.example", "/")
			w.redirectTransaction(b, target)
			return w.get(b, callback).header.Get("Location")
		}},
		{name: "page", leads: func(b *oidctest.Browser, target string) string {
			return kept(w.get(b, query("/login", "return_to", target)))
		}},
		{name: "page of an organization", leads: func(b *oidctest.Browser, target string) string {
			return kept(w.get(b, query("/login/"+x.slug, "return_to", target)))
		}},
		{name: "page without a provider", leads: func(b *oidctest.Browser, target string) string {
			return kept(w.get(b, query("/login/local", "return_to", target)))
		}},
		{name: "proxy, nobody is signed in", leads: func(b *oidctest.Browser, target string) string {
			return wanted(w.get(b, query("/auth/start", "rd", target)))
		}},
		{name: "proxy, nobody is signed in, as it is", leads: func(b *oidctest.Browser, target string) string {
			return wanted(w.get(b, "/auth/start?to="+base64.RawURLEncoding.EncodeToString([]byte(target))))
		}},
		{name: "proxy, somebody is signed in", leads: func(b *oidctest.Browser, target string) string {
			if len(w.cookies(b, "domicile_session")) == 0 {
				w.signIn(b, "alice@acme.example")
			}
			return w.get(b, query("/auth/start", "rd", target)).header.Get("Location")
		}},
	}
}

var hiddenTarget = regexp.MustCompile(`name="return_to" value="([^"]*)"`)

// kept is the return address that a page sends on; without one the sign-in leads to the front page.
func kept(page visit) string {
	if found := hiddenTarget.FindStringSubmatch(page.body); found != nil {
		return html.UnescapeString(found[1])
	}
	return "/"
}

// redirectTransaction gives the browser's only sign-in under way another return address, as a node with a fault could have.
func (w *world) redirectTransaction(b *oidctest.Browser, target string) {
	w.t.Helper()
	cookies := w.cookies(b, "domicile_tx_")
	if len(cookies) != 1 {
		w.t.Fatalf("%d sign-ins are under way", len(cookies))
	}
	cookie, box := cookies[0], w.ring.Box("login transaction", testRegion, testCluster)
	sealed, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil {
		w.t.Fatal(err)
	}
	plain, err := box.Open(nil, sealed, []byte(cookie.Name))
	if err != nil {
		w.t.Fatal(err)
	}
	var transaction map[string]any
	if err := json.Unmarshal(plain, &transaction); err != nil || transaction["to"] != "/" {
		w.t.Fatalf("%v in %s", err, plain)
	}
	transaction["to"] = target
	if plain, err = json.Marshal(transaction); err != nil {
		w.t.Fatal(err)
	}
	cookie.Value = base64.RawURLEncoding.EncodeToString(box.Seal(nil, plain, []byte(cookie.Name)))
	cookie.Path, cookie.Secure = "/", true
	b.SetCookies(w.appURL(), cookies)
}

// TestAttack45_applications: where an application is answered, and where people go after they signed out of it, are addresses that
// were registered, letter by letter.
func TestAttack45_applications(t *testing.T) {
	s := newShop(t, false)
	registered := []string{shopBye, "https://shop.example/"}
	b := oidctest.NewBrowser(&http.Transport{TLSClientConfig: s.trusting()})
	base := mustURL(t, s.server.URL+apps.PathLogout)
	away := func(a visit) string {
		at := a.header.Get("Location")
		if at == "" || redirect.Origin(base, at) == s.server.URL {
			return ""
		}
		return at
	}
	if at := away(s.get(b, apps.PathLogout+"?client_id=shop&post_logout_redirect_uri="+url.QueryEscape(shopBye))); at != shopBye {
		t.Fatalf("the registered address leads to %q", at)
	}
	for _, target := range redirect.Targets("https://shop.example") {
		bye := url.Values{"client_id": {"shop"}, "post_logout_redirect_uri": {target}}
		for name, a := range map[string]visit{
			"logout": s.get(b, apps.PathLogout+"?"+bye.Encode()), "confirmed logout": s.do(b, http.MethodPost, apps.PathLogout, altered(bye, "confirm", "yes")),
		} {
			if at := away(a); at != "" && !(at == target && slices.Contains(registered, at)) {
				t.Errorf("%s: %.200q leads to %q", name, target, at)
			}
		}
		if at := away(s.get(b, s.asking("redirect_uri", target))); at != "" {
			t.Errorf("authorization: %.200q leads to %q", target, at)
		}
	}
}
