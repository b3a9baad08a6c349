package directory

import (
	"net/url"
	"slices"
	"strings"
)

// ProviderProfile is what is peculiar to a kind of identity provider, recognized by its issuer.
type ProviderProfile struct {
	Name string // "entra", "entra-v1", "google", "okta", "auth0", "jumpcloud", "onelogin", "keycloak" or "generic"
	// Immutable names the claim with the provider's own id of the person, which SCIM's externalId may carry. The subject of
	// some providers differs from application to application.
	Immutable string
	// Vouches: an address about which the provider does not say whether it is verified counts as verified, because it comes
	// from the organization's own tenant.
	Vouches bool
	// VerifiedClaim is asked where the provider does not send email_verified; empty: there is none.
	VerifiedClaim string
	// DomainClaim names the organization's domain where every account in the world has the same issuer; else empty.
	DomainClaim string
	// Certificate: private_key_jwt takes a certificate that was uploaded, instead of keys that the provider fetches.
	Certificate bool
	// NoPromptLogin: prompt=login (OpenID Connect Core §3.1.2.1) is not among those that the provider takes. It may answer one
	// that it does not take with a page of its own, from which nobody comes back.
	NoPromptLogin bool

	hosts    []string // of issuers; ".okta.com" is every host below okta.com
	path     string   // that an issuer's path contains, where the host says nothing
	failures []providerFailure
}

// ProviderFailure is what a provider's own error code means to us.
type ProviderFailure uint8

// The failures that are worth telling apart.
const (
	// FailureUnknown is any other.
	FailureUnknown ProviderFailure = iota
	// FailureNotAssigned is a person who is not assigned to our application at the provider.
	FailureNotAssigned
	// FailureAccount is a person whose account the provider does not let in: blocked, or by a rule of the organization's.
	FailureAccount
	// FailureConsent is an application that nobody at the organization has consented to.
	FailureConsent
	// FailureSecretExpired is a client secret that is past its life.
	FailureSecretExpired
	// FailureSecretWrong is a client secret that is not the client's.
	FailureSecretWrong
)

// providerFailure is a row: how an error description begins, and what that means.
type providerFailure struct {
	prefix  string
	failure ProviderFailure
}

// Hosts of Microsoft Entra ID. Issuers of its version 1.0 have a host of their own, while authority and endpoints have not.
const (
	entraHost   = "login.microsoftonline.com"
	entraV1Host = "sts.windows.net"
	// entraConsumers is the tenant of all personal Microsoft accounts.
	entraConsumers = "9188040d-6c67-4c5b-b112-36a304b66dad"
)

var entraFailures = []providerFailure{
	{"AADSTS50105:", FailureNotAssigned},
	{"AADSTS50020:", FailureAccount}, // an account of another tenant
	{"AADSTS50053:", FailureAccount}, // locked
	{"AADSTS50057:", FailureAccount}, // disabled
	{"AADSTS53003:", FailureAccount}, // conditional access
	{"AADSTS65001:", FailureConsent},
	{"AADSTS90094:", FailureConsent}, // an administrator's is needed
	{"AADSTS7000215:", FailureSecretWrong},
	{"AADSTS7000222:", FailureSecretExpired},
}

// providerProfiles is the one table of providers; the first row that fits counts.
var providerProfiles = []ProviderProfile{
	{
		Name: "entra", hosts: []string{entraHost, "login.microsoftonline.us", "login.partner.microsoftonline.cn"},
		Immutable: "oid", Vouches: true, VerifiedClaim: "xms_edov", Certificate: true, failures: entraFailures,
	},
	{
		Name: "entra-v1", hosts: []string{entraV1Host},
		Immutable: "oid", Vouches: true, VerifiedClaim: "xms_edov", Certificate: true, failures: entraFailures,
	},
	{Name: "google", hosts: []string{"accounts.google.com"}, Immutable: "sub", DomainClaim: "hd", NoPromptLogin: true},
	{
		Name: "okta", hosts: []string{".okta.com", ".oktapreview.com", ".okta-emea.com", ".okta-gov.com"},
		Immutable: "sub",
		failures:  []providerFailure{{"User is not assigned to the client application", FailureNotAssigned}},
	},
	{Name: "auth0", hosts: []string{".auth0.com"}, Immutable: "sub"},
	{Name: "jumpcloud", hosts: []string{".jumpcloud.com"}, Immutable: "sub"},
	{Name: "onelogin", hosts: []string{".onelogin.com"}, Immutable: "sub"},
	{Name: "keycloak", path: "/realms/", Immutable: "sub"},
	{Name: "generic", Immutable: "sub"},
}

// ProviderProfileOf gives the profile of an issuer or authority; "generic" where it is none that we know.
func ProviderProfileOf(issuer string) *ProviderProfile {
	u, err := url.Parse(issuer)
	if err != nil {
		u = new(url.URL)
	}
	for i := range providerProfiles {
		if providerProfiles[i].fits(strings.ToLower(u.Hostname()), u.Path) {
			return &providerProfiles[i]
		}
	}
	return &providerProfiles[len(providerProfiles)-1]
}

func (p *ProviderProfile) fits(host, path string) bool {
	for _, known := range p.hosts {
		if host == known || known[0] == '.' && strings.HasSuffix(host, known) {
			return true
		}
	}
	return p.hosts == nil && strings.Contains(path, p.path)
}

// Failure says what a provider's error description means. It comes from outside: only how it begins is looked at.
func (p *ProviderProfile) Failure(description string) ProviderFailure {
	for _, row := range p.failures {
		if strings.HasPrefix(description, row.prefix) {
			return row.failure
		}
	}
	return FailureUnknown
}

// CheckAuthority refuses an authority at which every tenant of the provider signs in: then anybody could be anybody. The
// error is of KindInvalid, field "issuer", and says what to use instead.
func CheckAuthority(authority string) error {
	u, err := url.Parse(authority)
	if err != nil {
		return Errorf(KindInvalid, "issuer", "issuer must be an absolute https URL")
	}
	if strings.ContainsAny(authority, "{}") || strings.Contains(strings.ToLower(authority), "%7b") {
		return Errorf(KindInvalid, "issuer",
			"the issuer has a placeholder for the tenant, so it accepts the accounts of every tenant; use the address with your own tenant's id")
	}
	if profile := ProviderProfileOf(authority); profile.Name != "entra" && profile.Name != "entra-v1" {
		return nil
	}
	tenant, _ := entraTenant(u)
	if slices.Contains([]string{"", "common", "organizations", "consumers", entraConsumers}, tenant) {
		return Errorf(KindInvalid, "issuer",
			"this is Microsoft's multi-tenant authority, which accepts the accounts of every tenant; "+
				"use https://%s/{your tenant's id}/v2.0", entraHost)
	}
	return nil
}

// AdoptIssuer gives the issuer of a connection whose owner typed an authority where a discovery document names an issuer:
// the document's, which may differ by a slash at the end only. Entra ID's may differ more: version 1.0 has a host of its own
// for the same tenant, and a tenant that was named by a domain gets its id. The error is of KindInvalid, field "issuer".
func AdoptIssuer(authority, issuer string) (string, error) {
	if err := CheckAuthority(authority); err != nil {
		return "", err
	}
	if err := CheckAuthority(issuer); err != nil {
		return "", err
	}
	if strings.TrimSuffix(authority, "/") == strings.TrimSuffix(issuer, "/") || entraPair(authority, issuer) {
		return issuer, nil
	}
	return "", Errorf(KindInvalid, "issuer",
		"the discovery document names another issuer, %q; give that one if it is yours", Cut(issuer, maxIssuerShown))
}

const maxIssuerShown = 200

// entraPair tells whether Entra ID answers for an authority with an issuer that is spelt otherwise.
func entraPair(authority, issuer string) bool {
	typed, err := url.Parse(authority)
	if err != nil || typed.Scheme != "https" || typed.Host != entraHost {
		return false
	}
	named, err := url.Parse(issuer)
	if err != nil || named.Scheme != "https" {
		return false
	}
	typedTenant, typedRest := entraTenant(typed)
	tenant, rest := entraTenant(named)
	switch {
	case !isGUID(tenant) || typedRest != rest:
		return false
	case named.Host == entraV1Host:
		return rest == "" && typedTenant == tenant
	default:
		return named.Host == entraHost && rest == "v2.0" && ValidateDomain(typedTenant) == nil
	}
}

// entraTenant splits the path of an Entra authority or issuer: the tenant, and what follows without slashes at its ends.
func entraTenant(u *url.URL) (tenant, rest string) {
	tenant, rest, _ = strings.Cut(strings.Trim(u.Path, "/"), "/")
	return strings.ToLower(tenant), rest
}

// isGUID tells whether s has the form of a UUID in lower case.
func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		hex := s[i] >= '0' && s[i] <= '9' || s[i] >= 'a' && s[i] <= 'f'
		if hyphen := i == 8 || i == 13 || i == 18 || i == 23; hyphen != (s[i] == '-') || !hyphen && !hex {
			return false
		}
	}
	return true
}

// DiscoveryURL is where an issuer's discovery document is (OpenID Connect Discovery §4). Entra ID keeps those of its
// version 1.0 at the authority of the same tenant.
func DiscoveryURL(issuer string) string {
	base := strings.TrimSuffix(issuer, "/")
	if tenant, ok := strings.CutPrefix(base, "https://"+entraV1Host+"/"); ok && isGUID(tenant) {
		base = "https://" + entraHost + "/" + tenant
	}
	return base + "/.well-known/openid-configuration"
}
