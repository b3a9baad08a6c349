package command

import (
	"domicile/directory"
	"domicile/fsm/wire"
)

// CreateToken adds a SCIM bearer token to the header's organization. Id and hash must be free.
type CreateToken struct {
	ID      directory.TokenID
	Hash    directory.Hash
	Name    string
	Hint    string
	Expires directory.Time // 0: never
}

// Kind implements Payload.
func (*CreateToken) Kind() Kind { return KindCreateToken }
func (p *CreateToken) encode(w *wire.Writer) {
	w.Text(string(p.ID))
	w.Fixed(p.Hash[:])
	w.Text(p.Name)
	w.Text(p.Hint)
	w.Int(int64(p.Expires))
}

func (p *CreateToken) decode(r *wire.Reader) {
	p.ID = directory.TokenID(r.Text())
	r.Fixed(p.Hash[:])
	p.Name = r.Text()
	p.Hint = r.Text()
	p.Expires = directory.Time(r.Int())
}

// RevokeToken removes a token of the header's organization; it is refused everywhere as soon as this applies.
type RevokeToken struct{ ID directory.TokenID }

// Kind implements Payload.
func (*RevokeToken) Kind() Kind              { return KindRevokeToken }
func (p *RevokeToken) encode(w *wire.Writer) { w.Text(string(p.ID)) }
func (p *RevokeToken) decode(r *wire.Reader) { p.ID = directory.TokenID(r.Text()) }
