package console

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"domicile/directory"
	"domicile/egress"
)

const (
	maxDiscovery = 64 << 10 // bytes of a discovery document
	maxListed    = 50       // entries of a list in it that are repeated
	maxListedLen = 100      // bytes of one
)

// Discovery is what an identity provider says about itself, and what to know about it.
type Discovery struct {
	Metadata
	Warnings []Warning `json:"warnings"` // what may surprise whoever connects it
}

// Metadata is as much of a discovery document (OpenID Connect Discovery 1.0 §3) as is shown to the person who connects the
// provider.
type Metadata struct {
	Issuer                string   `json:"issuer"`
	AuthorizationEndpoint string   `json:"authorization_endpoint"`
	TokenEndpoint         string   `json:"token_endpoint"`
	JWKSURI               string   `json:"jwks_uri"`
	UserinfoEndpoint      string   `json:"userinfo_endpoint,omitempty"`
	EndSessionEndpoint    string   `json:"end_session_endpoint,omitempty"`
	SigningAlgorithms     []string `json:"id_token_signing_alg_values_supported,omitempty"`
	AuthMethods           []string `json:"token_endpoint_auth_methods_supported,omitempty"`
	ResponseModes         []string `json:"response_modes_supported,omitempty"`
	ChallengeMethods      []string `json:"code_challenge_methods_supported,omitempty"`
	SendsIssuer           bool     `json:"authorization_response_iss_parameter_supported"` // RFC 9207
	BackChannelLogout     bool     `json:"backchannel_logout_supported"`
}

// Warning is something that works, but not as well as it could, or as somebody may think.
type Warning struct {
	Code   string `json:"code"` // lower_snake_case, for programs
	Detail string `json:"detail"`
}

const wellKnown = "/.well-known/openid-configuration"

// authorityOf gives the authority that somebody wrote down, without the space around it, and without the path of the
// discovery document where its address was pasted.
func authorityOf(text string) string {
	text = strings.TrimSpace(text)
	return strings.TrimSuffix(strings.TrimSuffix(text, "/"), wellKnown)
}

// discover fetches the discovery document of a registration's authority, adopts the issuer that it names, and tells what is
// to be known about it.
func (s *Service) discover(ctx context.Context, r *Registration) (*Discovery, error) {
	var d Metadata
	if err := s.deps.Egress.GetJSON(ctx, directory.DiscoveryURL(r.Issuer), maxDiscovery, &d); err != nil {
		refusal := directory.Errorf(directory.KindInvalid, "issuer", "the issuer's discovery document could not be read: %v", err)
		refusal.Err = fmt.Errorf("discover: %w", err)
		return nil, refusal
	}
	authority := r.Issuer
	issuer, err := directory.AdoptIssuer(authority, d.Issuer)
	if err != nil {
		return nil, err
	}
	if err := d.validate(strings.HasPrefix(authority, "http://")); err != nil {
		return nil, err
	}
	if err := s.reaches(ctx, &d); err != nil {
		return nil, err
	}
	r.Issuer = issuer
	r.NamesIssuer = r.SharedRedirect && d.SendsIssuer
	for _, list := range []*[]string{&d.SigningAlgorithms, &d.AuthMethods, &d.ResponseModes, &d.ChallengeMethods} {
		*list = clipped(*list)
	}
	return &Discovery{Metadata: d, Warnings: d.warnings(authority, &r.ConnectionSettings)}, nil
}

// reaches wants the endpoints that a node calls at addresses that it may call. One whose host cannot be found now may be there
// when somebody signs in.
func (s *Service) reaches(ctx context.Context, d *Metadata) error {
	for _, e := range []struct{ name, url string }{
		{"token_endpoint", d.TokenEndpoint}, {"jwks_uri", d.JWKSURI}, {"userinfo_endpoint", d.UserinfoEndpoint},
	} {
		if e.url == "" {
			continue
		}
		err := s.deps.Egress.Permits(ctx, e.url)
		if errors.Is(err, egress.ErrRefusedAddress) || errors.Is(err, egress.ErrRefusedURL) {
			refusal := directory.Errorf(directory.KindInvalid, "issuer", "the %s of the discovery document cannot be used: %v", e.name, err)
			refusal.Err = err
			return refusal
		}
	}
	return nil
}

// clipped bounds a list that a stranger wrote.
func clipped(list []string) []string {
	list = slices.Clone(list[:min(len(list), maxListed)])
	for i := range list {
		list[i] = directory.Cut(list[i], maxListedLen)
	}
	return list
}

// validate wants the three endpoints that a sign-in needs, over https unless the issuer itself is not (which egress allows
// in development only).
func (d *Metadata) validate(plain bool) error {
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
		if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.Scheme != "https" && !(plain && u.Scheme == "http") {
			return directory.Errorf(directory.KindInvalid, "issuer", "the discovery document has no usable %s", e.name)
		}
	}
	return nil
}

// signingAlgorithms are those that sign-in accepts.
var signingAlgorithms = []string{
	"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
}

// warnings compares what a provider offers with what was chosen. What a document does not say is what the standard says it
// means (Discovery 1.0 §3, RFC 8414 §2).
func (d *Metadata) warnings(authority string, chosen *directory.ConnectionSettings) []Warning {
	methods, modes := d.AuthMethods, d.ResponseModes
	if len(methods) == 0 {
		methods = []string{string(directory.AuthBasic)}
	}
	if len(modes) == 0 {
		modes = []string{"query", "fragment"}
	}
	known := func(algorithm string) bool { return slices.Contains(signingAlgorithms, algorithm) }
	profile := directory.ProviderProfileOf(d.Issuer)
	warnings := []Warning{}
	for _, w := range []struct {
		holds bool
		Warning
	}{
		{strings.TrimSuffix(authority, "/") != strings.TrimSuffix(d.Issuer, "/"), Warning{"issuer_adopted",
			"The provider calls itself " + directory.Cut(d.Issuer, maxIssuer) + "; that is what is stored."}},
		{chosen.SharedRedirect && !d.SendsIssuer, Warning{"shared_redirect_without_iss",
			"The shared redirect address is chosen, but the provider does not say who it is in its answers (RFC 9207). " +
				"Register the connection's own redirect address instead, unless whoever reviews this trusts the provider."}},
		{!slices.Contains(d.ChallengeMethods, "S256"), Warning{"no_s256",
			"The provider does not say that it supports PKCE with S256. It is sent anyway; older providers ignore it."}},
		{!slices.ContainsFunc(d.SigningAlgorithms, known), Warning{"no_known_algorithm",
			"The provider names no algorithm for ID tokens that is accepted here: " + strings.Join(signingAlgorithms, ", ") + "."}},
		{!slices.Contains(methods, string(chosen.AuthMethod)), Warning{"auth_method_not_offered",
			"The provider does not offer " + string(chosen.AuthMethod) + ", but " + strings.Join(methods, ", ") + "."}},
		{chosen.ResponseMode == directory.ResponseFormPost && !slices.Contains(modes, "form_post"), Warning{"form_post_not_offered",
			"The provider does not say that it supports the response mode form_post."}},
		{chosen.Prompt == "login" && profile.NoPromptLogin, Warning{"prompt_login_not_taken",
			"The provider does not take the prompt login. It is sent select_account instead, which asks for the account and not for " +
				"the password."}},
		{profile.Name == "entra-v1", Warning{"entra_v1",
			"This is version 1.0 of Microsoft Entra ID. Its version 2.0 is at the same tenant's address with /v2.0 at the end."}},
	} {
		if w.holds {
			warnings = append(warnings, w.Warning)
		}
	}
	return warnings
}
