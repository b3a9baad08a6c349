package cluster_test

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"domicile/cluster"
)

// counter reads one of a node's counters or gauges.
func counter(t *testing.T, node *cluster.Node, name string) float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	for _, collector := range node.Metrics() {
		if err := registry.Register(collector); err != nil {
			t.Fatalf("register: %v", err)
		}
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatalf("gather: %v", err)
	}
	for _, family := range families {
		if family.GetName() == name {
			metric := family.GetMetric()[0]
			return metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}
