package command

import (
	"math"

	"domicile/directory"
	"domicile/fsm/wire"
	"domicile/seal"
)

// PutConnection makes or replaces an OpenID Connect connection of the header's organization. An (issuer, client id) pair
// belongs to one connection in the region, and a domain to one enabled connection of the organization. Turning a connection off
// ends the sessions that came through it; another issuer or client id ends them too and unties the identities, because a subject
// means nothing elsewhere.
type PutConnection struct {
	ID            directory.ConnectionID
	ExpectVersion uint64 // 0: whatever it is, or new; otherwise it must exist
	Issuer        string
	ClientID      string
	ClientSecret  seal.Sealed
	directory.ConnectionSettings
	Enabled        bool
	SecretExpires  directory.Time
	PreviousSecret seal.Sealed
	Domains        []string
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
	w.Later(func(w *wire.Writer) {
		encodeSettingsLater(w, &p.ConnectionSettings)
		w.Int(int64(p.SecretExpires))
		w.Blob(p.PreviousSecret)
		wire.Texts(w, p.Domains)
	})
}

func (p *PutConnection) decode(r *wire.Reader) {
	p.ID = directory.ConnectionID(r.Text())
	p.ExpectVersion = r.Uint()
	p.Issuer = r.Text()
	p.ClientID = r.Text()
	p.ClientSecret = r.Blob()
	p.AuthMethod = directory.AuthMethod(r.Text())
	p.Scopes = wire.ReadTexts[string](r)
	p.Enabled = r.Bool()
	decodeSettingsLater(r, &p.ConnectionSettings)
	p.SecretExpires = directory.Time(r.Int())
	p.PreviousSecret = r.Blob()
	p.Domains = wire.ReadTexts[string](r)
}

// encodeSettingsLater writes the choices that came after the first release.
func encodeSettingsLater(w *wire.Writer, s *directory.ConnectionSettings) {
	w.Text(string(s.ResponseMode))
	w.Text(s.Prompt)
	w.Int(s.MaxAge)
	wire.Texts(w, s.ACRValues)
	w.Bool(s.SharedRedirect)
	w.Bool(s.JustInTime)
	w.Bool(s.NamesIssuer)
}

func decodeSettingsLater(r *wire.Reader, s *directory.ConnectionSettings) {
	s.ResponseMode = directory.ResponseMode(r.Text())
	s.Prompt = r.Text()
	s.MaxAge = r.Int()
	s.ACRValues = wire.ReadTexts[string](r)
	s.SharedRedirect = r.Bool()
	s.JustInTime = r.Bool()
	s.NamesIssuer = r.Bool()
}

// DeleteConnection removes a connection of the header's organization and ends the sessions that came through it.
type DeleteConnection struct{ ID directory.ConnectionID }

// Kind implements Payload.
func (*DeleteConnection) Kind() Kind              { return KindDeleteConnection }
func (p *DeleteConnection) encode(w *wire.Writer) { w.Text(string(p.ID)) }
func (p *DeleteConnection) decode(r *wire.Reader) { p.ID = directory.ConnectionID(r.Text()) }

// DeleteLink unties an identity of the header's organization from its user and ends the user's sessions that came through
// the connection.
type DeleteLink struct {
	Connection directory.ConnectionID
	Issuer     string
	Subject    string
}

// Kind implements Payload.
func (*DeleteLink) Kind() Kind { return KindDeleteLink }
func (p *DeleteLink) encode(w *wire.Writer) {
	w.Text(string(p.Connection))
	w.Text(p.Issuer)
	w.Text(p.Subject)
}

func (p *DeleteLink) decode(r *wire.Reader) {
	p.Connection = directory.ConnectionID(r.Text())
	p.Issuer = r.Text()
	p.Subject = r.Text()
}

// OfferAlgorithm notes that a connection's provider signed a token, good otherwise, with another algorithm than the one that the
// connection keeps to, and makes the errand. One that was noted already, or that the connection keeps to, is a no-op; so is any
// for a connection that keeps to none.
type OfferAlgorithm struct {
	Connection directory.ConnectionID
	Algorithm  string
}

// Kind implements Payload.
func (*OfferAlgorithm) Kind() Kind { return KindOfferAlgorithm }
func (p *OfferAlgorithm) encode(w *wire.Writer) {
	w.Text(string(p.Connection))
	w.Text(p.Algorithm)
}

func (p *OfferAlgorithm) decode(r *wire.Reader) {
	p.Connection = directory.ConnectionID(r.Text())
	p.Algorithm = r.Text()
}

// PinAlgorithm is a person's answer to an offer: the connection keeps to the algorithm that was offered, or goes on with its own
// and the offer is forgotten, or, with none, takes that of the next sign-in. Any other is KindConflict.
type PinAlgorithm struct {
	Connection directory.ConnectionID
	Algorithm  string
}

// Kind implements Payload.
func (*PinAlgorithm) Kind() Kind { return KindPinAlgorithm }
func (p *PinAlgorithm) encode(w *wire.Writer) {
	w.Text(string(p.Connection))
	w.Text(p.Algorithm)
}

func (p *PinAlgorithm) decode(r *wire.Reader) {
	p.Connection = directory.ConnectionID(r.Text())
	p.Algorithm = r.Text()
}

// RemindSecret notes that a reminder about a connection's client secret is on its way, and makes the errand. Stage is the
// number of reminders sent with it; one that was noted before is a no-op.
type RemindSecret struct {
	Connection directory.ConnectionID
	Stage      uint8
}

// Kind implements Payload.
func (*RemindSecret) Kind() Kind { return KindRemindSecret }
func (p *RemindSecret) encode(w *wire.Writer) {
	w.Text(string(p.Connection))
	w.Uint(uint64(p.Stage))
}

func (p *RemindSecret) decode(r *wire.Reader) {
	p.Connection = directory.ConnectionID(r.Text())
	p.Stage = uint8(min(r.Uint(), math.MaxUint8))
}
