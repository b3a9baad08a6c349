package ui

import (
	"bytes"
	"errors"
	"path"
	"regexp"
	"strings"
	"testing"
)

const evil = `"><script>alert(1)</script>`

func everyPage() map[string]Page {
	frame := Frame{Title: evil, Region: evil, Dev: true}
	regions := []Region{{Name: evil, Current: true}, {Name: evil, URL: "https://us.example/login"}}
	return map[string]Page{
		"login":        Login{Frame: frame, Regions: regions, Notice: evil, ReturnTo: evil, Remembered: true, Local: evil},
		"organization": Login{Frame: frame, Regions: regions, Organization: evil, Slug: evil, ReturnTo: evil},
		"home":         Home{Frame: frame, Name: evil, Email: evil, Organization: evil, Expires: evil, ExpiresAt: evil, Keys: true},
		"sign out":     SignOut{Frame: frame, Name: evil},
		"message":      Message{Frame: frame, Tone: ToneTrouble, Heading: evil, Text: evil, Advice: evil, Reference: evil, Retry: evil, Action: evil},
		"calm":         Message{Frame: frame, Tone: ToneCalm, Heading: evil, Text: evil, Action: evil, Link: "/login"},
		"leave":        LeaveApplication{Frame: frame, Name: evil, Application: evil, Action: evil, Hidden: []Field{{evil, evil}}},
		"connect":      Connect{Frame: frame, Client: evil, Organization: evil, Host: evil, Hidden: []Field{{evil, evil}}, Notice: evil},
		"bare":         Login{},

		"local":                   LocalSignIn{Frame: frame, Action: "/login/local", Options: evil, Organization: evil, ReturnTo: evil, Notice: evil},
		"emergency":               LocalSignIn{Frame: frame, Action: "/login/emergency", Emergency: true, ReturnTo: evil, Notice: evil},
		"code":                    MailedCode{Frame: frame, Action: evil, Back: evil, Notice: evil},
		"set up":                  SetUp{Frame: frame, Action: "/login/setup/x", Organization: evil, Email: evil, Options: evil, Passkeys: 2, Codes: true, Notice: evil},
		"set up without passkeys": SetUp{Frame: frame, Organization: evil, Email: evil, Codes: true},
		"codes":                   RecoveryCodes{Frame: frame, Passkey: evil, Email: evil, Codes: []string{evil}, Where: evil, Next: evil, Link: "/", Action: evil},
		"keys":                    Keys{Frame: frame, Email: evil, Passkeys: []Passkey{{evil, evil, evil, evil}, {}}, Action: "/account/keys", Options: evil, Codes: true, Left: 1, Fresh: true, Notice: evil},
		"old keys":                Keys{Frame: frame, Email: evil, Passkeys: []Passkey{{}}, Codes: true, Again: evil},
	}
}

// ourScript is the only script that a page may have: a file of ours, named after its content.
var ourScript = regexp.MustCompile(`<script src="(/static/[a-z]+\.[0-9a-f]{12}\.js)" defer></script>`)

// TestRender: every page renders, keeps texts texts, has no script but ours where it says so, no inline style, and names its
// language.
func TestRender(t *testing.T) {
	pages := New()
	asset := regexp.MustCompile(`(?:href|src)="(/static/[^"]*)"`)
	for name, page := range everyPage() {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := pages.Render(&out, page); err != nil {
				t.Fatal(err)
			}
			body, assets := out.String(), 2
			if Scripted(page) {
				assets++
				body = ourScript.ReplaceAllString(body, `<link href="$1">`)
			}
			for _, bad := range []string{"<script", "style=", "javascript:", "onclick", "ZgotmplZ<"} {
				if strings.Contains(body, bad) {
					t.Errorf("%q in\n%s", bad, body)
				}
			}
			for _, wanted := range []string{`<html lang="en">`, `name="viewport"`, "<main", "<h1>", "</html>"} {
				if !strings.Contains(body, wanted) {
					t.Errorf("no %q in\n%s", wanted, body)
				}
			}
			links := asset.FindAllStringSubmatch(body, -1)
			if len(links) != assets {
				t.Errorf("assets %v", links)
			}
			for _, link := range links {
				if a, ok := pages.Asset(path.Base(link[1])); !ok || len(a.Body) == 0 || a.ContentType == "" {
					t.Errorf("asset %s is not there", link[1])
				}
			}
		})
	}
}

// TestRender_labels: every visible field has a label.
func TestRender_labels(t *testing.T) {
	pages := New()
	for name, page := range everyPage() {
		var out bytes.Buffer
		if err := pages.Render(&out, page); err != nil {
			t.Fatal(err)
		}
		for _, id := range regexp.MustCompile(`<input id="([^"]*)"`).FindAllStringSubmatch(out.String(), -1) {
			if !strings.Contains(out.String(), `for="`+id[1]+`"`) {
				t.Errorf("%s: field %s has no label", name, id[1])
			}
		}
	}
}

func TestAsset_names(t *testing.T) {
	pages := New()
	for name := range pages.assets {
		if !regexp.MustCompile(`^[a-z]+\.[0-9a-f]{12}\.(css|js|svg)$`).MatchString(name) {
			t.Errorf("name %q", name)
		}
	}
	for _, name := range []string{"style.css", "", "..", "../pages.go"} {
		if _, ok := pages.Asset(name); ok {
			t.Errorf("asset %q is there", name)
		}
	}
	if got, _ := pages.Asset(path.Base(pages.urls["style.css"])); got.ContentType != "text/css; charset=utf-8" {
		t.Errorf("type %q", got.ContentType)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("gone") }

func TestRender_lostClient(t *testing.T) {
	if err := New().Render(brokenWriter{}, Login{}); err == nil {
		t.Error("no error")
	}
}
