package state

import (
	"iter"
	"math"
	"slices"

	"domicile/directory"
	"domicile/fsm/wire"
)

// signIns are the two logs of an organization's sign-ins, each of which pushes out its own rows only.
type signIns struct {
	made    tree[*directory.SignIn] // by (seq, ordinal)
	refused tree[*directory.SignIn] // by (seq, ordinal)
	user    tree[*directory.SignIn] // of both, those about a user, by (user, seq, ordinal)
}

func newSignIns() signIns {
	return signIns{newTree(lessSignIn), newTree(lessSignIn), newTree(func(a, b *directory.SignIn) bool {
		return a.User < b.User || a.User == b.User && lessSignIn(a, b)
	})}
}

func lessSignIn(a, b *directory.SignIn) bool {
	return a.Seq < b.Seq || a.Seq == b.Seq && a.Ordinal < b.Ordinal
}

func (l *signIns) copy() signIns { return signIns{l.made.copy(), l.refused.copy(), l.user.copy()} }

// log is the one of the two that a row belongs into.
func (l *signIns) log(row *directory.SignIn) tree[*directory.SignIn] {
	if row.Refused() {
		return l.refused
	}
	return l.made
}

func (l *signIns) put(row *directory.SignIn) {
	l.log(row).Set(row)
	if row.User != "" {
		l.user.Set(row)
	}
}

func (l *signIns) drop(row *directory.SignIn) {
	l.log(row).Delete(row)
	l.user.Delete(row)
}

// trim drops the oldest rows of a log that are too many, or too old.
func (l *signIns) trim(log tree[*directory.SignIn], most int, now directory.Time) {
	for {
		oldest, ok := log.Min()
		if !ok || log.Len() <= most && now < oldest.At+directory.SignInLife {
			return
		}
		l.drop(oldest)
	}
}

// SignIns iterates over the sign-ins of an organization, newest first.
func (d *Directory) SignIns() iter.Seq[*directory.SignIn] { return d.signIns.made.backwards() }

// Refusals iterates over the refused sign-ins of an organization, the last to be written down first.
func (d *Directory) Refusals() iter.Seq[*directory.SignIn] { return d.signIns.refused.backwards() }

// SignInsAndRefusals iterates over both in the order in which they were written down, newest first.
func (d *Directory) SignInsAndRefusals() iter.Seq[*directory.SignIn] {
	return func(yield func(*directory.SignIn) bool) {
		next, stop := iter.Pull(d.Refusals())
		defer stop()
		refused, more := next()
		for row := range d.SignIns() {
			for ; more && lessSignIn(row, refused); refused, more = next() {
				if !yield(refused) {
					return
				}
			}
			if !yield(row) {
				return
			}
		}
		for ; more; refused, more = next() {
			if !yield(refused) {
				return
			}
		}
	}
}

// SignInCounts counts the sign-ins and the refusals of an organization.
func (d *Directory) SignInCounts() (made, refused int) {
	return d.signIns.made.Len(), d.signIns.refused.Len()
}

// AppendSignIn adds a row, which must be the newest, and brings both logs back within their bounds.
func (d *Directory) AppendSignIn(row *directory.SignIn, now directory.Time) {
	d.signIns.put(row)
	d.signIns.trim(d.signIns.made, directory.MaxSignIns, now)
	d.signIns.trim(d.signIns.refused, directory.MaxRefusals, now)
}

// ForgetSignIns removes the rows about a user, who is gone for good.
func (d *Directory) ForgetSignIns(user directory.ResourceID) {
	rows := while(d.signIns.user.from(&directory.SignIn{User: user}), func(row *directory.SignIn) bool { return row.User == user })
	for _, row := range slices.Collect(rows) {
		d.signIns.drop(row)
	}
}

func encodeSignIn(w *wire.Writer, row *directory.SignIn) {
	w.Uint(row.Seq)
	w.Uint(uint64(row.Ordinal))
	w.Int(int64(row.At))
	w.Uint(uint64(row.Way))
	w.Text(row.Reason)
	w.Text(row.Reference)
	w.Uint(uint64(row.More))
	w.Text(string(row.Connection))
	w.Text(string(row.User))
	w.Text(string(row.Session))
	w.Text(row.Email)
	w.Bool(row.Linked)
	w.Text(row.Agent)
	w.Text(row.Address)
}

func decodeSignIn(r *wire.Reader) *directory.SignIn {
	return &directory.SignIn{
		Seq:        r.Uint(),
		Ordinal:    uint32(min(r.Uint(), math.MaxUint32)),
		At:         directory.Time(r.Int()),
		Way:        directory.SignInWay(min(r.Uint(), math.MaxUint8)),
		Reason:     r.Text(),
		Reference:  r.Text(),
		More:       int(min(r.Uint(), math.MaxInt32)),
		Connection: directory.ConnectionID(r.Text()),
		User:       directory.ResourceID(r.Text()),
		Session:    directory.SessionID(r.Text()),
		Email:      r.Text(),
		Linked:     r.Bool(),
		Agent:      r.Text(),
		Address:    r.Text(),
	}
}

func (c *checker) signIns(v *View, d *Directory) {
	l, users := &d.signIns, 0
	for row := range d.SignInsAndRefusals() {
		c.holds(row.Seq <= v.seq, "sign-in %d is of the future", row.Seq)
		c.holds(row.Way.Valid(), "sign-in %d came by door %d", row.Seq, row.Way)
		if row.User == "" {
			continue
		}
		users++
		same(c, "sign-ins by user", l.user, row)
		_, user := d.User(row.User)
		_, deleted := d.DeletedUser(row.User)
		c.holds(user || deleted, "sign-in %d is of user %s, who is gone", row.Seq, row.User)
	}
	c.equal("sign-ins by user", l.user.Len(), users)
	c.holds(l.made.Len() <= directory.MaxSignIns && l.refused.Len() <= directory.MaxRefusals,
		"organization %s has too many sign-ins", d.org.ID)
}
