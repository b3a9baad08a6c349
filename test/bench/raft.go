package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"go.etcd.io/bbolt"
)

// The raft yardstick is this same program in another process: three raft nodes with the product's settings, raft-boltdb on
// disk with fsync, plain TCP on loopback, an FSM that does nothing, 1 KB commands, one per entry, callers in the process.
const raftYardstick = "yardstick-raft"

type noFSM struct{}

func (noFSM) Apply(*raft.Log) any                 { return nil }
func (noFSM) Snapshot() (raft.FSMSnapshot, error) { return noSnapshot{}, nil }
func (noFSM) Restore(in io.ReadCloser) error      { return in.Close() }

type noSnapshot struct{}

func (noSnapshot) Persist(sink raft.SnapshotSink) error { return sink.Close() }
func (noSnapshot) Release()                             {}

// serveRaft runs the three nodes and answers GET /run?callers=N&ms=M with a sample as JSON.
func serveRaft(address, dir string) error {
	nodes, err := startRaft(dir)
	if err != nil {
		return err
	}
	http.HandleFunc("GET /run", func(w http.ResponseWriter, r *http.Request) {
		callers, _ := strconv.Atoi(r.FormValue("callers"))
		ms, _ := strconv.Atoi(r.FormValue("ms"))
		leader := leaderOf(nodes)
		if leader == nil {
			http.Error(w, "no leader", http.StatusServiceUnavailable)
			return
		}
		command := bytes.Repeat([]byte("x"), 1036)
		clients := make([]client, callers)
		for i := range clients {
			clients[i] = func() error { return leader.Apply(command, time.Second).Error() }
		}
		s := run(clients, time.Duration(ms)*time.Millisecond, noCPU)
		if s.err != nil {
			http.Error(w, s.err.Error(), http.StatusInternalServerError)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"rate": s.rate, "p50": s.p50, "p99": s.p99})
	})
	return http.ListenAndServe(address, nil)
}

func startRaft(dir string) ([]*raft.Raft, error) {
	var nodes []*raft.Raft
	var servers raft.Configuration
	var first *raft.Raft
	transports := make([]*raft.NetworkTransport, 3)
	for i := range transports {
		transport, err := raft.NewTCPTransportWithConfig("127.0.0.1:0", nil, &raft.NetworkTransportConfig{
			MaxPool: 3, MaxRPCsInFlight: 1, Timeout: 10 * time.Second, Logger: hclog.NewNullLogger(),
		})
		if err != nil {
			return nil, err
		}
		transports[i] = transport
		servers.Servers = append(servers.Servers, raft.Server{ID: raft.ServerID(fmt.Sprint(i)), Address: transport.LocalAddr()})
	}
	for i, transport := range transports {
		store, err := raftboltdb.New(raftboltdb.Options{
			Path:        filepath.Join(dir, fmt.Sprint(i)+".db"),
			BoltOptions: &bbolt.Options{NoFreelistSync: true, FreelistType: bbolt.FreelistMapType},
		})
		if err != nil {
			return nil, err
		}
		cfg := raft.DefaultConfig()
		cfg.LocalID = servers.Servers[i].ID
		cfg.HeartbeatTimeout, cfg.ElectionTimeout = 200*time.Millisecond, 200*time.Millisecond
		cfg.LeaderLeaseTimeout, cfg.CommitTimeout = 100*time.Millisecond, 5*time.Millisecond
		cfg.Logger = hclog.NewNullLogger()
		node, err := raft.NewRaft(cfg, noFSM{}, store, store, raft.NewDiscardSnapshotStore(), transport)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, node)
		if first == nil {
			first = node
		}
	}
	return nodes, first.BootstrapCluster(servers).Error()
}

func leaderOf(nodes []*raft.Raft) *raft.Raft {
	for range 500 {
		for _, node := range nodes {
			if node.State() == raft.Leader {
				return node
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil
}

// runRaft asks the yardstick for one sample.
func runRaft(address string, callers int, d time.Duration) sample {
	resp, err := http.Get(fmt.Sprintf("http://%s/run?callers=%d&ms=%d", address, callers, d.Milliseconds()))
	if err != nil {
		return sample{err: err}
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return sample{err: fmt.Errorf("bare raft: status %d: %s: %w", resp.StatusCode, raw, err)}
	}
	var answer struct {
		Rate     float64       `json:"rate"`
		P50, P99 time.Duration `json:",omitempty"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return sample{err: err}
	}
	return sample{rate: answer.Rate, p50: answer.P50, p99: answer.P99}
}

func newDir(parent, name string) (string, error) {
	dir := filepath.Join(parent, name)
	return dir, os.MkdirAll(dir, 0o700)
}
