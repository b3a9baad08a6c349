package dev

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"domicile/cmd/domicile/dev"
)

// Signing out ends the session here and, on the way by the provider (RP-Initiated Logout), the provider's own: the next
// sign-in is asked for a password again.
func TestBrowser_signOutHereAndAtTheProvider(t *testing.T) {
	us := laptop.Regions[0]
	browser := visitor(t, us, "ada@acme.example", "Ada Byron")

	step(t, browser, "follow a link to the logout", chromedp.Navigate(home(us)+"/logout"))
	awaitText(t, browser, home(us)+"/logout", "Sign out?")
	screenshot(t, browser, "sign-out")
	step(t, browser, "stay", chromedp.Click(`.aside a`))
	awaitText(t, browser, home(us)+"/", "Ada Byron")

	step(t, browser, "sign out", chromedp.Click(buttonOut))
	awaitText(t, browser, home(us)+"/logout/done", "You are signed out")
	screenshot(t, browser, "signed-out")
	step(t, browser, "open the pages again", chromedp.Navigate(home(us)+"/"))
	awaitText(t, browser, us.LoginURL, "Work e-mail")
	address(t, browser, "ada@acme.example")
	awaitText(t, browser, laptop.IdP.Issuer, "Demo identity provider") // it does not know the browser any more

	step(t, browser, "follow a link to the logout", chromedp.Navigate(home(us)+"/logout"))
	awaitText(t, browser, home(us)+"/logout", "You are signed out")
	step(t, browser, "sign in again", chromedp.Click(`a.button`))
	awaitText(t, browser, us.LoginURL, "Work e-mail")
}

// An application of the SaaS signs a person in through the region, which asks the organization's provider; signing out there
// signs out here and at the provider, and signing out here reaches the application over the back channel.
func TestBrowser_application(t *testing.T) {
	us := laptop.Regions[0]
	app := sample(t, us)
	browser := newBrowser(t)
	signIn := func() {
		t.Helper()
		step(t, browser, "open the application", chromedp.Navigate(app))
		awaitText(t, browser, app, "Sign in")
		step(t, browser, "sign in", chromedp.Click(`a[href="/login"]`))
	}
	signIn()
	awaitText(t, browser, us.LoginURL, "Work e-mail")
	screenshot(t, browser, "login-for-application")
	address(t, browser, "alan@acme.example")
	awaitText(t, browser, laptop.IdP.Issuer, "Demo identity provider")
	authenticate(t, browser, login(t, "alan@acme.example"))
	awaitText(t, browser, app+"/", `"alan@acme.example"`)

	step(t, browser, "sign out of the application", chromedp.Click(`form[action="/logout"] button`))
	awaitText(t, browser, app+"/", "Sign in")
	step(t, browser, "open the region's page", chromedp.Navigate(home(us)+"/"))
	awaitText(t, browser, us.LoginURL, "Work e-mail")

	signIn()
	awaitText(t, browser, us.LoginURL, "Work e-mail")
	address(t, browser, "alan@acme.example")
	awaitText(t, browser, laptop.IdP.Issuer, "Demo identity provider") // it does not know the browser any more
	authenticate(t, browser, login(t, "alan@acme.example"))
	awaitText(t, browser, app+"/", `"alan@acme.example"`)
	step(t, browser, "sign out here", chromedp.Navigate(home(us)+"/"), chromedp.Click(buttonOut))
	awaitText(t, browser, home(us)+"/logout/done", "You are signed out")
	awaitReload(t, browser, app+"/", "Sign in")
}

// awaitReload opens a page again and again until it shows a text.
func awaitReload(t *testing.T, browser context.Context, page, text string) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		step(t, browser, "open the page", chromedp.Navigate(page))
		_, body := shown(browser)
		if strings.Contains(body, text) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("no %q at %s:\n%s", text, page, body)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// sample runs deploy/examples/app as an application of a region, and gives its address.
func sample(t *testing.T, r dev.RegionManifest) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "app")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "domicile/deploy/examples/app").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	reserved, err := net.Listen("tcp", "127.0.0.1:0") // the region has to know the address before the application has it
	if err != nil {
		t.Fatal(err)
	}
	address := reserved.Addr().String()
	_ = reserved.Close()
	var registered struct {
		ID     string `json:"id"`
		Secret string `json:"client_secret"`
	}
	operate(t, r, http.MethodPost, "/applications", map[string]any{
		"name": "Sample", "redirect_uris": []string{"http://" + address + "/callback"},
		"post_logout_redirect_uris": []string{"http://" + address + "/"},
		"backchannel_logout_uri":    "http://" + address + "/backchannel-logout",
	}, &registered)
	process := exec.CommandContext(t.Context(), binary)
	process.Env = append(os.Environ(), "APP_ISSUER="+r.URL+"/oidc", "APP_CLIENT_ID="+registered.ID,
		"APP_CLIENT_SECRET="+registered.Secret, "APP_LISTEN="+address)
	process.Stderr = os.Stderr
	out, err := process.StdoutPipe()
	if err == nil {
		err = process.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = process.Process.Kill(); _ = process.Wait() })
	place, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the application did not start: %v", err)
	}
	return strings.TrimSpace(place)
}
