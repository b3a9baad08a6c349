package directory

// MaxSessionsPerUser bounds the sessions that one user may hold; opening one more ends the oldest.
const MaxSessionsPerUser = 50

// Session is a person's signed-in browser, as the ledger keeps it: the hash of its cookie, never the cookie.
type Session struct {
	ID           SessionID
	Hash         Hash
	Organization OrganizationID
	User         ResourceID
	UserNumber   Number
	Connection   ConnectionID
	Created      Time
	Expires      Time // absolute end
}

// Expired tells whether the session is past its life at now.
func (s *Session) Expired(now Time) bool { return now >= s.Expires }
