package telemetry

import (
	"fmt"
	"time"

	armon "github.com/armon/go-metrics"
	hashicorp "github.com/hashicorp/go-metrics"
	"github.com/prometheus/client_golang/prometheus"
)

// RaftSink exports the metrics of the raft libraries that an operator needs:
// a fixed list of names, without labels. hashicorp/raft emits to
// hashicorp/go-metrics and raft-boltdb to armon/go-metrics, and both only know
// a process-wide destination, so several nodes in one process share a sink.
type RaftSink struct {
	gauges   map[string]gauge
	counters map[string]prometheus.Counter
	samples  map[string]sample
}

type gauge struct {
	prometheus.Gauge
	unit float64
}

type sample struct {
	prometheus.Histogram
	unit float64
}

// raftMetric maps one library name to ours; unit is what the library's value
// is multiplied with to get a base unit.
type raftMetric struct {
	library string
	name    string
	help    string
	unit    float64
	buckets []float64
}

// milli: the libraries measure time in milliseconds.
const milli = 1e-3

func raftGauges() []raftMetric {
	return []raftMetric{
		{"raft.peers", "domicile_raft_peers", "Servers in the raft configuration.", 1, nil},
		{"raft.leader.oldestLogAge", "domicile_raft_oldest_log_age_seconds", "Age of the oldest entry in the leader's log.", milli, nil},
		{"raft.fsm.lastRestoreDuration", "domicile_raft_fsm_last_restore_seconds", "Time the last restore of the FSM took.", milli, nil},
		{"raft.boltdb.freelistBytes", "domicile_raft_boltdb_freelist_bytes", "Bytes of the log store's free list.", 1, nil},
		{"raft.boltdb.freePageBytes", "domicile_raft_boltdb_free_page_bytes", "Bytes in free pages of the log store.", 1, nil},
	}
}

func raftCounters() []raftMetric {
	return []raftMetric{
		{"raft.apply", "domicile_raft_applies_total", "Entries that this node proposed as leader.", 1, nil},
		{"raft.state.candidate", "domicile_raft_candidacies_total", "Elections that this node started.", 1, nil},
		{"raft.state.leader", "domicile_raft_leaderships_total", "Times this node became leader.", 1, nil},
	}
}

func raftSamples() []raftMetric {
	fast := []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5}
	slow := []float64{.01, .05, .1, .5, 1, 5, 10, 30, 60, 300}
	ratio := []float64{.1, .2, .3, .4, .5, .6, .7, .8, .9, 1}
	size := []float64{1, 2, 4, 8, 16, 32, 64, 128, 256}
	rate := []float64{10, 100, 1000, 10_000, 100_000, 1_000_000}
	return []raftMetric{
		{"raft.commitTime", "domicile_raft_commit_seconds", "Time to commit an entry, on the leader.", milli, fast},
		{"raft.leader.lastContact", "domicile_raft_leader_last_contact_seconds", "Time since the leader last heard from a follower.", milli, fast},
		{"raft.leader.dispatchLog", "domicile_raft_leader_dispatch_seconds", "Time the leader takes to store entries.", milli, fast},
		{"raft.fsm.applyBatch", "domicile_raft_fsm_apply_seconds", "Time the FSM takes to apply a batch of entries.", milli, fast},
		{"raft.fsm.applyBatchNum", "domicile_raft_fsm_apply_entries", "Entries per batch applied by the FSM.", 1, size},
		{"raft.rpc.installSnapshot", "domicile_raft_install_snapshot_seconds", "Time to install a snapshot sent by the leader.", milli, slow},
		{"raft.rpc.appendEntries.storeLogs", "domicile_raft_follower_store_seconds", "Time a follower takes to store entries.", milli, fast},
		{"raft.replication.appendEntries.rpc", "domicile_raft_replication_seconds", "Round trip of replicating entries to a follower.", milli, fast},
		{"raft.thread.main.saturation", "domicile_raft_main_saturation_ratio", "Share of time that raft's main goroutine is busy.", 1, ratio},
		{"raft.thread.fsm.saturation", "domicile_raft_fsm_saturation_ratio", "Share of time that raft's FSM goroutine is busy.", 1, ratio},
		{"raft.boltdb.storeLogs", "domicile_raft_boltdb_store_seconds", "Time to write entries to the log store, fsync included.", milli, fast},
		{"raft.boltdb.logsPerBatch", "domicile_raft_boltdb_batch_entries", "Entries per write to the log store.", 1, size},
		{"raft.boltdb.writeCapacity", "domicile_raft_boltdb_write_capacity", "Entries per second that the log store could write.", 1, rate},
	}
}

// NewRaftSink registers the metrics. Nothing arrives until Install.
func NewRaftSink(reg prometheus.Registerer) *RaftSink {
	s := &RaftSink{
		gauges:   map[string]gauge{},
		counters: map[string]prometheus.Counter{},
		samples:  map[string]sample{},
	}
	for _, m := range raftGauges() {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: m.name, Help: m.help})
		s.gauges[m.library] = gauge{g, m.unit}
		reg.MustRegister(g)
	}
	for _, m := range raftCounters() {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: m.name, Help: m.help})
		s.counters[m.library] = c
		reg.MustRegister(c)
	}
	for _, m := range raftSamples() {
		h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: m.name, Help: m.help, Buckets: m.buckets})
		s.samples[m.library] = sample{h, m.unit}
		reg.MustRegister(h)
	}
	return s
}

// Install makes s the destination of both libraries for the whole process.
// Only cmd calls it, once, before a node starts.
func (s *RaftSink) Install() error {
	// Spelled out, not DefaultConfig: no host name in keys, no runtime
	// goroutine, timers in milliseconds.
	if _, err := hashicorp.NewGlobal(&hashicorp.Config{TimerGranularity: time.Millisecond, FilterDefault: true}, raftLibrary{s}); err != nil {
		return fmt.Errorf("install raft metrics: %w", err)
	}
	if _, err := armon.NewGlobal(&armon.Config{TimerGranularity: time.Millisecond, FilterDefault: true}, storeLibrary{s}); err != nil {
		return fmt.Errorf("install log store metrics: %w", err)
	}
	return nil
}

func (s *RaftSink) setGauge(key []string, value float32) {
	var buf [96]byte
	if g, ok := s.gauges[string(appendKey(buf[:0], key))]; ok {
		g.Set(float64(value) * g.unit)
	}
}

func (s *RaftSink) addCounter(key []string, value float32) {
	var buf [96]byte
	if c, ok := s.counters[string(appendKey(buf[:0], key))]; ok && value > 0 {
		c.Add(float64(value))
	}
}

func (s *RaftSink) addSample(key []string, value float32) {
	var buf [96]byte
	if h, ok := s.samples[string(appendKey(buf[:0], key))]; ok {
		h.Observe(float64(value) * h.unit)
	}
}

// appendKey joins a key with dots; used as a map index it allocates nothing.
func appendKey(buf []byte, key []string) []byte {
	for i, part := range key {
		if i > 0 {
			buf = append(buf, '.')
		}
		buf = append(buf, part...)
	}
	return buf
}

// raftLibrary is the sink of hashicorp/go-metrics.
type raftLibrary struct{ s *RaftSink }

func (l raftLibrary) SetGauge(key []string, v float32)    { l.s.setGauge(key, v) }
func (l raftLibrary) IncrCounter(key []string, v float32) { l.s.addCounter(key, v) }
func (l raftLibrary) AddSample(key []string, v float32)   { l.s.addSample(key, v) }
func (raftLibrary) EmitKey([]string, float32)             {}

func (l raftLibrary) SetGaugeWithLabels(key []string, v float32, _ []hashicorp.Label) {
	l.s.setGauge(key, v)
}

func (l raftLibrary) IncrCounterWithLabels(key []string, v float32, _ []hashicorp.Label) {
	l.s.addCounter(key, v)
}

func (l raftLibrary) AddSampleWithLabels(key []string, v float32, _ []hashicorp.Label) {
	l.s.addSample(key, v)
}

// storeLibrary is the sink of armon/go-metrics.
type storeLibrary struct{ s *RaftSink }

func (l storeLibrary) SetGauge(key []string, v float32)    { l.s.setGauge(key, v) }
func (l storeLibrary) IncrCounter(key []string, v float32) { l.s.addCounter(key, v) }
func (l storeLibrary) AddSample(key []string, v float32)   { l.s.addSample(key, v) }
func (storeLibrary) EmitKey([]string, float32)             {}

func (l storeLibrary) SetGaugeWithLabels(key []string, v float32, _ []armon.Label) {
	l.s.setGauge(key, v)
}

func (l storeLibrary) IncrCounterWithLabels(key []string, v float32, _ []armon.Label) {
	l.s.addCounter(key, v)
}

func (l storeLibrary) AddSampleWithLabels(key []string, v float32, _ []armon.Label) {
	l.s.addSample(key, v)
}
