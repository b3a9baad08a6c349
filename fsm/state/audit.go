package state

import (
	"iter"
	"math"

	"domicile/directory"
	"domicile/fsm/wire"
)

// Audit iterates over the audit log, newest first.
func (d *Directory) Audit() iter.Seq[*directory.AuditRow] { return d.audit.backwards() }

// AuditCount counts the rows of the audit log.
func (d *Directory) AuditCount() int { return d.audit.Len() }

func lessAudit(a, b *directory.AuditRow) bool {
	return a.Seq < b.Seq || a.Seq == b.Seq && a.Ordinal < b.Ordinal
}

// AppendAudit adds a row, which must be the newest; where there are too many the oldest goes.
func (d *Directory) AppendAudit(row *directory.AuditRow) {
	d.audit.Set(row)
	if oldest, _ := d.audit.Min(); d.audit.Len() > directory.MaxAuditRows {
		d.audit.Delete(oldest)
	}
}

func encodeAuditRow(w *wire.Writer, row *directory.AuditRow) {
	w.Uint(row.Seq)
	w.Uint(uint64(row.Ordinal))
	w.Int(int64(row.At))
	w.Text(row.Actor)
	w.Text(row.Event)
	w.Text(row.Subject)
	w.Text(row.Detail)
}

func decodeAuditRow(r *wire.Reader) *directory.AuditRow {
	return &directory.AuditRow{
		Seq:     r.Uint(),
		Ordinal: uint32(min(r.Uint(), math.MaxUint32)),
		At:      directory.Time(r.Int()),
		Actor:   r.Text(),
		Event:   r.Text(),
		Subject: r.Text(),
		Detail:  r.Text(),
	}
}

func (c *checker) audit(v *View, d *Directory) {
	for row := range d.audit.all() {
		c.holds(row.Seq <= v.seq, "audit row %d is of the future", row.Seq)
	}
	c.holds(d.audit.Len() <= directory.MaxAuditRows, "organization %s has too long an audit log", d.org.ID)
}
