package console

import (
	"context"
	"iter"
	"strings"

	"domicile/directory"
	"domicile/fsm/state"
)

// SignInOutcome is what came of a sign-in.
type SignInOutcome string

// The outcomes.
const (
	SignInSucceeded SignInOutcome = "signed_in"
	SignInRefused   SignInOutcome = "refused"
)

// SignInOutcomeOf gives a row's outcome.
func SignInOutcomeOf(row *directory.SignIn) SignInOutcome {
	if row.Refused() {
		return SignInRefused
	}
	return SignInSucceeded
}

// SignInQuery asks for one page of an organization's log of sign-ins. Zero fields ask for nothing.
type SignInQuery struct {
	Outcome   SignInOutcome
	User      string // id, userName in any letter case, or an address of the root user or of break glass
	Reference string // that somebody was shown, in any letter case
	Paging
}

// SignIn is a row of the log of sign-ins.
type SignIn struct {
	*directory.SignIn
	UserName string // empty where the row is about nobody, or about a user who is deleted
}

// SignInPage is one page of the log of sign-ins, newest first.
type SignInPage struct {
	Rows          []SignIn
	NextPageToken string // "" on the last page
}

// SignInID names a row in its organization's log of sign-ins.
func SignInID(row *directory.SignIn) string { return pair(row.Seq, row.Ordinal) }

// ListSignIns gives one page. Refusals come some seconds late, and after what was written meanwhile. Rows that are pushed out
// between two pages are missing. Errors: KindInvalid, KindNotFound.
func (s *Service) ListSignIns(ctx context.Context, org directory.OrganizationID, q SignInQuery) (SignInPage, error) {
	size, older, err := q.newestFirst()
	if err != nil {
		return SignInPage{}, err
	}
	d, err := s.directoryOf(ctx, org)
	if err != nil {
		return SignInPage{}, err
	}
	wants := q.matcher(d)
	rest := where(q.walk(d), func(row *directory.SignIn) bool { return older(row.Seq, row.Ordinal) && wants(row) })
	rows, next := take(rest, size, SignInID)
	page := SignInPage{NextPageToken: next}
	for _, row := range rows {
		shown := SignIn{SignIn: row}
		if user, ok := d.User(row.User); ok {
			shown.UserName = user.UserName
		}
		page.Rows = append(page.Rows, shown)
	}
	return page, nil
}

func (q *SignInQuery) walk(d *state.Directory) iter.Seq[*directory.SignIn] {
	switch q.Outcome {
	case SignInSucceeded:
		return d.SignIns()
	case SignInRefused:
		return d.Refusals()
	default:
		return d.SignInsAndRefusals()
	}
}

// matcher tells which rows the query is about.
func (q *SignInQuery) matcher(d *state.Directory) func(*directory.SignIn) bool {
	key, id := directory.Fold(q.User), directory.ResourceID(q.User)
	if user, ok := d.UserByName(key); ok {
		id = user.ID
	}
	reference := strings.ToUpper(strings.TrimSpace(q.Reference))
	return func(row *directory.SignIn) bool {
		return (q.User == "" || row.User == id || row.Email == key) && (reference == "" || row.Reference == reference)
	}
}
