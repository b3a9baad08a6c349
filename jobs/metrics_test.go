package jobs

import (
	"errors"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"domicile/directory"
	"domicile/fsm/command"
)

func TestGauges(t *testing.T) {
	w := newWorld(t)
	w.applications("shop")
	w.logouts("shop", 2)
	w.connection("acme", "soon", stamp(w.Now().Add(time.Hour)))
	w.connection("acme", "past", stamp(w.Now().Add(-time.Hour)))
	w.Must("acme", &command.PutConnection{ID: "off", Issuer: "https://idp.example", ClientID: "off",
		ConnectionSettings: directory.ConnectionSettings{AuthMethod: directory.AuthBasic}, SecretExpires: stamp(w.Now())})
	w.Advance(90 * time.Second)
	w.connection("acme", "unknown", 0)
	w.breakGlass("acme", "", "ana@acme.example")
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(NewGauges(w, w.Now))
	shown := gather(t, registry)
	for series, want := range map[string]float64{
		"domicile_errands_waiting break_glass_list":           1,
		"domicile_errands_waiting domain_lost":                0,
		"domicile_errands_waiting logout":                     2,
		"domicile_errand_oldest_seconds break_glass_list":     0,
		"domicile_errand_oldest_seconds logout":               90,
		"domicile_oidc_client_secret_expires_in_seconds past": -3690,
		"domicile_oidc_client_secret_expires_in_seconds soon": 3510,
	} {
		if got, ok := shown[series]; !ok || got != want {
			t.Errorf("%s is %v (%t), want %v", series, got, ok, want)
		}
	}
	if len(shown) != 2*len(errandKinds())+2 { // nothing of what is off, or of which it is not known
		t.Errorf("shown is %v", shown)
	}
}

// gather reads the gauges of a registry by name and the value of their one label.
func gather(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	shown := make(map[string]float64)
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			shown[family.GetName()+" "+metric.GetLabel()[0].GetValue()] = metric.GetGauge().GetValue()
		}
	}
	return shown
}

func TestOutcomeOf_unknownErrorsPass(t *testing.T) {
	if outcomeOf(errors.New("x")) != outcomeFailed {
		t.Error("an unknown error is not counted as failed")
	}
}
