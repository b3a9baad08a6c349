package main

import "testing"

func TestRegister_whatAReadMayShow(t *testing.T) {
	type step struct {
		do    string // attempt, ack, begin (a read), see
		value int64
		bad   bool
	}
	for name, steps := range map[string][]step{
		"nothing yet":                      {{do: "begin"}, {do: "see", value: 0}},
		"acknowledged before the read":     {{do: "attempt"}, {do: "ack", value: 1}, {do: "begin"}, {do: "see", value: 1}},
		"stale":                            {{do: "attempt"}, {do: "ack", value: 1}, {do: "begin"}, {do: "see", value: 0, bad: true}},
		"acknowledged during the read":     {{do: "begin"}, {do: "attempt"}, {do: "ack", value: 1}, {do: "see", value: 0}},
		"in doubt, applied":                {{do: "attempt"}, {do: "begin"}, {do: "see", value: 1}},
		"in doubt, not applied":            {{do: "attempt"}, {do: "begin"}, {do: "see", value: 0}},
		"in doubt, seen, then unseen":      {{do: "attempt"}, {do: "begin"}, {do: "see", value: 1}, {do: "begin"}, {do: "see", value: 0, bad: true}},
		"seen by a read that ended later":  {{do: "attempt"}, {do: "begin"}, {do: "see", value: 1}, {do: "see", value: 0}},
		"from the future":                  {{do: "attempt"}, {do: "ack", value: 1}, {do: "begin"}, {do: "see", value: 2, bad: true}},
		"an old write applied once more":   {{do: "attempt"}, {do: "ack", value: 1}, {do: "attempt"}, {do: "ack", value: 2}, {do: "begin"}, {do: "see", value: 1, bad: true}},
		"acknowledged late and out of use": {{do: "attempt"}, {do: "attempt"}, {do: "ack", value: 2}, {do: "ack", value: 1}, {do: "begin"}, {do: "see", value: 1, bad: true}},
	} {
		t.Run(name, func(t *testing.T) {
			var r register
			floor := int64(0)
			for i, s := range steps {
				switch s.do {
				case "attempt":
					r.attempt()
				case "ack":
					r.ack(s.value)
				case "begin":
					floor = r.floor()
				case "see":
					err := r.observe(floor, func(version int64) bool { return version == s.value })
					if (err != nil) != s.bad {
						t.Errorf("step %d: error %v, want one: %v", i, err, s.bad)
					}
				}
			}
		})
	}
}

func TestRegister_versionsThatLookAlike(t *testing.T) {
	var l link
	for range 3 {
		l.ack(l.attempt())
	}
	if err := l.observe(l.floor(), l.shows(true)); err != nil {
		t.Errorf("a member after three toggles: %v", err)
	}
	if l.observe(l.floor(), l.shows(false)) == nil {
		t.Error("no member after three toggles was not noticed")
	}
	l.attempt() // in doubt: both are right, and seeing the newer one binds
	floor := l.floor()
	if err := l.observe(floor, l.shows(true)); err != nil {
		t.Error(err)
	}
	if err := l.observe(floor, l.shows(false)); err != nil {
		t.Error(err)
	}
	if l.observe(l.floor(), l.shows(true)) == nil {
		t.Error("a toggle that was seen and then unseen was not noticed")
	}
}
