package directory_test

import (
	"strings"
	"testing"

	"domicile/directory"
)

func TestApplication_Validate(t *testing.T) {
	good := directory.Application{
		Name: "Portal", RedirectURIs: []string{"https://portal.example/callback", "http://127.0.0.1:8080/callback"},
		LogoutURIs: []string{"https://portal.example/"}, BackChannelURI: "https://portal.example/logout",
	}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	if !good.Public() || (&directory.Application{SecretHash: directory.Hash{1}}).Public() {
		t.Error("an application with a secret is public, or one without is not")
	}
	long := "https://portal.example/" + strings.Repeat("a", 2000)
	for name, c := range map[string]struct {
		change func(*directory.Application)
		kind   directory.Kind
		field  string
		ledger bool // the ledger refuses it, too
	}{
		"no name":           {func(a *directory.Application) { a.Name = "" }, directory.KindInvalid, "name", true},
		"long name":         {func(a *directory.Application) { a.Name = strings.Repeat("a", 201) }, directory.KindInvalid, "name", true},
		"nowhere":           {func(a *directory.Application) { a.RedirectURIs = nil }, directory.KindInvalid, "redirect_uris", true},
		"too many":          {func(a *directory.Application) { a.RedirectURIs = make([]string, 11) }, directory.KindTooLarge, "redirect_uris", true},
		"long":              {func(a *directory.Application) { a.RedirectURIs = []string{long} }, directory.KindInvalid, "redirect_uris", true},
		"plain http":        {func(a *directory.Application) { a.RedirectURIs = []string{"http://portal.example/"} }, directory.KindInvalid, "redirect_uris", false},
		"too many logouts":  {func(a *directory.Application) { a.LogoutURIs = make([]string, 11) }, directory.KindTooLarge, "post_logout_redirect_uris", true},
		"relative logout":   {func(a *directory.Application) { a.LogoutURIs = []string{"/bye"} }, directory.KindInvalid, "post_logout_redirect_uris", false},
		"long channel":      {func(a *directory.Application) { a.BackChannelURI = long }, directory.KindInvalid, "backchannel_logout_uri", true},
		"channel with user": {func(a *directory.Application) { a.BackChannelURI = "https://me@portal.example/" }, directory.KindInvalid, "backchannel_logout_uri", false},
	} {
		a := good
		c.change(&a)
		wantError(t, name, a.Validate(), c.kind, c.field)
		if err := a.Fits(); (err != nil) != c.ledger {
			t.Errorf("%s: the ledger says %v", name, err)
		}
	}
}
