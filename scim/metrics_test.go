package scim_test

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"domicile/scim"
)

// Metrics count by words, never by whom.
func TestMetrics(t *testing.T) {
	w := newWorld(t)
	registry := prometheus.NewRegistry()
	w.Engine.Metrics = scim.NewMetrics(registry)
	id := w.create(t, scim.Users, user("somebody"))
	w.patch(t, scim.Users, id, `{"op":"Replace","path":"title","value":"x"}`)
	w.patch(t, scim.Users, id, `{"op":"replace","path":"title","value":"x"}`)
	_, err := w.Create(t.Context(), w.actor, scim.Users, []byte(user("Somebody")), scim.Query{})
	wantFault(t, err, 409, "uniqueness")
	w.list(t, scim.Users, filterOf(`title eq "x"`))

	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, family := range families {
		for _, m := range family.Metric {
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, l.GetValue())
			}
			got[strings.TrimPrefix(family.GetName(), "domicile_scim_")+" "+strings.Join(labels, " ")] = m.Counter.GetValue()
		}
	}
	for name, want := range map[string]float64{
		"operations_total create ok User":      1,
		"operations_total create refused User": 1,
		"operations_total patch ok User":       1,
		"operations_total patch noop User":     1,
		"operations_total list ok User":        1,
		"courtesies_total operationCase":       1,
		"scanned_resources_total ":             1,
		"write_conflicts_total ":               0,
	} {
		if got[name] != want {
			t.Errorf("%q is %v, want %v", name, got[name], want)
		}
	}
	if len(got) != 8 {
		t.Errorf("there are %v", got)
	}
}
