package oidc

import (
	"net/url"
	"strings"
	"testing"
)

func TestAttack45_returnTo(t *testing.T) {
	for _, target := range []string{
		"/", "/projects", "/projects/7/edit", "/a?b=c", "/a?b=c&d=%20e", "/a-b_c~d.e", "/search?q=a/b", "/%E2%82%AC", "/a?next=/b",
	} {
		if got := ReturnTo(target); got != target {
			t.Errorf("%q became %q", target, got)
		}
	}
	for _, target := range []string{
		"", "projects", "//evil.example", "///evil.example", "/\\evil.example", "\\evil.example", "/\t/evil.example", "/\n/evil.example",
		"/\r\nSet-Cookie: a=b", "https://evil.example", "HTTPS://evil.example", "https:evil.example", "javascript:alert(1)",
		"data:text/html,x", "/%2f/evil.example", "/%2Fevil.example", "/%5cevil.example", "/%5Cevil.example", "/.", "/..", "/./evil",
		"/../evil", "/.//evil.example", "/a/../../b", "/%2e%2e/evil", "/a//b", "/a#b", "/ evil", "/é", "/@evil.example", "/a@evil.example",
		"/:evil", "/;evil", "/a?u=//evil.example", "/a?u=https://evil.example", "/a?u=%5c%5cevil", "/a?u=%2F%2Fevil.example",
		"/%00", "/A%0", "/%09/evil", "/%0d%0a/evil", "/%1f", "/%7f", "/%252f%252fevil.example", "/%c0%af%c0%afevil", "/%C1%9cevil", "/" + strings.Repeat("a", maxReturnTo), "\x00", "/\u2028", "/\x7f", "?a=b", "#a", " /a", "/\u3002evil",
	} {
		if got := ReturnTo(target); got != "/" {
			t.Errorf("%q became %q", target, got)
		}
	}
}

func FuzzReturnTo(f *testing.F) {
	for _, seed := range []string{"/a", "//a", "/\\a", "/%2fa", "/a?b#c", "/.a"} {
		f.Add(seed)
	}
	base, err := url.Parse("https://us.example/signin-oidc/x?code=y")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, target string) {
		got := ReturnTo(target)
		u, err := base.Parse(got)
		if err != nil || u.Scheme != base.Scheme || u.Host != base.Host || u.User != nil {
			t.Errorf("%q leads to %v (%v)", target, u, err)
		}
		if ReturnTo(got) != got {
			t.Errorf("%q is not stable", got)
		}
	})
}
