package command

import (
	"math"
	"strings"

	"domicile/directory"
	"domicile/fsm/wire"
)

func encodeNote(w *wire.Writer, n *directory.SyncNote) {
	w.Uint(uint64(n.Method))
	w.Text(n.Request)
	w.Text(n.Client)
	w.Text(n.Operations)
	wire.Texts(w, n.Changes)
	wire.Texts(w, n.Courtesies)
}

func decodeNote(r *wire.Reader) directory.SyncNote {
	return directory.SyncNote{
		Method:     directory.SyncMethod(min(r.Uint(), math.MaxUint8)),
		Request:    r.Text(),
		Client:     r.Text(),
		Operations: r.Text(),
		Changes:    wire.ReadTexts[string](r),
		Courtesies: wire.ReadTexts[string](r),
	}
}

// writeNote writes a command's note behind its length; none is a length of zero.
func writeNote(w *wire.Writer, n *directory.SyncNote) {
	if n == nil {
		w.Uint(0)
		return
	}
	w.Part(func(w *wire.Writer) { encodeNote(w, n) })
}

// readNote reads what writeNote wrote. The note shares memory with nothing else.
func readNote(r *wire.Reader) (*directory.SyncNote, error) {
	body := r.Text()
	if body == "" {
		return nil, nil
	}
	part := wire.NewReader(strings.Clone(body))
	note := decodeNote(part)
	return &note, part.Done()
}

// AppendSyncLog adds rows to the sync log of the header's organization: what no command carried a note of. The ledger
// stamps Seq and Ordinal, gives a row without a time (or with one to come) its own, and the header's Actor to a row without;
// texts are cut as directory.SyncRow.Fit does. More than directory.MaxSyncBatch rows are KindTooLarge.
type AppendSyncLog struct{ Rows []directory.SyncRow }

// Kind implements Payload.
func (*AppendSyncLog) Kind() Kind { return KindAppendSyncLog }
func (p *AppendSyncLog) encode(w *wire.Writer) {
	wire.List(w, p.Rows, func(w *wire.Writer, row *directory.SyncRow) {
		w.Int(int64(row.At))
		w.Text(row.Actor)
		w.Text(row.Resource)
		w.Text(string(row.ID))
		w.Text(row.Name)
		w.Uint(uint64(row.Status))
		w.Bool(row.Changed)
		w.Text(row.Detail)
		w.Text(row.ScimType)
		w.Part(func(w *wire.Writer) { encodeNote(w, &row.SyncNote) })
		w.Text(row.Document)
	})
}

func (p *AppendSyncLog) decode(r *wire.Reader) {
	p.Rows = wire.ReadList(r, func(r *wire.Reader, row *directory.SyncRow) {
		row.At = directory.Time(r.Int())
		row.Actor = r.Text()
		row.Resource = r.Text()
		row.ID = directory.ResourceID(r.Text())
		row.Name = r.Text()
		row.Status = int(min(r.Uint(), math.MaxUint16))
		row.Changed = r.Bool()
		row.Detail = r.Text()
		row.ScimType = r.Text()
		r.Part(func(r *wire.Reader) { row.SyncNote = decodeNote(r) })
		row.Document = r.Text()
	})
}

// MarkNotified notes that the owners of the header's organization were told of this many failures, counted as
// directory.SyncCounts.Failures. Fewer than were told before is a no-op, more than there were is KindInvalid.
type MarkNotified struct{ Failures uint64 }

// Kind implements Payload.
func (*MarkNotified) Kind() Kind              { return KindMarkNotified }
func (p *MarkNotified) encode(w *wire.Writer) { w.Uint(p.Failures) }
func (p *MarkNotified) decode(r *wire.Reader) { p.Failures = r.Uint() }
