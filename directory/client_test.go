package directory_test

import (
	"fmt"
	"strings"
	"testing"

	"domicile/directory"
)

func TestClient_Validate(t *testing.T) {
	for uri, good := range map[string]bool{
		"https://system-admin.okta.com/admin/app/cpc/oauth/callback": true,
		"https://idp.example":                              true,
		"https://idp.example:8443/a?b=c":                   true,
		"http://localhost:3000/callback":                   true,
		"http://127.0.0.1/":                                true,
		"http://127.8.9.1:1/":                              true,
		"http://[::1]:8080/callback":                       true,
		"http://idp.example/callback":                      false,
		"http://localhost.example/":                        false,
		"http://127.0.0.1.example/":                        false,
		"http://10.0.0.1/":                                 false,
		"https://idp.example/#fragment":                    false,
		"https://idp.example/#":                            false,
		"https://me@idp.example/":                          false,
		"https:///callback":                                false,
		"https://:443/callback":                            false,
		"/callback":                                        false,
		"":                                                 false,
		"com.example.app:/callback":                        false,
		"javascript:alert(1)":                              false,
		"https://idp example/":                             false,
		"https://idp.example/" + strings.Repeat("a", 1980): true,
		"https://idp.example/" + strings.Repeat("a", 1981): false,
	} {
		client := directory.Client{Name: "IdP", RedirectURIs: []string{uri}}
		if err := client.Validate(); (err == nil) != good {
			t.Errorf("redirect URI %.60q: %v", uri, err)
		}
		if !client.Redirects(uri) || client.Redirects(uri+"/") {
			t.Errorf("redirect URI %.60q is not compared exactly", uri)
		}
	}
	wantInvalid(t, (&directory.Client{}).Validate(), "name")
	wantInvalid(t, (&directory.Client{Name: strings.Repeat("n", 201)}).Validate(), "name")
	twice := directory.Client{Name: "IdP", RedirectURIs: []string{"https://a.example/", "https://a.example/"}}
	wantInvalid(t, twice.Validate(), "redirect_uris")
	most := directory.Client{Name: "IdP"}
	for i := range directory.MaxRedirectURIs {
		most.RedirectURIs = append(most.RedirectURIs, fmt.Sprint("https://idp.example/", i))
	}
	if err := most.Validate(); err != nil {
		t.Error(err)
	}
	most.RedirectURIs = append(most.RedirectURIs, "https://idp.example/more")
	if err := most.Validate(); directory.KindOf(err) != directory.KindTooLarge {
		t.Errorf("too many redirect URIs: %v", err)
	}
}

func TestToken_Opens(t *testing.T) {
	for kind, want := range map[directory.TokenKind]bool{
		directory.TokenBearer: true, directory.TokenAccess: true, directory.TokenRefresh: false,
	} {
		token := directory.Token{Kind: kind, Expires: 100}
		if token.Opens(99) != want || token.Opens(100) || !kind.Valid() {
			t.Errorf("a token of kind %d opens: %v in its life, %v after it", kind, token.Opens(99), token.Opens(100))
		}
	}
	if directory.TokenKind(3).Valid() {
		t.Error("token kind 3 has a meaning")
	}
}
