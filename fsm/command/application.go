package command

import (
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

// PutProvider keeps what an issuer said about itself. Of the two times the older side of what is there stays: a document
// that was fetched before the kept one changes nothing. An empty document leaves the kept one as it is.
type PutProvider struct {
	Issuer      string
	Metadata    string
	Keys        string
	Fetched     directory.Time
	KeysFetched directory.Time
}

// Kind implements Payload.
func (*PutProvider) Kind() Kind { return KindPutProvider }
func (p *PutProvider) encode(w *wire.Writer) {
	w.Text(p.Issuer)
	w.Text(p.Metadata)
	w.Text(p.Keys)
	w.Int(int64(p.Fetched))
	w.Int(int64(p.KeysFetched))
}

func (p *PutProvider) decode(r *wire.Reader) {
	p.Issuer = r.Text()
	p.Metadata = r.Text()
	p.Keys = r.Text()
	p.Fetched = directory.Time(r.Int())
	p.KeysFetched = directory.Time(r.Int())
}
