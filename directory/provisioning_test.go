package directory_test

import (
	"strings"
	"testing"

	"domicile/directory"
)

func TestProvisioningState_May(t *testing.T) {
	const off, requested, approved, active = directory.SCIMOff, directory.SCIMRequested, directory.SCIMApproved, directory.SCIMActive
	allowed := map[[2]directory.ProvisioningState]bool{
		{off, requested}: true, {off, approved}: true, {off, active}: true,
		{requested, approved}: true, {requested, active}: true, {requested, off}: true,
		{approved, active}: true, {approved, off}: true,
		{active, off}: true,
	}
	for from := off; from <= active+1; from++ {
		for to := off; to <= active+1; to++ {
			if got := from.May(to); got != allowed[[2]directory.ProvisioningState{from, to}] {
				t.Errorf("from %s to %s: %v", from, to, got)
			}
		}
	}
}

// Names are the API's, numbers are the ledger's: neither changes.
func TestProvisioning_names(t *testing.T) {
	for state, name := range []string{"off", "requested", "approved", "active"} {
		parsed, err := directory.ParseProvisioningState(name)
		if err != nil || parsed != directory.ProvisioningState(state) || parsed.String() != name || !parsed.Valid() {
			t.Errorf("state %d is %s (%v), want %q", state, parsed, err, name)
		}
	}
	for policy, name := range []string{"delete", "deactivate"} {
		parsed, err := directory.ParseDeletePolicy(name)
		if err != nil || parsed != directory.DeletePolicy(policy) || parsed.String() != name || !parsed.Valid() {
			t.Errorf("policy %d is %s (%v), want %q", policy, parsed, err, name)
		}
	}
	if directory.ProvisioningState(4).Valid() || directory.ProvisioningState(4).String() != "unknown" {
		t.Error("state 4 has a meaning")
	}
	if directory.DeletePolicy(2).Valid() || directory.DeletePolicy(2).String() != "unknown" {
		t.Error("policy 2 has a meaning")
	}
	for _, name := range []string{"", "Active", "on"} {
		_, err := directory.ParseProvisioningState(name)
		wantInvalid(t, err, "scim")
		_, err = directory.ParseDeletePolicy(name)
		wantInvalid(t, err, "delete_policy")
	}
}

func TestOrganization_Validate_provisioning(t *testing.T) {
	good := directory.Organization{
		Slug: "acme", Name: "Acme", Profile: directory.ProfileInterop, SCIM: directory.SCIMActive,
		Principal: strings.Repeat("p", 100), DeletePolicy: directory.PolicyDeactivate, Plan: strings.Repeat("p", 64),
	}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for field, change := range map[string]func(*directory.Organization){
		"scim":          func(o *directory.Organization) { o.SCIM = 4 },
		"principal":     func(o *directory.Organization) { o.Principal += "p" },
		"delete_policy": func(o *directory.Organization) { o.DeletePolicy = 2 },
		"plan":          func(o *directory.Organization) { o.Plan += "p" },
	} {
		o := good
		change(&o)
		wantInvalid(t, o.Validate(), field)
	}
}
