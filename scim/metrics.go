package scim

import (
	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts what identity providers ask for and how it ends. Labels are words of this package, never data.
type Metrics struct {
	operations *prometheus.CounterVec
	courtesies *prometheus.CounterVec
	conflicts  prometheus.Counter
	scanned    prometheus.Counter
}

// NewMetrics registers the metrics of the door.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		operations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "domicile_scim_operations_total",
			Help: "SCIM operations, by resource, operation and outcome (ok, noop, refused, failed).",
		}, []string{"resource", "operation", "outcome"}),
		courtesies: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "domicile_scim_courtesies_total",
			Help: "Deviations from the RFCs that were tolerated, by name.",
		}, []string{"name"}),
		conflicts: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "domicile_scim_write_conflicts_total",
			Help: "Writes that were compiled again because another write came first.",
		}),
		scanned: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "domicile_scim_scanned_resources_total",
			Help: "Resources that filters and sorts without an index had to look at.",
		}),
	}
	reg.MustRegister(m.operations, m.courtesies, m.conflicts, m.scanned)
	return m
}

// done counts one operation.
func (m *Metrics) done(kind Kind, operation string, r *Response, err error) {
	if m == nil {
		return
	}
	resource := kind.String()
	if kind == kinds {
		resource = "Any"
	}
	m.operations.WithLabelValues(resource, operation, outcome(r, err)).Inc()
	for _, c := range r.Courtesies {
		m.courtesies.WithLabelValues(c.Name()).Inc()
	}
}

func outcome(r *Response, err error) string {
	switch {
	case err == nil && r.NoOp:
		return "noop"
	case err == nil:
		return "ok"
	case FaultOf(err).Status < statusInternal:
		return "refused"
	}
	return "failed"
}

func (m *Metrics) conflict() {
	if m != nil {
		m.conflicts.Inc()
	}
}

func (m *Metrics) scan(rows int) {
	if m != nil && rows > 0 {
		m.scanned.Add(float64(rows))
	}
}

// names of the operations in metrics.
const (
	opGet     = "get"
	opList    = "list"
	opCreate  = "create"
	opReplace = "replace"
	opPatch   = "patch"
	opDelete  = "delete"
	opBulk    = "bulk"
)
