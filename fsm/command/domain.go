package command

import (
	"domicile/fsm/wire"
)

// PutDomain claims a domain for the header's organization, with a new challenge. The claim of a domain that is verified
// already is a no-op.
type PutDomain struct {
	Name      string
	Challenge string
}

// Kind implements Payload.
func (*PutDomain) Kind() Kind { return KindPutDomain }
func (p *PutDomain) encode(w *wire.Writer) {
	w.Text(p.Name)
	w.Text(p.Challenge)
}

func (p *PutDomain) decode(r *wire.Reader) {
	p.Name = r.Text()
	p.Challenge = r.Text()
}

// LookDomain notes what a look at a claimed domain's record found. The first find makes the domain one of the
// organization's; it is refused (KindConflict) while the domain belongs to another organization. Misses for long enough
// take it away again.
type LookDomain struct {
	Name      string
	Challenge string // that was looked for; another one than the claim's makes this a no-op
	Found     bool
}

// Kind implements Payload.
func (*LookDomain) Kind() Kind { return KindLookDomain }
func (p *LookDomain) encode(w *wire.Writer) {
	w.Text(p.Name)
	w.Text(p.Challenge)
	w.Bool(p.Found)
}

func (p *LookDomain) decode(r *wire.Reader) {
	p.Name = r.Text()
	p.Challenge = r.Text()
	p.Found = r.Bool()
}

// DeleteDomain gives up a claim; a verified domain is the organization's no more.
type DeleteDomain struct{ Name string }

// Kind implements Payload.
func (*DeleteDomain) Kind() Kind              { return KindDeleteDomain }
func (p *DeleteDomain) encode(w *wire.Writer) { w.Text(p.Name) }
func (p *DeleteDomain) decode(r *wire.Reader) { p.Name = r.Text() }
