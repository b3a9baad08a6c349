package redirect

import (
	"net/url"
	"strings"

	"golang.org/x/net/idna"
)

// Opaque is the origin of addresses that have none, such as scripts and data.
const Opaque = "null"

// ports are the special schemes of the URL standard, those with a host and slashes, and their default ports. file is special
// too, but has no origin.
var ports = map[string]string{"http": "80", "https": "443", "ws": "80", "wss": "443", "ftp": "21"}

// Origin gives the origin, "https://host" or "https://host:port", at which a browser arrives that was sent from a page at base,
// which is http or https, to a Location; Opaque where it has none, and "" where the browser cannot read the address and stays
// (https://url.spec.whatwg.org/#url-parsing). Numbers that mean an IPv4 address are left as they are.
func Origin(base *url.URL, location string) string {
	text := strings.TrimFunc(location, func(r rune) bool { return r <= ' ' })
	text = strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(text)
	scheme, rest, given := cutScheme(text)
	switch {
	case !given:
		scheme, rest = base.Scheme, text
	case ports[scheme] == "":
		return Opaque
	case scheme != base.Scheme:
		return originOf(scheme, strings.TrimLeft(rest, `/\`)) // any number of slashes, none included
	}
	if len(rest) < 2 || !isSlash(rest[0]) || !isSlash(rest[1]) {
		return originOf(base.Scheme, base.Host) // relative: a path, a query or a fragment
	}
	return originOf(scheme, strings.TrimLeft(rest, `/\`))
}

func isSlash(c byte) bool { return c == '/' || c == '\\' }

// cutScheme cuts "scheme:" off, in small letters.
func cutScheme(text string) (scheme, rest string, ok bool) {
	scheme, rest, ok = strings.Cut(text, ":")
	if !ok || scheme == "" {
		return "", text, false
	}
	for i := range len(scheme) {
		c := scheme[i] | 0x20
		letter := 'a' <= c && c <= 'z'
		if !letter && (i == 0 || !strings.ContainsRune("0123456789+-.", rune(scheme[i]))) {
			return "", text, false
		}
	}
	return strings.ToLower(scheme), rest, true
}

// originOf reads the authority that an address of a special scheme begins with.
func originOf(scheme, text string) string {
	if end := strings.IndexAny(text, `/\?#`); end >= 0 {
		text = text[:end]
	}
	host := text[strings.LastIndexByte(text, '@')+1:]
	port := ""
	if colon := strings.LastIndexByte(host, ':'); colon > strings.LastIndexByte(host, ']') {
		host, port = host[:colon], strings.TrimLeft(host[colon+1:], "0")
	}
	if host = hostOf(host); host == "" {
		return ""
	}
	if port == "" || port == ports[scheme] {
		return scheme + "://" + host
	}
	return scheme + "://" + host + ":" + port
}

// hostOf gives a host as it is looked up.
func hostOf(text string) string {
	if decoded, err := url.PathUnescape(text); err == nil {
		text = decoded
	}
	host, err := idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false)).ToASCII(text)
	if err != nil {
		return strings.ToLower(text)
	}
	return host
}
