package interop

import (
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"domicile/oidc/oidctest"
)

// visitor is a person at a browser: it follows redirects and fills every form with what it knows.
type visitor struct {
	browser *oidctest.Browser
	fields  map[string]string // what to type, by field
	stop    string            // a prefix: the walk ends before it goes there
	eager   bool              // forms that ask for nothing are sent too: to sign out, say
}

func newVisitor(login string) *visitor {
	return &visitor{browser: oidctest.NewBrowser(nil), fields: map[string]string{
		"email": login + "@acme.example", "login": login, "username": login, "password": "verysecure",
	}}
}

// page is where a walk ended.
type page struct {
	url    *url.URL
	status int
	body   string
	header http.Header
}

var (
	formTag   = regexp.MustCompile(`(?is)<form\b([^>]*)>(.*?)</form>`)
	inputTag  = regexp.MustCompile(`(?is)<(?:input|button)\b([^>]*)>`)
	attribute = regexp.MustCompile(`([\w-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')`)
)

// walk opens an address and goes on until a page has no form that was not filled yet.
func (v *visitor) walk(t *testing.T, address string) page {
	t.Helper()
	request := v.request(t, http.MethodGet, address, nil)
	seen := map[string]bool{}
	for range 30 {
		if v.stop != "" && strings.HasPrefix(request.URL.String(), v.stop) {
			return page{url: request.URL}
		}
		resp, err := v.browser.Do(request)
		if err != nil {
			t.Fatalf("%s %s: %v", request.Method, request.URL, err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		here := page{request.URL, resp.StatusCode, string(body), resp.Header}
		if location := resp.Header.Get("Location"); location != "" && resp.StatusCode/100 == 3 {
			request = v.request(t, http.MethodGet, resolve(t, here.url, location), nil)
			continue
		}
		action, form, ok := v.form(here.body)
		if mark := here.url.Path + " " + action + " " + strings.Join(keys(form), ","); !ok || seen[mark] {
			return here
		} else {
			seen[mark] = true
		}
		request = v.request(t, http.MethodPost, resolve(t, here.url, action), form)
		request.Header.Set("Origin", here.url.Scheme+"://"+here.url.Host)
	}
	t.Fatal("the pages go in circles")
	return page{}
}

func keys(form url.Values) []string {
	var names []string
	for name := range form {
		names = append(names, name)
	}
	return names
}

func (v *visitor) request(t *testing.T, method, address string, form url.Values) *http.Request {
	t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	request, err := http.NewRequestWithContext(t.Context(), method, address, body)
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return request
}

func resolve(t *testing.T, at *url.URL, reference string) string {
	t.Helper()
	target, err := at.Parse(reference)
	if err != nil {
		t.Fatal(err)
	}
	return target.String()
}

// form reads the first form of a page that asks for something, filled.
func (v *visitor) form(body string) (action string, fields url.Values, ok bool) {
	found := formTag.FindStringSubmatch(body)
	if found == nil {
		return "", nil, false
	}
	fields, asked := url.Values{}, v.eager
	for _, input := range inputTag.FindAllStringSubmatch(found[2], -1) {
		a := attributes(input[1])
		if a["name"] == "" {
			continue
		}
		value := a["value"]
		if known, ok := v.fields[a["name"]]; ok {
			value, asked = known, true
		}
		asked = asked || a["name"] == "prompt" || a["name"] == "code"
		fields.Set(a["name"], value)
	}
	return attributes(found[1])["action"], fields, asked
}

func attributes(tag string) map[string]string {
	list := map[string]string{}
	for _, m := range attribute.FindAllStringSubmatch(tag, -1) {
		list[strings.ToLower(m[1])] = html.UnescapeString(m[2] + m[3])
	}
	return list
}

// get asks for one page with the visitor's cookies.
func (v *visitor) get(ctx context.Context, address string) (int, string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, "", err
	}
	resp, err := v.browser.Do(request)
	if err != nil {
		return 0, "", fmt.Errorf("get %s: %w", address, err)
	}
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}
