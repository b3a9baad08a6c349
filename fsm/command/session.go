package command

import (
	"domicile/directory"
	"domicile/fsm/wire"
)

// OpenSession signs a person in: it consumes the login transaction (a second use is KindReplayed), ties the identity to
// the user where it was not yet tied, and opens the session, all in one step. The user must be active and the connection
// enabled and at the version under which the sign-in began. A refused sign-in consumes nothing.
type OpenSession struct {
	ID                directory.SessionID
	Hash              directory.Hash // of the session cookie
	User              directory.ResourceID
	Connection        directory.ConnectionID
	ConnectionVersion uint64
	Transaction       directory.Hash // of the login transaction's id
	TransactionExpiry directory.Time // until when the transaction may be used, and is remembered once used
	Lifetime          int64          // microseconds from the leader's stamp
	Issuer            string
	Subject           string
}

// Kind implements Payload.
func (*OpenSession) Kind() Kind { return KindOpenSession }
func (p *OpenSession) encode(w *wire.Writer) {
	w.Text(string(p.ID))
	w.Fixed(p.Hash[:])
	w.Text(string(p.User))
	w.Text(string(p.Connection))
	w.Uint(p.ConnectionVersion)
	w.Fixed(p.Transaction[:])
	w.Int(int64(p.TransactionExpiry))
	w.Int(p.Lifetime)
	w.Text(p.Issuer)
	w.Text(p.Subject)
}

func (p *OpenSession) decode(r *wire.Reader) {
	p.ID = directory.SessionID(r.Text())
	r.Fixed(p.Hash[:])
	p.User = directory.ResourceID(r.Text())
	p.Connection = directory.ConnectionID(r.Text())
	p.ConnectionVersion = r.Uint()
	r.Fixed(p.Transaction[:])
	p.TransactionExpiry = directory.Time(r.Int())
	p.Lifetime = r.Int()
	p.Issuer = r.Text()
	p.Subject = r.Text()
}

// CloseSession ends one session; one that is not there is a no-op.
type CloseSession struct{ Hash directory.Hash }

// Kind implements Payload.
func (*CloseSession) Kind() Kind              { return KindCloseSession }
func (p *CloseSession) encode(w *wire.Writer) { w.Fixed(p.Hash[:]) }
func (p *CloseSession) decode(r *wire.Reader) { r.Fixed(p.Hash[:]) }
