package dev

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"domicile/cmd/domicile/dev"
	"domicile/test/region"
)

// newBrowser opens Debian's Chromium, headless, with an empty profile; screenshots go to the directory that the
// environment variable SCREENSHOTS names, if it does.
func newBrowser(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("the browser tests need Debian's chromium (make browser installs it): %v", err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(1000, 800),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.UserDataDir(t.TempDir()))
	allocator, cancelAllocator := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancelAllocator)
	browser, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	limited, cancelLimit := context.WithTimeout(browser, 60*time.Second)
	t.Cleanup(cancelLimit)
	return limited
}

// step runs actions and fails with what the page showed.
func step(t *testing.T, browser context.Context, what string, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	for _, action := range actions {
		if _, err := chromedp.Run(browser, action); err != nil {
			place, text := shown(browser)
			t.Fatalf("%s: %v; the page is %s:\n%s", what, err, place, text)
		}
	}
}

// shown gives the address and the text of the page.
func shown(browser context.Context) (place, text string) {
	place, _ = chromedp.Run(browser, chromedp.Location())
	text, _ = chromedp.Run(browser, chromedp.Evaluate[string]("document.body ? document.body.innerText : ''"))
	return place, text
}

// awaitText waits until the page at a URL prefix shows a text.
func awaitText(t *testing.T, browser context.Context, prefix, text string) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for time.Now().Before(deadline) {
		if place, body := shown(browser); strings.HasPrefix(place, prefix) && strings.Contains(body, text) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	place, body := shown(browser)
	t.Fatalf("no %q at %s; the page is %s:\n%s", text, prefix, place, body)
}

func screenshot(t *testing.T, browser context.Context, name string) {
	t.Helper()
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(browser, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		t.Error(err)
	}
}

// enter types an address at a region's sign-in page and signs in at the demo provider.
func enter(t *testing.T, browser context.Context, r dev.RegionManifest, login dev.LoginManifest) {
	t.Helper()
	step(t, browser, "type the address",
		chromedp.Navigate(r.LoginURL),
		chromedp.SendKeys("#email", login.Email),
		chromedp.Click(`form button.primary`))
	awaitText(t, browser, laptop.IdP.Issuer, "Demo identity provider")
	step(t, browser, "sign in at the provider",
		chromedp.SendKeys("#password", login.Password),
		chromedp.Click(`form button[type=submit]`))
}

func login(t *testing.T, email string) dev.LoginManifest {
	t.Helper()
	for _, l := range laptop.IdP.Users {
		if l.Email == email {
			return l
		}
	}
	t.Fatalf("%s is no demo person", email)
	return dev.LoginManifest{}
}

// A person picks the region, signs in, is deactivated while the page is open, and is signed out everywhere.
func TestBrowser_signInAndDeactivation(t *testing.T) {
	us, eu := laptop.Regions[0], laptop.Regions[1]
	browser := newBrowser(t)
	step(t, browser, "open the sign-in page", chromedp.Navigate(eu.LoginURL))
	awaitText(t, browser, eu.LoginURL, "European Union")
	screenshot(t, browser, "login-eu")
	step(t, browser, "choose the other region", chromedp.Click(`a.region`))
	awaitText(t, browser, us.LoginURL, "United States")

	enter(t, browser, us, login(t, "ada@acme.example"))
	home := strings.TrimSuffix(us.LoginURL, "/login")
	awaitText(t, browser, home, "Ada Byron")
	screenshot(t, browser, "home")

	setActive(t, us.Organizations[0], "ada@acme.example", false)
	step(t, browser, "reload", chromedp.Reload())
	awaitText(t, browser, home, "Sign in")
	setActive(t, us.Organizations[0], "ada@acme.example", true)
}

// Somebody whom the provider knows and the organization never provisioned is turned away kindly.
func TestBrowser_notProvisioned(t *testing.T) {
	us := laptop.Regions[0]
	browser := newBrowser(t)
	enter(t, browser, us, login(t, "mallory@acme.example"))
	awaitText(t, browser, strings.TrimSuffix(us.LoginURL, "/login")+"/signin-oidc/", "administrator")
	screenshot(t, browser, "not-provisioned")
}

// The leader dies between the start of a sign-in and its callback.
func TestBrowser_leaderDiesDuringSignIn(t *testing.T) {
	eu := laptop.Regions[1]
	browser := newBrowser(t)
	emmy := login(t, "emmy@nordwind.example")
	step(t, browser, "type the address",
		chromedp.Navigate(eu.LoginURL),
		chromedp.SendKeys("#email", emmy.Email),
		chromedp.Click(`form button.primary`))
	awaitText(t, browser, laptop.IdP.Issuer, "Demo identity provider")
	leader := leaderOf(t, eu)
	if err := laptop.control("kill", leader.ID); err != nil {
		t.Fatal(err)
	}
	step(t, browser, "sign in at the provider",
		chromedp.SendKeys("#password", emmy.Password),
		chromedp.Click(`form button[type=submit]`))
	awaitText(t, browser, strings.TrimSuffix(eu.LoginURL, "/login"), "Emmy Amalie")
	step(t, browser, "sign out", chromedp.Click(`form[action="/logout"] button`))
	awaitText(t, browser, strings.TrimSuffix(eu.LoginURL, "/login"), "Sign in")
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

// setActive finds a user by userName and PATCHes it, as an IdP does.
func setActive(t *testing.T, o dev.OrganizationManifest, userName string, active bool) {
	t.Helper()
	var found struct {
		Resources []struct {
			ID string `json:"id"`
		}
	}
	call(t, o, http.MethodGet, "/Users?filter=userName%20eq%20%22"+userName+"%22", nil, &found)
	if len(found.Resources) != 1 {
		t.Fatalf("found %d users %s", len(found.Resources), userName)
	}
	call(t, o, http.MethodPatch, "/Users/"+found.Resources[0].ID, map[string]any{
		"schemas":    []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"},
		"Operations": []map[string]any{{"op": "replace", "path": "active", "value": active}},
	}, nil)
}

func call(t *testing.T, o dev.OrganizationManifest, method, path string, body, answer any) {
	t.Helper()
	status, raw, err := region.Call(t.Context(), client, method, o.SCIM.Base+path, o.SCIM.Token, "application/scim+json", body)
	if err == nil && status >= 300 {
		err = fmt.Errorf("status %d: %s", status, raw)
	}
	if err == nil && answer != nil {
		err = json.Unmarshal(raw, answer)
	}
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
}
