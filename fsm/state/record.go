package state

import (
	"strings"

	"domicile/directory"
	"domicile/fsm/wire"
	"domicile/seal"
)

// A record's bytes in a snapshot. Like commands, they may only be appended to.

func encodeOrganization(w *wire.Writer, d *Directory) {
	o := d.org
	w.Text(string(o.ID))
	w.Uint(uint64(d.next))
	w.Text(o.Slug)
	w.Text(o.Name)
	wire.Texts(w, o.Domains)
	w.Text(o.RootEmail)
	w.Text(string(o.Profile))
	w.Int(int64(o.Created))
	w.Int(int64(o.Modified))
	w.Uint(o.Version)
	w.Uint(uint64(o.SCIM))
	w.Bool(o.SCIMPaused)
	w.Text(o.Principal)
	w.Uint(uint64(o.DeletePolicy))
	w.Bool(o.SingleToken)
	w.Text(o.Plan)
	w.Uint(d.schemasVersion)
	encodeSyncCounts(w, &d.sync.counts)
}

func decodeOrganization(r *wire.Reader) *Directory {
	d := newDirectory(&directory.Organization{ID: directory.OrganizationID(r.Text())})
	d.next = directory.Number(r.Uint())
	o := d.org
	o.Slug = r.Text()
	o.Name = r.Text()
	o.Domains = wire.ReadTexts[string](r)
	o.RootEmail = r.Text()
	o.Profile = directory.Profile(r.Text())
	o.Created = directory.Time(r.Int())
	o.Modified = directory.Time(r.Int())
	o.Version = r.Uint()
	o.SCIM = directory.ProvisioningState(r.Uint())
	o.SCIMPaused = r.Bool()
	o.Principal = r.Text()
	o.DeletePolicy = directory.DeletePolicy(r.Uint())
	o.SingleToken = r.Bool()
	o.Plan = r.Text()
	d.schemasVersion = r.Uint()
	d.sync.counts = decodeSyncCounts(r)
	return d
}

func encodeUser(w *wire.Writer, u *directory.User) {
	w.Text(string(u.ID))
	w.Uint(uint64(u.Number))
	w.Uint(uint64(u.Source))
	w.Bool(u.Active)
	w.Text(u.UserName)
	w.Text(u.UserNameKey)
	w.Text(u.ExternalID)
	w.Text(u.DisplayName)
	wire.Texts(w, u.Emails)
	w.Text(u.Attributes)
	w.Int(int64(u.Created))
	w.Int(int64(u.Modified))
	w.Uint(u.Version)
}

func decodeUser(r *wire.Reader) *directory.User {
	return &directory.User{
		ID:          directory.ResourceID(r.Text()),
		Number:      directory.Number(r.Uint()),
		Source:      directory.Source(r.Uint()),
		Active:      r.Bool(),
		UserName:    r.Text(),
		UserNameKey: r.Text(),
		ExternalID:  r.Text(),
		DisplayName: r.Text(),
		Emails:      wire.ReadTexts[string](r),
		Attributes:  r.Text(),
		Created:     directory.Time(r.Int()),
		Modified:    directory.Time(r.Int()),
		Version:     r.Uint(),
	}
}

func encodeGroup(w *wire.Writer, d *Directory, g *directory.Group) {
	w.Text(string(g.ID))
	w.Uint(uint64(g.Number))
	w.Uint(uint64(g.Source))
	w.Text(g.DisplayName)
	w.Text(g.DisplayNameKey)
	w.Text(g.ExternalID)
	w.Text(g.Attributes)
	w.Int(int64(g.Created))
	w.Int(int64(g.Modified))
	w.Uint(g.Version)
	members := wire.NewWriter(nil)
	count, last := uint64(0), directory.Number(0)
	for n := range d.MembersOf(g.Number) {
		members.Uint(uint64(n - last))
		count, last = count+1, n
	}
	w.Uint(count)
	w.Fixed(members.Bytes())
}

// decodeGroup copies the texts, because those of the frame share memory with the list of members, which may be long.
func decodeGroup(r *wire.Reader) (*directory.Group, []directory.Number) {
	g := &directory.Group{
		ID:             directory.ResourceID(strings.Clone(r.Text())),
		Number:         directory.Number(r.Uint()),
		Source:         directory.Source(r.Uint()),
		DisplayName:    strings.Clone(r.Text()),
		DisplayNameKey: strings.Clone(r.Text()),
		ExternalID:     strings.Clone(r.Text()),
		Attributes:     strings.Clone(r.Text()),
		Created:        directory.Time(r.Int()),
		Modified:       directory.Time(r.Int()),
		Version:        r.Uint(),
	}
	members := make([]directory.Number, r.Count())
	last := directory.Number(0)
	for i := range members {
		last += directory.Number(r.Uint())
		members[i] = last
	}
	return g, members
}

func encodeConnection(w *wire.Writer, c *directory.Connection) {
	w.Text(string(c.ID))
	w.Text(string(c.Organization))
	w.Text(c.Issuer)
	w.Text(c.ClientID)
	w.Blob(c.ClientSecret)
	w.Text(string(c.AuthMethod))
	wire.Texts(w, c.Scopes)
	w.Bool(c.Enabled)
	w.Int(int64(c.Created))
	w.Int(int64(c.Modified))
	w.Uint(c.Version)
}

func decodeConnection(r *wire.Reader) *directory.Connection {
	return &directory.Connection{
		ID:           directory.ConnectionID(r.Text()),
		Organization: directory.OrganizationID(r.Text()),
		Issuer:       r.Text(),
		ClientID:     r.Text(),
		ClientSecret: seal.Sealed(r.Text()),
		AuthMethod:   directory.AuthMethod(r.Text()),
		Scopes:       wire.ReadTexts[string](r),
		Enabled:      r.Bool(),
		Created:      directory.Time(r.Int()),
		Modified:     directory.Time(r.Int()),
		Version:      r.Uint(),
	}
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

func encodeSession(w *wire.Writer, s *directory.Session) {
	w.Text(string(s.ID))
	w.Fixed(s.Hash[:])
	w.Text(string(s.Organization))
	w.Text(string(s.User))
	w.Uint(uint64(s.UserNumber))
	w.Text(string(s.Connection))
	w.Int(int64(s.Created))
	w.Int(int64(s.Expires))
}

func decodeSession(r *wire.Reader) *directory.Session {
	s := &directory.Session{ID: directory.SessionID(r.Text())}
	r.Fixed(s.Hash[:])
	s.Organization = directory.OrganizationID(r.Text())
	s.User = directory.ResourceID(r.Text())
	s.UserNumber = directory.Number(r.Uint())
	s.Connection = directory.ConnectionID(r.Text())
	s.Created = directory.Time(r.Int())
	s.Expires = directory.Time(r.Int())
	return s
}
