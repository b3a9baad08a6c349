package state

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	"domicile/directory"
	"domicile/fsm/wire"
)

// AllConnections iterates over the connections of every organization by id.
func (t *tables) AllConnections() iter.Seq[*directory.Connection] { return t.connections.all() }

// Connections iterates over the OpenID Connect connections by id.
func (d *Directory) Connections() iter.Seq[*directory.Connection] { return d.connections.all() }

// Federated tells whether one of the connections is on, so that people can come through an identity provider.
func (d *Directory) Federated() bool {
	for connection := range d.Connections() {
		if connection.Enabled {
			return true
		}
	}
	return false
}

// MustUseProvider tells whether the organization wants people with this address to come through its identity provider.
func (d *Directory) MustUseProvider(email string) bool {
	_, domain, _ := strings.Cut(email, "@") // folded at the door, and not again here
	return d.org.SignIn.RequireSSO && slices.Contains(d.org.Domains, domain) && d.Federated()
}

// Connection finds a connection of this organization by its id.
func (d *Directory) Connection(id directory.ConnectionID) (*directory.Connection, bool) {
	return d.connections.Get(&directory.Connection{ID: id})
}

// ConnectionNaming finds the enabled connection that names a domain.
func (d *Directory) ConnectionNaming(domain string) (*directory.Connection, bool) {
	for connection := range d.Connections() {
		if connection.Enabled && slices.Contains(connection.Domains, domain) {
			return connection, true
		}
	}
	return nil, false
}

// ConnectionFor finds the connection for people with an address in a domain: the enabled one that names it, else the oldest that
// names none, else the oldest. A domain that is not the organization's says nothing, and finds the oldest.
func (d *Directory) ConnectionFor(domain string) (*directory.Connection, bool) {
	ours := slices.Contains(d.org.Domains, domain)
	rank := func(c *directory.Connection) int {
		switch {
		case !ours || slices.Contains(c.Domains, domain):
			return 0
		case len(c.Domains) == 0:
			return 1
		default:
			return 2
		}
	}
	var best *directory.Connection
	for c := range d.Connections() {
		if c.Enabled && (best == nil || cmp.Or(cmp.Compare(rank(c), rank(best)), cmp.Compare(c.Created, best.Created)) < 0) {
			best = c
		}
	}
	return best, best != nil
}

// Vouches tells whether a connection's provider may stand for addresses in a domain: one of the organization's, which the
// connection names, or which no enabled one names where it names none.
func (d *Directory) Vouches(connection *directory.Connection, domain string) bool {
	if !slices.Contains(d.org.Domains, domain) {
		return false
	}
	if len(connection.Domains) > 0 {
		return slices.Contains(connection.Domains, domain)
	}
	_, named := d.ConnectionNaming(domain)
	return !named
}

// PutConnection adds or replaces a connection.
func (s *State) PutConnection(d *Directory, connection *directory.Connection) {
	if old, ok := d.connections.Get(connection); ok {
		s.clients.Delete(old)
	}
	s.connections.Set(connection)
	s.clients.Set(connection)
	d.connections.Set(connection)
}

// DeleteConnection removes a connection with its links and ends the sessions that came through it.
func (s *State) DeleteConnection(d *Directory, connection *directory.Connection) {
	d.DeleteLinksThrough(connection.ID)
	s.DeleteSessionsThrough(d, connection.ID)
	s.connections.Delete(connection)
	s.clients.Delete(connection)
	d.connections.Delete(connection)
}

// DeleteLinksThrough unties every identity of a connection.
func (d *Directory) DeleteLinksThrough(id directory.ConnectionID) {
	for _, link := range slices.Collect(while(d.links.from(&directory.Link{Connection: id}),
		func(l *directory.Link) bool { return l.Connection == id })) {
		d.DeleteLink(link)
	}
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
	w.Later(func(w *wire.Writer) {
		encodeChoices(w, &c.ConnectionSettings)
		w.Int(int64(c.SecretExpires))
		w.Blob(c.PreviousSecret)
		w.Uint(uint64(c.Reminded))
		wire.Texts(w, c.Domains)
		w.Text(c.Algorithm)
		w.Text(c.AlgorithmOffered)
	})
}

func decodeConnection(r *wire.Reader) *directory.Connection {
	c := &directory.Connection{
		ID:           directory.ConnectionID(r.Text()),
		Organization: directory.OrganizationID(r.Text()),
		Issuer:       r.Text(),
		ClientID:     r.Text(),
		ClientSecret: r.Blob(),
	}
	c.AuthMethod = directory.AuthMethod(r.Text())
	c.Scopes = wire.ReadTexts[string](r)
	c.Enabled = r.Bool()
	c.Created = directory.Time(r.Int())
	c.Modified = directory.Time(r.Int())
	c.Version = r.Uint()
	decodeChoices(r, &c.ConnectionSettings)
	c.SecretExpires = directory.Time(r.Int())
	c.PreviousSecret = r.Blob()
	c.Reminded = readUint8(r)
	c.Domains = wire.ReadTexts[string](r)
	c.Algorithm = r.Text()
	c.AlgorithmOffered = r.Text()
	return c
}

// encodeChoices writes a connection's choices but for those that the first release had.
func encodeChoices(w *wire.Writer, s *directory.ConnectionSettings) {
	w.Text(string(s.ResponseMode))
	w.Text(s.Prompt)
	w.Int(s.MaxAge)
	wire.Texts(w, s.ACRValues)
	w.Bool(s.SharedRedirect)
	w.Bool(s.JustInTime)
	w.Bool(s.NamesIssuer)
}

func decodeChoices(r *wire.Reader, s *directory.ConnectionSettings) {
	s.ResponseMode = directory.ResponseMode(r.Text())
	s.Prompt = r.Text()
	s.MaxAge = r.Int()
	s.ACRValues = wire.ReadTexts[string](r)
	s.SharedRedirect = r.Bool()
	s.JustInTime = r.Bool()
	s.NamesIssuer = r.Bool()
}

// readUint8 reads a small number; a larger one is the largest, which no rule gives a meaning.
func readUint8(r *wire.Reader) uint8 { return uint8(min(r.Uint(), 0xff)) }
