package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/jobs/post"
)

// When owners are told that requests of their identity provider failed.
const (
	gathering    = time.Minute      // from the first failure to the mail, so that one mistake with many consequences is one mail
	betweenMails = time.Hour        // from one mail to the next
	refusedMax   = 24 * time.Hour   // between tries, while the mail server refuses the owner's address
	troubleMin   = 20 * time.Second // between tries, while the mail server is in trouble
	troubleMax   = 10 * time.Minute
)

// failureMails tells the owners of organizations about failures in their sync log. A mail goes out before the ledger hears
// of it, so none is lost with a leader; a leader that fails in between leaves one mail that the next one sends again, with
// the same Message-ID.
type failureMails struct {
	Deps
	pending map[directory.OrganizationID]*pending
	resume  time.Time     // nothing is sent before: the mail server was in trouble
	wait    time.Duration // that was waited for it
}

// pending is an organization with failures that its owners do not know of.
type pending struct {
	due  time.Time
	wait time.Duration // that was waited after a refusal
	told uint64        // failures that a mail told of, as long as the ledger does not know it
}

// run sends what is due.
func (f *failureMails) run(ctx context.Context) error {
	now := f.Now()
	if now.Before(f.resume) {
		return nil
	}
	view, err := f.Viewer.View(ctx, state.Confirmed()) // what another leader told counts
	if err != nil {
		return fmt.Errorf("look for failures to tell of: %w", err)
	}
	for _, d := range f.due(view, now) {
		if !f.Leads() {
			return nil // whoever leads now goes on
		}
		if err := f.tell(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// due gives the organizations whose owners are to be told now, and forgets those that have nothing to tell of.
func (f *failureMails) due(view *state.View, now time.Time) []*state.Directory {
	var due []*state.Directory
	next := make(map[directory.OrganizationID]*pending)
	for d := range view.Directories() {
		org, counts := d.Organization(), d.SyncCounts()
		if counts.Failures <= counts.Notified || org.RootEmail == "" {
			continue
		}
		p := f.pending[org.ID]
		if p == nil {
			p = &pending{due: firstDue(counts, now)}
		}
		next[org.ID] = p
		if !now.Before(p.due) {
			due = append(due, d)
		}
	}
	f.pending = next
	return due
}

// firstDue is when failures that were just seen are told of.
func firstDue(counts directory.SyncCounts, now time.Time) time.Time {
	due := now.Add(gathering)
	if counts.NotifiedAt == 0 {
		return due
	}
	last := instant(counts.NotifiedAt)
	if last.After(now) {
		last = now // a clock was wrong
	}
	if next := last.Add(betweenMails); next.After(due) {
		return next
	}
	return due
}

// tell sends the mail of one organization and marks it in the ledger. An error means that others could not be told either.
func (f *failureMails) tell(ctx context.Context, d *state.Directory) error {
	org, counts := d.Organization().ID, d.SyncCounts()
	p := f.pending[org]
	if p.told == 0 {
		err := f.mail(ctx, kindSyncFailures, failureLetter(d, f.Region))
		if errors.Is(err, post.ErrRefused) {
			f.putOff(ctx, org, err)
			return nil
		}
		if err != nil {
			f.wait = min(max(2*f.wait, troubleMin), troubleMax)
			f.resume = f.Now().Add(f.wait)
			return fmt.Errorf("tell owners of failures: %w", err)
		}
		f.wait, p.told = 0, counts.Failures
	}
	err := f.propose(ctx, org, &command.MarkNotified{Failures: p.told})
	switch directory.KindOf(err) {
	case 0, directory.KindNotFound: // not found: the organization went meanwhile
		delete(f.pending, org)
		return nil
	case directory.KindUnavailable, directory.KindExpired:
		return fmt.Errorf("note that owners were told of failures: %w", err)
	}
	f.putOff(ctx, org, err)
	return nil
}

// putOff tries an organization again later, and later from time to time.
func (f *failureMails) putOff(ctx context.Context, org directory.OrganizationID, err error) {
	p := f.pending[org]
	p.wait = min(max(2*p.wait, betweenMails), refusedMax)
	p.due = f.Now().Add(p.wait)
	f.Logger.LogAttrs(ctx, slog.LevelWarn, "owners could not be told of failures",
		slog.String("organization", string(org)), slog.Any("error", err), slog.Duration("again_in", p.wait))
}
