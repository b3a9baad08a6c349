package state

import (
	"iter"

	"domicile/directory"
	"domicile/fsm/wire"
)

// deletedUsers are the users of an organization that may be restored.
type deletedUsers struct {
	ids   tree[*directory.DeletedUser] // by id
	order tree[*directory.DeletedUser] // by seq
}

func newDeletedUsers() deletedUsers {
	return deletedUsers{
		ids:   newTree(func(a, b *directory.DeletedUser) bool { return a.User.ID < b.User.ID }),
		order: newTree(func(a, b *directory.DeletedUser) bool { return a.Seq < b.Seq }),
	}
}

func (u *deletedUsers) copy() deletedUsers { return deletedUsers{u.ids.copy(), u.order.copy()} }

func lessDeletedEnd(a, b *directory.DeletedUser) bool {
	if a.Expires != b.Expires {
		return a.Expires < b.Expires
	}
	if a.Organization != b.Organization {
		return a.Organization < b.Organization
	}
	return a.Seq < b.Seq
}

// DeletedUsers iterates over the users that may be restored, the last deleted first.
func (d *Directory) DeletedUsers() iter.Seq[*directory.DeletedUser] {
	return d.deleted.order.backwards()
}

// DeletedUserCount counts the users that may be restored.
func (d *Directory) DeletedUserCount() int { return d.deleted.order.Len() }

// DeletedUser finds a user that may be restored.
func (d *Directory) DeletedUser(id directory.ResourceID) (*directory.DeletedUser, bool) {
	return d.deleted.ids.Get(&directory.DeletedUser{User: &directory.User{ID: id}})
}

// Taken tells whether an id is that of a user, a group or a deleted user.
func (d *Directory) Taken(id directory.ResourceID) bool {
	if _, taken := d.Number(id); taken {
		return true
	}
	_, taken := d.DeletedUser(id)
	return taken
}

// PutDeleted keeps a deleted user; where there are too many the one that was deleted first goes.
func (s *State) PutDeleted(d *Directory, deleted *directory.DeletedUser) {
	d.deleted.ids.Set(deleted)
	d.deleted.order.Set(deleted)
	if deleted.Expires != 0 {
		s.deletedEnd.Set(deleted)
	}
	if oldest, _ := d.deleted.order.Min(); d.deleted.order.Len() > directory.MaxDeletedUsers {
		s.EraseDeleted(d, oldest)
	}
}

// DropDeleted takes a user out of those that may be restored.
func (s *State) DropDeleted(d *Directory, deleted *directory.DeletedUser) {
	d.deleted.ids.Delete(deleted)
	d.deleted.order.Delete(deleted)
	s.deletedEnd.Delete(deleted)
}

// EraseDeleted forgets a deleted user for good: it was erased, or its time is over.
func (s *State) EraseDeleted(d *Directory, deleted *directory.DeletedUser) {
	s.DropDeleted(d, deleted)
	d.ForgetSignIns(deleted.User.ID)
}

func (s *State) sweepDeleted(limit int) {
	for range limit {
		deleted, ok := s.deletedEnd.Min()
		if !ok || !deleted.Expired(s.at) {
			return
		}
		s.deletedEnd.Delete(deleted)
		if d, ok := s.Write(deleted.Organization); ok {
			s.EraseDeleted(d, deleted)
		}
	}
}

func encodeDeleted(w *wire.Writer, deleted *directory.DeletedUser) {
	w.Text(string(deleted.Organization))
	encodeNumbers(w, deleted.Groups)
	w.Uint(deleted.Seq)
	w.Int(int64(deleted.Deleted))
	w.Int(int64(deleted.Expires))
	w.Text(deleted.Actor)
	w.Part(func(w *wire.Writer) { encodeUser(w, deleted.User) })
}

func decodeDeleted(r *wire.Reader) *directory.DeletedUser {
	deleted := &directory.DeletedUser{
		Organization: directory.OrganizationID(r.Text()),
		Groups:       decodeNumbers(r),
		Seq:          r.Uint(),
		Deleted:      directory.Time(r.Int()),
		Expires:      directory.Time(r.Int()),
		Actor:        r.Text(),
	}
	r.Part(func(r *wire.Reader) { deleted.User = decodeUser(r) })
	return deleted
}

func (c *checker) deleted(v *View, d *Directory) {
	for deleted := range d.deleted.order.all() {
		u := deleted.User
		same(c, "deleted users by id", d.deleted.ids, deleted)
		if deleted.Expires != 0 {
			same(c, "deleted users by end", v.deletedEnd, deleted)
		}
		c.holds(deleted.Organization == d.org.ID, "deleted user %s is filed under another organization", u.ID)
		c.holds(deleted.Seq <= v.seq, "user %s is deleted in the future", u.ID)
		c.number(d, u.ID, u.Number)
		_, taken := d.Number(u.ID)
		c.holds(!taken, "deleted user %s is there", u.ID)
		_, user := d.UserByNumber(u.Number)
		_, group := d.GroupByNumber(u.Number)
		c.holds(!user && !group, "number %d is of a deleted user and of another", u.Number)
	}
	c.equal("deleted users by id", d.deleted.ids.Len(), d.deleted.order.Len())
	c.holds(d.deleted.order.Len() <= directory.MaxDeletedUsers, "organization %s has too many deleted users", d.org.ID)
}
