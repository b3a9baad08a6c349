package jobs

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"domicile/directory"
	"domicile/fsm"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/jobs/post"
	"domicile/jobs/posttest"
	"domicile/seal"
)

// world is the real memory without raft, a clock that stands still until it is told to go, and a mail sink.
type world struct {
	*testing.T
	sink    posttest.Sink
	address string

	leads atomic.Bool
	deaf  atomic.Bool // proposals are lost

	mu    sync.Mutex // guards what follows
	fsm   *fsm.FSM
	index uint64
	now   time.Time
}

var identity = state.Identity{Region: "us", Cluster: "test"}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	w.leads.Store(true)
	w.fsm = fsm.New(identity, func(err error) { t.Errorf("the memory stopped: %v", err) })
	return w
}

// deps gives what a node's duties need, with a mail server at the address.
func (w *world) deps() Deps {
	w.Helper()
	sender, err := post.New(post.Config{
		Server: w.address, Security: post.None, From: "Domicile <no-reply@us.example.com>", Now: w.time,
	})
	if err != nil {
		w.Fatal(err)
	}
	return Deps{
		Viewer: w, Proposer: w, Leads: w.leads.Load, Post: sender, Now: w.time, Logger: slog.New(slog.DiscardHandler),
		Region: directory.Region{ID: "us", URL: "https://us.example.com"}, Metrics: NewMetrics(prometheus.NewRegistry()),
	}
}

// serveMail runs the sink; stop ends it.
func (w *world) serveMail() (stop func()) {
	w.Helper()
	address := w.address
	if address == "" {
		address = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		w.Fatal(err)
	}
	w.address = listener.Addr().String()
	server, done := w.sink.Server(), make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	return sync.OnceFunc(func() { _, _ = server.Close(), listener.Close(); <-done })
}

func (w *world) time() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// View implements state.Viewer.
func (w *world) View(context.Context, state.Freshness) (*state.View, error) { return w.fsm.View(), nil }

// Propose implements command.Proposer.
func (w *world) Propose(_ context.Context, c command.Command) (command.Result, error) {
	if w.deaf.Load() {
		return command.Result{}, directory.Unavailable(time.Second, nil, "no leader")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.index++
	c.RequestID = seal.NewRequestID()
	c.Deadline = directory.Time(w.now.Add(time.Second).UnixMicro())
	entry := command.Entry{Region: identity.Region, Cluster: identity.Cluster, At: directory.Time(w.now.UnixMicro()), Commands: [][]byte{c.Encode()}}
	result := w.fsm.Apply(&raft.Log{Index: w.index, Type: raft.LogCommand, Data: entry.Encode()}).(fsm.Applied).Results[0]
	return result, result.Err()
}

func (w *world) do(org directory.OrganizationID, p command.Payload) {
	w.Helper()
	if _, err := w.Propose(w.Context(), command.Command{Organization: org, Actor: "operator", Payload: p}); err != nil {
		w.Fatalf("%s: %v", p.Kind(), err)
	}
}

func (w *world) organization(id directory.OrganizationID, root string) {
	w.Helper()
	w.do(id, &command.CreateOrganization{OrganizationFields: command.OrganizationFields{
		Slug: string(id), Name: "The " + string(id), RootEmail: root, Profile: directory.ProfileInterop,
	}})
}

// fail adds failures to an organization's sync log.
func (w *world) fail(org directory.OrganizationID, rows ...directory.SyncRow) {
	w.Helper()
	for i := range rows {
		if rows[i].Status == 0 {
			rows[i].Status = 400
		}
	}
	w.do(org, &command.AppendSyncLog{Rows: rows})
}

func (w *world) counts(org directory.OrganizationID) directory.SyncCounts {
	w.Helper()
	d, ok := w.fsm.View().Directory(org)
	if !ok {
		w.Fatalf("no organization %s", org)
	}
	return d.SyncCounts()
}

func counted(t *testing.T, c prometheus.Counter) float64 {
	t.Helper()
	var m dto.Metric
	if err := c.Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetCounter().GetValue()
}
