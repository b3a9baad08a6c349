package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
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

// The raft yardstick is this same program in three other processes: a raft node each, with the product's settings,
// raft-boltdb on disk with fsync, plain TCP on loopback, an FSM that does nothing, 1 KB commands, one per entry, callers in
// the leader's process.
const raftYardstick = "yardstick-raft"

type noFSM struct{}

func (noFSM) Apply(*raft.Log) any                 { return nil }
func (noFSM) Snapshot() (raft.FSMSnapshot, error) { return noSnapshot{}, nil }
func (noFSM) Restore(in io.ReadCloser) error      { return in.Close() }

type noSnapshot struct{}

func (noSnapshot) Persist(sink raft.SnapshotSink) error { return sink.Close() }
func (noSnapshot) Release()                             {}

// serveRaft runs the node that listens on the first of the raft addresses, and answers GET /run?callers=N&ms=M with a
// sample as JSON, or 503 where it does not lead.
func serveRaft(address, dir string, own string, all []string) error {
	node, err := startRaft(dir, own, all)
	if err != nil {
		return err
	}
	http.HandleFunc("GET /run", func(w http.ResponseWriter, r *http.Request) {
		callers, _ := strconv.Atoi(r.FormValue("callers"))
		ms, _ := strconv.Atoi(r.FormValue("ms"))
		if node.State() != raft.Leader {
			http.Error(w, "not the leader", http.StatusServiceUnavailable)
			return
		}
		command := bytes.Repeat([]byte("x"), 1036)
		clients := make([]client, callers)
		for i := range clients {
			clients[i] = func() error { return node.Apply(command, time.Second).Error() }
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

func startRaft(dir, own string, all []string) (*raft.Raft, error) {
	transport, err := raft.NewTCPTransportWithConfig(own, nil, &raft.NetworkTransportConfig{
		MaxPool: 3, MaxRPCsInFlight: 1, Timeout: 10 * time.Second, Logger: hclog.NewNullLogger(),
	})
	if err != nil {
		return nil, err
	}
	store, err := raftboltdb.New(raftboltdb.Options{
		Path:        filepath.Join(dir, "raft.db"),
		BoltOptions: &bbolt.Options{NoFreelistSync: true, FreelistType: bbolt.FreelistMapType},
	})
	if err != nil {
		return nil, err
	}
	cfg := raft.DefaultConfig()
	cfg.LocalID = raft.ServerID(own)
	cfg.HeartbeatTimeout, cfg.ElectionTimeout = 200*time.Millisecond, 200*time.Millisecond
	cfg.LeaderLeaseTimeout, cfg.CommitTimeout = 200*time.Millisecond, 2*time.Millisecond
	cfg.Logger = hclog.NewNullLogger()
	node, err := raft.NewRaft(cfg, noFSM{}, store, store, raft.NewDiscardSnapshotStore(), transport)
	if err != nil {
		return nil, err
	}
	var servers raft.Configuration
	for _, address := range all {
		servers.Servers = append(servers.Servers, raft.Server{ID: raft.ServerID(address), Address: raft.ServerAddress(address)})
	}
	return node, node.BootstrapCluster(servers).Error()
}

// startRaftNodes runs the three processes and gives the addresses of their listeners.
func startRaftNodes(ctx context.Context, dir string, ports []string) ([]string, error) {
	peers := ports[3:6]
	for i := range 3 {
		own, err := newDir(dir, "raft-"+strconv.Itoa(i))
		if err != nil {
			return nil, err
		}
		if _, err := startYardstick(ctx, raftYardstick, ports[i], append([]string{own, peers[i]}, peers...)...); err != nil {
			return nil, err
		}
	}
	return ports[:3], nil
}

// runRaft asks the node that leads for one sample.
func runRaft(addresses []string, callers int, d time.Duration) sample {
	for range 200 {
		for _, address := range addresses {
			s, leads := runRaftAt(address, callers, d)
			if leads {
				return s
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	return sample{err: errors.New("bare raft: no leader")}
}

func runRaftAt(address string, callers int, d time.Duration) (s sample, leads bool) {
	resp, err := http.Get(fmt.Sprintf("http://%s/run?callers=%d&ms=%d", address, callers, d.Milliseconds()))
	if err != nil {
		return sample{err: err}, true
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if resp.StatusCode == http.StatusServiceUnavailable {
		return sample{}, false
	}
	if err != nil || resp.StatusCode != http.StatusOK {
		return sample{err: fmt.Errorf("bare raft: status %d: %s: %w", resp.StatusCode, raw, err)}, true
	}
	var answer struct {
		Rate float64       `json:"rate"`
		P50  time.Duration `json:"p50"`
		P99  time.Duration `json:"p99"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return sample{err: err}, true
	}
	return sample{rate: answer.Rate, p50: answer.P50, p99: answer.P99}, true
}

func newDir(parent, name string) (string, error) {
	dir := filepath.Join(parent, name)
	return dir, os.MkdirAll(dir, 0o700)
}
