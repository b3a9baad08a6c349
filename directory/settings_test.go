package directory_test

import (
	"fmt"
	"strings"
	"testing"

	"domicile/directory"
)

func TestSettings_Allows(t *testing.T) {
	basic := directory.Plan{Name: "basic", SignIn: true}
	full := directory.Plan{Name: "full", SignIn: true, SCIM: true}
	for name, c := range map[string]struct {
		settings directory.Settings
		plan     string
		want     directory.Plan
	}{
		"no plans, none named":  {directory.Settings{}, "", directory.Plan{SignIn: true, SCIM: true}},
		"no plans, one named":   {directory.Settings{}, "gold", directory.Plan{Name: "gold", SignIn: true, SCIM: true}},
		"named":                 {directory.Settings{Plans: []directory.Plan{basic, full}, DefaultPlan: "basic"}, "full", full},
		"default":               {directory.Settings{Plans: []directory.Plan{basic, full}, DefaultPlan: "basic"}, "", basic},
		"unknown":               {directory.Settings{Plans: []directory.Plan{basic, full}, DefaultPlan: "full"}, "gold", directory.Plan{Name: "gold"}},
		"none named, no choice": {directory.Settings{Plans: []directory.Plan{basic, full}}, "", directory.Plan{}},
	} {
		if got := c.settings.Allows(c.plan); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestSettings_Rate(t *testing.T) {
	for rate, want := range map[int]int{0: 100, 1: 1, 5000: 5000, -1: 0, -9: 0} {
		if got := (&directory.Settings{RequestRate: rate}).Rate(); got != want {
			t.Errorf("rate %d gives %d, want %d", rate, got, want)
		}
	}
}

func TestSettings_Validate(t *testing.T) {
	if err := new(directory.Settings).Validate(); err != nil {
		t.Errorf("the zero value: %v", err)
	}
	most := directory.Settings{NewSCIM: directory.SCIMActive, RequestRate: 1_000_000, DefaultPlan: "plan-7"}
	for i := range directory.MaxPlans {
		most.Plans = append(most.Plans, directory.Plan{Name: fmt.Sprint("plan-", i)})
	}
	if err := most.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		settings directory.Settings
		field    string
	}{
		"plan without name": {directory.Settings{Plans: []directory.Plan{{}}}, "plans"},
		"long name":         {directory.Settings{Plans: []directory.Plan{{Name: strings.Repeat("p", 65)}}}, "plans"},
		"plan twice":        {directory.Settings{Plans: []directory.Plan{{Name: "a"}, {Name: "a", SCIM: true}}}, "plans"},
		"unknown default":   {directory.Settings{DefaultPlan: "a"}, "default_plan"},
		"unknown state":     {directory.Settings{NewSCIM: 4}, "new_scim"},
		"huge rate":         {directory.Settings{RequestRate: 1_000_001}, "request_rate"},
	} {
		t.Run(name, func(t *testing.T) { wantInvalid(t, c.settings.Validate(), c.field) })
	}
	most.Plans = append(most.Plans, directory.Plan{Name: "one more"})
	if err := most.Validate(); directory.KindOf(err) != directory.KindTooLarge {
		t.Errorf("too many plans: %v", err)
	}
}
