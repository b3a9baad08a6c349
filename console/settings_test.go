package console_test

import (
	"sync"
	"testing"

	"domicile/console"
	"domicile/console/consoletest"
	"domicile/directory"
)

var (
	basic    = directory.Plan{Name: "basic", SignIn: true}
	business = directory.Plan{Name: "business", SignIn: true, SCIM: true}
	syncOnly = directory.Plan{Name: "sync-only", SCIM: true}
)

// settle puts settings, whatever was there.
func (h *house) settle(t *testing.T, s directory.Settings) {
	t.Helper()
	if _, err := h.PutSettings(t.Context(), actor, s); err != nil {
		t.Fatal(err)
	}
}

func TestSettings(t *testing.T) {
	h := newHouse(t)
	first, err := h.Settings(t.Context())
	if err != nil || first.Version != 0 || first.NewSCIM != directory.SCIMOff {
		t.Fatalf("at first %+v, %v", first, err)
	}
	put, err := h.PutSettings(t.Context(), actor, directory.Settings{
		Plans: []directory.Plan{basic, business}, DefaultPlan: "basic", NewSCIM: directory.SCIMActive, RequestRate: -1,
	})
	if err != nil || put.Version == 0 || put.Modified == 0 {
		t.Fatalf("put %+v, %v", put, err)
	}
	got, err := h.Settings(t.Context())
	if err != nil || got.Version != put.Version || len(got.Plans) != 2 || got.RequestRate != -1 {
		t.Fatalf("got %+v, %v", got, err)
	}
	if _, err := h.CreateOrganization(t.Context(), actor, console.NewOrganization{Slug: "a", Name: "A", Plan: "business"}); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		in    directory.Settings
		kind  directory.Kind
		field string
	}{
		"overtaken":    {directory.Settings{Version: put.Version + 1, Plans: got.Plans}, directory.KindStale, ""},
		"plan in use":  {directory.Settings{Plans: []directory.Plan{basic}}, directory.KindConflict, "plans"},
		"plan twice":   {directory.Settings{Plans: []directory.Plan{business, business}}, directory.KindInvalid, "plans"},
		"plan unnamed": {directory.Settings{Plans: []directory.Plan{{}}}, directory.KindInvalid, "plans"},
		"plan spaced":  {directory.Settings{Plans: []directory.Plan{{Name: " a"}}}, directory.KindInvalid, "plans"},
		"plan control": {directory.Settings{Plans: []directory.Plan{{Name: "a\nb"}}}, directory.KindInvalid, "plans"},
		"no default":   {directory.Settings{Plans: []directory.Plan{business}, DefaultPlan: "gold"}, directory.KindInvalid, "default_plan"},
		"rate":         {directory.Settings{RequestRate: 1_000_001}, directory.KindInvalid, "request_rate"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.PutSettings(t.Context(), actor, test.in)
			wantError(t, err, test.kind, test.field)
		})
	}
}

func TestSettings_oneOfManyWins(t *testing.T) {
	h := newHouse(t)
	h.settle(t, directory.Settings{RequestRate: 1})
	base, err := h.Settings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	errs := make([]error, 12)
	var group sync.WaitGroup
	for i := range errs {
		group.Go(func() {
			_, errs[i] = h.PutSettings(t.Context(), actor, directory.Settings{RequestRate: 10 + i, Version: base.Version})
		})
	}
	group.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		wantError(t, err, directory.KindStale, "")
	}
	if won != 1 {
		t.Fatalf("%d won", won)
	}
}

func TestCreateOrganization_provisioning(t *testing.T) {
	state := func(s directory.ProvisioningState) *directory.ProvisioningState { return &s }
	plans := []directory.Plan{basic, business, syncOnly}
	for name, test := range map[string]struct {
		settings directory.Settings
		in       console.NewOrganization
		want     directory.ProvisioningState
		kind     directory.Kind
		field    string
	}{
		"nobody says":        {want: directory.SCIMOff},
		"the maker says":     {in: console.NewOrganization{SCIM: state(directory.SCIMActive)}, want: directory.SCIMActive},
		"the settings say":   {settings: directory.Settings{NewSCIM: directory.SCIMActive}, want: directory.SCIMActive},
		"the maker says off": {settings: directory.Settings{NewSCIM: directory.SCIMActive}, in: console.NewOrganization{SCIM: state(directory.SCIMOff)}, want: directory.SCIMOff},
		"in the plan":        {settings: directory.Settings{Plans: plans, NewSCIM: directory.SCIMRequested}, in: console.NewOrganization{Plan: "business"}, want: directory.SCIMRequested},
		"not in the plan":    {settings: directory.Settings{Plans: plans, NewSCIM: directory.SCIMActive}, in: console.NewOrganization{Plan: "basic"}, want: directory.SCIMOff},
		"asked, not in the plan": {
			settings: directory.Settings{Plans: plans}, in: console.NewOrganization{Plan: "basic", SCIM: state(directory.SCIMRequested)},
			kind: directory.KindForbidden, field: "scim",
		},
		"asked without a plan": {
			settings: directory.Settings{Plans: plans}, in: console.NewOrganization{SCIM: state(directory.SCIMActive)},
			kind: directory.KindForbidden, field: "scim",
		},
		"default plan": {
			settings: directory.Settings{Plans: plans, DefaultPlan: "business"}, in: console.NewOrganization{SCIM: state(directory.SCIMActive)},
			want: directory.SCIMActive,
		},
		"unknown plan":   {settings: directory.Settings{Plans: plans}, in: console.NewOrganization{Plan: "gold"}, kind: directory.KindInvalid, field: "plan"},
		"plan of none":   {in: console.NewOrganization{Plan: "basic"}, kind: directory.KindInvalid, field: "plan"},
		"unknown state":  {in: console.NewOrganization{SCIM: state(9)}, kind: directory.KindInvalid, field: "scim"},
		"odd principal":  {in: console.NewOrganization{Principal: "a\x00b"}, kind: directory.KindInvalid, field: "scim_principal"},
		"unknown policy": {in: console.NewOrganization{DeletePolicy: 7}, kind: directory.KindInvalid, field: "delete_policy"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.settle(t, test.settings)
			test.in.Slug, test.in.Name = "acme", "Acme"
			org, err := h.CreateOrganization(t.Context(), actor, test.in)
			if test.kind != 0 {
				wantError(t, err, test.kind, test.field)
				return
			}
			if err != nil || org.SCIM != test.want {
				t.Fatalf("SCIM is %s, want %s: %v", org.SCIM, test.want, err)
			}
		})
	}
}

func TestUpdateOrganization_provisioning(t *testing.T) {
	h, issuer := newHouse(t), consoletest.NewIssuer(t)
	h.settle(t, directory.Settings{Plans: []directory.Plan{basic, business, syncOnly}, DefaultPlan: "business"})
	id := h.organization(t, "acme")
	step := func(s directory.ProvisioningState) error {
		_, err := h.UpdateOrganization(t.Context(), actor, id, console.OrganizationChange{SCIM: &s})
		return err
	}
	if err := step(directory.SCIMRequested); err != nil {
		t.Fatal(err)
	}
	wantError(t, step(directory.SCIMApproved), directory.KindConflict, "scim") // nobody could sign in

	disabled := fields(issuer)
	disabled.Enabled = false
	connection, _, err := h.PutConnection(t.Context(), actor, id, "", disabled)
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, step(directory.SCIMActive), directory.KindConflict, "scim")
	if _, _, err := h.PutConnection(t.Context(), actor, id, connection.ID, fields(issuer)); err != nil {
		t.Fatal(err)
	}
	for _, s := range []directory.ProvisioningState{directory.SCIMApproved, directory.SCIMActive} {
		if err := step(s); err != nil {
			t.Fatal(err)
		}
	}
	wantError(t, step(directory.SCIMRequested), directory.KindConflict, "scim") // no such step

	plan, other := "basic", true
	if _, err := h.UpdateOrganization(t.Context(), actor, id, console.OrganizationChange{Plan: &plan, SCIMPaused: &other}); err != nil {
		t.Fatal(err) // a plan may shrink; the IdP's door then refuses
	}
	if err := step(directory.SCIMOff); err != nil {
		t.Fatal(err)
	}
	wantError(t, step(directory.SCIMRequested), directory.KindForbidden, "scim")
	plan = "gold"
	_, err = h.UpdateOrganization(t.Context(), actor, id, console.OrganizationChange{Plan: &plan})
	wantError(t, err, directory.KindInvalid, "plan")

	plan = "sync-only" // where nobody may sign in, sign-in need not be live
	if _, err := h.UpdateOrganization(t.Context(), actor, id, console.OrganizationChange{Plan: &plan}); err != nil {
		t.Fatal(err)
	}
	if err := h.DeleteConnection(t.Context(), actor, id, connection.ID); err != nil {
		t.Fatal(err)
	}
	if err := step(directory.SCIMActive); err != nil {
		t.Fatal(err)
	}
	_, _, err = h.PutConnection(t.Context(), actor, id, "", fields(issuer))
	wantError(t, err, directory.KindForbidden, "enabled")
}

func TestUpdateOrganization_settingsAllowSCIMWithoutSignIn(t *testing.T) {
	h := newHouse(t)
	h.settle(t, directory.Settings{SCIMWithoutSignIn: true})
	active := directory.SCIMActive
	org, err := h.UpdateOrganization(t.Context(), actor, h.organization(t, "acme"), console.OrganizationChange{SCIM: &active})
	if err != nil || org.SCIM != active {
		t.Fatalf("%+v, %v", org, err)
	}
}
