package command

import (
	"math"

	"domicile/directory"
	"domicile/fsm/wire"
)

// RecordRefusals adds refused sign-ins to the log of the header's organization; what a door tells of one is At, Way, Reason,
// Reference, More, Connection, User, Email, Agent and Address. The ledger stamps the rest; a time to come becomes its own, and
// one that is too long ago directory.MaxRefusalAge ago. A row about a user who is gone is left out, and so is an address that
// is neither the root user's nor one of break glass. More than directory.MaxRefusalBatch rows are KindTooLarge, a row without a
// reason or a way is KindInvalid.
type RecordRefusals struct{ Rows []directory.SignIn }

// Kind implements Payload.
func (*RecordRefusals) Kind() Kind { return KindRecordRefusals }
func (p *RecordRefusals) encode(w *wire.Writer) {
	wire.List(w, p.Rows, func(w *wire.Writer, row *directory.SignIn) {
		w.Int(int64(row.At))
		w.Uint(uint64(row.Way))
		w.Text(row.Reason)
		w.Text(row.Reference)
		w.Uint(uint64(row.More))
		w.Text(string(row.Connection))
		w.Text(string(row.User))
		w.Text(row.Email)
		w.Text(row.Agent)
		w.Text(row.Address)
	})
}

func (p *RecordRefusals) decode(r *wire.Reader) {
	p.Rows = wire.ReadList(r, func(r *wire.Reader, row *directory.SignIn) {
		row.At = directory.Time(r.Int())
		row.Way = directory.SignInWay(min(r.Uint(), math.MaxUint8))
		row.Reason = r.Text()
		row.Reference = r.Text()
		row.More = int(min(r.Uint(), math.MaxInt32))
		row.Connection = directory.ConnectionID(r.Text())
		row.User = directory.ResourceID(r.Text())
		row.Email = r.Text()
		row.Agent = r.Text()
		row.Address = r.Text()
	})
}
