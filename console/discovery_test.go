package console

import (
	"slices"
	"testing"

	"domicile/directory"
)

// Who chooses what a provider does not take is told so.
func TestWarnings_promptLogin(t *testing.T) {
	for _, test := range []struct {
		issuer, prompt string
		want           bool
	}{
		{"https://accounts.google.com", "login", true},
		{"https://accounts.google.com", "select_account", false},
		{"https://acme.okta.com", "login", false},
	} {
		d := Metadata{Issuer: test.issuer}
		warnings := d.warnings(test.issuer, &directory.ConnectionSettings{AuthMethod: directory.AuthBasic, Prompt: test.prompt})
		warned := slices.ContainsFunc(warnings, func(w Warning) bool { return w.Code == "prompt_login_not_taken" })
		if warned != test.want {
			t.Errorf("%s with %q: %v", test.issuer, test.prompt, warnings)
		}
	}
}
