package console

import (
	"context"

	"domicile/directory"
)

// AuditPage is one page of an organization's audit log, newest first.
type AuditPage struct {
	Rows          []*directory.AuditRow
	NextPageToken string // "" on the last page
}

// AuditRowID names a row in its organization's audit log.
func AuditRowID(row *directory.AuditRow) string { return pair(row.Seq, row.Ordinal) }

// ListAudit gives one page. Rows that are pushed out between two pages are missing. Errors: KindInvalid, KindNotFound.
func (s *Service) ListAudit(ctx context.Context, org directory.OrganizationID, p Paging) (AuditPage, error) {
	size, older, err := p.newestFirst()
	if err != nil {
		return AuditPage{}, err
	}
	d, err := s.directoryOf(ctx, org)
	if err != nil {
		return AuditPage{}, err
	}
	rest := where(d.Audit(), func(row *directory.AuditRow) bool { return older(row.Seq, row.Ordinal) })
	var page AuditPage
	page.Rows, page.NextPageToken = take(rest, size, AuditRowID)
	return page, nil
}
