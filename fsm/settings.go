package fsm

import (
	"slices"

	"domicile/directory"
	"domicile/fsm/command"
)

func putSettings(tx *transaction, p *command.PutSettings) (command.Result, *directory.Error) {
	old := tx.state.Settings()
	if refusal := stale(p.ExpectVersion, old.Version); refusal != nil {
		return command.Result{}, refusal
	}
	if refusal := settingsKnown(&p.SettingsFields); refusal != nil {
		return command.Result{}, refusal
	}
	next := &directory.Settings{
		Plans: p.Plans, DefaultPlan: p.DefaultPlan, NewSCIM: p.NewSCIM, SCIMWithoutSignIn: p.SCIMWithoutSignIn,
		RequestRate: p.RequestRate, Modified: tx.now, Version: tx.seq,
	}
	if sameSettings(old, next) {
		return command.Result{Version: old.Version, Modified: old.Modified}, nil
	}
	tx.state.PutSettings(next)
	return tx.changed(0), nil
}

func settingsKnown(f *command.SettingsFields) *directory.Error {
	if len(f.Plans) > directory.MaxPlans {
		return directory.Errorf(directory.KindTooLarge, "plans", "at most %d plans", directory.MaxPlans)
	}
	named := func(plan directory.Plan) bool { return plan.Name == f.DefaultPlan }
	if f.DefaultPlan != "" && !slices.ContainsFunc(f.Plans, named) {
		return directory.Errorf(directory.KindInvalid, "default_plan", "the default plan must be one of the plans")
	}
	if !f.NewSCIM.Valid() {
		return directory.Errorf(directory.KindInvalid, "new_scim", "there is no SCIM state %d", f.NewSCIM)
	}
	return nil
}

func sameSettings(a, b *directory.Settings) bool {
	return slices.Equal(a.Plans, b.Plans) && a.DefaultPlan == b.DefaultPlan && a.NewSCIM == b.NewSCIM &&
		a.SCIMWithoutSignIn == b.SCIMWithoutSignIn && a.RequestRate == b.RequestRate
}
