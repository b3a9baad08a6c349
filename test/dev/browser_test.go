package dev

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"domicile/cmd/domicile/dev"
	"domicile/test/region"
)

// newBrowser opens Debian's Chromium, headless, with an empty profile; screenshots go to the directory that the
// environment variable SCREENSHOTS names, if it does.
func newBrowser(t *testing.T, more ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("the browser tests need Debian's chromium (make browser installs it): %v", err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(1000, 800),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.UserDataDir(t.TempDir()))
	allocator, cancelAllocator := chromedp.NewExecAllocator(t.Context(), append(options, more...)...)
	t.Cleanup(cancelAllocator)
	browser, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	limited, cancelLimit := context.WithTimeout(browser, 2*time.Minute)
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

// The looks of a page: as on a desk, on a phone, and in the dark.
var looks = []struct {
	suffix string
	set    chromedp.Action[chromedp.Void]
}{
	{"", chromedp.Steps(chromedp.EmulateViewport(1000, 800), scheme("light"))},
	{"-phone", chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulatePortrait)},
	{"-dark", chromedp.Steps(chromedp.EmulateViewport(1000, 800), scheme("dark"))},
}

// scheme tells the page which colours the person prefers, and that nothing should move: a picture does not wait.
func scheme(name string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{
				{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"},
			},
		})
		return err
	})
}

// screenshot takes a picture of the page in each of its looks, where pictures are wanted.
func screenshot(t *testing.T, browser context.Context, name string) {
	t.Helper()
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		return
	}
	for _, look := range looks {
		step(t, browser, "look"+look.suffix, look.set)
		png, err := chromedp.Run(browser, chromedp.FullScreenshot(100))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+look.suffix+".png"), png, 0o644); err != nil {
			t.Error(err)
		}
	}
	step(t, browser, "look as before", looks[0].set)
}

// home is the address of a region's pages.
func home(r dev.RegionManifest) string { return strings.TrimSuffix(r.LoginURL, "/login") }

const (
	inputEmail  = `#email`
	buttonStart = `form[action="/login/start"] button.primary`
	buttonOut   = `form[action="/logout"] button`
)

// begin types an address at a sign-in page and goes as far as the demo provider's.
func begin(t *testing.T, browser context.Context, page, email string) {
	t.Helper()
	step(t, browser, "open the sign-in page", chromedp.Navigate(page))
	address(t, browser, email)
	awaitText(t, browser, laptop.IdP.Issuer, "Demo identity provider")
}

// address types an address at the sign-in page that is open, and sends it.
func address(t *testing.T, browser context.Context, email string) {
	t.Helper()
	step(t, browser, "type the address",
		chromedp.WaitVisible(inputEmail), chromedp.SendKeys(inputEmail, email), chromedp.Click(buttonStart))
}

// authenticate signs in at the demo provider's page.
func authenticate(t *testing.T, browser context.Context, login dev.LoginManifest) {
	t.Helper()
	step(t, browser, "sign in at the provider",
		chromedp.SetValue(inputEmail, login.Email), chromedp.SendKeys("#password", login.Password), chromedp.Click(`form button[type=submit]`))
}

// enter types an address at a region's sign-in page and signs in at the demo provider.
func enter(t *testing.T, browser context.Context, r dev.RegionManifest, login dev.LoginManifest) {
	t.Helper()
	begin(t, browser, r.LoginURL, login.Email)
	authenticate(t, browser, login)
}

// visitor opens a browser and signs somebody in.
func visitor(t *testing.T, r dev.RegionManifest, email, name string) context.Context {
	t.Helper()
	browser := newBrowser(t)
	enter(t, browser, r, login(t, email))
	awaitText(t, browser, home(r)+"/", name)
	return browser
}

// answer goes to the callback of the sign-in whose provider page is open, with what a provider would send; the state and the
// issuer are added.
func answer(t *testing.T, browser context.Context, values url.Values) {
	t.Helper()
	asked := request(t, browser)
	values.Set("state", asked.Get("state"))
	values.Set("iss", laptop.IdP.Issuer)
	step(t, browser, "answer", chromedp.Navigate(asked.Get("redirect_uri")+"?"+values.Encode()))
}

// request reads the authorization request from the address of the provider's page.
func request(t *testing.T, browser context.Context) url.Values {
	t.Helper()
	place, _ := shown(browser)
	u, err := url.Parse(place)
	if err != nil || u.Query().Get("redirect_uri") == "" {
		t.Fatalf("%s is no authorization request: %v", place, err)
	}
	return u.Query()
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
