package oidctest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
)

// errTooManySteps means that the pages send the browser in circles.
var errTooManySteps = errors.New("browser gave up after 30 steps")

const maxSteps = 30

// Browser is just enough of a browser to sign in: a cookie jar, redirects, and
// forms. Like real ones it treats loopback as a secure origin, so Secure and
// __Host- cookies work over plain HTTP there.
type Browser struct {
	// StopAt, if set, is asked before each request; true ends the walk with
	// the answer before it, so that a test can tamper with a callback.
	StopAt func(*url.URL) bool

	client *http.Client
}

// NewBrowser returns a browser without cookies. A nil transport is
// http.DefaultTransport.
func NewBrowser(transport http.RoundTripper) *Browser {
	jar, _ := cookiejar.New(nil) // never fails without a public suffix list
	return &Browser{client: &http.Client{
		Transport:     transport,
		Jar:           secureLoopback{jar},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// secureLoopback shows loopback URLs to the jar as https.
type secureLoopback struct{ jar http.CookieJar }

func (s secureLoopback) SetCookies(u *url.URL, cookies []*http.Cookie) {
	s.jar.SetCookies(trusted(u), cookies)
}

func (s secureLoopback) Cookies(u *url.URL) []*http.Cookie { return s.jar.Cookies(trusted(u)) }

func trusted(u *url.URL) *url.URL {
	if !loopbackHost(u.Hostname()) {
		return u
	}
	secure := *u
	secure.Scheme = "https"
	return &secure
}

// Cookies returns the cookies that the browser would send to a URL.
func (b *Browser) Cookies(u *url.URL) []*http.Cookie { return b.client.Jar.Cookies(u) }

// SetCookies plants cookies, as an attacker might.
func (b *Browser) SetCookies(u *url.URL, cookies []*http.Cookie) { b.client.Jar.SetCookies(u, cookies) }

// Do sends one request with the browser's cookies and follows nothing.
func (b *Browser) Do(req *http.Request) (*http.Response, error) { return buffered(b.client.Do(req)) }

// SignIn opens startURL and walks on: redirects are followed, the login form
// is filled once, a form_post answer is submitted, and so is a form on the page
// of startURL itself that asks for an e-mail address only. It returns the first
// answer that leads nowhere (its body is in memory), and the URLs visited in
// order. A wrong password ends with the login page.
func (b *Browser) SignIn(ctx context.Context, startURL, email, password string) (*http.Response, []string, error) {
	step, err := get(ctx, startURL)
	if err != nil {
		return nil, nil, err
	}
	w := walk{email: email, password: password}
	var last *http.Response
	for range maxSteps {
		if b.StopAt != nil && b.StopAt(step.URL) {
			return last, w.trail, nil
		}
		w.trail = append(w.trail, step.URL.String())
		if last, err = b.Do(step); err != nil {
			return nil, w.trail, err
		}
		next, err := w.next(last, step)
		if err != nil || next == nil {
			return last, w.trail, err
		}
		step = next
	}
	return last, w.trail, errTooManySteps
}

// walk is one sign-in.
type walk struct {
	email, password string
	trail           []string
	filled          bool // the login form was submitted
}

// next returns the request that an answer leads to, nil if none.
func (w *walk) next(resp *http.Response, sent *http.Request) (*http.Request, error) {
	if location := resp.Header.Get("Location"); location != "" && resp.StatusCode/100 == 3 {
		return redirected(resp.StatusCode, location, sent)
	}
	body, err := bodyOf(resp)
	if err != nil {
		return nil, err
	}
	form, ok := parseForm(body)
	if !ok {
		return nil, nil
	}
	login := form.fields.Has("password")
	switch {
	case login && !w.filled:
		w.filled = true
		form.fields.Set("email", w.email)
		form.fields.Set("password", w.password)
	case !login && form.fields.Has("email") && len(w.trail) == 1:
		form.fields.Set("email", w.email)
	case !form.automatic:
		return nil, nil
	}
	return form.request(sent.Context(), sent.URL)
}

// redirected keeps method and body for 307 and 308 only.
func redirected(status int, location string, sent *http.Request) (*http.Request, error) {
	target, err := sent.URL.Parse(location)
	if err != nil {
		return nil, fmt.Errorf("redirect: %w", err)
	}
	keep := status == http.StatusTemporaryRedirect || status == http.StatusPermanentRedirect
	if !keep || sent.GetBody == nil {
		return get(sent.Context(), target.String())
	}
	body, err := sent.GetBody()
	if err != nil {
		return nil, fmt.Errorf("redirect: %w", err)
	}
	again, err := http.NewRequestWithContext(sent.Context(), sent.Method, target.String(), body)
	if err != nil {
		return nil, fmt.Errorf("redirect: %w", err)
	}
	again.Header.Set("Content-Type", sent.Header.Get("Content-Type"))
	return again, nil
}

func get(ctx context.Context, rawURL string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, rawURL, nil)
	if err != nil {
		return nil, fmt.Errorf("open page: %w", err)
	}
	return req, nil
}

// buffered reads the body, so that nobody has to close it.
func buffered(resp *http.Response, err error) (*http.Response, error) {
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	if err != nil {
		return nil, fmt.Errorf("read page: %w", err)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// bodyOf reads a buffered body and leaves it readable.
func bodyOf(resp *http.Response) (string, error) {
	body, err := io.ReadAll(resp.Body)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return string(body), err
}

// webForm is the first form of a page.
type webForm struct {
	action    string
	fields    url.Values
	automatic bool // the page submits it by itself
}

// Regular expressions suffice for pages that templates of ours made.
var (
	formTag   = regexp.MustCompile(`(?is)<form\b([^>]*)>(.*?)</form>`)
	inputTag  = regexp.MustCompile(`(?is)<input\b([^>]*)>`)
	attribute = regexp.MustCompile(`([\w-]+)\s*=\s*"([^"]*)"`)
)

// parseForm finds the first form.
func parseForm(page string) (webForm, bool) {
	m := formTag.FindStringSubmatch(page)
	if m == nil {
		return webForm{}, false
	}
	f := webForm{
		action:    attributesOf(m[1])["action"],
		fields:    url.Values{},
		automatic: strings.Contains(page, "forms[0].submit()"),
	}
	for _, input := range inputTag.FindAllStringSubmatch(m[2], -1) {
		a := attributesOf(input[1])
		if a["name"] != "" {
			f.fields.Add(a["name"], a["value"])
		}
	}
	return f, true
}

func attributesOf(tag string) map[string]string {
	attributes := map[string]string{}
	for _, m := range attribute.FindAllStringSubmatch(tag, -1) {
		attributes[strings.ToLower(m[1])] = html.UnescapeString(m[2])
	}
	return attributes
}

func (f webForm) request(ctx context.Context, page *url.URL) (*http.Request, error) {
	target, err := page.Parse(f.action)
	if err != nil {
		return nil, fmt.Errorf("submit form: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), strings.NewReader(f.fields.Encode()))
	if err != nil {
		return nil, fmt.Errorf("submit form: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", page.Scheme+"://"+page.Host)
	return req, nil
}
