package directory

import "testing"

// The id of a team is public: applications store it. So it must never change, whatever the group is called.
func TestAutomaticTeam(t *testing.T) {
	team := AutomaticTeam("org", &Group{ID: "group", DisplayName: "Engineering"})
	if want := (Team{ID: "8b5a3e4112d0c4603f603ba64435e654", Name: "Engineering"}); team != want {
		t.Errorf("%+v, want %+v", team, want)
	}
	for name, other := range map[string]Team{
		"renamed":              AutomaticTeam("org", &Group{ID: "group", DisplayName: "Eng"}),
		"another organization": AutomaticTeam("org2", &Group{ID: "group", DisplayName: "Engineering"}),
		"another group":        AutomaticTeam("org", &Group{ID: "group2", DisplayName: "Engineering"}),
		"shifted":              AutomaticTeam("orggroup", &Group{DisplayName: "Engineering"}),
	} {
		if (other.ID == team.ID) != (name == "renamed") {
			t.Errorf("%s: %s", name, other.ID)
		}
	}
}
