package console

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
)

// endedHere is why sessions end that somebody ends through this door, as the audit log says it.
const endedHere = "revoked"

// SessionQuery asks for one page of an organization's sessions.
type SessionQuery struct {
	User directory.ResourceID // empty: everybody's
	Paging
}

// Session is somebody's signed-in browser.
type Session struct {
	*directory.Session
	UserName string
}

// SessionPage is one page of sessions, by user and then oldest first.
type SessionPage struct {
	Sessions      []Session
	NextPageToken string // "" on the last page
}

// ListSessions gives one page of the sessions that have not ended. Of sessions that begin or end between two pages some may
// be missing. Errors: KindInvalid, KindNotFound.
func (s *Service) ListSessions(ctx context.Context, org directory.OrganizationID, q SessionQuery) (SessionPage, error) {
	size, after, err := q.bounds()
	if err != nil {
		return SessionPage{}, err
	}
	var last sessionPlace
	if after != "" {
		var ok bool
		if last, ok = parseSessionPlace(after); !ok {
			return SessionPage{}, badPageToken()
		}
	}
	d, err := s.directoryOf(ctx, org)
	if err != nil {
		return SessionPage{}, err
	}
	rows, err := q.walk(d)
	if err != nil {
		return SessionPage{}, err
	}
	now := directory.Time(s.deps.Now().UnixMicro())
	rest := where(rows, func(session *directory.Session) bool {
		return !session.Expired(now) && (after == "" || last.before(session))
	})
	sessions, next := take(rest, size, func(session *directory.Session) string { return placeOf(session).String() })
	page := SessionPage{NextPageToken: next}
	for _, session := range sessions {
		row := Session{Session: session}
		if user, ok := d.UserByNumber(session.UserNumber); ok {
			row.UserName = user.UserName
		}
		page.Sessions = append(page.Sessions, row)
	}
	return page, nil
}

func (q *SessionQuery) walk(d *state.Directory) (iter.Seq[*directory.Session], error) {
	if q.User == "" {
		return d.Sessions(), nil
	}
	user, ok := d.User(q.User)
	if !ok {
		return nil, noUser(q.User)
	}
	return d.SessionsOf(user.Number), nil
}

// sessionPlace is a place in the order of sessions. Where two sessions of one user began at once their ids decide.
type sessionPlace struct {
	user  directory.Number
	began directory.Time
	id    string
}

func placeOf(s *directory.Session) sessionPlace {
	return sessionPlace{s.UserNumber, s.Created, string(s.ID)}
}

func (p sessionPlace) before(s *directory.Session) bool {
	q := placeOf(s)
	if p.user != q.user {
		return p.user < q.user
	}
	return p.began < q.began || p.began == q.began && p.id < q.id
}

// String writes the place; parseSessionPlace reads nothing else.
func (p sessionPlace) String() string { return fmt.Sprintf("%d.%d.%s", p.user, p.began, p.id) }

func parseSessionPlace(text string) (sessionPlace, bool) {
	parts := strings.SplitN(text, ".", 3)
	if len(parts) != 3 {
		return sessionPlace{}, false
	}
	user, errUser := strconv.ParseUint(parts[0], 10, 32)
	began, errBegan := strconv.ParseInt(parts[1], 10, 64)
	p := sessionPlace{directory.Number(user), directory.Time(began), parts[2]}
	return p, errUser == nil && errBegan == nil && p.String() == text
}

// EndSession ends one session; every node refuses it as soon as it has applied the command. Errors: KindNotFound.
func (s *Service) EndSession(ctx context.Context, actor string, org directory.OrganizationID, id directory.SessionID) error {
	view, err := s.deps.Viewer.View(ctx, state.Confirmed())
	if err != nil {
		return err
	}
	if session, ok := view.SessionByID(id); !ok || session.Organization != org {
		return directory.Errorf(directory.KindNotFound, "", "there is no session %q", id)
	}
	_, err = s.propose(ctx, actor, org, &command.EndSessions{ID: id, Cause: endedHere})
	return err
}

// EndSessionsOf ends all sessions of a user. Errors: KindNotFound.
func (s *Service) EndSessionsOf(ctx context.Context, actor string, org directory.OrganizationID, user directory.ResourceID) error {
	d, err := s.directoryOf(ctx, org)
	if err != nil {
		return err
	}
	if _, ok := d.User(user); !ok {
		return noUser(user)
	}
	_, err = s.propose(ctx, actor, org, &command.EndSessions{User: user, Cause: endedHere})
	return err
}

// EndAllSessions signs everybody of an organization out. Errors: KindNotFound.
func (s *Service) EndAllSessions(ctx context.Context, actor string, org directory.OrganizationID) error {
	_, err := s.propose(ctx, actor, org, &command.EndSessions{All: true, Cause: endedHere})
	return err
}
