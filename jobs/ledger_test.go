package jobs

import (
	"context"
	"fmt"
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

	finishes int // commands that struck off errands
}

var identity = state.Identity{Region: "us", Cluster: "test"}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	w.leads.Store(true)
	w.fsm = fsm.New(identity, func(err error) { t.Errorf("the memory stopped: %v", err) })
	w.do("", &command.RaiseLevel{Level: command.MaxLevel})
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
		Region: directory.Region{ID: "us", Name: "United States", URL: "https://us.example.com"}, Metrics: NewMetrics(prometheus.NewRegistry()),
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
	if c.Payload.Kind() == command.KindFinishErrands {
		w.finishes++
	}
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

// applications makes applications of the region with these ids.
func (w *world) applications(ids ...directory.ApplicationID) {
	w.Helper()
	for _, id := range ids {
		w.do("", &command.PutApplication{ID: id, Name: "The " + string(id), RedirectURIs: []string{"https://app.example/callback"},
			BackChannelURI: "https://app.example/logout"})
	}
}

// connection makes an enabled connection whose client secret expires at a time; 0: not known.
func (w *world) connection(org directory.OrganizationID, id directory.ConnectionID, expires directory.Time) {
	w.Helper()
	w.do(org, &command.PutConnection{ID: id, Issuer: "https://idp.example", ClientID: "client of " + string(id), Enabled: true,
		ConnectionSettings: directory.ConnectionSettings{AuthMethod: directory.AuthBasic}, SecretExpires: expires})
}

// logouts ends n sessions that an application knows of, each of a user of its own, and gives the sids.
func (w *world) logouts(application directory.ApplicationID, n int) []string {
	w.Helper()
	const org = "acme"
	if _, ok := w.fsm.View().Directory(org); !ok {
		w.organization(org, "")
	}
	if _, ok := w.fsm.View().Connection("idp"); !ok {
		w.connection(org, "idp", 0)
	}
	connection, _ := w.fsm.View().Connection("idp")
	later := stamp(w.time().Add(time.Hour))
	var sids []string
	for i := range n {
		name := fmt.Sprintf("%s-%d", application, i)
		var hash, transaction, code directory.Hash
		copy(hash[:], name)
		copy(transaction[:], "transaction "+name)
		copy(code[:], "code "+name)
		w.do(org, &command.CreateUser{ID: directory.ResourceID(name), Source: directory.SourceSCIM, UserFields: command.UserFields{
			Active: true, UserName: name, UserNameKey: name, Attributes: "{}",
		}})
		w.do(org, &command.OpenSession{ID: directory.SessionID(name), Hash: hash, User: directory.ResourceID(name), Connection: "idp",
			ConnectionVersion: connection.Version, Transaction: transaction, TransactionExpiry: later, Lifetime: int64(time.Hour / time.Microsecond),
			Issuer: "https://idp.example", Subject: name})
		w.do(org, &command.JoinSession{Session: hash, Application: application, Code: code, CodeExpiry: later})
		w.do(org, &command.CloseSession{Hash: hash})
		sids = append(sids, name)
	}
	return sids
}

func counted(t *testing.T, c prometheus.Counter) float64 {
	t.Helper()
	var m dto.Metric
	if err := c.Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetCounter().GetValue()
}
