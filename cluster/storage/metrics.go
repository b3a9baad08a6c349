package storage

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what an operator sees of a node's disk.
type metrics struct {
	appendSeconds   prometheus.Histogram
	appendBytes     prometheus.Counter
	fileBytes       prometheus.Gauge
	freePageBytes   prometheus.Gauge
	diskFreeBytes   prometheus.Gauge
	snapshotBytes   prometheus.Gauge
	snapshotSeconds prometheus.Histogram
	slowCalls       *prometheus.CounterVec
	stalls          prometheus.Counter
}

func newMetrics() *metrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: "domicile_storage_" + name, Help: help})
	}
	counter := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Name: "domicile_storage_" + name, Help: help}
	}
	m := &metrics{
		appendSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "domicile_storage_append_seconds",
			Help:    "Time to seal entries and append them to the log, fsync included.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}),
		snapshotSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "domicile_storage_snapshot_seconds",
			Help:    "Time to write a snapshot, taken here or sent by the leader.",
			Buckets: []float64{.01, .05, .1, .5, 1, 5, 10, 30, 60, 300},
		}),
		appendBytes:   prometheus.NewCounter(counter("append_bytes_total", "Sealed bytes appended to the log.")),
		fileBytes:     gauge("log_file_bytes", "Size of the log's file."),
		freePageBytes: gauge("log_free_page_bytes", "Bytes in free pages of the log's file; it shrinks only at start."),
		diskFreeBytes: gauge("disk_free_bytes", "Bytes free for this process on the disk of the data directory."),
		snapshotBytes: gauge("snapshot_bytes", "Size of the newest snapshot, before sealing."),
		slowCalls:     prometheus.NewCounterVec(counter("slow_calls_total", "Calls that ran for more than two seconds."), []string{"op"}),
		stalls:        prometheus.NewCounter(counter("stalls_total", "Calls that ran so long that the node gave up on its disk.")),
	}
	for _, op := range ops {
		m.slowCalls.WithLabelValues(op)
	}
	return m
}

func (m *metrics) all() []prometheus.Collector {
	return []prometheus.Collector{
		m.appendSeconds, m.appendBytes, m.fileBytes, m.freePageBytes, m.diskFreeBytes,
		m.snapshotBytes, m.snapshotSeconds, m.slowCalls, m.stalls,
	}
}

// logTally counts appended bytes, and where the newest snapshot began.
type logTally struct{ appended, covered atomic.Int64 }

func (t *logTally) add(n int64) { t.appended.Add(n) }

// mark returns the present count, for cover to be called with once a snapshot that began now is complete.
func (t *logTally) mark() int64 { return t.appended.Load() }

func (t *logTally) cover(mark int64) { t.covered.Store(mark) }

func (t *logTally) since() int64 {
	covered := t.covered.Load() // first: appended only grows
	return t.appended.Load() - covered
}
