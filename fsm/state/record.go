package state

import (
	"strings"

	"domicile/directory"
	"domicile/fsm/wire"
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
	w.Later(func(w *wire.Writer) {
		w.Int(int64(o.SignIn.SessionLifetime))
		w.Int(int64(o.SignIn.SessionIdle))
		w.Bool(o.SignIn.RequireSSO)
		wire.Texts(w, o.BreakGlass)
		w.Bool(o.Phone.MayChange)
		w.Bool(o.Phone.MustConfirm)
	})
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
	o.SignIn.SessionLifetime = directory.Time(r.Int())
	o.SignIn.SessionIdle = directory.Time(r.Int())
	o.SignIn.RequireSSO = r.Bool()
	o.BreakGlass = wire.ReadTexts[string](r)
	o.Phone.MayChange = r.Bool()
	o.Phone.MustConfirm = r.Bool()
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
