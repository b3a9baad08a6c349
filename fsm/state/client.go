package state

import (
	"iter"
	"slices"

	"domicile/directory"
	"domicile/fsm/wire"
)

// Client finds an OAuth 2.0 client of any organization.
func (t *tables) Client(id directory.ClientID) (*directory.Client, bool) {
	return t.oauthClients.Get(&directory.Client{ID: id})
}

// Clients iterates over the OAuth 2.0 clients by id.
func (d *Directory) Clients() iter.Seq[*directory.Client] { return d.oauthClients.all() }

// ClientCount counts the OAuth 2.0 clients.
func (d *Directory) ClientCount() int { return d.oauthClients.Len() }

// Client finds an OAuth 2.0 client of this organization by its id.
func (d *Directory) Client(id directory.ClientID) (*directory.Client, bool) {
	return d.oauthClients.Get(&directory.Client{ID: id})
}

func lessClient(a, b *directory.Client) bool { return a.ID < b.ID }

// PutClient adds a client to its organization.
func (s *State) PutClient(d *Directory, client *directory.Client) {
	s.oauthClients.Set(client)
	d.oauthClients.Set(client)
}

// DeleteClient removes a client and its tokens.
func (s *State) DeleteClient(d *Directory, client *directory.Client) {
	for _, kind := range []directory.TokenKind{directory.TokenAccess, directory.TokenRefresh} {
		for _, token := range slices.Collect(d.TokensOf(kind, client.ID)) {
			s.DeleteToken(token)
		}
	}
	s.oauthClients.Delete(client)
	d.oauthClients.Delete(client)
}

func encodeClient(w *wire.Writer, c *directory.Client) {
	w.Text(string(c.ID))
	w.Text(string(c.Organization))
	w.Text(c.Name)
	w.Fixed(c.SecretHash[:])
	wire.Texts(w, c.RedirectURIs)
	w.Int(int64(c.Created))
	w.Uint(c.Version)
}

func decodeClient(r *wire.Reader) *directory.Client {
	c := &directory.Client{
		ID: directory.ClientID(r.Text()), Organization: directory.OrganizationID(r.Text()), Name: r.Text(),
	}
	r.Fixed(c.SecretHash[:])
	c.RedirectURIs = wire.ReadTexts[string](r)
	c.Created = directory.Time(r.Int())
	c.Version = r.Uint()
	return c
}
