package dev

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// Somebody whom the provider knows and the organization never provisioned is turned away kindly, and finds the way back.
func TestBrowser_notProvisioned(t *testing.T) {
	us := laptop.Regions[0]
	browser := newBrowser(t)
	enter(t, browser, us, login(t, "mallory@acme.example"))
	awaitText(t, browser, home(us)+"/signin-oidc/", "Ask your administrator to assign you")
	screenshot(t, browser, "not-provisioned")
	step(t, browser, "back to sign-in", chromedp.Click(`a.button`))
	awaitText(t, browser, us.LoginURL, "Work e-mail")
}

// The provider answers with an error: the page says which of the two sides has to act, shows nothing of what came, and its
// button leads to the provider again.
func TestBrowser_providerAnswersWithAnError(t *testing.T) {
	us := laptop.Regions[0]
	tests := []struct{ code, text string }{
		{"access_denied", "denied or that the sign-in was cancelled"},
		{"server_error", "It reported an error"},
		{"temporarily_unavailable", "It reported an error"},
	}
	for _, tt := range tests {
		t.Run(tt.code, func(t *testing.T) {
			browser := newBrowser(t)
			begin(t, browser, us.LoginURL, "ada@acme.example")
			answer(t, browser, url.Values{"error": {tt.code}, "error_description": {"<h1>Call +1 555 0100</h1>"}})
			awaitText(t, browser, home(us)+"/signin-oidc/", tt.text)
			if _, text := shown(browser); strings.Contains(text, "555") {
				t.Errorf("the page repeats the provider:\n%s", text)
			}
			screenshot(t, browser, tt.code)
			step(t, browser, "try again", chromedp.Click(`form button.primary`))
			awaitText(t, browser, laptop.IdP.Issuer, "Demo identity provider")
			authenticate(t, browser, login(t, "ada@acme.example"))
			awaitText(t, browser, home(us)+"/", "Ada Byron")
		})
	}
}

// A person is at the provider for longer than the transaction's cookie lives, or comes back to it the next day: the callback
// brings nothing that it belongs to. The page leads to the provider again.
func TestBrowser_expiredState(t *testing.T) {
	us := laptop.Regions[0]
	browser := newBrowser(t)
	ada := login(t, "ada@acme.example")
	begin(t, browser, us.LoginURL, ada.Email)
	if n := forget(t, browser, us.LoginURL, "domicile_tx_"); n == 0 {
		t.Fatal("the sign-in left no cookie to lose")
	}
	authenticate(t, browser, ada)
	awaitText(t, browser, home(us)+"/signin-oidc/", "This sign-in has expired")
	screenshot(t, browser, "expired")
	step(t, browser, "start again", chromedp.Click(`.card .primary`))
	awaitText(t, browser, home(us)+"/", "Ada Byron")
}

// A callback comes again after it succeeded, as it was, or by "back" to the provider, which answers once more: nothing
// happens, and the way on is where the person was.
func TestBrowser_replayedCallback(t *testing.T) {
	us := laptop.Regions[0]
	browser := newBrowser(t)
	callbacks := visits(t, browser, home(us)+"/signin-oidc/")
	enter(t, browser, us, login(t, "ada@acme.example"))
	awaitText(t, browser, home(us)+"/", "Ada Byron")
	seen := callbacks()
	if len(seen) != 1 {
		t.Fatalf("the browser came to callbacks %q", seen)
	}

	// The page before is the provider's, which knows the browser by now and sends it on with another code.
	step(t, browser, "go back", chromedp.NavigateBack())
	awaitText(t, browser, home(us)+"/signin-oidc/", "This sign-in was finished already")
	step(t, browser, "the first callback again", chromedp.Navigate(seen[0]))
	awaitText(t, browser, seen[0], "This sign-in was finished already")
	screenshot(t, browser, "replayed")
	step(t, browser, "continue", chromedp.Click(`a.button`))
	awaitText(t, browser, home(us)+"/", "Ada Byron")

	// To a browser that took no part, the same address is one that has expired.
	other := newBrowser(t)
	step(t, other, "the callback elsewhere", chromedp.Navigate(seen[0]))
	awaitText(t, other, seen[0], "This sign-in has expired")
}

// forget deletes the cookies of a page whose names begin so, and tells how many.
func forget(t *testing.T, browser context.Context, page, prefix string) (n int) {
	t.Helper()
	step(t, browser, "lose cookies", chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		kept, err := cdp.Call(ctx, tab, network.GetCookies, network.GetCookiesParams{URLs: []string{page}})
		if err != nil {
			return err
		}
		for _, cookie := range kept.Cookies {
			if !strings.HasPrefix(cookie.Name, prefix) {
				continue
			}
			if _, err := cdp.Call(ctx, tab, network.DeleteCookies, network.DeleteCookiesParams{Name: cookie.Name, URL: page}); err != nil {
				return err
			}
			n++
		}
		return nil
	}))
	return n
}

// visits notes the addresses with a prefix that a browser asks for from now on.
func visits(t *testing.T, browser context.Context, prefix string) func() []string {
	t.Helper()
	var mu sync.Mutex
	var seen []string
	err := chromedp.Listen(browser, func(event any) {
		if sent, ok := event.(*network.EventRequestWillBeSent); ok && strings.HasPrefix(sent.Request.URL, prefix) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, sent.Request.URL)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	step(t, browser, "watch requests", chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, network.Enable, network.EnableParams{})
		return err
	}))
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(seen)
	}
}
