package cluster

import (
	"time"

	"github.com/hashicorp/raft"
	"github.com/prometheus/client_golang/prometheus"

	"domicile/directory"
)

// metrics are the node's own signals; raft's and the disk's stand beside them.
type metrics struct {
	gauges []prometheus.Collector

	proposeSeconds   *prometheus.HistogramVec
	queueSeconds     prometheus.Histogram
	batchCommands    prometheus.Histogram
	queueFull        prometheus.Counter
	retries          prometheus.Counter
	forwardedIn      prometheus.Counter
	forwardedOut     prometheus.Counter
	readIndexSeconds prometheus.Histogram
	readsShared      prometheus.Counter
	leaderChanges    prometheus.Counter
	crashTakeovers   prometheus.Counter
	refusedPeers     prometheus.Counter
}

func newMetrics(n *Node) *metrics {
	seconds := []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "domicile_cluster_" + name, Help: help})
	}
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: "domicile_cluster_" + name, Help: help, Buckets: buckets})
	}
	return &metrics{
		gauges: n.gauges(),
		proposeSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "domicile_cluster_propose_seconds", Buckets: seconds,
			Help: "Time from the request to its answer, on the node that received it, by outcome.",
		}, []string{"outcome"}),
		queueSeconds:     histogram("queue_seconds", "Time a command waits in the leader's queue.", seconds),
		batchCommands:    histogram("batch_commands", "Commands per log entry.", []float64{1, 2, 4, 8, 16, 32, 64, 128, 256}),
		queueFull:        counter("queue_full_total", "Writes refused because the leader's queue was full."),
		retries:          counter("retries_total", "Further tries of writes whose leader moved or whose answer was lost."),
		forwardedIn:      counter("forwarded_in_total", "Writes received from other nodes."),
		forwardedOut:     counter("forwarded_out_total", "Writes sent to the leader, tries counted one by one."),
		readIndexSeconds: histogram("read_index_seconds", "Time to confirm a read.", seconds),
		readsShared:      counter("reads_shared_total", "Reads that shared a confirmation with another one."),
		leaderChanges:    counter("leader_changes_total", "Times this node learnt of another leader."),
		crashTakeovers:   counter("crash_takeovers_total", "Times this node stood for election because the leader's process was gone."),
		refusedPeers:     counter("refused_peers_total", "Peer connections refused: wrong region, cluster, node or certificate."),
	}
}

// gauges read the node when they are collected.
func (n *Node) gauges() []prometheus.Collector {
	gauge := func(name, help string, read func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "domicile_cluster_" + name, Help: help}, read)
	}
	truth := func(is bool) float64 {
		if is {
			return 1
		}
		return 0
	}
	return []prometheus.Collector{
		gauge("is_leader", "1 on the leader.", func() float64 { return truth(n.raft.State() == raft.Leader) }),
		gauge("has_leader", "1 while a leader is known.", func() float64 { return truth(n.leadership.current.Load().known()) }),
		gauge("ready", "1 while the node should get requests.", func() float64 { return truth(n.Ready() == nil) }),
		gauge("term", "The node's raft term.", func() float64 { return float64(n.raft.CurrentTerm()) }),
		gauge("commit_index", "Newest log entry known to be committed.", func() float64 { return float64(n.raft.CommitIndex()) }),
		gauge("applied_index", "Newest command entry in the state.", func() float64 { return float64(n.fsm.Index()) }),
		gauge("seq", "Newest command in the state.", func() float64 { return float64(n.fsm.View().Seq()) }),
		gauge("organizations", "Organizations in the ledger.", func() float64 { return float64(n.fsm.View().Organizations()) }),
		gauge("sessions", "Open sessions in the ledger, expired ones that wait for the sweep included.", func() float64 { return float64(n.fsm.View().Sessions()) }),
		gauge("log_bytes", "Bytes of log that no snapshot covers.", func() float64 { return float64(n.storage.LogBytes()) }),
		gauge("queue_commands", "Commands that the leader has taken on and not answered.", func() float64 { return float64(n.batcher.open.Load()) }),
		gauge("last_confirmed_seconds", "Age of the newest confirmation that the state reflects; over a year: never.", func() float64 { return n.reads.age().Seconds() }),
		gauge("voters", "Members with a vote.", func() float64 { return float64(n.count(raft.Voter)) }),
		gauge("nonvoters", "Members without a vote.", func() float64 { return float64(n.count(raft.Nonvoter)) }),
		gauge("clock_offset_seconds", "How far the ledger's time is ahead of this node's clock.", func() float64 {
			return n.offset().Seconds()
		}),
		gauge("certificate_expiry_timestamp_seconds", "When the node's certificate expires.", func() float64 {
			return float64(n.config.Credentials.NotAfter().Unix())
		}),
	}
}

func (n *Node) count(suffrage raft.ServerSuffrage) int {
	count := 0
	for _, server := range n.members.servers() {
		if server.Suffrage == suffrage {
			count++
		}
	}
	return count
}

func (m *metrics) proposed(took time.Duration, err error) {
	outcome := "done"
	if err != nil {
		outcome = directory.KindOf(err).String()
	}
	m.proposeSeconds.WithLabelValues(outcome).Observe(took.Seconds())
}

// Metrics gives the node's collectors, the disk's included, for registration by the caller.
func (n *Node) Metrics() []prometheus.Collector {
	m := n.metrics
	own := []prometheus.Collector{
		m.proposeSeconds, m.queueSeconds, m.batchCommands, m.queueFull, m.retries, m.forwardedIn, m.forwardedOut,
		m.readIndexSeconds, m.readsShared, m.leaderChanges, m.crashTakeovers, m.refusedPeers,
	}
	return append(append(own, m.gauges...), n.storage.Collectors()...)
}
