package apps

import (
	"context"
	"encoding/json"

	"domicile/directory"
	"domicile/fsm/state"
)

// Paths below the region's URL; those that browsers go to are below the origin of the sign-in page.
const (
	PathIssuer    = "/oidc"
	PathMetadata  = PathIssuer + "/.well-known/openid-configuration"
	PathKeys      = PathIssuer + "/jwks"
	PathAuthorize = PathIssuer + "/authorize"
	PathToken     = PathIssuer + "/token" //nolint:gosec // an address, not a credential
	PathUserinfo  = PathIssuer + "/userinfo"
	PathLogout    = PathIssuer + "/logout"
	PathVerify    = "/auth/verify"
	PathStart     = "/auth/start"
)

// Metadata describes the provider (OpenID Connect Discovery §3, RP-Initiated Logout §2.1, Back-Channel Logout §2.1).
type Metadata struct {
	Issuer                string   `json:"issuer"`
	AuthorizationEndpoint string   `json:"authorization_endpoint"`
	TokenEndpoint         string   `json:"token_endpoint"`
	UserinfoEndpoint      string   `json:"userinfo_endpoint"`
	EndSessionEndpoint    string   `json:"end_session_endpoint"`
	KeysURI               string   `json:"jwks_uri"`
	Scopes                []string `json:"scopes_supported"`
	ResponseTypes         []string `json:"response_types_supported"`
	ResponseModes         []string `json:"response_modes_supported"`
	GrantTypes            []string `json:"grant_types_supported"`
	SubjectTypes          []string `json:"subject_types_supported"`
	Algorithms            []string `json:"id_token_signing_alg_values_supported"`
	AuthMethods           []string `json:"token_endpoint_auth_methods_supported"`
	ChallengeMethods      []string `json:"code_challenge_methods_supported"`
	Prompts               []string `json:"prompt_values_supported"`
	Claims                []string `json:"claims_supported"`
	ClaimsParameter       bool     `json:"claims_parameter_supported"`
	RequestParameter      bool     `json:"request_parameter_supported"`
	RequestURIParameter   bool     `json:"request_uri_parameter_supported"`
	IssuerInResponse      bool     `json:"authorization_response_iss_parameter_supported"` // RFC 9207 §3
	BackChannelLogout     bool     `json:"backchannel_logout_supported"`
	BackChannelSession    bool     `json:"backchannel_logout_session_supported"`
}

// Metadata describes this provider.
func (s *Service) Metadata() Metadata {
	return Metadata{
		Issuer:                s.issuer,
		AuthorizationEndpoint: s.origin + PathAuthorize,
		TokenEndpoint:         s.Region.URL + PathToken,
		UserinfoEndpoint:      s.Region.URL + PathUserinfo,
		EndSessionEndpoint:    s.origin + PathLogout,
		KeysURI:               s.Region.URL + PathKeys,
		Scopes:                []string{scopeOpenID, scopeProfile, scopeEmail},
		ResponseTypes:         []string{"code"},
		ResponseModes:         []string{"query"},
		GrantTypes:            []string{grantCode},
		SubjectTypes:          []string{"public"},
		Algorithms:            []string{algorithm},
		AuthMethods:           []string{"client_secret_basic", "client_secret_post", "none"},
		ChallengeMethods:      []string{methodS256},
		Prompts:               []string{promptNone, promptLogin, promptSelect},
		Claims: []string{
			"iss", "sub", "aud", "exp", "iat", "nonce", "at_hash", "auth_time", "acr", "amr", "sid", "session_expiry", "name",
			"preferred_username", "email", "email_verified", "organization", "organization_role", "teams", "teams_truncated",
		},
		IssuerInResponse:   true,
		BackChannelLogout:  true,
		BackChannelSession: true,
	}
}

// KeySet is a JSON Web Key Set (RFC 7517 §5).
type KeySet struct {
	Keys []json.RawMessage `json:"keys"`
}

// KeySet gives the public keys whose signatures may be believed now. Errors: KindUnavailable.
func (s *Service) KeySet(ctx context.Context) (KeySet, error) {
	view, err := s.Viewer.View(ctx, state.Local())
	if err != nil {
		return KeySet{}, err
	}
	set := KeySet{Keys: []json.RawMessage{}}
	for _, key := range directory.Published(view.SigningKeys(directory.KeyIDToken), s.now()) {
		set.Keys = append(set.Keys, json.RawMessage(key.Public))
	}
	return set, nil
}
