package directory

import "strings"

// AuditRow is one line of an organization's audit log: who did what, when. It names nouns by id; Detail says what changed
// and never holds a secret.
type AuditRow struct {
	Seq     uint64
	Ordinal uint32
	At      Time
	Actor   string
	Event   string // such as "connection.changed"
	Subject string // id or name of what it was done to
	Detail  string
}

// Bounds of an organization's audit log in memory.
const (
	MaxAuditRows   = 10_000
	MaxAuditDetail = 500 // bytes

	maxAuditSubject = 320
)

// Fit gives the row with texts of its own, each within its bound.
func (r AuditRow) Fit() *AuditRow {
	r.Actor = strings.Clone(Cut(r.Actor, maxSyncName))
	r.Subject = strings.Clone(Cut(r.Subject, maxAuditSubject))
	r.Detail = strings.Clone(Cut(r.Detail, MaxAuditDetail))
	return &r
}
