package console

import "testing"

func FuzzParseSessionPlace(f *testing.F) {
	for _, seed := range []string{"1.2.a", "", "1.2", "-1.2.a", "1.2.a.b", "4294967296.1.a", "01.2.a"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if p, ok := parseSessionPlace(text); ok && p.String() != text {
			t.Errorf("%q is read as %q", text, p)
		}
	})
}

func TestAuthorityOf(t *testing.T) {
	for text, want := range map[string]string{
		"https://a.example": "https://a.example", " https://a.example/ ": "https://a.example",
		"https://a.example/.well-known/openid-configuration":         "https://a.example",
		"https://a.example/tenant/.well-known/openid-configuration/": "https://a.example/tenant",
		"": "",
	} {
		if got := authorityOf(text); got != want {
			t.Errorf("%q is read as %q, want %q", text, got, want)
		}
	}
}
