package directory_test

import (
	"strings"
	"testing"

	"domicile/directory"
)

const tenant = "7a9b1c1e-0000-4000-8000-000000000001"

func TestProviderProfileOf(t *testing.T) {
	for issuer, want := range map[string]string{
		"https://login.microsoftonline.com/" + tenant + "/v2.0": "entra",
		"https://LOGIN.microsoftonline.com/" + tenant + "/v2.0": "entra",
		"https://login.microsoftonline.us/" + tenant + "/v2.0":  "entra",
		"https://sts.windows.net/" + tenant + "/":               "entra-v1",
		"https://accounts.google.com":                           "google",
		"https://acme.okta.com":                                 "okta",
		"https://acme.okta.com/oauth2/aus1":                     "okta",
		"https://acme.oktapreview.com":                          "okta",
		"https://acme.eu.auth0.com/":                            "auth0",
		"https://oauth.id.jumpcloud.com/":                       "jumpcloud",
		"https://acme.onelogin.com/oidc/2":                      "onelogin",
		"https://sso.acme.example/realms/staff":                 "keycloak",
		"https://sso.acme.example/auth/realms/staff":            "keycloak",
		"https://idp.example":                                   "generic",
		"https://okta.com.evil.example":                         "generic",
		"https://evilokta.com":                                  "generic",
		"https://okta.com":                                      "generic",
		"https://idp.example/login.microsoftonline.com":         "generic",
		"https://login.microsoftonline.com.evil.example/x":      "generic",
		"https://acme.okta.com/realms/x":                        "okta",
		"::":                                                    "generic", "": "generic",
	} {
		if got := directory.ProviderProfileOf(issuer).Name; got != want {
			t.Errorf("%q is %s, want %s", issuer, got, want)
		}
	}
}

func TestProviderProfile_failure(t *testing.T) {
	entra := directory.ProviderProfileOf("https://login.microsoftonline.com/" + tenant + "/v2.0")
	okta := directory.ProviderProfileOf("https://acme.okta.com")
	for _, test := range []struct {
		profile     *directory.ProviderProfile
		description string
		want        directory.ProviderFailure
	}{
		{entra, "AADSTS50105: The signed in user is not assigned", directory.FailureNotAssigned},
		{entra, "AADSTS7000222: The provided client secret keys are expired.", directory.FailureSecretExpired},
		{entra, "AADSTS70002229: another", directory.FailureUnknown},
		{entra, "call +1, AADSTS50105: you", directory.FailureUnknown},
		{okta, "User is not assigned to the client application.", directory.FailureNotAssigned},
		{okta, "AADSTS50105: foreign", directory.FailureUnknown},
		{okta, "", directory.FailureUnknown},
	} {
		if got := test.profile.Failure(test.description); got != test.want {
			t.Errorf("%s %q: %d, want %d", test.profile.Name, test.description, got, test.want)
		}
	}
}

func TestCheckAuthority(t *testing.T) {
	const entra = "https://login.microsoftonline.com/"
	for authority, ok := range map[string]bool{
		entra + tenant + "/v2.0": true, entra + tenant: true, entra + "acme.example/v2.0": true,
		"https://sts.windows.net/" + tenant + "/": true, "https://idp.example/common": true, "https://idp.example": true,
		entra + "common/v2.0": false, entra + "Common/v2.0": false, entra + "organizations/v2.0": false, entra + "consumers": false,
		entra + "//common/v2.0": false, entra: false, "https://login.microsoftonline.com": false,
		entra + "9188040d-6c67-4c5b-b112-36a304b66dad/v2.0": false, "https://LOGIN.microsoftonline.com/common": false,
		entra + "{tenantid}/v2.0": false, "https://sts.windows.net/{tenantid}/": false, "https://idp.example/{tenant}": false,
		entra + "%7Btenantid%7D/v2.0": false, entra + "%63ommon/v2.0": false, "http://[": false,
	} {
		err := directory.CheckAuthority(authority)
		if (err == nil) != ok || err != nil && directory.KindOf(err) != directory.KindInvalid {
			t.Errorf("%q: %v", authority, err)
		}
	}
}

func TestAdoptIssuer(t *testing.T) {
	const entra = "https://login.microsoftonline.com/"
	const other = "7a9b1c1e-0000-4000-8000-000000000002"
	for _, test := range []struct {
		authority, issuer string
		ok                bool
	}{
		{"https://idp.example", "https://idp.example", true},
		{"https://idp.example", "https://idp.example/", true},
		{"https://idp.example/", "https://idp.example", true},
		{"https://idp.example", "https://idp.example/tenant", false},
		{"https://idp.example", "https://evil.example", false},
		{"https://idp.example", "http://idp.example", false},
		{entra + tenant + "/v2.0", entra + tenant + "/v2.0", true},
		{entra + tenant, "https://sts.windows.net/" + tenant + "/", true},
		{entra + tenant + "/", "https://sts.windows.net/" + tenant + "/", true},
		{entra + tenant, "https://sts.windows.net/" + other + "/", false},
		{entra + tenant + "/v2.0", "https://sts.windows.net/" + tenant + "/", false},
		{entra + "acme.example", "https://sts.windows.net/" + tenant + "/", false},
		{entra + tenant, "http://sts.windows.net/" + tenant + "/", false},
		{"https://idp.example/" + tenant, "https://sts.windows.net/" + tenant + "/", false},
		{entra + "acme.example/v2.0", entra + tenant + "/v2.0", true},
		{entra + other + "/v2.0", entra + tenant + "/v2.0", false},
		{entra + "common/v2.0", entra + "{tenantid}/v2.0", false},
		{entra + "organizations/v2.0", entra + tenant + "/v2.0", false},
		{"https://idp.example", "https://idp.example/{tenantid}", false},
	} {
		got, err := directory.AdoptIssuer(test.authority, test.issuer)
		if (err == nil) != test.ok || test.ok && got != test.issuer {
			t.Errorf("%s with %s: %q, %v", test.authority, test.issuer, got, err)
		}
	}
}

func TestDiscoveryURL(t *testing.T) {
	for issuer, want := range map[string]string{
		"https://idp.example":                        "https://idp.example/.well-known/openid-configuration",
		"https://idp.example/t/":                     "https://idp.example/t/.well-known/openid-configuration",
		"https://sts.windows.net/" + tenant + "/":    "https://login.microsoftonline.com/" + tenant + "/.well-known/openid-configuration",
		"https://sts.windows.net/../" + tenant + "/": "https://sts.windows.net/../" + tenant + "/.well-known/openid-configuration",
	} {
		if got := directory.DiscoveryURL(issuer); got != want {
			t.Errorf("%s: %s", issuer, got)
		}
	}
}

// FuzzAdoptIssuer: whatever is typed and whatever a document says, an issuer on another host is Microsoft's own.
func FuzzAdoptIssuer(f *testing.F) {
	f.Add("https://login.microsoftonline.com/"+tenant, "https://sts.windows.net/"+tenant+"/")
	f.Add("https://login.microsoftonline.com/acme.example/v2.0", "https://login.microsoftonline.com/"+tenant+"/v2.0")
	f.Add("https://idp.example", "https://idp.example/")
	f.Fuzz(func(t *testing.T, authority, issuer string) {
		adopted, err := directory.AdoptIssuer(authority, issuer)
		if err != nil {
			return
		}
		own := strings.TrimSuffix(authority, "/") == strings.TrimSuffix(adopted, "/")
		microsoft := strings.HasPrefix(adopted, "https://login.microsoftonline.com/") || strings.HasPrefix(adopted, "https://sts.windows.net/")
		if adopted != issuer || !own && !microsoft || strings.Contains(strings.ToLower(adopted), "{tenantid}") {
			t.Errorf("%q with %q adopts %q", authority, issuer, adopted)
		}
	})
}
