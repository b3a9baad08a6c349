package dev

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"domicile/cmd/domicile/dev"
	"domicile/jobs/posttest"
	"domicile/test/region"
)

// withAuthenticator gives a browser a platform authenticator whose owner always agrees.
func withAuthenticator(t *testing.T, browser context.Context) {
	t.Helper()
	step(t, browser, "add an authenticator", func(ctx context.Context, tab *chromedp.Target) (chromedp.Void, error) {
		if _, err := cdp.Call(ctx, tab, webauthn.Enable, webauthn.EnableParams{}); err != nil {
			return chromedp.Void{}, err
		}
		_, err := cdp.Call(ctx, tab, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{
			Options: &webauthn.VirtualAuthenticatorOptions{
				Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
				HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
			},
		})
		return chromedp.Void{}, err
	})
}

// operate calls the API of a region as its operator.
func operate(t *testing.T, r dev.RegionManifest, method, path string, body, answer any) {
	t.Helper()
	status, raw, err := region.Call(t.Context(), client, method, r.URL+"/api/v1"+path, r.OperatorToken, "application/json", body)
	if err == nil && answer != nil {
		err = json.Unmarshal(raw, answer)
	}
	if err != nil || status >= 300 {
		t.Fatalf("%s %s: %d %s, %v", method, path, status, raw, err)
	}
}

// mailed waits for the newest letter to an address that the pattern matches, and gives what it found.
func mailed(t *testing.T, to string, pattern *regexp.Regexp) string {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for time.Now().Before(deadline) {
		_, raw, err := region.Call(t.Context(), client, http.MethodGet, laptop.Mail.Inbox+"/messages", "", "", nil)
		var letters []posttest.Letter
		if err == nil {
			err = json.Unmarshal(raw, &letters)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, letter := range slices.Backward(letters) {
			if found := pattern.FindStringSubmatch(letter.Body); found != nil && slices.Contains(letter.To, to) {
				return found[1]
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("no letter to %s with %s", to, pattern)
	return ""
}

var (
	setupLink  = regexp.MustCompile(`(?m)^ +(http://\S+/login/setup/\S+?)\s*$`)
	mailedCode = regexp.MustCompile(`(?m)^ +(\d{4} \d{4})\s*$`)
)

const addPasskey = `form[data-passkey="create"] button`

// setUp follows a mailed link and adds a passkey.
func setUp(t *testing.T, browser context.Context, link string) {
	t.Helper()
	step(t, browser, "follow the link", chromedp.Navigate(link))
	screenshot(t, browser, "setup")
	step(t, browser, "add a passkey", chromedp.SendKeys("#name", "Laptop"), chromedp.WaitEnabled(addPasskey), chromedp.Click(addPasskey))
	awaitText(t, browser, link, "Your passkey is ready")
	screenshot(t, browser, "recovery-codes")
}

func usePasskey(t *testing.T, browser context.Context, page string) {
	t.Helper()
	const button = `form[data-passkey="get"] button`
	step(t, browser, "open the entrance", chromedp.Navigate(page), chromedp.WaitEnabled(button))
	screenshot(t, browser, "entrance-"+path.Base(page))
	step(t, browser, "use the passkey", chromedp.Click(button))
}

// The root user and a break-glass address set up by mail what they sign in with, and sign in: the root user by a passkey, the
// break-glass address by a passkey and a mailed code, to the settings of sign-in only.
func TestBrowser_passkeys(t *testing.T) {
	eu := laptop.Regions[1]
	home := home(eu)
	slug := "keys-" + strings.ToLower(rand.Text()[:8]) // another one whenever the test is repeated
	domain := slug + ".example"
	rootMail, spareMail := "root@"+domain, "spare@"+domain
	var org struct {
		ID string `json:"id"`
	}
	operate(t, eu, http.MethodPost, "/organizations", map[string]any{
		"slug": slug, "name": "Key Works", "domains": []string{domain}, "root": map[string]any{"email": rootMail},
		"break_glass": []string{spareMail},
	}, &org)
	organization := "/organizations/" + org.ID

	root := newBrowser(t)
	withAuthenticator(t, root)
	setUp(t, root, mailed(t, rootMail, setupLink))
	usePasskey(t, root, eu.LoginURL+"/local")
	awaitText(t, root, home, "Signed in until")
	step(t, root, "see the keys", chromedp.Click(`a[href="/account/keys"]`))
	awaitText(t, root, home+"/account/keys", "10 are left")
	screenshot(t, root, "keys")
	step(t, root, "sign out", chromedp.Navigate(home+"/logout"), chromedp.Click(buttonOut))
	awaitText(t, root, home+"/logout", "You are signed out")
	if _, text := shown(root); strings.Contains(text, "identity provider") {
		t.Errorf("whoever signed in here reads of an identity provider:\n%s", text)
	}
	screenshot(t, root, "signed-out-here")
	step(t, root, "go again to where a form was posted to", chromedp.Navigate(eu.LoginURL+"/local/mail?organization="+slug))
	awaitText(t, root, eu.LoginURL+"/local?organization="+slug, "Sign in")

	spare := newBrowser(t)
	withAuthenticator(t, spare)
	setUp(t, spare, mailed(t, spareMail, setupLink))
	usePasskey(t, spare, eu.LoginURL+"/emergency")
	awaitText(t, spare, eu.LoginURL+"/emergency/code", "Enter the code")
	screenshot(t, spare, "code")
	step(t, spare, "type the code", chromedp.SendKeys("#code", mailed(t, spareMail, mailedCode)), chromedp.Click(`form button`))
	awaitText(t, spare, home, "Signed in until")
	screenshot(t, spare, "break-glass-home")
	step(t, spare, "look at the settings", chromedp.Navigate(home+"/api/v1"+organization))
	awaitText(t, spare, home, `"slug":"`+slug+`"`)
	step(t, spare, "look at what is not for break glass", chromedp.Navigate(home+"/api/v1"+organization+"/scim-tokens"))
	awaitText(t, spare, home, "forbidden")
	step(t, spare, "look at the keys", chromedp.Navigate(home+"/account/keys"))
	awaitText(t, spare, home, "nothing to manage")
}
