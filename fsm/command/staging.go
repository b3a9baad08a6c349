package command

import (
	"domicile/directory"
	"domicile/fsm/wire"
)

// StageMembers adds a part to a staged change of the header's organization, which it makes where there is none. The change
// does nothing until a CreateGroup or UpdateGroup names it; it is forgotten directory.StagedLife after its last part. An
// unknown id in Add is KindInvalid, one in Remove is left out; over a bound of package directory it is KindTooLarge.
type StageMembers struct {
	Change directory.ChangeID
	Add    []directory.ResourceID
	Remove []directory.ResourceID
}

// Kind implements Payload.
func (*StageMembers) Kind() Kind { return KindStageMembers }
func (p *StageMembers) encode(w *wire.Writer) {
	w.Fixed(p.Change[:])
	wire.Texts(w, p.Add)
	wire.Texts(w, p.Remove)
}

func (p *StageMembers) decode(r *wire.Reader) {
	r.Fixed(p.Change[:])
	p.Add = wire.ReadTexts[directory.ResourceID](r)
	p.Remove = wire.ReadTexts[directory.ResourceID](r)
}
