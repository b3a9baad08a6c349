package command

import (
	"math"

	"domicile/directory"
	"domicile/fsm/wire"
)

// MaxErrandIDs bounds the errands that one command strikes off.
const MaxErrandIDs = 1000

// FinishErrands strikes off what was delivered, or given up; what is not there is passed over. The header names no
// organization.
type FinishErrands struct{ IDs []directory.ErrandID }

// Kind implements Payload.
func (*FinishErrands) Kind() Kind { return KindFinishErrands }
func (p *FinishErrands) encode(w *wire.Writer) {
	wire.List(w, p.IDs, func(w *wire.Writer, id *directory.ErrandID) {
		w.Uint(id.Seq)
		w.Uint(uint64(id.Ordinal))
	})
}

func (p *FinishErrands) decode(r *wire.Reader) {
	p.IDs = wire.ReadList(r, func(r *wire.Reader, id *directory.ErrandID) {
		id.Seq = r.Uint()
		id.Ordinal = uint32(min(r.Uint(), math.MaxUint32))
	})
}
