package fsm

import (
	"testing"

	"domicile/directory"
	"domicile/fsm/command"
)

func TestPutSettings(t *testing.T) {
	l := newLedger(t)
	if s := l.fsm.View().Settings(); s == nil || s.Version != 0 || s.Rate() != directory.DefaultRequestRate {
		t.Fatalf("settings of a new ledger: %+v", s)
	}
	fields := command.SettingsFields{
		Plans: []directory.Plan{{Name: "basic", SignIn: true}}, DefaultPlan: "basic", NewSCIM: directory.SCIMActive, RequestRate: 7,
	}
	if r := l.do("", &command.PutSettings{}); r.Changed || r.Version != 0 {
		t.Errorf("settings that are there already: %+v", r)
	}
	l.refuse("", &command.PutSettings{ExpectVersion: 1, SettingsFields: fields}, directory.KindStale)
	first := l.do("", &command.PutSettings{SettingsFields: fields})
	before := l.fsm.View()
	if s := before.Settings(); s.Version != first.Seq || s.Modified != l.now || s.Rate() != 7 || !s.Allows("").SignIn || s.Allows("").SCIM {
		t.Errorf("settings %+v", s)
	}
	if r := l.do("", &command.PutSettings{ExpectVersion: first.Version, SettingsFields: fields}); r.Changed || r.Version != first.Version {
		t.Errorf("the same settings again: %+v", r)
	}
	for name, c := range map[string]struct {
		change func(*command.SettingsFields)
		want   directory.Kind
	}{
		"too many plans":       {func(f *command.SettingsFields) { f.Plans = make([]directory.Plan, 51) }, directory.KindTooLarge},
		"unknown default plan": {func(f *command.SettingsFields) { f.DefaultPlan = "other" }, directory.KindInvalid},
		"unknown state":        {func(f *command.SettingsFields) { f.NewSCIM = 4 }, directory.KindInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			l.TB = t
			bad := fields
			c.change(&bad)
			l.refuse("", &command.PutSettings{SettingsFields: bad}, c.want)
		})
	}
	l.TB = t
	l.do("", &command.PutSettings{ExpectVersion: first.Version})
	if s := l.fsm.View().Settings(); len(s.Plans) != 0 || s.Rate() != directory.DefaultRequestRate || before.Settings().Rate() != 7 {
		t.Errorf("settings %+v, in the view before %+v", s, before.Settings())
	}
	l.fsm = reborn(t, l.fsm)
	if l.fsm.View().Settings().Version == 0 {
		t.Error("a restore lost the settings")
	}
}

// What leads to active SCIM is decided step by step; the doors decide who may take one.
func TestOrganizations_provisioning(t *testing.T) {
	l := newLedger(t).acme(0)
	put := func(state directory.ProvisioningState) *command.UpdateOrganization {
		return &command.UpdateOrganization{OrganizationFields: command.OrganizationFields{Slug: "acme", SCIM: state}}
	}
	l.do("acme", put(directory.SCIMRequested))
	l.do("acme", put(directory.SCIMApproved))
	l.refuse("acme", put(directory.SCIMRequested), directory.KindConflict)
	l.do("acme", put(directory.SCIMActive))
	l.refuse("acme", put(directory.SCIMApproved), directory.KindConflict)
	l.refuse("acme", put(9), directory.KindInvalid)
	if r := l.do("acme", put(directory.SCIMActive)); r.Changed {
		t.Error("staying changed something")
	}
	full := command.OrganizationFields{
		Slug: "acme", SCIM: directory.SCIMActive, SCIMPaused: true, Principal: "Okta", DeletePolicy: directory.PolicyDeactivate,
		SingleToken: true, Plan: "basic",
	}
	for name, change := range map[string]func(*command.OrganizationFields){
		"paused":        func(f *command.OrganizationFields) { f.SCIMPaused = false },
		"principal":     func(f *command.OrganizationFields) { f.Principal = "" },
		"delete policy": func(f *command.OrganizationFields) { f.DeletePolicy = directory.PolicyDelete },
		"single token":  func(f *command.OrganizationFields) { f.SingleToken = false },
		"plan":          func(f *command.OrganizationFields) { f.Plan = "" },
	} {
		l.do("acme", &command.UpdateOrganization{OrganizationFields: full})
		next := full
		change(&next)
		if r := l.do("acme", &command.UpdateOrganization{OrganizationFields: next}); !r.Changed {
			t.Errorf("%s: no change", name)
		}
	}
	bad := full
	bad.DeletePolicy = 2
	l.refuse("acme", &command.UpdateOrganization{OrganizationFields: bad}, directory.KindInvalid)
	bad.Slug = "new"
	l.refuse("new", &command.CreateOrganization{OrganizationFields: bad}, directory.KindInvalid)
	l.do("acme", put(directory.SCIMOff))
}
