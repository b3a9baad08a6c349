package command

import (
	"math"

	"domicile/directory"
	"domicile/fsm/wire"
)

// PutRequest makes or changes a connection request of the header's organization. A changed one is a draft again.
type PutRequest struct {
	ID            directory.ConnectionRequestID
	ExpectVersion uint64 // 0: it must be new
	Connection    directory.ConnectionID
	directory.RequestChoices
}

// Kind implements Payload.
func (*PutRequest) Kind() Kind { return KindPutRequest }
func (p *PutRequest) encode(w *wire.Writer) {
	w.Text(string(p.ID))
	w.Uint(p.ExpectVersion)
	w.Text(string(p.Connection))
	w.Text(p.Issuer)
	w.Text(p.ClientID)
	w.Blob(p.ClientSecret)
	w.Int(int64(p.SecretExpires))
	w.Text(string(p.AuthMethod))
	wire.Texts(w, p.Scopes)
	encodeSettingsLater(w, &p.ConnectionSettings)
	wire.Texts(w, p.Domains)
	wire.Texts(w, p.BreakGlass)
	w.Bool(p.Phone.MayChange)
	w.Bool(p.Phone.MustConfirm)
}

func (p *PutRequest) decode(r *wire.Reader) {
	p.ID = directory.ConnectionRequestID(r.Text())
	p.ExpectVersion = r.Uint()
	p.Connection = directory.ConnectionID(r.Text())
	p.Issuer = r.Text()
	p.ClientID = r.Text()
	p.ClientSecret = r.Blob()
	p.SecretExpires = directory.Time(r.Int())
	p.AuthMethod = directory.AuthMethod(r.Text())
	p.Scopes = wire.ReadTexts[string](r)
	decodeSettingsLater(r, &p.ConnectionSettings)
	p.Domains = wire.ReadTexts[string](r)
	p.BreakGlass = wire.ReadTexts[string](r)
	p.Phone.MayChange = r.Bool()
	p.Phone.MustConfirm = r.Bool()
}

// StepRequest takes a connection request to its next state, see directory.RequestState.May. The step to active puts the
// request's choices in force: the connection (enabled), the organization's break-glass addresses and telephone policy. The
// step to disabled turns the connection off.
type StepRequest struct {
	ID            directory.ConnectionRequestID
	ExpectVersion uint64 // 0: whatever it is
	To            directory.RequestState
	Note          string // the reviewer's words
}

// Kind implements Payload.
func (*StepRequest) Kind() Kind { return KindStepRequest }
func (p *StepRequest) encode(w *wire.Writer) {
	w.Text(string(p.ID))
	w.Uint(p.ExpectVersion)
	w.Uint(uint64(p.To))
	w.Text(p.Note)
}

func (p *StepRequest) decode(r *wire.Reader) {
	p.ID = directory.ConnectionRequestID(r.Text())
	p.ExpectVersion = r.Uint()
	p.To = directory.RequestState(min(r.Uint(), math.MaxUint8))
	p.Note = r.Text()
}

// DeleteRequest removes a connection request that is not in force.
type DeleteRequest struct{ ID directory.ConnectionRequestID }

// Kind implements Payload.
func (*DeleteRequest) Kind() Kind              { return KindDeleteRequest }
func (p *DeleteRequest) encode(w *wire.Writer) { w.Text(string(p.ID)) }
func (p *DeleteRequest) decode(r *wire.Reader) { p.ID = directory.ConnectionRequestID(r.Text()) }
