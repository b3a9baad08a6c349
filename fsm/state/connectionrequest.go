package state

import (
	"iter"

	"domicile/directory"
	"domicile/fsm/wire"
)

// Requests iterates over the connection requests by id.
func (d *Directory) Requests() iter.Seq[*directory.ConnectionRequest] { return d.requests.all() }

// RequestCount counts the connection requests.
func (d *Directory) RequestCount() int { return d.requests.Len() }

// Request finds a connection request by its id.
func (d *Directory) Request(id directory.ConnectionRequestID) (*directory.ConnectionRequest, bool) {
	return d.requests.Get(&directory.ConnectionRequest{ID: id})
}

func lessRequest(a, b *directory.ConnectionRequest) bool { return a.ID < b.ID }

// PutRequest adds or replaces a connection request.
func (d *Directory) PutRequest(request *directory.ConnectionRequest) { d.requests.Set(request) }

// DeleteRequest removes a connection request.
func (d *Directory) DeleteRequest(request *directory.ConnectionRequest) { d.requests.Delete(request) }

func encodeConnectionRequest(w *wire.Writer, q *directory.ConnectionRequest) {
	w.Text(string(q.ID))
	w.Text(string(q.Organization))
	w.Text(string(q.Connection))
	w.Text(q.Issuer)
	w.Text(q.ClientID)
	w.Blob(q.ClientSecret)
	w.Int(int64(q.SecretExpires))
	w.Text(string(q.AuthMethod))
	wire.Texts(w, q.Scopes)
	encodeChoices(w, &q.ConnectionSettings)
	wire.Texts(w, q.Domains)
	wire.Texts(w, q.BreakGlass)
	w.Bool(q.Phone.MayChange)
	w.Bool(q.Phone.MustConfirm)
	w.Uint(uint64(q.State))
	w.Text(q.Note)
	w.Text(q.Author)
	w.Text(q.Reviewer)
	w.Int(int64(q.Created))
	w.Int(int64(q.Modified))
	w.Uint(q.Version)
}

func decodeConnectionRequest(r *wire.Reader) *directory.ConnectionRequest {
	q := &directory.ConnectionRequest{
		ID:           directory.ConnectionRequestID(r.Text()),
		Organization: directory.OrganizationID(r.Text()),
		Connection:   directory.ConnectionID(r.Text()),
	}
	q.Issuer = r.Text()
	q.ClientID = r.Text()
	q.ClientSecret = r.Blob()
	q.SecretExpires = directory.Time(r.Int())
	q.AuthMethod = directory.AuthMethod(r.Text())
	q.Scopes = wire.ReadTexts[string](r)
	decodeChoices(r, &q.ConnectionSettings)
	q.Domains = wire.ReadTexts[string](r)
	q.BreakGlass = wire.ReadTexts[string](r)
	q.Phone.MayChange = r.Bool()
	q.Phone.MustConfirm = r.Bool()
	q.State = directory.RequestState(readUint8(r))
	q.Note = r.Text()
	q.Author = r.Text()
	q.Reviewer = r.Text()
	q.Created = directory.Time(r.Int())
	q.Modified = directory.Time(r.Int())
	q.Version = r.Uint()
	return q
}

func (c *checker) requests(v *View, d *Directory) {
	inForce := make(map[directory.ConnectionID]bool)
	pending := make(map[directory.ConnectionID]bool)
	for q := range d.requests.all() {
		c.holds(q.Organization == d.org.ID, "connection request %s is filed under another organization", q.ID)
		c.holds(q.State.Valid() && q.Version <= v.seq, "connection request %s has no known state, or is of the future", q.ID)
		switch {
		case q.State == directory.RequestActive:
			_, ok := d.Connection(q.Connection)
			c.holds(ok && !inForce[q.Connection], "connection request %s is in force without a connection, or beside another", q.ID)
			inForce[q.Connection] = true
		case q.State.Editable():
			c.holds(!pending[q.Connection], "connection %s has two requests", q.Connection)
			pending[q.Connection] = true
		}
	}
	c.holds(d.requests.Len() <= directory.MaxRequests, "organization %s has too many connection requests", d.org.ID)
}
