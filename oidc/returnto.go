package oidc

import (
	"net/url"
	"strings"
)

const maxReturnTo = 1 << 10

// ReturnTo gives target if a browser that follows it stays on this origin, and "/" otherwise: a path of at most 1 KiB of
// printable ASCII that starts with one slash and has no second one, backslash, dot segment or fragment, and nothing encoded that
// would be one of those, or a control character, for whoever decodes it once more (an overlong slash begins with C0). A query
// may follow. It is asked when a sign-in starts and again when it ends.
func ReturnTo(target string) string {
	if !safePath(target) {
		return "/"
	}
	return target
}

func safePath(target string) bool {
	if target == "" || len(target) > maxReturnTo || target[0] != '/' {
		return false
	}
	for i := range len(target) {
		if c := target[i]; c < 0x21 || c > 0x7e || c == '\\' || c == '#' {
			return false
		}
	}
	if _, err := url.ParseRequestURI(target); err != nil {
		return false
	}
	path, query, _ := strings.Cut(target, "?")
	folded := strings.ToLower(path)
	for _, bad := range []string{"//", "/.", "%2f", "%5c", "%2e", "%25", "%0", "%1", "%7f", "%c0", "%c1", "@", ":", ";"} {
		if strings.Contains(folded, bad) {
			return false
		}
	}
	// A query is data, but some applications pass it on to a redirect of their own.
	folded = strings.ToLower(query)
	for _, bad := range []string{"//", "%2f%2f", "%5c"} {
		if strings.Contains(folded, bad) {
			return false
		}
	}
	return true
}
