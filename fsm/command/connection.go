package command

import (
	"domicile/directory"
	"domicile/fsm/wire"
	"domicile/seal"
)

// PutConnection makes or replaces an OpenID Connect connection of the header's organization. An (issuer, client id) pair
// belongs to one connection in the region. Turning a connection off ends the sessions that came through it; another issuer
// or client id ends them too and unties the identities, because a subject means nothing elsewhere.
type PutConnection struct {
	ID            directory.ConnectionID
	ExpectVersion uint64 // 0: whatever it is, or new; otherwise it must exist
	Issuer        string
	ClientID      string
	ClientSecret  seal.Sealed
	AuthMethod    directory.AuthMethod
	Scopes        []string
	Enabled       bool
}

// Kind implements Payload.
func (*PutConnection) Kind() Kind { return KindPutConnection }
func (p *PutConnection) encode(w *wire.Writer) {
	w.Text(string(p.ID))
	w.Uint(p.ExpectVersion)
	w.Text(p.Issuer)
	w.Text(p.ClientID)
	w.Blob(p.ClientSecret)
	w.Text(string(p.AuthMethod))
	wire.Texts(w, p.Scopes)
	w.Bool(p.Enabled)
}

func (p *PutConnection) decode(r *wire.Reader) {
	p.ID = directory.ConnectionID(r.Text())
	p.ExpectVersion = r.Uint()
	p.Issuer = r.Text()
	p.ClientID = r.Text()
	p.ClientSecret = seal.Sealed(r.Text())
	p.AuthMethod = directory.AuthMethod(r.Text())
	p.Scopes = wire.ReadTexts[string](r)
	p.Enabled = r.Bool()
}

// DeleteConnection removes a connection of the header's organization and ends the sessions that came through it.
type DeleteConnection struct{ ID directory.ConnectionID }

// Kind implements Payload.
func (*DeleteConnection) Kind() Kind              { return KindDeleteConnection }
func (p *DeleteConnection) encode(w *wire.Writer) { w.Text(string(p.ID)) }
func (p *DeleteConnection) decode(r *wire.Reader) { p.ID = directory.ConnectionID(r.Text()) }
