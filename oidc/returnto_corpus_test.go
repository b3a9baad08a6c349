package oidc

import (
	"net/url"
	"testing"

	"domicile/test/attacks/redirect"
)

const corpusOrigin = "https://us.example"

func corpusPage(t testing.TB) *url.URL {
	t.Helper()
	base, err := url.Parse(corpusOrigin + "/signin-oidc/x?code=y")
	if err != nil {
		t.Fatal(err)
	}
	return base
}

// TestAttack45_browser: no address of the corpus that leads a browser away is let through.
func TestAttack45_browser(t *testing.T) {
	base := corpusPage(t)
	for _, target := range redirect.Targets(corpusOrigin) {
		got := ReturnTo(target)
		if got != "/" && got != target || redirect.Origin(base, got) != corpusOrigin {
			t.Errorf("%.200q became %.200q", target, got)
		}
	}
}

// FuzzReturnTo_browser: whatever is let through, a browser stays.
func FuzzReturnTo_browser(f *testing.F) {
	targets := redirect.Targets(corpusOrigin)
	for i := 0; i < len(targets); i += 20 { // a sample: each seed costs time before the search begins
		f.Add(targets[i])
	}
	base := corpusPage(f)
	f.Fuzz(func(t *testing.T, target string) {
		if origin := redirect.Origin(base, ReturnTo(target)); origin != corpusOrigin {
			t.Errorf("%q leads to %s", target, origin)
		}
	})
}
