package dev

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"domicile/cmd/domicile/dev"
	"domicile/test/region"
)

// A person picks the other region, by a plain link, and signs in there.
func TestBrowser_regionSwitch(t *testing.T) {
	us, eu := laptop.Regions[0], laptop.Regions[1]
	browser := newBrowser(t)
	step(t, browser, "open the sign-in page", chromedp.Navigate(eu.LoginURL))
	awaitText(t, browser, eu.LoginURL, "Hosted in European Union")
	screenshot(t, browser, "login")
	step(t, browser, "choose the other region", chromedp.Click(`a.region`))
	awaitText(t, browser, us.LoginURL, "Hosted in United States")
	address(t, browser, "ada@acme.example")
	awaitText(t, browser, laptop.IdP.Issuer, "Demo identity provider")
	authenticate(t, browser, login(t, "ada@acme.example"))
	awaitText(t, browser, home(us)+"/", "Ada Byron")
	screenshot(t, browser, "home")

	// The organization's own link needs no address; the provider knows the browser by now.
	link := us.LoginURL + "/" + us.Organizations[0].Slug
	step(t, browser, "open the organization's link", chromedp.Navigate(link))
	awaitText(t, browser, link, "Sign in to Acme")
	screenshot(t, browser, "login-organization")
	step(t, browser, "continue", chromedp.Click(buttonStart))
	awaitText(t, browser, home(us)+"/", "Ada Byron")
}

// The page of the person's own region says nothing else to an address of another region than to one of nowhere, and leads on.
func TestBrowser_wrongRegion(t *testing.T) {
	us, eu := laptop.Regions[0], laptop.Regions[1]
	browser := newBrowser(t)
	told := func(email string) string {
		step(t, browser, "open the sign-in page", chromedp.Navigate(us.LoginURL))
		address(t, browser, email)
		awaitText(t, browser, us.LoginURL+"/start", "no single sign-on for this address in this region")
		_, text := shown(browser)
		return text
	}
	there := told("emmy@nordwind.example")
	screenshot(t, browser, "wrong-region")
	if nobody, nowhere := told("nobody@nordwind.example"), told("emmy@nowhere.example"); nobody != there || nowhere != there {
		t.Errorf("a person of the EU is told\n%s\nnobody of her organization\n%s\nan address of nowhere\n%s", there, nobody, nowhere)
	}
	step(t, browser, "choose the region", chromedp.Click(`a.region`))
	awaitText(t, browser, eu.LoginURL, "Hosted in European Union")
	address(t, browser, "emmy@nordwind.example")
	awaitText(t, browser, laptop.IdP.Issuer, "Demo identity provider")
	authenticate(t, browser, login(t, "emmy@nordwind.example"))
	awaitText(t, browser, home(eu)+"/", "Emmy Amalie")
}

// A person is deactivated while the page is open: the next click finds nobody signed in, and signing in again is refused
// kindly until the organization assigns the person again.
func TestBrowser_deactivationWhileThePageIsOpen(t *testing.T) {
	us := laptop.Regions[0]
	o := us.Organizations[0]
	browser := visitor(t, us, "alan@acme.example", "Alan Mathison")
	setActive(t, o, "alan@acme.example", false)
	step(t, browser, "reload", chromedp.Reload())
	awaitText(t, browser, us.LoginURL, "Sign in")
	address(t, browser, "alan@acme.example")
	awaitText(t, browser, home(us)+"/signin-oidc/", "You don’t have access yet")
	screenshot(t, browser, "deactivated")
	setActive(t, o, "alan@acme.example", true)
	step(t, browser, "open the sign-in page", chromedp.Navigate(us.LoginURL))
	address(t, browser, "alan@acme.example")
	awaitText(t, browser, home(us)+"/", "Alan Mathison")
}

// A sign-in is begun at node 1 and finished at node 3. The balancer would choose as it likes, so the browser goes through one of
// the test's own: it takes what is for the region's address to node 3 if it is a callback, and to node 1 otherwise. Each node's
// own counters say who did what.
func TestBrowser_startsAtOneNodeAndFinishesAtAnother(t *testing.T) {
	eu := laptop.Regions[1]
	first, third := eu.Nodes[0], eu.Nodes[2]
	const starts, signins = `domicile_signin_starts_total{outcome="ok"}`, `domicile_signins_total{outcome="ok"}`
	started, finished := counter(t, first, starts), counter(t, third, signins)
	chooser := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		region, callback := "http://"+r.In.Host == home(eu), strings.HasPrefix(r.In.URL.Path, "/signin-oidc/")
		switch {
		case region && callback:
			r.Out.URL.Host = strings.TrimPrefix(third.URL, "http://")
		case region:
			r.Out.URL.Host = strings.TrimPrefix(first.URL, "http://")
		}
		r.Out.Host = r.In.Host
	}, ErrorLog: log.New(io.Discard, "", 0)}) // of the browser's own errands, which lead nowhere
	t.Cleanup(chooser.Close)

	browser := newBrowser(t, chromedp.ProxyServer(chooser.URL), chromedp.Flag("proxy-bypass-list", "<-loopback>"))
	enter(t, browser, eu, login(t, "otto@nordwind.example"))
	awaitText(t, browser, home(eu)+"/", "Otto Wilhelm")

	if now := counter(t, first, starts); now != started+1 {
		t.Errorf("%s began %v sign-ins, want 1", first.ID, now-started)
	}
	if now := counter(t, third, signins); now != finished+1 {
		t.Errorf("%s finished %v sign-ins, want 1", third.ID, now-finished)
	}
}

// counter reads one series of a node's metrics, 0 where there is none yet.
func counter(t *testing.T, n dev.NodeManifest, series string) float64 {
	t.Helper()
	_, raw, err := region.Call(t.Context(), client, http.MethodGet, n.Ops+"/metrics", "", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(raw) {
		if value, ok := strings.CutPrefix(string(line), series+" "); ok {
			number, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				t.Fatal(err)
			}
			return number
		}
	}
	return 0
}

// The leader dies between the start of a sign-in and its callback.
func TestBrowser_leaderDiesDuringSignIn(t *testing.T) {
	eu := laptop.Regions[1]
	browser := newBrowser(t)
	emmy := login(t, "emmy@nordwind.example")
	begin(t, browser, eu.LoginURL, emmy.Email)
	leader := leaderOf(t, eu)
	if err := laptop.control("kill", leader.ID); err != nil {
		t.Fatal(err)
	}
	authenticate(t, browser, emmy)
	awaitText(t, browser, home(eu)+"/", "Emmy Amalie")
	if err := laptop.control("restart", leader.ID); err != nil {
		t.Fatal(err)
	}
	awaitReady(t, leader.Ops)
}

func leaderOf(t *testing.T, r dev.RegionManifest) dev.NodeManifest {
	t.Helper()
	for _, n := range r.Nodes {
		_, raw, err := region.Call(t.Context(), client, http.MethodGet, n.Ops+"/status", "", "", nil)
		if err == nil && strings.Contains(string(raw), `"role": "leader"`) {
			return n
		}
	}
	t.Fatal("no node leads")
	return dev.NodeManifest{}
}
