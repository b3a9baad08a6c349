package console

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"domicile/directory"
)

// maxDiscovery bounds a discovery document, in bytes.
const maxDiscovery = 64 << 10

// Discovery is what an identity provider says about itself (OpenID Connect Discovery 1.0 §3), as far as it is shown to the
// person who connects it.
type Discovery struct {
	Issuer                string   `json:"issuer"`
	AuthorizationEndpoint string   `json:"authorization_endpoint"`
	TokenEndpoint         string   `json:"token_endpoint"`
	JWKSURI               string   `json:"jwks_uri"`
	UserinfoEndpoint      string   `json:"userinfo_endpoint,omitempty"`
	EndSessionEndpoint    string   `json:"end_session_endpoint,omitempty"`
	SigningAlgorithms     []string `json:"id_token_signing_alg_values_supported,omitempty"`
}

// discover fetches an issuer's document and checks that it is the issuer's own (Discovery 1.0 §4.3).
func (s *Service) discover(ctx context.Context, issuer string) (*Discovery, error) {
	var d Discovery
	bare := strings.TrimSuffix(issuer, "/")
	if err := s.deps.Egress.GetJSON(ctx, bare+"/.well-known/openid-configuration", maxDiscovery, &d); err != nil {
		refusal := directory.Errorf(directory.KindInvalid, "issuer", "the issuer's discovery document could not be read: %v", err)
		refusal.Err = fmt.Errorf("discover: %w", err)
		return nil, refusal
	}
	if strings.TrimSuffix(d.Issuer, "/") != bare {
		return nil, directory.Errorf(directory.KindInvalid, "issuer",
			"the discovery document names another issuer, %q; give that one if it is yours", directory.Cut(d.Issuer, maxIssuer))
	}
	return &d, d.validate(strings.HasPrefix(issuer, "http://"))
}

// validate wants the three endpoints that a sign-in needs, over https unless the issuer itself is not (which egress allows
// in development only).
func (d *Discovery) validate(plain bool) error {
	endpoints := []struct {
		name, url string
		optional  bool
	}{
		{name: "authorization_endpoint", url: d.AuthorizationEndpoint},
		{name: "token_endpoint", url: d.TokenEndpoint},
		{name: "jwks_uri", url: d.JWKSURI},
		{name: "userinfo_endpoint", url: d.UserinfoEndpoint, optional: true},
		{name: "end_session_endpoint", url: d.EndSessionEndpoint, optional: true},
	}
	for _, e := range endpoints {
		if e.url == "" && e.optional {
			continue
		}
		u, err := url.Parse(e.url)
		if err != nil || u.Host == "" || u.Scheme != "https" && !(plain && u.Scheme == "http") {
			return directory.Errorf(directory.KindInvalid, "issuer", "the discovery document has no usable %s", e.name)
		}
	}
	return nil
}
