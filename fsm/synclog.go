package fsm

import (
	"strings"

	"domicile/directory"
	"domicile/fsm/command"
)

// subject is the resource that a command was about, for the sync log. The zero value is none in particular.
type subject struct {
	resource string
	id       directory.ResourceID
	name     string
	document string // what was stored; empty where the command stored none
}

func userSubject(u *directory.User) subject { return subject{"User", u.ID, u.UserName, u.Attributes} }

func groupSubject(g *directory.Group) subject {
	return subject{"Group", g.ID, g.DisplayName, g.Attributes}
}

// bare is the subject without its document.
func (s subject) bare() subject {
	s.document = ""
	return s
}

// logNote writes the row of a command that was applied. Its document shares memory with the record; the other texts must
// not, because they stay when the document goes.
func (tx *transaction) logNote(note *directory.SyncNote, changed bool) {
	row := directory.SyncRow{
		Actor: tx.actor, Resource: tx.subject.resource, ID: directory.ResourceID(strings.Clone(string(tx.subject.id))),
		Name: strings.Clone(tx.subject.name), Changed: changed, SyncNote: *note,
	}.Fit()
	row.Document = tx.subject.document
	tx.log(row)
}

// log appends a row to the organization's sync log, where there still is one.
func (tx *transaction) log(row directory.SyncRow) {
	d, refusal := tx.directory()
	if refusal != nil {
		return
	}
	row.Seq, row.Ordinal = tx.seq, tx.logged
	if row.At == 0 || row.At > tx.now {
		row.At = tx.now
	}
	tx.logged++
	d.AppendSync(&row, tx.now)
}

func appendSyncLog(tx *transaction, p *command.AppendSyncLog) (command.Result, *directory.Error) {
	if _, refusal := tx.directory(); refusal != nil {
		return command.Result{}, refusal
	}
	if len(p.Rows) > directory.MaxSyncBatch {
		return command.Result{}, directory.Errorf(directory.KindTooLarge, "rows", "at most %d rows at a time", directory.MaxSyncBatch)
	}
	for _, row := range p.Rows {
		if row.Actor == "" {
			row.Actor = tx.actor
		}
		tx.log(row.Fit().Own())
	}
	if len(p.Rows) == 0 {
		return command.Result{}, nil
	}
	return tx.changed(tx.now), nil
}

func markNotified(tx *transaction, p *command.MarkNotified) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	counts := d.SyncCounts()
	if p.Failures > counts.Failures {
		return command.Result{}, directory.Errorf(directory.KindInvalid, "failures", "there were %d failures, not %d", counts.Failures, p.Failures)
	}
	if p.Failures <= counts.Notified {
		return command.Result{}, nil
	}
	d.NoteNotified(p.Failures, tx.now)
	return tx.changed(tx.now), nil
}
