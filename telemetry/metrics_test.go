package telemetry

import (
	"strings"
	"testing"
	"time"

	armon "github.com/armon/go-metrics"
	hashicorp "github.com/hashicorp/go-metrics"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// scrape returns the value of each series "name{labels}"; of a histogram its
// _count and _sum.
func scrape(t *testing.T, reg *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.Metric {
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			series := f.GetName() + "{" + strings.Join(labels, ",") + "}"
			switch {
			case m.Counter != nil:
				got[series] = m.Counter.GetValue()
			case m.Gauge != nil:
				got[series] = m.Gauge.GetValue()
			case m.Histogram != nil:
				got[series+"_count"] = float64(m.Histogram.GetSampleCount())
				got[series+"_sum"] = m.Histogram.GetSampleSum()
			}
		}
	}
	return got
}

func expect(t *testing.T, got, want map[string]float64) {
	t.Helper()
	for series, value := range want {
		if v, ok := got[series]; !ok || v < value-1e-6 || v > value+1e-6 {
			t.Errorf("%s = %v (%v), want %v", series, v, ok, value)
		}
	}
}

// lint applies Prometheus' naming rules.
func lint(t *testing.T, reg *prometheus.Registry) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("lint: %v %v", problems, err)
	}
}

func TestNewRegistry(t *testing.T) {
	got := scrape(t, NewRegistry())
	found := map[string]bool{}
	for series := range got {
		found[series[:strings.IndexByte(series, '{')]] = true
	}
	for _, name := range []string{"go_goroutines", "process_open_fds", "domicile_build_info"} {
		if !found[name] {
			t.Errorf("%s is missing", name)
		}
	}
}

func TestHTTPMetrics(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	m := NewHTTPMetrics(reg)
	scim, console := m.Class("scim"), m.Class("console")
	for range 3 {
		scim.Begin()
	}
	scim.Done("GET", 200, 10*time.Millisecond)
	scim.Done("GET", 204, 20*time.Millisecond)
	console.Begin()
	console.Done("BREW", 999, time.Second)
	expect(t, scrape(t, reg), map[string]float64{
		"domicile_http_requests_total{class=scim,method=GET,status=2xx}":        2,
		"domicile_http_requests_total{class=console,method=other,status=other}": 1,
		"domicile_http_requests_in_flight{class=scim}":                          1,
		"domicile_http_requests_in_flight{class=console}":                       0,
		"domicile_http_request_seconds{class=scim}_count":                       2,
		"domicile_http_request_seconds{class=scim}_sum":                         0.03,
	})
	requests := 0
	for series := range scrape(t, reg) {
		if strings.HasPrefix(series, "domicile_http_requests_total") {
			requests++
		}
	}
	if requests != 2 {
		t.Errorf("%d request series, want only those that occurred", requests)
	}
	lint(t, reg)
}

func TestLabelIndexes(t *testing.T) {
	for i, name := range methodNames() {
		if got := methodIndex(name); got != i {
			t.Errorf("methodIndex(%s) = %d, want %d", name, got, i)
		}
	}
	for status, want := range map[int]string{0: "other", 99: "other", 100: "1xx", 204: "2xx", 303: "3xx", 404: "4xx", 503: "5xx", 600: "other", -1: "other"} {
		if got := statusNames()[statusIndex(status)]; got != want {
			t.Errorf("status %d is %s, want %s", status, got, want)
		}
	}
}

func TestRaftSink(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	if err := NewRaftSink(reg).Install(); err != nil {
		t.Fatal(err)
	}
	begin := time.Now().Add(-50 * time.Millisecond)
	hashicorp.SetGauge([]string{"raft", "peers"}, 3)
	hashicorp.IncrCounter([]string{"raft", "state", "leader"}, 1)
	hashicorp.IncrCounter([]string{"raft", "state", "leader"}, 1)
	hashicorp.MeasureSince([]string{"raft", "commitTime"}, begin)
	hashicorp.AddSample([]string{"raft", "leader", "lastContact"}, 20)
	hashicorp.AddSample([]string{"raft", "thread", "main", "saturation"}, 0.5)
	hashicorp.MeasureSinceWithLabels([]string{"raft", "replication", "appendEntries", "rpc"}, begin, []hashicorp.Label{{Name: "peer_id", Value: "n2"}})
	hashicorp.AddSample([]string{"raft", "replication", "appendEntries", "rpc", "n2"}, 1)
	hashicorp.SetGauge([]string{"raft", "unknown", strings.Repeat("long", 64)}, 1)
	armon.MeasureSince([]string{"raft", "boltdb", "storeLogs"}, begin)
	armon.SetGauge([]string{"raft", "boltdb", "freelistBytes"}, 4096)
	armon.AddSample([]string{"raft", "boltdb", "logsPerBatch"}, 7)

	got := scrape(t, reg)
	expect(t, got, map[string]float64{
		"domicile_raft_peers{}":                           3,
		"domicile_raft_leaderships_total{}":               2,
		"domicile_raft_commit_seconds{}_count":            1,
		"domicile_raft_leader_last_contact_seconds{}_sum": 0.02,
		"domicile_raft_main_saturation_ratio{}_sum":       0.5,
		"domicile_raft_replication_seconds{}_count":       1,
		"domicile_raft_boltdb_store_seconds{}_count":      1,
		"domicile_raft_boltdb_freelist_bytes{}":           4096,
		"domicile_raft_boltdb_batch_entries{}_sum":        7,
		"domicile_raft_fsm_apply_seconds{}_count":         0,
	})
	if sum := got["domicile_raft_commit_seconds{}_sum"]; sum < 0.05 || sum > 5 {
		t.Errorf("commit time %v s, want about 0.05", sum)
	}
	for series := range got {
		if !strings.Contains(series, "{}") {
			t.Errorf("%s has labels", series)
		}
	}
	lint(t, reg)
}

func TestDroppedLines(t *testing.T) {
	w := NewBufferedWriter(&sink{}, WriterConfig{Bytes: 1})
	defer w.Close()
	w.Write([]byte("too long"))
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(DroppedLines(w))
	expect(t, scrape(t, reg), map[string]float64{"domicile_log_lines_dropped_total{}": 1})
}
