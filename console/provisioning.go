package console

import (
	"cmp"
	"context"

	"domicile/directory"
	"domicile/fsm/state"
)

// DefaultPrincipal is what an organization's SCIM connection is called in lists and logs where nobody chose a name.
const DefaultPrincipal = "SCIM provisioning"

// PrincipalOf gives what an organization's SCIM connection is called.
func PrincipalOf(org *directory.Organization) string { return cmp.Or(org.Principal, DefaultPrincipal) }

// beginProvisioning checks a new organization's plan and decides its SCIM state: the one that was asked for, else what the
// settings say for those that ask for none, as far as the plan includes SCIM.
func beginProvisioning(settings *directory.Settings, org *directory.Organization, asked *directory.ProvisioningState) error {
	if err := planExists(settings, org.Plan); err != nil {
		return err
	}
	if asked != nil {
		org.SCIM = *asked
		return mayProvision(settings, org)
	}
	if settings.Allows(org.Plan).SCIM {
		org.SCIM = settings.NewSCIM
	}
	return nil
}

// changeProvisioning checks the step from the organization that is there to next. What stays as it is may stay, even where
// plan or settings would not allow it any more: the doors check plan and state at each request.
func changeProvisioning(settings *directory.Settings, d *state.Directory, next *directory.Organization) error {
	old := d.Organization()
	if next.Plan != old.Plan {
		if err := planExists(settings, next.Plan); err != nil {
			return err
		}
	}
	if next.SCIM == old.SCIM {
		return nil
	}
	if !old.SCIM.May(next.SCIM) {
		return directory.Errorf(directory.KindConflict, "scim", "SCIM is %s and cannot become %s", old.SCIM, next.SCIM)
	}
	if err := mayProvision(settings, next); err != nil {
		return err
	}
	switched := next.SCIM == directory.SCIMApproved || next.SCIM == directory.SCIMActive
	if switched && !settings.SCIMWithoutSignIn && settings.Allows(next.Plan).SignIn && !d.Federated() {
		return directory.Errorf(directory.KindConflict, "scim",
			"SCIM cannot become %s before sign-in is live: add an enabled OpenID Connect connection first, "+
				"or set scim_without_sign_in in the region's settings", next.SCIM)
	}
	return nil
}

// provisioned gives the data of an organization whose plan includes SCIM. Errors: KindNotFound, KindForbidden.
func (s *Service) provisioned(ctx context.Context, id directory.OrganizationID) (*state.Directory, error) {
	view, err := s.deps.Viewer.View(ctx, state.Confirmed())
	if err != nil {
		return nil, err
	}
	d, err := find(view, id)
	if err != nil {
		return nil, err
	}
	if allowed := view.Settings().Allows(d.Organization().Plan); !allowed.SCIM {
		return nil, notInPlan("", "SCIM", allowed.Name)
	}
	return d, nil
}

func planExists(settings *directory.Settings, plan string) error {
	if plan == "" {
		return nil
	}
	for _, known := range settings.Plans {
		if known.Name == plan {
			return nil
		}
	}
	return directory.Errorf(directory.KindInvalid, "plan", "the region's settings have no plan %q", directory.Cut(plan, 100))
}

// mayProvision refuses SCIM, on its way or active, to an organization whose plan does not include it.
func mayProvision(settings *directory.Settings, org *directory.Organization) error {
	if allowed := settings.Allows(org.Plan); org.SCIM != directory.SCIMOff && !allowed.SCIM {
		return notInPlan("scim", "SCIM", allowed.Name)
	}
	return nil
}

// notInPlan is the refusal of what a plan does not include.
func notInPlan(field, what, plan string) error {
	if plan == "" {
		return directory.Errorf(directory.KindForbidden, field,
			"the organization has no plan, and the region's settings name no default plan: it may not use %s", what)
	}
	return directory.Errorf(directory.KindForbidden, field, "the plan %q does not include %s", plan, what)
}
