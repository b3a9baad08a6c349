package oidc

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
)

const (
	recordPause    = 5 * time.Second // between two writings
	recordPatience = 5 * time.Second // for one command
	maxRecorded    = 20              // refusals of one log that have a row of their own, between two writings
	maxRecords     = 5000            // rows that wait to be written on this node
)

// refusals gathers who was refused, for the organizations' logs of sign-ins: a stranger costs no write of its own, and nobody
// waits for one. Over the bounds refusals alike are counted in one row, so that each reason is there. What it holds is lost with
// the process; the log lines are not.
type refusals struct {
	mu   sync.Mutex
	logs map[logKey]*refusalLog // guarded by mu
	rows int                    // of all logs; guarded by mu
}

// logKey names a log: of an organization, or of whichever organization has the connection.
type logKey struct {
	organization directory.OrganizationID
	connection   directory.ConnectionID
}

// refusalLog is what waits for one log.
type refusalLog struct {
	rows  []directory.SignIn
	first map[likeness]int // where the first row of each likeness is
}

// likeness is what refusals have in common that one row may stand for.
type likeness struct {
	way    directory.SignInWay
	reason string
	user   directory.ResourceID
	email  string
}

func newRefusals() *refusals { return &refusals{logs: make(map[logKey]*refusalLog)} }

// What becomes of a refusal, as the metric says it.
const (
	recordWritten = "written"
	recordFolded  = "folded"
	recordDropped = "dropped"
)

// note keeps a refusal, and says what became of it: "" while it waits.
func (r *refusals) note(key logKey, row directory.SignIn) (outcome string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	log, known := r.logs[key]
	if !known {
		log = &refusalLog{first: make(map[likeness]int)}
	}
	like := likeness{row.Way, row.Reason, row.User, row.Email}
	first, seen := log.first[like]
	switch {
	case seen && len(log.rows) >= maxRecorded:
		log.rows[first].More++
		return recordFolded
	case r.rows >= maxRecords || len(log.rows) >= directory.MaxRefusalBatch:
		return recordDropped
	case !seen:
		log.first[like] = len(log.rows)
	}
	log.rows = append(log.rows, row)
	r.logs[key] = log
	r.rows++
	return ""
}

// take gives what was gathered, and forgets it.
func (r *refusals) take() map[logKey]*refusalLog {
	r.mu.Lock()
	defer r.mu.Unlock()
	logs := r.logs
	r.logs, r.rows = make(map[logKey]*refusalLog), 0
	return logs
}

// Record puts a refused sign-in into an organization's log within some seconds. The row says what directory.SignIn has of a
// refusal, but for the time, which is now.
func (s *Service) Record(organization directory.OrganizationID, row directory.SignIn) {
	s.record(logKey{organization: organization}, row)
}

func (s *Service) record(key logKey, row directory.SignIn) {
	row.At = s.now()
	if outcome := s.refusals.note(key, row); outcome != "" {
		s.deps.Metrics.recorded.WithLabelValues(outcome).Inc()
	}
}

// recordRefusal puts a refusal into the log of its organization. Where no transaction says through which connection somebody
// came, what was named by anybody counts if there is such a connection; otherwise the refusal is in logs and metrics only.
func (s *Service) recordRefusal(ctx context.Context, refusal *Refusal, named directory.ConnectionID, row directory.SignIn) {
	row.Reason, row.Reference, row.User = string(refusal.Reason), refusal.Reference, refusal.taken
	row.Connection = cmp.Or(refusal.through, named)
	if refusal.through == "" {
		view, err := s.deps.Viewer.View(ctx, state.Local())
		if err != nil {
			return
		}
		if _, known := view.Connection(named); !known {
			return
		}
	}
	s.record(logKey{connection: row.Connection}, row)
}

// writeRecords writes what was gathered, every five seconds, one command for each organization. While this node is cut off it
// waits; a write that fails is given up, because it may have been done.
func (s *Service) writeRecords(ctx context.Context) {
	view, err := s.deps.Viewer.View(ctx, state.Local())
	if err != nil {
		return
	}
	batches := make(map[directory.OrganizationID][]directory.SignIn)
	for key, log := range s.refusals.take() {
		if connection, ok := view.Connection(key.connection); ok {
			key.organization = connection.Organization
		}
		batches[key.organization] = append(batches[key.organization], log.rows...)
	}
	for organization, rows := range batches {
		slices.SortStableFunc(rows, func(a, b directory.SignIn) int { return cmp.Compare(a.At, b.At) })
		for batch := range slices.Chunk(rows, directory.MaxRefusalBatch) {
			s.writeRecord(ctx, view, organization, batch)
		}
	}
}

// writeRecord writes one command. Nothing is written for a connection that is gone, nor into a ledger that does not take it yet.
func (s *Service) writeRecord(ctx context.Context, view *state.View, organization directory.OrganizationID, rows []directory.SignIn) {
	outcome := recordDropped
	if _, known := view.Directory(organization); known && view.Level() >= command.SecondLevel {
		outcome = recordWritten
		if err := s.proposeRecord(ctx, organization, rows); err != nil {
			outcome = recordDropped
			s.deps.Logger.WarnContext(ctx, "refused sign-ins were not written down",
				slog.String("organization", string(organization)), slog.Any("error", err))
		}
	}
	s.deps.Metrics.recorded.WithLabelValues(outcome).Add(float64(len(rows)))
}

func (s *Service) proposeRecord(ctx context.Context, organization directory.OrganizationID, rows []directory.SignIn) error {
	ctx, cancel := context.WithTimeout(ctx, recordPatience)
	defer cancel()
	_, err := propose(ctx, s.deps.Proposer, command.Command{
		Organization: organization, Actor: doorActor, Payload: &command.RecordRefusals{Rows: rows},
	})
	return err
}
