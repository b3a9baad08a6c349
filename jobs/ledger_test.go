package jobs

import (
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/fsmtest"
	"domicile/fsm/state"
	"domicile/jobs/post"
	"domicile/jobs/posttest"
)

// world is a ledger whose clock stands still until it is told to go, and a mail sink.
type world struct {
	*testing.T
	*fsmtest.Ledger
	sink    posttest.Sink
	address string

	leads    atomic.Bool
	finishes atomic.Int64 // commands that struck off errands
}

var identity = state.Identity{Region: "us", Cluster: "test"}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t}
	w.leads.Store(true)
	w.found(command.MaxLevel)
	return w
}

// found gives the world an empty ledger of a level.
func (w *world) found(level uint64) {
	w.Helper()
	w.Ledger = fsmtest.New(w, identity, level)
	w.Stop(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	w.After(func(c command.Command) error {
		if c.Payload.Kind() == command.KindFinishErrands {
			w.finishes.Add(1)
		}
		return nil
	})
}

// deaf is a leader that takes no proposals.
func deaf(command.Command) error { return directory.Unavailable(time.Second, nil, "no leader") }

// deps gives what a node's duties need, with a mail server at the address.
func (w *world) deps() Deps {
	w.Helper()
	sender, err := post.New(post.Config{
		Server: w.address, Security: post.None, From: "Domicile <no-reply@us.example.com>", Now: w.Now,
	})
	if err != nil {
		w.Fatal(err)
	}
	return Deps{
		Viewer: w, Proposer: w, Leads: w.leads.Load, Post: sender, Now: w.Now, Logger: slog.New(slog.DiscardHandler),
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

func (w *world) organization(id directory.OrganizationID, root string) {
	w.Helper()
	w.Must(id, &command.CreateOrganization{OrganizationFields: command.OrganizationFields{
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
	w.Must(org, &command.AppendSyncLog{Rows: rows})
}

func (w *world) counts(org directory.OrganizationID) directory.SyncCounts {
	w.Helper()
	d, ok := w.FSM.View().Directory(org)
	if !ok {
		w.Fatalf("no organization %s", org)
	}
	return d.SyncCounts()
}

// applications makes applications of the region with these ids.
func (w *world) applications(ids ...directory.ApplicationID) {
	w.Helper()
	for _, id := range ids {
		w.Must("", &command.PutApplication{ID: id, Name: "The " + string(id), RedirectURIs: []string{"https://app.example/callback"},
			BackChannelURI: "https://app.example/logout"})
	}
}

// connection makes an enabled connection whose client secret expires at a time; 0: not known.
func (w *world) connection(org directory.OrganizationID, id directory.ConnectionID, expires directory.Time) {
	w.Helper()
	w.put(org, &command.PutConnection{ID: id, Issuer: "https://idp.example", ClientID: "client of " + string(id), Enabled: true,
		ConnectionSettings: directory.ConnectionSettings{AuthMethod: directory.AuthBasic}, SecretExpires: expires})
}

// put puts a connection, of which nobody is told.
func (w *world) put(org directory.OrganizationID, p *command.PutConnection) {
	w.Helper()
	w.Must(org, p)
	finish := new(command.FinishErrands)
	for errand := range w.FSM.View().Errands() {
		if errand.Kind == directory.ErrandConnection {
			finish.IDs = append(finish.IDs, directory.ErrandID{Seq: errand.Seq, Ordinal: errand.Ordinal})
		}
	}
	w.Must("", finish)
}

// logouts ends n sessions that an application knows of, each of a user of its own, and gives the sids.
func (w *world) logouts(application directory.ApplicationID, n int) []string {
	w.Helper()
	const org = "acme"
	if _, ok := w.FSM.View().Directory(org); !ok {
		w.organization(org, "")
	}
	if _, ok := w.FSM.View().Connection("idp"); !ok {
		w.connection(org, "idp", 0)
	}
	connection, _ := w.FSM.View().Connection("idp")
	later := stamp(w.Now().Add(time.Hour))
	var sids []string
	for i := range n {
		name := fmt.Sprintf("%s-%d", application, i)
		var hash, transaction, code directory.Hash
		copy(hash[:], name)
		copy(transaction[:], "transaction "+name)
		copy(code[:], "code "+name)
		w.Must(org, &command.CreateUser{ID: directory.ResourceID(name), Source: directory.SourceSCIM, UserFields: command.UserFields{
			Active: true, UserName: name, UserNameKey: name, Attributes: "{}",
		}})
		w.Must(org, &command.OpenSession{ID: directory.SessionID(name), Hash: hash, User: directory.ResourceID(name), Connection: "idp",
			ConnectionVersion: connection.Version, Transaction: transaction, TransactionExpiry: later, Lifetime: int64(time.Hour / time.Microsecond),
			Issuer: "https://idp.example", Subject: name})
		w.Must(org, &command.JoinSession{Session: hash, Application: application, Code: code, CodeExpiry: later})
		w.Must(org, &command.CloseSession{Hash: hash})
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
