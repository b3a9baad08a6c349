package apps_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"domicile/apps"
	"domicile/directory"
)

// The headers say who it is, in characters that a header can carry.
func TestVerify(t *testing.T) {
	h := newHouse(t)
	h.group("g1", "Engineering, \r\n evil", rosa)
	h.group("g2", "Administrators", rosa)
	cookie := h.signIn(rosa, time.Time{})
	team := func(id directory.ResourceID) string {
		return directory.AutomaticTeam(acme, &directory.Group{ID: id}).ID
	}
	want := apps.Identity{
		User: "rosa", Email: "rosa@acme.example", Name: "Rosa%20D%C3%ADaz%2C%20100%25", Organization: "acme", Role: "member",
		Teams: team("g2") + "," + team("g1"), Session: string(h.session(cookie).ID),
	}
	got, err := h.Verify(t.Context(), cookie)
	if err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	if name, err := url.PathUnescape(got.Name); err != nil || name != "Rosa Díaz, 100%" {
		t.Errorf("name %q, %v", name, err)
	}
	if len(apps.Headers()) != len(got.Values()) {
		t.Error("headers and values differ in number")
	}
	if root, err := h.Verify(t.Context(), h.local("root@acme.example")); err != nil || root.Role != "owner" {
		t.Errorf("the root user: %+v, %v", root, err)
	}
	for name, test := range map[string]struct {
		cookie string
		kind   directory.Kind
	}{
		"none": {"", directory.KindUnauthenticated}, "unknown": {"x", directory.KindUnauthenticated},
		"break-glass": {h.local("fire@acme.example"), directory.KindForbidden},
	} {
		if got, err := h.Verify(t.Context(), test.cookie); directory.KindOf(err) != test.kind || got != (apps.Identity{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	h.Cut(true)
	if _, err := h.Verify(t.Context(), cookie); directory.KindOf(err) != directory.KindUnavailable {
		t.Errorf("cut off: %v", err)
	}
	h.Cut(false)
	h.deactivate(rosa)
	if _, err := h.Verify(t.Context(), cookie); directory.KindOf(err) != directory.KindUnauthenticated {
		t.Errorf("deactivated: %v", err)
	}
}

// Browsers go to the origin of the sign-in page, whose cookie they bring; applications to the region's own address.
func TestMetadata(t *testing.T) {
	m := newHouse(t).Metadata()
	if m.Issuer != issuer || m.TokenEndpoint != issuer+"/token" || m.UserinfoEndpoint != issuer+"/userinfo" || m.KeysURI != issuer+"/jwks" {
		t.Errorf("for applications: %+v", m)
	}
	const page = "https://login.eu.example.com/oidc"
	if m.AuthorizationEndpoint != page+"/authorize" || m.EndSessionEndpoint != page+"/logout" {
		t.Errorf("for browsers: %+v", m)
	}
}

// People go back to origins of applications only.
func TestReturnsTo(t *testing.T) {
	h := newHouse(t)
	for address, want := range map[string]bool{
		"https://billing.example/":                            true,
		"https://billing.example":                             true,
		"https://billing.example/any/path?x=1&y=2":            true,
		"https://BILLING.example:443/":                        true,
		"HTTPS://billing.example/":                            true,
		"https://spa.example/deep":                            true,
		"http://billing.example/":                             false,
		"https://billing.example:8443/":                       false,
		"https://evil.example/":                               false,
		"https://billing.example.evil.example/":               false,
		"https://billing.example@evil.example/":               false,
		"https://user:pw@billing.example/":                    false,
		"https://evil.example\\@billing.example/":             false,
		"https://billing.example/#fragment":                   false,
		"https://billing.example/ space":                      false,
		"https://billing.example\t/":                          false,
		"\thttps://billing.example/":                          false,
		"https:billing.example":                               false,
		"https:///billing.example":                            false,
		"//billing.example/":                                  false,
		"/path":                                               false,
		"":                                                    false,
		"javascript://billing.example/%0aalert(1)":            false,
		"data:text/html,x":                                    false,
		"https://":                                            false,
		"https://:443":                                        false,
		"https://billing.example/" + strings.Repeat("x", 700): false,
	} {
		if got, err := h.ReturnsTo(t.Context(), address); got != want || err != nil {
			t.Errorf("%q: %t, %v", address, got, err)
		}
	}
	if start := h.StartURL(); start != "https://login.eu.example.com/auth/start" {
		t.Errorf("signing in begins at %s", start)
	}
}

// What passes is of the origin that a browser sees.
func FuzzReturnsTo(f *testing.F) {
	for _, address := range []string{"https://billing.example/x", "https://billing.example:443", "https://a@billing.example/", "http://[::1]/"} {
		f.Add(address)
	}
	h := newHouse(f)
	f.Fuzz(func(t *testing.T, address string) {
		ok, err := h.ReturnsTo(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		folded := strings.ToLower(address)
		for _, origin := range []string{"https://billing.example", "https://spa.example", "https://login.eu.example.com"} {
			rest, under := strings.CutPrefix(strings.Replace(folded, origin+":443", origin, 1), origin)
			if under && (rest == "" || rest[0] == '/' || rest[0] == '?') {
				return
			}
		}
		if ok {
			t.Errorf("%q passes", address)
		}
	})
}

// BenchmarkVerify is what a proxy's question costs besides HTTP, for a person in ten groups.
func BenchmarkVerify(b *testing.B) {
	h := newHouse(b)
	for i := range 10 {
		id := directory.ResourceID(rune('a' + i))
		h.group(id, "Group "+string(id), rosa)
	}
	cookie := h.signIn(rosa, time.Time{})
	for b.Loop() {
		if _, err := h.Verify(b.Context(), cookie); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkUserinfo is what an application's question costs besides HTTP.
func BenchmarkUserinfo(b *testing.B) {
	h := newHouse(b)
	access := h.tokens(h.signIn(rosa, time.Time{})).Access.Reveal()
	for b.Loop() {
		if _, err := h.Userinfo(b.Context(), access); err != nil {
			b.Fatal(err)
		}
	}
}
