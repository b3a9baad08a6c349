package state

import (
	"iter"
	"math"

	"domicile/directory"
	"domicile/fsm/wire"
)

// syncLog is an organization's sync log.
type syncLog struct {
	rows   tree[*directory.SyncRow] // by (seq, ordinal)
	counts directory.SyncCounts     // but for Rows
	text   int                      // of all rows, see directory.SyncRow.Text
	bare   directory.SyncRow        // the rows before this place have no text
}

func newSyncLog() syncLog {
	return syncLog{rows: newTree(func(a, b *directory.SyncRow) bool {
		return a.Seq < b.Seq || a.Seq == b.Seq && a.Ordinal < b.Ordinal
	})}
}

func (l *syncLog) copy() syncLog {
	c := *l
	c.rows = l.rows.copy()
	return c
}

// SyncLog iterates over the sync log, newest first.
func (d *Directory) SyncLog() iter.Seq[*directory.SyncRow] { return d.sync.rows.backwards() }

// SyncRow finds one row of the sync log.
func (d *Directory) SyncRow(seq uint64, ordinal uint32) (*directory.SyncRow, bool) {
	return d.sync.rows.Get(&directory.SyncRow{Seq: seq, Ordinal: ordinal})
}

// SyncCounts tells about the sync log as a whole.
func (d *Directory) SyncCounts() directory.SyncCounts {
	counts := d.sync.counts
	counts.Rows = d.sync.rows.Len()
	return counts
}

// AppendSync adds a row, which must be the newest, and brings the log back within its bounds.
func (d *Directory) AppendSync(row *directory.SyncRow, now directory.Time) {
	l := &d.sync
	l.put(row)
	if row.Failed() {
		l.counts.Failures++
		l.counts.LastFailure = max(l.counts.LastFailure, row.At)
	}
	for {
		oldest, ok := l.rows.Min()
		if !ok || l.rows.Len() <= directory.MaxSyncRows && now < oldest.At+directory.SyncLogLife {
			break
		}
		l.rows.Delete(oldest)
		l.text -= oldest.Text()
	}
	for l.text > directory.MaxSyncText && l.strip() {
	}
}

// NoteNotified notes that the owners were told of this many failures.
func (d *Directory) NoteNotified(failures uint64, at directory.Time) {
	d.sync.counts.Notified, d.sync.counts.NotifiedAt = failures, at
}

func (l *syncLog) put(row *directory.SyncRow) {
	l.rows.Set(row)
	l.text += row.Text()
}

// strip takes the text of the oldest row that may have some, and tells whether there was one.
func (l *syncLog) strip() bool {
	for row := range l.rows.from(&l.bare) {
		if n := row.Text(); n > 0 {
			bare := row.Bare()
			l.rows.Set(&bare)
			l.text -= n
		}
		l.bare = directory.SyncRow{Seq: row.Seq, Ordinal: row.Ordinal + 1}
		return true
	}
	return false
}

func encodeSyncCounts(w *wire.Writer, c *directory.SyncCounts) {
	w.Uint(c.Failures)
	w.Int(int64(c.LastFailure))
	w.Uint(c.Notified)
	w.Int(int64(c.NotifiedAt))
}

func decodeSyncCounts(r *wire.Reader) directory.SyncCounts {
	return directory.SyncCounts{
		Failures: r.Uint(), LastFailure: directory.Time(r.Int()), Notified: r.Uint(), NotifiedAt: directory.Time(r.Int()),
	}
}

func encodeSyncRow(w *wire.Writer, row *directory.SyncRow) {
	w.Uint(row.Seq)
	w.Uint(uint64(row.Ordinal))
	w.Int(int64(row.At))
	w.Text(row.Actor)
	w.Text(row.Resource)
	w.Text(string(row.ID))
	w.Text(row.Name)
	w.Uint(uint64(row.Status))
	w.Bool(row.Changed)
	w.Text(row.Detail)
	w.Text(row.ScimType)
	w.Uint(uint64(row.Method))
	w.Text(row.Request)
	w.Text(row.Client)
	w.Text(row.Operations)
	wire.Texts(w, row.Changes)
	wire.Texts(w, row.Courtesies)
	w.Text(row.Document)
}

func decodeSyncRow(r *wire.Reader) *directory.SyncRow {
	return &directory.SyncRow{
		Seq:      r.Uint(),
		Ordinal:  uint32(min(r.Uint(), math.MaxUint32)),
		At:       directory.Time(r.Int()),
		Actor:    r.Text(),
		Resource: r.Text(),
		ID:       directory.ResourceID(r.Text()),
		Name:     r.Text(),
		Status:   int(min(r.Uint(), math.MaxUint16)),
		Changed:  r.Bool(),
		Detail:   r.Text(),
		ScimType: r.Text(),
		SyncNote: directory.SyncNote{
			Method:     directory.SyncMethod(min(r.Uint(), math.MaxUint8)),
			Request:    r.Text(),
			Client:     r.Text(),
			Operations: r.Text(),
			Changes:    wire.ReadTexts[string](r),
			Courtesies: wire.ReadTexts[string](r),
		},
		Document: r.Text(),
	}
}

func (c *checker) syncLog(v *View, d *Directory) {
	l := &d.sync
	text, failures := 0, uint64(0)
	for row := range l.rows.all() {
		text += row.Text()
		if row.Failed() {
			failures++
		}
		c.holds(row.Seq <= v.seq, "sync log row %d is of the future", row.Seq)
		c.holds(row.Text() == 0 || !l.rows.Less(row, &l.bare), "sync log row %d should have lost its texts", row.Seq)
	}
	c.equal("text of the sync log", l.text, text)
	c.holds(text <= directory.MaxSyncText && l.rows.Len() <= directory.MaxSyncRows, "organization %s has too long a sync log", d.org.ID)
	c.holds(failures <= l.counts.Failures && l.counts.Notified <= l.counts.Failures,
		"organization %s counts %d failures, %d of them told", d.org.ID, l.counts.Failures, l.counts.Notified)
}
