package oidc

import (
	"net/url"
	"slices"
)

// profile is what is peculiar to a provider, recognized by its issuer's host.
type profile struct {
	hosts []string
	// immutable names the claim with the provider's own id of the person, which SCIM's externalId may carry. The subject
	// of some providers differs from application to application.
	immutable string
	// vouches: the provider says nothing about e-mail verification, but addresses come from the organization's own tenant.
	vouches bool
	// domainClaim names the organization's domain where every account in the world has the same issuer; else empty.
	domainClaim string
}

func profiles() []profile {
	return []profile{
		{
			hosts:     []string{"login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn", "sts.windows.net"},
			immutable: "oid", vouches: true,
		},
		{hosts: []string{"accounts.google.com"}, immutable: "sub", domainClaim: "hd"},
	}
}

// profileOf gives the profile of an issuer.
func profileOf(issuer string) profile {
	if u, err := url.Parse(issuer); err == nil {
		for _, p := range profiles() {
			if slices.Contains(p.hosts, u.Hostname()) {
				return p
			}
		}
	}
	return profile{immutable: "sub"}
}
