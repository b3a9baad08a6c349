package command

import (
	"math"

	"domicile/directory"
	"domicile/fsm/wire"
)

// PutSetupLink lets whoever has a link set up what an address signs in with. Of the links that work the newest
// directory.MaxSetupLinks stay. The credentials are made with Handle if there are none. The address must be something to the
// organization (state.Directory.Stands).
type PutSetupLink struct {
	Email   string
	Handle  string
	Hash    directory.Hash
	Expires directory.Time // at most directory.MaxLinkLife from now
}

// Kind implements Payload.
func (*PutSetupLink) Kind() Kind { return KindPutSetupLink }
func (p *PutSetupLink) encode(w *wire.Writer) {
	w.Text(p.Email)
	w.Text(p.Handle)
	w.Fixed(p.Hash[:])
	w.Int(int64(p.Expires))
}

func (p *PutSetupLink) decode(r *wire.Reader) {
	p.Email = r.Text()
	p.Handle = r.Text()
	r.Fixed(p.Hash[:])
	p.Expires = directory.Time(r.Int())
}

// Setup says by what right credentials are changed.
type Setup struct {
	Link directory.Hash // of the set-up link, which is used up (KindStale if it is not good); zero: whoever asks is signed in
	Next directory.Hash // of the link to go on with, which expires with Link; zero: none
}

func (s *Setup) encode(w *wire.Writer) {
	w.Fixed(s.Link[:])
	w.Fixed(s.Next[:])
}

func (s *Setup) decode(r *wire.Reader) {
	r.Fixed(s.Link[:])
	r.Fixed(s.Next[:])
}

// PutPasskey adds a passkey to an address's credentials, which are made with Handle if there are none. A credential id
// belongs to one address in the region. The address must be something to the organization (state.Directory.Stands). Set-up
// links that are not used are void from then on.
type PutPasskey struct {
	Setup
	Email  string
	Handle string
	directory.Passkey
}

// Kind implements Payload.
func (*PutPasskey) Kind() Kind { return KindPutPasskey }
func (p *PutPasskey) encode(w *wire.Writer) {
	p.Setup.encode(w)
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
	p.Setup.decode(r)
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

// DeleteCredentials removes all that an address signs in with here, and ends the sessions that it opened.
type DeleteCredentials struct {
	Email string
}

// Kind implements Payload.
func (*DeleteCredentials) Kind() Kind              { return KindDeleteCredentials }
func (p *DeleteCredentials) encode(w *wire.Writer) { w.Text(p.Email) }
func (p *DeleteCredentials) decode(r *wire.Reader) { p.Email = r.Text() }

// PutRecovery replaces an address's recovery codes; its credentials are made with Handle if there are none. Address and links
// are as of PutPasskey.
type PutRecovery struct {
	Setup
	Email  string
	Handle string
	Hashes []directory.Hash
}

// Kind implements Payload.
func (*PutRecovery) Kind() Kind { return KindPutRecovery }
func (p *PutRecovery) encode(w *wire.Writer) {
	p.Setup.encode(w)
	w.Text(p.Email)
	w.Text(p.Handle)
	wire.List(w, p.Hashes, func(w *wire.Writer, hash *directory.Hash) { w.Fixed(hash[:]) })
}

func (p *PutRecovery) decode(r *wire.Reader) {
	p.Setup.decode(r)
	p.Email = r.Text()
	p.Handle = r.Text()
	p.Hashes = wire.ReadList(r, func(r *wire.Reader, hash *directory.Hash) { r.Fixed(hash[:]) })
}

// CountAttempt counts one try at something that can be guessed, for each of a few keys. If a key has no try left, it is
// refused (KindTooLarge) and counts for none. The header's organization may be empty.
type CountAttempt struct {
	Counts  []AttemptCount // 1 to directory.MaxAttemptCounts
	Expires directory.Time // of the counts that begin with it
	// Void is a stranger's try, which cannot succeed: it counts for nothing and takes as long as others.
	Void bool
}

// AttemptCount is a key, and how many tries it allows.
type AttemptCount struct {
	Key   directory.Hash
	Limit int
}

// Kind implements Payload.
func (*CountAttempt) Kind() Kind { return KindCountAttempt }
func (p *CountAttempt) encode(w *wire.Writer) {
	wire.List(w, p.Counts, func(w *wire.Writer, c *AttemptCount) {
		w.Fixed(c.Key[:])
		w.Int(int64(c.Limit))
	})
	w.Int(int64(p.Expires))
	w.Bool(p.Void)
}

func (p *CountAttempt) decode(r *wire.Reader) {
	p.Counts = wire.ReadList(r, func(r *wire.Reader, c *AttemptCount) {
		r.Fixed(c.Key[:])
		c.Limit = int(r.Int())
	})
	p.Expires = directory.Time(r.Int())
	p.Void = r.Bool()
}
