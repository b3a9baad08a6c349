package state

import (
	"iter"

	"domicile/directory"
	"domicile/fsm/wire"
)

// Link finds whom an identity at a provider is tied to.
func (d *Directory) Link(connection directory.ConnectionID, issuer, subject string) (*directory.Link, bool) {
	return d.links.Get(&directory.Link{Connection: connection, Issuer: issuer, Subject: subject})
}

// LinksOf iterates over the identities that are tied to a user.
func (d *Directory) LinksOf(user directory.ResourceID) iter.Seq[*directory.Link] {
	return while(d.linksUser.from(&directory.Link{User: user}), func(l *directory.Link) bool { return l.User == user })
}

// Links iterates over the organization's identities by connection, issuer and subject.
func (d *Directory) Links() iter.Seq[*directory.Link] { return d.links.all() }

func lessLink(a, b *directory.Link) bool {
	if a.Connection != b.Connection {
		return a.Connection < b.Connection
	}
	if a.Issuer != b.Issuer {
		return a.Issuer < b.Issuer
	}
	return a.Subject < b.Subject
}

// PutLink ties an identity to a user.
func (s *State) PutLink(d *Directory, link *directory.Link) {
	d.links.Set(link)
	d.linksUser.Set(link)
}

// DeleteLink unties an identity.
func (d *Directory) DeleteLink(link *directory.Link) {
	d.links.Delete(link)
	d.linksUser.Delete(link)
}

func encodeLink(w *wire.Writer, l *directory.Link) {
	w.Text(string(l.Connection))
	w.Text(l.Issuer)
	w.Text(l.Subject)
	w.Text(string(l.User))
	w.Int(int64(l.Created))
}

func decodeLink(r *wire.Reader) *directory.Link {
	return &directory.Link{
		Connection: directory.ConnectionID(r.Text()),
		Issuer:     r.Text(),
		Subject:    r.Text(),
		User:       directory.ResourceID(r.Text()),
		Created:    directory.Time(r.Int()),
	}
}
