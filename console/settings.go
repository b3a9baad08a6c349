package console

import (
	"context"
	"strings"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
)

// Settings gives what the operator decided for the region; never nil.
func (s *Service) Settings(ctx context.Context) (*directory.Settings, error) {
	view, err := s.deps.Viewer.View(ctx, state.Confirmed())
	if err != nil {
		return nil, err
	}
	return view.Settings(), nil
}

// PutSettings replaces the region's settings. Version is the version that was read, 0 for whatever is there; Modified is
// ignored. Errors: KindInvalid with the field, KindStale when the version is not the present one, KindConflict when a plan
// goes that organizations have.
func (s *Service) PutSettings(ctx context.Context, actor string, in directory.Settings) (*directory.Settings, error) {
	if err := validateSettings(&in); err != nil {
		return nil, err
	}
	view, err := s.deps.Viewer.View(ctx, state.Confirmed())
	if err != nil {
		return nil, err
	}
	if err := plansFree(view, &in); err != nil {
		return nil, err
	}
	result, err := s.propose(ctx, actor, "", &command.PutSettings{ExpectVersion: in.Version, SettingsFields: command.SettingsFields{
		Plans: in.Plans, DefaultPlan: in.DefaultPlan, NewSCIM: in.NewSCIM, SCIMWithoutSignIn: in.SCIMWithoutSignIn,
		RequestRate: in.RequestRate,
	}})
	if err != nil {
		return nil, err
	}
	in.Modified, in.Version = result.Modified, result.Version
	return &in, nil
}

// plansFree refuses to drop a plan that an organization has: it would be shut out without anybody having meant it.
func plansFree(view *state.View, next *directory.Settings) error {
	gone := make(map[string]bool)
	for _, plan := range view.Settings().Plans {
		gone[plan.Name] = planExists(next, plan.Name) != nil
	}
	for d := range view.Directories() {
		if org := d.Organization(); gone[org.Plan] {
			return directory.Errorf(directory.KindConflict, "plans",
				"plan %q is the plan of organization %s (%s); change that first", org.Plan, org.Slug, org.ID)
		}
	}
	return nil
}

func validateSettings(in *directory.Settings) error {
	for _, plan := range in.Plans {
		if err := validateText("plans", plan.Name); err != nil {
			return err
		}
		if plan.Name != strings.TrimSpace(plan.Name) {
			return directory.Errorf(directory.KindInvalid, "plans", "the name of a plan must not begin or end with a space")
		}
	}
	return in.Validate()
}
