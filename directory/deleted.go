package directory

// Bounds of an organization's deleted users.
const (
	MaxDeletedUsers = 10_000
	DeletedLife     = 30 * day
)

// DeletedUser is a user that was deleted and may be restored: invisible to SCIM and sign-in, without sessions, links,
// memberships and unique names. Its id and number stay taken.
type DeletedUser struct {
	Organization OrganizationID
	User         *User
	Groups       []Number // that it was a direct member of, in order
	Seq          uint64   // of the command that deleted it
	Deleted      Time
	Expires      Time // when it is erased; 0: never
	Actor        string
}

// Expired tells whether the time to restore it is over at now.
func (d *DeletedUser) Expired(now Time) bool { return d.Expires != 0 && now >= d.Expires }
