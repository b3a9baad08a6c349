package directory_test

import (
	"testing"

	"domicile/directory"
)

func TestDomain_Looked(t *testing.T) {
	type look struct {
		day   directory.Time
		found bool
	}
	for name, c := range map[string]struct {
		looks  []look
		state  directory.DomainState
		misses int
	}{
		"never looked at":         {nil, directory.DomainPending, 0},
		"not there yet":           {[]look{{1, false}, {9, false}, {20, false}, {30, false}}, directory.DomainPending, 0},
		"found":                   {[]look{{1, false}, {2, true}}, directory.DomainVerified, 0},
		"missed twice":            {[]look{{1, true}, {8, false}, {30, false}}, directory.DomainVerified, 2},
		"missed thrice in a week": {[]look{{1, true}, {8, false}, {9, false}, {10, false}, {14, false}}, directory.DomainVerified, 4},
		"missed for a week":       {[]look{{1, true}, {8, false}, {9, false}, {15, false}}, directory.DomainLost, 3},
		"back in time":            {[]look{{1, true}, {8, false}, {9, false}, {10, true}, {20, false}, {21, false}}, directory.DomainVerified, 2},
		"lost and looked at":      {[]look{{1, true}, {8, false}, {9, false}, {15, false}, {16, false}}, directory.DomainLost, 3},
		"lost and found":          {[]look{{1, true}, {8, false}, {9, false}, {15, false}, {40, true}}, directory.DomainVerified, 0},
	} {
		var d directory.Domain
		for _, look := range c.looks {
			d = d.Looked(look.found, look.day*aDay)
		}
		if d.State != c.state || d.Misses != c.misses {
			t.Errorf("%s: %s after %d misses, want %s after %d", name, d.State, d.Misses, c.state, c.misses)
		}
		if len(c.looks) > 0 && d.Checked != c.looks[len(c.looks)-1].day*aDay {
			t.Errorf("%s: checked at %d", name, d.Checked)
		}
		if d.State == directory.DomainVerified != (d.Verified > 0) && d.State != directory.DomainLost {
			t.Errorf("%s: verified at %d", name, d.Verified)
		}
	}
}

func TestDomain_Due(t *testing.T) {
	for _, c := range []struct {
		domain directory.Domain
		days   directory.Time
		want   bool
	}{
		{directory.Domain{State: directory.DomainPending}, 99, false},
		{directory.Domain{State: directory.DomainLost}, 99, false},
		{directory.Domain{State: directory.DomainVerified}, 6, false},
		{directory.Domain{State: directory.DomainVerified}, 7, true},
		{directory.Domain{State: directory.DomainVerified, Misses: 1}, 0, false},
		{directory.Domain{State: directory.DomainVerified, Misses: 1}, 1, true},
	} {
		c.domain.Checked = 100 * aDay
		if got := c.domain.Due((100 + c.days) * aDay); got != c.want {
			t.Errorf("%s with %d misses after %d days: due %v", c.domain.State, c.domain.Misses, c.days, got)
		}
	}
	if got := directory.DomainState(9).String(); got != "unknown" {
		t.Errorf("an unknown state is %q", got)
	}
	if got := directory.ChallengeName("acme.example"); got != "_domicile-challenge.acme.example" {
		t.Errorf("the record is at %q", got)
	}
}
