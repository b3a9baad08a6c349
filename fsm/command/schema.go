package command

import "domicile/fsm/wire"

// PutSchema makes or replaces an extension schema of the header's organization. The resource of one that exists stays.
type PutSchema struct {
	URN           string
	ExpectVersion uint64 // 0: whatever it is, or new; otherwise it must exist
	Resource      string
	Document      string
}

// Kind implements Payload.
func (*PutSchema) Kind() Kind { return KindPutSchema }
func (p *PutSchema) encode(w *wire.Writer) {
	w.Text(p.URN)
	w.Uint(p.ExpectVersion)
	w.Text(p.Resource)
	w.Text(p.Document)
}

func (p *PutSchema) decode(r *wire.Reader) {
	p.URN = r.Text()
	p.ExpectVersion = r.Uint()
	p.Resource = r.Text()
	p.Document = r.Text()
}

// DeleteSchema removes an extension schema of the header's organization. It is refused (KindConflict) while a user or group
// holds values of it.
type DeleteSchema struct{ URN string }

// Kind implements Payload.
func (*DeleteSchema) Kind() Kind              { return KindDeleteSchema }
func (p *DeleteSchema) encode(w *wire.Writer) { w.Text(p.URN) }
func (p *DeleteSchema) decode(r *wire.Reader) { p.URN = r.Text() }
