package redirect

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

const own = "https://us.example"

func ownPage(t testing.TB) *url.URL {
	t.Helper()
	base, err := url.Parse(own + "/signin-oidc/x?code=y")
	if err != nil {
		t.Fatal(err)
	}
	return base
}

func TestOrigin(t *testing.T) {
	for location, want := range map[string]string{
		"/a": own, "": own, "a": own, "?a": own, "#a": own, "/./..//" + Evil: own, "https:a": own, "https:/a": own, "https:": own, "/a\\b": own, "HTTPS:/a": own,
		"//" + Evil: "https://" + Evil, `\\` + Evil: "https://" + Evil, `/\` + Evil: "https://" + Evil, "/\t/" + Evil: "https://" + Evil, "\x00 //" + Evil: "https://" + Evil,
		"////" + Evil + ":443": "https://" + Evil, "https:" + Evil: own, `https:\\` + Evil: "https://" + Evil, "ht\ntp:" + Evil: "http://" + Evil, "http:/" + Evil: "http://" + Evil,
		own + "@" + Evil: "https://" + Evil, own + `\@` + Evil: own, "//x:y@z@" + Evil: "https://" + Evil, "//EVIL.example:8443/": "https://" + Evil + ":8443",
		"//evil。example": "https://" + Evil, "//%65vil.example": "https://" + Evil, "//ｅｖｉｌ.example": "https://" + Evil, "http://us.example/": "http://us.example", own + ":443/": own, own + ":0444": own + ":444",
		"//": "", "https://": "", "//x:y": "https://x:y", "//[::1]:8": "https://[::1]:8", "//us.example%00": "https://us.example\x00", "//us.example ": own, "//%20us.example": "https:// us.example",
		"javascript:alert(1)": Opaque, "java\nscript:x": Opaque, "data:,x": Opaque, "file:///etc/passwd": Opaque, "1a:b": own, "é:b": own,
	} {
		if got := Origin(ownPage(t), location); got != want {
			t.Errorf("%q leads to %q, want %q", location, got, want)
		}
	}
}

// TestOrigin_asChromium holds the judge to what a browser makes of every address of the corpus. It may be more careful.
func TestOrigin_asChromium(t *testing.T) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("this test needs Debian's chromium (make browser installs it): %v", err)
	}
	allocator, cancel := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()))...)
	t.Cleanup(cancel)
	browser, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	limited, cancel := context.WithTimeout(browser, 2*time.Minute)
	t.Cleanup(cancel)

	targets := Targets(own)
	for i := range targets {
		targets[i] = strings.ToValidUTF8(targets[i], "\ufffd") // as a browser reads bytes that are none
	}
	list, err := json.Marshal(targets)
	if err != nil {
		t.Fatal(err)
	}
	base := ownPage(t)
	script := fmt.Sprintf(`%s.map(x => { try { return new URL(x, %q).origin } catch { return "" } })`, list, base)
	origins, err := chromedp.Run(limited, chromedp.Evaluate[[]string](script))
	if err != nil || len(origins) != len(targets) {
		t.Fatalf("%d answers for %d addresses, %v", len(origins), len(targets), err)
	}
	leaves := func(origin string) bool { return origin != own && origin != "" }
	away := 0
	for i, want := range origins {
		if leaves(want) {
			away++
		}
		if got := Origin(base, targets[i]); leaves(got) != leaves(want) && (want != "" || !leaves(got)) {
			t.Errorf("%.200q leads to %q; Chromium says %q", targets[i], got, want)
		}
	}
	t.Logf("%d addresses, of which %d lead away", len(targets), away)
	if len(targets) < 1000 || away < len(targets)/3 {
		t.Error("the corpus is harmless")
	}
}
