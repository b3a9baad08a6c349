package command

import (
	"math"

	"domicile/directory"
	"domicile/fsm/wire"
)

// PutPasskey adds a passkey to an address's credentials, which are made with Handle if there are none. A credential id
// belongs to one address in the region.
type PutPasskey struct {
	Email  string
	Handle string
	directory.Passkey
}

// Kind implements Payload.
func (*PutPasskey) Kind() Kind { return KindPutPasskey }
func (p *PutPasskey) encode(w *wire.Writer) {
	w.Text(p.Email)
	w.Text(p.Handle)
	w.Text(p.ID)
	w.Text(p.PublicKey)
	w.Uint(uint64(p.SignCount))
	w.Uint(uint64(p.Flags))
	w.Text(p.AAGUID)
	w.Text(p.Name)
}

func (p *PutPasskey) decode(r *wire.Reader) {
	p.Email = r.Text()
	p.Handle = r.Text()
	p.ID = r.Text()
	p.PublicKey = r.Text()
	p.SignCount = readUint32(r)
	p.Flags = uint8(min(r.Uint(), math.MaxUint8))
	p.AAGUID = r.Text()
	p.Name = r.Text()
}

func readUint32(r *wire.Reader) uint32 { return uint32(min(r.Uint(), math.MaxUint32)) }

// DeletePasskey removes a passkey from an address's credentials.
type DeletePasskey struct {
	Email string
	ID    string
}

// Kind implements Payload.
func (*DeletePasskey) Kind() Kind { return KindDeletePasskey }
func (p *DeletePasskey) encode(w *wire.Writer) {
	w.Text(p.Email)
	w.Text(p.ID)
}

func (p *DeletePasskey) decode(r *wire.Reader) {
	p.Email = r.Text()
	p.ID = r.Text()
}

// PutRecovery replaces an address's recovery codes; its credentials are made with Handle if there are none.
type PutRecovery struct {
	Email  string
	Handle string
	Hashes []directory.Hash
}

// Kind implements Payload.
func (*PutRecovery) Kind() Kind { return KindPutRecovery }
func (p *PutRecovery) encode(w *wire.Writer) {
	w.Text(p.Email)
	w.Text(p.Handle)
	wire.List(w, p.Hashes, func(w *wire.Writer, hash *directory.Hash) { w.Fixed(hash[:]) })
}

func (p *PutRecovery) decode(r *wire.Reader) {
	p.Email = r.Text()
	p.Handle = r.Text()
	p.Hashes = wire.ReadList(r, func(r *wire.Reader, hash *directory.Hash) { r.Fixed(hash[:]) })
}

// CountAttempt counts one try at something that can be guessed. Over Limit it is refused (KindTooLarge), and counts no
// more. The header's organization may be empty.
type CountAttempt struct {
	Key     directory.Hash
	Limit   int
	Expires directory.Time // of the count, if this is its first try
}

// Kind implements Payload.
func (*CountAttempt) Kind() Kind { return KindCountAttempt }
func (p *CountAttempt) encode(w *wire.Writer) {
	w.Fixed(p.Key[:])
	w.Int(int64(p.Limit))
	w.Int(int64(p.Expires))
}

func (p *CountAttempt) decode(r *wire.Reader) {
	r.Fixed(p.Key[:])
	p.Limit = int(r.Int())
	p.Expires = directory.Time(r.Int())
}
