package console

import (
	"context"
	"strings"

	"domicile/directory"
)

// Outcome is what came of a request, as the sync log tells it.
type Outcome string

// The outcomes.
const (
	OutcomeOK     Outcome = "ok"     // it changed something
	OutcomeNoop   Outcome = "noop"   // all was so already
	OutcomeFailed Outcome = "failed" // it was refused, or failed
)

// OutcomeOf gives a row's outcome.
func OutcomeOf(row *directory.SyncRow) Outcome {
	switch {
	case row.Failed():
		return OutcomeFailed
	case row.Changed:
		return OutcomeOK
	}
	return OutcomeNoop
}

// SyncQuery asks for one page of an organization's sync log. Zero fields ask for nothing.
type SyncQuery struct {
	User    string // id, or userName in any letter case
	Group   string // id, or displayName in any letter case
	Outcome Outcome
	Paging
}

// SyncRow is a row of the sync log and, for people, who did it.
type SyncRow struct {
	*directory.SyncRow
	Principal string // what the IdP's connection is called; where that did not act, the actor
}

// syncRowOf names who did what a row tells of. Actors of the connection are tokens and clients.
func syncRowOf(row *directory.SyncRow, org *directory.Organization) SyncRow {
	if strings.HasPrefix(row.Actor, "token:") || strings.HasPrefix(row.Actor, "client:") {
		return SyncRow{row, PrincipalOf(org)}
	}
	return SyncRow{row, row.Actor}
}

// SyncPage is one page of the sync log, newest first.
type SyncPage struct {
	Rows          []SyncRow
	Counts        directory.SyncCounts
	NextPageToken string // "" on the last page
}

// ListSyncLog gives one page. Rows that age out between two pages are missing. Errors: KindInvalid, KindNotFound.
func (s *Service) ListSyncLog(ctx context.Context, org directory.OrganizationID, q SyncQuery) (SyncPage, error) {
	size, after, err := q.bounds()
	if err != nil {
		return SyncPage{}, err
	}
	seq, ordinal := ^uint64(0), ^uint32(0)
	if after != "" {
		var ok bool
		if seq, ordinal, ok = ParseSyncRowID(after); !ok {
			return SyncPage{}, badPageToken()
		}
	}
	d, err := s.directoryOf(ctx, org)
	if err != nil {
		return SyncPage{}, err
	}
	wants := q.matcher()
	rest := where(d.SyncLog(), func(row *directory.SyncRow) bool {
		return (row.Seq < seq || row.Seq == seq && row.Ordinal < ordinal) && wants(row)
	})
	rows, next := take(rest, size, SyncRowID)
	page := SyncPage{Counts: d.SyncCounts(), NextPageToken: next}
	for _, row := range rows {
		page.Rows = append(page.Rows, syncRowOf(row, d.Organization()))
	}
	return page, nil
}

// matcher tells which rows the query is about.
func (q *SyncQuery) matcher() func(*directory.SyncRow) bool {
	names := map[string]string{"User": directory.Fold(q.User), "Group": directory.Fold(q.Group)}
	about := func(resource, asked string, row *directory.SyncRow) bool {
		return row.Resource == resource && (string(row.ID) == asked || directory.Fold(row.Name) == names[resource])
	}
	return func(row *directory.SyncRow) bool {
		if q.Outcome != "" && OutcomeOf(row) != q.Outcome {
			return false
		}
		return q.User == "" && q.Group == "" ||
			q.User != "" && about("User", q.User, row) || q.Group != "" && about("Group", q.Group, row)
	}
}

// SyncRowID names a row in its organization's sync log.
func SyncRowID(row *directory.SyncRow) string { return pair(row.Seq, row.Ordinal) }

// ParseSyncRowID reads what SyncRowID gives, and nothing else.
func ParseSyncRowID(id string) (seq uint64, ordinal uint32, ok bool) { return parsePair(id) }

// GetSyncRow finds a row of the sync log, by SyncRowID. Errors: KindNotFound.
func (s *Service) GetSyncRow(ctx context.Context, org directory.OrganizationID, id string) (SyncRow, error) {
	d, err := s.directoryOf(ctx, org)
	if err != nil {
		return SyncRow{}, err
	}
	if seq, ordinal, ok := ParseSyncRowID(id); ok {
		if row, ok := d.SyncRow(seq, ordinal); ok {
			return syncRowOf(row, d.Organization()), nil
		}
	}
	return SyncRow{}, directory.Errorf(directory.KindNotFound, "", "the sync log has no row %q; old rows go after 30 days, or sooner in a busy organization", id)
}
