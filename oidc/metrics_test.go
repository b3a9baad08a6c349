package oidc

import (
	"os"
	"regexp"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// TestMetrics_startAtZero: a series that appears with its first event would hide that event from increase().
func TestMetrics_startAtZero(t *testing.T) {
	source, err := os.ReadFile("refusal.go")
	if err != nil {
		t.Fatal(err)
	}
	outcomes := map[string]bool{"ok": true}
	elsewhere := 0 // whose sign-in never gets as far as a callback
	for _, constant := range regexp.MustCompile(`(?m)^\tReason\w+ +Reason = "(\w+)"`).FindAllStringSubmatch(string(source), -1) {
		outcomes[constant[1]] = true
		if _, known := classes[Reason(constant[1])]; !known {
			t.Errorf("reason %s has no class", constant[1])
		}
		if Reason(constant[1]).Class() == ClassUnknown {
			elsewhere++
		}
	}
	if len(outcomes) != len(classes)+1 {
		t.Errorf("%d reasons are declared, %d have a class", len(outcomes)-1, len(classes))
	}
	registry := prometheus.NewRegistry()
	NewMetrics(registry)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	series := make(map[string]int)
	for _, family := range families {
		series[family.GetName()] = len(family.GetMetric())
	}
	for name, want := range map[string]int{
		"domicile_session_checks_total": 3,
		"domicile_signin_starts_total":  7,
		"domicile_signins_total":        len(outcomes) - elsewhere,
		"domicile_idp_request_seconds":  4,

		"domicile_oidc_provider_refreshes_total":  2,
		"domicile_oidc_previous_secret_total":     1,
		"domicile_oidc_older_certificate_total":   1,
		"domicile_oidc_endpoints_moved_total":     1,
		"domicile_oidc_just_in_time_users_total":  1,
		"domicile_session_uses_total":             2,
		"domicile_signin_refusals_recorded_total": 3,
	} {
		if series[name] != want {
			t.Errorf("%s has %d series before anything happened, want %d", name, series[name], want)
		}
	}
}
