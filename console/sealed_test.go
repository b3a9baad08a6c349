package console

import (
	"testing"
	"time"

	"domicile/directory"
	"domicile/seal"
)

// The end of a certificate that was uploaded is kept as that of a secret is; keys that are fetched have none, and the end of
// one kind is not that of the other.
func TestSealed_certificate(t *testing.T) {
	const entra = "https://login.microsoftonline.com/7a9b1c1e-0000-4000-8000-000000000001/v2.0"
	given := time.UnixMicro(5000)
	of := func(method directory.AuthMethod, issuer string) *directory.Connection {
		return &directory.Connection{
			Issuer: issuer, ClientID: "client", ClientSecret: seal.Sealed("secret"), SecretExpires: 7000,
			ConnectionSettings: directory.ConnectionSettings{AuthMethod: method},
		}
	}
	for name, test := range map[string]struct {
		old     *directory.Connection
		issuer  string
		expires *time.Time
		want    directory.Time
	}{
		"given":                    {new(directory.Connection), entra, &given, 5000},
		"kept":                     {of(directory.AuthPrivateKey, entra), entra, nil, 7000},
		"renewed":                  {of(directory.AuthPrivateKey, entra), entra, &given, 5000},
		"of the secret before":     {of(directory.AuthPost, entra), entra, nil, 0},
		"of another provider":      {of(directory.AuthPrivateKey, "https://acme.okta.com"), entra, nil, 0},
		"of keys that are fetched": {of(directory.AuthPrivateKey, "https://acme.okta.com"), "https://acme.okta.com", &given, 0},
	} {
		in := Registration{Issuer: test.issuer, ClientID: "client", SecretExpires: test.expires}
		in.AuthMethod = directory.AuthPrivateKey
		secret, expires, err := new(Service).sealed(&in, test.old)
		if err != nil || expires != test.want || len(secret) != 0 {
			t.Errorf("%s: %q until %d, %v; want %d", name, secret, expires, err, test.want)
		}
	}
}
