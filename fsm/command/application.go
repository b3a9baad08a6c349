package command

import (
	"math"

	"domicile/directory"
	"domicile/fsm/wire"
	"domicile/seal"
)

// PutApplication makes or replaces an application of the region; the header names no organization.
type PutApplication struct {
	ID             directory.ApplicationID
	ExpectVersion  uint64 // 0: it must be new
	Name           string
	SecretHash     directory.Hash
	PreviousHash   directory.Hash
	RedirectURIs   []string
	LogoutURIs     []string
	BackChannelURI string
}

// Kind implements Payload.
func (*PutApplication) Kind() Kind { return KindPutApplication }
func (p *PutApplication) encode(w *wire.Writer) {
	w.Text(string(p.ID))
	w.Uint(p.ExpectVersion)
	w.Text(p.Name)
	w.Fixed(p.SecretHash[:])
	w.Fixed(p.PreviousHash[:])
	wire.Texts(w, p.RedirectURIs)
	wire.Texts(w, p.LogoutURIs)
	w.Text(p.BackChannelURI)
}

func (p *PutApplication) decode(r *wire.Reader) {
	p.ID = directory.ApplicationID(r.Text())
	p.ExpectVersion = r.Uint()
	p.Name = r.Text()
	r.Fixed(p.SecretHash[:])
	r.Fixed(p.PreviousHash[:])
	p.RedirectURIs = wire.ReadTexts[string](r)
	p.LogoutURIs = wire.ReadTexts[string](r)
	p.BackChannelURI = r.Text()
}

// DeleteApplication removes an application; sessions that it knows of stay.
type DeleteApplication struct{ ID directory.ApplicationID }

// Kind implements Payload.
func (*DeleteApplication) Kind() Kind              { return KindDeleteApplication }
func (p *DeleteApplication) encode(w *wire.Writer) { w.Text(string(p.ID)) }
func (p *DeleteApplication) decode(r *wire.Reader) { p.ID = directory.ApplicationID(r.Text()) }

// PutSigningKey adds a signing key of the region. Expect is the id of the newest key of the use that the proposer saw, empty
// for none: where another one came first the command is KindStale, so that a key is made once.
type PutSigningKey struct {
	ID      string
	Use     directory.KeyUse
	Private seal.Sealed
	Public  string
	Expect  string
}

// Kind implements Payload.
func (*PutSigningKey) Kind() Kind { return KindPutSigningKey }
func (p *PutSigningKey) encode(w *wire.Writer) {
	w.Text(p.ID)
	w.Text(string(p.Use))
	w.Blob(p.Private)
	w.Text(p.Public)
	w.Text(p.Expect)
}

func (p *PutSigningKey) decode(r *wire.Reader) {
	p.ID = r.Text()
	p.Use = directory.KeyUse(r.Text())
	p.Private = r.Blob()
	p.Public = r.Text()
	p.Expect = r.Text()
}

// PutProvider keeps one of the documents in which an issuer speaks about itself. Seen is the hash of the text that the proposer
// saw kept: where it is another by now the command is KindStale, so that what moved is told once, whichever nodes ask. A document
// that was had before the kept one changes nothing; nor does one without a change, soon after (directory.ProviderDocument).
type PutProvider struct {
	Issuer   string
	Document directory.ProviderDocument
	Seen     directory.Hash // zero: none was kept
	Text     string         // empty: the one that is kept was had again
	Fetched  directory.Time
	Life     directory.Time
	Moves    []directory.ProviderMove // between the kept text and this one; their time is that of the document
}

// Kind implements Payload.
func (*PutProvider) Kind() Kind { return KindPutProvider }
func (p *PutProvider) encode(w *wire.Writer) {
	w.Text(p.Issuer)
	w.Uint(uint64(p.Document))
	w.Fixed(p.Seen[:])
	w.Text(p.Text)
	w.Int(int64(p.Fetched))
	w.Int(int64(p.Life))
	wire.List(w, p.Moves, func(w *wire.Writer, m *directory.ProviderMove) {
		w.Text(m.Endpoint)
		w.Text(m.From)
		w.Text(m.To)
	})
}

func (p *PutProvider) decode(r *wire.Reader) {
	p.Issuer = r.Text()
	p.Document = directory.ProviderDocument(min(r.Uint(), math.MaxUint8))
	r.Fixed(p.Seen[:])
	p.Text = r.Text()
	p.Fetched = directory.Time(r.Int())
	p.Life = directory.Time(r.Int())
	p.Moves = wire.ReadList(r, func(r *wire.Reader, m *directory.ProviderMove) {
		m.Endpoint = r.Text()
		m.From = r.Text()
		m.To = r.Text()
	})
}
