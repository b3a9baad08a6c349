package command

import (
	"domicile/directory"
	"domicile/fsm/wire"
)

// CreateClient adds an OAuth 2.0 client to the header's organization. The id must be free in the region.
type CreateClient struct {
	ID           directory.ClientID
	Name         string
	SecretHash   directory.Hash
	RedirectURIs []string
}

// Kind implements Payload.
func (*CreateClient) Kind() Kind { return KindCreateClient }
func (p *CreateClient) encode(w *wire.Writer) {
	w.Text(string(p.ID))
	w.Text(p.Name)
	w.Fixed(p.SecretHash[:])
	wire.Texts(w, p.RedirectURIs)
}

func (p *CreateClient) decode(r *wire.Reader) {
	p.ID = directory.ClientID(r.Text())
	p.Name = r.Text()
	r.Fixed(p.SecretHash[:])
	p.RedirectURIs = wire.ReadTexts[string](r)
}

// DeleteClient removes a client of the header's organization and its tokens.
type DeleteClient struct{ ID directory.ClientID }

// Kind implements Payload.
func (*DeleteClient) Kind() Kind              { return KindDeleteClient }
func (p *DeleteClient) encode(w *wire.Writer) { w.Text(string(p.ID)) }
func (p *DeleteClient) decode(r *wire.Reader) { p.ID = directory.ClientID(r.Text()) }
